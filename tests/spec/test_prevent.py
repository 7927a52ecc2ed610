"""AHA PREVENT as a record answers it: its published example, its limits, and its rules of refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.codes import BIRTH
from salus.core.evidence import Event
from salus.core.insight import Abstention, Estimate, Insight, Risk, Urgency
from salus.risk import _prevent_equation as equation
from salus.risk._prevent_equation import probability
from salus.risk._prevent_inputs import SDI_CODE
from salus.risk.prevent import MODEL
from tests.risk_views import NOW, SUBJECT, has, person, seen, takes, view

# The woman of the published example, as a record.
TC, HDL, SBP, EGFR, BMI = "LOINC/2093-3", "LOINC/2085-9", "LOINC/8480-6", "LOINC/98979-8", "LOINC/39156-5"
SMOKES = "LOINC/72166-2"
HBA1C, ACR = "LOINC/4548-4", "LOINC/9318-7"
NORMALISED = "mL/min/{1.73_m2}"
RECORD = {
    TC: seen(TC, 200.0, "mg/dL"),
    HDL: seen(HDL, 45.0, "mg/dL"),
    SBP: seen(SBP, 160.0, "mm[Hg]"),
    EGFR: seen(EGFR, 90.0, NORMALISED),
    BMI: seen(BMI, 35.0, "kg/m2"),
    SMOKES: seen(SMOKES, "SNOMED/266919005"),
    "diabetes": has("SNOMED/44054006"),
    "tablets": takes("Amlodipine 5 MG Oral Tablet"),
}


def ask(
    *more: Event, without: tuple[str, ...] = (), who: tuple[Event, ...] = person(50, "female")
) -> Insight:
    record = RECORD | {event.code: event for event in more}
    return MODEL.predict(view(*who, *(event for code, event in record.items() if code not in without)))


def estimates(insight: Insight) -> dict[tuple[str, str], Estimate]:
    assert isinstance(insight.body, Risk), insight.body
    return {(outcome.of, outcome.horizon): outcome.estimate for outcome in insight.body.outcomes}


def abstains(insight: Insight, why: str) -> Abstention:
    assert isinstance(insight.body, Abstention), insight.body
    assert insight.body.why == why
    assert insight.urgency is None
    return insight.body


def test_record_gives_the_published_example():
    found = {key: estimate.value for key, estimate in estimates(ask()).items()}
    ten = [0.147, 0.092, 0.081, 0.044, 0.054]
    thirty = [0.53, 0.354, 0.39, 0.198, 0.221]
    assert list(found.values()) == ten + thirty
    assert next(iter(found)) == ("cardiovascular disease", "10 years")
    assert {estimate.kind for estimate in estimates(ask()).values()} == {"none-published"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((seen(HBA1C, 9.2, "%"),), 0.165),
        ((seen(HBA1C, 77.0, "mmol/mol"),), 0.165),
        ((seen(ACR, 92.0, "mg/g"),), 0.181),
        ((seen(HBA1C, 9.2, "%"), seen(ACR, 92.0, "mg/g"), seen(SDI_CODE, 2.0)), 0.174),
    ],
)
def test_record_with_optional_inputs_gives_the_published_examples(more, expected):
    assert estimates(ask(*more))["cardiovascular disease", "10 years"].value == expected


def test_measured_creatinine_goes_before_a_reported_egfr():
    creatinine = seen("LOINC/2160-0", 1.9, "mg/dL")
    with_both, alone = ask(creatinine), ask(creatinine, without=(EGFR,))
    assert with_both.body == alone.body
    assert any("CKD-EPI 2021" in reason.says for reason in with_both.reasons)


AGES = [(29, "not-eligible"), (30, ""), (59, ""), (79, ""), (80, "not-eligible")]


@pytest.mark.parametrize(("years", "why"), AGES)
def test_ages(years, why):
    insight = ask(who=person(years, "female"))
    if why:
        abstains(insight, why)
    else:
        assert isinstance(insight.body, Risk)


@pytest.mark.parametrize(("years", "count"), [(59, 10), (60, 5)])
def test_thirty_years_ahead_only_up_to_59(years, count):
    insight = ask(who=person(years, "female"))
    assert len(estimates(insight)) == count
    assert any("30-year" in limit for limit in insight.limits) == (count == 5)


def test_without_a_full_date_of_birth_it_cannot_say_whether_it_applies():
    body = abstains(ask(who=person(50, "female")[1:]), "missing-evidence")
    assert body.missing == ("date of birth",)
    year_only = Event(
        (BIRTH,), NOW.replace(year=1996, month=1, day=1), NOW.replace(year=1996, month=12, day=31)
    )
    abstains(ask(who=(replace(year_only, source=SUBJECT),)), "missing-evidence")


@pytest.mark.parametrize(
    "code",
    [
        "SNOMED/22298006",
        "ICD10CM/I25.10",
        "ICD10CM/I2510",
        "ICD9CM/41401",
        "SNOMED/230690007",
        "ICD10CM/I50.9",
        "SNOMED/371041009",
        "SNOMED/63491006",
        "SNOMED/233970002",
        "SNOMED/413838009",
        "SNOMED/274100004",
        "ICD10CM/I61.9",
        "ICD10CM/I60.9",
        "ICD9CM/431",
        "ICD10CM/I69.398",
        "ICD10CM/I69.8",
        "ICD10CM/Z95.1",
    ],
)
@pytest.mark.parametrize("status", ["active", "resolved"])
def test_not_for_those_who_have_the_disease(code, status):
    insight = ask(has(code, status=status))
    body = abstains(insight, "not-eligible")
    assert "on record" in body.says
    assert insight.reasons[0].evidence == (f"Condition/{code}",)


def done(code: str, status: str = "completed", days: float = 30) -> Event:
    when = NOW - timedelta(days=days)
    return Event((code,), when, None, when, status=status, source=f"Procedure/{code}")


HEART_OPERATIONS = [
    *("SNOMED/232717009", "SNOMED/415070008", "SNOMED/36969009", "ICD10PCS/02100Z9", "ICD10PCS/027034Z"),
    *("CPT/33510", "CPT/33523", "CPT/33533", "CPT/33536", "CPT/92920", "CPT/92928", "CPT/92941"),
]


@pytest.mark.parametrize("code", HEART_OPERATIONS)
def test_not_after_coronary_revascularisation(code):
    insight = ask(done(code, days=4000))
    assert "coronary revascularisation is on record" in abstains(insight, "not-eligible").says
    assert insight.reasons[0].evidence == (f"Procedure/{code}",)


@pytest.mark.parametrize("event", [
    done("CPT/33537"), done("CPT/92945"), done("CPT/99213"), done("CPT/33533", "not-done"),
    done("CPT/33533", "preparation"), has("ICD10CM/I62.00"), has("SNOMED/38341003"),
])  # fmt: skip
def test_what_is_no_cardiovascular_disease_does_not_exclude(event):
    assert isinstance(ask(event).body, Risk)


@pytest.mark.parametrize(("event", "says"), [
    (has("ICD10CM/Z99.2"), "people on dialysis"),
    (done("CPT/90935"), "people on dialysis"),
    (has("ICD10CM/Z94.0"), "people with a kidney transplant"),
    (has("SNOMED/70536003", status="resolved"), "people with a kidney transplant"),
    (has("SNOMED/77386006", years=0.3), "in pregnancy"),
    (seen("LOINC/82810-3", "SNOMED/77386006"), "in pregnancy"),
])  # fmt: skip
def test_not_for_dialysis_transplant_and_pregnancy(event, says):
    assert says in abstains(ask(event, who=person(35, "female")), "not-eligible").says


@pytest.mark.parametrize(("who", "said"), [
    (person(35, "female"), True), (person(35, None), True), (person(35, "male"), False),
    (person(60, "female"), False),
])  # fmt: skip
def test_a_pregnancy_that_is_not_on_record_is_said(who, said):
    assert any("Pregnancy is not on record" in limit for limit in ask(who=who).limits) is said


OUTSIDE = [
    (seen(TC, 129.0, "mg/dL"), seen(TC, 130.0, "mg/dL")),
    (seen(TC, 321.0, "mg/dL"), seen(TC, 320.0, "mg/dL")),
    (seen(HDL, 19.0, "mg/dL"), seen(HDL, 20.0, "mg/dL")),
    (seen(HDL, 101.0, "mg/dL"), seen(HDL, 100.0, "mg/dL")),
    (seen(SBP, 89.0, "mm[Hg]"), seen(SBP, 90.0, "mm[Hg]")),
    (seen(SBP, 201.0, "mm[Hg]"), seen(SBP, 200.0, "mm[Hg]")),
    (seen(EGFR, 14.0, NORMALISED), seen(EGFR, 15.0, NORMALISED)),
    (seen(EGFR, 141.0, NORMALISED), seen(EGFR, 140.0, NORMALISED)),
]


@pytest.mark.parametrize(("outside", "inside"), OUTSIDE)
def test_limits_of_what_the_equations_were_made_for(outside, inside):
    insight = ask(outside)
    abstains(insight, "out-of-distribution")
    assert insight.reasons[0].evidence == (outside.source,)
    assert isinstance(ask(inside).body, Risk)


@pytest.mark.parametrize(("bmi", "given"), [(18.4, False), (18.5, True), (39.9, True), (40.0, False)])
def test_body_mass_index_only_bears_on_heart_failure(bmi, given):
    insight = ask(seen(BMI, bmi, "kg/m2"))
    found = estimates(insight)
    assert found["cardiovascular disease", "10 years"].value == 0.147
    assert (("heart failure", "10 years") in found) == given
    assert any("no risk of heart failure" in limit for limit in insight.limits) != given


def test_unknown_body_mass_index_makes_a_range_of_heart_failure_alone():
    found = estimates(ask(without=(BMI,)))
    ranged = {of for (of, _), estimate in found.items() if estimate.value is None}
    assert ranged == {"heart failure"}


def test_weight_and_height_make_the_index():
    scales = (seen("LOINC/29463-7", 101.15, "kg"), seen("LOINC/8302-2", 170.0, "cm"))
    assert estimates(ask(*scales, without=(BMI,)))["heart failure", "10 years"].value == 0.081


@pytest.mark.parametrize("odd", [
    seen(HBA1C, 15.1, "%"), seen(HBA1C, 2.9, "%"), seen(HBA1C, 142.0, "mmol/mol"), seen(ACR, 25001.0, "mg/g"),
    seen(ACR, 24000.0, "mg/mmol"),
], ids=lambda event: f"{event.value:g} {event.unit}")  # fmt: skip
def test_an_optional_input_outside_its_range_makes_nobody_look_better(odd):
    insight = ask(odd)
    body = abstains(insight, "out-of-distribution")
    assert insight.reasons[0].evidence == (odd.source,) and "PREVENT was made for" in body.says


@pytest.mark.parametrize("edge", [
    seen(HBA1C, 15.0, "%"), seen(HBA1C, 140.446, "mmol/mol"), seen(ACR, 25000.0, "mg/g"),
], ids=lambda event: f"{event.value:g} {event.unit}")  # fmt: skip
def test_the_limit_of_an_optional_input_is_inside(edge):
    assert estimates(ask(edge))["cardiovascular disease", "10 years"].value > 0.147


def test_an_optional_input_that_cannot_be_read_is_left_out_and_said():
    insight = ask(seen(ACR, 30.0, "mg"))
    assert estimates(insight)["cardiovascular disease", "10 years"].value == 0.147
    assert any("not used" in limit for limit in insight.limits)


MISSING = [
    (TC, "total cholesterol"),
    (HDL, "HDL cholesterol"),
    (SBP, "systolic blood pressure"),
    (EGFR, "creatinine or eGFR"),
    (SMOKES, "smoking"),
    ("diabetes", "diabetes"),
    ("tablets", "statin"),
]


@pytest.mark.parametrize(("without", "name"), MISSING)
def test_missing_input_widens_the_answer_and_is_named(without, name):
    insight = ask(without=(without,))
    estimate = estimates(insight)["cardiovascular disease", "10 years"]
    assert estimate.value is None and estimate.kind == "missing-inputs"
    assert estimate.low < 0.147 <= estimate.high or estimate.low <= 0.147 < estimate.high
    assert name in insight.body.says
    assert any(reason.absent for reason in insight.reasons)
    assert insight.urgency == MODEL.card.action(estimate.high).urgency


def test_unknown_unit_is_missing_and_said_not_guessed():
    insight = ask(seen(TC, 200.0, "mg"))
    assert estimates(insight)["cardiovascular disease", "10 years"].value is None
    assert any("not usable" in limit for limit in insight.limits)


@pytest.mark.parametrize(
    ("code", "days", "used"), [(TC, 365 * 5, True), (TC, 365 * 7, False), (SBP, 700, True), (SBP, 800, False)]
)
def test_how_old_a_value_may_be(code, days, used):
    old = seen(code, RECORD[code].value, RECORD[code].unit, before=timedelta(days=days))
    insight = ask(old)
    estimate = estimates(insight)["cardiovascular disease", "10 years"]
    assert (estimate.value == 0.147) == used
    assert any("before" in limit for limit in insight.limits)


def test_values_that_contradict_each_other_make_a_range():
    again = replace(RECORD[SBP], value=130.0, source="Observation/other")
    insight = MODEL.predict(view(*person(50, "female"), *RECORD.values(), again))
    estimate = estimates(insight)["cardiovascular disease", "10 years"]
    assert estimate.value is None and estimate.high == 0.147
    assert any("disagree" in limit for limit in insight.limits)


def test_unknown_sex_allows_for_both_equations():
    estimate = estimates(ask(who=person(50, None)))["cardiovascular disease", "10 years"]
    assert (estimate.low, estimate.high) == (0.147, 0.163)


def test_too_little_to_act_on_is_an_abstention_with_the_range():
    body = abstains(ask(without=(TC, HDL, SBP, EGFR)), "missing-evidence")
    assert body.estimate is not None and body.estimate.high > body.estimate.low
    assert len(body.missing) == 4
    nothing = MODEL.predict(view(*person(66)))
    assert abstains(nothing, "missing-evidence").estimate.high >= 0.2


SMOKING = [
    ("SNOMED/449868002", True), ("SNOMED/428041000124106", True), ("LOINC/LA18976-3", True),
    ("SNOMED/8517006", False), ("SNOMED/266919005", False), ("LOINC/LA18978-9", False),
    ("SNOMED/77176002", None), ("SNOMED/266927001", None), ("LOINC/LA18980-5", None),
]  # fmt: skip


@pytest.mark.parametrize(("code", "now"), SMOKING)
def test_smoking_status(code, now):
    estimate = estimates(ask(seen(SMOKES, code)))["cardiovascular disease", "10 years"]
    # Smoking at 50 adds 0.5360739 + 0.5 x 0.078715 to the log-odds of a woman (Table S12A).
    assert estimate.value == {True: 0.234, False: 0.147, None: None}[now]


DRUGS = [
    ("Simvastatin 20 MG Oral Tablet", "statin"),
    ("Simvistatin 10 MG", "statin"),
    ("rosuvastatin calcium", "statin"),
    ("24 HR metoprolol succinate 100 MG", "blood pressure drugs"),
    ("Hydrochlorothiazide 25 MG", "blood pressure drugs"),
    ("Lisinopril", "blood pressure drugs"),
    ("Nystatin cream", None),
    ("Acetaminophen 325 MG Oral Tablet", None),
]


@pytest.mark.parametrize(("text", "taken"), DRUGS)
def test_drugs_by_name(text, taken):
    insight = ask(takes(text), without=("tablets",))
    said = [reason.says for reason in insight.reasons if reason.says.endswith(text)]
    assert said == ([f"{taken.capitalize()}: {text}"] if taken else [])


@pytest.mark.parametrize(
    ("days", "status", "counts"),
    [(30, "active", True), (3000, "active", True), (80, "completed", True), (300, "completed", False)],
)
def test_an_order_that_ended_long_ago_is_no_treatment(days, status, counts):
    insight = ask(takes("Amlodipine", days=days, status=status), without=("tablets",))
    assert any(reason.says.startswith("Blood pressure drugs") for reason in insight.reasons) == counts


BANDS = [
    (0.049, Urgency.ROUTINE, "Low"), (0.05, Urgency.ROUTINE, "Borderline"),
    (0.075, Urgency.ROUTINE, "Intermediate"), (0.199, Urgency.ROUTINE, "Intermediate"),
    (0.2, Urgency.THIS_WEEK, "High"),
]  # fmt: skip


@pytest.mark.parametrize(("risk", "urgency", "band"), BANDS)
def test_action_table(risk, urgency, band):
    row = MODEL.card.action(risk)
    assert row is not None and row.urgency is urgency and row.says.startswith(band)


def test_reasons_are_ordered_and_point_into_the_view():
    insight = ask()
    weights = [abs(reason.weight) for reason in insight.reasons]
    assert weights == sorted(weights, reverse=True)
    sources = {event.source for event in (*person(50, "female"), *RECORD.values())}
    assert {source for reason in insight.reasons for source in reason.evidence} <= sources
    assert insight.reasons[0].says == "Diabetes"
    assert {reason.unit for reason in insight.reasons} == {"log-odds"}


def test_weights_add_up_to_the_answer():
    insight = ask()
    constant = equation.coefficients()["base"]["10"]["female"]["total_cvd"]["constant"]
    total = constant + sum(reason.weight for reason in insight.reasons)
    assert probability(total) == 0.147


def test_what_the_lists_do_not_name_is_said_to_be_taken_as_no():
    assert any("statin" in limit and "Taken as no" in limit for limit in ask().limits)


def test_unknown_history_of_disease_is_said():
    insight = ask(without=("diabetes",))
    assert any("already is not on record" in limit for limit in insight.limits)
