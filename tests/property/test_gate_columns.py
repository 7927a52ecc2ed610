"""A gated population shows of each case what a View of it shows, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.core.consent import DIRECT_CARE, QUALITY, TRAINING, Actor
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import open_columns, open_view
from tests.populations import columns_of

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
ACTOR = Actor("cli:maria")
_times = st.one_of(st.none(), st.integers(-3, 3).map(lambda hours: AT + timedelta(hours=hours)))
_events = st.builds(
    lambda time, end, known, status, kind, number: Event(
        ("LOINC/8867-4",), time, end, known, 1.0, status=status, source=f"{kind}/{number}"
    ),
    _times,
    _times,
    _times,
    st.sampled_from([None, "final", "entered-in-error", "resolved", "active", "completed", "unreadable"]),
    st.sampled_from(["Observation", "Patient", "Condition"]),
    st.integers(0, 50),
)
_said = ("time", "end", "status", "source")


def gated(events: list[Event], moments: list[datetime], whole_at: datetime | None) -> pl.DataFrame:
    cases = pl.DataFrame(
        {
            "subject": ["Patient/1"] * len(moments),
            "moment": [moment.replace(tzinfo=None) for moment in moments],
            "whole_at": [None if whole_at is None else whole_at.replace(tzinfo=None)] * len(moments),
        },
        {"subject": pl.String, "moment": pl.Datetime("us"), "whole_at": pl.Datetime("us")},
    )
    return open_columns(columns_of({"Patient/1": events}), cases, ACTOR, TRAINING, "a test")


def _plain(event: Event) -> tuple[object, ...]:
    times = [None if at is None else at.replace(tzinfo=None) for at in (event.time, event.end)]
    return (*times, event.status, event.source)


@settings(max_examples=200)
@given(st.lists(_events, max_size=8), _times)
def test_columns_show_what_a_view_shows(events, whole_at):
    events = list(dict.fromkeys(events))
    moments = [AT, AT + timedelta(hours=2)]
    seen = gated(events, moments, whole_at)
    for row, moment in enumerate(moments):
        view = open_view(Timeline.of("Patient/1", events), ACTOR, DIRECT_CARE, moment, whole_at)
        mine = seen.filter(pl.col("row") == row).select(_said).rows()
        assert sorted(map(repr, mine)) == sorted(repr(_plain(event)) for event in view.timeline)


def test_a_superseded_copy_stands_until_the_newer_one_is_known():
    events = columns_of({"Patient/1": [Event(("LOINC/8867-4",), AT, value=1.0, source="Observation/1")]})
    until = events.with_columns(until=pl.lit(AT.replace(tzinfo=None) + timedelta(hours=1)))
    at = [AT.replace(tzinfo=None) + timedelta(hours=hours) for hours in (0, 1)]
    cases = pl.DataFrame({"subject": ["Patient/1"] * 2, "moment": at}).with_columns(
        pl.col("moment").cast(pl.Datetime("us"))
    )
    assert open_columns(until, cases, ACTOR, QUALITY, "a test")["row"].to_list() == [0]


@pytest.mark.parametrize(
    ("purpose", "basis", "actor"),
    [(DIRECT_CARE, "a test", ACTOR), (TRAINING, " ", ACTOR), (TRAINING, "a test", Actor(" "))],
)
def test_no_population_without_purpose_basis_and_name(purpose, basis, actor):
    cases = pl.DataFrame({"subject": ["Patient/1"], "moment": [AT.replace(tzinfo=None)]})
    with pytest.raises(RefusedError):
        open_columns(columns_of({"Patient/1": []}), cases, actor, purpose, basis)
