"""FINDRISC against its form: every boundary of every question, and every category."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Event
from salus.core.insight import Abstention, Insight, Risk, Urgency
from salus.risk._findrisc_family import NEAR_RELATIVES, RELATIVES
from salus.risk.findrisc import CATEGORIES, MODEL, category
from tests.risk_views import NOW, has, person, seen, takes, view

BMI, WAIST, DAYS, MINUTES, VEGETABLES, FASTING = (
    "LOINC/39156-5", "LOINC/8280-0", "LOINC/89555-7", "LOINC/68516-4", "LOINC/80460-9", "LOINC/1558-6",
)  # fmt: skip
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|"
# Somebody of 40 who scores nothing on any question.
NOTHING = {
    BMI: seen(BMI, 22.0, "kg/m2"),
    WAIST: seen(WAIST, 75.0, "cm"),
    DAYS: seen(DAYS, 7.0, "d/wk"),
    MINUTES: seen(MINUTES, 45.0, "min/d"),
    VEGETABLES: seen(VEGETABLES, 4.0, "{servings}"),
    "drugs": takes("paracetamol 500 MG"),
    "conditions": has("SNOMED/444814009"),
    "family": has("SNOMED/160274005"),
}


def relative(role: str, what: str = "SNOMED/44054006") -> Event:
    source = f"FamilyMemberHistory/{role}"
    return Event((f"{_ROLE}{role}",), NOW, None, NOW, what, None, None, "completed", source)


def ask(*changed: Event, without: tuple[str, ...] = (), years: int = 40, sex: str | None = "male") -> Insight:
    keys = {event.code: event for event in changed if event.code in NOTHING}
    more = [event for event in changed if event.code not in NOTHING]
    record = {key: event for key, event in (NOTHING | keys).items() if key not in without}
    return MODEL.predict(view(*person(years, sex), *record.values(), *more))


def score(insight: Insight) -> float | None:
    assert isinstance(insight.body, Risk), insight.body
    return insight.body.outcomes[1].estimate.value


def span(insight: Insight) -> tuple[float | None, float | None]:
    assert isinstance(insight.body, Risk | Abstention)
    found = (
        insight.body.estimate if isinstance(insight.body, Abstention) else insight.body.outcomes[1].estimate
    )
    assert found is not None
    return found.low, found.high


@pytest.mark.parametrize(
    ("years", "points"), [(18, 0), (44, 0), (45, 2), (54, 2), (55, 3), (64, 3), (65, 4), (90, 4)]
)
def test_age(years: int, points: int) -> None:
    assert score(ask(years=years)) == points


@pytest.mark.parametrize(
    ("value", "points"), [(18.0, 0), (24.9, 0), (25.0, 1), (30.0, 1), (30.1, 3), (45.0, 3)]
)
def test_body_mass_index(value: float, points: int) -> None:
    assert score(ask(seen(BMI, value, "kg/m2"))) == points


def test_body_mass_index_from_weight_and_height() -> None:
    body = (seen("LOINC/29463-7", 100.0, "kg"), seen("LOINC/8302-2", 180.0, "cm"))
    assert score(ask(*body, without=(BMI,))) == 3


@pytest.mark.parametrize(
    ("sex", "value", "points"),
    [
        ("male", 93.9, 0), ("male", 94.0, 3), ("male", 102.0, 3), ("male", 102.1, 4),
        ("female", 79.9, 0), ("female", 80.0, 3), ("female", 88.0, 3), ("female", 88.1, 4),
    ],
)  # fmt: skip
def test_waist(sex: str, value: float, points: int) -> None:
    assert score(ask(seen(WAIST, value, "cm"), sex=sex)) == points


def test_waist_in_inches() -> None:
    assert score(ask(seen(WAIST, 102.0 / 2.54, "[in_i]"))) == 3


def test_waist_without_sex_allows_for_both_tables() -> None:
    assert span(ask(seen(WAIST, 90.0, "cm"), sex=None)) == (0, 4)


def test_inactivity() -> None:
    assert score(ask(has("ICD10CM/Z723"))) == 2


@pytest.mark.parametrize(("days", "minutes"), [(5.0, 60.0), (7.0, 20.0), (0.0, 0.0)])
def test_less_exercise_is_no_proof_of_inactivity(days: float, minutes: float) -> None:
    assert span(ask(seen(DAYS, days, "d/wk"), seen(MINUTES, minutes, "min/d"))) == (0, 2)


def test_no_fruit_or_vegetables() -> None:
    none = (seen(VEGETABLES, 0.0, "{servings}"), seen("LOINC/80458-3", 0.0, "{servings}"))
    assert score(ask(*none)) == 1
    assert span(ask(none[0])) == (0, 1)


@pytest.mark.parametrize(
    "order",
    [
        takes("Hydrochlorothiazide 25 MG"), takes("amlodipine 5 MG Oral Tablet", days=4000),
        takes("Lisinopril 10 MG", status="stopped"), takes("metoprolol", status="completed", days=900),
    ],
)  # fmt: skip
def test_ever_a_drug_for_high_blood_pressure(order: Event) -> None:
    assert score(ask(order)) == 2


def test_no_list_of_drugs_is_not_no() -> None:
    assert span(ask(without=("drugs",))) == (0, 2)


@pytest.mark.parametrize(
    ("event", "points"),
    [
        (has("SNOMED/15777000"), 5), (has("ICD10CM/R7303", status="resolved"), 5), (has("ICD9CM/79021"), 5),
        (has("ICD10/O24.4", years=9, status="resolved"), 5), (seen(FASTING, 6.1, "mmol/L"), 5),
        (seen(FASTING, 110.0, "mg/dL"), 5), (seen(FASTING, 6.0, "mmol/L"), 0),
        (seen("LOINC/2340-8", 210.0, "mg/dL"), 5), (seen("LOINC/41653-7", 250.0, "mg/dL"), 5),
        (replace(seen("LOINC/2345-7", 600.0, "mg/dL"), comparator=">"), 5),
        (seen("LOINC/4548-4", 6.5, "%"), 5),
        (replace(seen("LOINC/2345-7", 40.0, "mg/dL"), comparator="<"), 0),
        (seen("LOINC/2339-0", 200.0, "mg/dL"), 5), (seen("LOINC/2339-0", 180.0, "mg/dL"), 0),
        (seen("LOINC/1518-0", 9.0, "mmol/L"), 5), (seen("LOINC/14995-5", 7.8, "mmol/L"), 5),
        (seen("LOINC/20436-2", 140.0, "mg/dL"), 5),
        (seen("LOINC/76629-5", 7.0, "mmol/L"), 5), (seen("LOINC/14770-2", 5.9, "mmol/L"), 0),
        (seen("LOINC/1518-0", 139.0, "mg/dL"), 0), (seen("LOINC/1558-6", 110.0, "mg/dL"), 5),
        (seen("LOINC/2345-7", 200.0, "mg/dL"), 5), (seen("LOINC/1514-9", 7.7, "mmol/L"), 0),
        (has("ICD10CM/Z86.32", years=9), 5), (has("ICD10CM/O24.410", status="resolved"), 5),
        (has("ICD9CM/V12.21"), 5), (has("SNOMED/472971004"), 5), (has("ICD10CM/O99.810"), 5),
    ],
)  # fmt: skip
def test_high_glucose_before(event: Event, points: int) -> None:
    assert score(ask(event)) == points


@pytest.mark.parametrize("role", sorted(code.partition("|")[2] for code in NEAR_RELATIVES))
def test_near_relatives(role: str) -> None:
    assert score(ask(relative(role), without=("family",))) == 5


@pytest.mark.parametrize("role", sorted(code.partition("|")[2] for code in RELATIVES))
def test_other_relatives_alone_are_three(role: str) -> None:
    insight = ask(relative(role), without=("family",))
    assert score(insight) == 3
    assert any(limit.startswith("Whether a parent, brother, sister or child has diabetes is taken as no")
               for limit in insight.limits)  # fmt: skip
    assert span(ask(replace(relative(role), status="partial"), without=("family",))) == (3, 5)


def test_a_family_history_without_diabetes_is_none_and_said() -> None:
    insight = ask(relative("FTH", "SNOMED/709044004"), without=("family",))
    assert score(insight) == 0
    assert any(limit.startswith("Diabetes in the family is taken as no") for limit in insight.limits)


@pytest.mark.parametrize("event", [
    replace(relative("FTH", "SNOMED/709044004"), status="partial"), relative("MTH", "urn:local|77"),
    replace(relative("SIS"), value=None, status="health-unknown"), relative("HBRO"),
    relative("HUSB", "SNOMED/709044004"),
])  # fmt: skip
def test_a_family_history_that_is_not_whole_leaves_it_open(event: Event) -> None:
    assert span(ask(event, without=("family",))) == (0, 5)


NAMED = [
    ("Mother", (5, 5)), ("father", (5, 5)), ("text/Sister", (5, 5)), ("Brother", (5, 5)), ("Son", (5, 5)),
    ("Daughter", (5, 5)), ("Grandmother", (3, 3)), ("text/Maternal grandfather", (3, 3)), ("Aunt", (3, 3)),
    ("Mother-in-law", (0, 5)), ("Stepfather", (0, 5)), ("Half brother", (0, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("word", "points"), NAMED)
def test_relatives_in_words(word: str, points: tuple[int, int]) -> None:
    insight = ask(replace(relative("MTH"), codes=(word,)), without=("family",))
    exact = insight.body.outcomes[1].estimate.value  # type: ignore[union-attr]
    assert (exact, exact) == points if points[0] == points[1] else span(insight) == points


@pytest.mark.parametrize("event", [relative("HUSB"), relative("FTH", "SNOMED/709044004")])
def test_others_and_other_diseases_do_not_count(event: Event) -> None:
    assert score(ask(event)) == 0


def test_the_highest_score_is_26() -> None:
    everything = ask(
        *(seen(BMI, 35.0, "kg/m2"), seen(WAIST, 120.0, "cm"), has("ICD10CM/Z723"), relative("MTH")),
        *(seen(VEGETABLES, 0.0, "{servings}"), seen("LOINC/80458-3", 0.0, "{servings}")),
        *(takes("ramipril 5 MG"), has("SNOMED/15777000")),
        years=70,
    )
    assert score(everything) == 26


@pytest.mark.parametrize(
    ("points", "name", "risk"),
    [
        (0, "low", 0.01), (6, "low", 0.01), (7, "slightly elevated", 0.04), (11, "slightly elevated", 0.04),
        (12, "moderate", 1 / 6), (14, "moderate", 1 / 6), (15, "high", 1 / 3), (20, "high", 1 / 3),
        (21, "very high", 0.5), (26, "very high", 0.5),
    ],
)  # fmt: skip
def test_categories(points: int, name: str, risk: float) -> None:
    assert (category(points).name, category(points).risk) == (name, risk)


def test_every_category_has_its_action() -> None:
    assert [row.at_least for row in MODEL.card.actions] == [row.at_least for row in CATEGORIES]


def test_probability_is_that_of_the_category() -> None:
    insight = ask(relative("FTH"), has("SNOMED/15777000"), takes("ramipril"), years=60, without=("family",))
    assert isinstance(insight.body, Risk)
    first = insight.body.outcomes[0]
    assert (first.of, first.horizon, first.estimate.value) == ("type 2 diabetes", "10 years", round(1 / 3, 4))
    assert insight.body.says.startswith(
        "FINDRISC 15 (high): about 1 in 3 develop type 2 diabetes in 10 years."
    )
    assert insight.urgency is Urgency.ROUTINE


def test_a_range_across_categories() -> None:
    insight = ask(has("SNOMED/15777000"), years=60, without=(WAIST,))
    assert span(insight) == (8, 12)
    assert isinstance(insight.body, Risk)
    estimate = insight.body.outcomes[0].estimate
    assert (estimate.value, estimate.low, estimate.high) == (None, 0.04, round(1 / 6, 4))


def test_a_range_from_low_to_high_supports_no_action() -> None:
    insight = ask(years=60, without=(WAIST, DAYS, "family", VEGETABLES, "conditions"))
    assert isinstance(insight.body, Abstention)
    assert insight.body.why == "missing-evidence"
    assert insight.urgency is None
    assert {"waist", "physical activity", "fruit and vegetables", "diabetes in the family"} <= {
        *insight.body.missing
    }


@pytest.mark.parametrize("code", ["SNOMED/44054006", "ICD10CM/E119", "ICD9CM/25000"])
def test_known_diabetes_is_not_predicted(code: str) -> None:
    body = ask(has(code)).body
    assert isinstance(body, Abstention)
    assert body.why == "not-eligible"


def test_not_for_children_nor_in_pregnancy() -> None:
    assert isinstance(ask(years=17).body, Abstention)
    assert isinstance(ask(has("SNOMED/72892002", years=0.3), sex="female").body, Abstention)


def test_diabetic_hba1c_asks_for_a_diagnosis() -> None:
    assert any("diabetic range" in limit for limit in ask(seen("LOINC/4548-4", 7.1, "%")).limits)


def test_no_recorded_is_said() -> None:
    limits = ask(without=()).limits
    assert any("Taken as no" in limit and "recorded medications" in limit for limit in limits)


def test_old_measurements_are_not_used() -> None:
    insight = ask(seen(WAIST, 75.0, "cm", before=timedelta(days=1500)))
    assert span(insight) == (0, 4)
    assert any("waist last recorded 4 years before" in limit.lower() for limit in insight.limits)


@pytest.mark.parametrize(
    "event",
    [
        seen("LOINC/2345-7", "HIGH"), seen("LOINC/2345-7", 250.0), seen(FASTING, 9.0, "furlong"),
        replace(seen(FASTING, 90.0, "mg/dL"), comparator=">"),
    ],
)  # fmt: skip
def test_a_glucose_that_cannot_be_read_leaves_it_open(event: Event) -> None:
    assert span(ask(event)) == (0, 5)


def test_insulin_that_is_only_coded_leaves_it_open_too() -> None:
    assert span(ask(has("ICD10CM/Z79.4"))) == (0, 5)


@pytest.mark.parametrize("code", ["SNOMED/72705000", "SNOMED/66839005", "SNOMED/27733009"])
def test_near_relatives_by_snomed(code: str) -> None:
    who = replace(relative("MTH"), codes=(code,))
    assert score(ask(who, without=("family",))) == 5


def test_a_relative_without_diabetes_gives_no_points() -> None:
    assert score(ask(relative("MTH", "No diabetes"))) == 0
    assert score(ask(relative("MTH", "Type 2 diabetes"), without=("family",))) == 5


def test_minoxidil_on_the_scalp_is_no_drug_for_blood_pressure() -> None:
    assert score(ask(takes("Minoxidil 5 % topical solution for hair"))) == 0
    assert score(ask(takes("Minoxidil 10 MG Oral Tablet"))) == 2


@pytest.mark.parametrize(("words", "points"), [
    ("Non-insulin-dependent diabetes mellitus", 5), ("Type 2 diabetes mellitus without complications", 5),
    ("Diabetes type 2, no known complications", 5), ("T2DM", 5), ("Diabetic", 5), ("Diabetes mellitus", 5),
    ("No diabetes", 0), ("without known diabetes", 0), ("Denies diabetes", 0), ("Non-diabetic", 0),
    ("Diabetes: none", 0), ("Diabetes insipidus", 0),
])  # fmt: skip
def test_a_father_in_words(words: str, points: int) -> None:
    assert score(ask(relative("FTH", words))) == points
