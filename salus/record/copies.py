"""Which copy of each resource stands in the next generation, which it superseded, and what changed.

The newest copy stands by what it says of its version, whichever read brought it; where it says nothing, the
last one read. Only what is contested is looked up in the verbatim copy, block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from salus.record import versions
from salus.record.fhir_decode import is_broken
from salus.record.intake import EVENTS, ORDER_BITS
from salus.record.versions import Copy

if TYPE_CHECKING:
    import polars as pl

    from salus.record.verbatim import Original

_PLACE = ("source", "order", "frame", "offset", "length")


class Chosen(NamedTuple):
    """One part of the index with `stands`, and what is to be done with the evidence of contested copies.

    lost: the orders of copies that do not stand. lines: (order, order of the one that stands, place) of
    copies that told one after another of one subject, the oldest at place 0. changed: ``Type/id``.
    """

    rows: pl.DataFrame
    lost: list[int]
    lines: list[tuple[int, int, int]]
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
        return Chosen(rows, [], [], [])
    copies = copies.sort("order").select(_PLACE)
    copies = copies.with_columns(pl.Series("total", list(map(crc32, _raws(copies, original)))))
    alike = pl.col("total").n_unique().over("source") == 1
    earlier = pl.col("order") < pl.col("order").max().over("source")
    made = Chosen(rows, copies.filter(alike & earlier)["order"].to_list(), [], [])
    for source, found in _that_differ(rows, copies.filter(~alike), first, original).items():
        _choose(source, found, made)
    gone = pl.Series(made.lost, dtype=rows.schema["order"]).implode()
    return made._replace(rows=rows.with_columns(pl.col("stands") & ~pl.col("order").is_in(gone)))


def _choose(source: str, found: list[Copy], made: Chosen) -> None:
    """Note in `made` which copy of `source` stands and what becomes of the others."""
    line = versions.ordered(found)
    stands = line[-1]
    made.lost.extend(copy.place for copy in found if copy.place != stands.place)
    told = versions.of_one_subject(line)
    if len(told) > 1:
        made.lines.extend((copy.place, stands.place, at) for at, copy in enumerate(told))
    if any(copy.stood and copy.total != stands.total and copy.place != stands.place for copy in found):
        made.changed.append(source)


def _raws(copies: pl.DataFrame, original: Original) -> Iterator[bytes]:
    for order, frame, offset, length in copies.select("order", "frame", "offset", "length").iter_rows():
        yield original.get(order >> ORDER_BITS, frame, offset, length)


def _that_differ(
    rows: pl.DataFrame, differ: pl.DataFrame, first: int, original: Original
) -> dict[str, list[Copy]]:
    """Return every copy of the resources in `differ` by resource, in the order in which they were read.

    Those that fell in an earlier read count too: one without a version has taken the place of theirs.
    """
    import polars as pl

    if not differ.height:
        return {}
    contested = pl.col("source").is_in(differ["source"].unique().implode())
    copies = (
        rows.filter(contested).join(differ.select("order", "total"), on="order", how="left").sort("order")
    )
    found: dict[str, list[Copy]] = {}
    told = copies.select("source", "order", "total", "reason", "fate", "subject_id", "stands").iter_rows()
    for row, raw in zip(told, _raws(copies, original), strict=True):
        source, order, total, reason, fate, subject, stands = row
        copy = Copy(
            order, versions.version(raw), total,
            broken=bool(reason) and is_broken(reason), whose=subject if fate == EVENTS else None,
            stood=order < first and stands, fell=order < first and not stands,
        )  # fmt: skip
        found.setdefault(source, []).append(copy)
    return found
