"""The onset of cardiovascular disease: what it asks otherwise than that of diabetes does."""

from __future__ import annotations

import pytest

from salus.core.card import Card
from salus.learning.task import Case, Excluded
from salus.risk.cvd_onset import MODEL, TASK
from tests.onset_views import KNOWN, SUBJECT, answered, asked, born, found, refused, told, visits

INFARCTION, STROKE, HEART_FAILURE, DIABETES = (
    f"SNOMED/{code}" for code in ("22298006", "422504002", "84114007", "44054006")
)


@pytest.mark.parametrize("code", [INFARCTION, STROKE, "ICD10CM/I21.4", "ICD10CM/I63.9"])
def test_infarction_and_stroke_are_the_outcome(code: str) -> None:
    assert asked(TASK, *visits(0, 1, 9), told(code, 4)) == [("1", True), KNOWN]


def test_heart_failure_bars_and_is_no_outcome() -> None:
    """PREVENT counts it to the outcome; here it is another disease, and whoever has it is treated already."""
    assert asked(TASK, *visits(0, 1, 9), told(HEART_FAILURE, -2)) == [KNOWN, KNOWN]
    assert asked(TASK, *visits(0, 1, 9), told(HEART_FAILURE, 4)) == [("1", False), KNOWN]
    assert asked(TASK, *visits(0, 1, 9), told(HEART_FAILURE, 9.5)) == [("1", False), KNOWN]


def test_heart_failure_after_the_only_visit_leaves_nothing_to_ask() -> None:
    assert asked(TASK, *visits(0, 1), told(HEART_FAILURE, 2)) == [KNOWN]


@pytest.mark.parametrize("status", ["entered-in-error", "refuted"])
@pytest.mark.parametrize("code", [STROKE, HEART_FAILURE])
def test_what_was_refuted_bars_nobody(code: str, status: str) -> None:
    assert asked(TASK, *visits(0, 1, 9), told(code, 0, status)) == [("1", False), ("9", None)]


def test_diabetes_is_looked_at_and_bars_nobody() -> None:
    assert asked(TASK, *visits(0, 1, 9), told(DIABETES, -2)) == [("1", False), ("9", None)]
    assert TASK.reads(DIABETES)
    assert not TASK.reads(STROKE)


@pytest.mark.parametrize(
    ("age_at_first", "is_asked"), [(28.9, False), (29.1, True), (83.5, True), (84.1, False)]
)
def test_ages_at_the_bounds(age_at_first: float, is_asked: bool) -> None:
    """A year later they are 29 or 30, 84 or 85."""
    (only,) = found(TASK, born(age_at_first), *visits(0, 1))
    assert isinstance(only, Case) is is_asked
    assert is_asked or only == Excluded(SUBJECT, "not 30 to 84 years old")


def test_before_a_site_has_trained_it_it_says_so_and_what_to_do() -> None:
    why, says = refused(answered(MODEL, *visits(0, 1), years=1.5))
    assert why == "not-available"
    assert "Train it on your own records: salus train cvd-onset --on PLACE --out DIR." in says


def test_who_had_a_stroke_since_is_told_that_it_is_not_asked() -> None:
    said = refused(answered(MODEL, *visits(0, 1, 2), told(STROKE, 2.1), years=2.5))
    assert said == ("not-eligible", f"This question is not asked here: {KNOWN}.")


def test_nothing_follows_from_a_model_that_nobody_trained() -> None:
    card: Card = MODEL.card
    assert [row.urgency for row in card.actions] == [None]
    assert card.measures == ()
