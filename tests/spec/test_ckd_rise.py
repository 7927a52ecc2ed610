"""The kidney model where creatinine moves: what KDIGO calls a rise, over which days, and what is steady."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.insight import Urgency
from tests.kidney_views import CREATININE, albumin, ask, creatinine, days, failure, finding, reported
from tests.risk_views import seen

# KDIGO 2012, 2.1.1, at its edges: first value, time between, last value.
AKI = [
    (0.9, timedelta(hours=47), 1.2),
    (0.9, timedelta(hours=48), 1.2),
    (0.8, timedelta(days=6.9), 1.2),
    (0.8, timedelta(days=7), 1.2),
]
STEADY = [
    (0.9, timedelta(hours=49), 1.2),
    (0.9, timedelta(hours=24), 1.19),
    (0.8, timedelta(days=6), 1.19),
    (0.8, timedelta(days=60), 1.19),
    (0.9, timedelta(days=366), 4.5),
]


def after(course):
    first, apart, last = course
    return ask(creatinine(last, timedelta(hours=1)), creatinine(first, timedelta(hours=1) + apart))


@pytest.mark.parametrize("course", AKI)
def test_a_rise_that_kdigo_calls_acute_is_for_today(course):
    insight = after(course)
    assert insight.urgency is Urgency.TODAY and "not a steady state" in finding(insight).says
    assert "Creatinine rose" in insight.reasons[0].says and len(insight.reasons[0].evidence) == 2
    assert not any("How fast creatinine rose is not known" in limit for limit in insight.limits)


@pytest.mark.parametrize("course", STEADY)
def test_what_kdigo_calls_no_rise_is_none(course):
    insight = after(course)
    assert insight.urgency not in (Urgency.TODAY, Urgency.NOW)
    assert "not a steady state" not in finding(insight).says


# Nobody measured in the week before: once and a half is for this week, twice (KDIGO stage 2) for today.
OLDER = [
    (7.1, 1.2, Urgency.THIS_WEEK, "acute kidney disease"),
    (60, 1.59, Urgency.THIS_WEEK, "acute kidney disease"),
    (89.9, 1.2, Urgency.THIS_WEEK, "acute kidney disease"),
    (90, 1.2, Urgency.THIS_WEEK, "KDIGO names no such rise"),
    (365, 1.2, Urgency.THIS_WEEK, "KDIGO names no such rise"),
    (9, 1.6, Urgency.TODAY, "acute kidney disease"),
    (300, 4.0, Urgency.TODAY, "KDIGO names no such rise"),
]


@pytest.mark.parametrize(("days_between", "last", "urgency", "named"), OLDER)
def test_over_an_older_value_the_speed_of_a_rise_is_not_known_and_it_is_said(
    days_between, last, urgency, named
):
    insight = after((0.8, timedelta(days=days_between), last))
    assert insight.urgency is urgency
    (said,) = [limit for limit in insight.limits if limit.startswith("How fast creatinine rose is not known")]
    assert named in said


def test_a_rise_of_this_week_goes_before_one_over_an_older_value():
    insight = ask(creatinine(1.3, days(0.1)), creatinine(0.8, days(3)), creatinine(0.6, days(40)))
    assert "rose from 0.8" in insight.reasons[0].says


def test_of_two_values_in_the_latest_minute_the_higher_may_have_risen():
    latest = (seen(CREATININE, 1.4, "mg/dL", name="b"), seen(CREATININE, 0.9, "mg/dL", name="c"))
    assert ask(*latest, creatinine(0.9, days(2))).urgency is Urgency.TODAY


@pytest.mark.parametrize(
    ("before", "after"), [(80, 106.5), (88.4, 114.9), (100, 126.5), (70, 96.5), (60, 86.5)]
)
def test_kdigos_own_threshold_in_micromoles(before, after):
    first = creatinine(before, days(1.5), "umol/L")
    assert ask(first, creatinine(after, timedelta(hours=1), "umol/L")).urgency is Urgency.TODAY
    less = creatinine(after - 0.1, timedelta(hours=1), "umol/L")
    assert ask(first, less).urgency is not Urgency.TODAY


def test_a_rise_of_nine_days_is_said_with_its_size_and_its_days():
    insight = ask(creatinine(4.5, timedelta(hours=1)), creatinine(0.9, timedelta(days=9, hours=1)))
    assert insight.reasons[0].says == (
        "Creatinine rose from 0.9 to 4.5 mg/dL (5.0 times) in 9 days: not a steady state"
    )


def test_a_rise_that_has_stood_for_three_months_is_a_new_state():
    insight = ask(creatinine(1.6, days(1)), creatinine(1.6, days(91)), creatinine(0.9, days(140)))
    assert "not a steady state" not in finding(insight).says


def test_a_rise_hidden_behind_a_value_of_yesterday_is_seen():
    insight = ask(creatinine(4.5, days(0.1)), creatinine(4.4, days(1)), creatinine(0.9, days(10)))
    assert insight.urgency is Urgency.TODAY


def test_a_creatinine_that_falls_fast_is_no_steady_state_but_not_for_today():
    insight = ask(creatinine(1.2, timedelta(hours=1)), creatinine(2.4, days(3)), albumin(50))
    assert "not a steady state" in finding(insight).says
    assert insight.urgency is not Urgency.TODAY
    assert failure(insight) == []


def test_a_rise_of_long_ago_is_said_but_not_for_today():
    insight = ask(creatinine(1.5, days(100)), creatinine(0.8, days(102)))
    assert insight.urgency is not Urgency.TODAY
    assert any("Not a steady state" in limit for limit in insight.limits)


def test_a_creatinine_of_long_ago_does_not_unsettle_a_new_report():
    insight = ask(reported(50), creatinine(1.5, days(1000)), creatinine(0.8, days(1002)))
    assert "not a steady state" not in finding(insight).says
