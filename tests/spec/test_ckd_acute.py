"""The kidney model in acute kidney disease: what moved within three months, and results that contradict.

KDIGO 2012 AKI guideline, table 11, and ADQI 2017: for less than three months, creatinine up by more than
half, filtration down by 35 % or more, or filtration below 60, is acute kidney disease.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.insight import Abstention, Urgency
from salus.risk._kidney_inputs import gather
from salus.risk._prevent_inputs import gather as prevent_inputs
from salus.risk.ckd import CARD
from tests.kidney_views import (
    WOMAN,
    abstains,
    albumin,
    ask,
    creatinine,
    days,
    failure,
    finding,
    reported,
)
from tests.risk_views import seen, view

HOUR = timedelta(hours=1)
INJURY = (
    *(creatinine(1.0, days(100)), creatinine(1.0, days(11))),
    *(creatinine(2.5, days(9)), creatinine(2.4, days(8)), creatinine(2.4, HOUR), albumin(300)),
)


def given(insight, *words):
    return [limit for limit in insight.limits if all(word in limit for word in words)]


def test_an_injury_of_last_week_that_stays_is_acute_kidney_disease_and_gives_no_risk_of_failure():
    insight = ask(*INJURY)
    assert "rose from 1 to 2.4 mg/dL (2.4 times), acute kidney disease is possible" in finding(insight).says
    assert "not a steady state" in finding(insight).says
    assert failure(insight) == [] and given(insight, "not given", "steady state")
    assert given(insight, "known to stand so for 9 days only", "table 11", "ADQI")
    assert insight.urgency is Urgency.THIS_WEEK and len(insight.reasons[0].evidence) == 2


def test_what_is_left_of_it_stays_acute_for_three_months():
    at_89 = (creatinine(2.4, HOUR), creatinine(2.4, days(89)), creatinine(1.0, days(95)), albumin(300))
    at_91 = (creatinine(2.4, HOUR), creatinine(2.4, days(91)), creatinine(1.0, days(95)), albumin(300))
    assert failure(ask(*at_89)) == [] and "acute kidney disease" in finding(ask(*at_89)).says
    assert len(failure(ask(*at_91))) == 2 and "acute" not in finding(ask(*at_91)).says


def test_a_rise_over_the_median_of_the_year_is_seen_behind_a_raised_last_value():
    older = [creatinine(1.0, days(ago)) for ago in (200, 120, 60)]
    insight = ask(creatinine(2.2, HOUR), creatinine(2.0, days(20)), *older, albumin(300))
    assert insight.reasons[0].says.startswith("Creatinine rose from 1 to 2.2 mg/dL (2.2 times)")
    assert failure(insight) == []


def test_an_injury_of_five_days_ago_is_for_today_though_it_rises_no_more():
    insight = ask(creatinine(1.6, HOUR), creatinine(1.7, days(5)), creatinine(1.0, days(10)))
    assert insight.urgency is Urgency.TODAY and "acute kidney injury is possible" in finding(insight).says
    assert "is rising" not in finding(insight).says and not given(insight, "How fast creatinine rose")


def test_what_was_not_measured_is_the_time_before_the_first_raised_value():
    insight = ask(creatinine(1.7, HOUR), creatinine(1.6, days(2)), creatinine(1.0, days(40)))
    assert given(insight, "How fast creatinine rose is not known", "in the 38 days between")
    assert insight.urgency is Urgency.THIS_WEEK


def test_recovery_is_no_rise():
    insight = ask(creatinine(1.1, HOUR), creatinine(2.4, days(20)), creatinine(1.0, days(30)))
    assert "not a steady state" not in finding(insight).says


# What was reported before, when, and now: urgency of the fall, None where it is none.
FALLS = [
    (90, 1, 20, Urgency.TODAY), (90, 7, 58, Urgency.TODAY), (90, 1, 59, None), (62, 3, 41, None),
    (90, 40, 50, Urgency.THIS_WEEK), (90, 40, 45, Urgency.TODAY), (90, 400, 45, None),
]  # fmt: skip


@pytest.mark.parametrize(("before", "ago", "now", "urgency"), FALLS)
def test_a_reported_filtration_that_falls_by_35_percent_is_no_steady_state(before, ago, now, urgency):
    insight = ask(reported(now, HOUR), reported(before, days(ago) + HOUR), albumin(300))
    fell = f"eGFR fell from {before} to {now}"
    assert (fell in finding(insight).says) is (urgency is not None)
    assert urgency is None or (insight.urgency is urgency and failure(insight) == [])


def test_a_fall_that_has_stood_is_for_this_week_and_after_three_months_none():
    stood = ask(reported(40, HOUR), reported(41, days(20)), reported(90, days(40)), albumin(300))
    assert stood.urgency is Urgency.THIS_WEEK and given(stood, "stand so for 20 days only")
    lasting = ask(reported(40, HOUR), reported(41, days(95)), reported(90, days(120)), albumin(300))
    assert len(failure(lasting)) == 2


def test_a_creatinine_after_a_good_report_is_a_fall_and_for_today():
    insight = ask(creatinine(2.66, HOUR), reported(98, days(3)))
    assert insight.urgency is Urgency.TODAY and "eGFR fell from 98 to 19" in finding(insight).says


def test_two_creatinines_fall_by_kdigos_rule_for_creatinine_alone():
    """1.45 times is no rise, though the filtration that it gives is 36 % lower."""
    insight = ask(creatinine(1.16, HOUR), creatinine(0.8, days(5)), reported(70, days(400)))
    assert "not a steady state" not in finding(insight).says


def test_below_60_for_less_than_three_months_is_said_and_gives_no_risk_of_failure():
    insight = ask(reported(55, HOUR), reported(61, days(40)), albumin(300))
    assert failure(insight) == [] and given(insight, "not given", "chronic disease")
    assert given(insight, "eGFR was still 60 or more on 2026-02-02", "table 11")


def test_albuminuria_that_lasts_makes_no_first_low_filtration_chronic():
    lasting = (albumin(400), albumin(400, days(200)))
    insight = ask(reported(55, HOUR), reported(61, days(40)), *lasting)
    assert finding(insight).category == "G3aA3, chronicity of eGFR unproven"
    assert failure(insight) == [] and given(insight, "not given", "chronic disease")
    assert given(insight, "Chronicity of the low eGFR unproven", "90 days of unbroken eGFR below 60")
    proven = ask(reported(55, HOUR), reported(56, days(120)), *lasting)
    assert finding(proven).category == "G3aA3" and len(failure(proven)) == 2


def test_a_single_low_filtration_beside_lasting_albuminuria_has_its_limit():
    insight = ask(reported(25), albumin(50), albumin(50, days(100)))
    assert "unproven" in finding(insight).category and len(failure(insight)) == 2
    assert given(insight, "The KFRE was made", "lasting loss of filtration", "not proven here")


def test_a_risk_of_failure_without_proof_of_chronic_disease_says_so():
    assert given(ask(reported(40), albumin(300)), "The KFRE was made", "not proven here")
    lasting = ask(reported(40), reported(40, days(120)), albumin(300))
    assert not given(lasting, "The KFRE was made", "not proven here")


def test_a_report_too_good_for_the_creatinine_of_the_week_before_is_a_range_and_said():
    abstention = abstains(ask(creatinine(2.66, days(3)), reported(98)), "missing-evidence")
    assert "eGFR of 19 on 2026-03-11 (by CKD-EPI 2021) and of 98 on 2026-03-13" in abstention.says
    assert "contradict each other" in abstention.says
    assert (round(abstention.estimate.low), abstention.estimate.high) == (19, 98)


@pytest.mark.parametrize(("value", "before", "told"), [
    (1.2, 3, False), (1.6, 3, True), (1.6, 8.5, False), (1.6, 1.1, False),
])  # fmt: skip
def test_it_contradicts_by_more_than_a_category_within_a_week(value, before, told):
    """49 beside 62 is a neighbour; of one day the creatinine counts where it is the worse."""
    egfr = gather(view(*WOMAN, creatinine(value, days(before)), reported(62))).egfr
    assert ("contradict" in egfr.problem) is told and (egfr.low < egfr.high) is told


def test_a_creatinine_too_good_for_the_report_of_its_day_is_a_range_and_a_worse_one_counts():
    better = gather(view(*WOMAN, creatinine(0.8, days(1.1)), reported(22))).egfr
    assert (better.low, round(better.high)) == (22, 79) and "contradict" in better.problem
    worse = ask(creatinine(2.66, days(1.1)), reported(98))
    assert finding(worse).estimate.value == 18.7 and given(worse, "reported on the same day is 98")


def test_a_rise_is_not_silenced_by_a_report_that_contradicts_it():
    insight = ask(creatinine(0.9, days(6)), creatinine(2.66, days(3)), reported(98))
    assert insight.urgency is Urgency.TODAY and "eGFR 19 to 98" in finding(insight).says


def test_prevent_reads_the_same_range():
    record = view(*WOMAN, creatinine(2.66, days(3)), reported(98))
    assert prevent_inputs(record).required["egfr"] == gather(record).egfr


OTHER = ("LOINC/50210-4", "LOINC/98980-6", "LOINC/94677-2")


@pytest.mark.parametrize("code", OTHER)
def test_an_egfr_from_cystatin_is_said_and_never_none_on_record(code):
    event = seen(code, 40.0, "mL/min/{1.73_m2}")
    insight = ask(event)
    assert isinstance(insight.body, Abstention) and "no creatinine or eGFR on record" not in insight.body.says
    assert given(insight, "What may be a newer eGFR", event.source)
    assert given(ask(event, creatinine(0.9, days(3))), "What may be a newer eGFR", event.source)
    assert not given(ask(event, creatinine(0.9, timedelta(minutes=5))), "What may be a newer eGFR")


def test_a_newer_creatinine_that_only_words_name_is_said():
    event = seen("urn:lab|7", 3.0, "mg/dL", name="local")
    named = type(event)(("urn:lab|7", "text/Creatinine, serum"), *_rest(event))
    assert given(ask(creatinine(0.9, days(3)), named), "What may be a newer creatinine", "Observation/local")


def _rest(event):
    return (event.time, event.end, event.known_at, event.value, event.unit, None, event.status, event.source)


# KDIGO's figure of how often to measure, as the ADA's Standards of Care 2024 (section 11) reprint it.
TIMES_A_YEAR = {
    "G1": (1, 1, 3), "G2": (1, 1, 3), "G3a": (1, 2, 3), "G3b": (2, 3, 3), "G4": (3, 3, 4), "G5": (4, 4, 4),
}  # fmt: skip
SAID = {1: {1}, 2: {1}, 3: {2, 3}, 4: {3, 4}}
WORDS = {1: "once a year", 2: "twice a year", 3: "three times", 4: "four or more"}


def test_the_actions_measure_as_often_as_kdigos_figure():
    from salus.risk._kidney_stage import groups

    found: dict[int, set[int]] = {}
    for category, row in TIMES_A_YEAR.items():
        for albuminuria, often in zip(("A1", "A2", "A3"), row, strict=True):
            found.setdefault(groups((category,), (albuminuria,))[0], set()).add(often)
    assert found == SAID
    for group, often in SAID.items():
        says = next(action.says for action in CARD.actions if action.at_least == group)
        assert all(WORDS[times] in says for times in often)
        assert not any(WORDS[times] in says for times in set(WORDS) - often)
