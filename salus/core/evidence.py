"""Event and Timeline: what is known of one subject, in time order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Absence(StrEnum):
    """Why a value is not there (FHIR R4 data-absent-reason, grouped by what may be concluded from it).

    Only NOT_MEASURED may carry learnt meaning; the others widen a range or lead to an Abstention.
    """

    NOT_MEASURED = "not-measured"
    NOT_SENT = "not-sent"
    WITHHELD = "withheld"


Value = float | str | bool | Absence | None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing known of one subject.

    codes: all codings as ``SYSTEM/code``; the first is the chosen one (``LOINC/8867-4``).
    time: when it happened (aware); None for what has no moment (sex, an undated condition).
    end: when it ended, or the end of the period that a partial date names.
    known_at: when it could first have been known; as_of cuts by it. None: always known.
    value: number in `unit` (UCUM), text, a coded answer as ``SYSTEM/code``, an Absence, or None.
    comparator: ``<``, ``<=``, ``>=``, ``>`` when the value is a bound and not a measurement.
    status: the status that the record gives (``final``, ``active``, ``refuted``, ``completed`` …).
    source: the resource it came from (``Observation/123``).
    """

    codes: tuple[str, ...]
    time: datetime | None = None
    end: datetime | None = None
    known_at: datetime | None = None
    value: Value = None
    unit: str | None = None
    comparator: str | None = None
    status: str | None = None
    source: str = ""

    @property
    def code(self) -> str:
        """The chosen coding."""
        return self.codes[0] if self.codes else ""

    @property
    def kind(self) -> str:
        """The resource type that the event came from (``Observation``)."""
        return self.source.partition("/")[0]

    def coded(self, codes: frozenset[str] | set[str]) -> bool:
        """Whether any of its codings is among `codes`."""
        return not codes.isdisjoint(self.codes)


def _order(event: Event) -> tuple[float, str, tuple[str, ...], str]:
    """Undated events first; ties broken by what they are, so that order of arrival never matters."""
    moment = event.time.timestamp() if event.time is not None else float("-inf")
    rest = (event.value, event.unit, event.status, event.comparator, event.end, event.known_at)
    return (moment, event.source, event.codes, repr(rest))


@dataclass(frozen=True, slots=True)
class Timeline:
    """All events of one subject, in time order, each once; order of arrival does not matter."""

    subject: str
    events: tuple[Event, ...] = field(default=())

    @classmethod
    def of(cls, subject: str, events: Iterable[Event]) -> Timeline:
        """Sort `events`, drop exact duplicates, and bind them to `subject`."""
        return cls(subject, tuple(sorted(dict.fromkeys(events), key=_order)))

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def _cut(self, keep: Callable[[Event], bool]) -> Timeline:
        return Timeline(self.subject, tuple(event for event in self.events if keep(event)))

    def where(
        self,
        codes: Iterable[str] | None = None,
        *,
        kind: str | None = None,
        test: Callable[[Event], bool] | None = None,
    ) -> Timeline:
        """Keep events that carry one of `codes`, came from resource type `kind` and pass `test`."""
        wanted = None if codes is None else frozenset(codes)
        return self._cut(
            lambda event: (
                (wanted is None or event.coded(wanted))
                and (kind is None or event.kind == kind)
                and (test is None or test(event))
            )
        )

    def before(self, moment: datetime) -> Timeline:
        """Keep dated events at or before `moment`."""
        return self._cut(lambda event: event.time is not None and event.time <= moment)

    def after(self, moment: datetime) -> Timeline:
        """Keep dated events strictly after `moment`."""
        return self._cut(lambda event: event.time is not None and event.time > moment)

    def last(self, codes: Iterable[str] | None = None) -> Event | None:
        """Return the latest event (with one of `codes`), or None."""
        found = self.where(codes).events
        return found[-1] if found else None

    def first(self, codes: Iterable[str] | None = None) -> Event | None:
        """Return the earliest event (with one of `codes`), or None."""
        found = self.where(codes).events
        return found[0] if found else None

    def values(self, codes: Iterable[str] | None = None) -> tuple[Value, ...]:
        """Return the values, in time order."""
        return tuple(event.value for event in self.where(codes))
