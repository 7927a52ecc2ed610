"""Which copy of each resource stands in the next generation, and which of them differ from what stood before.

The newest copy stands by what it says of its version, whichever read brought it; where it says nothing, the
last one read. Only what is contested is looked up in the verbatim copy, block by block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from salus.record import versions
from salus.record.fhir_decode import is_broken
from salus.record.intake import ORDER_BITS
from salus.record.versions import Copy

if TYPE_CHECKING:
    import polars as pl

    from salus.record.verbatim import Original

_PLACE = ("source", "order", "reason", "frame", "offset", "length")


class Chosen(NamedTuple):
    """One part of the index with `stands`; the places of copies that no longer stand; what changed."""

    rows: pl.DataFrame
    lost: list[int]
    changed: list[str]


def chosen(rows: pl.DataFrame, first: int, original: Original) -> Chosen:
    """Choose the copies that stand in one part of the index.

    rows: with `stands`, which says of what was read before `first` whether it stood until now.
    """
    import polars as pl

    twice = pl.col("source").is_duplicated() & (pl.col("source") != "")
    # One that was replaced in an earlier read has lost its events and cannot stand again.
    mine = rows.filter(twice).filter(pl.col("stands")).filter(pl.col("source").is_duplicated())
    lost: list[int] = []
    changed: list[str] = []
    for source, copies in _copies(mine, original).items():
        stands = versions.standing(copies)
        lost += [copy.place for copy in copies if copy.place != stands.place]
        if copies[0].place < first <= stands.place and copies[0].total != stands.total:
            changed.append(source)
    if lost:
        gone = pl.Series(lost, dtype=rows.schema["order"]).implode()
        rows = rows.with_columns(pl.col("stands") & ~pl.col("order").is_in(gone))
    return Chosen(rows, lost, changed)


def _copies(rows: pl.DataFrame, original: Original) -> dict[str, list[Copy]]:
    """Return the copies of each resource in the order in which they were read."""
    found: dict[str, list[Copy]] = {}
    for source, order, reason, *place in rows.sort("order").select(_PLACE).iter_rows():
        raw = original.get(order >> ORDER_BITS, *place)
        copies, total = found.setdefault(source, []), crc32(raw)
        same = bool(copies) and copies[-1].total == total
        said = copies[-1].version if same else versions.version(raw)
        copies.append(Copy(order, total, said, bool(reason) and is_broken(reason)))
    return found
