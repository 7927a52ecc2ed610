"""Was a measurement ever so (an ejection fraction of 40 % or less, a high glucose), by its entries.

What was withheld, cannot be read, is a bound that leaves it open or is told otherwise at the same moment may
have been so: it is neither a "yes" nor a "no".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event, Timeline
from salus.core.measures import USABLE, Measure, is_blank

# Whether a value is so. It holds from some value on, or up to one: of a range the two ends decide.
So = Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Ever:
    """The entries that show it (`sure`), those that may (`maybe`), those that show the opposite (`no`)."""

    sure: tuple[Event, ...] = ()
    maybe: tuple[Event, ...] = ()
    no: tuple[Event, ...] = ()


def heard(timeline: Timeline, codes: Iterable[str]) -> tuple[Event, ...]:
    """Return the entries with one of `codes` that tell something, be it that a value is not shown.

    What says only that a value was not sent counts where nothing else is there; what was not measured never.
    """
    found = [event for event in timeline.where(codes).events if event.status in USABLE]
    told = [event for event in found if not is_blank(event)]
    return tuple(told or [event for event in found if event.value is Absence.NOT_SENT])


def ever(events: Sequence[Event], measure: Measure, so: So) -> Ever:
    """Return what `events` tell of whether `measure` was ever so."""
    answers = [(event, _answer(measure, event, so)) for event in events]
    no = tuple(event for event, answer in answers if answer is False)
    yes = tuple(event for event, answer in answers if answer)
    open_ones = tuple(event for event, answer in answers if answer is None)
    denied = _denied(yes, no)
    sure = tuple(event for event in yes if event not in denied)
    return Ever(sure, (*open_ones, *(event for event in yes if event in denied)), no)


def _answer(measure: Measure, event: Event, so: So) -> bool | None:
    try:
        low, high = measure.allowed(event)
    except EvidenceError:
        return None
    return so(low) if so(low) == so(high) else None


def _denied(yes: Sequence[Event], no: Sequence[Event]) -> frozenset[Event]:
    """Return those of `yes` that one of `no` contradicts at the same moment, or within one recorded day."""
    moments = {event.time for event in no}
    spans = [event for event in no if event.end is not None]
    return frozenset(
        event
        for event in yes
        if event.time is not None
        and (
            event.time in moments
            or (event.end is not None and any(_within(moment, event) for moment in moments))
            or any(_within(event.time, span) for span in spans)
        )
    )


def _within(moment: datetime | None, span: Event) -> bool:
    if moment is None or span.time is None or span.end is None:
        return False
    return span.time <= moment <= span.end
