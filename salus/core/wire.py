"""What passes between Salus and a model in a process of its own: View, Card and Insight as JSON in frames.

Whatever comes back was made by somebody else's process: it is read by the types of the core, and what does
not fit them raises ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from math import isnan
from struct import Struct
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from salus.core.evidence import Absence, Event, Timeline
from salus.core.insight import Insight
from salus.core.seams import View

# Before each message stands its length in bytes; no answer and no list of cards is as long as this.
LENGTH = Struct(">I")
LONGEST_ANSWER = 4 * 2**20
# In the environment of a process apart: no other package is joined in it, or each would start all the others.
APART = "SALUS_APART"
Message = Mapping[str, Any]
_T = TypeVar("_T")


def frame(message: Message) -> bytes:
    """Return `message` as it is sent."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return LENGTH.pack(len(text)) + text


def unframed(text: bytes) -> dict[str, Any]:
    """Return the message in `text`; raises ValueError when it is none."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no message")
    return found


def view_out(view: View) -> Message:
    """Return all that a model is handed: the View, and nothing beside it."""
    return {
        "subject": view.subject,
        "as_of": view.as_of.isoformat(),
        "purpose": view.purpose,
        "permit": view.permit,
        "events": [_event_out(event) for event in view.timeline],
    }


def timeline_in(told: Message) -> Timeline:
    """Return the timeline of a View that `view_out` wrote; its order was the gate's."""
    return Timeline(told["subject"], tuple(_event_in(row) for row in told["events"]))


def _event_out(event: Event) -> tuple[Any, ...]:
    value: Any = event.value
    if isinstance(value, Absence):
        value = {"absent": value.value}
    moments = [each and each.isoformat() for each in (event.time, event.end, event.known_at)]
    return (
        event.codes,
        *moments,
        value,
        event.unit,
        event.comparator,
        event.status,
        event.source,
        event.labels,
    )


def _event_in(row: list[Any]) -> Event:
    codes, time, end, known_at, value, unit, comparator, status, source, labels = row
    if isinstance(value, dict):
        value = Absence(value["absent"])
    moments = (_moment(time), _moment(end), _moment(known_at))
    return Event(tuple(codes), *moments, value, unit, comparator, status, source, tuple(labels))


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def out(thing: Any) -> Any:
    """Return a noun of the core as plain JSON values, each dataclass by its name."""
    if is_dataclass(thing) and not isinstance(thing, type):
        told = {part.name: out(getattr(thing, part.name)) for part in fields(thing)}
        return {"is": type(thing).__name__, **told}
    if isinstance(thing, datetime):
        return thing.isoformat()
    if isinstance(thing, Enum):
        return thing.value
    return [out(each) for each in thing] if isinstance(thing, tuple | list) else thing


def insight_in(told: object) -> Insight:
    """Return the Insight that `out` wrote; raises ValueError for anything else."""
    insight = noun_in(Insight, told)
    if insight.as_of.tzinfo is None or insight.body.kind != type(insight.body).__name__.lower():
        raise ValueError("no insight")
    return insight


def noun_in(kind: type[_T], told: object) -> _T:
    """Return the `kind` of noun that `out` wrote; raises ValueError for what does not fit its types."""
    try:
        found: _T = _read(kind, told)
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"no {kind.__name__} ({type(error).__name__})") from None
    return found


@cache
def _parts(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {part.name: hints[part.name] for part in fields(kind)}


def _read(kind: Any, told: Any) -> Any:
    if get_origin(kind) is UnionType:
        return _read_one(get_args(kind), told)
    if get_origin(kind) is tuple:
        return _read_all(get_args(kind)[0], told)
    if is_dataclass(kind):
        return _read_noun(kind, told)
    if kind is datetime:
        return datetime.fromisoformat(told)
    return kind(told) if issubclass(kind, Enum) else _read_plain(kind, told)


def _read_noun(kind: Any, told: Any) -> Any:
    parts = _parts(kind)
    if told["is"] != kind.__name__ or told.keys() - {"is"} - parts.keys():
        raise ValueError(f"no {kind.__name__}")
    return kind(**{name: _read(parts[name], told[name]) for name in parts if name in told})


def _read_all(kind: Any, told: object) -> tuple[Any, ...]:
    if not isinstance(told, list):
        raise ValueError("no list")
    return tuple(_read(kind, each) for each in told)


def _read_one(kinds: Iterable[Any], told: Any) -> Any:
    """Read what may be one of several: a dataclass by its name, None, or the one other kind."""
    if told is None and type(None) in kinds:
        return None
    name = told.get("is") if isinstance(told, dict) else None
    known = {kind.__name__: kind for kind in kinds}
    (plain,) = [kind for kind in kinds if kind is not type(None) and not is_dataclass(kind)] or [None]
    return _read(known.get(name, plain), told)


def _read_plain(kind: Any, told: Any) -> Any:
    """Read text, a number or a yes/no; text that no file can hold, and a number that is none, are refused."""
    fits = type(told) is kind or (kind is float and type(told) is int)
    if not fits or (kind is float and isnan(told)):
        raise ValueError(f"no {kind.__name__}")
    if kind is str:
        told.encode()
    return float(told) if kind is float else told
