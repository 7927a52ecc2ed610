"""Death in hospital after 48 hours in intensive care, as a whole: from a charted stay to what is said of it.

The stays are those of the worked examples. Nothing here depends on what was learnt last, but that the very
ill are at a higher risk than those who get better.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from salus.core.evidence import Timeline
from salus.core.insight import Abstention, Insight, Urgency
from salus.learning.learnt import DIED, OLD, ON_RECORD, OVER
from salus.risk.icu_mortality import MODEL
from tests.example_views import (
    Change,
    Resource,
    chance,
    coded,
    estimate,
    learnt,
    moved,
    record,
    told,
    withheld,
    without,
)

HOUR = timedelta(hours=1)


def stay(case: str, change: Change = lambda one: one) -> Timeline:
    """Return the record of an example, each resource changed or left out."""
    return record(f"icu-mortality-{case}", change)


def said(timeline: Timeline, hours: float = 48) -> Insight:
    """Return what is said so many hours into the stay."""
    start = timeline.where({"SNOMED/305351004"}).events[0].time
    assert start is not None
    return told(MODEL, timeline, start + hours * HOUR)


def threshold() -> float:
    return learnt(MODEL).threshold


def test_the_very_ill_are_flagged_and_those_who_get_better_are_not() -> None:
    ill, better = said(stay("very-ill")), said(stay("getting-better"))
    assert chance(ill) >= threshold() > chance(better)
    assert (ill.urgency, better.urgency) == (Urgency.TODAY, Urgency.ROUTINE)


@pytest.mark.parametrize("case", ["very-ill", "getting-better"])
def test_the_reasons_add_up_to_what_the_answer_moved(case: str) -> None:
    logit, added = moved(MODEL, said(stay(case)))
    assert added == pytest.approx(logit, abs=1e-9)


def test_a_person_reads_ten_reasons_and_ten_limits_at_most_where_nothing_is_hidden() -> None:
    for case in ("very-ill", "getting-better"):
        insight = said(stay(case))
        assert len(insight.reasons) <= 10 and len(insight.limits) <= 10
        assert max(map(len, (reason.says for reason in insight.reasons))) <= 110
        assert max(map(len, insight.limits)) <= 400


@pytest.mark.parametrize("hours", [0, 1, 20, 47.99])
def test_before_48_hours_it_says_from_when_on(hours: float) -> None:
    body = said(stay("very-ill"), hours).body
    assert isinstance(body, Abstention)
    assert (body.why, body.missing) == ("not-eligible", ("what is known by 2026-03-04 20:30",))
    assert body.says.startswith("It can be judged from 2026-03-04 20:30 on")


def test_what_comes_after_48_hours_changes_nothing_but_how_old_the_answer_is() -> None:
    timeline = stay("very-ill", lambda one: later(one) if coded(one, "2524-7") else one)
    assert chance(said(timeline, 300)) == chance(said(stay("very-ill", without("2524-7"))))
    assert any("ended 10 days ago" in limit for limit in said(timeline, 300).limits)


def test_of_a_stay_that_goes_on_for_weeks_the_answer_is_told_and_asks_for_nothing() -> None:
    fresh, old = said(stay("very-ill"), 48 + 7 * 24), said(stay("very-ill"), 48 + 7 * 24 + 1)
    assert chance(fresh) == chance(old)
    assert (fresh.urgency, old.urgency) == (Urgency.TODAY, None)
    assert OLD in old.limits and OLD not in fresh.limits


def later(one: Resource) -> Resource:
    at = datetime.fromisoformat(one["effectiveDateTime"]) + 60 * HOUR
    return one | {"effectiveDateTime": at.isoformat()}


@pytest.mark.parametrize("reason", ["masked", "unknown", "error"])
def test_what_is_hidden_widens_the_answer_around_what_it_would_have_been(reason: str) -> None:
    """Lactate of somebody who is very ill, kept back: a range, and never as if it had not been measured."""
    whole = chance(said(stay("very-ill")))
    insight = said(stay("very-ill", withheld("2524-7", reason)))
    found = estimate(insight)
    assert found.low is not None and found.high is not None
    assert found.low < whole < found.high and found.kind == "missing-inputs"
    assert [one.says for one in insight.reasons if one.absent == "lactate"] == [
        "Lactate is not available: it may be anything"
    ]


def test_a_unit_that_nobody_defined_is_hidden_and_not_missing() -> None:
    def strange(one: Resource) -> Resource:
        return one | {"valueQuantity": {"value": 3.9, "unit": "units"}} if coded(one, "2160-0") else one

    hidden, absent = said(stay("very-ill", strange)), said(stay("very-ill", without("2160-0")))
    words = [{one.says for one in each.reasons if one.absent == "creatinine"} for each in (hidden, absent)]
    assert words[0] == {"Creatinine is not available: it may be anything"}
    assert words[1] <= {"Creatinine was not recorded"}


def test_a_range_on_both_sides_of_the_threshold_is_no_answer() -> None:
    insight = said(stay("too-little"))
    assert isinstance(insight.body, Abstention) and insight.body.estimate is not None
    assert insight.body.why == "missing-evidence" and insight.urgency is None
    low, high = insight.body.estimate.low, insight.body.estimate.high
    assert low is not None and high is not None and low < threshold() < high
    assert set(insight.body.missing) == {"GCS", "creatinine", "lactate", "urea nitrogen", "urine"}


def test_a_stay_of_which_hardly_anything_is_recorded_is_not_judged() -> None:
    def bare(one: Resource) -> Resource | None:
        return one if one["resourceType"] != "Observation" or coded(one, "8867-4") else None

    body = said(stay("very-ill", bare)).body
    assert isinstance(body, Abstention) and body.why == "out-of-distribution"
    assert "parameters were not measured" in body.says


def test_a_slip_of_the_unit_is_not_judged_by() -> None:
    """Lactate in mg/dL, sent as mmol/L: nobody has 79 of those, and that it was taken is no "not taken"."""

    def slip(one: Resource) -> Resource:
        if not coded(one, "2524-7"):
            return one
        amount = one["valueQuantity"]
        return one | {"valueQuantity": {**amount, "value": 9 * amount["value"]}}

    whole, slipped = said(stay("very-ill")), said(stay("very-ill", slip))
    found = estimate(slipped)
    assert found.low is not None and found.high is not None and found.low < chance(whole) < found.high
    assert "Passed over as impossible: lactate. Check the value and its unit." in slipped.limits


def left(how: str) -> Change:
    """Return what ends the stay on the fifth day, and says how where that is told."""
    system = "http://terminology.hl7.org/CodeSystem/discharge-disposition"

    def ends(one: Resource) -> Resource:
        if one["resourceType"] != "Encounter":
            return one
        start = datetime.fromisoformat(one["period"]["start"])
        period = {"start": start.isoformat(), "end": (start + 120 * HOUR).isoformat()}
        way = {"dischargeDisposition": {"coding": [{"system": system, "code": how}]}}
        return one | {"period": period, "status": "finished"} | ({"hospitalization": way} if how else {})

    return ends


@pytest.mark.parametrize(("how", "says"), [("home", ON_RECORD), ("exp", ON_RECORD), ("", OVER)])
def test_of_a_stay_that_is_over_nothing_is_foretold(how: str, says: str) -> None:
    timeline = stay("very-ill", left(how))
    assert said(timeline, 130).body == Abstention("not-eligible", says)
    assert chance(said(timeline, 60)) == chance(said(stay("very-ill"), 60)), "it was open then"


def test_of_somebody_who_died_nothing_is_foretold() -> None:
    def dead(one: Resource) -> Resource:
        return one | {"deceasedBoolean": True} if one["resourceType"] == "Patient" else one

    assert said(stay("very-ill", dead)).body == Abstention("not-eligible", DIED)


def test_withheld_not_sent_and_unreadable_are_told_alike() -> None:
    bodies = {
        repr(said(stay("range", withheld("2160-0", why))).body) for why in ("masked", "unknown", "error")
    }
    assert len(bodies) == 1
