"""How a value is written beside its points: never as another value, which would have other points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from salus.core.measures import Measure, Reading
from salus.risk._points import amount, on
from tests.risk_views import NOW, view

ANY = Measure("any", ("LOINC/1",), "kg/m2", 0, 500)


@pytest.mark.parametrize(("low", "high", "says"), [
    (25.0, 25.0, "25"), (24.96, 24.96, "24.96"), (30.04, 30.04, "30.04"), (38.05, 38.05, "38.05"),
    (27.345, 27.345, "27.3"), (37.0000001, 37.0000001, "37"), (36.6, 36.611, "36.6 to 36.61"),
    (3.0, 8.0, "3 to 8"),
])  # fmt: skip
def test_a_value_is_not_rounded_over_a_limit(low: float, high: float, says: str) -> None:
    assert amount(Reading(ANY, low, high), "") == says


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_day_is_the_same_day_by_every_clock(hours: int) -> None:
    asked = view(as_of=NOW.astimezone(timezone(timedelta(hours=hours))))
    assert on(asked, datetime(2026, 3, 10, tzinfo=UTC)) == "on 2026-03-10"
    at_night = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    assert on(asked, at_night) == ("on 2026-03-11" if hours > 0 else "on 2026-03-10")
