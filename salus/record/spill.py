"""Columns that wait for their place: in memory while few, on disk by part when many; memory stays flat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from salus.record import rest

if TYPE_CHECKING:
    import polars as pl

# Rows held before they go to disk: about 7 MB of evidence, or so many that no part's file is tiny.
_HELD = 1 << 15
_HELD_OF_A_PART = 1 << 9


class Spill:
    """Takes frames in any order and gives them back part by part.

    part: an expression for the number of the part, from 0 to `parts` - 1, that a row belongs to.
    """

    def __init__(self, folder: Path, parts: int, part: Callable[[], pl.Expr]) -> None:
        self._folder, self._parts, self._part = folder, parts, part
        self._held: list[pl.DataFrame] = []
        self._kept: dict[int, pl.DataFrame] = {}
        self._rows = self._files = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, rows: pl.DataFrame) -> None:
        """Take `rows`; now and then everything held goes to disk."""
        if rows.height:
            self._held.append(rows)
            self._rows += rows.height
        if self._rows >= max(_HELD, _HELD_OF_A_PART * self._parts):
            for number, piece in self._split().items():
                path = self._folder / f"{number:05d}-{self._files:06d}.arrow"
                with rest.create(path) as file:
                    piece.write_ipc_stream(file)
            self._files += 1

    def _split(self) -> dict[int, pl.DataFrame]:
        """Return what is held by part, and hold nothing any more."""
        import polars as pl

        rows = pl.concat(self._held)
        self._held, self._rows = [], 0
        if self._parts == 1:
            return {0: rows}
        rows = rows.with_columns(self._part().cast(pl.UInt32).alias("_part"))
        pieces = rows.partition_by("_part", as_dict=True, include_key=False)
        return {int(number): piece for (number,), piece in pieces.items()}

    def part(self, number: int) -> pl.DataFrame | None:
        """Return all rows of one part, in the order in which they came, once; None when there are none."""
        import polars as pl

        if self._held:
            self._kept = self._split()
        found = [
            pl.read_ipc_stream(rest.source(path)) for path in sorted(self._folder.glob(f"{number:05d}-*"))
        ]
        if number in self._kept:
            found.append(self._kept.pop(number))
        return pl.concat(found) if found else None
