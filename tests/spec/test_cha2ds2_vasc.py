"""CHA2DS2-VA (ESC 2024) and CHA2DS2-VASc (Lip 2010): every item, every code system, and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding, Insight, Urgency
from salus.risk.cha2ds2_vasc import MODEL
from tests.risk_views import NOW, called, has, person, seen, takes, view

AF = has("SNOMED/49436004")
NO_DRUG = takes("paracetamol 500 MG")
ONE_OF_EACH = {
    "heart failure": (has("SNOMED/88805009"), 1),
    "hypertension": (has("SNOMED/59621000"), 1),
    "diabetes": (has("SNOMED/44054006"), 1),
    "stroke": (has("SNOMED/230690007"), 2),
    "vascular disease": (has("SNOMED/53741008"), 1),
}


def ask(*events: Event, years: int = 60, sex: str | None = "male") -> Insight:
    return MODEL.predict(view(*person(years, sex), AF, NO_DRUG, *events))


def scores(insight: Insight) -> tuple[float | None, float | None]:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body.estimate.value, insight.body.parts[1].estimate.value


def span(insight: Insight) -> tuple[float | None, float | None]:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body.estimate.low, insight.body.estimate.high


@pytest.mark.parametrize(("years", "points"), [(18, 0), (64, 0), (65, 1), (74, 1), (75, 2), (100, 2)])
def test_age(years: int, points: int) -> None:
    assert scores(ask(years=years)) == (points, points)


def test_female_sex_counts_in_the_older_score_alone() -> None:
    assert scores(ask(sex="female")) == (0, 1)
    assert scores(ask(sex="male")) == (0, 0)


CODES = [
    *[
        (1, code)
        for code in (
            "ICD10CM/I97131",
            "ICD10CM/I5022",
            "ICD9CM/4280",
            "ICD9CM/40291",
            "SNOMED/84114007",
            "ICD10/I11.0",
        )
    ],
    *[(1, code) for code in ("ICD10CM/E119", "ICD9CM/25000", "SNOMED/44054006", "ICD10/E14")],
    *[(2, code) for code in ("ICD10CM/I639", "ICD10CM/Z8673", "ICD10CM/G459", "ICD9CM/43491", "ICD9CM/4359")],
    *[(2, code) for code in ("ICD9CM/V1254", "ICD10CM/I743", "ICD9CM/44422", "SNOMED/266257000")],
    *[(1, code) for code in ("ICD10CM/I2510", "ICD10CM/Z955", "ICD9CM/41401", "ICD9CM/V4581", "ICD9CM/4439")],
    *[(1, code) for code in ("SNOMED/22298006", "SNOMED/399211009", "ICD10CM/I70213", "ICD10CM/I739")],
    *[(1, code) for code in ("SNOMED/443254009", "SNOMED/313436004", "SNOMED/73795002")],
    *[(2, code) for code in ("SNOMED/195189003", "SNOMED/230698000")],
    *[(1, code) for code in ("ICD10CM/I10", "ICD9CM/4019", "ICD9CM/40390", "SNOMED/38341003")],
    *[(1, code) for code in ("ICD10CM/I1A.0", "ICD10CM/O10.02", "ICD10/O11", "ICD9CM/64201", "ICD10CM/i10")],
    *[(1, code) for code in ("ICD10/O24.0", "ICD10CM/O24.113", "ICD10CM/O24.3", "ICD10CM/O24.811")],
    *[(1, code) for code in ("ICD9CM/64803", "ICD10CM/e11.9", "SNOMED/840580004")],
]


@pytest.mark.parametrize(("points", "code"), CODES)
def test_codes_of_every_item(points: int, code: str) -> None:
    # Hypertensive heart disease with failure (I11.0, 402.x1) is two items at once.
    both = code in ("ICD9CM/40291", "ICD10/I11.0")
    assert scores(ask(has(code, status="")))[0] == points + both


@pytest.mark.parametrize(
    "code",
    [
        "ICD10CM/I2699", "ICD9CM/41519", "ICD10CM/I619", "ICD10CM/G454", "ICD10CM/R7303", "ICD10CM/I272",
        "ICD9CM/43310", "ICD10CM/I7300", "SNOMED/15777000", "ICD10CM/O2441", "ICD10CM/I714",
    ],
)  # fmt: skip
def test_neighbours_that_do_not_count(code: str) -> None:
    assert scores(ask(has(code))) == (0, 0)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_what_once_was_counts(name: str) -> None:
    event, points = ONE_OF_EACH[name]
    assert scores(ask(has(event.code, years=15, status="resolved")))[0] == points


def test_every_combination_is_the_sum() -> None:
    for chosen in product((False, True), repeat=len(ONE_OF_EACH)):
        picked = [pair for pair, here in zip(ONE_OF_EACH.values(), chosen, strict=True) if here]
        expected = 2 + sum(points for _, points in picked)
        assert scores(ask(*(event for event, _ in picked), years=80, sex="female")) == (
            expected,
            expected + 1,
        )


def test_the_highest_scores_are_eight_and_nine() -> None:
    assert scores(ask(*(event for event, _ in ONE_OF_EACH.values()), years=80, sex="female")) == (8, 9)


@pytest.mark.parametrize(("value", "points"), [(40.0, 1), (41.0, 0), (25.0, 1)])
def test_ejection_fraction(value: float, points: int) -> None:
    assert scores(ask(seen("LOINC/10230-1", value, "%")))[0] == points


def test_revascularisation_by_procedure() -> None:
    bypass = Event(("SNOMED/232717009",), NOW, None, NOW, status="completed", source="Procedure/1")
    assert scores(ask(bypass))[0] == 1


@pytest.mark.parametrize("code", ["ICD9CM/438", "ICD9CM/43820", "ICD10CM/I69959"])
def test_late_effects_of_an_unknown_stroke_leave_it_open(code: str) -> None:
    assert span(ask(has(code), years=70)) == (1, 3)


def test_plaque_of_the_aorta_leaves_vascular_disease_open() -> None:
    assert span(ask(has("ICD10CM/I700"))) == (0, 1)


@pytest.mark.parametrize(
    "code", ["ICD10CM/I42.0", "ICD10/I42.9", "ICD9CM/4254", "ICD10CM/I43", "SNOMED/85898001"]
)
def test_a_cardiomyopathy_leaves_heart_failure_open(code: str) -> None:
    assert span(ask(has(code))) == (0, 1)
    assert scores(ask(has(code), has("ICD10CM/I50.9"))) == (1, 1)


def test_treatment_leaves_hypertension_open() -> None:
    assert span(ask(takes("ramipril 5 MG"))) == (0, 1)


def test_systolic_readings_on_two_days_are_hypertension() -> None:
    high = [
        seen("LOINC/8480-6", 150.0, "mm[Hg]", before=timedelta(days=days), name=f"b{days}") for days in (1, 9)
    ]
    insight = ask(*high)
    assert scores(insight) == (1, 1)
    assert any("above 140/90 mmHg on at least 2 days" in reason.says for reason in insight.reasons)
    assert scores(ask(high[0])) == (0, 0)
    assert scores(ask(high[0], replace(high[1], time=high[0].time))) == (0, 0)
    assert span(ask(*high, has("ICD10CM/I10", status="refuted"))) == (0, 1)


@pytest.mark.parametrize(
    ("events", "years", "urgency", "words"),
    [
        ((), 60, None, "No anticoagulant for this reason"), ((), 70, Urgency.ROUTINE, "class IIa"),
        ((), 80, Urgency.THIS_WEEK, "class I)"), ((has("ICD10CM/I639"),), 60, Urgency.THIS_WEEK, "class I)"),
    ],
)  # fmt: skip
def test_what_follows(events: tuple[Event, ...], years: int, urgency: Urgency | None, words: str) -> None:
    insight = ask(*events, years=years)
    assert insight.urgency is urgency
    assert isinstance(insight.body, Finding)
    assert words in insight.body.says


@pytest.mark.parametrize(
    "now",
    [takes("Warfarin Sodium 5 MG Oral Tablet"), takes("Eliquis"), has("ICD9CM/V5861", years=0.5, status="")],
)
def test_already_anticoagulated(now: Event) -> None:
    insight = ask(now, years=80)
    assert insight.urgency is Urgency.ROUTINE
    assert isinstance(insight.body, Finding)
    assert "An oral anticoagulant is on record." in insight.body.says


def test_an_anticoagulant_that_is_being_ordered_is_named_and_is_no_treatment_yet() -> None:
    insight = ask(takes("apixaban 5 mg", days=0, status="draft"), years=80)
    assert insight.urgency is Urgency.ROUTINE
    assert isinstance(insight.body, Finding)
    assert "One is being ordered now (not signed yet): apixaban 5 mg." in insight.body.says
    assert "is on record" not in insight.body.says


def test_a_draft_that_is_not_recognised_may_be_one() -> None:
    insight = ask(takes("study drug 7", days=0, status="draft"), years=80)
    assert insight.urgency is Urgency.THIS_WEEK
    assert isinstance(insight.body, Finding)
    assert (
        "What is being ordered now may be one (1 drafted order on record is not recognised)."
        in insight.body.says
    )


def test_a_draft_of_long_ago_is_not_being_ordered() -> None:
    insight = ask(takes("apixaban", days=3, status="draft"), years=80)
    assert insight.urgency is Urgency.THIS_WEEK
    assert "being ordered" not in str(insight.body)


def test_an_old_order_is_not_treatment_now() -> None:
    assert ask(takes("warfarin", days=800, status="completed"), years=80).urgency is Urgency.THIS_WEEK


def test_without_fibrillation_among_the_conditions() -> None:
    body = MODEL.predict(view(*person(80), has("SNOMED/38341003"))).body
    assert isinstance(body, Abstention)
    assert body.why == "not-eligible"


@pytest.mark.parametrize("more", [(), (has("SNOMED/49436004", status="provisional"),)])
def test_fibrillation_not_known(more: tuple[Event, ...]) -> None:
    body = MODEL.predict(view(*person(80), *more)).body
    assert isinstance(body, Abstention)
    assert (body.why, body.missing) == ("missing-evidence", ("atrial fibrillation",))


def test_refuted_fibrillation() -> None:
    body = MODEL.predict(view(*person(80), has("ICD10CM/I4891", status="refuted"))).body
    assert isinstance(body, Abstention)
    assert body.why == "not-eligible"


@pytest.mark.parametrize("code", ["SNOMED/5370000", "ICD10CM/I4892", "ICD9CM/42732", "ICD9CM/42731"])
def test_flutter_and_every_code_system(code: str) -> None:
    assert isinstance(MODEL.predict(view(*person(80), has(code, status=""))).body, Finding)


def test_a_valve_and_a_cardiomyopathy_are_said() -> None:
    limits = " ".join(ask(has("ICD10CM/Z952"), has("ICD10CM/I421")).limits)
    assert "mechanical valve" in limits
    assert "Hypertrophic cardiomyopathy" in limits


def operated(words: str, code: str = "Procedure", status: str = "completed") -> Event:
    when = NOW - timedelta(days=90)
    return Event((code,), when, None, when, words or None, None, None, status, "Procedure/1")


@pytest.mark.parametrize(
    "event",
    [
        called("Severe mitral stenosis", "SNOMED/194732001"),
        called("Mechanical aortic valve"),
        called("Rheumatic mitral stenosis", status="resolved"),
        has("ICD10CM/I080"),
        operated("Mechanical mitral valve replacement", "SNOMED/53059001"),
        operated("", "ICD10PCS/02RG0JZ"),
    ],
)
def test_a_valve_is_said_however_it_is_told(event: Event) -> None:
    assert "mechanical valve" in " ".join(ask(event).limits)


@pytest.mark.parametrize(
    "event",
    [
        called("Aortic stenosis, mild"),
        called("No mitral stenosis"),
        called("Mitral stenosis", status="refuted"),
        operated("Mitral valve replacement", status="not-done"),
    ],
)
def test_no_valve_is_said_where_none_is_told(event: Event) -> None:
    assert "mechanical valve" not in " ".join(ask(event).limits)


def test_age_unknown_is_a_range() -> None:
    insight = MODEL.predict(view(AF, NO_DRUG, has("ICD10CM/I639")))
    assert span(insight) == (2, 4)
    assert any("date of birth" in limit for limit in insight.limits)


def test_nothing_known_but_fibrillation_supports_no_action() -> None:
    body = MODEL.predict(view(AF, NO_DRUG)).body
    assert isinstance(body, Abstention)
    assert body.estimate is not None
    assert (body.estimate.low, body.estimate.high) == (0, 2)


def test_reasons_heaviest_first_and_fibrillation_shown() -> None:
    insight = ask(has("ICD10CM/I639", name="stroke"), has("ICD10CM/I10", name="bp"))
    assert [reason.weight for reason in insight.reasons[:2]] == [2, 1]
    assert insight.reasons[0].evidence == ("Condition/stroke",)
    assert AF.source in insight.reasons[-1].evidence


def test_what_is_taken_as_no_is_said() -> None:
    assert any(limit.startswith("Taken as no: no heart failure") for limit in ask().limits)


@pytest.mark.parametrize("status", ["on-hold", "proposal", "plan", "option", "intended", "stopped", "draft"])
def test_a_drug_that_is_not_taken_does_not_count(status: str) -> None:
    assert ask(takes("apixaban 5 MG", status=status), years=80).urgency is Urgency.THIS_WEEK
    assert scores(ask(takes("ramipril 5 MG", status=status))) == (0, 0)


@pytest.mark.parametrize("days", [30, 89, 300])
def test_an_order_that_is_completed_lowers_no_urgency(days: float) -> None:
    insight = ask(takes("apixaban 5 MG", days=days, status="completed"), years=80)
    assert insight.urgency is Urgency.THIS_WEEK
    assert isinstance(insight.body, Finding)
    said = "its order is over" if days > 90 else "whether it is still taken is not known"
    assert said in insight.body.says


@pytest.mark.parametrize(("years", "urgency"), [(0.5, Urgency.ROUTINE), (2, Urgency.THIS_WEEK)])
def test_a_code_for_long_term_use_holds_for_a_year(years: float, urgency: Urgency) -> None:
    coded = has("ICD10CM/Z79.01", years=years)
    assert ask(coded, years=80).urgency is urgency
    assert ask(coded, takes("apixaban", days=10, status="stopped"), years=80).urgency is Urgency.THIS_WEEK


@pytest.mark.parametrize(
    ("words", "high"),
    [
        ("Type 2 diabetes, diet controlled", 1), ("Heart failure due to a virus", 1), ("Lacunar infarct", 2),
        ("Silent myocardial infarction", 1), ("Hypertension in the obese", 1), ("TIA, then stroke", 2),
        ("Prediabetes", 0), ("Diabetes insipidus", 0), ("Heat stroke", 0), ("Pulmonary hypertension", 0),
        ("Family history of stroke", 0), ("No diabetes", 0), ("Viral sinusitis", 0),
    ],
)  # fmt: skip
def test_words_alone_leave_an_item_open(words: str, high: int) -> None:
    insight = ask(called(words, "SNOMED/1"), years=70)
    assert span(insight) == (1, 1 + high) if high else scores(insight) == (1, 1)
    assert any("1 condition on record is coded in ways" in limit for limit in insight.limits)


def test_words_alone_name_fibrillation_but_do_not_prove_it() -> None:
    body = MODEL.predict(view(*person(60), called("Atrial fibrillation, familial"))).body
    assert isinstance(body, Abstention)
    assert body.why == "missing-evidence"


def test_a_code_whose_hierarchy_is_known_is_placed() -> None:
    assert scores(ask(called("Carotid stenosis without cerebral infarction", "ICD9CM/43310"))) == (0, 0)
    assert not any("not known here" in limit for limit in ask(has("ICD10CM/J459")).limits)


def test_familial_fibrillation_is_fibrillation() -> None:
    assert isinstance(MODEL.predict(view(*person(60), has("SNOMED/715395008"), NO_DRUG)).body, Finding)


def test_diastolic_readings_on_two_days_are_hypertension() -> None:
    high = [
        seen("LOINC/8462-4", 95.0, "mm[Hg]", before=timedelta(days=days), name=f"d{days}") for days in (1, 9)
    ]
    assert scores(ask(*high)) == (1, 1)
    assert scores(ask(high[0])) == (0, 0)


@pytest.mark.parametrize(
    "hint", [takes("Metformin 500 MG"), takes("insulin glargine"), seen("LOINC/4548-4", 6.5, "%")]
)
def test_glucose_drugs_or_a_diabetic_hba1c_leave_diabetes_open(hint: Event) -> None:
    assert span(ask(hint)) == (0, 1)
    assert scores(ask(hint, has("SNOMED/44054006"))) == (1, 1)


@pytest.mark.parametrize("code", ["CPT/33533", "CPT/92928", "SNOMED/415070008"])
def test_revascularisation_in_every_system(code: str) -> None:
    done = Event((code,), NOW, None, NOW, status="completed", source="Procedure/1")
    assert scores(ask(done))[0] == 1
