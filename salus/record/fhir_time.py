"""FHIR dates and times as microseconds since 1970 in UTC: what a partial date spans, and when it was known.

FHIR R4 2.24.0.1 (date, dateTime, instant). A time without a zone is read as UTC, since a bulk export has
no other place to look it up. A second of 60 (a leap second) is read as the last microsecond of :59.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from salus.core.errors import EvidenceError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


class _Days(dict[str, int]):
    """Where a day (``2026-11-02``) starts."""

    def __missing__(self, text: str) -> int:
        found = _SHAPE.fullmatch(text)
        if found is None or found[3] is None:
            raise ValueError
        return _remember(
            self, text, _since(datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC))
        )


class _Clock(dict[str, int]):
    """How far into its day a time (``08:00:00``) is."""

    def __missing__(self, text: str) -> int:
        hour, minute, second = int(text[:2]), int(text[3:5]), int(text[6:])
        if not (text[2] == text[5] == ":" and text.isascii() and hour < 24 and minute < 60 and second < 60):
            raise ValueError
        return _remember(self, text, (hour * 3600 + minute * 60 + second) * 1_000_000)


class _Zones(dict[str, int]):
    """What is to be taken off to come to UTC (``+01:00``, ``Z``), less the fraction of a second before it."""

    def __missing__(self, text: str) -> int:
        found = _ZONE.fullmatch(text)
        if found is None:
            raise ValueError
        micro = int(((found[1] or "") + "000000")[:6])
        return _remember(self, text, _offset(found[2]) // _MICROSECOND - micro)


def _remember(table: dict[str, int], text: str, value: int) -> int:
    if len(table) > _MOST:
        table.clear()
    table[text] = value
    return value


_MOST = 1 << 17
_ZONE = re.compile(r"(?:\.(\d+))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII)
_days, _clock, _zones = _Days(), _Clock(), _Zones()
# The years of which every moment, in any zone, is a datetime.
_FIRST = _since(datetime(2, 1, 1, tzinfo=UTC))
_LAST = _since(datetime(9998, 12, 31, tzinfo=UTC))


@lru_cache(maxsize=1 << 14)
def when(text: str) -> When:
    """Return what a FHIR date, dateTime or instant names.

    Raises EvidenceError when it is none; the message does not repeat it.
    """
    # The common shape, YYYY-MM-DDThh:mm:ss+zz:zz, from three tables: records are full of the same days.
    if text[10:11] == "T":
        try:
            start = _days[text[:10]] + _clock[text[11:19]] - _zones[text[19:]]
        except (ValueError, IndexError):
            return _slow(text)
        if _FIRST < start < _LAST:
            return tuple.__new__(When, (start, None, start))
    return _slow(text)


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


@lru_cache(maxsize=65536)
def moment(micros: int) -> datetime:
    """Return the aware datetime (UTC) of `micros` microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)
