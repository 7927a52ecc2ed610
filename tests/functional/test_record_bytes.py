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
