"""Security labels that resources carry themselves (FHIR R4 meta.security), kept beside the evidence.

Few resources have one. So they are looked for by one word in the bytes, and lie by resource in
`metadata/labels.parquet`, never in the MEDS columns; an archive of before only lacks the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from salus.core.codes import label
from salus.core.evidence import Timeline
from salus.record import rest
from salus.record.fhir_types import MALFORMED

if TYPE_CHECKING:
    import polars as pl

NAME = "labels.parquet"
# Nobody writes the letters of an element's name as escapes.
WORD = b'"security"'
# What cannot be read was marked all the same.
_UNREAD = ("R",)
# Confidentiality "normal" is what everything is that nobody marked.
_NORMAL = "N"


class _Coding(Struct, gc=False):
    system: str | None = None
    code: str | None = None


class _Meta(Struct, gc=False):
    security: list[_Coding] | None = None


class _Labelled(Struct, gc=False):
    meta: _Meta | None = None


_as_labelled = msgspec.json.Decoder(_Labelled).decode


class Marked(NamedTuple):
    """What a copy of a resource carries: its order, whose it is, its name and those of what it contains."""

    order: int
    subject_id: int | None
    sources: tuple[str, ...]
    labels: tuple[str, ...]


def labels_in(raw: bytes | Raw) -> tuple[str, ...]:
    """Return the security labels of a resource; one that cannot be read is as good as "restricted"."""
    if WORD not in bytes(raw):
        return ()
    try:
        meta = _as_labelled(raw).meta
    except MALFORMED:
        return _UNREAD
    said = (meta.security or ()) if meta is not None else ()
    found = (label(one.system, one.code) for one in said if one.code)
    return tuple(dict.fromkeys(one for one in found if one != _NORMAL))


def marked(timeline: Timeline, labels: Mapping[str, tuple[str, ...]]) -> Timeline:
    """Return `timeline`, its events with the labels of the resource that each came from."""
    if not labels or all(event.source not in labels for event in timeline):
        return timeline
    events = tuple(
        replace(event, labels=labels[event.source]) if event.source in labels else event for event in timeline
    )
    return Timeline(timeline.subject, events)


# --- at rest ---------------------------------------------------------------------------------------


def framed(found: Iterable[Marked]) -> pl.DataFrame:
    """Return what copies carry as columns, one row for each name."""
    import polars as pl

    schema: dict[str, Any] = {
        "order": pl.Int64, "subject_id": pl.Int64, "source": pl.String, "labels": pl.List(pl.String),
        "stands": pl.Boolean,
    }  # fmt: skip
    rows = [
        (one.order, one.subject_id, source, list(one.labels), True)
        for one in found
        for source in dict.fromkeys(one.sources)
    ]
    return pl.DataFrame(rows, schema, orient="row")


def keep(generation: Path, old: Path | None, found: Iterable[Marked]) -> None:
    """Write what copies carry, older ones too, into the folder of a generation; and which of them stand."""
    import polars as pl

    every = framed(found)
    before = old / "metadata" / NAME if old is not None else None
    if before is not None and before.exists():
        every = pl.concat([rest.read(before), every])
    if not every.height:
        return
    index = rest.scan(sorted((generation / "index").glob("*.parquet")))
    stands = index.filter(pl.col("stands") & pl.col("order").is_in(every["order"].unique().implode()))
    orders = stands.select("order").collect()["order"]
    every = every.with_columns(stands=pl.col("order").is_in(orders.implode())).sort("subject_id", "order")
    rest.write(every, generation / "metadata" / NAME, row_group_size=4_000)


def kept(generation: Path) -> pl.LazyFrame | None:
    """Return what the copies that stand carry, lazily; None where nothing carries anything."""

    path = generation / "metadata" / NAME
    return rest.scan(path).filter("stands") if path.exists() else None
