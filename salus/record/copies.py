"""Which copy of each resource stands in the next generation, which it superseded, and what changed.

The newest copy stands by what it says of its version, whichever read brought it; where it says nothing, the
last one read. Only what is contested is looked up in the verbatim copy, block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from salus.record import versions
from salus.record.fhir_reasons import is_broken
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


def chosen(rows: pl.DataFrame, first: int, kept: pl.Series, original: Original) -> Chosen:
    """Choose the copies that stand in one part of the index.

    rows: with `stands`, which says of what was read before `first` whether it stood until now. kept: the
    orders of superseded copies whose evidence is kept.
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
    differ = copies.filter(~alike).select("order", "total")
    if differ.height:
        contested = pl.col("source").is_in(copies.filter(~alike)["source"].unique().implode())
        told = rows.filter(contested).join(differ, on="order", how="left")
        for source, found in _deciding(told, first, kept, original).items():
            _choose(source, found, made)
    gone = pl.Series(made.lost, dtype=rows.schema["order"]).implode()
    return made._replace(rows=rows.with_columns(pl.col("stands") & ~pl.col("order").is_in(gone)))


def unread(rows: pl.DataFrame, refused: pl.DataFrame, original: Original) -> list[int]:
    """Return the orders of what was refused and is still to be told of: no newer copy took its place.

    One that cannot be decoded takes no other's place, and may still be the newer one.
    """
    import polars as pl

    mine = rows.filter(pl.col("source").is_in(refused["source"].implode()))
    found = mine.filter(pl.col("stands") & (pl.col("fate") != EVENTS))["order"].to_list()
    stands = mine.filter(pl.col("stands"))
    fell = mine.filter(~pl.col("stands") & pl.col("order").is_in(refused["order"].implode()))
    pairs = fell.join(stands.select(*_PLACE), on="source", suffix="_stands").sort("order")
    broken = [reason is not None and is_broken(reason) for reason in pairs["reason"]]
    pairs = pairs.filter(pl.Series(broken, dtype=pl.Boolean))
    after = pairs.select(**{name: f"{name}_stands" for name in _PLACE[1:]})
    for order, stood, one, other in zip(
        pairs["order"], after["order"], _raws(pairs, original), _raws(after, original), strict=True
    ):
        newer = versions.compared(versions.version(one), versions.version(other))
        if newer > 0 or (newer == 0 and order > stood):
            found.append(order)
    return found


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


def _deciding(
    contested: pl.DataFrame, first: int, kept: pl.Series, original: Original
) -> dict[str, list[Copy]]:
    """Return by resource the copies that decide, in the order in which they were read.

    A copy without a version has taken the place of one that may have had one: where such a copy was read
    before, every one of them decides.
    """
    import polars as pl

    deciding = contested.select(_decides(first, kept)).to_series()
    found = _read(contested.filter(deciding), first, original)
    others = set(contested.filter(~deciding)["source"])
    unsaid = [source for source in found if source in others and any(map(_is_old_and_unsaid, found[source]))]
    if unsaid:
        found |= _read(contested.filter(pl.col("source").is_in(unsaid)), first, original)
    return found


def _decides(first: int, kept: pl.Series) -> pl.Expr:
    """Whether a copy can still decide what becomes of any other.

    Of those that fell in an earlier read, one whose evidence is kept; and, where new evidence may turn out to
    be older than it, one that was withdrawn or told of somebody else. All the others have had their say.
    """
    import polars as pl

    order, evidence = pl.col("order"), pl.col("fate") == EVENTS
    stood = (order < first) & pl.col("stands")
    elsewhere = pl.col("subject_id").ne_missing(pl.col("subject_id").filter(stood).first().over("source"))
    awaited = (evidence & (order >= first)).any().over("source")
    return pl.col("stands") | order.is_in(kept.implode()) | (awaited & (~evidence | elsewhere))


def _is_old_and_unsaid(copy: Copy) -> bool:
    return (copy.stood or copy.fell) and not versions.is_said(copy.version)


def _read(copies: pl.DataFrame, first: int, original: Original) -> dict[str, list[Copy]]:
    """Return the copies with their versions by resource, in the order in which they were read."""
    copies = copies.sort("order")
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
