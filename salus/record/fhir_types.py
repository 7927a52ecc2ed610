"""The parts of FHIR R4 resources that become evidence, as msgspec structs: what is not named here is skipped.

Source: HL7 FHIR R4 (4.0.1), element names as in the standard. CodeableConcepts and References stay raw
bytes, since a record repeats few of them many times and `fhir_terms` remembers what each one means.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, field

NOTHING = Raw()
# What msgspec raises for bytes that are not what was asked for: the shape, the JSON, its depth, its UTF-8.
MALFORMED = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_EMPTY = (b"", b"null", b"[]")


def says(raw: Raw) -> bool:
    """Whether an element is there and holds anything: null and an empty list are nothing (FHIR R4 2.6.2)."""
    return raw is not NOTHING and b"".join(bytes(raw).split()) not in _EMPTY


class Reference(Struct, gc=False):
    """FHIR Reference; one that only has an identifier or a display points nowhere."""

    reference: str | None = None


class Period(Struct, gc=False):
    """FHIR Period."""

    start: str | None = None
    end: str | None = None


class Quantity(Struct, gc=False):
    """FHIR Quantity (and Age, SimpleQuantity)."""

    value: float | None = None
    unit: str | None = None
    code: str | None = None
    system: str | None = None
    comparator: str | None = None


class Range(Struct, gc=False):
    """FHIR Range."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct, gc=False):
    """FHIR Ratio."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class SampledData(Struct, gc=False):
    """FHIR SampledData; `origin` gives the unit."""

    origin: Quantity | None = None
    data: str | None = None


class Valued(Struct, gc=False):
    """value[x] and its absence, as Observation and its components share them."""

    code: Raw = NOTHING
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Raw = NOTHING
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: float | None = None
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueSampledData: SampledData | None = None
    valueTime: str | None = None
    valueDateTime: str | None = None
    valuePeriod: Period | None = None
    dataAbsentReason: Raw = NOTHING
    modifierExtension: Raw = NOTHING


class Timing(Struct, gc=False):
    """FHIR Timing: only the moments that it names."""

    event: list[str | None] | None = None


class Observation(Valued, gc=False):
    """Observation."""

    resourceType: str = ""
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    issued: str | None = None
    component: list[Valued] | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    focus: Raw = NOTHING
    implicitRules: str | None = None
    contained: list[Raw] | None = None
    effectiveTiming: Timing | None = None


class Resource(Struct, gc=False):
    """What all other types share."""

    resourceType: str = ""
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    code: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    implicitRules: str | None = None
    contained: list[Raw] | None = None


class Patient(Resource, gc=False):
    """Patient; deceasedBoolean without a date is a death without a date."""

    gender: str | None = None
    birthDate: str | None = None
    deceasedDateTime: str | None = None
    deceasedBoolean: bool | None = None


class Condition(Resource, gc=False):
    """Condition."""

    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    onsetDateTime: str | None = None
    recordedDate: str | None = None
    abatementDateTime: str | None = None
    onsetPeriod: Period | None = None
    abatementPeriod: Period | None = None
    abatementAge: Raw = NOTHING
    abatementRange: Raw = NOTHING
    abatementString: Raw = NOTHING


class AllergyIntolerance(Resource, gc=False):
    """AllergyIntolerance."""

    subject: Reference | None = field(default=None, name="patient")
    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    onsetDateTime: str | None = None
    recordedDate: str | None = None
    onsetPeriod: Period | None = None


class Encounter(Resource, gc=False):
    """Encounter; `kind` is its class."""

    kind: Raw = field(default=NOTHING, name="class")
    type: Raw = NOTHING
    reasonCode: Raw = NOTHING
    diagnosis: Raw = NOTHING
    hospitalization: Raw = NOTHING
    period: Period | None = None


class DoseAndMethod(Struct, gc=False):
    """MedicationAdministration.dosage."""

    dose: Quantity | None = None


class DrugReference(Struct, gc=False):
    """Reference to a Medication; what it is called here may be all that comes of it."""

    reference: str | None = None
    display: str | None = None


class Medicated(Resource, gc=False):
    """What MedicationRequest, -Administration, -Dispense and -Statement share: which drug."""

    medicationCodeableConcept: Raw = NOTHING
    medicationReference: DrugReference | None = None


class MedicationRequest(Medicated, gc=False):
    """MedicationRequest."""

    authoredOn: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None
    dosageInstruction: Raw = NOTHING
    dispenseRequest: Raw = NOTHING


class MedicationAdministration(Medicated, gc=False):
    """MedicationAdministration."""

    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dosage: DoseAndMethod | None = None


class MedicationDispense(Medicated, gc=False):
    """MedicationDispense."""

    whenHandedOver: str | None = None
    whenPrepared: str | None = None


class MedicationStatement(Medicated, gc=False):
    """MedicationStatement."""

    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None


class Procedure(Resource, gc=False):
    """Procedure."""

    performedDateTime: str | None = None
    performedPeriod: Period | None = None


class Immunization(Resource, gc=False):
    """Immunization."""

    subject: Reference | None = field(default=None, name="patient")
    vaccineCode: Raw = NOTHING
    occurrenceDateTime: str | None = None
    recorded: str | None = None


class DiagnosticReport(Resource, gc=False):
    """DiagnosticReport."""

    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    conclusionCode: Raw = NOTHING


class Collection(Struct, gc=False):
    """Specimen.collection."""

    collectedDateTime: str | None = None
    collectedPeriod: Period | None = None


class Specimen(Resource, gc=False):
    """Specimen."""

    type: Raw = NOTHING
    collection: Collection | None = None
    receivedTime: str | None = None


class Relative(Struct, gc=False):
    """FamilyMemberHistory.condition."""

    code: Raw = NOTHING
    modifierExtension: Raw = NOTHING


class FamilyMemberHistory(Resource, gc=False):
    """FamilyMemberHistory: what a relative has, never to be read as the patient's own."""

    subject: Reference | None = field(default=None, name="patient")
    relationship: Raw = NOTHING
    condition: list[Relative] | None = None
    date: str | None = None


