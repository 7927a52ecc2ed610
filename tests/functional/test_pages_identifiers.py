"""A patient's numbers on the pages: the hospital's own beside the name, every other only in the record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.delivery.web.identifiers import identifiers, shown
from salus.record.identity import person
from salus.spine.site import Site
from tests import doors
from tests.browser.ward_site import Ward, served

V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def typed(code: object) -> dict[str, object]:
    return {"coding": [{"system": V2, "code": code}]}


PATIENT = {
    "resourceType": "Patient", "id": "a", "name": [{"text": "Ada Byron"}], "birthDate": "1950-02-03",
    "identifier": [
        {"system": "urn:example:generator", "value": "M-77"},
        {"type": typed("SS"), "system": "http://hl7.org/fhir/sid/us-ssn",
         "value": "999-22-1962"},
        {"type": typed("MR"), "system": "urn:example:hospital", "value": "M-77"},
        {"type": typed("PPN"), "system": "urn:example:state", "value": "X4581"},
        {"type": {"text": "Library card"}, "value": "L-9"},
        {"type": "unclear", "value": "U-1"},
    ],
}  # fmt: skip
PULSE = {
    "resourceType": "Observation", "id": "p", "status": "final", "subject": {"reference": "Patient/a"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "effectiveDateTime": "2026-11-02T07:30:00Z", "valueQuantity": {"value": 80, "code": "/min"},
}  # fmt: skip


def read(site: Site, folder: Path, *resources: dict[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "export.ndjson").write_text("".join(json.dumps(one) + "\n" for one in resources))
    spine.read(site, str(folder / "export.ndjson"), actor=Actor("test"))


@pytest.fixture(name="ward")
def ward_fixture(tmp_path: Path) -> Iterator[Ward]:
    site = doors.live_site(tmp_path / "archive")
    read(site, tmp_path / "export", PATIENT, PULSE)
    with served(site) as found:
        yield found


def test_beside_the_name_stands_the_medical_record_number_alone(ward: Ward) -> None:
    page = ward.get(ward.path("Ada"))
    assert "Medical record number M-77" in page
    assert page.count("M-77") == 1
    assert not re.search("999-22-1962|X4581|L-9|U-1", page + ward.get("/ward"))


def test_the_record_has_every_identifier_by_its_kind(ward: Ward) -> None:
    page = ward.get(f"{ward.path('Ada')}/record")
    found = re.findall(r"<dt>([^<]+)</dt><dd>([^< ]+)", page)
    assert found == [
        ("Identifier", "M-77"),
        ("Social security number", "999-22-1962"),
        ("Medical record number", "M-77"),
        ("Passport number", "X4581"),
        ("Library card", "L-9"),
        ("Identifier", "U-1"),
    ]


def test_beyond_the_end_of_a_record_no_entries_are_counted(ward: Ward) -> None:
    page = ward.get(f"{ward.path('Ada')}/record?from=1000")
    assert "There is nothing on this page" in page
    assert "1001 to" not in page


def test_an_archive_of_before_kinds_shows_no_number_of_the_state_and_takes_more(
    ward: Ward, tmp_path: Path
) -> None:
    (people,) = (tmp_path / "archive").glob("gen-*/metadata/people.parquet")
    pl.read_parquet(people).drop("kinds").write_parquet(people)
    page = ward.get(ward.path("Ada"))
    assert "Identifier M-77" in page
    assert "999-22-1962" not in page
    read(ward.site, tmp_path / "more", {**PATIENT, "id": "b", "name": [{"text": "Bea Lund"}]},
         {**PULSE, "id": "q", "subject": {"reference": "Patient/b"}})  # fmt: skip
    assert "Identifier M-77" in ward.get(ward.path("Ada"))
    assert "Medical record number M-77" in ward.get(ward.path("Bea"))


def test_without_kinds_a_number_of_the_state_is_never_the_one_that_is_shown() -> None:
    known = ("http://hl7.org/fhir/sid/us-ssn|999", "urn:oid:2.16.840.1.113883.4.3.25|S9", "urn:x|7")
    first = shown(identifiers(known, ()))
    assert first is not None
    assert (first.kind, first.value) == ("Identifier", "7")
    assert shown(identifiers(known[:2], ())) is None
    assert shown(identifiers(known[:1], ("SS",))) is None


def test_an_identifier_that_comes_twice_is_listed_once() -> None:
    assert len(identifiers(("urn:x|7", "urn:x|7"), ("MR", "MR"))) == 1


@pytest.mark.parametrize("kind", ["MR", 7, [], {"coding": 7}, {"coding": [7]}, typed(7)])
def test_a_kind_of_a_wrong_shape_costs_itself_alone(kind: object) -> None:
    raw = json.dumps({**PATIENT, "identifier": [{"type": kind, "value": "7"}]}).encode()
    found = person("Patient/a", raw, lambda name: name)
    assert (found.name, found.identifiers, found.kinds) == ("Ada Byron", ("|7",), ("",))


def test_a_letter_that_is_no_utf_8_hides_no_page(ward: Ward, tmp_path: Path) -> None:
    lines = json.dumps({**PULSE, "id": "q", "note": [{"text": "XX"}]}).encode().replace(b"XX", b"\xfc")
    (tmp_path / "latin.ndjson").write_bytes(lines + b"\n")
    spine.read(ward.site, str(tmp_path / "latin.ndjson"), actor=Actor("test"))
    for path in ("", "/record"):
        assert "Ada Byron" in ward.get(ward.path("Ada") + path)
