"""Lines: a ridge logistic regression on piecewise-linear curves as a member: smooth where boosting is jagged.

Each number is a line through heights at its quantiles (the knots), whose rises and bends are penalised; each
level, and "not measured", has a penalised score. A line whose direction medicine knows rises (or falls) only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from salus.learning.additive import Additive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salus.learning.bins import Axis, Binned, Known

    Floats = NDArray[np.float64]

_STEPS = 25
_STILL = 1e-6
# Of many columns: where a step, or what is left of it, is small enough; and the most steps inside one.
_ENOUGH = 1e-3
_INNER = 60
# Of a step of Newton's method, in log-odds: a longer one may overshoot.
_LONGEST = 4.0


@dataclass(frozen=True, slots=True)
class Ridge:
    """Settings. penalty: on rises and on bends. apart: on the score of a level and of "not measured". rows:
    the most cases learnt from.
    """

    penalty: float = 20.0
    apart: float = 10.0
    rows: int = 40_000


@dataclass(frozen=True, slots=True)
class _Part:
    """The columns of one feature: `start` to `end` of the design, rises first, then scores by code."""

    place: int
    start: int
    rises: int
    codes: tuple[int, ...]
    centres: Any

    @property
    def end(self) -> int:
        return self.start + self.rises + len(self.codes)


def ridged(known: Known, places: Sequence[int], settings: Ridge, seed: int) -> Additive:
    """Return the penalised maximum-likelihood lines and scores of the features at `places`."""
    import numpy as np

    table, rows = known.table, known.drawn(settings.rows, np.random.default_rng([seed, 4]))
    parts, design = _design(table, places, rows)
    penalty, signs = _penalty(table, parts, settings)
    intercept, weights = solved(design, known.y[rows].astype(float), penalty, signs)
    return _additive(table, parts, intercept, weights)


def widely(known: Known, places: Sequence[int], settings: Ridge, seed: int) -> Additive:
    """Return what `ridged` does for very many features, directions that are known left out.

    By Newton's method, each step by conjugate gradients (Dembo RS, Steihaug T. Math Program 1983;26:190-212):
    the curvature of thousands of columns is never written down.
    """
    import numpy as np

    rows = known.drawn(settings.rows, np.random.default_rng([seed, 8]))
    parts, design = _design(known.table, places, rows)
    plain, back = design.astype(np.float32), []
    for part in parts:
        own, _ = _penalty(known.table, [replace(part, start=0)], settings)
        back.append(np.linalg.inv(np.linalg.cholesky(own)).T)
        plain[:, part.start : part.end] = design[:, part.start : part.end] @ back[-1]
    found, intercept = _by_gradients(plain, known.y[rows].astype(np.float32))
    weights = np.concatenate(
        [turned @ found[part.start : part.end] for part, turned in zip(parts, back, strict=True)]
    )
    return _additive(known.table, parts, intercept, weights)


def _by_gradients(design: Any, y: Any) -> tuple[Floats, float]:
    """Return the weights and the intercept of a ridge logistic regression of penalty 1 on every column."""
    import numpy as np

    found = np.zeros(design.shape[1], np.float32)
    intercept = float(np.log(y.mean() / (1 - y.mean())))
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-(design @ found + np.float32(intercept))))
        weight = chance * (1.0 - chance)
        middle = (weight @ design) / weight.sum()
        down = design.T @ (y - chance) - found - middle * (y - chance).sum()
        step = _conjugate(design, weight, middle, down)
        found = found + step
        intercept += float((y - chance).sum() / weight.sum() - middle @ step)
        if np.abs(step).max() < _ENOUGH:
            break
    return found.astype(float), intercept


def _conjugate(design: Any, weight: Any, middle: Any, down: Any) -> Any:
    """Return the step s for which s + (the curvature, the intercept solved for) s is `down`."""
    import numpy as np

    step, left = np.zeros_like(down), down.copy()
    ahead, size = left.copy(), float(left @ left)
    first = size
    for _ in range(_INNER):
        if size <= _ENOUGH**2 * first:
            break
        along = design @ ahead - middle @ ahead
        curved = ahead + design.T @ (weight * along) - middle * (weight @ along)
        length = np.float32(size / float(ahead @ curved))
        step, left = step + length * ahead, left - length * curved
        before, size = size, float(left @ left)
        ahead = left + np.float32(size / before) * ahead
    return step


def retold(known: Known, places: Sequence[int], target: Floats, settings: Ridge, seed: int) -> Additive:
    """Return the penalised least-squares lines that tell `target`, another model's logit of every case.

    What a stronger model made of many features is told by few of them: its logit is no coin that fell one
    way, so less misleads (Hinton G, et al. arXiv:1503.02531; Tan S, et al. AIES 2018:303-310).
    """
    import numpy as np

    rows = known.drawn(settings.rows, np.random.default_rng([seed, 6]))
    parts, design = _design(known.table, places, rows)
    penalty, signs = _penalty(known.table, parts, settings)
    intercept, weights = solved(design, target[rows], penalty, signs, linear=True)
    return _additive(known.table, parts, intercept, weights)


def _design(table: Binned, places: Sequence[int], rows: Any) -> tuple[list[_Part], Floats]:
    import numpy as np

    parts: list[_Part] = []
    columns: list[Floats] = []
    for place in places:
        made, centres, codes = _columns(table, place, rows)
        rises = len(centres)
        parts.append(_Part(place, sum(len(one) for one in columns), rises, codes, centres))
        columns.append(made)
    return parts, np.ascontiguousarray(np.concatenate(columns).T)


def _columns(table: Binned, place: int, rows: Any) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Return a feature's columns (as rows), the means of its rises, and the codes that have a column."""
    import numpy as np

    axis, codes = table.axes[place], table.codes[place][rows]
    told = tuple(code for code in _apart(axis) if (codes == code).any())
    flags = np.stack([codes == code for code in told]).astype(float) if told else np.empty((0, len(rows)))
    if not axis.knots:
        return flags, np.empty(0), told
    column = table.numbers[place][rows]
    ramps = _ramps(column, axis.knots)
    centres = ramps[:, ~np.isnan(column)].mean(axis=1) if not np.isnan(column).all() else np.zeros(len(ramps))
    ramps = np.where(np.isnan(column), 0.0, ramps - centres[:, None])
    return np.concatenate([ramps, flags]), centres, told


