"""Evidence of superseded copies, each row with `until`: when the copy that took its place became known.

Asked about an instant before a correction was issued, a record says what it said then. These rows lie in a
folder of their own beside what stands, so that whoever reads the columns meets only what stands. What was
withdrawn, deleted, refused or moved to another patient was never so: nothing of it is kept here.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from salus.record import rest

if TYPE_CHECKING:
    import polars as pl

FOLDER = "superseded"
# What carries no moment of becoming known was always known: nothing before it can have been news.
_ALWAYS = datetime.min


def shards(generation: Path) -> list[Path]:
    """Return the files of superseded evidence in the folder of a generation; older ones have none."""
    return sorted((generation / FOLDER).glob("*.parquet"))


def orders(files: list[Path]) -> pl.Series:
    """Return the orders of the copies whose evidence is in `files`."""
    import polars as pl

    if not files:
        return pl.Series("order", dtype=pl.Int64)
    return rest.scan(files).select(pl.col("order").unique()).collect()["order"]


def parted(
    rows: pl.DataFrame, before: pl.DataFrame | None, told: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the evidence of one part that stands, and what was superseded (None: nothing).

    rows: what stood until now and what is new. before: what was superseded until now. told: columns
    `subject_id`, `order`, `newest`, `place` of copies (`copies.Chosen`) that are contested.
    """
    import polars as pl

    if told is None:
        return rows, before
    lost = pl.col("order").is_in(told.filter(_is_lost())["order"].implode())
    stands, found = rows.filter(~lost), []
    if before is not None:
        found = [before.filter(~lost)]
    lines = told.filter(pl.col("newest").is_not_null()).select("order", "newest", "place")
    if lines.height:
        gone = [rows.filter(lost)] + ([] if before is None else [before.filter(lost).drop("until")])
        found.append(_superseded(stands, pl.concat(gone), lines))
    found = [frame for frame in found if frame.height]
    return stands, pl.concat(found).sort("subject_id", "time", maintain_order=True) if found else None


def _is_lost() -> pl.Expr:
    import polars as pl

    return pl.col("newest").is_null() | (pl.col("order") != pl.col("newest"))


def _superseded(stands: pl.DataFrame, gone: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `gone` that were known before a newer copy of their resource was, with `until`."""
    import polars as pl

    known = pl.col("known_at").fill_null(_ALWAYS)
    gone = gone.join(lines, on="order", maintain_order="left")
    copies = pl.concat(
        [stands.join(lines, on="order").select("newest", "place", known),
         gone.select("newest", "place", known)]
    ).group_by("newest", "place").agg(pl.col("known_at").min())  # fmt: skip
    # Whichever newer copy became known first ended it: the third may have been known before the second.
    first = pl.col("known_at").cum_min().shift(1).over("newest").alias("until")
    ended = copies.sort("place", descending=True).select("newest", "place", first)
    gone = gone.join(ended, on=["newest", "place"], maintain_order="left").drop("newest", "place")
    return gone.filter(pl.col("until") > known)


def stood_at(files: list[Path], subject: int, at: datetime) -> pl.DataFrame:
    """Return the superseded evidence of one subject that was known at `at` (UTC, naive) and stood then.

    Of what one row was called after another, the one that ended first after `at` is what it was called then.
    """
    import polars as pl

    known = pl.col("known_at").is_null() | (pl.col("known_at") <= at)
    mine = (pl.col("subject_id") == subject) & known & (pl.col("until") > at)
    rows = rest.scan(files).filter(mine).collect()
    return rows.filter(pl.col("until") == pl.col("until").min().over("source", "known_at"))
