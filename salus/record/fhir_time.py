"""FHIR dates and times as microseconds since 1970 in UTC: what a partial date spans, and when it was known.

FHIR R4 2.24.0.1 (date, dateTime, instant). A time without a zone is read as UTC, since a bulk export has
no other place to look it up. A second of 60 (a leap second) is read as the last microsecond of :59.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from salus.core.errors import EvidenceError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?)?)?",
    re.ASCII,
)


class When(NamedTuple):
    """A FHIR date or time: where it starts, the last microsecond it names (None when it is exact),
    and when something recorded with it could first have been known."""

    start: int
    end: int | None
    known: int


def _since(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta(0)
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -span if zone[0] == "-" else span


def _exact(parts: tuple[str, ...]) -> int:
    year, month, day, hour, minute, second, fraction, zone = parts
    micro, whole = int(((fraction or "") + "000000")[:6]), int(second or 0)
    if whole == 60:
        whole, micro = 59, 999_999
    local = datetime(int(year), int(month), int(day), int(hour), int(minute), whole, micro, tzinfo=UTC)
    return _since(local - _offset(zone))


def _partial(year: str, month: str | None, day: str | None) -> When:
    first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    last_month = int(month or 12)
    last_day = int(day or monthrange(first.year, last_month)[1])
    end = _since(first.replace(month=last_month, day=last_day)) + _DAY // _MICROSECOND - 1
    start = _since(first)
    # Of a day it is assumed that it was known on that day; of a month or a year only when it was over.
    return When(start, end, start if day else end)


class _Pieces(dict[str, int]):
    """Microseconds by a piece of a time: its day, its clock, its zone. Thousands of moments share them."""

    def __init__(self, read: Callable[[str], int]) -> None:
        self._read = read

    def __missing__(self, text: str) -> int:
        found = self._read(text)
        if len(self) > _MOST:
            self.clear()
        self[text] = found
        return found


_MOST = 1 << 15
_ZONE = re.compile(r"(?:\.(\d+))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII)


def _day(text: str) -> int:
    """Return the start of a day; ValueError in years of which a moment, in some zone, is no datetime."""
    # The standard library takes other forms too, none of which has its dashes in these places.
    if len(text) != 10 or text[4] != "-" or text[7] != "-" or not "0002" <= text[:4] <= "9998":
        raise ValueError
    return (date.fromisoformat(text).toordinal() - _EPOCH_DAY) * 86_400_000_000


def _clock(text: str) -> int:
    if len(text) != 9 or text[0] != "T" or text[1:3] > "23" or text[3] != ":" or text[6] != ":":
        raise ValueError
    told = time.fromisoformat(text[1:])
    return (told.hour * 3_600 + told.minute * 60 + told.second) * 1_000_000


def _zone(text: str) -> int:
    """Return what is to be taken off to come to UTC (``+01:00``, ``Z``), less a fraction of a second."""
    found = _ZONE.fullmatch(text)
    if found is None:
        raise ValueError
    return _offset(found[2]) // _MICROSECOND - int(((found[1] or "") + "000000")[:6])


_days, _clocks, _zones = _Pieces(_day), _Pieces(_clock), _Pieces(_zone)


def _slow(text: str) -> When:
    found = _SHAPE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        if found[4] is None:
            return _partial(found[1], found[2], found[3])
        start = _exact(found.groups())
    except (ValueError, OverflowError):
        raise EvidenceError("not a FHIR date or time") from None
    return When(start, None, start)


class _Moments(dict[str, When]):
    """What was read lately: a record says the same moment many times."""

    def __missing__(self, text: str) -> When:
        # The common shape, YYYY-MM-DDThh:mm:ss and what follows, piece by piece.
        try:
            start = _days[text[:10]] + _clocks[text[10:19]] - _zones[text[19:]]
        except ValueError:
            found = _slow(text)
        else:
            found = _made(When, (start, None, start))
        if len(self) > _MOST:
            self.clear()
        self[text] = found
        return found


_made = tuple.__new__
moments = _Moments()


def when(text: str) -> When:
    """Return what a FHIR date, dateTime or instant names.

    Raises EvidenceError when it is none; the message does not repeat it.
    """
    return moments[text]
