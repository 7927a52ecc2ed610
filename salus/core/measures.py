"""What a clinician calls one measurement, whatever code and unit it came in; and how to read it from a View.

A reading is an interval: a single number when all is well, wider when two sources disagree at the same
moment or only a bound is known. It is absent, with the reason in words, when nothing usable was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from salus.core.errors import EvidenceError
from salus.core.evidence import HIDDEN, UNREADABLE, Absence, Event, Timeline
from salus.core.units import convert, tidy

# Statuses of FHIR R4 ObservationStatus whose value may be used; `preliminary` is used and said. What was
# refused has no value, and is not passed over for an older one.
USABLE = frozenset({"final", "amended", "corrected", "preliminary", None, UNREADABLE})

# What a unit says beside its meaning (UCUM annotations, blanks, and the analyte itself), and amounts in each
# other (mmol/mol, umol/mmol): dimensionless for UCUM, though none of them is a plain fraction of HbA1c.
_BARE = re.compile(r"\{[^{}]*\}|\s+|(?:Hb|Hgb|hb|hemoglobin)$")
_AMOUNTS = re.compile(r"[a-z]{0,2}mol/[a-z]{0,2}mol")
# FHIR R4 quantity-comparator.
_BOUNDS = frozenset({"<", "<=", ">=", ">"})
_SAME = {"%": ("%", "percent")}


@dataclass(frozen=True, slots=True)
class Measure:
    """One kind of measurement.

    codes: every code that means it (mass and molar LOINC codes alike). unit: the UCUM unit in which
    models read it. low, high: outside is an error of recording, not a patient (see `source`).
    molar_mass: g/mol. special: amount per amount -> (slope, intercept) where the unit alone misleads, as
    HbA1c in mmol/mol; such a measure is read in `unit` or by that equation, and in nothing else.
    unitless: a missing unit means `unit` (scores and counts only). per: what the unit must say for which UCUM
    has no dimension (``1.73``, of a body surface); a value whose unit does not is used, and said to be.
    step: the least difference that is reported; it is what a bound leaves that is no part of its own range.
    """

    name: str
    codes: tuple[str, ...]
    unit: str
    low: float
    high: float
    molar_mass: float | None = None
    special: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    unitless: bool = False
    per: str = ""
    step: float = 1e-9
    source: str = ""

    def read(self, event: Event) -> float:
        """Return the event's value in this measure's unit.

        Raises EvidenceError when the value is no number, its unit is missing, unknown or of another
        kind, or the result is outside `low` to `high`.
        """
        value = self.converted(event)
        if not self.low <= value <= self.high:
            raise EvidenceError(
                f"{self.name} outside {self.low:g} to {self.high:g} {self.unit} ({event.source}): "
                "check the value and its unit."
            )
        return value

    def bounds(self, event: Event) -> tuple[float, float]:
        """Return from where to where the value lies, a bound with itself (30 for <30).

        Raises EvidenceError as `read` does.
        """
        value = self.read(event)
        if event.comparator in ("<", "<="):
            return self.low, value
        if event.comparator in (">", ">="):
            return value, self.high
        return value, value

    def allowed(self, event: Event) -> tuple[float, float]:
        """Return the least and the greatest value that the event allows, a bound without itself (<30, >60).

        Raises EvidenceError as `read` does.
        """
        low, high = self.bounds(event)
        if event.comparator == "<":
            high = max(high - self.step, self.low)
        elif event.comparator == ">":
            low = min(low + self.step, self.high)
        return low, high

    def converted(self, event: Event) -> float:
        """Return the event's value in this measure's unit, be it possible or not.

        Raises EvidenceError when it is no number, or its unit is missing, unknown or of another kind.
        """
        if isinstance(event.value, bool) or not isinstance(event.value, int | float):
            raise EvidenceError(f"{self.name} is not a number ({event.source}).")
        if event.comparator and event.comparator not in _BOUNDS:
            raise EvidenceError(
                f"{self.name} has a comparator that FHIR does not know ({event.source}): send <, <=, >= or >."
            )
        if event.unit is None and not self.unitless:
            raise EvidenceError(f"{self.name} has no unit ({event.source}): send it in {self.unit}.")
        unit = event.unit or self.unit
        if self.special:
            return self._by_equation(event, event.value, unit)
        return convert(event.value, unit, self.unit, self.molar_mass)

    def _by_equation(self, event: Event, value: float, unit: str) -> float:
        """Return `value` in `unit` where a plain conversion would mislead; refuse what is neither kind."""
        bare = _BARE.sub("", unit)
        if _AMOUNTS.fullmatch(bare):
            of, (slope, intercept) = next(iter(self.special.items()))
            return tidy(slope * convert(value, bare, of) + intercept)
        if bare in _SAME.get(self.unit, (self.unit,)):
            return float(value)
        allowed = " or ".join((self.unit, *self.special))
        raise EvidenceError(f"{self.name} in another unit ({event.source}): send it in {allowed}.")


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a measure: from `low` to `high` in its unit, at `at`, from `events`.

    problem: in words, why nothing (or less) is known; "" when all is well. usable: False when absent.
    blank: the moment of a later entry that holds no value, where there is one.
    """

    measure: Measure
    low: float
    high: float
    at: datetime | None = None
    events: tuple[Event, ...] = ()
    problem: str = ""
    usable: bool = True
    blank: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """The last moment that it may be of; `at` is the first. They differ where only a day is recorded."""
        return max((event.end or event.time for event in self.events if event.time), default=self.at)

    @property
    def exact(self) -> bool:
        """Whether it is one number."""
        return self.usable and self.low == self.high

    @property
    def sources(self) -> tuple[str, ...]:
        """The resources it points to."""
        return tuple(dict.fromkeys(event.source for event in self.events))


