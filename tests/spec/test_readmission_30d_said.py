"""Readmission within 30 days, as a whole: what is said of a stay of the worked examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from salus.core.insight import Abstention, Urgency
from salus.learning.learnt import DIED, OVER
from salus.risk.readmission_30d import MODEL
from tests.example_views import Resource, chance, estimate, learnt, moved, record, told, withheld

HOME = datetime(2026, 3, 10, 14, tzinfo=UTC)
DAY = timedelta(days=1)
OFTEN, FIRST = "readmission-30d-often-in-hospital", "readmission-30d-first-stay"


def back(days: float) -> dict[str, object]:
    """Return a stay that begins so many days after the first was over."""
    start = HOME + days * DAY
    ends = {"start": start.isoformat(), "end": (start + 2 * DAY).isoformat()}
    kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    return {"resourceType": "Encounter", "id": "again", "status": "finished", "class": kind, "period": ends}


def test_who_was_often_in_hospital_is_flagged_and_who_never_was_is_not() -> None:
    often, first = (told(MODEL, record(case), HOME) for case in (OFTEN, FIRST))
    assert chance(often) >= learnt(MODEL).threshold > chance(first)
    assert (often.urgency, first.urgency) == (Urgency.THIS_WEEK, Urgency.ROUTINE)
    assert often.body.says.endswith("people like this one: readmission within 30 days of discharge")


@pytest.mark.parametrize("case", [OFTEN, FIRST])
def test_the_reasons_add_up_to_what_the_answer_moved(case: str) -> None:
    logit, added = moved(MODEL, told(MODEL, record(case), HOME))
    assert added == pytest.approx(logit, abs=1e-9)


def test_how_long_is_said_once() -> None:
    assert [one.horizon for one in told(MODEL, record(OFTEN), HOME).body.outcomes] == [""]  # type: ignore[union-attr]


def test_before_the_discharge_it_is_not_asked() -> None:
    body = told(MODEL, record("readmission-30d-still-in-hospital"), HOME - 2 * DAY).body
    why = "still in hospital, or when it ended is not told"
    assert body == Abstention("not-eligible", f"This question is not asked here: {why}.")


def test_what_is_hidden_widens_the_answer_around_what_it_would_have_been() -> None:
    whole = chance(told(MODEL, record(OFTEN), HOME))
    found = estimate(told(MODEL, record(OFTEN, withheld("number_inpatient")), HOME))
    assert found.low is not None and found.high is not None and found.low < whole < found.high


@pytest.mark.parametrize(("days", "says"), [(29.9, ""), (30, OVER), (400, OVER)])
def test_after_30_days_nothing_is_left_to_ask(days: float, says: str) -> None:
    insight = told(MODEL, record(OFTEN), HOME + days * DAY)
    assert insight.judged if not says else insight.body == Abstention("not-eligible", says)


def test_who_came_back_is_asked_about_at_the_end_of_that_stay() -> None:
    """The older stay has its answer on record, whatever is on record of the newer one."""

    def again(one: Resource) -> Resource:
        return one | back(9) if one["resourceType"] == "Encounter" else one

    assert told(MODEL, record(OFTEN, again), HOME + 10 * DAY).applies is False
    assert told(MODEL, record(OFTEN, again), HOME + 12 * DAY).judged


def test_of_somebody_who_died_at_home_nothing_is_foretold() -> None:
    def dead(one: Resource) -> Resource:
        return one | {"deceasedDateTime": "2026-03-14"} if one["resourceType"] == "Patient" else one

    timeline = record(OFTEN, dead)
    assert told(MODEL, timeline, HOME).judged
    assert told(MODEL, timeline, HOME + 6 * DAY).body == Abstention("not-eligible", DIED)


@pytest.mark.parametrize("gender", ["other", "unknown", None])
def test_a_sex_that_nobody_was_learnt_from_changes_the_answer_by_no_more_than_the_known_ones(
    gender: str | None,
) -> None:
    def whose(one: Resource) -> Resource:
        kept = {name: told for name, told in one.items() if name != "gender"}
        return (kept | ({"gender": gender} if gender else {})) if one["resourceType"] == "Patient" else one

    known = [
        chance(told(MODEL, record(OFTEN, lambda one, sex=sex: one | {"gender": sex}), HOME))
        for sex in ("female", "male")
    ]
    found = estimate(told(MODEL, record(OFTEN, whose), HOME))
    assert found.low is not None and found.high is not None
    assert found.low <= min(known) <= max(known) <= found.high
    assert found.high - found.low < 0.05
