"""FHIR dates and times as microseconds since 1970 in UTC: what a partial date spans, and when it was known.

FHIR R4 2.24.0.1 (date, dateTime, instant). A time without a zone is read as UTC, since a bulk export has
no other place to look it up. A second of 60 (a leap second) is read as the last microsecond of :59.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from salus.core.errors import EvidenceError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)
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


class _Zones(dict[str, int]):
    """What is to be taken off to come to UTC (``+01:00``, ``Z``), less the fraction of a second before it."""

    def __missing__(self, text: str) -> int:
        found = _ZONE.fullmatch(text)
        if found is None:
            raise ValueError
        micro = int(((found[1] or "") + "000000")[:6])
        if len(self) > _MOST:
            self.clear()
        self[text] = value = _offset(found[2]) // _MICROSECOND - micro
        return value


_MOST = 1 << 15
_ZONE = re.compile(r"(?:\.(\d+))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII)
_zones = _Zones()
# The years of which every moment, in any zone, is a datetime.
_FIRST = _since(datetime(2, 1, 1, tzinfo=UTC))
_LAST = _since(datetime(9998, 12, 31, tzinfo=UTC))


def _read(text: str) -> When:
    # The common shape, YYYY-MM-DDThh:mm:ss and what follows, by the standard library's own parser, which
    # takes other shapes as well: hence the look at what stands between the digits.
    try:
        if text[7] == "-" and text[10] == "T" and text[13] == text[16] == ":" and text[11:13] != "24":
            since = datetime.fromisoformat(text[:19]) - _LOCAL_EPOCH
            start = (since.days * 86_400 + since.seconds) * 1_000_000 - _zones[text[19:]]
            if _FIRST < start < _LAST:
                return tuple.__new__(When, (start, None, start))
    except (ValueError, IndexError):
        pass
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


class _Moments(dict[str, When]):
    """What was read lately: a record says the same moment many times."""

    def __missing__(self, text: str) -> When:
        if len(self) > _MOST:
            self.clear()
        self[text] = found = _read(text)
        return found


moments = _Moments()


def when(text: str) -> When:
    """Return what a FHIR date, dateTime or instant names.

    Raises EvidenceError when it is none; the message does not repeat it.
    """
    return moments[text]
