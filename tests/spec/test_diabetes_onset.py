"""The onset of a disease, by that of diabetes: who is asked, at which visits, what is known of the end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.evidence import Event, Timeline
from salus.learning.artefact import inputs_for
from salus.learning.features import measured
from salus.learning.learnt import ON_RECORD, OVER
from salus.learning.task import Case, Excluded
from salus.risk.diabetes_onset import MODEL, TASK
from tests.onset_views import (
    KNOWN,
    SUBJECT,
    answered,
    asked,
    born,
    died,
    found,
    on,
    refused,
    told,
    visit,
    visits,
)

TYPE_2, TYPE_1 = "SNOMED/44054006", "SNOMED/46635009"


def test_it_is_asked_at_a_visit_a_year_after_the_first() -> None:
    assert asked(TASK, *visits(0, 0.99)) == []
    assert found(TASK, *visits(0, 1)) == [Case("Encounter/1", SUBJECT, on(1), on(1), None, on(6))]


def test_of_five_years_one_visit_is_asked_about_and_the_newest_is_answered() -> None:
    """Two questions that share what came after them would count one onset twice."""
    assert asked(TASK, *visits(0, 1, 2, 3, 5.9, 6, 7, 9)) == [("1", False), ("6", None), ("9", None)]


def test_the_newest_is_the_last_whether_it_opens_a_span_or_not() -> None:
    assert asked(TASK, *visits(0, 1, 6.5)) == [("1", False), ("6.5", None)]
    assert asked(TASK, *visits(0, 1, 4)) == [("1", None), ("4", None)]


@pytest.mark.parametrize(
    ("began", "outcome"), [(1.01, True), (3, True), (6, True), (6.01, False), (9, False)]
)
def test_what_begins_within_five_years_is_the_outcome(began: float, outcome: bool) -> None:
    assert asked(TASK, *visits(0, 1, 9.5), told(TYPE_2, began))[0] == ("1", outcome)


def test_where_the_record_ends_early_nobody_knows_the_outcome() -> None:
    assert asked(TASK, *visits(0, 1, 5.99))[0] == ("1", None)
    assert asked(TASK, *visits(0, 1, 6))[0] == ("1", False)
    assert asked(TASK, *visits(0, 1), told("SNOMED/38341003", 7))[0] == ("1", None), (
        "no milestone of the task"
    )


def test_a_death_ends_the_record() -> None:
    assert asked(TASK, *visits(0, 1), died(3)) == [("1", None)]
    assert asked(TASK, *visits(0, 1, 2), died(1.5)) == [("1", None), "had died by then"]


@pytest.mark.parametrize("code", [TYPE_2, TYPE_1, "ICD10CM/E11.9", "ICD10CM/E10"])
def test_who_has_it_already_is_not_asked_whatever_the_code(code: str) -> None:
    assert asked(TASK, *visits(0, 1, 7), told(code, -3)) == [KNOWN, KNOWN]
    assert asked(TASK, *visits(0, 1, 7), told(code, 1)) == [KNOWN, KNOWN]


def test_who_has_it_since_nobody_knows_when_is_not_asked() -> None:
    assert asked(TASK, *visits(0, 1, 7), told(TYPE_2, None)) == [KNOWN, KNOWN]


def test_a_diagnosis_after_the_newest_visit_bars_it_too() -> None:
    """Of the older question it is the outcome; the newest would be asked of somebody who has it."""
    assert asked(TASK, *visits(0, 1, 4), told(TYPE_2, 5)) == [("1", True), KNOWN]
    assert asked(TASK, *visits(0, 1), told(TYPE_2, 5)) == [("1", True)]


@pytest.mark.parametrize("status", ["entered-in-error", "refuted"])
@pytest.mark.parametrize("years", [-1, 3, None])
def test_a_diagnosis_recorded_in_error_or_refuted_is_none(status: str, years: float | None) -> None:
    events = (*visits(0, 1, 9), told(TYPE_2, years, status))
    assert asked(TASK, *events) == [("1", False), ("9", None)]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "planned"])
def test_a_visit_that_was_none_is_not_asked_about_and_begins_no_record(status: str) -> None:
    assert asked(TASK, visit(0, status=status), *visits(1, 1.5)) == []
    assert asked(TASK, *visits(0, 1), visit(2, status=status)) == [("1", None)]


@pytest.mark.parametrize(
    ("age_at_first", "is_asked"), [(16.9, False), (17.1, True), (83.5, True), (84.1, False)]
)
def test_ages_at_the_bounds(age_at_first: float, is_asked: bool) -> None:
    """A year later they are 17 or 18, 84 or 85."""
    (only,) = found(TASK, born(age_at_first), *visits(0, 1))
    assert isinstance(only, Case) is is_asked
    assert is_asked or only == Excluded(SUBJECT, "not 18 to 84 years old")


def test_without_a_date_of_birth_it_is_not_asked() -> None:
    found = list(TASK.cases(Timeline.of(SUBJECT, visits(0, 1))))
    assert found == [Excluded(SUBJECT, "no date of birth is on record")]


def test_no_feature_is_told_of_what_came_after_the_visit() -> None:
    before = [
        *visits(0, 1),
        Event(("LOINC/4548-4",), on(0.5), None, on(0.5), 5.9, "%", status="final", source="Observation/1"),
    ]
    after = [
        told(TYPE_2, 3),
        Event(("LOINC/4548-4",), on(2), None, on(2), 7.1, "%", status="final", source="Observation/2"),
    ]
    two = [
        measured(Timeline.of(SUBJECT, (born(), *events)), on(1), on(1), TASK.parameters, TASK.features)
        for events in (before, [*before, *after])
    ]
    assert str(two[0]) == str(two[1])
    assert two[0].values["HbA1c, last"] == 5.9


def test_the_disease_itself_is_never_read() -> None:
    assert TASK.leaks.isdisjoint(TASK.codes)
    assert not any(TASK.reads(code) for code in TASK.leaks)
    assert inputs_for(TASK, [feature.name for feature in TASK.features])


def test_before_a_site_has_trained_it_it_says_so_and_what_to_do() -> None:
    why, says = refused(answered(MODEL, *visits(0, 1), years=1.5))
    assert why == "not-available"
    assert "Train it on your own records: salus train diabetes-onset --on PLACE --out DIR." in says
    assert any("not available" in note for note in MODEL.card.notes)


@pytest.mark.parametrize(("events", "years", "says"), [
    ((told(TYPE_2, -1),), 1.5, f"This question is not asked here: {KNOWN}."),
    ((told(TYPE_2, 1.2),), 1.5, ON_RECORD),
    ((visit(2), told(TYPE_2, 2.2)), 2.5, f"This question is not asked here: {KNOWN}."),
    ((), 6.5, OVER),
])  # fmt: skip
def test_who_is_not_asked_is_told_why(events: tuple[Event, ...], years: float, says: str) -> None:
    assert refused(answered(MODEL, *visits(0, 1), *events, years=years)) == ("not-eligible", says)


def test_what_was_not_known_then_did_not_bar_it_then() -> None:
    late = (*visits(0, 1), told(TYPE_2, 1.2))
    assert refused(answered(MODEL, *late, years=1.1))[0] == "not-available"
    assert (
        refused(answered(MODEL, *late, years=1.2 + timedelta(days=1) / timedelta(days=366)))[0]
        == "not-eligible"
    )
