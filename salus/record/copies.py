"""Which copy of each resource stands in the next generation, and which of them differ from what stood before.

The newest copy stands by what it says of its version, whichever read brought it; where it says nothing, the
last one read. Only what is contested is looked up in the verbatim copy, block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    copies = rows.filter(twice).filter(pl.col("stands")).filter(pl.col("source").is_duplicated())
    if not copies.height:
        return Chosen(rows, [], [])
    copies = copies.sort("order").select(_PLACE)
    copies = copies.with_columns(pl.Series("total", list(map(crc32, _raws(copies, original)))))
    alike = pl.col("total").n_unique().over("source") == 1
    earlier = pl.col("order") < pl.col("order").max().over("source")
    lost = copies.filter(alike & earlier)["order"].to_list()
    changed: list[str] = []
    for source, found in _that_differ(copies.filter(~alike), original).items():
        stands = versions.standing(found)
        lost += [copy.place for copy in found if copy.place != stands.place]
        if found[0].place < first <= stands.place and found[0].total != stands.total:
            changed.append(source)
    gone = pl.Series(lost, dtype=rows.schema["order"]).implode()
    return Chosen(rows.with_columns(pl.col("stands") & ~pl.col("order").is_in(gone)), lost, changed)


def _raws(copies: pl.DataFrame, original: Original) -> Iterator[bytes]:
    for order, frame, offset, length in copies.select("order", "frame", "offset", "length").iter_rows():
        yield original.get(order >> ORDER_BITS, frame, offset, length)


def _that_differ(copies: pl.DataFrame, original: Original) -> dict[str, list[Copy]]:
    """Return copies with their versions by resource, in the order in which they were read."""
    found: dict[str, list[Copy]] = {}
    told = copies.select("source", "order", "total", "reason").iter_rows()
    for (source, order, total, reason), raw in zip(told, _raws(copies, original), strict=True):
        broken = bool(reason) and is_broken(reason)
        found.setdefault(source, []).append(Copy(order, total, versions.version(raw), broken))
    return found
