"""A day that is recorded as one is that day by every clock; a moment is of the clock of who asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from salus.risk._points import on
from tests.risk_views import NOW, view


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_day_is_the_same_day_by_every_clock(hours: int) -> None:
    asked = view(as_of=NOW.astimezone(timezone(timedelta(hours=hours))))
    assert on(asked, datetime(2026, 3, 10, tzinfo=UTC)) == "on 2026-03-10"
    at_night = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    assert on(asked, at_night) == ("on 2026-03-11" if hours > 0 else "on 2026-03-10")
