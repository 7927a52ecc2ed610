"""Additive: a sum of curves, lines and pairs over binned features, while it is being learnt.

Members are averaged and stacked here as logits, never as probabilities, so that whatever is made of them is
one additive model still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salus.learning.bins import Binned

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Additive:
    """A logit as a sum over features, told by their places among the axes.

    steps: a score for each code. lines: heights at the axis's knots; a case without a value has none. pairs:
    a table over the rough codes of two.
    """

    intercept: float
    steps: Mapping[int, Floats] = field(default_factory=dict)
    lines: Mapping[int, Floats] = field(default_factory=dict)
    pairs: Mapping[tuple[int, int], Floats] = field(default_factory=dict)

    @property
    def features(self) -> frozenset[int]:
        """The places of the features that it looks at."""
        return frozenset({*self.steps, *self.lines, *(place for pair in self.pairs for place in pair)})

    def of_pairs(self) -> Additive:
        """Return its pairs alone."""
        return Additive(0.0, pairs=self.pairs)

    def logits(self, table: Binned, rows: Any = None) -> Floats:
        """Return the logit of each case, or of those at `rows`."""
        import numpy as np

        these = slice(None) if rows is None else rows
        found = np.full(len(table) if rows is None else len(rows), self.intercept)
        for place, scores in self.steps.items():
            found += scores[table.codes[place][these]]
        for place, heights in self.lines.items():
            found += line_of(table, place, heights, these)
        for (one, other), scores in self.pairs.items():
            at_row, at_column = (table.axes[at].rough()[table.codes[at][these]] for at in (one, other))
            found += scores[at_row, at_column]
        return found


def line_of(table: Binned, place: int, heights: Floats, these: Any = slice(None)) -> Floats:
    """Return what a feature's line adds to each case: nothing to those without a value."""
    import numpy as np

    column = table.numbers[place][these]
    return np.where(np.isnan(column), 0.0, np.interp(column, table.axes[place].knots, heights))


def summed(members: Iterable[tuple[float, Additive]], intercept: float = 0.0) -> Additive:
    """Return the weighted sum of members, as one."""
    import numpy as np

    steps: dict[int, Floats] = {}
    lines: dict[int, Floats] = {}
    pairs: dict[tuple[int, int], Floats] = {}
    for weight, member in members:
        intercept += weight * member.intercept
        for place, scores in member.steps.items():
            steps[place] = steps.get(place, np.zeros(len(scores))) + weight * scores
        for place, heights in member.lines.items():
            lines[place] = lines.get(place, np.zeros(len(heights))) + weight * heights
        for both, table in member.pairs.items():
            pairs[both] = pairs.get(both, np.zeros(table.shape)) + weight * table
    return Additive(float(intercept), steps, lines, pairs)
