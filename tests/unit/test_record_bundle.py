"""Bundles: what is inside them, in which order, what they take back, and what a broken entry costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salus.record import fhir
from salus.record.account import Account
from salus.record.archive import Archive
from salus.record.bulk import read_place

PULSE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}


def pulse(number: int, value: int = 80) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": str(number),
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": PULSE,
        "effectiveDateTime": "2026-11-02T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "/min", "code": "/min"},
    }


def bundle(*entries: Any, kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def holding(*resources: Any, kind: str = "collection") -> dict[str, Any]:
    return bundle(*({"resource": one} for one in resources), kind=kind)


def read(one: Any, tmp_path: Path) -> tuple[list[object], Account]:
    """Return the pulses and the account of a Bundle, which both ways of reading must agree on."""
    raw = json.dumps(one).encode()
    timelines, account = fhir.bundle(raw, "b")
    tmp_path.mkdir(exist_ok=True)
    place, archive = tmp_path / "b.json", tmp_path / "archive"
    place.write_bytes(raw)
    kept = read_place(str(place), archive)
    assert kept.counts() == account.counts()
    values = [event.value for timeline in timelines for event in timeline]
    if kept.subjects:
        assert [event.value for event in Archive.open(archive).timeline("Patient/p")] == values
    assert account.unaccounted() == kept.unaccounted() == 0
    return values, account


def test_a_history_is_read_oldest_first(tmp_path: Path) -> None:
    values, account = read(holding(pulse(1, 90), pulse(1, 80), kind="history"), tmp_path)
    assert values == [90]
    assert account.resources == 2


def test_a_batch_is_opened_search_by_search(tmp_path: Path) -> None:
    found, none = holding(pulse(1), pulse(2, 81), kind="searchset"), bundle(kind="searchset")
    values, account = read(holding(found, none, kind="batch-response"), tmp_path)
    assert values == [80, 81]
    assert (account.resources, account.rejected) == (2, [])


@pytest.mark.parametrize(
    "inner", [{"resourceType": "Bundle"}, bundle(), {"resourceType": "Bundle", "id": "0"}]
)
def test_a_bundle_inside_that_holds_nothing_and_answers_nothing_is_counted(
    inner: dict[str, Any], tmp_path: Path
) -> None:
    _, account = read(holding(pulse(1), inner), tmp_path)
    assert account.resources == 2
    assert [one.reason for one in account.rejected] == ["a Bundle inside"]


def test_bundles_nested_without_end_are_refused(tmp_path: Path) -> None:
    nested = pulse(1)
    for _ in range(9):
        nested = holding(nested)
    values, account = read(nested, tmp_path)
    assert (values, [one.reason for one in account.rejected]) == ([], ["a Bundle inside"])


def test_a_deletion_takes_back_what_came_before(tmp_path: Path) -> None:
    gone = {"request": {"method": "DELETE", "url": "Observation/1"}}
    values, account = read(bundle({"resource": pulse(1)}, {"resource": pulse(2, 81)}, gone), tmp_path)
    assert values == [81]
    assert [one.reason for one in account.rejected] == ["deleted where it came from"]


BASE = "http://h.example/fhir"


@pytest.mark.parametrize(
    "url",
    [
        "/Observation/1",
        "Observation/1/_history/2",
        f"{BASE}/Observation/1",
        f"{BASE}/Observation/1/_history/2",
        f"{BASE}/Observation/1/",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_deletion_is_heard_however_its_url_is_written(url: str, at_once: bool, tmp_path: Path) -> None:
    here = {"resource": pulse(1), "fullUrl": f"{BASE}/Observation/1"}
    gone, other = {"request": {"method": "DELETE", "url": url}}, {"resource": pulse(2, 81)}
    if not at_once:
        read(bundle(here, other), tmp_path)
    values, account = read(bundle(*([here, other, gone] if at_once else [gone, other])), tmp_path)
    assert values == [81]
    assert [one.reason for one in account.rejected] == ["deleted where it came from"]


@pytest.mark.parametrize("url", ["Observation?_id=1", "", "Observation", "Observation/1/_history", "x/1", 7])
def test_a_deletion_that_names_no_one_resource_is_counted_and_said(url: Any, tmp_path: Path) -> None:
    values, account = read(
        bundle({"resource": pulse(1)}, {"request": {"method": "DELETE", "url": url}}), tmp_path
    )
    assert values == [80]
    assert account.resources == 2
    assert [one.reason[:40] for one in account.rejected] == ["a deletion that names no one resource: n"]


def test_a_deletion_is_of_the_version_that_its_url_names(tmp_path: Path) -> None:
    new = {"resource": pulse(1, 90) | {"meta": {"versionId": "3"}}}
    for number, left in (("2", [90]), ("4", [])):
        gone = {"request": {"method": "DELETE", "url": f"Observation/1/_history/{number}"}}
        values, _ = read(bundle(new, gone, {"resource": pulse(2, 81)}), tmp_path / number)
        assert values == [*left, 81]


def test_another_servers_deletion_takes_nothing_of_ours_back(tmp_path: Path) -> None:
    read(bundle({"resource": pulse(1), "fullUrl": f"{BASE}/Observation/1"}), tmp_path)
    gone = {"request": {"method": "DELETE", "url": "https://other.example/fhir/Observation/1"}}
    _, account = read(bundle(gone), tmp_path)
    assert account.resources == len(account.rejected) == 1
    events = Archive.open(tmp_path / "archive").timeline("Patient/p")
    assert [event.source for event in events] == ["Observation/1"]


OLD, NEW = ({"versionId": str(number), "lastUpdated": f"2026-11-0{number}T00:00:00Z"} for number in (1, 4))


@pytest.mark.parametrize(
    "response",
    [
        {"lastModified": "2026-11-03T00:00:00Z", "etag": 'W/"3"'},
        {"lastModified": "2026-11-03T00:00:00Z"},
        {"etag": 'W/"3"'},
        {"etag": '"3"'},
    ],
)
def test_a_deletion_is_of_a_version(response: dict[str, str], tmp_path: Path) -> None:
    gone = {"request": {"method": "DELETE", "url": "Observation/1"}, "response": response}
    old, new = {"resource": pulse(1) | {"meta": OLD}}, {"resource": pulse(1, 90) | {"meta": NEW}}
    other = {"resource": pulse(2, 81)}
    for number, (entries, left) in enumerate(
        [((gone, old), []), ((gone, new), [90]), ((new, gone), [90]), ((old, new, gone), [90])]
    ):
        values, _ = read(bundle(*entries, other), tmp_path / str(number))
        assert values == [*left, 81]


def test_what_is_older_than_a_deletion_stays_deleted_when_it_is_read_later(tmp_path: Path) -> None:
    response = {"lastModified": "2026-11-03T00:00:00Z"}
    gone = {"request": {"method": "DELETE", "url": "Observation/1"}, "response": response}
    found = []
    for entry in (gone, {"resource": pulse(1) | {"meta": OLD}}, {"resource": pulse(1, 90) | {"meta": NEW}}):
        (tmp_path / "b.json").write_text(json.dumps(bundle({"resource": pulse(2, 81)}, entry)))
        read_place(str(tmp_path / "b.json"), tmp_path / "a")
        found.append([event.value for event in Archive.open(tmp_path / "a").timeline("Patient/p")])
    assert found == [[81], [81], [90, 81]]


@pytest.mark.parametrize("response", [7, {"etag": 7}, {"etag": "3", "lastModified": "soon"}, {}])
def test_a_deletion_whose_version_cannot_be_read_is_one_all_the_same(response: Any, tmp_path: Path) -> None:
    gone = {"request": {"method": "DELETE", "url": "Observation/1"}, "response": response}
    values, _ = read(bundle({"resource": pulse(1) | {"meta": OLD}}, gone, {"resource": pulse(2)}), tmp_path)
    assert values == [80]


@pytest.mark.parametrize(
    "request_", [{"method": "GET", "url": "Observation/1"}, {"method": "DELETE", "url": "Observation?x=1"}, 7]
)
def test_what_deletes_no_one_resource_deletes_nothing(request_: Any, tmp_path: Path) -> None:
    values, _ = read(bundle({"resource": pulse(1)}, {"request": request_}), tmp_path)
    assert values == [80]


@pytest.mark.parametrize("entry", [7, "x", {"fullUrl": 7, "resource": {}}, {"resource": {"id": 7}}])
def test_a_broken_entry_costs_itself_alone(entry: Any, tmp_path: Path) -> None:
    values, account = read(bundle({"resource": pulse(1)}, entry, {"resource": pulse(2, 81)}), tmp_path)
    assert values == [80, 81]
    assert (account.resources, len(account.rejected)) == (3, 1)


UUID = "urn:uuid:0b7c7d4e-0000-4000-8000-00000000000"


@pytest.mark.parametrize("url", [f"{UUID}1", "https://ehr.example/fhir/Patient/a"])
def test_a_link_to_an_entry_without_an_id_joins(url: str, tmp_path: Path) -> None:
    link = [{"other": {"reference": url}, "type": "replaced-by"}]
    one = {"fullUrl": url, "resource": {"resourceType": "Patient", "gender": "male"}}
    other = {"fullUrl": f"{UUID}2", "resource": {"resourceType": "Patient", "link": link}}
    (tmp_path / "b.json").write_text(json.dumps(bundle(other, one)))
    read_place(str(tmp_path / "b.json"), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    name = f"Patient/{url[-1] if url.endswith('a') else url.rpartition(':')[2]}"
    assert archive.subjects() == [name]
    assert {event.source for event in archive.timeline(name)} == {name, f"Patient/{UUID[9:]}2"}


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://ehr.example/fhir/Patient/zz", "Patient/zz"),
        ("http://ehr.example/Patient/zz/_history/3", "Patient/zz"),
        ("https://ehr.example/fhir/Person/zz", "Patient/x-"),
        ("https://ehr.example/fhir/Patient/z?z", "Patient/x-"),
        ("https://ehr.example/zz", "Patient/x-"),
        ("", "Patient/x-"),
    ],
)
def test_a_full_url_names_a_resource_without_an_id(url: str, source: str, tmp_path: Path) -> None:
    patient = {"fullUrl": url, "resource": {"resourceType": "Patient", "birthDate": "1950-01-01"}}
    seen = {"resource": pulse(1) | {"subject": {"reference": "Patient/zz"}}}
    timelines, _ = fhir.bundle(json.dumps(bundle(patient, seen)).encode(), "b")
    (tmp_path / "b.json").write_text(json.dumps(bundle(patient, seen)))
    read_place(str(tmp_path / "b.json"), tmp_path / "a")
    assert [one.subject for one in timelines] == Archive.open(tmp_path / "a").subjects()
    assert len(timelines) == (1 if source == "Patient/zz" else 2)
    assert any(event.source.startswith(source) for one in timelines for event in one)
