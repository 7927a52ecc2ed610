"""Conditions that only words name, or nothing known here: they open a question, and prove no absence."""

from __future__ import annotations

import pytest

from salus.core.insight import Finding, Insight, Risk
from salus.core.registry import model
from salus.risk._af_terms import HYPERTENSION, STROKE, VASCULAR
from salus.risk._inputs import condition
from salus.risk._terms import DIABETES, HEART_FAILURE
from tests.risk_views import called, has, person, seen, takes, view

AF = has("SNOMED/49436004")
LOCAL = "urn:hospital|77"


@pytest.mark.parametrize(("words", "meaning"), [
    ("HTN", HYPERTENSION), ("Arterielle Hypertonie", HYPERTENSION), ("CHF", HEART_FAILURE),
    ("HFrEF", HEART_FAILURE), ("HFpEF", HEART_FAILURE), ("Herzinsuffizienz NYHA II", HEART_FAILURE),
    ("T2DM", DIABETES), ("DM2", DIABETES), ("DM type 2", DIABETES), ("T1DM", DIABETES), ("CVA 2019", STROKE),
    ("TIA", STROKE), ("CAD s/p MI", VASCULAR), ("PAD", VASCULAR),
])  # fmt: skip
def test_abbreviations_open_what_they_name_and_nothing_else(words, meaning):
    record = view(called(words))
    assert condition(record, meaning).value is None
    others = {HYPERTENSION, HEART_FAILURE, DIABETES, STROKE, VASCULAR} - {meaning}
    assert all(condition(record, other).value is False for other in others)


@pytest.mark.parametrize("words", ["Pulmonale Hypertonie", "Administration visit asthma", "Migraine"])
def test_words_that_only_look_alike_open_nothing(words):
    assert condition(view(called(words)), HYPERTENSION).value is False
    assert condition(view(called(words)), VASCULAR).value is False


@pytest.mark.parametrize("event", [called("Zzyzx syndrome"), has(LOCAL), called("Zzyzx", LOCAL)])
def test_what_cannot_be_placed_may_be_any(event):
    fact = condition(view(event, has("SNOMED/444814009")), HYPERTENSION)
    assert fact.value is None and fact.events == (event,)
    assert fact.says == "hypertension: 1 condition on record is not readable"


@pytest.mark.parametrize("event", [
    has("SNOMED/160903007"), called("Full-time employment (finding)", "SNOMED/160903007"),
    called("Something rare", "ICD10CM/Q99.9"), called("No known problems"), called("Zzyzx", status="refuted"),
])  # fmt: skip
def test_what_a_known_system_places_proves_the_list(event):
    assert condition(view(event), HYPERTENSION).value is False


def estimate(insight: Insight):
    assert isinstance(insight.body, Finding | Risk), insight.body
    found = insight.body.estimate if isinstance(insight.body, Finding) else insight.body.outcomes[1].estimate
    return found.low, found.high


def test_every_model_that_asks_for_conditions_takes_them_alike():
    strange, man = called("Zzyzx syndrome"), person(40)
    drugs = takes("paracetamol")
    chads = model("cha2ds2-vasc").predict(view(*person(80), AF, drugs, strange))
    assert estimate(chads) == (2, 8)
    form = (
        seen("LOINC/39156-5", 22.0, "kg/m2"), seen("LOINC/8280-0", 75.0, "cm"), has("SNOMED/160274005"),
        drugs, seen("LOINC/89555-7", 7.0, "d/wk"), seen("LOINC/68516-4", 45.0, "min/d"),
        seen("LOINC/80460-9", 4.0, "{servings}"),
    )  # fmt: skip
    assert estimate(model("findrisc").predict(view(*man, *form, strange))) == (0, 5)
    prevent = model("prevent").predict(
        view(*person(50), drugs, seen("LOINC/8480-6", 120.0, "mm[Hg]"), strange)
    )
    assert any(
        limit.startswith("Diabetes: 1 condition on record is not readable") for limit in prevent.limits
    )
    assert any(
        "cardiovascular disease already" in limit and "not readable" in limit for limit in prevent.limits
    )


@pytest.mark.parametrize(("code", "span"), [("SNOMED/134401001", (2, 3)), ("SNOMED/426856002", (3, 4))])
def test_an_impaired_ventricle_without_its_degree_leaves_heart_failure_open(code, span):
    chads = model("cha2ds2-vasc").predict(view(*person(80), AF, takes("paracetamol"), has(code)))
    assert estimate(chads) == span