def _absent(
    measure: Measure, problem: str, events: tuple[Event, ...] = (), at: datetime | None = None
) -> Reading:
    return Reading(measure, measure.low, measure.high, at, events, problem, usable=False)


def read(timeline: Timeline, measure: Measure, as_of: datetime, within: timedelta | None = None) -> Reading:
    """Return the latest usable reading of `measure` no older than `within` before `as_of`.

    Values at the same moment that differ give the interval that holds them all, and one recorded by its day
    alone may be of any moment of that day. A later entry that says only that nothing was measured or sent
    takes nothing back: `blank` tells its moment. A later value that cannot be read (unknown unit, impossible
    number, withheld) is not passed over: `problem` says so, and the earlier value is not used in its place.
    """
    dated = usable(timeline, measure.codes)
    if not dated:
        return _absent(measure, f"{measure.name} not recorded")
    told = [event for event in dated if not is_blank(event)]
    last = (told or dated)[-1].time
    assert last is not None
    if within is not None and as_of - last > within:
        return _absent(measure, f"{measure.name} last recorded {ago(as_of - last)} before",
                       latest_of(told or dated), last)  # fmt: skip
    if not told:
        return _absent(measure, f"{measure.name} {why_blank(latest_of(dated))}", latest_of(dated), last)
    return replace(_told(measure, told, as_of), blank=later_blank(told, dated))


def _told(measure: Measure, told: Sequence[Event], as_of: datetime) -> Reading:
    """Return the latest of `told`, none of which is blank."""
    latest, at = latest_of(told), told[-1].time
    if any(isinstance(event.value, Absence) for event in latest):
        before = last_readable(told, latest, measure.read, as_of)
        refused = any(event.value is Absence.UNREADABLE for event in latest)
        why = "sent in a form that cannot be read" if refused else "not available"
        return _absent(measure, f"{measure.name} {why}{before}", latest, at)
    try:
        ends = [measure.bounds(event) for event in latest]
    except EvidenceError as error:
        before = last_readable(told, latest, measure.read, as_of)
        why = f"{str(error).rstrip('.')}{before}" if before else str(error)
        return _absent(measure, f"{measure.name} not usable: {why}", latest, at)
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return Reading(measure, low, high, at, latest, _doubt(measure, ends, latest))


