"""Versions of a resource, in any order and any number of reads, give the same record at every instant.

The reference is what a person would say: of the copies that were known, the newest counts, unless a newer one
took it back or moved it to somebody else.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.core.evidence import UNREADABLE, Event, Timeline
from salus.record import versions as record_versions
from salus.record.archive import Archive
from salus.record.versions import NO_VERSION, Copy, Version, _scanned, is_said, ordered
from tests.conftest import IN_SOAK
from tests.unit.test_record_superseded import ERROR, copy, day, read

DAYS = range(1, 7)
BROKEN = {"valueQuantity": {"value": "abc"}}


class Told(NamedTuple):
    """What a version says: of whom, known since which day (None: always).

    patient: "" where it is in error, None where it cannot be decoded.
    """

    patient: str | None
    known: int | None


def resource(number: int, told: Told) -> dict[str, Any]:
    more = ERROR if told.patient == "" else BROKEN if told.patient is None else {}
    dated = {} if told.known else {"effectiveDateTime": None}
    return copy(number, told.known, patient=told.patient or "p", **more, **dated)


def by_hand(versions: Sequence[Told], patient: str, today: int) -> list[float]:
    """Return the values that `patient` has on the day `today`, by the slow and obvious way."""
    line = [(10 * number, told) for number, told in enumerate(versions, 1) if told.patient is not None]
    if not line or line[-1][1].patient != patient:
        return []
    same = takewhile(lambda one: one[1].patient == patient, reversed(line))
    return [value for value, told in same if (told.known or 0) <= today][:1]


def in_archive(archive: Archive, patient: str, today: int) -> list[object]:
    now = day(today)
    events = observed(archive.stood(archive.timeline(patient), now))
    return [event.value for event in events if event.known_at is None or event.known_at <= now]


def observed(timeline: Timeline) -> list[Event]:
    """Return the observations that could be read."""
    return [event for event in timeline if event.kind == "Observation" and event.status != UNREADABLE]


versions = st.lists(
    st.builds(
        Told,
        st.sampled_from([*"pppppppppp", "q", "", None]),
        st.sampled_from([1, 2, 3, 4, 5, None]),
    ),
    min_size=2,
    max_size=6,
)


def is_unread(archive: Archive, patient: str) -> bool:
    return any(event.status == UNREADABLE for event in archive.timeline(patient))


def as_told(archive: Archive) -> list[list[object]]:
    return [in_archive(archive, patient, today) for patient in "pq" for today in DAYS]


def in_reads(draw: random.Random, every: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Divide what was written among some reads: now and then one for each resource."""
    some = [draw.randint(0, len(every)) for _ in range(draw.randint(0, 3))]
    cuts = range(1, len(every)) if draw.random() < 0.3 else sorted(some)
    return [every[start:end] for start, end in pairwise([0, *cuts, len(every)])]


@settings(max_examples=800 if IN_SOAK else 100)
@given(versions, st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_number_of_reads_gives_the_same_record_at_every_instant(
    told: list[Told], draw: random.Random, numbered: bool
) -> None:
    """Numbered copies count as a person would say, others by their order as if one read had brought all."""
    every = [resource(number, one) for number, one in enumerate(told, 1)]
    every += draw.choices(every, k=draw.randint(0, 2)) if numbered else []
    draw.shuffle(every)
    if not numbered:
        every = [one if draw.random() < 0.6 else {**one, "meta": {}} for one in every]
    with TemporaryDirectory() as together, TemporaryDirectory() as apart:
        archive = read(Path(apart), *in_reads(draw, every))
        at_once = read(Path(together), every)
        by_versions = [by_hand(told, patient, today) for patient in "pq" for today in DAYS]
        assert as_told(archive) == (by_versions if numbered else as_told(at_once))
        assert all(len(observed(archive.timeline(patient))) <= 1 for patient in "pq")
        # What could not be read is an entry only where nothing newer of it can be read.
        left = told[-1].patient is None if numbered else is_unread(at_once, "p")
        assert [is_unread(archive, patient) for patient in "pq"] == [left, False]


moments = st.one_of(st.none(), st.integers(1, 4).map(day))
said = st.builds(Version, moments, st.one_of(st.none(), st.integers(1, 4)))
# What histories say: all the same elements, or any.
alike = st.one_of(
    st.lists(said, max_size=9),
    st.lists(st.builds(Version, st.none(), st.integers(1, 5)), max_size=9),
    st.lists(st.one_of(st.just(NO_VERSION), st.builds(Version, st.none(), st.integers(1, 30))), max_size=30),
    st.lists(st.builds(Version, st.integers(1, 2).map(day), st.integers(1, 3)), max_size=9),
)


def one_by_one(copies: Sequence[Copy]) -> list[Copy]:
    """Return what `ordered` does, by comparing each copy with all before it."""
    found: list[Copy] = []
    for each in copies:
        at = _scanned(each, found)
        lends = at > 0 and not is_said(each.version)
        found.insert(at, each._replace(version=found[at - 1].version) if lends else each)
    return found


@settings(max_examples=4_000 if IN_SOAK else 500)
@given(alike, st.randoms(use_true_random=False), st.booleans())
def test_looking_by_halves_gives_the_order_of_looking_at_all(
    told: list[Version], draw: random.Random, odd: bool
) -> None:
    old = draw.randint(0, len(told))
    stood = draw.randrange(old) if old else -1
    fate = [(at == stood, at < old and at != stood) for at in range(len(told))]
    fate = [(draw.random() < 0.3, draw.random() < 0.3) for _ in told] if odd else fate
    copies = [
        Copy(at, one, stood=stands, fell=fell)
        for at, (one, (stands, fell)) in enumerate(zip(told, fate, strict=True))
    ]
    assert ordered(copies) == one_by_one(copies)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("fell", [True, False])
def test_a_long_history_costs_little_in_any_order(
    newest_first: bool, fell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, compared_ = [0], record_versions.compared

    def counting(one: Version, other: Version) -> int:
        count[0] += 1
        return compared_(one, other)

    monkeypatch.setattr(record_versions, "compared", counting)
    numbers = [*range(4_000)][:: -1 if newest_first else 1]
    copies = [Copy(at, Version(None, number), fell=fell) for at, number in enumerate(numbers)]
    assert [one.version.number for one in ordered(copies)] == [*range(4_000)]
    assert count[0] < 4_000 * 20
