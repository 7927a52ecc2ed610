"""Heart failure and hypertension for CHA2DS2-VA: what the conditions say, and what was measured.

Source: Van Gelder IC et al., 2024 ESC Guidelines for the management of atrial fibrillation, Eur Heart J
2024;45:3314-3414, table 10 (page not verified): an ejection fraction of 40 % or less, even without
symptoms; a pressure above 140/90 mmHg on at least two occasions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from salus.core.evidence import HIDDEN, Absence, Event
from salus.core.measures import Reading
from salus.core.seams import View
from salus.risk import _af_terms as terms
from salus.risk._diabetes import CURRENT
from salus.risk._elsewhere import named_alone
from salus.risk._ever import Ever, ever, heard
from salus.risk._inputs import Fact, condition, with_unclear
from salus.risk._measures import DIASTOLIC, EJECTION_FRACTION, SYSTOLIC
from salus.risk._say import sentence
from salus.risk._taken import drug
from salus.risk._terms import HEART_FAILURE, is_blood_pressure_drug

LOW_EJECTION_FRACTION = 40.0
HIGH_SYSTOLIC, HIGH_DIASTOLIC = 140.0, 90.0
# The two occasions are two days here. Moments a whole day apart are of two days by any clock, and those less
# than half a day apart are one occasion, though midnight may lie between them; in between, the record's
# moments do not tell. No clock of the one who asks comes into it.
_TWO_DAYS, _ONE_OCCASION = timedelta(days=1), timedelta(hours=12)
# Systolic and diastolic together: where it was withheld or refused as a whole, both were.
_PANEL = ("LOINC/85354-9",)


def heart_failure(view: View) -> Fact:
    """Return whether heart failure is, or once was, there, by a diagnosis or an ejection fraction.

    An ejection fraction that improved since counts still: the heart is in remission, not recovered (Bozkurt B
    et al., Universal Definition of Heart Failure, Eur J Heart Fail 2021;23:352-80; page not verified).
    """
    fact = condition(view, HEART_FAILURE, ever=True)
    if fact.value:
        return fact
    pumped = low_ejection_fraction(view)
    if pumped.sure:
        return Fact("heart failure", True, pumped.sure[-1:], _says_low(pumped))
    unclear = with_unclear(view, fact, terms.HEART_UNCLEAR)
    if not pumped.maybe or unclear.value is None:
        return unclear
    says = "heart failure: an ejection fraction on record cannot be read, or leaves it open"
    return Fact("heart failure", None, pumped.maybe, says)


def low_ejection_fraction(view: View) -> Ever:
    """Return what shows an ejection fraction of 40 % or less, now or once; what only words call one may."""
    told = ever(_dated(view, EJECTION_FRACTION.codes), EJECTION_FRACTION, _is_low)
    alone = ever(named_alone(view, EJECTION_FRACTION), EJECTION_FRACTION, _is_low)
    return replace(told, maybe=(*told.maybe, *alone.sure, *alone.maybe))


def _is_low(value: float) -> bool:
    return value <= LOW_EJECTION_FRACTION


def _says_low(pumped: Ever) -> str:
    since = pumped.sure[-1].time
    better = any(since and event.time and event.time > since for event in pumped.no)
    return f"ejection fraction {'better since, but ' if better else ''}of 40 % or less"


def hypertension(view: View) -> Fact:
    """A diagnosis counts, and so do high readings on two days; treatment alone may have another cause."""
    fact = condition(view, terms.HYPERTENSION, ever=True)
    if fact.value:
        return fact
    sure, maybe = _high(view)
    days = _days(sure)
    if len(days) >= 2:
        return _by_readings(days, refuted=fact.value is False and bool(fact.events))
    treated = drug(view, "treatment", is_blood_pressure_drug, view.as_of - CURRENT)
    if any(is_blood_pressure_drug(event) for event in treated.events) and treated.value is not False:
        says = "hypertension: not diagnosed on record, though a drug for it is"
        return Fact("hypertension", None, treated.events, says)
    if fact.value is None or not _two_occasions((*sure, *maybe)):
        return fact
    return Fact("hypertension", None, (*sure, *maybe), _says_open(maybe))


def _by_readings(events: tuple[Event, ...], *, refuted: bool) -> Fact:
    days = f"above 140/90 mmHg on at least {len(events)} days"
    if refuted:
        return Fact("hypertension", None, events, f"hypertension: refuted on record, though {days}")
    says = f"hypertension by readings {days}, not diagnosed on record, first"
    return Fact("hypertension", True, events, says)


def _says_open(maybe: Sequence[Event]) -> str:
    if maybe:
        return "hypertension: blood pressures on record cannot be read, or leave it open"
    return "hypertension: readings above 140/90 mmHg less than a day apart; two days are not certain"


def _high(view: View) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Return the readings that are above the limits, and those that may be."""
    upper = ever(_dated(view, SYSTOLIC.codes), SYSTOLIC, lambda value: value > HIGH_SYSTOLIC)
    lower = ever(_dated(view, DIASTOLIC.codes), DIASTOLIC, lambda value: value > HIGH_DIASTOLIC)
    hidden = tuple(event for event in _dated(view, _PANEL) if event.value in HIDDEN)
    return (*upper.sure, *lower.sure), (*upper.maybe, *lower.maybe, *hidden)


def _dated(view: View, codes: Sequence[str]) -> tuple[Event, ...]:
    return tuple(event for event in heard(view.timeline, codes) if event.time is not None)


def _days(events: Sequence[Event]) -> tuple[Event, ...]:
    """Return the first of `events`, and each that is a whole day or more after the last one returned."""
    found: list[Event] = []
    for event in _ordered(events):
        if not found or _apart(found[-1], event) >= _TWO_DAYS:
            found.append(event)
    return tuple(found)


def _two_occasions(events: Sequence[Event]) -> bool:
    ordered = _ordered(events)
    return bool(ordered) and _apart(ordered[0], ordered[-1]) >= _ONE_OCCASION


def _ordered(events: Sequence[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.time is not None and event.time.timestamp(), event.source))


def _apart(first: Event, last: Event) -> timedelta:
    """Return how long after `first` `last` was, at least; of two days alone, the days between them."""
    assert first.time is not None and last.time is not None
    days_alone = first.end is not None and last.end is not None
    return last.time - (first.time if days_alone or first.end is None else first.end)


def doubts(looked_at: Sequence[Reading]) -> tuple[str, ...]:
    """Say which of the last values could not be used, and which are a range."""
    said = []
    for reading in looked_at:
        silent = not reading.events or all(event.value is Absence.NOT_MEASURED for event in reading.events)
        if reading.problem and not silent:
            said.append(f"{sentence(reading.problem)}{'' if reading.usable else ' It is not used.'}")
    return tuple(said)
