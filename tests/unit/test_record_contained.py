"""What stands inside another resource: of whom it is, of when, and what is not opened."""

from __future__ import annotations

import json

import pytest

from salus.record import fhir
from tests.unit.test_record_fhir import AT, SEVEN, events, loinc, refused, resource

UNDATED = resource(id="r", effectiveDateTime=None, valueInteger=7)


def test_a_result_without_a_time_is_of_the_time_of_its_report() -> None:
    report = resource("DiagnosticReport", code=loinc("1"), effectiveDateTime=AT, contained=[UNDATED])
    (event,) = [one for one in events(report) if one.kind == "Observation"]
    assert (event.time, event.known_at) == (SEVEN, SEVEN)


def test_a_result_with_a_time_of_its_own_keeps_it() -> None:
    report = resource("DiagnosticReport", code=loinc("1"), effectiveDateTime="2026-12-01",
                      contained=[UNDATED | {"effectiveDateTime": AT}])  # fmt: skip
    (event,) = [one for one in events(report) if one.kind == "Observation"]
    assert event.time == SEVEN


@pytest.mark.parametrize("holder", ["ServiceRequest", "Encounter"])
def test_other_resources_lend_no_time(holder: str) -> None:
    found = events(resource(holder, authoredOn=AT, status="active", contained=[UNDATED]))
    assert [one.time for one in found if one.kind == "Observation"] == [None]


def test_resources_inside_parameters_are_not_lost_unseen() -> None:
    inside = {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": resource()}]}
    assert refused(json.dumps(inside).encode()) == "Parameters with resources inside: send them as a Bundle"
    plain = {"resourceType": "Parameters", "parameter": [{"name": "resource", "valueString": "y"}]}
    _, account = fhir.bundle(json.dumps(plain).encode(), "b")
    assert account.as_context == {"Parameters": 1}
