"""When something was: the first date of several that is there, the ends of a period, an Observation's own.

Source: HL7 FHIR R4 Observation.effective[x], Timing.event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from salus.record import fhir_types as t
from salus.record.fhir_time import When, when
from salus.record.fhir_types import Period

if TYPE_CHECKING:
    from salus.record.fhir_rows import Row

# Time, end and known_at.
_Moment = tuple[int | None, int | None, int | None]


def first(*texts: str | None) -> When | None:
    """Return the first of some dates that is there."""
    for text in texts:
        if text is not None:
            return when(text)
    return None


def start(period: Period | None) -> str | None:
    """Return where a period starts."""
    return None if period is None else period.start


def last(period: Period | None) -> int | None:
    """Return the end of a period; a partial end date reaches to its last microsecond."""
    if period is None or period.end is None:
        return None
    end = when(period.end)
    return end.start if end.end is None else end.end


def observed(r: t.Observation) -> _Moment:
    """Return time, end and known_at; what was observed over a period was known when the period was over."""
    moment: _Moment = _observed(r) if r.effectiveDateTime is None else when(r.effectiveDateTime)
    time, end, known = moment
    if r.issued is None:
        return time, end, known
    issued = when(r.issued)
    # Without a moment of its own, what was made available then was seen by then.
    return (issued.start if time is None else time), end, issued.known


def _observed(r: t.Observation) -> _Moment:
    """Return what `observed` does, of what was observed at an instant, over a period, or several times."""
    events = [when(text) for text in r.effectiveTiming.event or () if text] if r.effectiveTiming else []
    if events and r.effectiveInstant is None and r.effectivePeriod is None:
        over = max(one.start if one.end is None else one.end for one in events)
        return events[0] if len(set(events)) == 1 else (min(one.start for one in events), over, over)
    moment: _Moment = first(r.effectiveInstant, start(r.effectivePeriod)) or (None, None, None)
    if r.effectivePeriod is None:
        return moment
    end = last(r.effectivePeriod)
    # Of what was over then and began nobody knows when, that is the one moment there is.
    time = (first(r.effectivePeriod.end) or moment)[0] if moment[0] is None else moment[0]
    return time, end, moment[2] if end is None else end


def as_reported(rows: Sequence[Row], report: Row) -> list[Row]:
    """Return a report's results (rows: codes, time, end, known_at …), those without a time as of the report.

    FHIR R4 DiagnosticReport.effective[x] is the time to which the observed values are related.
    """
    return [
        row
        if row[1] is not None or row[2] is not None
        else (row[0], report[1], report[2], report[3] if row[3] is None else row[3], *row[4:])
        for row in rows
    ]
