"""The first and the last instant of a FHIR dateTime, which may name a day, a month or a year alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from salus.core.errors import EvidenceError

_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_LEAST = timedelta(microseconds=1)


def first_of(told: str, at: str) -> datetime:
    """Return the first instant of `told`; without a zone it is UTC. at: where it stands, for the error.

    Raises EvidenceError where it is no FHIR dateTime.
    """
    return _span(told, at)[0]


def last_of(told: str, at: str) -> datetime:
    """Return the last instant of `told`; as `first_of`."""
    return _span(told, at)[1]


def _span(told: str, at: str) -> tuple[datetime, datetime]:
    try:
        partial = _PARTIAL.fullmatch(told)
        if partial:
            year, month, day = partial.groups()
            start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
            return start, _next(start, month, day) - _LEAST
        if _INSTANT.fullmatch(told):
            found = datetime.fromisoformat(told)
            moment = found if found.tzinfo else found.replace(tzinfo=UTC)
            return moment, moment
    except (ValueError, OverflowError):
        pass
    raise EvidenceError(
        f"{at}: this is no FHIR dateTime: write 2026, 2026-01, 2026-01-31 or 2026-01-31T08:00:00Z."
    )


def _next(start: datetime, month: str | None, day: str | None) -> datetime:
    if day:
        return start + timedelta(days=1)
    if month and start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)
