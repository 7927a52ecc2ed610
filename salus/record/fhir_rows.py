"""From one decoded resource to rows of evidence: which element says what, when it was, when it was known.

Source: HL7 FHIR R4 resource definitions; `decisions/0003-archive.md` says where a choice was made. A row is
(codes, time, end, known_at, value, unit, comparator, status, source), times in microseconds UTC, so that
the same row becomes an Event for one patient and a line of columns for a population.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw

from salus.core import codes
from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Value
from salus.record import fhir_types as t
from salus.record.fhir_terms import NO_CONCEPT, Concept, absence, concept, reference, unit
from salus.record.fhir_time import When, when
from salus.record.fhir_types import NOTHING, Period, Quantity

Row = tuple[
    tuple[str, ...], int | None, int | None, int | None, Value, str | None, str | None, str | None, str
]
Rows = list[Row]

# FHIR R4 ConditionVerificationStatus and AllergyIntoleranceVerificationStatus that cast doubt.
_DOUBTED = frozenset({"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"})
_NEVER = When(0, None, 0)
_dosage = msgspec.json.Decoder(t.DoseAndMethod).decode


def _said(raw: Raw) -> Concept:
    return NO_CONCEPT if raw is NOTHING else concept(bytes(raw))


def _plain(raw: Raw) -> str | None:
    """Return the first code of a status that is a CodeableConcept."""
    found = _said(raw).plain
    return found[0] if found else None


def _codes(kind: str, *raws: Raw) -> tuple[str, ...]:
    """Return every coding of the first concepts that have any; the type's own name when none has."""
    found = tuple(dict.fromkeys(code for raw in raws for code in _said(raw).codes))
    return found or (kind,)


def _wording(*raws: Raw) -> str | None:
    """Return the text of a concept without codes: it is evidence, but no code."""
    said = [_said(raw) for raw in raws]
    return None if any(one.codes for one in said) else next((one.text for one in said if one.text), None)


def _when(text: str | None) -> When | None:
    return None if text is None else when(text)


def _first(*texts: str | None) -> When | None:
    return next((when(text) for text in texts if text is not None), None)


def _start(period: Period | None) -> str | None:
    return None if period is None else period.start


def _last(period: Period | None) -> int | None:
    """Return the end of a period; a partial end date reaches to its last microsecond."""
    if period is None or period.end is None:
        return None
    end = when(period.end)
    return end.start if end.end is None else end.end


def _at(moment: When | None) -> int | None:
    return None if moment is None else moment.start


def _known(*moments: When | None) -> int | None:
    return next((moment.known for moment in moments if moment is not None), None)


# --- value[x] ------------------------------------------------------------------------------------


def _amount(quantity: Quantity | None) -> str:
    if quantity is None or quantity.value is None:
        return ""
    return f"{quantity.comparator or ''}{quantity.value!r} {unit(quantity) or ''}".strip()


def _range(low: Quantity | None, high: Quantity | None) -> tuple[Value, str | None, str | None]:
    """A range with one end is a bound; with two it stays in words, since an Event holds one number."""
    ends = [end for end in (low, high) if end is not None and end.value is not None]
    if len(ends) == 1:
        return ends[0].value, unit(ends[0]), ">=" if ends[0] is low else "<="
    if not ends:
        return None, None, None
    return f"{ends[0].value!r}..{ends[1].value!r}", unit(ends[0]), None


def _coded(said: Concept) -> str | None:
    return said.codes[0] if said.codes else said.text


def _uncommon(v: t.Valued) -> tuple[Value, str | None, str | None]:  # noqa: PLR0911 (one line a type)
    """Return (value, unit, comparator) of every value[x] but Quantity."""
    if v.valueCodeableConcept is not NOTHING:
        return _coded(concept(bytes(v.valueCodeableConcept))), None, None
    if v.valueString is not None:
        return v.valueString, None, None
    if v.valueInteger is not None:
        return v.valueInteger, None, None
    if v.valueBoolean is not None:
        return v.valueBoolean, None, None
    if v.valueRange is not None:
        return _range(v.valueRange.low, v.valueRange.high)
    if v.valueRatio is not None:
        # A titre of 1:128 is no 0.0078: a ratio stays in words.
        return f"{_amount(v.valueRatio.numerator)} : {_amount(v.valueRatio.denominator)}", None, None
    if v.valueSampledData is not None:
        origin = v.valueSampledData.origin
        return v.valueSampledData.data, unit(origin) if origin is not None else None, None
    if v.valuePeriod is not None:
        return f"{v.valuePeriod.start or ''}/{v.valuePeriod.end or ''}", None, None
    return v.valueTime or v.valueDateTime, None, None


