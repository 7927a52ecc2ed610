"""A session ends by itself: whatever its holder does, after a shift, and after half an hour unused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus import spine
from salus.spine import sign_in
from salus.spine.site import Site
from salus.store.accounts import SessionRow
from tests.people import PASSWORD, enter

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
GAPS = st.lists(
    st.one_of(st.integers(0, 29 * 60 - 1), st.integers(30 * 60, 20 * 3600)), min_size=1, max_size=40
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = spine.open_site(tmp_path_factory.mktemp("sessions") / "site")
    enter(opened, "maria")
    yield opened
    opened.close()


@settings(max_examples=60, deadline=None)
@given(GAPS)
def test_a_session_lives_while_it_is_used_and_never_past_its_end(site: Site, gaps: list[int]) -> None:
    """Between 29 and 30 minutes it may end or not, since its last use is written down once a minute."""
    at = [START]
    patch = pytest.MonkeyPatch()
    patch.setattr(Site, "now", lambda _: at[0])
    try:
        token = sign_in.sign_in(site, "maria", PASSWORD).token
        alive = True
        for gap in gaps:
            at[0] += timedelta(seconds=gap)
            alive = alive and gap < 30 * 60 and at[0] - START < timedelta(hours=12)
            assert (sign_in.session_of(site, token) is not None) == alive
    finally:
        patch.undo()


@given(st.integers(0, 13 * 3600), st.integers(0, 13 * 3600))
def test_a_session_that_was_seen_in_the_future_is_over(seen: int, now: int) -> None:
    """A clock that was set back must not give a session a longer life."""
    row = SessionRow("", "maria", START, START + timedelta(seconds=seen), START + timedelta(hours=12))
    over = sign_in.is_over(row, START + timedelta(seconds=now))
    assert over == (now >= 12 * 3600 or now - seen >= 30 * 60)


def test_a_clock_that_was_set_back_before_the_sign_in_ends_the_session() -> None:
    row = SessionRow("", "maria", START, START, START + timedelta(hours=12))
    assert sign_in.is_over(row, START - timedelta(hours=1))


@given(st.sampled_from(sorted(sign_in.LIMITS)), st.integers(0, 10_000))
def test_a_wait_never_gets_shorter_with_more_failures_and_has_an_end(kind: str, failures: int) -> None:
    limit = sign_in.LIMITS[kind]
    assert limit.wait(failures) <= limit.wait(failures + 1) <= timedelta(hours=1)
    assert bool(limit.wait(failures)) == (failures >= limit.free)
