"""The kidney model: KDIGO's categories at every boundary, chronicity, steady state, and whom it refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.codes import BIRTH
from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding, Insight, Outcome, Urgency
from salus.risk._kfre import ELSEWHERE, kidney_failure
from salus.risk._kidney_stage import a_categories, g_categories, groups, joined
from salus.risk.ckd import MODEL, Kidney
from tests.risk_views import NOW, SUBJECT, has, person, seen, view

CREATININE, EGFR, ACR = "LOINC/2160-0", "LOINC/98979-8", "LOINC/9318-7"
NORMALISED = "mL/min/{1.73_m2}"
WOMAN = person(70, "female")


YESTERDAY = timedelta(days=1)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def creatinine(value: float, before: timedelta = YESTERDAY, unit: str = "mg/dL") -> Event:
    return seen(CREATININE, value, unit, before=before, name=f"cr-{before.total_seconds():.0f}")


def reported(value: float, before: timedelta = YESTERDAY) -> Event:
    return seen(EGFR, value, NORMALISED, before=before, name=f"egfr-{before.total_seconds():.0f}")


def albumin(value: float, before: timedelta = YESTERDAY, unit: str = "mg/g") -> Event:
    return seen(ACR, value, unit, before=before, name=f"acr-{before.total_seconds():.0f}")


def ask(*events: Event, who: tuple[Event, ...] = WOMAN) -> Insight:
    return MODEL.predict(view(*who, *events))


def finding(insight: Insight) -> Finding:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body


def failure(insight: Insight) -> list[Outcome]:
    return [part for part in finding(insight).parts if part.of.startswith("kidney failure")]


def abstains(insight: Insight, why: str) -> Abstention:
    assert isinstance(insight.body, Abstention), insight.body
    assert insight.body.why == why and insight.urgency is None
    return insight.body


G = [
    (200, "G1"), (90, "G1"), (89.5, "G1"), (89.4, "G2"), (60, "G2"), (59.5, "G2"), (59.4, "G3a"),
    (45, "G3a"), (44.4, "G3b"), (30, "G3b"), (29.4, "G4"), (15, "G4"), (14.4, "G5"), (3, "G5"),
]  # fmt: skip


@pytest.mark.parametrize(("egfr", "category"), G)
def test_g_categories(egfr, category):
    assert g_categories((egfr, egfr)) == (category,)


A = [
    (0.5, "A1"), (26.5, "A1"), (26.6, "A1 to A2"), (29.9, "A1 to A2"), (30, "A2"), (265, "A2"),
    (266, "A2 to A3"), (300, "A2 to A3"), (300.1, "A3"), (9000, "A3"),
]  # fmt: skip


@pytest.mark.parametrize(("acr", "category"), A)
def test_a_categories(acr, category):
    assert joined(a_categories((acr, acr))) == category


# The figure of KDIGO 2024: green, yellow, orange, red as 1 to 4.
FIGURE = {
    "G1": "123", "G2": "123", "G3a": "234", "G3b": "344", "G4": "444", "G5": "444",
}  # fmt: skip


@pytest.mark.parametrize("g", FIGURE)
@pytest.mark.parametrize("a", ["A1", "A2", "A3"])
def test_risk_groups(g, a):
    expected = int(FIGURE[g][("A1", "A2", "A3").index(a)])
    assert groups((g,), (a,)) == (expected, expected)


def test_ranges_of_categories():
    assert g_categories((40, 62)) == ("G2", "G3a", "G3b")
    assert a_categories((10, 400)) == ("A1", "A2", "A3")
    assert a_categories(None) == ("A1", "A2", "A3")
    assert groups(("G2", "G3a"), ("A1", "A2")) == (1, 3)


URGENCY = [
    ("G1A1", (0.7, 5), Urgency.ROUTINE),
    ("G2A2", (0.9, 50), Urgency.ROUTINE),
    ("G3aA2", (1.2, 50), Urgency.ROUTINE),
    ("G3aA3", (1.2, 500), Urgency.THIS_WEEK),
    ("G3bA2", (1.6, 50), Urgency.THIS_WEEK),
    ("G4A1", (2.2, 5), Urgency.THIS_WEEK),
    ("G5A3", (5.0, 800), Urgency.THIS_WEEK),
]


@pytest.mark.parametrize(("category", "measured", "urgency"), URGENCY)
def test_category_and_urgency_of_a_lasting_state(category, measured, urgency):
    value, ratio = measured
    both = [(creatinine(value, days(ago)), albumin(ratio, days(ago))) for ago in (1, 120)]
    insight = ask(*both[0], *both[1])
    assert finding(insight).category == category
    assert insight.urgency is urgency


def test_a_single_low_value_is_not_chronic():
    insight = ask(creatinine(1.25))
    assert finding(insight).category == "G3a, chronicity unproven"
    assert finding(insight).estimate.value == 46.4
    assert any("Chronicity unproven" in limit for limit in insight.limits)


@pytest.mark.parametrize(("apart", "proven"), [(89, False), (90, True), (400, True)])
def test_chronic_is_three_months_of_low_filtration(apart, proven):
    insight = ask(creatinine(1.25), creatinine(1.3, days(1 + apart)))
    assert ("unproven" not in finding(insight).category) == proven


def test_a_normal_value_in_between_breaks_the_proof():
    insight = ask(creatinine(1.25), creatinine(0.8, days(60)), creatinine(1.3, days(200)))
    assert "unproven" in finding(insight).category


def test_lasting_albuminuria_alone_is_chronic():
    insight = ask(creatinine(0.7), albumin(80), albumin(60, days(100)))
    assert finding(insight).category == "G1A2"
    assert "unproven" in finding(ask(creatinine(0.7), albumin(80))).category


def test_reported_egfr_counts_as_past():
    insight = ask(creatinine(1.25), reported(51, days(120)))
    assert finding(insight).category == "G3a"


def test_normal_kidneys_need_no_proof():
    body = finding(ask(creatinine(0.7), albumin(5)))
    assert body.category == "G1A1" and "no sign of chronic kidney disease" in body.says


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


def test_a_rise_that_has_stood_for_more_than_a_week_is_steady():
    insight = ask(creatinine(1.6, days(1)), creatinine(1.6, days(12)), creatinine(0.9, days(60)))
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


def test_kidney_failure_names_region_and_equation():
    insight = ask(creatinine(1.6), albumin(350))
    two, five = failure(insight)
    assert (two.horizon, five.horizon) == ("2 years", "5 years")
    assert "North America" in two.of and "CKD-EPI 2021" in two.of
    from salus.risk._egfr import ckd_epi_2021

    egfr = ckd_epi_2021(1.6, 70, "female")
    expected = [round(kidney_failure(70, "female", egfr, 350, years=years), 4) for years in (2, 5)]
    assert [two.estimate.value, five.estimate.value] == expected


def test_region_is_a_setting():
    insight = Kidney(region=ELSEWHERE).predict(view(*WOMAN, creatinine(1.6), albumin(350)))
    assert ELSEWHERE in failure(insight)[0].of
    assert failure(insight)[0].estimate.value < failure(ask(creatinine(1.6), albumin(350)))[0].estimate.value


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((creatinine(1.6),), "needs the urine albumin"),
        ((creatinine(1.6, timedelta(hours=1)), creatinine(0.9, days(1)), albumin(90)), "steady state"),
        ((creatinine(1.6), albumin(90), has("ICD10CM/Z94.0")), "transplant"),
        ((creatinine(7.0), albumin(90)), "10 to 59"),
    ],
)
def test_why_the_risk_of_kidney_failure_is_not_given(events, why):
    insight = ask(*events)
    assert failure(insight) == []
    assert any("not given" in limit and why in limit for limit in insight.limits)


def test_no_risk_of_kidney_failure_at_60_and_above():
    assert failure(ask(reported(60), albumin(90))) == []
    assert len(failure(ask(reported(59), albumin(90)))) == 2


@pytest.mark.parametrize(
    ("event", "same"),
    [
        (creatinine(110.5, unit="umol/L"), creatinine(1.25)),
        (albumin(10, unit="mg/mmol"), albumin(88.4, unit="mg/g")),
    ],
)
def test_molar_units_give_the_same_answer(event, same):
    rest = [creatinine(1.25, days(2))] if event.codes[0] == ACR else [albumin(50)]
    assert finding(ask(event, *rest)).category == finding(ask(same, *rest)).category


def test_unknown_unit_is_no_evidence():
    body = abstains(ask(creatinine(1.25, unit="arb")), "missing-evidence")
    assert body.missing == ("creatinine or eGFR",)
    assert "not usable" in body.says


def test_nothing_measured_or_too_long_ago():
    assert "no creatinine or eGFR on record" in abstains(ask(), "missing-evidence").says
    assert "3 years" in abstains(ask(creatinine(1.2, days(1100))), "missing-evidence").says


def test_unknown_sex_allows_for_both_equations():
    body = finding(ask(creatinine(1.25), who=person(70, None)))
    assert body.estimate.value is None and body.estimate.kind == "missing-inputs"
    assert body.category.startswith("G2 to G3a")


@pytest.mark.parametrize(
    ("events", "who"),
    [
        ((creatinine(0.6),), person(17, "female")),
        ((creatinine(0.6), has("SNOMED/72892002", years=0.3)), person(30, "female")),
        ((creatinine(0.6), seen("LOINC/82810-3", "SNOMED/77386006")), person(30, "female")),
        ((creatinine(6.0), has("ICD10CM/Z99.2")), WOMAN),
    ],
)
def test_not_for_children_pregnancy_and_dialysis(events, who):
    abstains(ask(*events, who=who), "not-eligible")


def session(code: str, before: float = 10, status: str = "completed") -> Event:
    when = NOW - days(before)
    return Event((code,), when, None, when, status=status, source=f"Procedure/{code}")


SESSIONS = ["SNOMED/265764009", "SNOMED/302497006", "SNOMED/71192002", "ICD10PCS/5A1D70Z", "ICD10PCS/5A1D90Z"]


@pytest.mark.parametrize("code", [*SESSIONS, "CPT/90935", "CPT/90937", "CPT/90945", "CPT/90947"])
def test_a_recent_session_of_dialysis_is_dialysis(code):
    insight = ask(creatinine(6.0), session(code))
    assert "dialysis" in abstains(insight, "not-eligible").says
    assert insight.reasons[0].evidence == (f"Procedure/{code}",)


@pytest.mark.parametrize(
    "event",
    [
        session("CPT/90935", 91),
        session("CPT/90935", status="not-done"),
        session("CPT/90935", status="preparation"),
        session("CPT/99213"),
        session("ICD10PCS/5A19"),
    ],
)
def test_what_is_no_recent_session(event):
    assert finding(ask(creatinine(6.0), event))


def test_a_pregnancy_of_years_ago_is_over():
    assert finding(ask(creatinine(0.6), has("SNOMED/72892002", years=3), who=person(30, "female")))


def test_needs_the_date_of_birth():
    body = abstains(ask(reported(50), who=WOMAN[1:]), "missing-evidence")
    assert body.missing == ("date of birth",)
    born = [NOW.replace(year=2008, month=month, day=day) for month, day in ((1, 1), (12, 31))]
    abstains(ask(reported(50), who=(Event((BIRTH,), *born, source=SUBJECT),)), "missing-evidence")


def test_weights_are_steps_of_the_risk_group():
    insight = ask(creatinine(1.6), albumin(350))
    assert 1 + sum(reason.weight for reason in insight.reasons) == 4
    weights = [reason.weight for reason in insight.reasons]
    assert weights == sorted(weights, reverse=True)


def test_a_creatinine_of_long_ago_does_not_unsettle_a_new_report():
    insight = ask(reported(50), creatinine(1.5, days(1000)), creatinine(0.8, days(1002)))
    assert "not a steady state" not in finding(insight).says


def test_five_years_are_said_where_they_are_known():
    says = finding(ask(creatinine(1.6), albumin(350))).says
    assert "kidney failure in 5 years: " in says
    assert says.endswith("(KFRE 4-variable, North America; eGFR by CKD-EPI 2021)")
    elsewhere = Kidney(region=ELSEWHERE).predict(view(*WOMAN, reported(33), albumin(350)))
    told = "(KFRE 4-variable, outside North America; eGFR as reported, by CKD-EPI 2021)"
    assert finding(elsewhere).says.endswith(told)
