"""What may be a newer value under a code that is not known here: it is not used, and not kept silent about.

A value counts as one where the record's words name the measure, or where its code belongs to the same family
(a saturation "in blood" that may be of a vein, the temperature of a hand, an eGFR from cystatin C).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from salus.core.evidence import Event
from salus.core.measures import USABLE, Measure, Reading, is_blank
from salus.core.seams import View
from salus.core.spoken import names
from salus.risk._inputs import worded
from salus.risk._points import at

# LOINC, by the value sets and lists that the measures name; each is of the family and is none of the measure.
_FAMILY = {
    "oxygen saturation": ("LOINC/20564-1", "LOINC/2709-4", "LOINC/2713-6", "LOINC/51733-4", "LOINC/59418-4"),
    "temperature": (
        *("LOINC/60830-7", "LOINC/60833-1", "LOINC/61008-9", "LOINC/75987-8", "LOINC/98657-0"),
        *("LOINC/98663-8", "LOINC/39106-0", "LOINC/76278-1"),
    ),
    "respiratory rate": ("LOINC/19840-8", "LOINC/33438-3", "LOINC/61012-1", "LOINC/76528-9"),
    # From cystatin C (50210-4, with creatinine 94677-2 and 98980-6), and for children (50384-7).
    "eGFR": ("LOINC/50210-4", "LOINC/94677-2", "LOINC/98980-6", "LOINC/50384-7"),
}
_SHOWN = 3
# A number in words: "80/50 mmHg", "> 40". A coded answer begins with its system.
_NUMBER = re.compile(r"\s*[<>=~]*\s*\d")


def elsewhere(view: View, readings: Iterable[Reading], within: timedelta) -> tuple[str, ...]:
    """Say of which of `readings` a newer value may stand under another code, no older than `within`."""
    found = ((reading, newer(view, reading, within)) for reading in readings)
    return tuple(_said(view, reading, events) for reading, events in found if events)


def newer(view: View, reading: Reading, within: timedelta) -> tuple[Event, ...]:
    """Return what may be values of the measure of `reading`, and are newer than it."""
    measure, since = reading.measure, view.as_of - within
    family, known = frozenset(_FAMILY.get(measure.name, ())), frozenset(measure.codes)
    return tuple(
        event
        for event in view.timeline.where(kind="Observation").events
        if event.time is not None
        and event.time >= since
        and (reading.at is None or event.time > reading.at)
        and not event.coded(known)
        and _measured(event)
        and (event.coded(family) or names(measure.name, worded(event)))
    )


def under_other_codes(view: View, *measures: Measure) -> tuple[str, ...]:
    """Say what may be a value of any of `measures`, whenever it was, under a code that none of them holds.

    For what counts once it was found: measures of one name are one.
    """
    odd = _odd(view, measures)
    found = ((name, _called(odd, (name,))) for name in dict.fromkeys(measure.name for measure in measures))
    return tuple(
        f"What may be a value of {name} is recorded under a code that is not read here, and gave no points "
        f"({_pointed(events)})."
        for name, events in found
        if events
    )


def named_alone(view: View, *measures: Measure) -> tuple[Event, ...]:
    """Return what words alone call one of `measures`, under a code of none of them."""
    return _called(_odd(view, measures), tuple(measure.name for measure in measures))


def _odd(view: View, measures: Iterable[Measure]) -> tuple[Event, ...]:
    """Return the numbers that have words and none of the codes."""
    known = frozenset(code for measure in measures for code in measure.codes)
    others = (event for event in view.timeline.where(kind="Observation") if not event.coded(known))
    return tuple(event for event in others if worded(event) and _measured(event))


def _called(events: Iterable[Event], asked: Sequence[str]) -> tuple[Event, ...]:
    return tuple(event for event in events if any(names(name, worded(event)) for name in asked))


def _measured(event: Event) -> bool:
    """Whether it holds a number, be it in words."""
    if event.status not in USABLE or is_blank(event) or isinstance(event.value, bool):
        return False
    return not isinstance(event.value, str) or _NUMBER.match(event.value) is not None


def _said(view: View, reading: Reading, events: tuple[Event, ...]) -> str:
    newest = max(event.time for event in events if event.time is not None)
    return (
        f"What may be a newer {reading.measure.name} is recorded {at(view, newest)} under a code that is not "
        f"read here, and was not used ({_pointed(events)})."
    )


def _pointed(events: tuple[Event, ...]) -> str:
    sources = tuple(dict.fromkeys(event.source for event in events))
    more = f" and {len(sources) - _SHOWN} more" if len(sources) > _SHOWN else ""
    return f"{', '.join(sources[-_SHOWN:])}{more}"