class Listed(Resource, gc=False):
    """List; `emptyReason` says whether nothing is there or nobody looked."""

    date: str | None = None
    emptyReason: Raw = NOTHING
    entry: Raw = NOTHING


class Other(Resource, gc=False):
    """Every other type that may name a patient: the elements that say what, when and whose."""

    subject: Raw = NOTHING  # type: ignore[assignment]  # a list in some types
    patient: Raw = NOTHING
    beneficiary: Raw = NOTHING
    individual: Raw = NOTHING
    of: Raw = field(default=NOTHING, name="for")
    type: Raw = NOTHING
    category: Raw = NOTHING
    description: Raw = NOTHING
    modality: Raw = NOTHING
    procedureCode: Raw = NOTHING
    serviceType: Raw = NOTHING
    lifecycleStatus: str | None = None
    doNotPerform: bool | None = None
    period: Period | None = None
    performedPeriod: Period | None = None
    started: str | None = None
    startDate: str | None = None
    authoredOn: str | None = None
    authored: str | None = None
    created: str | None = None
    occurrenceDateTime: str | None = None
    recordedDate: str | None = None
    issued: str | None = None
    date: str | None = None
    sent: str | None = None
    dateTime: str | None = None


class Named(Struct, gc=False):
    """Only what kind of resource it is; asked before anything else of an unknown line.

    request: of what stands for a deleted resource (`fhir_bundle.entries`).
    """

    resourceType: str | None = None
    id: str | None = None
    request: Raw = NOTHING


class Whose(Struct, gc=False):
    """Only the elements that say of whom a resource is, whatever their shape."""

    subject: Raw = NOTHING
    patient: Raw = NOTHING
    beneficiary: Raw = NOTHING
    individual: Raw = NOTHING
    of: Raw = field(default=NOTHING, name="for")


class Stated(Struct, gc=False):
    """Only whether it takes itself back; asked of what cannot be decoded as a whole."""

    status: str | None = None
    verificationStatus: Raw = NOTHING


class Identifier(Struct, gc=False):
    """Identifier: under which system something is called what."""

    system: str | None = None
    value: str | None = None


class Medication(Struct, gc=False):
    """Medication: only its code and what it is called, for those that refer to it."""

    id: str | None = None
    code: Raw = NOTHING
    identifier: list[Identifier] | None = None


class Request(Struct, gc=False):
    """Bundle.entry.request."""

    method: str | None = None
    url: str | None = None


class Response(Struct, gc=False):
    """Bundle.entry.response: in a history, the version that the entry's request made."""

    lastModified: str | None = None
    etag: str | None = None


class Entry(Struct, gc=False):
    """Bundle.entry."""

    fullUrl: str | None = None
    resource: Raw = NOTHING
    request: Raw = NOTHING
    response: Raw = NOTHING


class Link(Struct, gc=False):
    """Bundle.link."""

    relation: str | None = None
    url: str | None = None


class Bundle(Struct, gc=False):
    """Bundle."""

    resourceType: str = ""
    type: str | None = None
    entry: list[Entry] | None = None
    link: list[Link] | None = None
