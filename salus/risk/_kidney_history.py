"""What past measurements say of the kidneys: for how long, and whether the creatinine stands still.

Sources: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117), section 1.1.3: abnormalities that last at
least three months are chronic. KDIGO 2012 AKI guideline (Kidney Int Suppl 2012;2:19), section 2.1.1: a rise
of 0.3 mg/dL within 48 hours, or to 1.5 times within 7 days, is acute kidney injury; its Table 11: one of more
than 50 % in less than three months is acute kidney disease. Over an older value than a week nobody knows how
fast it rose: such values are looked for up to 365 days back, as the AKI algorithm of NHS England does
(Patient Safety Alert NHS/PSA/D/2014/010, which takes their median; here it is the latest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event
from salus.core.measures import USABLE, Measure, Reading
from salus.core.seams import View
from salus.risk._egfr import from_creatinine
from salus.risk._inputs import age_on, births, sex
from salus.risk._labs import CREATININE, CREATININE_GRAMS, EGFR, URINE_ACR

CHRONIC = timedelta(days=90)
_TWO_DAYS, _WEEK, _YEAR = timedelta(hours=48), timedelta(days=7), timedelta(days=365)
# KDIGO writes the rise as 0.3 mg/dL and as 26.5 umol/L, which is 0.2998 mg/dL. Both must count, whatever unit
# the record uses, so the lesser is the threshold.
_RISE_MG, _RISE_TIMES = round(26.5 * CREATININE_GRAMS / 1e4, 9), 1.5


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

    @property
    def apart(self) -> timedelta:
        """How long lies between the two."""
        return self.after.at - self.before.at

    @property
    def of_a_week(self) -> bool:
        """Whether it is known to be of seven days or less: then a rise is acute kidney injury."""
        return self.apart <= _WEEK

    @property
    def times(self) -> float:
        """How many times the value before it is, at least."""
        return round(self.after.low / self.before.high, 9)


def values(view: View, measure: Measure) -> list[Past]:
    """Return every dated value of `measure` as the range it allows, oldest first."""
    return [past for event in view.timeline.where(measure.codes) for past in _read(measure, event)]


def _read(measure: Measure, event: Event) -> Iterator[Past]:
    measured = event.value is not None and event.value is not Absence.NOT_MEASURED
    if event.status not in USABLE or event.time is None or not measured:
        return
    try:
        low, high = measure.allowed(event)
    except EvidenceError:
        yield Past(event.time, measure.low, measure.high, event, read=False)
    else:
        yield Past(event.time, low, high, event)


def filtration(view: View) -> Iterator[Past]:
    """Yield every past eGFR, newest first: from creatinine with the age of that day, and as reported.

    Of one moment the creatinine counts; where it cannot be read, or without a date of birth, the report does.
    """
    born, of_sex = births(view), sex(view)[0]
    reported = values(view, EGFR)
    told = {past.at for past in reported if past.read}
    measured = [past for past in values(view, CREATININE) if past.read or past.at not in told] if born else []
    moments = {past.at for past in measured}
    every = [(past, True) for past in measured]
    every += [(past, False) for past in reported if past.at not in moments]
    for past, computed in sorted(every, key=lambda one: (one[0].at, one[0].event.source), reverse=True):
        yield _filtered(past, born, of_sex) if computed else past


def _filtered(past: Past, born: tuple[Event, ...], of_sex: str | None) -> Past:
    if not past.read:
        return Past(past.at, EGFR.low, EGFR.high, past.event, read=False)
    creatinine = Reading(CREATININE, past.low, past.high, past.at, (past.event,))
    reading = from_creatinine(creatinine, age_on(born, past.at), of_sex)
    return Past(past.at, reading.low, reading.high, past.event)


def low_filtration_since(view: View) -> Run:
    """Return the unbroken run of eGFR below 60 (in whole numbers, as reported) that ends with the latest."""
    return _run(filtration(view), lambda egfr: int(egfr + 0.5) < 60)


def albuminuria_since(view: View) -> Run:
    """Return the unbroken run of urine albumin of 30 mg/g or more that ends with the latest."""
    return _run(reversed(values(view, URINE_ACR)), lambda ratio: ratio >= 30)


def _run(newest_first: Iterator[Past], abnormal: Callable[[float], bool]) -> Run:
    """Return the values that are surely abnormal, and the doubt that ended them."""
    held: list[Past] = []
    for past in newest_first:
        low, high = abnormal(past.low), abnormal(past.high)
        if not (low and high):
            return Run(tuple(held[::-1]), past if low or high else None)
        held.append(past)
    return Run(tuple(held[::-1]))


def jump(view: View) -> Jump | None:
    """Return the change of creatinine that shows no steady state at its latest value, or None.

    A rise within the week stands before one over an older value; of several values at the latest moment the
    highest may have risen and the lowest fallen.
    """
    series = [past for past in values(view, CREATININE) if past.read]
    if not series:
        return None
    newest = [past for past in series if past.at == series[-1].at]
    highest, lowest = max(newest, key=lambda past: past.low), min(newest, key=lambda past: past.high)
    at = highest.at
    week = [past for past in series if at - _WEEK <= past.at < at]
    older = [past for past in series if at - _YEAR <= past.at < at - _WEEK]
    for before in (week, older[-1:]):
        rising = [past for past in before if _rose(past, highest)]
        if rising:
            return Jump(min(rising, key=lambda past: past.high), highest, rising=True)
    falling = [past for past in week if _rose(lowest, past)]
    return Jump(max(falling, key=lambda past: past.low), lowest, rising=False) if falling else None


def _rose(low: Past, high: Past) -> bool:
    """Whether `high` is a KDIGO rise over `low`; figures are freed of binary dust first."""
    if round(high.low / low.high, 9) >= _RISE_TIMES:
        return True
    earlier, later = sorted((low, high), key=lambda past: past.at)
    # Of a value that names its day alone the hour is not known: the two may lie as near as that allows.
    near = later.at - (earlier.event.end or earlier.at) <= _TWO_DAYS
    return near and round(high.low - low.high, 9) >= _RISE_MG
