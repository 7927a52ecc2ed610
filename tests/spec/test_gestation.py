"""A pregnancy that shows beside its status: by a gestational age, a test, the reason of a visit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.core.registry import model
from salus.risk._pregnancy import pregnant
from tests.risk_views import NOW, called, has, person, seen, takes, view

WOMAN = person(30, "female")
DAYS = timedelta(days=3)
PULSE = (seen("LOINC/8867-4", 70.0, "/min"), takes("paracetamol"))
NOT = seen("LOINC/82810-3", "SNOMED/60001007", before=timedelta(days=9))
V3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def visit(code: str, *, status: str = "in-progress", days: float = 1, words: str = "") -> Event:
    codes = ("ActCode/IMP", code, *([f"text/{words}"] if words else []))
    when = NOW - timedelta(days=days)
    return Event(codes, when, None, when, status=status, source="Encounter/e")


OPEN = [
    (seen("LOINC/2118-8", "SNOMED/10828004", before=DAYS), "a test for it is positive"),
    (seen("LOINC/2106-3", f"{V3}|POS", before=DAYS), "a test for it is positive"),
    (seen("LOINC/2106-3", "Positive", before=DAYS), "a test for it is positive"),
    (seen("LOINC/2106-3", Absence.WITHHELD, before=DAYS), "cannot be read"),
    (seen("LOINC/18185-9", 28.0, before=DAYS), "cannot be read"),
    (seen("LOINC/18185-9", Absence.WITHHELD, before=DAYS), "cannot be read"),
    (visit("SNOMED/77386006"), "the reason of a visit"),
    (visit("ICD10CM/O26.9", status="finished"), "the reason of a visit"),
    (visit("urn:own|1", words="Pregnancy"), "the reason of a visit"),
]


@pytest.mark.parametrize("name", ["ckd", "findrisc", "news2", "prevent"])
@pytest.mark.parametrize(("event", "says"), OPEN)
def test_what_may_show_a_pregnancy_leaves_it_open_and_is_said(name: str, event: Event, says: str) -> None:
    limits = model(name).predict(view(*WOMAN, *MEASURED, event)).limits
    assert any(limit.lower().startswith("pregnancy: ") and says in limit for limit in limits), limits
    assert not any("pregnant now is not on record" in limit for limit in limits)
    # Said to be none nine days ago, it may have begun, or been found, since.
    assert pregnant(view(*WOMAN, NOT, event)).value is None


MEASURED = (
    *PULSE, seen("LOINC/2160-0", 0.8, "mg/dL"), seen("LOINC/8480-6", 120.0, "mm[Hg]"),
    seen("LOINC/8280-0", 75.0, "cm"),
)  # fmt: skip


@pytest.mark.parametrize("event", [
    seen("LOINC/2118-8", "SNOMED/260385009", before=DAYS), seen("LOINC/2118-8", "negative", before=DAYS),
    seen("LOINC/2118-8", 3.0, "[IU]/L", before=DAYS), seen("LOINC/2118-8", Absence.NOT_MEASURED, before=DAYS),
    seen("LOINC/18185-9", 39.0, "wk", before=timedelta(weeks=6)),
    seen("LOINC/2118-8", "positive", before=timedelta(weeks=43)),
    visit("SNOMED/77386006", status="cancelled"), visit("SNOMED/195967001"),
    visit("urn:own|1", words="Pregnancy test negative"), visit("SNOMED/77386006", days=300),
])  # fmt: skip
def test_what_shows_none_of_today_names_none(event: Event) -> None:
    assert pregnant(view(*WOMAN, event)).events == ()


def test_the_last_test_counts_and_a_status_since_decides() -> None:
    positive = seen("LOINC/2118-8", "positive", before=timedelta(days=20), name="a")
    assert pregnant(view(*WOMAN, positive)).value is None
    assert pregnant(view(*WOMAN, positive, seen("LOINC/2118-8", "negative", before=DAYS))).events == ()
    assert pregnant(view(*WOMAN, positive, NOT)).value is False
    yes = replace(NOT, value="SNOMED/77386006")
    assert pregnant(view(*WOMAN, yes, seen("LOINC/2118-8", "positive"))).value is True


def test_a_gestational_age_ends_with_the_delivery_and_by_a_later_no() -> None:
    carried = seen("LOINC/18185-9", 38.0, "wk", before=timedelta(days=20))
    assert pregnant(view(*WOMAN, carried)).value is True
    assert pregnant(view(*WOMAN, carried, NOT)).value is False
    over = replace(has("SNOMED/11466000"), time=NOW - DAYS, known_at=NOW - DAYS)
    assert pregnant(view(*WOMAN, carried, over)).value is None
    named = replace(called("Pregnancy"), status="resolved")
    assert pregnant(view(*WOMAN, carried, named)).value is True


@pytest.mark.parametrize(("days", "is_open"), [(30, False), (5, True)])
def test_a_visit_of_a_pregnancy_that_has_ended_says_nothing_of_today(days: float, is_open: bool) -> None:
    began, ended = NOW - timedelta(days=250), NOW - timedelta(days=10)
    past = replace(has("SNOMED/77386006", status="resolved"), time=began, end=ended, known_at=began)
    found = pregnant(view(*WOMAN, past, visit("SNOMED/77386006", status="finished", days=days)))
    assert bool(found.events) == is_open


def test_who_was_said_not_to_be_pregnant_since_is_not_by_an_older_age() -> None:
    older = seen("LOINC/18185-9", 8.0, "wk", before=timedelta(days=100))
    for days in (50, 90):
        since = seen("LOINC/82810-3", "SNOMED/60001007", before=timedelta(days=days), name="no")
        assert pregnant(view(*WOMAN, older, since)).value is not True
        assert pregnant(view(*WOMAN, older)).value is True


def test_an_age_that_was_charted_after_the_birth_is_of_the_child_that_was_born() -> None:
    born = has("ICD10CM/O80", status="resolved")
    born = replace(born, time=NOW - timedelta(days=7), known_at=NOW - timedelta(days=7))
    charted = seen("LOINC/18185-9", 39.0, "wk", before=timedelta(days=6))
    due = seen("LOINC/11778-8", (NOW - timedelta(days=1)).date().isoformat(), before=timedelta(days=6))
    assert pregnant(view(*WOMAN, born, charted)).value is not True
    assert pregnant(view(*WOMAN, born, due)).value is not True


def test_a_test_that_is_withheld_gives_way_to_a_later_one() -> None:
    hidden = seen("LOINC/2106-3", Absence.WITHHELD, before=timedelta(days=20), name="a")
    negative = seen("LOINC/2106-3", "SNOMED/260385009", before=timedelta(days=2), name="b")
    assert pregnant(view(*WOMAN, hidden, negative)).events == ()
    assert pregnant(view(*WOMAN, hidden)).events == (hidden,)
