"""Which reason is told first: one that speaks for what is asked of somebody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salus.core.insight import Estimate, Insight, ModelRef, Outcome, Reason, Risk, Urgency
from salus.spine.called import leading_reason, lowers

RAISES = Reason(("Observation/1",), 0.4, "Urea: 40", "log-odds")
LOWERS = Reason(("Observation/2",), -0.7, "Breathing: 18", "log-odds")
ABSENT = Reason((), 0.9, "Lactate was not recorded", "log-odds", absent="lactate")
POINTS = Reason(("Observation/3",), 0.0, "Alert: 0 points")


def said(urgency: Urgency | None, *reasons: Reason) -> Insight:
    body = Risk((Outcome("death", Estimate(0.5)),), "About 50 in 100")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Insight("Patient/1", ModelRef("icu-mortality", "1"), "?", at, body, urgency, reasons)


@pytest.mark.parametrize(("urgency", "reasons", "first"), [
    (Urgency.TODAY, (LOWERS, RAISES), RAISES),
    (Urgency.TODAY, (ABSENT, LOWERS, RAISES), RAISES),
    (Urgency.TODAY, (LOWERS,), LOWERS),
    (Urgency.TODAY, (POINTS, RAISES), POINTS),
    (Urgency.ROUTINE, (LOWERS, RAISES), LOWERS),
    (None, (LOWERS, RAISES), LOWERS),
    (Urgency.TODAY, (ABSENT,), ABSENT),
    (Urgency.TODAY, (), None),
])  # fmt: skip
def test_a_high_risk_is_not_told_by_what_lowers_it(
    urgency: Urgency | None, reasons: tuple[Reason, ...], first: Reason | None
) -> None:
    assert leading_reason(said(urgency, *reasons)) == first


def test_only_what_is_weighed_in_odds_lowers() -> None:
    assert [lowers(one) for one in (LOWERS, RAISES, POINTS)] == [True, False, False]
