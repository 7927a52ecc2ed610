"""Bins: how each feature is cut before anything is learnt from it, once for all members, bags and folds.

Only the features are looked at, never the outcome. Code 0 is "not measured"; a number has codes from 1 in
ascending order; a level has its own, the most frequent first, and the last code is any other level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.uint8]

# A reader can follow so many steps of one curve, and one byte holds them; an interaction has fewer.
MOST = 64
COARSE = 5
ROUGH_LEVELS = 12
# The line's knots: these shares of the cases that have a value lie below.
KNOTS = (0.02, 0.25, 0.5, 0.75, 0.98)
# Edges, what is usual and the measures by group are read off about so many cases, evenly taken.
LOOKED_AT = 100_000
# A level of fewer cases is one of "other", and so are levels after the most that are told apart.
FEWEST = 10
# Of fewer cases without a value, or with a level beside those that are told apart, nothing is learnt: so few
# tell log-odds of their own to 0.7 either way at best, and why they lack it is another reason each time.
UNHEARD = 30


@dataclass(frozen=True, slots=True)
class Axis:
    """How one feature is cut.

    edges: a number's, ascending; x >= edge lies right of it. levels: a level's. knots: of its line. coarse:
    which of the edges an interaction keeps. grows: the direction that medicine knows, or 0. hidden: how many
    of the cases without a value have one that is not known, and are no "not measured".
    """

    name: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    is_level: bool = False
    knots: tuple[float, ...] = ()
    coarse: tuple[int, ...] = ()
    grows: int = 0
    hidden: int = 0

    @property
    def size(self) -> int:
        """How many codes there are, "not measured" and "other" among them."""
        return len(self.levels) + 2 if self.is_level else len(self.edges) + 2

    def rough(self) -> NDArray[np.intp]:
        """Return, for each code, its code in an interaction."""
        import numpy as np

        if self.is_level:
            last = self.rough_size - 1
            return np.append(np.minimum(np.arange(self.size - 1), last), last)
        found: NDArray[np.intp] = np.zeros(self.size, np.intp)
        found[1:] = 1 + np.searchsorted(self.coarse, np.arange(self.size - 1), side="right")
        return found

    @property
    def rough_size(self) -> int:
        """How many codes it has in an interaction."""
        return min(len(self.levels), ROUGH_LEVELS) + 2 if self.is_level else len(self.coarse) + 2


@dataclass(frozen=True, slots=True)
class Binned:
    """A feature table, cut: `codes`, one row a feature, one column a case; the numbers themselves as given.

    numbers: by feature, float64 with NaN; of a level an empty array.
    """

    axes: tuple[Axis, ...]
    codes: Codes
    numbers: Sequence[Floats]

    def __len__(self) -> int:
        return int(self.codes.shape[1])


@dataclass(frozen=True, slots=True)
class Known:
    """Cases whose outcome may be learnt from: `rows` of a table. y, persons: of all its cases; a person is a
    whole number from 0.
    """

    table: Binned
    y: NDArray[np.bool_]
    persons: NDArray[np.intp]
    rows: NDArray[np.intp]

    @property
    def people(self) -> int:
        """One more than the highest person."""
        return int(self.persons.max()) + 1

    def drawn(self, most: int, chance: np.random.Generator) -> NDArray[np.intp]:
        """Return the rows of people drawn by `chance`, about `most`; all rows where they are not more."""
        if len(self.rows) <= most:
            return self.rows
        kept = chance.random(self.people) < most / len(self.rows)
        return self.rows[kept[self.persons[self.rows]]]


def axis_of(name: str, column: pl.Series, grows: int = 0) -> Axis:
    """Return how to cut a column: text is levels, all else numbers."""
    import polars as pl

    if column.dtype == pl.String:
        return _levels(name, column)
    return _numbers(name, column.to_numpy(), grows)


def _levels(name: str, column: pl.Series) -> Axis:
    told = column.drop_nulls().value_counts().rows()
    often = sorted((-count, level) for level, count in told if count >= FEWEST)
    return Axis(name, levels=tuple(level for _, level in often[: MOST - 2]), is_level=True)


def _numbers(name: str, column: Floats, grows: int) -> Axis:
    import numpy as np

    there = column[:: max(1, len(column) // LOOKED_AT)]
    there = np.sort(there[np.isfinite(there)])
    if not len(there):
        return Axis(name, grows=grows)
    edges = _edges(there, MOST - 1)
    knots = np.unique(np.quantile(there, KNOTS, method="inverted_cdf"))
    rough = set(np.quantile(there, np.arange(1, COARSE) / COARSE, method="higher").tolist())
    places = {min(int(np.searchsorted(edges, value, side="right")), len(edges)) for value in rough}
    return Axis(
        name,
        edges=edges,
        knots=tuple(map(float, knots)) if len(knots) > 1 else (),
        coarse=tuple(sorted(place for place in places if 1 <= place <= len(edges))),
        grows=grows,
    )


def _edges(there: Floats, most: int) -> tuple[float, ...]:
    """Return edges between values, so that bins hold about as many cases each."""
    import numpy as np

    values, counts = np.unique(there, return_counts=True)
    if len(values) <= most:
        cuts = np.arange(1, len(values))
    else:
        upto = np.cumsum(counts) / len(there)
        cuts = np.unique(np.searchsorted(upto, np.arange(1, most + 1) / (most + 1), side="left") + 1)
        cuts = cuts[cuts < len(values)]
    return tuple(dict.fromkeys(short(float(values[cut - 1]), float(values[cut])) for cut in cuts))


def short(low: float, high: float) -> float:
    """Return the number with the fewest digits in low < x <= high, the one nearest their middle."""
    middle = low / 2 + high / 2
    for digits in range(-6, 16):
        found = round(middle, digits)
        if low < found <= high:
            return float(found)
    return high


def binned(frame: pl.DataFrame, axes: Sequence[Axis]) -> Binned:
    """Return the columns of `frame` that `axes` name, cut."""
    import numpy as np

    codes = np.zeros((len(axes), frame.height), np.uint8)
    numbers: list[Floats] = []
    for place, axis in enumerate(axes):
        column = frame[axis.name]
        if axis.is_level:
            codes[place] = _level_codes(axis, column)
            numbers.append(np.empty(0))
        else:
            numbers.append(column.cast(float).fill_null(math.nan).to_numpy())
            codes[place] = number_codes(axis, numbers[-1])
    return Binned(tuple(axes), codes, numbers)


def number_codes(axis: Axis, column: Floats) -> Codes:
    """Return the codes of numbers; 0 where there is none."""
    import numpy as np

    found = 1 + np.searchsorted(np.asarray(axis.edges), column, side="right")
    return np.where(np.isnan(column), 0, found).astype(np.uint8)


def _level_codes(axis: Axis, column: pl.Series) -> Any:
    import polars as pl

    if not axis.levels:
        return column.is_not_null().to_numpy().astype("uint8")
    known = {level: place for place, level in enumerate(axis.levels, 1)}
    other = len(axis.levels) + 1
    found = column.replace_strict(known, default=other, return_dtype=pl.Int64)
    return (
        pl.select(pl.when(column.is_null()).then(0).otherwise(found)).to_series().to_numpy().astype("uint8")
    )


def counts_of(axis: Axis, codes: Codes) -> Floats:
    """Return how many cases have each code."""
    import numpy as np

    return np.bincount(codes, minlength=axis.size).astype(np.float64)


def told_of(axis: Axis, counts: Floats) -> Floats:
    """Return counts of codes with those alone as "not measured" of whom that is known.

    None, where more of those without a value have one that is not known: what they share is that.
    """
    found = counts.copy()
    left = found[0] - axis.hidden
    found[0] = left if left >= axis.hidden else 0.0
    return found
