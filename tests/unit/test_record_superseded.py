"""What a record said before it was corrected: kept with the moment at which the correction became known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus.core.evidence import UNREADABLE, Event, Timeline
from salus.record import bulk
from salus.record.archive import Archive
from salus.record.bulk import read_place

PULSE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}


def day(number: int) -> datetime:
    return datetime(2026, 1, number, 12, tzinfo=UTC)


def copy(version: int, issued: int | None = None, *, patient: str = "p", **more: Any) -> dict[str, Any]:
    """Return a pulse of 8 in the morning on the first, in a version whose value is ten times its number."""
    return {
        "resourceType": "Observation",
        "id": "o",
        "meta": {"versionId": str(version)},
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": PULSE,
        "effectiveDateTime": "2026-01-01T08:00:00Z",
        "issued": issued and day(issued).isoformat(),
        "valueQuantity": {"value": 10 * version, "unit": "/min", "code": "/min"},
        **more,
    }


ERROR = {"status": "entered-in-error"}
# Somebody is here whatever becomes of the pulse.
PEOPLE = [{"resourceType": "Patient", "id": name, "gender": "female"} for name in "pq"]


def read(root: Path, *reads: list[dict[str, Any]]) -> Archive:
    """Read the lists one after another and open what comes of them."""
    for resources in ([*PEOPLE], *reads):
        place = root / "in.ndjson"
        place.write_text("".join(f"{json.dumps(one)}\n" for one in resources))
        read_place(str(place), root / "a")
    return Archive.open(root / "a")


def as_it_stood(archive: Archive, at: datetime, patient: str = "p") -> Timeline:
    return archive.stood(archive.timeline(patient), at)


def pulses(timeline: Timeline) -> list[object]:
    return [event.value for event in timeline if event.kind == "Observation" and event.status != UNREADABLE]


def at_noon(archive: Archive, *days: int, patient: str = "p") -> list[list[object]]:
    return [pulses(as_it_stood(archive, day(number), patient)) for number in days]


V1, V2, V3 = copy(1, 1), copy(2, 5), copy(3, 9)


@pytest.mark.parametrize(
    "reads",
    [
        [[V1, V2, V3]],
        [[V3, V1, V2]],
        [[V1], [V2], [V3]],
        [[V3], [V2], [V1]],
        [[V2], [V3], [V1]],
        [[V1], [V3], [V2]],
        [[V1, V3], [V2]],
        # What is read again, or has gone on standing, changes nothing.
        [[V1], [V2], [V3], [V1], [V3], []],
    ],
)
def test_a_chain_of_corrections_is_the_same_whichever_way_it_was_read(
    reads: list[list[dict[str, Any]]], tmp_path: Path
) -> None:
    archive = read(tmp_path, *reads)
    assert at_noon(archive, 1, 4, 5, 8, 9, 20) == [[10], [10], [20], [20], [30], [30]]
    assert pulses(archive.timeline("p")) == [30]
    assert archive.scan().collect()["value"].drop_nulls().to_list() == [30]
    assert pulses(as_it_stood(archive, day(4).replace(tzinfo=None))) == [10]


@pytest.mark.parametrize(
    ("reads", "found"),
    [
        # Of the same moment as the one before, or of an earlier one: nobody could have seen the old value.
        ([[V1], [copy(2, 1)]], [[20], [20], [20]]),
        ([[copy(1, 7)], [copy(2, 1)]], [[20], [20], [20]]),
        # The third was known before the second.
        ([[V1, copy(2, 9), copy(3, 4)]], [[10], [30], [30]]),
        ([[V1], [copy(2, 9)], [copy(3, 4)]], [[10], [30], [30]]),
        ([[copy(3, 4)], [copy(2, 9)], [V1]], [[10], [30], [30]]),
        # Nothing tells when the newer one became known.
        ([[V1], [copy(2, effectiveDateTime=None)]], [[20], [20], [20]]),
        ([[copy(2, effectiveDateTime=None)], [V3], [V1]], [[20], [20], [30]]),
    ],
)
def test_the_old_value_stands_only_until_a_newer_one_is_known(
    reads: list[list[dict[str, Any]]], found: list[list[float]], tmp_path: Path
) -> None:
    archive = read(tmp_path, *reads)
    known = [as_it_stood(archive, day(at)).where(test=_known_on(day(at))) for at in (2, 6, 20)]
    assert list(map(pulses, known)) == found


def _known_on(at: datetime) -> Callable[[Event], bool]:
    return lambda event: event.known_at is None or event.known_at <= at


@pytest.mark.parametrize(
    "gone",
    [
        copy(3, 9, **ERROR),
        copy(3, 9, patient="q"),
        copy(3, 9, status=None),
        copy(3, 9, implicitRules="https://x.org/rules"),
    ],
    ids=["error", "moved", "refused", "rules"],
)
@pytest.mark.parametrize("way", ["together", "later", "first", "between"])
def test_what_was_never_so_leaves_nothing_for_any_instant(
    gone: dict[str, Any], way: str, tmp_path: Path
) -> None:
    last = copy(4, 12)
    reads = {
        "together": [[V1, V2, gone]],
        "later": [[V1], [V2], [gone]],
        "first": [[gone], [V1], [V2]],
        "between": [[V1], [last], [gone], [V2]],
    }[way]
    archive = read(tmp_path, *reads)
    assert at_noon(archive, 2, 6, 10, 20) == [[], [], [], []] if way != "between" else [[], [], [], [40]]


def test_a_newer_copy_of_a_resource_that_came_back_has_no_past(tmp_path: Path) -> None:
    archive = read(tmp_path, [V1], [copy(2, 5, **ERROR)], [V3])
    stands = [event for event in as_it_stood(archive, day(4)) if event.kind == "Observation"]
    assert [(event.value, event.known_at) for event in stands] == [(30, day(9))]


def test_what_moved_to_another_patient_is_theirs_with_what_they_had(tmp_path: Path) -> None:
    archive = read(tmp_path, [V1], [copy(2, 5, patient="q")], [copy(3, 9, patient="q")])
    assert at_noon(archive, 2, 6, 10) == [[], [], []]
    assert at_noon(archive, 6, 10, patient="q") == [[20], [30]]


def test_a_copy_that_cannot_be_decoded_ends_nothing(tmp_path: Path) -> None:
    archive = read(tmp_path, [V1], [copy(2, 3, valueQuantity={"value": "abc"})], [V3])
    assert at_noon(archive, 4, 10) == [[10], [30]]


def test_evidence_held_inside_another_is_superseded_with_it(tmp_path: Path) -> None:
    def report(version: int, issued: int) -> dict[str, Any]:
        inside = {**copy(version, issued), "id": "r"}
        return {**copy(version, issued), "resourceType": "DiagnosticReport", "contained": [inside]}

    assert at_noon(read(tmp_path, [report(1, 1)], [report(2, 5)]), 4, 5) == [[10], [20]]


def test_a_merged_patients_past_comes_with_them(tmp_path: Path) -> None:
    link = [{"other": {"reference": "Patient/p"}, "type": "replaces"}]
    archive = read(tmp_path, [V1], [V2], [{**PEOPLE[1], "link": link}])
    assert at_noon(archive, 4, 5, patient="q") == at_noon(archive, 4, 5) == [[10], [20]]


def test_an_archive_from_before_corrections_were_kept_is_read_and_extended(tmp_path: Path) -> None:
    read(tmp_path, [V1])
    for folder in (tmp_path / "a").glob("gen-*/superseded"):
        shutil.rmtree(folder)
    assert at_noon(Archive.open(tmp_path / "a"), 4) == [[10]]
    assert at_noon(read(tmp_path, [V2]), 4, 5) == [[10], [20]]


def test_a_drug_that_is_named_later_is_named_in_the_past_too(tmp_path: Path) -> None:
    def order(version: int, written: int, status: str) -> dict[str, Any]:
        return {
            "resourceType": "MedicationRequest",
            "id": "m",
            "meta": {"versionId": str(version)},
            "status": status,
            "intent": "order",
            "subject": {"reference": "Patient/p"},
            "authoredOn": day(written).isoformat(),
            "medicationReference": {"reference": "Medication/d"},
        }

    code = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1049502"}]}
    drug = {"resourceType": "Medication", "id": "d", "code": code}
    archive = read(tmp_path, [order(1, 1, "active")], [order(2, 5, "stopped")], [drug])
    found = [event for event in as_it_stood(archive, day(4)) if event.kind == "MedicationRequest"]
    assert [(event.status, event.code) for event in found] == [("active", "RxNorm/1049502")]


def test_many_patients_pasts_are_each_found_in_an_archive_of_many_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second read has more parts than the first, so that what it finds in one it writes into others."""
    names = [f"x{number}" for number in range(40)]

    def all_of(version: int, issued: int, value: float) -> list[dict[str, Any]]:
        said = {"valueQuantity": {"value": value, "unit": "/min", "code": "/min"}}
        return [copy(version, issued, patient=name, id=name, **said) for name in names]

    read(tmp_path, all_of(1, 1, 11))
    monkeypatch.setattr(bulk, "_PART", 1 << 10)
    before = read(tmp_path, all_of(3, 9, 33))
    archive = read(tmp_path, all_of(2, 5, 22))
    assert (before.manifest.parts > 8) and len(archive.subjects()) == len(names) + len(PEOPLE)
    for name in names:
        assert at_noon(archive, 4, 5, 9, patient=name) == [[11], [22], [33]]
        assert pulses(archive.timeline(name)) == [33]
