"""Event and Timeline: what is known of one subject, in time order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Absence(StrEnum):
    """Why a value is not there (FHIR R4 data-absent-reason, grouped by what may be concluded from it).

    Only NOT_MEASURED may carry learnt meaning; the others widen a range or lead to an Abstention. UNREADABLE
    was sent and refused, or is there and in no form that can be read: what it says is not known.
    """

    NOT_MEASURED = "not-measured"
    NOT_SENT = "not-sent"
    WITHHELD = "withheld"
    UNREADABLE = "unreadable"


# There, and not shown: an answer that nobody knows, where a blank entry is none.
HIDDEN = (Absence.WITHHELD, Absence.UNREADABLE)
# The status of an entry that was refused: it is there, and nothing that it says counts.
UNREADABLE = Absence.UNREADABLE.value


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
    labels: security labels that the resource itself carries (FHIR meta.security): ``ETHUD``, ``R``; those of
    other systems than HL7 v3 ActCode and Confidentiality with it (``urn:x|y``).
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
    labels: tuple[str, ...] = ()

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
    rest = (event.value, event.unit, event.status, event.comparator, event.end, event.known_at, event.labels)
    return (moment, event.source, event.codes, repr(rest))


def _placed(events: tuple[Event, ...]) -> dict[tuple[str, str], list[int]]:
    """Return the places of each code and each kind, in order."""
    found: dict[tuple[str, str], list[int]] = {}
    for place, event in enumerate(events):
        found.setdefault(("kind", event.kind), []).append(place)
        for code in dict.fromkeys(event.codes):
            found.setdefault(("code", code), []).append(place)
    return found


@dataclass(frozen=True, slots=True)
class Timeline:
    """All events of one subject, in time order, each once; order of arrival does not matter."""

    subject: str
    events: tuple[Event, ...] = field(default=())
    # Which places carry a code, or come from a kind: models ask hundreds of times about one timeline.
    _places: dict[tuple[str, str], list[int]] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

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
        kind: str | tuple[str, ...] | None = None,
        test: Callable[[Event], bool] | None = None,
    ) -> Timeline:
        """Keep events that carry one of `codes`, came from (one of) resource type `kind` and pass `test`."""
        kinds = (kind,) if isinstance(kind, str) else kind
        if codes is not None:
            found = self._at({("code", code) for code in codes})
        else:
            found = self.events if kinds is None else self._at({("kind", one) for one in kinds})
        if codes is not None and kinds is not None:
            found = tuple(event for event in found if event.kind in kinds)
        if test is not None:
            found = tuple(event for event in found if test(event))
        return Timeline(self.subject, found)

    def _at(self, keys: set[tuple[str, str]]) -> tuple[Event, ...]:
        if not self._places and self.events:
            self._places.update(_placed(self.events))
        lists = [self._places[key] for key in keys if key in self._places]
        places = lists[0] if len(lists) == 1 else sorted({place for found in lists for place in found})
        return tuple(self.events[place] for place in places)

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
