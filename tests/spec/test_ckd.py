"""The kidney model: KDIGO's categories at every boundary, chronicity, and the risk of kidney failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.insight import Urgency
from salus.risk._kfre import ELSEWHERE, kidney_failure
from salus.risk._kidney_stage import a_categories, g_categories, groups, joined
from salus.risk.ckd import Kidney
from tests.kidney_views import ACR, WOMAN, albumin, ask, creatinine, days, failure, finding, reported
from tests.risk_views import has, person, view

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
    assert (
        body.category == "G1A1" and "no sign of chronic kidney disease in it or in urine albumin" in body.says
    )


@pytest.mark.parametrize("code", ["ICD10CM/N18.30", "ICD10CM/Z94.0", "ICD10CM/N18.6"])
def test_a_disease_of_the_kidneys_on_the_list_is_a_sign_of_it(code):
    assert "no sign" not in finding(ask(creatinine(0.7), albumin(5), has(code))).says


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


def test_unknown_sex_allows_for_both_equations():
    body = finding(ask(creatinine(1.25), who=person(70, None)))
    assert body.estimate.value is None and body.estimate.kind == "missing-inputs"
    assert body.category.startswith("G2 to G3a")


def test_weights_are_steps_of_the_risk_group():
    insight = ask(creatinine(1.6), albumin(350))
    assert 1 + sum(reason.weight for reason in insight.reasons) == 4
    weights = [reason.weight for reason in insight.reasons]
    assert weights == sorted(weights, reverse=True)


def test_five_years_are_said_where_they_are_known():
    says = finding(ask(creatinine(1.6), albumin(350))).says
    assert "kidney failure in 5 years: " in says
    assert says.endswith("(KFRE 4-variable, North America; eGFR by CKD-EPI 2021)")
    elsewhere = Kidney(region=ELSEWHERE).predict(view(*WOMAN, reported(33), albumin(350)))
    told = "(KFRE 4-variable, outside North America; eGFR as reported, by CKD-EPI 2021)"
    assert finding(elsewhere).says.endswith(told)
