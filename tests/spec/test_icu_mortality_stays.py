"""Of which stays is asked who dies in hospital, and what is known of how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salus.core.codes import BIRTH, DEATH, DISPOSITION
from salus.core.evidence import Event, Timeline
from salus.learning.features import AGE
from salus.learning.task import Case, Excluded
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.risk.icu_mortality import TASK

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-discharge-disposition"
NUBC = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
ICU, HOSPITAL = ("ActCode/ACUTE", "SNOMED/305351004"), ("ActCode/IMP",)


def visit(
    codes: tuple[str, ...] = ICU, start: datetime = START, hours: float | None = 96, **more: Any
) -> Event:
    end = None if hours is None else start + hours * HOUR
    return Event(codes, start, end, start, status="finished", **{"source": "Encounter/icu", **more})


def ended(how: str, at: datetime = START + 4 * DAY, source: str = "Encounter/icu") -> Event:
    return Event((DISPOSITION,), at, None, at, how, status="finished", source=source)


def death(at: datetime, end: datetime | None = None) -> Event:
    return Event((DEATH,), at, end, at, source="Patient/p")


def asked(*events: Event) -> list[Case | Excluded]:
    return list(TASK.cases(Timeline.of("Patient/p", events)))


def outcome(*events: Event) -> bool | None:
    (case,) = asked(*events)
    assert isinstance(case, Case)
    return case.outcome


def test_it_is_asked_48_hours_after_the_admission() -> None:
    (case,) = asked(visit())
    assert case == Case("Encounter/icu", "Patient/p", START, START + 2 * DAY, None, START + 4 * DAY)


def test_a_stay_that_is_a_person_too_is_called_by_its_key() -> None:
    (case,) = asked(visit(source="Encounter/p"))
    assert isinstance(case, Case)
    assert case.id == "p"


@pytest.mark.parametrize("hours", [0.0, 24.0, 47.99])
def test_a_shorter_stay_is_none(hours: float) -> None:
    assert asked(visit(hours=hours)) == [Excluded("Patient/p", "in intensive care for less than 48 hours")]


@pytest.mark.parametrize("hours", [48.0, 400.0, None])
def test_a_stay_of_48_hours_or_one_that_goes_on_is_asked_about(hours: float | None) -> None:
    (case,) = asked(visit(hours=hours))
    assert isinstance(case, Case)


@pytest.mark.parametrize(
    ("age", "is_asked"),
    [
        (Event((AGE,), START, value=14.0, unit="a", status="final", source="Observation/1"), False),
        (Event((AGE,), START, value=15.0, unit="a", status="final", source="Observation/1"), True),
        (Event((BIRTH,), START.replace(year=2015), source="Patient/p"), False),
        (Event((BIRTH,), START.replace(year=1960), source="Patient/p"), True),
    ],
)
def test_children_are_not_asked_about_and_of_unknown_age_one_is(age: Event, is_asked: bool) -> None:
    (found,) = asked(visit(), age)
    assert isinstance(found, Case) is is_asked
    assert is_asked or found.why == "younger than 15"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("how", "died"),
    [
        (f"{HL7}|exp", True),
        (f"{HL7}|oth", False),
        (f"{HL7}|home", False),
        (f"{MIMIC}|DIED", True),
        (f"{MIMIC}|HOSPICE", False),
        (f"{NUBC}|20", True),
        (f"{NUBC}|01", False),
        ("SNOMED/419099009", True),
        ("SNOMED/371827001", False),
        # Whatever these say, nobody here can tell: unknown is not "no".
        (f"{NUBC}|30", None),
        ("urn:our-own|7", None),
        ("Verlegt", None),
        ("", None),
    ],
)
def test_how_a_stay_ended_tells_who_died(how: str, died: bool | None) -> None:
    assert outcome(visit(), ended(how)) is died


def test_a_death_tells_where_no_disposition_does() -> None:
    over = START + 4 * DAY
    assert outcome(visit(), death(over - HOUR)) is True
    assert outcome(visit(), death(over + DAY)) is False
    assert outcome(visit(hours=None), death(over)) is None
    day = over.replace(hour=0)
    assert outcome(visit(), death(day, day + DAY)) is True
    assert outcome(visit(), ended("Verlegt"), death(over - HOUR)) is True


def test_who_died_within_48_hours_is_not_asked_about() -> None:
    assert asked(visit(hours=None), death(START + DAY)) == [Excluded("Patient/p", "died within 48 hours")]


def test_the_stay_in_hospital_around_it_tells_how_it_ended() -> None:
    hospital = visit(HOSPITAL, START - DAY, 24 * 9, source="Encounter/hospital")
    last = ended(f"{HL7}|exp", START + 8 * DAY, "Encounter/hospital")
    assert outcome(visit(), hospital, last) is True
    # Another stay in hospital, a year later, tells nothing of this one.
    later = visit(HOSPITAL, START + 365 * DAY, 48, source="Encounter/later")
    died = ended(f"{HL7}|exp", START + 367 * DAY, "Encounter/later")
    assert outcome(visit(), hospital, later, died) is None


def test_an_acute_stay_is_intensive_care_only_inside_another() -> None:
    acute = visit(("ActCode/ACUTE",))
    assert asked(acute) == []
    assert asked(visit(("ActCode/IMP",))) == []
    hospital = visit(("ActCode/EMER",), START - DAY, 24 * 9, source="Encounter/hospital")
    assert [type(one) for one in asked(acute, hospital)] == [Case]


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error"])
def test_what_took_no_place_is_no_stay(status: str) -> None:
    event = visit()
    assert asked(Event(event.codes, event.time, event.end, None, status=status, source=event.source)) == []


def test_each_stay_is_asked_about_by_itself() -> None:
    second = visit(start=START + 30 * DAY, source="Encounter/second")
    found = asked(
        visit(), second, ended(f"{HL7}|home"), ended(f"{HL7}|exp", START + 34 * DAY, "Encounter/second")
    )
    assert [(one.id, one.outcome) for one in found if isinstance(one, Case)] == [
        ("Encounter/icu", False),
        ("Encounter/second", True),
    ]


def test_the_stays_of_the_mimic_demo_are_found_with_their_outcomes(
    tmp_path: Path, data_set: Callable[[str], Path]
) -> None:
    """140 ICU stays; by their own Encounters, 74 last 48 hours, and 12 of those end with DIED."""
    export = tmp_path / "export"
    export.mkdir()
    for file in ("MimicEncounter", "MimicEncounterICU", "MimicPatient"):
        (export / f"{file}.ndjson.gz").symlink_to(data_set("mimic-iv-fhir-demo") / f"{file}.ndjson.gz")
    read_place(str(export), tmp_path / "archive")
    archive = Archive.open(tmp_path / "archive")
    found = [one for subject in archive.subjects() for one in TASK.cases(archive.timeline(subject))]
    told = Counter(one.outcome if isinstance(one, Case) else one.why for one in found)
    assert told == {False: 62, True: 12, "in intensive care for less than 48 hours": 66}
