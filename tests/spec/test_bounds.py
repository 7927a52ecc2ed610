"""Bounds at the bedside: a value that is only less or more than a number leaves what it allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.risk._bedside import AIR, ALERT, GCS_LOW, OXYGEN, consciousness, oxygen
from tests.risk_views import seen, view

DAY = timedelta(days=1)


def bound(code, comparator, value, unit):
    return replace(seen(code, value, unit), comparator=comparator)


@pytest.mark.parametrize(("comparator", "value", "states"), [
    (None, 15.0, (ALERT,)), (None, 14.0, (GCS_LOW,)),
    ("<", 15.0, (GCS_LOW,)), ("<=", 15.0, (ALERT, GCS_LOW)), ("<=", 14.0, (GCS_LOW,)),
    (">", 14.0, (ALERT,)), (">=", 15.0, (ALERT,)), (">", 13.0, (ALERT, GCS_LOW)),
    (">=", 13.0, (ALERT, GCS_LOW)),
])  # fmt: skip
def test_a_coma_scale_that_is_a_bound(comparator, value, states):
    found = consciousness(view(bound("LOINC/9269-2", comparator, value, "{score}")), DAY)
    assert found.options == states and not found.absent


CONCENTRATION, FLOW, SCORE = "LOINC/3150-6", "LOINC/3151-8", "SNOMED/1104331000000105"


@pytest.mark.parametrize(("code", "comparator", "value", "unit", "gases"), [
    (CONCENTRATION, ">", 21.0, "%", (OXYGEN,)), (CONCENTRATION, ">=", 21.0, "%", (AIR, OXYGEN)),
    (CONCENTRATION, "<", 100.0, "%", (AIR, OXYGEN)), (CONCENTRATION, "<=", 21.0, "%", (AIR,)),
    (CONCENTRATION, "<", 28.0, "%", (AIR, OXYGEN)), (CONCENTRATION, ">=", 24.0, "%", (OXYGEN,)),
    (FLOW, ">", 0.0, "L/min", (OXYGEN,)), (FLOW, ">=", 0.0, "L/min", (AIR, OXYGEN)),
    (FLOW, "<", 1.0, "L/min", (AIR, OXYGEN)), (FLOW, "<=", 0.0, "L/min", (AIR,)),
    (FLOW, ">=", 0.5, "L/min", (OXYGEN,)),
    (SCORE, "<", 2.0, "{score}", (AIR, OXYGEN)), (SCORE, None, 2.0, "{score}", (OXYGEN,)),
])  # fmt: skip
def test_oxygen_that_is_a_bound(code, comparator, value, unit, gases):
    found = oxygen(view(bound(code, comparator, value, unit)), DAY)
    assert found.options == gases and not found.absent
