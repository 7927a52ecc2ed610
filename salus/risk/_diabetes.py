"""Has the patient diabetes: a diagnosis counts; a drug for it or a diabetic HbA1c alone leaves it open."""

from __future__ import annotations

from datetime import timedelta

from salus.core.measures import read
from salus.core.seams import View
from salus.risk._inputs import Fact, condition
from salus.risk._labs import HBA1C
from salus.risk._taken import drug
from salus.risk._terms import DIABETES, is_glucose_drug

# HbA1c from which diabetes is diagnosed (WHO 2011).
DIABETIC_HBA1C = 6.5
# An order counts as current for a year, the longest that a repeat prescription commonly runs; ours.
CURRENT = timedelta(days=365)


def diabetes(view: View, *, ever: bool = False) -> Fact:
    """Return whether the patient has diabetes (`ever`: had it once)."""
    fact = condition(view, DIABETES, ever=ever)
    refuted = fact.value is False and fact.events
    if fact.value or refuted:
        return fact
    name = DIABETES.name
    treated = drug(view, "treatment", is_glucose_drug, view.as_of - CURRENT)
    if treated.value is not False and any(is_glucose_drug(event) for event in treated.events):
        says = f"{name}: not diagnosed on record, though a drug that lowers glucose is; confirm or exclude it"
        return Fact(name, None, treated.events, says)
    sugar = read(view.timeline, HBA1C, view.as_of)
    if sugar.usable and sugar.high >= DIABETIC_HBA1C:
        says = f"{name}: not diagnosed, though the last HbA1c is diabetic; confirm or exclude it"
        return Fact(name, None, sugar.events, says)
    return fact
