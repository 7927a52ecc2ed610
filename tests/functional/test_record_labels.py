"""Security labels of resources reach the events, through every door of the record, and go with the copy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from salus.core.codes import label, labelled
from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.marked import labels_in
from salus.record.population import of_archive, timelines
from tests.functional.test_record_archive import ndjson, observation, write

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
SUD = {"system": TERMINOLOGY + "v3-ActCode", "code": "SUD"}
RESTRICTED = {"system": TERMINOLOGY + "v3-Confidentiality", "code": "R"}
NORMAL = {"system": TERMINOLOGY + "v3-Confidentiality", "code": "N"}
TEST = {"system": TERMINOLOGY + "v3-ActReason", "code": "HTEST"}


def marked(number: int, *security: dict[str, Any], **more: Any) -> dict[str, Any]:
    meta = {"versionId": str(more.pop("version", 1)), **({"security": list(security)} if security else {})}
    return observation(number, meta=meta, **more)


def labels_by_source(events: Any) -> dict[str, tuple[str, ...]]:
    return {event.source: event.labels for event in events}


def read(tmp_path: Path, *resources: dict[str, Any], name: str = "in") -> Archive:
    place = write(tmp_path / name, "Observation.ndjson", ndjson(*resources))
    read_place(str(place), tmp_path / "a")
    return Archive.open(tmp_path / "a")


MANY = [marked(1, SUD, RESTRICTED), marked(2), marked(3, TEST), marked(4, NORMAL), observation(5)]
WANTED = {
    "Observation/o1": ("SUD", "R"),
    "Observation/o2": (),
    "Observation/o3": (f"{TERMINOLOGY}v3-ActReason|HTEST",),
    "Observation/o4": (),
    "Observation/o5": (),
}


def test_labels_of_an_export_are_the_events(tmp_path: Path) -> None:
    archive = read(tmp_path, *MANY)
    assert labels_by_source(archive.timeline("p")) == WANTED


def test_labels_of_a_bundle_and_of_a_prefetch_are_the_events() -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in MANY]}
    raw = json.dumps(bundle).encode()
    (timeline,), _ = fhir.bundle(raw, "a bundle")
    assert labels_by_source(timeline) == WANTED
    timeline, _ = fhir.prefetch(json.dumps({"x": bundle}).encode(), "Patient/p", "a prefetch")
    assert labels_by_source(timeline) == WANTED


def test_a_bundle_on_a_line_of_an_export_is_no_exception(tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in MANY]}
    place = write(tmp_path / "in", "x.ndjson", ndjson(bundle))
    read_place(str(place), tmp_path / "a")
    assert labels_by_source(Archive.open(tmp_path / "a").timeline("p")) == WANTED


def test_labels_reach_a_population_and_its_timelines(tmp_path: Path) -> None:
    population = of_archive(read(tmp_path, *MANY), lambda _: True)
    told = population.events.select("source", "labels").drop_nulls().rows()
    assert {source: tuple(found) for source, found in told} == {
        one: said for one, said in WANTED.items() if said
    }
    (timeline,) = timelines(population)
    assert labels_by_source(timeline) == WANTED


def test_what_nobody_marked_has_no_column_and_no_file(tmp_path: Path) -> None:
    archive = read(tmp_path, observation(1), marked(2, NORMAL))
    assert "labels" not in of_archive(archive, lambda _: True).events.columns
    assert list(tmp_path.rglob("labels.parquet")) == []


@pytest.mark.parametrize("others", [[], [marked(7, RESTRICTED)]])
def test_the_newest_copys_labels_count_whichever_read_brought_it(tmp_path: Path, others: list[Any]) -> None:
    read(tmp_path, marked(1, SUD, version=1), marked(2, SUD, version=5), name="one")
    archive = read(tmp_path, marked(1, version=2), marked(2, RESTRICTED, version=4), *others, name="two")
    found = labels_by_source(archive.timeline("p"))
    assert (found["Observation/o1"], found["Observation/o2"]) == ((), ("SUD",))
    assert read(tmp_path, observation(9), name="three").timeline("p").events[0].source
    assert labels_by_source(Archive.open(tmp_path / "a").timeline("p"))["Observation/o2"] == ("SUD",)


def test_what_a_correction_replaced_is_marked_as_the_copy_that_stands(tmp_path: Path) -> None:
    read(tmp_path, marked(1, version=1, issued="2026-01-02T08:00:00Z"), name="one")
    newer = marked(
        1, SUD, version=2, issued="2026-01-09T08:00:00Z", valueQuantity={"value": 7, "unit": "/min"}
    )
    archive = read(tmp_path, newer, name="two")
    whole = archive.timeline("p")
    stood = archive.stood(whole, whole.events[0].known_at.replace(day=3))  # type: ignore[union-attr]
    assert [event.labels for event in stood] == [("SUD",)]
    assert [event.value for event in stood] == [1.0]


def test_what_a_resource_contains_is_marked_with_it(tmp_path: Path) -> None:
    inner = {**observation(1), "id": "r"}
    report = {
        "resourceType": "DiagnosticReport", "id": "1", "status": "final", "contained": [inner],
        "subject": {"reference": "Patient/p"}, "meta": {"security": [SUD]},
        "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8"}]},
    }  # fmt: skip
    place = write(tmp_path / "in", "DiagnosticReport.ndjson", ndjson(report))
    read_place(str(place), tmp_path / "a")
    found = labels_by_source(Archive.open(tmp_path / "a").timeline("p"))
    assert found == {"DiagnosticReport/1": ("SUD",), "Observation/DiagnosticReport-1-r": ("SUD",)}
    (timeline,), _ = fhir.bundle(json.dumps(report).encode(), "one")
    assert labels_by_source(timeline) == found


def test_what_was_refused_is_marked_all_the_same(tmp_path: Path) -> None:
    broken = marked(1, SUD, valueQuantity={"value": {"odd": True}})
    archive = read(tmp_path, broken, observation(2))
    found = labels_by_source(archive.timeline("p"))
    assert found == {"Observation/o1": ("SUD",), "Observation/o2": ()}


def test_an_older_archive_without_labels_still_opens(tmp_path: Path) -> None:
    archive = read(tmp_path, *MANY)
    (tmp_path / "old").mkdir()
    shutil.copytree(archive.root, tmp_path / "old" / "a")
    for path in (tmp_path / "old").rglob("labels.parquet"):
        path.unlink()
    older = Archive.open(tmp_path / "old" / "a")
    assert set(labels_by_source(older.timeline("p")).values()) == {()}
    read_place(str(write(tmp_path / "more", "x.ndjson", ndjson(marked(8, SUD)))), tmp_path / "old" / "a")
    assert labels_by_source(Archive.open(tmp_path / "old" / "a").timeline("p"))["Observation/o8"] == ("SUD",)


def test_a_label_that_cannot_be_read_counts_as_restricted() -> None:
    assert labels_in(b'{"resourceType":"Observation","meta":{"security":{"code":"SUD"}}}') == ("R",)
    assert labels_in(b'{"resourceType":"Observation","note":[{"text":"\\"security\\" first"}]}') == ()
    assert labels_in(b'{"meta":{"security":null}}') == ()


@pytest.mark.parametrize("said", ["SUD", "R", "42CFRPart2", "urn:x|y", "|x"])
def test_a_label_goes_out_as_it_came_in(said: str) -> None:
    assert label(*labelled(said)) == said
