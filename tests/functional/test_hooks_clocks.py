"""The EHR's clock is not ours: what was measured just now counts, and what is dated far ahead is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests import doors

VIEW = "/cds-services/salus-patient-view"


def well(moment: datetime) -> list[dict[str, Any]]:
    """Return vital signs of somebody who needs no help."""
    rows = (("8867-4", 70, "/min"), ("9279-1", 16, "/min"), ("59408-5", 98, "%"), ("8310-5", 37, "Cel"))
    return [doors.observation(f"w{code}", code, value, unit, moment) for code, value, unit in rows]


def asked(ehr: httpx.Client, newest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    vitals = doors.searchset([*well(datetime.now(UTC) - timedelta(hours=3)), *newest])
    answer = ehr.post(VIEW, json=doors.call(prefetch={"patient": doors.PATIENT, "vital-signs": vitals}))
    assert answer.status_code == 200, answer.text
    cards: list[dict[str, Any]] = answer.json()["cards"]
    return cards


def moved(seconds: int, *names: str) -> list[dict[str, Any]]:
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    return [one | dict.fromkeys(names, at) for one in doors.deteriorating()]


@pytest.mark.parametrize(
    "newest", [moved(30, "effectiveDateTime"), moved(90, "issued"), moved(120, "effectiveDateTime", "issued")]
)
def test_the_newest_vital_signs_count_where_the_ehr_is_ahead(
    ehr: httpx.Client, newest: list[dict[str, Any]]
) -> None:
    (card,) = [one for one in asked(ehr, newest) if one["summary"].startswith("NEWS2")]
    assert card["indicator"] == "critical"
    assert "after this moment" not in card["detail"]


def test_what_is_dated_further_ahead_is_not_used_and_every_card_says_so(ehr: httpx.Client) -> None:
    cards = asked(ehr, moved(3600, "effectiveDateTime"))
    assert cards and not any(card["indicator"] == "critical" for card in cards)
    assert all(
        "5 entries of this record are dated after this moment and were not used" in card["detail"]
        for card in cards
    )
