"""Which records are of one person: by `Patient.link` as it stands now, in whatever order it was read."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.identity import Person
from tests.functional.test_record_archive import observation

REPLACED = ("replaced-by", "b")
APART = [observation(1, "a"), observation(2, "b")]
GONE = {
    "resourceType": "Bundle",
    "type": "history",
    "entry": [{"request": {"method": "DELETE", "url": "Patient/a"}}],
}


def patient(name: str, *links: tuple[str, str], **more: Any) -> dict[str, Any]:
    joined = [{"other": {"reference": f"Patient/{other}"}, "type": how} for how, other in links]
    named = {"name": [{"text": f"Name {name}"}], "identifier": [{"system": "urn:mrn", "value": name}]}
    return {"resourceType": "Patient", "id": name, **named, "link": joined, **more}


def archive(folder: Path, *reads: list[dict[str, Any]]) -> Archive:
    """Return what these reads, one after another, make of an archive."""
    for number, resources in enumerate(reads):
        place = folder / f"{number}.ndjson"
        place.write_text("".join(json.dumps(one) + "\n" for one in resources))
        read_place(str(place), folder / "archive")
    return Archive.open(folder / "archive")


def values(read: Archive, subject: str) -> list[float]:
    return [event.value for event in read.timeline(subject) if isinstance(event.value, float)]


@pytest.mark.parametrize(
    "withdrawn",
    [
        GONE,
        patient("a", REPLACED, modifierExtension=[{"url": "https://x.org/not"}]),
        patient("a", REPLACED, implicitRules="https://x.org/rules"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_withdrawn_patient_joins_and_names_nobody(
    tmp_path: Path, withdrawn: dict[str, Any], at_once: bool
) -> None:
    first = [patient("a", REPLACED), patient("b"), *APART]
    reads = [[*first, withdrawn]] if at_once else [first, [withdrawn], [observation(3, "c")]]
    read = archive(tmp_path, *reads)
    assert {"Patient/a", "Patient/b"} <= set(read.subjects())
    assert values(read, "b") == [2.0]
    assert read.person("a") == Person("Patient/a")
    assert read.find("urn:mrn|a") == []


def test_a_patient_who_comes_back_is_named_again(tmp_path: Path) -> None:
    first = [patient("a", REPLACED), patient("b"), *APART]
    read = archive(tmp_path, first, [GONE], [patient("a", REPLACED)])
    assert read.subjects() == ["Patient/b"]
    assert sorted(values(read, "b")) == [1.0, 2.0]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_record_is_replaced_whether_or_not_its_patient_was_brought(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    parts = [[patient("b", ("replaces", "a"))], [observation(1, "a")], [observation(2, "b")]]
    read = archive(tmp_path, *(parts[at] for at in order))
    assert read.subjects() == ["Patient/b"]
    assert sorted(values(read, "b")) == sorted(values(read, "a")) == [1.0, 2.0]


def test_two_that_were_replaced_by_a_third_are_one(tmp_path: Path) -> None:
    third = [patient("a", ("replaced-by", "c")), patient("b", ("replaced-by", "c"))]
    read = archive(tmp_path, [*third, *APART])
    assert read.subjects() == ["Patient/a"]
    assert sorted(values(read, "b")) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("how", "one"),
    [
        ("replaced-by", True),
        ("replaces", True),
        ("refer", True),
        ("seealso", True),
        ("xyz", False),
        (None, False),
    ],
)
def test_only_links_of_a_known_type_join(tmp_path: Path, how: str | None, one: bool) -> None:
    linked = patient("a", (how, "b"))  # type: ignore[arg-type]
    read = archive(tmp_path, [linked, patient("b"), *APART])
    assert (len(read.subjects()) == 1) == one


def linked_to(name: str, reference: str, **more: Any) -> dict[str, Any]:
    return patient(name, link=[{"other": {"reference": reference}, "type": "seealso"}], **more)


@pytest.mark.parametrize(
    "inside",
    [
        {"resourceType": "RelatedPerson", "id": "m", "patient": {"reference": "#p"}},
        {"resourceType": "Patient", "id": "m", "name": [{"text": "Before"}]},
    ],
)
def test_what_two_records_contain_under_one_name_makes_nobody_one(
    tmp_path: Path, inside: dict[str, Any]
) -> None:
    two = [linked_to(name, "#m", contained=[inside]) for name in "ab"]
    assert archive(tmp_path, [*two, *APART]).subjects() == ["Patient/a", "Patient/b"]


@pytest.mark.parametrize(
    ("address", "one"),
    [
        ("https://ours.example/fhir/Patient/b", True),
        ("http://OURS.example/fhir/Patient/b/_history/2", True),
        ("https://regional.example/fhir/Patient/b", False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_link_to_another_server_joins_nobody_here(
    tmp_path: Path, address: str, one: bool, first: bool
) -> None:
    """Whichever is read first: the link, or what tells whose ids these are."""
    home = observation(3, "b") | {"subject": {"reference": "https://ours.example/fhir/Patient/b"}}
    parts = [[linked_to("a", address)], [patient("b"), *APART, home]]
    read = archive(tmp_path, *(parts if first else parts[::-1]))
    assert (len(read.subjects()) == 1) == one


def test_a_link_with_an_unknown_modifier_joins_nobody(tmp_path: Path) -> None:
    link = {"other": {"reference": "Patient/b"}, "type": "seealso", "modifierExtension": [{"url": "urn:not"}]}
    read = archive(tmp_path, [patient("a", link=[link]), patient("b"), *APART])
    assert read.subjects() == ["Patient/a", "Patient/b"]


OURS, THEIRS = "https://ours.example/fhir", "https://regional.example/fhir"
WARFARIN, PARACETAMOL = (
    {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]}
    for code in ("11289", "161")
)


def lies(base: str, one: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one}


def ordered(reference: str) -> dict[str, Any]:
    return lies(OURS, {"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order",
                       "subject": {"reference": "Patient/a"}, "authoredOn": "2026-01-01",
                       "medicationReference": {"reference": reference}})  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("Medication/1", "RxNorm/11289"),
        (f"{OURS}/Medication/1", "RxNorm/11289"),
        (f"{OURS}/Medication/1/_history/2", "RxNorm/11289"),
        (f"{THEIRS}/Medication/1", "RxNorm/161"),
        ("https://third.example/fhir/Medication/1", "https://third.example/fhir/Medication/1"),
    ],
)
@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_drug_of_another_server_is_none_of_ours_by_its_id(
    tmp_path: Path, reference: str, code: str, order: tuple[int, ...]
) -> None:
    drugs = [
        lies(base, {"resourceType": "Medication", "id": "1", "code": said})
        for base, said in ((OURS, WARFARIN), (THEIRS, PARACETAMOL))
    ]
    entries = [*drugs, ordered(reference)]
    whole = {"resourceType": "Bundle", "type": "collection", "entry": [entries[at] for at in order]}
    read = archive(tmp_path, [whole])
    assert [event.code for event in read.timeline("a")] == [code]
    (timeline,), _ = fhir.bundle(json.dumps(whole).encode(), "b")
    assert [event.code for event in timeline] == [code]
    assert read.write_back(tmp_path / "back")["Medication.ndjson"] == 2
