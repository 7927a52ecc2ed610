"""KDIGO's two columns of albuminuria, and an eGFR that the laboratory reports beside its creatinine."""

from __future__ import annotations

import pytest

from salus.core.insight import Finding
from salus.risk.ckd import MODEL
from tests.risk_views import person, seen, view

CREATININE = seen("LOINC/2160-0", 1.0, "mg/dL")


def ask(*events):
    insight = MODEL.predict(view(*person(50), *events))
    assert isinstance(insight.body, Finding)
    return insight


@pytest.mark.parametrize("ratio", [2.9, 3.0, 3.2, 3.39, 3.4, 29.9, 30.0, 30.1, 33.9, 34.0])
def test_the_same_ratio_in_both_units_is_of_one_category(ratio):
    told = ask(CREATININE, seen("LOINC/14959-1", ratio, "mg/mmol"))
    same = ask(CREATININE, seen("LOINC/14959-1", ratio * 1000 / 113.12, "mg/g"))
    assert told.body.category == same.body.category
    assert told.urgency == same.urgency


@pytest.mark.parametrize(("ratio", "both"), [(3.2, "A1 or A2"), (33.0, "A2 or A3"), (2.9, ""), (30.0, "")])
def test_between_the_columns_both_categories_are_said(ratio, both):
    said = [
        limit
        for limit in ask(CREATININE, seen("LOINC/14959-1", ratio, "mg/mmol")).limits
        if "KDIGO's" in limit
    ]
    assert len(said) == bool(both) and all(limit.endswith(f"{both}.") for limit in said)


@pytest.mark.parametrize(("reported", "said"), [(30.0, True), (44.0, True), (62.0, False), (88.0, False)])
def test_a_reported_egfr_that_contradicts_the_creatinine_is_said(reported, said):
    insight = ask(CREATININE, seen("LOINC/98979-8", reported, "mL/min/{1.73_m2}"))
    found = [limit for limit in insight.limits if "contradict" in limit]
    assert len(found) == said
    assert all("Observation/98979-8, Observation/2160-0" in limit for limit in found)


@pytest.mark.parametrize(
    ("unit", "said"),
    [("mL/min", True), ("mL/min/{1.73_m2}", False), ("mL/min/1.73m²", False), ("ml/min/1,73m²", False)],
)
def test_a_unit_that_does_not_say_per_body_surface_is_said(unit, said):
    insight = ask(seen("LOINC/33914-3", 52.0, unit))
    assert insight.body.category.startswith("G3a")
    assert any("does not say per 1.73 m²" in limit for limit in insight.limits) is said