def is_blank(event: Event) -> bool:
    """Whether it says only that nothing was measured, known or sent; what was withheld or refused was."""
    if event.value is None:
        return True
    return isinstance(event.value, Absence) and event.value not in HIDDEN


def why_blank(events: Iterable[Event]) -> str:
    """Say what blank entries say."""
    held = any(event.value is Absence.NOT_MEASURED for event in events)
    return "not measured" if held else "not available"


def later_blank(told: Sequence[Event], dated: Sequence[Event]) -> datetime | None:
    """Return the moment of a blank entry after all of `told`; both are in time order."""
    return dated[-1].time if dated[-1].time != told[-1].time else None


def last_readable(
    told: Sequence[Event], latest: Collection[Event], read: Callable[[Event], object], as_of: datetime
) -> str:
    """Say how old the last of `told` but `latest` is that `read` can read; "" where there is none."""
    older = (event for event in reversed(told) if event not in latest)
    last = next((event.time for event in older if _can_be_read(event, read)), None)
    return "" if last is None else f" (the last that can be read is of {ago(as_of - last)} before, not used)"


def _can_be_read(event: Event, read: Callable[[Event], object]) -> bool:
    try:
        read(event)
    except EvidenceError:
        return False
    return True


def usable(timeline: Timeline, codes: Iterable[str]) -> list[Event]:
    """Return the events with one of `codes` that have a moment, a value and a status that allows its use."""
    return [
        event
        for event in timeline.where(codes).events
        if event.time is not None and event.value is not None and event.status in USABLE
    ]


def latest_of(dated: Sequence[Event]) -> tuple[Event, ...]:
    """Return those of `dated` (in time order) that may be of the latest moment.

    What is recorded by its day alone, or over a period, may be of any moment from its time to its end.
    """
    last = dated[-1].time
    assert last is not None
    return tuple(
        event for event in dated if event.time == last or (event.end is not None and event.end >= last)
    )


def _alike(measure: Measure, latest: Collection[Event]) -> bool:
    """Whether these are one value in several units, each to the digit to which it was written."""
    if len({event.unit for event in latest}) == 1 or any(event.comparator for event in latest):
        return False
    try:
        spans = [_meant(measure, event) for event in latest]
    except EvidenceError:
        return False
    return max(least for least, _ in spans) <= min(most for _, most in spans)


def _meant(measure: Measure, event: Event) -> tuple[float, float]:
    """Return from where to where a value lies that was rounded when it was written (97.9: 97.85 to 97.95)."""
    written = Decimal(repr(event.value)).normalize()
    half = Decimal((0, (5,), min(int(written.as_tuple().exponent), 0) - 1))
    ends = [measure.read(replace(event, value=float(end))) for end in (written - half, written + half)]
    return min(ends), max(ends)


def _doubt(measure: Measure, ends: list[tuple[float, float]], latest: Collection[Event]) -> str:
    found = []
    if len(set(ends)) > 1 and not _alike(measure, latest):
        found.append("values recorded at the same moment disagree; all of them are allowed for")
    elif ends[0][0] != ends[0][1]:
        found.append("only a bound was recorded")
    if any(measure.per not in (event.unit or "").replace(",", ".") for event in latest):
        found.append(f"its unit does not say per {measure.per} m²; taken for that, as its code means it")
    return f"{measure.name}: {'; '.join(found)}" if found else ""


def ago(span: timedelta) -> str:
    """Say how long `span` is, in the largest unit that a person would use."""
    hours = span.total_seconds() / 3600
    for size, word in ((24 * 365.25, "year"), (24 * 30.44, "month"), (24, "day"), (1, "hour")):
        if hours >= size * (2 if word != "hour" else 1):
            count = int(hours // size)
            return f"{count} {word}{'s' if count != 1 else ''}"
    minutes = max(int(hours * 60), 0)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
