"""The record as lines that people read: one a resource, with an anchor that every reason can point to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from salus.core.card import Card
from salus.core.codes import BIRTH, DEATH, TEXT
from salus.core.evidence import Event, Timeline
from salus.core.insight import Insight
from salus.core.registry import models as known_models
from salus.delivery.web import words
from salus.delivery.web.labels import COMMON, spelled

if TYPE_CHECKING:
    from salus.delivery.web.desk import PatientSheet

# Lines on one page of the whole record.
PER_PAGE = 100
# A vital sign has up to twenty codes (its places and devices); a need with more is a group of things.
_OF_ONE_THING = 24


def anchor(source: str) -> str:
    """Return the id of an event's row: ``Observation/123`` is ``#Observation-123``."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in source)


class Part(NamedTuple):
    """One thing that a resource says. system: of a code that nobody names, whose code it is."""

    name: str
    value: str
    system: str = ""

    @property
    def listed(self) -> str:
        """The last part of the system's address, by which its users know it."""
        return self.system.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource of the record says, as a row with an anchor of its own."""

    source: str
    at: datetime | None
    until: datetime | None
    what: tuple[Part, ...]
    status: str
    cited: tuple[str, ...] = field(default=())


def cited(insights: Iterable[Insight]) -> dict[str, tuple[str, ...]]:
    """Return which models lean on each source."""
    found: dict[str, list[str]] = {}
    for insight in insights:
        for source in dict.fromkeys(one for reason in insight.reasons for one in reason.evidence):
            found.setdefault(source, []).append(insight.model.name)
    return {source: tuple(dict.fromkeys(names)) for source, names in found.items()}


def lines(
    timeline: Timeline,
    names: Mapping[str, str],
    leaned: Mapping[str, tuple[str, ...]],
    most: int | None = None,
) -> list[Line]:
    """Return the record newest first, one line a resource; `most` keeps what is cited and then the newest.

    names: source or code -> in words.
    """
    found: dict[str, list[Event]] = {}
    for event in timeline:
        found.setdefault(event.source, []).append(event)
    newest = list(reversed(list(found)))
    if most is not None:
        rest = [source for source in newest if source not in leaned][: max(most - len(leaned), 0)]
        keep = frozenset(rest) | frozenset(leaned)
        newest = [source for source in newest if source in keep]
    return [_line(source, found[source], names, leaned) for source in newest]


def _line(
    source: str, events: list[Event], names: Mapping[str, str], leaned: Mapping[str, tuple[str, ...]]
) -> Line:
    """A panel whose parts have the values is not said again without one."""
    first = events[0]
    spoken = [event for event in events if event.value is not None or event.code in (BIRTH, DEATH)] or events
    alone = len(spoken) == 1
    what = tuple(_part(event, names, alone) for event in spoken)
    return Line(source, first.time, first.end, what, first.status or "", leaned.get(source, ()))


def _part(event: Event, names: Mapping[str, str], alone: bool) -> Part:
    keys = (*event.codes, event.source) if alone else event.codes
    text, value = next((names[key] for key in keys if key in names), ""), _value(event, names)
    if text:
        # LOINC long names carry the property in brackets, which the unit beside them says already.
        text = re.sub(r" \[[^\]]*\]", "", text)
        return Part(text[:1].upper() + text[1:], value)
    words = next((code for code in event.codes if code.startswith(f"{TEXT}/")), event.code or event.kind)
    name, system = spelled(words)
    return Part(name, value, system)


def _value(event: Event, names: Mapping[str, str]) -> str:
    """What it says; a coded answer in the words of the record, a birth or death as its day."""
    if event.code in (BIRTH, DEATH) and event.time is not None:
        return f"{event.time.day} {event.time:%b} {event.time.year}"
    told = words.value(event)
    known = names.get(told)
    # An answer in words may hold anything; one in a code is one word, with its system before it.
    return known or (told if re.search(r"\s", told) else spelled(told)[0])


def names_of(cards: Iterable[Card], labels: Mapping[str, str]) -> dict[str, str]:
    """Return code or source -> name: as a ward says it, as the models ask for it, as the record calls it."""
    asked: dict[str, str] = {}
    # What asks for the fewest codes names them most closely: systolic pressure before blood pressure.
    for need in sorted((need for card in cards for need in card.needs), key=lambda one: len(one.codes)):
        if need.resource == "Observation" and len(need.codes) <= _OF_ONE_THING:
            asked.update((code, need.name) for code in need.codes if code not in asked)
    return {**labels, **asked, **COMMON}


def paged(
    sheet: PatientSheet, labels: Callable[[Iterable[Event]], Mapping[str, str]], start: int
) -> dict[str, Any]:
    """Return one page of the whole record; `labels` names the resources that are shown."""
    cards = [model.card for model in known_models().values()]
    every = lines(sheet.timeline, {}, {})
    shown = frozenset(line.source for line in every[start : start + PER_PAGE])
    part = Timeline(sheet.subject, tuple(event for event in sheet.timeline if event.source in shown))
    rows = lines(part, names_of(cards, labels(part)), {})
    more = start + PER_PAGE < len(every)
    return {
        "name": sheet.bed.name or "Name not recorded",
        "patient_url": f"/patients/{sheet.number}",
        "identifiers": sheet.identifiers,
        "rows": rows,
        "total": len(every),
        "start": start,
        "earlier": max(start - PER_PAGE, 0) if start else None,
        "later": start + PER_PAGE if more else None,
    }
