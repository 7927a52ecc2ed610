"""What past measurements say of the kidneys: for how long, and whether the creatinine stands still.

Sources: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117), section 1.1.3: abnormalities that last at
least three months are chronic. KDIGO 2012 AKI guideline (Kidney Int Suppl 2012;2:1), section 2.1.1: a rise
of 0.3 mg/dL within 48 hours, or to 1.5 times that is known or presumed to be of the last 7 days, is acute
kidney injury. Presumed: from the latest value of the 8 to 365 days before, the span in which the AKI
algorithm of NHS England (Patient Safety Alert NHS/PSA/D/2014/010) seeks the baseline; it takes the median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event
from salus.core.measures import USABLE, Measure, Reading
from salus.core.seams import View
from salus.risk._egfr import from_creatinine
from salus.risk._inputs import age_on, sex
from salus.risk._labs import CREATININE, CREATININE_GRAMS, EGFR, URINE_ACR

CHRONIC = timedelta(days=90)
_TWO_DAYS, _WEEK, _YEAR = timedelta(hours=48), timedelta(days=7), timedelta(days=365)
# KDIGO writes the rise as 0.3 mg/dL and as 26.5 umol/L, which is 0.2998 mg/dL. Both must count, whatever unit
# the record uses, so the lesser is the threshold.
_RISE_MG, _RISE_TIMES = round(26.5 * CREATININE_GRAMS / 1e4, 9), 1.5


# A bound that is no part of its own range (<30, >60) is left by the least step: laboratories report eGFR in
# whole numbers (KDIGO 2012, section 1.4.3), and so >59 is 60 or more.
_STEP = {EGFR.name: 1.0}
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Past:
    """One past value, as the range that it allows, and the event it came from.

    read: False where the value could not be read, and may be anything.
    """

    at: datetime
    low: float
    high: float
    event: Event
    read: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """Abnormal values without a break, up to the latest. doubt: what ended it without being known normal."""

    past: tuple[Past, ...] = ()
    doubt: Past | None = None

    @property
    def chronic(self) -> bool:
        """Whether it lasts three months."""
        return bool(self.past) and self.past[-1].at - self.past[0].at >= CHRONIC


@dataclass(frozen=True, slots=True)
class Jump:
    """A creatinine that does not stand still. rising: from `before` to `after`; else it falls."""

    before: Past
    after: Past
    rising: bool


def values(view: View, measure: Measure) -> list[Past]:
    """Return every dated value of `measure` as the range it allows, oldest first."""
    return [past for event in view.timeline.where(measure.codes) for past in _read(measure, event)]


def _read(measure: Measure, event: Event) -> Iterator[Past]:
    measured = event.value is not None and event.value is not Absence.NOT_MEASURED
    if event.status not in USABLE or event.time is None or not measured:
        return
    try:
        low, high = _ends(measure, event)
    except EvidenceError:
        yield Past(event.time, measure.low, measure.high, event, read=False)
    else:
        yield Past(event.time, low, high, event)


def _ends(measure: Measure, event: Event) -> tuple[float, float]:
    value = measure.read(event)
    step = _STEP.get(measure.name, _LEAST)
    if event.comparator in ("<", "<="):
        return measure.low, max(value - step * (event.comparator == "<"), measure.low)
    if event.comparator in (">", ">="):
        return min(value + step * (event.comparator == ">"), measure.high), measure.high
    return value, value


def filtration(view: View) -> list[Past]:
    """Return every past eGFR: from creatinine with the age of that day, and as reported.

    Of one moment the creatinine counts; where it cannot be read, the report does.
    """
    reported = values(view, EGFR)
    told = {past.at for past in reported if past.read}
    found = [each for past in values(view, CREATININE) for each in _filtered(view, past)]
    found = [past for past in found if past.read or past.at not in told]
    measured = {past.at for past in found}
    found += [past for past in reported if past.at not in measured]
    return sorted(found, key=lambda past: (past.at, past.event.source))


def _filtered(view: View, past: Past) -> Iterator[Past]:
    if not past.read:
        yield Past(past.at, EGFR.low, EGFR.high, past.event, read=False)
        return
    creatinine = Reading(CREATININE, past.low, past.high, past.at, (past.event,))
    reading = from_creatinine(creatinine, age_on(view, past.at), sex(view)[0])
    if reading.usable:
        yield Past(past.at, reading.low, reading.high, past.event)


def low_filtration_since(view: View) -> Run:
    """Return the unbroken run of eGFR below 60 (in whole numbers, as reported) that ends with the latest."""
    return _run(filtration(view), lambda egfr: int(egfr + 0.5) < 60)


def albuminuria_since(view: View) -> Run:
    """Return the unbroken run of urine albumin of 30 mg/g or more that ends with the latest."""
    return _run(values(view, URINE_ACR), lambda ratio: ratio >= 30)


def _run(past: list[Past], abnormal: Callable[[float], bool]) -> Run:
    """Return the values that are surely abnormal, and the doubt that ended them."""
    held = list(takewhile(lambda each: abnormal(each.low) and abnormal(each.high), reversed(past)))[::-1]
    if len(held) == len(past):
        return Run(tuple(held))
    broke = past[-len(held) - 1]
    doubtful = abnormal(broke.low) or abnormal(broke.high)
    return Run(tuple(held), broke if doubtful else None)


def jump(view: View) -> Jump | None:
    """Return the change of creatinine that shows no steady state at its latest value, or None."""
    series = [past for past in values(view, CREATININE) if past.read]
    if not series:
        return None
    last = series[-1]
    earlier = [past for past in series if last.at - _WEEK <= past.at < last.at]
    before = [past for past in series if last.at - _YEAR <= past.at < last.at - _WEEK]
    rising = [past for past in (*before[-1:], *earlier) if _rose(past, last)]
    if rising:
        return Jump(min(rising, key=lambda past: past.high), last, rising=True)
    falling = [past for past in earlier if _rose(last, past)]
    return Jump(max(falling, key=lambda past: past.low), last, rising=False) if falling else None


def _rose(low: Past, high: Past) -> bool:
    """Whether `high` is a KDIGO rise over `low`; figures are freed of binary dust first."""
    if round(high.low / low.high, 9) >= _RISE_TIMES:
        return True
    return abs(high.at - low.at) <= _TWO_DAYS and round(high.low - low.high, 9) >= _RISE_MG
