"""Bytes that are not UTF-8 cost the resource that they stand in, at every door, and leave it known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salus.core.evidence import UNREADABLE
from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place
from tests.unit.test_record_fhir import loinc, resource

ODD = "XX"
SOUND = resource(id="sound", valueInteger=70)
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01"}
SPOILT: list[dict[str, Any]] = [
    resource(id="o", valueQuantity={"value": 37, "unit": ODD}),
    resource(id="o", note=[{"text": ODD}]),
    resource(id=ODD),
    resource(id="o", status=ODD),
    resource(id="o", code=loinc(ODD)),
    resource(id="o", code={"text": ODD}),
    resource(id="o", effectiveDateTime=ODD),
    resource(id="o", subject={"reference": "Patient/p", "display": ODD}),
    resource(id="o", valueString=ODD),
    resource("MedicationRequest", id="o", medicationCodeableConcept={"text": ODD}),
    resource("Condition", id="o", code={"text": ODD}),
    {"resourceType": ODD, "id": "o"},
    {"resourceType": "Medication", "id": "o", "code": {"text": ODD}},
]
# Those of which the patient, at least, can be made out.
KNOWN = 11


def spoilt(whole: object) -> bytes:
    return json.dumps(whole).encode().replace(ODD.encode(), b"\xb0C")


def bundled(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


@pytest.mark.parametrize("one", SPOILT)
@pytest.mark.parametrize("form", ["bundle", "lines", "prefetch"])
def test_bytes_that_are_no_text_cost_their_resource_alone(
    tmp_path: Path, one: dict[str, Any], form: str
) -> None:
    every = [PATIENT, one, SOUND]
    if form == "prefetch":
        timeline, account = fhir.prefetch(
            spoilt({"patient": PATIENT, "vitals": bundled(one, SOUND)}), "p", "prefetch"
        )
    else:
        place = tmp_path / ("in.json" if form == "bundle" else "in.ndjson")
        lines = b"".join(spoilt(each) + b"\n" for each in every)
        place.write_bytes(spoilt(bundled(*every)) if form == "bundle" else lines)
        account = read_place(str(place), tmp_path / "archive")
        timeline = Archive.open(tmp_path / "archive").timeline("p")
    assert [reject.reason for reject in account.rejected] == ["not UTF-8"]
    assert account.unaccounted() == 0
    assert [event.value for event in timeline if isinstance(event.value, float)] == [70.0]
    left = [event for event in timeline if event.status == UNREADABLE]
    assert bool(left) == (SPOILT.index(one) < KNOWN)


def copy(number: int, **more: Any) -> dict[str, Any]:
    return resource(id="o", meta={"versionId": str(number)}, **more)


NEWER = copy(2, valueQuantity={"value": 37, "unit": ODD})
TAKEN_BACK = copy(2, status="entered-in-error")
BROKEN = copy(3, valueQuantity={"value": "37"})


@pytest.mark.parametrize(
    ("copies", "left"),
    [
        ([NEWER, copy(1, valueInteger=7)], True),
        ([copy(1, valueInteger=7), NEWER], True),
        ([copy(3, valueInteger=7), NEWER], False),
        ([NEWER, copy(3, valueInteger=7)], False),
        ([copy(1, valueInteger=7), BROKEN, TAKEN_BACK], True),
        ([BROKEN, BROKEN | {"meta": {"versionId": "1"}}, copy(2, valueInteger=7)], True),
        ([copy(1, valueInteger=7), copy(4, status="entered-in-error"), BROKEN], False),
    ],
)
def test_both_ways_of_reading_tell_of_a_newer_copy_that_cannot_be_read(
    tmp_path: Path, copies: list[dict[str, Any]], left: bool
) -> None:
    place = tmp_path / "in.ndjson"
    place.write_bytes(b"".join(spoilt(one) + b"\n" for one in (PATIENT, *copies)))
    read_place(str(place), tmp_path / "archive")
    kept = Archive.open(tmp_path / "archive").timeline("p")
    sent, _ = fhir.prefetch(spoilt({"patient": PATIENT, "vitals": bundled(*copies)}), "p", "prefetch")
    for timeline in (kept, sent):
        assert any(event.status == UNREADABLE for event in timeline) == left
