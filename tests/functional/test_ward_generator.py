"""The ward that ships: valid FHIR, the same bytes each time, and each case shows what it is there to show."""

from __future__ import annotations

import json
from pathlib import Path

import fhirkit
import pytest

from salus.core.evidence import Timeline
from salus.record.sources.ward import WARD_INSTANT, ward_resources, write_ward
from salus.record.sources.ward_cases import CASES

WARD = ward_resources()


def _of(subject: str, code: str) -> list[dict]:
    about = f"Patient/{subject}"
    found = [part for part in WARD if part.get("subject", {}).get("reference") == about]
    return [
        part
        for part in found
        if any(coding["code"] == code for coding in part.get("code", {}).get("coding", ()))
    ]


def _last(subject: str, code: str) -> dict:
    return max(_of(subject, code), key=lambda part: part["effectiveDateTime"])


@pytest.mark.parametrize("kind", sorted({part["resourceType"] for part in WARD}))
def test_every_resource_is_valid_fhir_r4(kind):
    parts = [part for part in WARD if part["resourceType"] == kind]
    problems = [f"{part['id']}: {issue}" for part in parts for issue in fhirkit.validate(part)]
    assert problems == []


def test_ids_are_unique_and_references_resolve():
    names = [f"{part['resourceType']}/{part['id']}" for part in WARD]
    assert len(names) == len(set(names))
    text = json.dumps(WARD)
    named = {piece.split('"')[0] for piece in text.split('"reference": "')[1:]}
    assert named <= set(names)


def test_same_seed_same_bytes_other_seed_other_history(tmp_path: Path):
    first, second, other = (write_ward(tmp_path / str(n), seed) for n, seed in enumerate((7, 7, 8)))
    read = {
        place: {file.name: file.read_bytes() for file in place.iterdir()} for place in (first, second, other)
    }
    assert read[first] == read[second]
    assert read[first].keys() == read[other].keys()
    assert read[first]["Observation.ndjson"] != read[other]["Observation.ndjson"]


def test_the_seed_moves_no_cases_own_readings():
    def own(seed: int) -> list[dict]:
        return [part for part in ward_resources(seed) if part["resourceType"] != "Observation"]

    assert own(7) == own(8)
    last = {part["id"]: part for part in ward_resources(8)}
    assert last["ward-04-pulse-24"] == _last("ward-04", "8867-4")


def test_nothing_happens_after_the_wards_instant():
    moments = [part["effectiveDateTime"] for part in WARD if "effectiveDateTime" in part]
    assert max(moments) <= WARD_INSTANT.isoformat()


def test_every_resource_says_that_it_is_test_data():
    assert all(part["meta"]["security"][0]["code"] == "HTEST" for part in WARD)


def test_twenty_to_forty_people_and_a_merged_record():
    people = [part for part in WARD if part["resourceType"] == "Patient"]
    assert 20 <= len(CASES) <= 40
    assert len(people) == len(CASES) + 1
    merged = [person for person in people if "link" in person]
    assert {person["link"][0]["type"] for person in merged} == {"replaces", "replaced-by"}


def test_what_the_awkward_cases_hold():
    assert not _of("ward-22", "80288-4")
    assert not _of("ward-22", "3151-8")
    assert _last("ward-23", "59408-5")["dataAbsentReason"]["coding"][0]["code"] == "masked"
    assert "unit" not in _last("ward-24", "9279-1")["valueQuantity"]
    assert _last("ward-03", "8310-5")["valueQuantity"]["code"] == "[degF]"
    same_minute = [
        part for part in _of("ward-25", "59408-5") if part["effectiveDateTime"] == "2026-11-02T07:30:00+00:00"
    ]
    assert {part["valueQuantity"]["value"] for part in same_minute} == {97, 90}
    assert {part["status"] for part in _of("ward-28", "2823-3")} == {"entered-in-error"}


def test_it_reads_into_one_timeline_a_person_record():
    from salus.record.fhir import bundle

    entries = [{"fullUrl": f"urn:ward:{part['id']}", "resource": part} for part in WARD]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    timelines, account = bundle(raw, "ward")
    assert {timeline.subject for timeline in timelines} >= {f"Patient/{case.id}" for case in CASES}
    assert all(isinstance(timeline, Timeline) for timeline in timelines)
    # Two results and one problem were entered in error; nothing else may be turned away.
    assert {reject.reason for reject in account.rejected} <= {"entered-in-error"}