def _value(v: t.Valued) -> tuple[Value, str | None, str | None]:
    quantity = v.valueQuantity
    if quantity is not None and quantity.value is not None:
        return quantity.value, unit(quantity), quantity.comparator
    found = _uncommon(v)
    if found[0] is None and v.dataAbsentReason is not NOTHING:
        return absence(bytes(v.dataAbsentReason)), None, None
    return found


# --- one function a type -------------------------------------------------------------------------


def understood(raw: Raw) -> None:
    """Refuse a modifier extension: it may turn the meaning of the resource into its opposite."""
    if raw is not NOTHING and bytes(raw).strip() not in (b"[]", b"null"):
        raise EvidenceError("modifierExtension that Salus does not know: it may reverse the meaning")


def _observation(r: t.Observation, source: str) -> Rows:
    if r.code is NOTHING:
        raise EvidenceError("no code")
    span = r.effectivePeriod
    moment = _first(r.effectiveDateTime, r.effectiveInstant, _start(span))
    time = end = known = None
    if moment is not None:
        time, end, known = moment
    if span is not None:
        end = _last(span)
        known = known if end is None else end
    if r.issued is not None:
        known = when(r.issued).known
    said = concept(bytes(r.code))
    value, in_unit, comparator = _value(r)
    status = r.status
    found = said.codes or ("Observation",)
    rows: Rows = [(found, time, end, known, value, in_unit, comparator, status, source)]
    if r.component:
        for part in r.component:
            understood(part.modifierExtension)
            value, in_unit, comparator = _value(part)
            found = _said(part.code).codes or ("Observation.component",)
            rows.append((found, time, end, known, value, in_unit, comparator, status, source))
    return rows


def _patient(r: t.Patient, source: str) -> Rows:
    sex = r.gender if r.gender in ("male", "female", "other") else "unknown"
    rows: Rows = [((codes.SEX,), None, None, None, sex, None, None, None, source)]
    if r.birthDate is not None:
        born = when(r.birthDate)
        rows.append(((codes.BIRTH,), born.start, born.end, None, None, None, None, None, source))
    if r.deceasedDateTime is not None or r.deceasedBoolean:
        died = _when(r.deceasedDateTime)
        end = None if died is None else died.end
        row = ((codes.DEATH,), _at(died), end, _known(died), None, None, None, None, source)
        rows.append(row)
    return rows


def _certainty(verification: Raw, clinical: Raw) -> str | None:
    doubt = _plain(verification)
    return doubt if doubt in _DOUBTED else _plain(clinical)


def _condition(r: t.Condition, source: str) -> Rows:
    onset = _first(r.onsetDateTime, _start(r.onsetPeriod))
    recorded = _when(r.recordedDate)
    over = r.abatementPeriod or (Period(end=r.abatementDateTime) if r.abatementDateTime else None)
    status = _certainty(r.verificationStatus, r.clinicalStatus)
    known = _known(recorded, onset)
    found, text = _codes("Condition", r.code), _wording(r.code)
    return [(found, _at(onset or recorded), _last(over), known, text, None, None, status, source)]


def _allergy(r: t.AllergyIntolerance, source: str) -> Rows:
    onset = _first(r.onsetDateTime, _start(r.onsetPeriod))
    recorded = _when(r.recordedDate)
    status = _certainty(r.verificationStatus, r.clinicalStatus)
    found, text = _codes("AllergyIntolerance", r.code), _wording(r.code)
    known = _known(recorded, onset)
    return [(found, _at(onset or recorded), None, known, text, None, None, status, source)]


def _encounter(r: t.Encounter, source: str) -> Rows:
    began = _when(_start(r.period))
    found = _codes("Encounter", r.kind, *(r.type or ()))
    return [(found, _at(began), _last(r.period), _known(began), None, None, None, r.status, source)]


def _medicated(r: t.Medicated, source: str) -> Rows:
    kind = r.resourceType
    found, text = _codes(kind, r.medicationCodeableConcept), _wording(r.medicationCodeableConcept)
    if found == (kind,) and r.medicationReference is not NOTHING:
        found = (reference(bytes(r.medicationReference)) or kind,)
    written = _first(r.authoredOn, r.dateAsserted)
    taken = _first(r.effectiveDateTime, _start(r.effectivePeriod), r.whenHandedOver, r.whenPrepared)
    value, in_unit = (text, None) if r.dosage is NOTHING else _dose(r.dosage, text)
    status = "do-not-perform" if r.doNotPerform else r.status
    time, end = _at(taken or written), _last(r.effectivePeriod)
    return [(found, time, end, _known(written, taken), value, in_unit, None, status, source)]


