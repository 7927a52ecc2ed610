"""What a clinician says beside a decision on a card is kept, whichever the decision is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus.spine.site import Site
from tests import doors
from tests.doors import report
from tests.functional.test_hooks_feedback import cards, send


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def ehr(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site) as client:
        yield client


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
