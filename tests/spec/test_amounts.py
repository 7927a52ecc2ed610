"""How a value is written beside its points: never as another value, which would have other points."""

from __future__ import annotations

import pytest

from salus.core.measures import Measure, Reading
from salus.risk._points import amount

ANY = Measure("any", ("LOINC/1",), "kg/m2", 0, 500)


@pytest.mark.parametrize(("low", "high", "says"), [
    (25.0, 25.0, "25"), (24.96, 24.96, "24.96"), (30.04, 30.04, "30.04"), (38.05, 38.05, "38.05"),
    (27.345, 27.345, "27.3"), (37.0000001, 37.0000001, "37"), (36.6, 36.611, "36.6 to 36.61"),
    (3.0, 8.0, "3 to 8"),
])  # fmt: skip
def test_a_value_is_not_rounded_over_a_limit(low: float, high: float, says: str) -> None:
    assert amount(Reading(ANY, low, high), "") == says
