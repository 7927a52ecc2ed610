"""What past measurements say of the kidneys: every value as a range, and for how long they are abnormal.

Source: KDIGO 2024 CKD guideline (Kidney Int 2024;105(4S):S117), section 1.1.3: abnormalities that last at
least three months are chronic.
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
from salus.risk._labs import CREATININE, EGFR, URINE_ACR

CHRONIC = timedelta(days=90)


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
    """Abnormal values without a break, up to the latest.

    doubt: what stands before them without being known normal; normal: what stands before them and is.
    """

    past: tuple[Past, ...] = ()
    doubt: Past | None = None
    normal: Past | None = None

    @property
    def chronic(self) -> bool:
        """Whether it lasts three months."""
        return bool(self.past) and self.past[-1].at - self.past[0].at >= CHRONIC

    @property
    def recent(self) -> bool:
        """Whether it is known to last for less than three months: a normal value is as near."""
        return bool(self.past) and self.normal is not None and self.past[-1].at - self.normal.at < CHRONIC


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
            return Run(tuple(held[::-1]), past if low or high else None, None if low or high else past)
        held.append(past)
    return Run(tuple(held[::-1]))