def _dose(raw: Raw, text: str | None) -> tuple[Value, str | None]:
    """Return the dose given; only MedicationAdministration has one dosage that is an object."""
    if bytes(raw)[:1] != b"{":
        return text, None
    try:
        dose = _dosage(raw).dose
    except (msgspec.MsgspecError, RecursionError):
        raise EvidenceError("wrong shape: $.dosage.dose") from None
    return (text, None) if dose is None or dose.value is None else (dose.value, unit(dose))


def _procedure(r: t.Procedure, source: str) -> Rows:
    done = _first(r.performedDateTime, _start(r.performedPeriod))
    end = _last(r.performedPeriod) if r.performedPeriod is not None else (done.end if done else None)
    found, text = _codes("Procedure", r.code), _wording(r.code)
    return [(found, _at(done), end, _known(done), text, None, None, r.status, source)]


def _immunization(r: t.Immunization, source: str) -> Rows:
    given, recorded = _when(r.occurrenceDateTime), _when(r.recorded)
    end = None if given is None else given.end
    found, text = _codes("Immunization", r.vaccineCode), _wording(r.vaccineCode)
    known = _known(recorded, given)
    return [(found, _at(given), end, known, text, None, None, r.status, source)]


def _report(r: t.DiagnosticReport, source: str) -> Rows:
    span, issued = r.effectivePeriod, _when(r.issued)
    moment = _first(r.effectiveDateTime, _start(span))
    end = _last(span) if span is not None else (moment.end if moment else None)
    known = _known(issued, moment) if issued or span is None or end is None else end
    found = _codes("DiagnosticReport", r.code)
    concluded = next((_coded(concept(bytes(raw))) for raw in r.conclusionCode or ()), None)
    return [(found, _at(moment), end, known, concluded, None, None, r.status, source)]


def _specimen(r: t.Specimen, source: str) -> Rows:
    got = r.collection or t.Collection()
    moment = _first(got.collectedDateTime, _start(got.collectedPeriod), r.receivedTime)
    end = _last(got.collectedPeriod)
    found, text = _codes("Specimen", r.type), _wording(r.type)
    return [(found, _at(moment), end, _known(moment), text, None, None, r.status, source)]


def _family(r: t.FamilyMemberHistory, source: str) -> Rows:
    """A relative's condition is the value and never the code, so that nobody takes it for the patient's."""
    told = _when(r.date)
    who = _codes("FamilyMemberHistory", r.relationship)
    has: Iterable[Value] = [_coded(_said(part.code)) for part in r.condition or ()] or [None]
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
    made = _when(r.date)
    found = _codes("List", r.code)
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
    kind = r.resourceType
    concepts = (r.code, r.procedureCode, r.modality, r.type, r.category, r.serviceType, r.description)
    try:
        told = [raw for raw in concepts if raw is not NOTHING and _said(raw).codes][:1]
    except EvidenceError:
        # Such elements are no CodeableConcept in every type (Communication has a list, Device a name).
        told = []
    dated = (r.authoredOn, r.started, r.startDate, r.authored, r.occurrenceDateTime, r.date, r.sent,
             r.created, r.issued, r.recordedDate, r.dateTime)  # fmt: skip
    period = r.period or r.performedPeriod
    moment = _first(_start(period), *dated)
    known = _known(_first(r.issued, r.recordedDate, r.authoredOn), moment)
    status = "do-not-perform" if r.doNotPerform else (r.status or r.lifecycleStatus)
    text = None if told else _text_of(r.description, r.code)
    found = _codes(kind, *told)
    return [(found, _at(moment), _last(period), known, text, None, None, status, source)]


def _text_of(*raws: Raw) -> str | None:
    try:
        return next((_said(raw).text for raw in raws if _said(raw).text), None)
    except EvidenceError:
        return None


# Resource type -> (its struct, its rows). Every other type that names a patient is read as `Other`.
READERS: dict[str, tuple[type[Any], Callable[[Any, str], Rows]]] = {
    "Observation": (t.Observation, _observation),
    "Patient": (t.Patient, _patient),
    "Condition": (t.Condition, _condition),
    "AllergyIntolerance": (t.AllergyIntolerance, _allergy),
    "Encounter": (t.Encounter, _encounter),
    "MedicationRequest": (t.Medicated, _medicated),
    "MedicationAdministration": (t.Medicated, _medicated),
    "MedicationDispense": (t.Medicated, _medicated),
    "MedicationStatement": (t.Medicated, _medicated),
    "Procedure": (t.Procedure, _procedure),
    "Immunization": (t.Immunization, _immunization),
    "DiagnosticReport": (t.DiagnosticReport, _report),
    "Specimen": (t.Specimen, _specimen),
    "FamilyMemberHistory": (t.FamilyMemberHistory, _family),
    "List": (t.Listed, _list),
}
OTHER: tuple[type[Any], Callable[[Any, str], Rows]] = (t.Other, _other)
