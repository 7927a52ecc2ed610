"""Teach: what boosted trees say of people whom they did not see, and the interactions that tell of it.

For a task with more features than a person can read: a stronger model over all of them is asked, and what it
says is told again in few (`lines.retold`, `interactions`). Nothing of the trees is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salus.learning.additive import Additive
from salus.learning.stack import folds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salus.learning.bins import Binned, Known

    Floats = NDArray[np.float64]

# Cases that pull each cell of an interaction towards nothing, and how often all are weighed anew.
_PULL, _ROUNDS = 30.0, 8


@dataclass(frozen=True, slots=True)
class Trees:
    """Settings. times: how often all people are split into `folds`, each part told of by trees of the others.
    The rest as LightGBM names it.
    """

    times: int = 8
    folds: int = 5
    num_rounds: int = 400
    learning_rate: float = 0.03
    num_leaves: int = 8
    feature_fraction: float = 0.05
    min_child_samples: int = 20
    lambda_l2: float = 5.0
    cat_smooth: float = 50.0


def unseen(known: Known, settings: Trees, seed: int) -> Floats:
    """Return the logit of each of the known cases by trees that saw neither the case nor the person.

    What trees say of those whom they learnt from is their outcome said again; of others, it is what there is
    to be learnt (Ke G, et al. LightGBM. NIPS 2017:3146-3154; cross-fitting: Chernozhukov V, et al. Econom J
    2018;21:C1-C68).
    """
    import numpy as np

    rows = known.rows
    x, levels = _matrix(known.table, rows)
    y, persons = known.y[rows], np.unique(known.persons[rows], return_inverse=True)[1]
    found = np.zeros(len(rows))
    for time in range(settings.times):
        fold = folds(y, persons, settings.folds, seed + 1000 * time)
        for held in range(settings.folds):
            trees = _grown(x[fold != held], y[fold != held], levels, settings, seed + time)
            found[fold == held] += trees.predict(x[fold == held], raw_score=True) / settings.times
    return found


def _matrix(table: Binned, rows: Any) -> tuple[Floats, list[int]]:
    """Return the features of `rows`, NaN for "not measured", and which of them are levels."""
    import numpy as np

    columns, levels = [], []
    for place, axis in enumerate(table.axes):
        codes = table.codes[place][rows]
        if axis.is_level:
            levels.append(place)
        columns.append(np.where(codes == 0, np.nan, codes) if axis.is_level else table.numbers[place][rows])
    return np.column_stack(columns), levels


def _grown(x: Floats, y: Any, levels: list[int], settings: Trees, seed: int) -> Any:
    import lightgbm

    asked = {
        "objective": "binary", "learning_rate": settings.learning_rate, "num_leaves": settings.num_leaves,
        "feature_fraction": settings.feature_fraction, "min_child_samples": settings.min_child_samples,
        "lambda_l2": settings.lambda_l2, "cat_smooth": settings.cat_smooth, "bagging_fraction": 0.8,
        "bagging_freq": 1, "seed": seed, "num_threads": 1, "deterministic": True, "force_row_wise": True,
        "verbose": -1,
    }  # fmt: skip
    return lightgbm.train(asked, lightgbm.Dataset(x, y, categorical_feature=levels), settings.num_rounds)


def interactions(known: Known, places: Sequence[int], left: Floats, most: int) -> Additive:
    """Return at most `most` tables of two features that tell `left`, what curves leave of a logit.

    left: of every case; only the known ones are looked at. Each time the pair is taken that explains most of
    what those before it leave. A feature with a known direction is in none: what it says stays a curve that
    can be seen to rise.
    """
    import numpy as np

    axes, rows = known.table.axes, known.rows
    free = [place for place in places if not axes[place].grows]
    most = min(most, len(free) * (len(free) - 1) // 2)
    if most == 0:
        return Additive(0.0)
    cells = _Cells.of(known, free)
    chosen: list[tuple[int, int]] = []
    tables: list[Floats] = []
    rest = left[rows].astype(float)
    while len(chosen) < most:
        gains = cells.gains(rest)
        gains[tuple(np.array(chosen, int).reshape(-1, 2).T)] = -1.0
        one, other = np.unravel_index(np.argmax(gains), gains.shape)
        chosen.append((int(one), int(other)))
        tables, rest = cells.weighed(chosen, left[rows])
    sizes = [axes[place].rough_size for place in free]
    return Additive(
        0.0,
        pairs={
            (free[one], free[other]): table[: sizes[one], : sizes[other]]
            for (one, other), table in zip(chosen, tables, strict=True)
        },
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """In which cell of a feature each case is. rough: by feature and case. size: the most cells of one.
    flags: 1 where a case is in a cell, cells of all features below each other. counts: of cases that two
    cells share.
    """

    rough: NDArray[np.intp]
    size: int
    flags: Any
    counts: Any

    @classmethod
    def of(cls, known: Known, free: Sequence[int]) -> _Cells:
        import numpy as np

        axes = known.table.axes
        rough = np.stack([axes[place].rough()[known.table.codes[place][known.rows]] for place in free])
        size = max(axes[place].rough_size for place in free)
        flags = np.zeros((len(free) * size, rough.shape[1]), np.float32)
        at = rough + size * np.arange(len(free))[:, None]
        flags[at.ravel(), np.tile(np.arange(rough.shape[1]), len(free))] = 1.0
        return cls(rough, size, flags, flags @ flags.T)

    def gains(self, left: Floats) -> Floats:
        """Return how much of `left` a table of each two features explains; -1 for what is no pair."""
        import numpy as np

        many = len(self.rough)
        sums = (self.flags * left.astype(np.float32)) @ self.flags.T
        cells = sums**2 / (self.counts + _PULL)
        found: Floats = cells.reshape(many, self.size, many, self.size).sum(axis=(1, 3)).astype(float)
        found[np.tril_indices(many)] = -1.0
        return found

    def weighed(self, chosen: Sequence[tuple[int, int]], left: Floats) -> tuple[list[Floats], Floats]:
        """Return the tables of the chosen pairs, fitted to `left` together, and what they leave."""
        import numpy as np

        cells = [self.rough[one] * self.size + self.rough[other] for one, other in chosen]
        counts = [np.bincount(cell, minlength=self.size**2) + _PULL for cell in cells]
        found = [np.zeros(self.size**2) for _ in chosen]
        rest = left.astype(float)
        for _ in range(_ROUNDS):
            for at, cell in enumerate(cells):
                rest = rest + found[at][cell]
                found[at] = np.bincount(cell, rest, self.size**2) / counts[at]
                rest = rest - found[at][cell]
        return [table.reshape(self.size, self.size) for table in found], rest
