"""From one decoded resource to rows of evidence: which element says what, when it was, when it was known.

Source: HL7 FHIR R4 resource definitions; `decisions/0003-archive.md` says where a choice was made. A row is
(codes, time, end, known_at, value, unit, comparator, status, source), times in microseconds UTC, so that
the same row becomes an Event for one patient and a line of columns for a population.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Raw

from salus.core import codes
from salus.core.addresses import parted
from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Value
from salus.record import fhir_types as t
from salus.record.fhir_certainty import certainty
from salus.record.fhir_effective import first, last, observed, start
from salus.record.fhir_orders import holds
from salus.record.fhir_stays import disposition
from salus.record.fhir_terms import (
    NO_CONCEPT,
    Concept,
    answer,
    canonical,
    concept,
    diagnosed,
    drug,
    observed_as,
    referred,
    unit,
)
from salus.record.fhir_time import When, when
from salus.record.fhir_types import NOTHING, Period, says
from salus.record.fhir_values import valuation

Row = tuple[
    tuple[str, ...], int | None, int | None, int | None, Value, str | None, str | None, str | None, str
]
Rows = list[Row]

# FHIR R4 medicationrequest-intent of what nobody has ordered: it then stands in place of the status.
_NOT_ORDERED = frozenset({"proposal", "plan", "option"})
_NEVER: tuple[None, None, None] = (None, None, None)


def _plain(raw: Raw) -> str | None:
    """Return the first code of a status that is a CodeableConcept."""
    found = concept(bytes(raw)).plain
    return found[0] if found else None


def _at(moment: When | None) -> int | None:
    return None if moment is None else moment.start


def _known(*moments: When | None) -> int | None:
    for moment in moments:
        if moment is not None:
            return moment.known
    return None


# --- one function a type -------------------------------------------------------------------------


def understood(raw: Raw) -> None:
    """Refuse a modifier extension: it may turn the meaning of the resource into its opposite."""
    if says(raw):
        raise EvidenceError("modifierExtension that Salus does not know: it may reverse the meaning")


def _observation(r: t.Observation, source: str) -> Rows:
    if r.code is NOTHING:
        raise EvidenceError("no code")
    if says(r.focus):
        raise EvidenceError("focus: it was observed on something or somebody else than the patient")
    time, end, known = observed(r)
    value, in_unit, comparator = valuation(r)
    status = r.status
    found = observed_as(bytes(r.code), "Observation")
    rows: Rows = [(found, time, end, known, value, in_unit, comparator, status, source)]
    if r.component:
        for part in r.component:
            if part.modifierExtension is not NOTHING:
                understood(part.modifierExtension)
            value, in_unit, comparator = valuation(part)
            found = observed_as(bytes(part.code), "Observation.component")
            rows.append((found, time, end, known, value, in_unit, comparator, status, source))
    return rows


def _patient(r: t.Patient, source: str) -> Rows:
    sex = r.gender if r.gender in ("male", "female", "other") else "unknown"
    rows: Rows = [((codes.SEX,), None, None, None, sex, None, None, None, source)]
    if r.birthDate is not None:
        born = when(r.birthDate)
        rows.append(((codes.BIRTH,), born.start, born.end, None, None, None, None, None, source))
    if r.deceasedDateTime is not None or r.deceasedBoolean:
        died = first(r.deceasedDateTime)
        end = None if died is None else died.end
        row = ((codes.DEATH,), _at(died), end, _known(died), None, None, None, None, source)
        rows.append(row)
    return rows


def is_abated(r: t.Condition) -> bool:
    """Whether it says that it is over in a way that gives no date."""
    return any(map(says, (r.abatementAge, r.abatementRange, r.abatementString)))


def _condition(r: t.Condition, source: str) -> Rows:
    onset = first(r.onsetDateTime, start(r.onsetPeriod))
    recorded = first(r.recordedDate)
    over = r.abatementPeriod or (Period(end=r.abatementDateTime) if r.abatementDateTime else None)
    status = certainty(bytes(r.verificationStatus), bytes(r.clinicalStatus), is_abated(r))
    known = _known(recorded, onset)
    said = concept(bytes(r.code))
    # Behind its codes stand its words: a subtype coded in SNOMED CT can be told by them alone.
    worded = drug(bytes(r.code))[len(said.codes) :]
    return [
        (
            (*(said.codes or ("Condition",)), *worded),
            _at(onset or recorded),
            last(over),
            known,
            said.wording,
            None,
            None,
            status,
            source,
        )
    ]


def _allergy(r: t.AllergyIntolerance, source: str) -> Rows:
    onset = first(r.onsetDateTime, start(r.onsetPeriod))
    recorded = first(r.recordedDate)
    status = certainty(bytes(r.verificationStatus), bytes(r.clinicalStatus))
    said = concept(bytes(r.code))
    known = _known(recorded, onset)
    return [
        (
            said.codes or ("AllergyIntolerance",),
            _at(onset or recorded),
            None,
            known,
            said.wording,
            None,
            None,
            status,
            source,
        )
    ]


def _encounter(r: t.Encounter, source: str) -> Rows:
    time, _, known = first(start(r.period)) or _NEVER
    said = dict.fromkeys(concept(bytes(r.kind)).codes + concept(bytes(r.type)).codes)
    # Behind its class and types stands why it was, in codes and in words.
    found = (*(said or ("Encounter",)), *drug(bytes(r.reasonCode)), *diagnosed(bytes(r.diagnosis)))
    over = last(r.period)
    rows: Rows = [(found, time, over, known, None, None, None, r.status, source)]
    ended = disposition(r.hospitalization)
    if ended is not None:
        rows.append(((codes.DISPOSITION,), over, None, over, ended, None, None, r.status, source))
    return rows


def _drug(r: t.Medicated) -> tuple[str, ...]:
    """Return the codes and wording of the drug, or the reference to a Medication that may have them."""
    found = drug(bytes(r.medicationCodeableConcept))
    if found:
        return found
    named = r.medicationReference
    if named is None:
        return (r.resourceType,)
    told = named.reference or r.resourceType
    return referred(told if parted(told)[0] else canonical(told), named.display)


def ordered(r: t.MedicationRequest) -> str | None:
    """Return the status of an order, or the intent of what is none: a proposal, a plan, an option."""
    return r.intent if r.intent in _NOT_ORDERED else r.status


def _request(r: t.MedicationRequest, source: str) -> Rows:
    written, at_latest, known = _NEVER if r.authoredOn is None else when(r.authoredOn)
    time, end = holds(r, written, at_latest)
    status = "do-not-perform" if r.doNotPerform else ordered(r)
    return [(_drug(r), time, end, known, None, None, None, status, source)]


def _administration(r: t.MedicationAdministration, source: str) -> Rows:
    span = r.effectivePeriod
    moment = first(r.effectiveDateTime, start(span)) or _NEVER
    value, in_unit = dose(r)
    return [(_drug(r), moment[0], last(span), moment[2], value, in_unit, None, r.status, source)]


def dose(r: t.MedicationAdministration) -> tuple[Value, str | None]:
    """Return the dose given and its unit, where the record has a number."""
    given = None if r.dosage is None else r.dosage.dose
    if given is None or given.value is None:
        return None, None
    return given.value, unit(given)


def _dispense(r: t.MedicationDispense, source: str) -> Rows:
    time, _, known = first(r.whenHandedOver, r.whenPrepared) or _NEVER
    return [(_drug(r), time, None, known, None, None, None, r.status, source)]


def _statement(r: t.MedicationStatement, source: str) -> Rows:
    told = first(r.dateAsserted)
    taken = first(r.effectiveDateTime, start(r.effectivePeriod))
    time, end, known = _at(taken or told), last(r.effectivePeriod), _known(told, taken)
    return [(_drug(r), time, end, known, None, None, None, r.status, source)]


def _procedure(r: t.Procedure, source: str) -> Rows:
    done = first(r.performedDateTime, start(r.performedPeriod))
    end = last(r.performedPeriod) if r.performedPeriod is not None else (done.end if done else None)
    said = concept(bytes(r.code))
    # Behind its codes stand its words: what a site's own code means is told by them alone.
    worded = drug(bytes(r.code))[len(said.codes) :]
    return [
        (
            (*(said.codes or ("Procedure",)), *worded),
            _at(done),
            end,
            _known(done),
            said.wording,
            None,
            None,
            r.status,
            source,
        )
    ]


def _immunization(r: t.Immunization, source: str) -> Rows:
    given, recorded = first(r.occurrenceDateTime), first(r.recorded)
    end = None if given is None else given.end
    said = concept(bytes(r.vaccineCode))
    known = _known(recorded, given)
    return [
        (said.codes or ("Immunization",), _at(given), end, known, said.wording, None, None, r.status, source)
    ]


def _report(r: t.DiagnosticReport, source: str) -> Rows:
    span, issued = r.effectivePeriod, first(r.issued)
    moment = first(r.effectiveDateTime, start(span))
    end = last(span) if span is not None else (moment.end if moment else None)
    known = _known(issued, moment) if issued or span is None or end is None else end
    found = concept(bytes(r.code)).codes or ("DiagnosticReport",)
    concluded = answer(bytes(r.conclusionCode))
    return [(found, _at(moment), end, known, concluded, None, None, r.status, source)]


def _specimen(r: t.Specimen, source: str) -> Rows:
    got = r.collection or t.Collection()
    moment = first(got.collectedDateTime, start(got.collectedPeriod), r.receivedTime)
    end = last(got.collectedPeriod)
    said = concept(bytes(r.type))
    return [
        (
            said.codes or ("Specimen",),
            _at(moment),
            end,
            _known(moment),
            said.wording,
            None,
            None,
            r.status,
            source,
        )
    ]


def _every(said: Concept) -> tuple[str | None, ...]:
    """Return each coding, or the words where there is none: any of them may be the one that is understood."""
    return said.codes or (said.text,)


def _family(r: t.FamilyMemberHistory, source: str) -> Rows:
    """A relative's condition is the value and never the code, so that nobody takes it for the patient's."""
    told = first(r.date)
    who = drug(bytes(r.relationship)) or ("FamilyMemberHistory",)
    has: Iterable[Value] = [
        value for part in r.condition or () for value in _every(concept(bytes(part.code)))
    ] or [None]
    for part in r.condition or ():
        understood(part.modifierExtension)
    return [(who, _at(told), None, _known(told), what, None, None, r.status, source) for what in has]


# LOINC list codes and the SNOMED CT code that says "looked for, and nothing there" (as IPS uses them).
_NIL_KNOWN = {
    "LOINC/11450-4": "SNOMED/160245001",
    "LOINC/10160-0": "SNOMED/787481004",
    "LOINC/29549-3": "SNOMED/787481004",
    "LOINC/52471-0": "SNOMED/787481004",
    "LOINC/56445-0": "SNOMED/787481004",
    "LOINC/48765-2": "SNOMED/716186003",
}


def _list(r: t.Listed, source: str) -> Rows:
    made = first(r.date)
    found = concept(bytes(r.code)).codes or ("List",)
    value: Value = None
    why = _plain(r.emptyReason)
    if why == "nilknown":
        nil = tuple(_NIL_KNOWN[code] for code in found if code in _NIL_KNOWN)
        found = nil + found
    elif why is not None:
        value = Absence.WITHHELD if why == "withheld" else Absence.NOT_SENT
        value = Absence.NOT_MEASURED if why == "notasked" else value
    return [(found, _at(made), None, _known(made), value, None, None, r.status, source)]


def _other(r: t.Other, source: str) -> Rows:
    said = _told(r)
    dated = (r.authoredOn, r.started, r.startDate, r.authored, r.occurrenceDateTime, r.date, r.sent,
             r.created, r.issued, r.recordedDate, r.dateTime)  # fmt: skip
    period = r.period or r.performedPeriod
    moment = first(start(period), *dated)
    known = _known(first(r.issued, r.recordedDate, r.authoredOn), moment)
    status = "do-not-perform" if r.doNotPerform else (r.status or r.lifecycleStatus)
    found = said.codes or (r.resourceType,)
    return [(found, _at(moment), last(period), known, said.wording, None, None, status, source)]


def _told(r: t.Other) -> Concept:
    """Return the first element that says what it is; in some types these are no CodeableConcepts."""
    text = NO_CONCEPT
    for raw in (r.code, r.procedureCode, r.modality, r.type, r.category, r.serviceType, r.description):
        try:
            said = concept(bytes(raw))
        except EvidenceError:
            continue
        if said.codes:
            return said
        text = text if text.text else said
    return text


# Resource type -> (its struct, its rows). Every other type that names a patient is read as `Other`.
READERS: dict[str, tuple[type[Any], Callable[[Any, str], Rows]]] = {
    "Observation": (t.Observation, _observation),
    "Patient": (t.Patient, _patient),
    "Condition": (t.Condition, _condition),
    "AllergyIntolerance": (t.AllergyIntolerance, _allergy),
    "Encounter": (t.Encounter, _encounter),
    "MedicationRequest": (t.MedicationRequest, _request),
    "MedicationAdministration": (t.MedicationAdministration, _administration),
    "MedicationDispense": (t.MedicationDispense, _dispense),
    "MedicationStatement": (t.MedicationStatement, _statement),
    "Procedure": (t.Procedure, _procedure),
    "Immunization": (t.Immunization, _immunization),
    "DiagnosticReport": (t.DiagnosticReport, _report),
    "Specimen": (t.Specimen, _specimen),
    "FamilyMemberHistory": (t.FamilyMemberHistory, _family),
    "List": (t.Listed, _list),
}
OTHER: tuple[type[Any], Callable[[Any, str], Rows]] = (t.Other, _other)
