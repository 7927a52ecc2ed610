"""Which of several codings is the value, when a value is none, and when what was seen several times was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event
from salus.core.measures import Measure
from salus.record import fhir
from tests.unit.test_record_fhir import UCUM, events, loinc, refused, resource

LOCAL = {"system": "https://lab.example/results", "code": "POS"}
POSITIVE = {"system": "http://loinc.org", "code": "LA9340-6"}


def both(one: dict[str, Any]) -> tuple[Event, ...]:
    """Return the events of an Observation, on which both ways of reading must agree."""
    found = events(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fhir, "_at_once", lambda raws, servers: {})
        assert events(one) == found
    return found


@pytest.mark.parametrize(
    ("codings", "value"),
    [
        ([LOCAL, POSITIVE], "LOINC/LA9340-6"),
        ([POSITIVE, LOCAL], "LOINC/LA9340-6"),
        ([{"code": "POS"}, {"system": "http://snomed.info/sct", "code": "10828004"}], "SNOMED/10828004"),
        ([LOCAL, {"system": "http://hl7.org/fhir/sid/icd-10", "code": "I48"}, POSITIVE], "ICD10/I48"),
        ([LOCAL, {"system": "urn:oid:2.16.840.1.113883.6.88", "code": "1"}], "RxNorm/1"),
        ([LOCAL, {"system": "http://terminology.hl7.org/CodeSystem/v2-0078", "code": "POS"}],
         "http://terminology.hl7.org/CodeSystem/v2-0078|POS"),
        ([LOCAL, {"system": "urn:x", "code": "1"}], "https://lab.example/results|POS"),
    ],
)  # fmt: skip
def test_a_standard_code_is_the_value_wherever_it_stands(codings: list[Any], value: str) -> None:
    said = {"coding": codings, "text": "positive"}
    assert both(resource(valueCodeableConcept=said))[0].value == value
    part = {"code": loinc("1"), "valueCodeableConcept": said}
    assert value in [event.value for event in both(resource(component=[part]))]
    report = resource("DiagnosticReport", code=loinc("58410-2"), conclusionCode=[said])
    assert events(report)[0].value == value


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"value": 5, "unit": "mg"}},
        {"valueString": "clear"},
        {"valueBoolean": False},
        {"valueCodeableConcept": {"coding": [POSITIVE]}},
    ],
)
def test_a_value_beside_the_reason_why_there_is_none_is_none(value: dict[str, Any]) -> None:
    """FHIR R4 Observation, invariant obs-6."""
    said = value | {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}
    (event,) = both(resource(**said))
    assert (event.value, event.unit) == (Absence.NOT_MEASURED, None)
    found = both(resource(component=[{"code": loinc("1"), **said}], valueInteger=3))
    assert [one.value for one in found if one.code == "LOINC/1"] == [Absence.NOT_MEASURED]
    assert [one.value for one in found if one.code != "LOINC/1"] == [3.0]


def test_a_reason_that_is_null_is_no_reason() -> None:
    raw = json.dumps(resource(valueInteger=3))[:-1] + ', "dataAbsentReason": null}'
    assert fhir.bundle(raw.encode(), "b")[0][0].events[0].value == 3.0


@pytest.mark.parametrize(("quantity", "unit"), [
    ({"unit": "mg/dL", "system": UCUM, "code": "mmol/L"}, "mmol/L (written mg/dL)"),
    ({"unit": "mg/dL", "code": "mmol/L"}, "mmol/L (written mg/dL)"),
    ({"unit": "Cel", "system": UCUM, "code": "[degF]"}, "[degF] (written Cel)"),
    ({"unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}, "mm[Hg]"), ({"unit": "F", "code": "x"}, "F"),
    ({"unit": "units", "system": UCUM, "code": "mg/dL"}, "mg/dL"), ({"code": "mg/dL"}, "mg/dL"),
    ({"unit": "", "code": ""}, None), ({}, None),
])  # fmt: skip
def test_a_unit_that_contradicts_its_code_is_neither(quantity: dict[str, Any], unit: str | None) -> None:
    said = {"valueQuantity": {"value": 5, **quantity}}
    found = both(resource(**said, component=[{"code": loinc("1"), **said}]))
    assert [one.unit for one in found] == [unit, unit]
    dose = {"effectiveDateTime": "2026-11-02", "dosage": {"dose": said["valueQuantity"]}}
    (given,) = both(resource("MedicationAdministration", medicationCodeableConcept={"text": "x"}, **dose))
    assert given.unit == unit


def test_a_value_whose_unit_contradicts_its_code_is_not_used() -> None:
    quantity = {"value": 5.5, "unit": "mg/dL", "system": UCUM, "code": "mmol/L"}
    (event,) = both(resource(valueQuantity=quantity))
    with pytest.raises(EvidenceError, match=r"mmol/L \(written mg/dL\)"):
        Measure("glucose", ("LOINC/8867-4",), "mg/dL", 20, 2000, molar_mass=180.156).read(event)


def at(day: int, hour: int = 0, *rest: int) -> datetime:
    return datetime(2026, 11, day, hour, *rest, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "time", "end", "known"),
    [
        (["2026-11-02T08:00:00Z"], at(2, 8), None, at(2, 8)),
        (["2026-11-02T08:00:00Z"] * 2, at(2, 8), None, at(2, 8)),
        (["2026-11-02"], at(2), at(2, 23, 59, 59, 999_999), at(2)),
        (["2026-11-03T08:00:00Z", None, "2026-11-02T08:00:00Z"], at(2, 8), at(3, 8), at(3, 8)),
        (["2026-11-02T08:00:00Z", "2026-11-03"], at(2, 8), *[at(3, 23, 59, 59, 999_999)] * 2),
    ],
)
def test_what_is_dated_by_the_moments_of_a_timing(
    event: list[str | None], time: datetime, end: datetime | None, known: datetime
) -> None:
    said = resource(
        effectiveDateTime=None, effectiveTiming={"event": event}, component=[{"code": loinc("1")}]
    )
    found = both(said)
    assert {(one.time, one.end, one.known_at) for one in found} == {(time, end, known)}
    issued = both(said | {"issued": "2026-11-09T00:00:00Z"})
    assert {(one.time, one.end, one.known_at) for one in issued} == {(time, end, at(9))}


@pytest.mark.parametrize("timing", [{}, {"event": []}, {"event": [None]}, {"code": {"text": "BID"}}])
def test_a_timing_that_names_no_moment_dates_nothing(timing: dict[str, Any]) -> None:
    assert both(resource(effectiveDateTime=None, effectiveTiming=timing))[0].time is None


def test_a_timing_whose_moment_is_none_is_refused() -> None:
    said = resource(effectiveDateTime=None, effectiveTiming={"event": ["soon"]})
    assert refused(said) == "not a FHIR date or time"