def _apart(axis: Axis) -> range:
    """Return the codes that have a score of their own: all of a level, "not measured" of a number."""
    return range(axis.size if axis.is_level or not axis.knots else 1)


def _ramps(column: Floats, knots: Sequence[float]) -> Floats:
    """Return, for each stretch between knots, how much of it lies below the value (0 to 1)."""
    import numpy as np

    low, high = np.asarray(knots[:-1])[:, None], np.asarray(knots[1:])[:, None]
    found: Floats = np.clip((column[None, :] - low) / (high - low), 0.0, 1.0)
    return found


def _penalty(table: Binned, parts: Sequence[_Part], settings: Ridge) -> tuple[Floats, Floats]:
    import numpy as np

    size = parts[-1].end if parts else 0
    penalty, signs = np.zeros((size, size)), np.zeros(size)
    for part in parts:
        at = slice(part.start, part.start + part.rises)
        bends = np.diff(np.eye(part.rises), axis=0)
        penalty[at, at] = settings.penalty * (np.eye(part.rises) + bends.T @ bends)
        apart = range(part.start + part.rises, part.end)
        penalty[apart, apart] = settings.apart
        signs[at] = table.axes[part.place].grows
    return penalty, signs


def solved(
    design: Floats, y: Floats, penalty: Floats, signs: Floats, *, linear: bool = False
) -> tuple[float, Floats]:
    """Return intercept and weights by Newton's method, projected onto the signs that are known.

    Logistic regression of y, or linear. Bertsekas DP. SIAM J Control Optim 1982;20:221-246.
    """
    import numpy as np

    share = y.mean()
    found = np.append(np.zeros(design.shape[1]), share if linear else np.log(share / (1 - share)))
    every, signed = np.append(signs, 0.0), np.append(signs, 0.0) != 0
    full = np.zeros((len(found), len(found)))
    full[:-1, :-1] = penalty
    squares, across = _squares(design, y) if linear else (full, found)
    for _ in range(_STEPS):
        down, curved = (across - squares @ found, squares) if linear else _slopes(design, y, found)
        down = down - full @ found
        held = signed & (found == 0) & (down * every <= 0)
        free = np.flatnonzero(~held)
        step = np.linalg.solve((curved + full)[np.ix_(free, free)], down[free])
        before, found = found, found.copy()
        found[free] += step if linear else step * min(1.0, _LONGEST / max(np.abs(step).max(), 1e-12))
        found[signed & (found * every < 0)] = 0.0
        if np.abs(found - before).max() < _STILL:
            break
    return float(found[-1]), found[:-1]


def _squares(design: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the products of the columns with each other and with y, a column of ones among them."""
    import numpy as np

    every = np.column_stack([design, np.ones(len(y))])
    return every.T @ every, every.T @ y


def _slopes(design: Floats, y: Floats, found: Floats) -> tuple[Floats, Floats]:
    """Return the gradient of the log-likelihood, and its curvature."""
    import numpy as np

    chance = 1.0 / (1.0 + np.exp(-(design @ found[:-1] + found[-1])))
    weight = chance * (1.0 - chance)
    across = design.T @ weight
    curved = np.empty((len(found), len(found)))
    curved[:-1, :-1] = (design * weight[:, None]).T @ design
    curved[-1, :-1] = curved[:-1, -1] = across
    curved[-1, -1] = weight.sum()
    return np.append(design.T @ (y - chance), (y - chance).sum()), curved


def _additive(table: Binned, parts: Sequence[_Part], intercept: float, weights: Floats) -> Additive:
    import numpy as np

    steps: dict[int, Floats] = {}
    lines: dict[int, Floats] = {}
    for part in parts:
        rises = weights[part.start : part.start + part.rises]
        scores = np.zeros(table.axes[part.place].size)
        scores[list(part.codes)] = weights[part.start + part.rises : part.end]
        steps[part.place] = scores
        if part.rises:
            lines[part.place] = np.append(0.0, np.cumsum(rises)) - part.centres @ rises
    return Additive(intercept, steps, lines)
