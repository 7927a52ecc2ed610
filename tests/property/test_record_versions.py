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

from hypothesis import given, settings
from hypothesis import strategies as st

from salus.record.archive import Archive
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
    events = [event for event in archive.stood(archive.timeline(patient), now) if event.kind == "Observation"]
    return [event.value for event in events if event.known_at is None or event.known_at <= now]


versions = st.lists(
    st.builds(
        Told,
        st.sampled_from([*"pppppppppp", "q", "", None]),
        st.sampled_from([1, 2, 3, 4, 5, None]),
    ),
    min_size=2,
    max_size=6,
)


def as_told(archive: Archive) -> list[list[object]]:
    return [in_archive(archive, patient, today) for patient in "pq" for today in DAYS]


@settings(max_examples=400 if IN_SOAK else 40)
@given(versions, st.randoms(use_true_random=False))
def test_copies_that_name_no_version_count_by_their_order_whichever_read_brought_them(
    told: list[Told], draw: random.Random
) -> None:
    every = [resource(number, one) for number, one in enumerate(told, 1)]
    draw.shuffle(every)
    every = [one if draw.random() < 0.6 else {**one, "meta": {}} for one in every]
    with TemporaryDirectory() as together, TemporaryDirectory() as apart:
        at_once = as_told(read(Path(together), every))
        assert as_told(read(Path(apart), *([one] for one in every))) == at_once


@settings(max_examples=400 if IN_SOAK else 60)
@given(versions, st.randoms(use_true_random=False))
def test_any_order_of_reads_gives_the_same_record_at_every_instant(
    told: list[Told], draw: random.Random
) -> None:
    every = [resource(number, one) for number, one in enumerate(told, 1)]
    every += draw.choices(every, k=draw.randint(0, 2))
    draw.shuffle(every)
    cuts = sorted(draw.randint(0, len(every)) for _ in range(draw.randint(0, 3)))
    with TemporaryDirectory() as folder:
        reads = [every[start:end] for start, end in pairwise([0, *cuts, len(every)])]
        archive = read(Path(folder), *reads)
        for patient in "pq":
            found = [in_archive(archive, patient, today) for today in DAYS]
            assert found == [by_hand(told, patient, today) for today in DAYS]
            stands = [event for event in archive.timeline(patient) if event.kind == "Observation"]
            assert len(stands) <= 1
