"""Which copy of a resource stands: by version, over reads and within one; and what a broken copy costs."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from salus.core.evidence import Absence
from salus.record import fhir
from salus.record.account import Account
from salus.record.archive import Archive
from salus.record.bulk import read_place
from tests.functional.test_record_archive import ndjson, observation, write


def copy(number: int | None, day: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a pulse in its version `number` of the day `day`."""
    meta = {"versionId": number and str(number), "lastUpdated": day and f"2026-01-{day:02d}T00:00:00Z"}
    return observation(1, meta={name: said for name, said in meta.items() if said}, **more)


def value(number: float) -> dict[str, Any]:
    return {"valueQuantity": {"value": number, "unit": "/min"}}


GONE = {"status": "entered-in-error"}
BROKEN = {"valueQuantity": {"value": "abc"}}


def read_each(tmp_path: Path, *reads: list[dict[str, Any]]) -> Account:
    """Read the lists one after another; return the account of the last read."""
    for number, resources in enumerate(reads):
        place = write(tmp_path / f"in-{number}", "x.ndjson", ndjson(*resources))
        account = read_place(str(place), tmp_path / "a")
        assert account.unaccounted() == 0
    return account


def values(tmp_path: Path, subject: str = "p") -> list[object]:
    archive = Archive.open(tmp_path / "a")
    if f"Patient/{subject}" not in archive.subjects():
        return []
    return [event.value for event in archive.timeline(subject) if event.source == "Observation/o1"]


@pytest.mark.parametrize(
    ("reads", "left", "changed"),
    [
        ([[copy(2, 2, **GONE)], [copy(1, 1)]], [], []),
        ([[copy(2, 2, **GONE)], [copy(1, 1)], [copy(1, 1)]], [], []),
        ([[copy(2, **value(9))], [copy(1)]], [9], []),
        ([[copy(None, 2, **value(9))], [copy(None, 1)]], [9], []),
        ([[copy(1)], [copy(2, **value(9))]], [9], ["Observation/o1"]),
        ([[copy(1)], [copy(2, **GONE)]], [], ["Observation/o1"]),
        ([[copy(1)], [copy(1)]], [1], []),
        ([[copy(1)], [copy(3, **value(9)), copy(2, **value(8))]], [9], ["Observation/o1"]),
        # A history, newest first: what was older in its own read does not come back with the next.
        ([[copy(2, **value(9)), copy(1)], [observation(2)]], [9], []),
        ([[copy(3, **value(9)), copy(1)], [copy(2, **value(8))]], [9], []),
        # Without versions the later read stands.
        ([[copy(None)], [copy(None, **value(9))]], [9], ["Observation/o1"]),
        ([[copy(None, **GONE)], [copy(None)]], [1], ["Observation/o1"]),
        ([[copy(2)], [copy(None, **value(9))]], [9], ["Observation/o1"]),
        ([[copy(2), copy(None, **value(9)), copy(1)]], [9], []),
        # One without a version took the place of the second, so the first is older, reads later too.
        ([[copy(2)], [copy(None, **value(9))], [copy(1)]], [9], []),
        ([[copy(2)], [copy(None, **value(9))], [observation(2)], [copy(1)]], [9], []),
        ([[copy(2)], [copy(None, **value(9))], [copy(3)]], [1], ["Observation/o1"]),
    ],
)
def test_the_newest_version_stands_whichever_read_brought_it(
    reads: list[list[dict[str, Any]]], left: list[float], changed: list[str], tmp_path: Path
) -> None:
    account = read_each(tmp_path, [observation(9)], *reads)
    assert account.changed == changed
    assert values(tmp_path) == left
    kept = Archive.open(tmp_path / "a").history("Observation/o1")
    assert len(kept) == sum(one["id"] == "o1" for read in reads for one in read)


def test_a_patient_is_who_the_newest_version_says(tmp_path: Path) -> None:
    def patient(number: int, *others: str) -> dict[str, Any]:
        link = [{"other": {"reference": f"Patient/{other}"}, "type": "seealso"} for other in others]
        meta = {"versionId": str(number)}
        return {"resourceType": "Patient", "id": "p", "meta": meta, "link": link, "birthDate": f"200{number}"}

    other = {"resourceType": "Patient", "id": "q"}
    read_each(tmp_path, [patient(2), other], [patient(1, "q")])
    archive = Archive.open(tmp_path / "a")
    assert archive.subjects() == ["Patient/p", "Patient/q"]
    assert archive.person("p").birth_date == "2002"


@pytest.mark.parametrize(
    "broken", [BROKEN, {"effectiveDateTime": "soon"}, {"code": 7}, {"component": {}}, BROKEN | {"meta": 7}]
)
@pytest.mark.parametrize("together", [True, False])
def test_a_copy_that_cannot_be_decoded_costs_itself_alone_and_is_told_of(
    broken: dict[str, Any], together: bool, tmp_path: Path
) -> None:
    good, bad = observation(1), observation(1, **{"meta": {"versionId": "7"}} | broken)
    account = read_each(tmp_path, *([[good, bad]] if together else [[good], [bad]]))
    assert [one.line for one in account.rejected] == [2 if together else 1]
    assert account.changed == []
    assert sorted(values(tmp_path), key=str) == [1, Absence.UNREADABLE]
    archive = Archive.open(tmp_path / "a")
    assert (len(archive.rejects()), json.loads(archive.raw("Observation/o1"))) == (1, good)
    timelines, told = fhir.bundle(bundled(good, bad), "b")
    (timeline,) = timelines
    assert {event.value for event in timeline} == {1.0, Absence.UNREADABLE}
    assert [one.line for one in told.rejected] == [2]
    assert len(fhir.prefetch(bundled(good, bad), "p", "b")[0]) == 2


def bundled(*resources: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}).encode()


def test_a_good_copy_takes_the_place_of_a_broken_one(tmp_path: Path) -> None:
    read_each(tmp_path, [copy(2, **BROKEN)], [copy(3)])
    assert values(tmp_path) == [1]


@pytest.mark.parametrize(
    "said",
    [
        GONE,
        # It takes itself back, whatever else is wrong with it.
        GONE | BROKEN,
        {"status": None},
        {"implicitRules": "https://x.org/rules"},
        {"modifierExtension": [{"url": "https://x.org/not", "valueBoolean": True}]},
        {"subject": {"reference": "Patient/q"}},
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_copy_that_can_be_read_and_is_refused_takes_the_place_of_the_one_before(
    said: dict[str, Any], together: bool, tmp_path: Path
) -> None:
    good, other = observation(1), observation(1, **said)
    read_each(tmp_path, *([[good, other]] if together else [[good], [other]]))
    assert values(tmp_path) == []
    assert not fhir.prefetch(bundled(good, other), "p", "b")[0].events


def test_who_has_a_generation_open_finds_it_whole_however_many_reads_finish(tmp_path: Path) -> None:
    """A page that takes long to make must not end in an error because two reads ended meanwhile."""
    line, root = tmp_path / "in.ndjson", tmp_path / "a"

    def read_one(number: int) -> None:
        line.write_text(json.dumps(observation(number, f"p{number}")) + "\n")
        read_place(str(line), root)

    read_one(0)
    held = Archive.open(root)
    for number in range(1, 4):
        read_one(number)
    assert [event.value for event in held.timeline("p0")] == [0.0]
    del held
    gc.collect()
    read_one(4)
    assert not (root / "gen-0001").exists()
