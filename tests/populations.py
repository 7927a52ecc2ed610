"""Events as the columns of a population, for tests of both feature engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from salus.core.evidence import Absence, Event, Value

_SCHEMA = {
    "subject": pl.String, "code": pl.String, "other_codes": pl.List(pl.String), "time": pl.Datetime("us"),
    "end": pl.Datetime("us"), "known_at": pl.Datetime("us"), "value_kind": pl.UInt8, "value": pl.Float64,
    "text_value": pl.String, "unit": pl.String, "comparator": pl.String, "status": pl.String,
    "source": pl.String,
}  # fmt: skip


def columns_of(events: Mapping[str, Sequence[Event]]) -> pl.DataFrame:
    """Return events by subject as columns, as the archive keeps them."""
    rows = [(subject, *_row(event)) for subject, found in events.items() for event in found]
    return pl.DataFrame(rows, _SCHEMA, orient="row")


def _row(event: Event) -> tuple[object, ...]:
    kind, number, text = _value(event.value)
    times = (_plain(event.time), _plain(event.end), _plain(event.known_at))
    others = list(event.codes[1:]) or None
    return (
        event.code,
        others,
        *times,
        kind,
        number,
        text,
        event.unit,
        event.comparator,
        event.status,
        event.source,
    )


def _plain(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=None)


def _value(value: Value) -> tuple[int, float | None, str | None]:
    if value is None:
        return 0, None, None
    if isinstance(value, Absence):
        return 4, None, value.value
    if isinstance(value, bool):
        return 3, None, "true" if value else "false"
    return (2, None, value) if isinstance(value, str) else (1, float(value), None)
