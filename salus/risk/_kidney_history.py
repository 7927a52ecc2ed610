"""What past measurements say of the kidneys: for how long, and whether the creatinine stands still.

Sources: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117), section 1.1.3: abnormalities that last at
least three months are chronic. KDIGO 2012 AKI guideline (Kidney Int Suppl 2012;2:1), section 2.1.1: a rise
of 0.3 mg/dL within 48 hours, or to 1.5 times within 7 days, is acute kidney injury.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from salus.core.errors import EvidenceError
from salus.core.evidence import Event
from salus.core.measures import USABLE, Measure
from salus.core.seams import View
from salus.risk._egfr import from_creatinine, point
from salus.risk._inputs import age_on, sex
from salus.risk._labs import CREATININE, EGFR, URINE_ACR

CHRONIC = timedelta(days=90)
_TWO_DAYS, _WEEK = timedelta(hours=48), timedelta(days=7)
_RISE_MG, _RISE_TIMES = 0.3, 1.5


@dataclass(frozen=True, slots=True)
class Past:
    """One past value, as the range that it allows, and the event it came from."""

    at: datetime
    low: float
    high: float
    event: Event


@dataclass(frozen=True, slots=True)
class Jump:
    """A creatinine that does not stand still. rising: from `before` to `after`; else it falls."""

    before: Past
    after: Past
    rising: bool


def values(view: View, measure: Measure) -> list[Past]:
    """Return every exact, usable value of `measure`, oldest first."""
    return [past for event in view.timeline.where(measure.codes) for past in _read(measure, event)]


def _read(measure: Measure, event: Event) -> Iterator[Past]:
    if event.status not in USABLE or event.time is None or event.comparator is not None:
        return
    try:
        value = measure.read(event)
    except EvidenceError:
        return
    yield Past(event.time, value, value, event)


def filtration(view: View) -> list[Past]:
    """Return every past eGFR: from creatinine with the age of that day, and as reported."""
    found = []
    for past in values(view, CREATININE):
        reading = from_creatinine(
            point(CREATININE, past.low, past.event), age_on(view, past.at), sex(view)[0]
        )
        if reading.usable:
            found.append(Past(past.at, reading.low, reading.high, past.event))
    measured = {past.at for past in found}
    found += [past for past in values(view, EGFR) if past.at not in measured]
    return sorted(found, key=lambda past: (past.at, past.event.source))


def low_filtration_since(view: View) -> list[Past]:
    """Return the unbroken run of eGFR below 60 (in whole numbers, as reported) that ends with the latest."""
    return _run(filtration(view), lambda past: int(past.high + 0.5) < 60)


def albuminuria_since(view: View) -> list[Past]:
    """Return the unbroken run of urine albumin of 30 mg/g or more that ends with the latest."""
    return _run(values(view, URINE_ACR), lambda past: past.low >= 30)


def _run(past: Iterable[Past], abnormal: Callable[[Past], bool]) -> list[Past]:
    return list(takewhile(abnormal, reversed(list(past))))[::-1]


def is_chronic(run: list[Past]) -> bool:
    """Whether a run of abnormal values lasts three months."""
    return bool(run) and run[-1].at - run[0].at >= CHRONIC


def jump(view: View) -> Jump | None:
    """Return the change of creatinine that shows no steady state at its latest value, or None."""
    series = values(view, CREATININE)
    if not series:
        return None
    last = series[-1]
    earlier = [past for past in series if last.at - _WEEK <= past.at < last.at]
    rising = [past for past in earlier if _rose(past, last)]
    if rising:
        return Jump(min(rising, key=lambda past: past.low), last, rising=True)
    falling = [past for past in earlier if _rose(last, past)]
    return Jump(max(falling, key=lambda past: past.high), last, rising=False) if falling else None


def _rose(low: Past, high: Past) -> bool:
    """Whether `high` is a KDIGO rise over `low`; figures are freed of binary dust first."""
    if round(high.low / low.high, 9) >= _RISE_TIMES:
        return True
    return abs(high.at - low.at) <= _TWO_DAYS and round(high.low - low.high, 9) >= _RISE_MG
