"""Packed tables: the lines of a gzipped CSV file, with their numbers, so that a reject can name its line."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import EvidenceError
from salus.core.evidence import UNREADABLE, Absence
from salus.record.account import Reject
from salus.record.columns import ABSENT

if TYPE_CHECKING:
    import polars as pl


# What may stand around a field of a CSV file that somebody wrote anew (RFC 4180, section 2).
_AROUND = ' \t"'


def table(path: Path, header: Sequence[str]) -> pl.DataFrame:
    """Return the rows of a gzipped CSV file as text: columns `line` (from 1), those of `header`, `beyond`.

    Quotes and spaces around a field are none of it; the sets have no field with a comma inside. beyond: how
    many more fields a row has than the first line; what is missing is null. A header that is
    repeated further down and empty lines are left out. Raises EvidenceError when the file is cut short, or
    lacks a column of `header`.
    """
    import polars as pl

    lines = pl.Series("row", [text(path)]).str.split("\n").explode().str.strip_chars_end("\r")
    first = [name.strip(_AROUND) for name in lines[0].split(",")]
    if not set(header) <= set(first):
        lacking = ", ".join(name for name in header if name not in first)
        raise EvidenceError(
            f"'{path}' has no column {lacking}: its first line must name {', '.join(header)}."
        )
    frame = pl.DataFrame(lines).with_row_index("line", offset=1)
    frame = frame.filter((pl.col("row") != "") & (pl.col("row") != lines[0]))
    parts = pl.col("row").str.split_exact(",", len(first) - 1)
    fields = {name: parts.struct.field(f"field_{first.index(name)}") for name in header}
    told = [field.str.strip_chars(_AROUND).alias(name) for name, field in fields.items()]
    return frame.select(
        "line", *told, (pl.col("row").str.count_matches(",", literal=True) + 1 - len(first)).alias("beyond")
    )


def text(path: Path) -> str:
    """Return the text of a file, gzipped where its name says so; what is no UTF-8 is a replacement character.

    Raises EvidenceError when it is cut short.
    """
    raw = path.read_bytes()
    try:
        told = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8", errors="replace")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise EvidenceError(f"'{path}' is cut short or no gzip file: fetch it again.") from None
    return told.removeprefix("\ufeff")


def unreadable(events: pl.DataFrame) -> pl.DataFrame:
    """Return events as ones that are there and cannot be read: their value is never "not measured"."""
    import polars as pl

    return events.with_columns(
        pl.lit(ABSENT, pl.UInt8).alias("value_kind"),
        pl.lit(None, pl.Float64).alias("value"),
        pl.lit(Absence.UNREADABLE.value).alias("text_value"),
        pl.lit(None, pl.String).alias("unit"),
        pl.lit(UNREADABLE).alias("status"),
    )


def refused(path: Path, rows: pl.DataFrame) -> list[Reject]:
    """Return the rejects of `rows`: their columns `line` and `reason`."""
    return [Reject(path.name, line, reason) for line, reason in rows.select("line", "reason").iter_rows()]


def digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 of some files, by their names."""
    every = hashlib.sha256()
    for path in sorted(files):
        every.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return every.hexdigest()
