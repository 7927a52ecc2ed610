"""Timeline: order of arrival and repetition never matter; its verbs say what they say."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Absence, Event, Timeline

T0 = datetime(2026, 1, 1, tzinfo=UTC)

events = st.builds(
    Event,
    codes=st.lists(
        st.sampled_from(["LOINC/1-1", "LOINC/2-2", "SNOMED/3"]), min_size=1, max_size=2, unique=True
    ).map(tuple),
    time=st.one_of(st.none(), st.integers(0, 5).map(lambda hours: T0 + timedelta(hours=hours))),
    value=st.one_of(st.none(), st.floats(0, 9), st.sampled_from(["yes", Absence.WITHHELD]), st.booleans()),
    unit=st.sampled_from([None, "mg/dL"]),
    source=st.sampled_from(["Observation/1", "Observation/2", "Condition/1"]),
)


@given(st.lists(events, max_size=12), st.randoms(use_true_random=False))
def test_order_and_duplicates_do_not_matter(some: list[Event], chance: random.Random) -> None:
    shuffled = some + some[: len(some) // 2]
    chance.shuffle(shuffled)
    assert Timeline.of("Patient/1", shuffled) == Timeline.of("Patient/1", some)


@given(st.lists(events, max_size=12))
def test_before_and_after_part_the_dated(some: list[Event]) -> None:
    line, middle = Timeline.of("Patient/1", some), T0 + timedelta(hours=2)
    dated = [event for event in line if event.time is not None]
    assert sorted(map(repr, (*line.before(middle), *line.after(middle)))) == sorted(map(repr, dated))


def test_verbs() -> None:
    low = Event(("LOINC/1-1",), T0, value=1.0, source="Observation/1")
    high = Event(("LOINC/1-1", "SNOMED/3"), T0 + timedelta(hours=1), value=2.0, source="Observation/2")
    line = Timeline.of("Patient/1", [high, low])
    assert line.first() is low
    assert line.last() is high
    assert line.last(["LOINC/none"]) is None
    assert line.values(["SNOMED/3"]) == (2.0,)
    assert [*line.where(kind="Condition")] == []
    assert len(line) == 2
    assert (high.code, high.kind) == ("LOINC/1-1", "Observation")
