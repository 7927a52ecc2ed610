"""An archive as a population: what was refused is hidden, and what was corrected stood until it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import QUALITY, Actor
from salus.core.errors import UserError
from salus.core.registry import task
from salus.record.archive import Archive
from salus.record.population import of_archive
from salus.spine.cases import gather, population
from salus.spine.opening import Opening

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

OPENING = Opening(Actor("test"), QUALITY, "a test")


def _measured(name: str, code: str, when: str, value: object, **more: object) -> dict[str, object]:
    quantity = {"valueQuantity": {"value": value, "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"}}
    return {
        "resourceType": "Observation", "id": name, "status": "final", "subject": {"reference": "Patient/a"},
        "code": {"coding": [{"system": LOINC, "code": code}]}, "effectiveDateTime": when, **quantity, **more,
    }  # fmt: skip


def _visit(name: str, start: str) -> dict[str, object]:
    return {
        "resourceType": "Encounter", "id": name, "status": "finished", "subject": {"reference": "Patient/a"},
        "class": {"system": ACT, "code": "AMB"}, "period": {"start": start, "end": start},
    }  # fmt: skip


PERSON = {"resourceType": "Patient", "id": "a", "gender": "female", "birthDate": "1950-01-01"}
VISITS = [_visit(f"v{year}", f"{year}-03-01T08:00:00Z") for year in (2008, 2010, 2016, 2022)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One woman with four visits, a pressure, a later correction of it, and one that cannot be read."""
    told = [
        PERSON,
        *VISITS,
        _measured("p1", "8480-6", "2010-02-01T08:00:00Z", 150, issued="2010-02-01T09:00:00Z"),
        _measured("p2", "8462-4", "2010-02-01T08:00:00Z", {"broken": True}),
    ]
    site = spine.open_site(tmp_path / "archive")
    for number, resources in enumerate(
        (told, [_measured("p1", "8480-6", "2010-02-01T08:00:00Z", 120, issued="2010-06-01T09:00:00Z")])
    ):
        folder = tmp_path / f"export{number}"
        folder.mkdir()
        lines = [json.dumps({**one, "meta": {"versionId": str(number + 1)}}) for one in resources]
        (folder / "all.ndjson").write_text("\n".join(lines) + "\n")
        spine.read(site, str(folder), actor=Actor("test"))
    return tmp_path / "archive"


def test_what_stood_then_is_seen_and_what_was_refused_is_hidden(archive: Path) -> None:
    asked = task("diabetes-onset")
    cases = gather(
        asked,
        population(asked, str(archive), "", OPENING),
        actor=Actor("test"),
        purpose=QUALITY,
        basis="a test",
    )
    assert [case.moment.year for case in cases.asked] == [2010, 2016]
    # In March 2010 the pressure was 150; that it was 120 was known from June on.
    assert cases.values["systolic blood pressure, last"].to_list() == [150.0, 120.0]
    assert cases.hidden.filter(row=0)["parameter"].to_list() == ["diastolic blood pressure"]


def test_the_columns_hold_what_a_timeline_holds(archive: Path) -> None:
    whole = Archive.open(archive)
    found = of_archive(whole, lambda code: True).events
    (subject,) = whole.subjects()
    told = sorted(event.source for event in whole.timeline(subject))
    assert sorted(found.filter(found["until"].is_null())["source"]) == told


def test_a_part_of_an_archive_is_of_its_people_and_no_other_part_is_taken_for_one(
    archive: Path, tmp_path: Path
) -> None:
    asked, people = task("diabetes-onset"), tmp_path / "more"
    people.mkdir()
    lines = [json.dumps({**PERSON, "id": f"person{at}"}) for at in range(40)]
    (people / "all.ndjson").write_text("\n".join(lines) + "\n")
    spine.read(spine.open_site(archive), str(people), actor=Actor("test"))

    def subjects(part: str) -> set[str]:
        return set(population(asked, str(archive), part, OPENING).subjects["subject"])

    train, held = subjects("train"), subjects("test")
    assert (train | held, train & held) == (subjects(""), set())
    assert 2 <= len(held) <= 18
    with pytest.raises(UserError, match=r"has no part 'zzz'\. Choose one of"):
        subjects("zzz")
