"""Survival of 180 days, as a whole and in both variants: what is said of those of the worked examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Urgency
from salus.learning.learnt import DIED, OVER, Learnt
from salus.risk import survival_180d, survival_180d_scores
from tests.example_views import Resource, chance, estimate, learnt, moved, record, told, without

THIRD_DAY_OVER = datetime(2026, 3, 13, tzinfo=UTC)
DAY = timedelta(days=1)
MODELS = pytest.mark.parametrize(
    "model", [survival_180d.MODEL, survival_180d_scores.MODEL], ids=lambda model: model.task.name
)


def of(model: Learnt, case: str) -> str:
    return f"{model.task.name}-{case}"


@MODELS
def test_organ_failure_is_flagged_and_heart_failure_that_settles_is_not(model: Learnt) -> None:
    worse, better = (
        told(model, record(of(model, case)), THIRD_DAY_OVER) for case in ("organ-failure", "heart-failure")
    )
    assert chance(worse) >= learnt(model).threshold > chance(better)
    assert (worse.urgency, better.urgency) == (Urgency.THIS_WEEK, Urgency.ROUTINE)


@MODELS
@pytest.mark.parametrize("case", ["organ-failure", "heart-failure"])
def test_the_reasons_add_up_to_what_the_answer_moved(model: Learnt, case: str) -> None:
    logit, added = moved(model, told(model, record(of(model, case)), THIRD_DAY_OVER))
    assert added == pytest.approx(logit, abs=1e-9)


@MODELS
def test_until_the_third_day_is_over_it_says_from_when_on(model: Learnt) -> None:
    body = told(model, record(of(model, "organ-failure")), THIRD_DAY_OVER - DAY / 24).body
    assert isinstance(body, Abstention) and body.why == "not-eligible"
    assert body.says.startswith("It can be judged from 2026-03-13 00:00 on")


@MODELS
def test_after_180_days_nothing_is_left_to_ask(model: Learnt) -> None:
    timeline = record(of(model, "organ-failure"))
    assert told(model, timeline, THIRD_DAY_OVER + 176 * DAY).judged
    late = told(model, timeline, THIRD_DAY_OVER + 177 * DAY)
    assert late.body == Abstention("not-eligible", OVER)


@MODELS
def test_of_the_dead_nothing_is_foretold(model: Learnt) -> None:
    def dead(one: Resource) -> Resource:
        return one | {"deceasedDateTime": "2026-04-02"} if one["resourceType"] == "Patient" else one

    timeline = record(of(model, "organ-failure"), dead)
    assert told(model, timeline, THIRD_DAY_OVER).judged
    assert told(model, timeline, THIRD_DAY_OVER + 60 * DAY).body == Abstention("not-eligible", DIED)


def test_scores_that_are_kept_back_widen_the_answer_and_are_never_not_taken() -> None:
    model = survival_180d_scores.MODEL
    whole = chance(told(model, record("survival-180d-scores-organ-failure"), THIRD_DAY_OVER))
    hidden = told(model, record("survival-180d-scores-kept-back"), THIRD_DAY_OVER)
    found = estimate(hidden)
    assert found.low is not None and found.high is not None and found.low < whole < found.high
    assert {one.says for one in hidden.reasons if one.weight == 0} == {
        "APACHE III physiology score is not available: it may be anything",
        "SUPPORT physiology score is not available: it may be anything",
    }


@pytest.mark.parametrize(("model", "score", "named", "judged"), [
    (survival_180d.MODEL, "scoma", "SUPPORT coma score", False),
    (survival_180d_scores.MODEL, "scoma", "SUPPORT coma score", False),
    (survival_180d_scores.MODEL, "sps", "SUPPORT physiology score", False),
    (survival_180d_scores.MODEL, "aps", "APACHE III physiology score", True),
])  # fmt: skip
def test_a_score_that_all_but_one_had_is_never_read_as_not_taken(
    model: Learnt, score: str, named: str, judged: bool
) -> None:
    whole = chance(told(model, record(of(model, "heart-failure")), THIRD_DAY_OVER))
    without_it = told(model, record(of(model, "heart-failure"), without(score)), THIRD_DAY_OVER)
    found = estimate(without_it)
    assert found.low is not None and found.high is not None and found.low <= whole <= found.high
    assert f"{named} is not available: it may be anything" in {one.says for one in without_it.reasons}
    says = "Nearly everybody whom it learnt from had it otherwise, so it may mean anything: "
    assert f"{says}{named}." in without_it.limits
    # A range on both sides of the threshold is no answer.
    assert without_it.judged is judged


@MODELS
@pytest.mark.parametrize(
    ("born", "asked"),
    [("2020-05-01", False), ("2008-03-11", False), ("2008-03-10", True), ("2008", False), ("2007", True)],
)
def test_children_are_not_asked_about(model: Learnt, born: str, asked: bool) -> None:
    def younger(one: Resource) -> Resource:
        return one | {"birthDate": born} if one["resourceType"] == "Patient" else one

    body = told(model, record(of(model, "heart-failure"), younger), THIRD_DAY_OVER).body
    refused = Abstention("not-eligible", "This question is not asked here: younger than 18.")
    assert (body != refused) is asked


def test_who_entered_no_study_is_not_asked() -> None:
    def none(one: Resource) -> Resource | None:
        return None if "study-entry" in str(one.get("code")) else one

    body = told(survival_180d.MODEL, record("survival-180d-organ-failure", none), THIRD_DAY_OVER).body
    assert body == Abstention("not-eligible", "No entry into a study of serious illness is on record.")


@MODELS
@pytest.mark.parametrize(("value", "unit", "asked"), [(8, "a", False), (96, "mo", False), (2, "wk", False),
                                                      (40, "a", True), (480, "mo", True)])  # fmt: skip
def test_an_age_in_months_is_an_age(model: Learnt, value: float, unit: str, asked: bool) -> None:
    def aged(one: Resource) -> Resource:
        if one["resourceType"] == "Patient":
            return {name: told for name, told in one.items() if name != "birthDate"}
        return one

    timeline = record(of(model, "heart-failure"), aged)
    at = THIRD_DAY_OVER - 3 * DAY
    age = Event(
        ("LOINC/30525-0",), at, None, at, float(value), unit, status="final", source="Observation/age"
    )
    body = told(model, Timeline.of(timeline.subject, (*timeline, age)), THIRD_DAY_OVER).body
    refused = Abstention("not-eligible", "This question is not asked here: younger than 18.")
    assert (body != refused) is asked
