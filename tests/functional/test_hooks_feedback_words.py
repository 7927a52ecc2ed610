"""What a clinician says beside a decision on a card is kept, whichever the decision is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from salus.spine.site import Site
from tests.doors import report
from tests.functional.test_hooks_feedback import cards, ehr, send, site

__all__ = ["ehr", "site"]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"userComment": "family told"}, "family told"),
        ({"reason": {"code": "X1", "system": "urn:ehr"}}, "urn:ehr|X1"),
        ({"reason": {"code": "X1"}, "userComment": "done"}, "X1: done"),
    ],
)
def test_what_is_said_with_an_acceptance_is_kept(
    ehr: httpx.Client, site: Site, given: dict[str, Any], note: str
) -> None:
    assert send(ehr, report(cards(ehr)[0]["uuid"], "accepted", overrideReason=given)).status_code == 200
    (kept,) = site.store.reviews()
    assert (kept.decision, kept.because, kept.note) == ("accepted", "", note)
