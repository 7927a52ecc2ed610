"""What a record takes back, doubts or says is over, however it is spelt; and evidence held inside another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place
from tests.unit.test_record_fhir import loinc, refused, resource

STATUS = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ILL = {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}


def condition(**more: Any) -> dict[str, Any]:
    return resource("Condition", status=None, code=ILL, recordedDate="2026-11-02", **more)


def status_of(one: dict[str, Any], tmp_path: Path) -> str | None:
    """Return the status of one resource's event, on which both ways of reading must agree."""
    timelines, account = fhir.bundle(json.dumps(one).encode(), "b")
    assert not account.rejected
    place = tmp_path / "x.ndjson"
    place.write_text(json.dumps(one))
    read_place(str(place), tmp_path / "archive")
    assert Archive.open(tmp_path / "archive").timeline("Patient/p").events == timelines[0].events
    return timelines[0].events[0].status


@pytest.mark.parametrize("spelling", ["Entered in Error", "ENTERED-IN-ERROR", "entered_in_error"])
def test_an_error_is_an_error_however_it_is_spelt(spelling: str, tmp_path: Path) -> None:
    assert refused(resource(status=spelling)) == "entered-in-error"
    assert refused(condition(verificationStatus={"coding": [{"code": spelling}]})) == "entered-in-error"
    assert refused(condition(verificationStatus={"text": spelling})) == "entered-in-error"
    place = tmp_path / "x.ndjson"
    place.write_text(f"{json.dumps(resource(status=spelling))}\n")
    assert [one.reason for one in read_place(str(place), tmp_path / "a").rejected] == ["entered-in-error"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"verificationStatus": {"coding": [{"system": STATUS, "display": "Refuted"}]}}, "refuted"),
        ({"verificationStatus": {"text": "Unconfirmed"}}, "unconfirmed"),
        ({"clinicalStatus": {"coding": [{"code": "Resolved"}]}}, "resolved"),
        ({"abatementAge": {"value": 30, "code": "a"}}, "resolved"),
        ({"abatementString": "in childhood"}, "resolved"),
        ({"abatementString": "x", "clinicalStatus": {"coding": [{"code": "active"}]}}, "active"),
        ({}, None),
    ],
)
def test_doubt_and_end_are_heard(said: dict[str, Any], status: str | None, tmp_path: Path) -> None:
    assert status_of(condition(**said), tmp_path) == status


SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"coding": [{"system": SNOMED, "code": "410516002"}]}, "refuted"),
        ({"coding": [{"system": SNOMED, "code": "410594000"}]}, "refuted"),
        ({"coding": [{"system": SNOMED, "code": "415684004", "display": "Suspected"}]}, "unconfirmed"),
        ({"coding": [{"system": SNOMED, "code": "410605003"}]}, "active"),
        ({"coding": [{"system": "https://x.org", "code": "ruled-out"}]}, "refuted"),
        ({"coding": [{"system": "https://x.org", "code": "7"}]}, "unconfirmed"),
        ({"coding": [{"system": "https://x.org", "code": "7"}, {"code": "confirmed"}]}, "active"),
        ({"coding": [{"code": "confirmed"}, {"system": SNOMED, "code": "410516002"}]}, "refuted"),
        ({"text": "Ruled out"}, "refuted"),
        ({"text": "not sure"}, "unconfirmed"),
        ({"text": "Confirmed"}, "active"),
        ({"coding": [{"code": "unknown"}]}, "unconfirmed"),
        ({"extension": [{"url": "https://x.org/absent", "valueCode": "unknown"}]}, "active"),
        ({"coding": [{"code": "provisional"}, {"code": "confirmed"}]}, "provisional"),
    ],
)
def test_a_verification_that_is_not_known_confirms_nothing(
    said: dict[str, Any], status: str, tmp_path: Path
) -> None:
    active = {"coding": [{"code": "active"}]}
    assert status_of(condition(verificationStatus=said, clinicalStatus=active), tmp_path) == status


def holding(**inner: Any) -> dict[str, Any]:
    """Return a report that holds one pulse."""
    inside = resource(id="r", valueInteger=80, **inner)
    return resource("DiagnosticReport", code=loinc("58410-2"), contained=[inside])


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ({"subject": {"reference": "Patient/other"}}, "contained Observation: it names another patient"),
        ({"status": None}, "contained Observation: no status"),
        ({"implicitRules": "https://x.org/rules"}, "contained Observation: implicitRules"),
        ({"modifierExtension": [{"url": "https://x.org/not", "valueBoolean": True}]}, "modifierExtension"),
    ],
)
def test_what_is_contained_is_held_to_the_same_rules(inner: dict[str, Any], reason: str) -> None:
    assert reason in refused(holding(**inner))


def test_what_is_contained_and_in_error_is_left_out() -> None:
    timelines, account = fhir.bundle(json.dumps(holding(status="Entered in Error")).encode(), "b")
    assert not account.rejected
    assert [event.source for event in timelines[0]] == ["DiagnosticReport/1"]


def family(**inner: Any) -> dict[str, Any]:
    """Return a mother's history that holds her condition as a resource."""
    held = {"resourceType": "Condition", "id": "mc", "code": ILL, **inner}
    told = resource("FamilyMemberHistory", subject=None, status="completed", contained=[held])
    return told | {"patient": {"reference": "Patient/p"}, "relationship": {"text": "mother"}}


def sources(one: dict[str, Any]) -> set[str]:
    (timeline,), account = fhir.bundle(json.dumps(one).encode(), "b")
    assert not account.rejected
    return {event.source for event in timeline}


@pytest.mark.parametrize("whose", [None, "Patient/mother", "RelatedPerson/mother", "#mother"])
def test_what_a_relative_has_is_not_the_patients(whose: str | None) -> None:
    named = {"subject": {"reference": whose}} if whose else {}
    assert sources(family(**named)) == {"FamilyMemberHistory/1"}


def test_what_is_contained_is_of_the_patient_whom_it_names_or_else_of_its_holders() -> None:
    named = family(subject={"reference": "Patient/p"})
    assert sources(named) == {"FamilyMemberHistory/1", "Condition/FamilyMemberHistory-1-mc"}
    assert sources(holding(subject=None)) == {"DiagnosticReport/1", "Observation/DiagnosticReport-1-r"}
