"""Shapes: what was learnt, made readable without changing what it says: pairs that keep only what no curve
can carry, curves that rise where they must, steps that differ by nothing joined, numbers a person can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from salus.learning.additive import Additive, line_of
from salus.learning.artefact import Curve, Levels, Pair, Term
from salus.learning.bins import ROUGH_LEVELS, UNHEARD, Axis, Binned, counts_of, told_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DECIMALS = 6
# Neighbouring steps are one where they differ by less (a hundredth of a log-odds moves 14 % to 14.1 %).
SAME = 0.004
# A term that moves nobody by as much says nothing.
NOTHING = 0.0005
_ROUNDS = 30


def readable(found: Additive, table: Binned, terms: int) -> Additive:
    """Return `found` with at most `terms` single terms, purified, centred, monotone and rounded."""
    return _rounded(_pruned(_centred(_monotone(_purified(found, table), table), table), table, terms))


def _purified(found: Additive, table: Binned) -> Additive:
    """Move into the curves what they can carry of each pair (Lengerich B, et al. AISTATS 2020:2402-2412)."""
    import numpy as np

    steps, pairs, intercept = dict(found.steps), {}, found.intercept
    for both, scores in found.pairs.items():
        rough = [table.axes[place].rough() for place in both]
        coded = [rough[side][table.codes[place]] for side, place in enumerate(both)]
        weights = np.zeros(scores.shape)
        np.add.at(weights, tuple(coded), 1.0)
        left, sides, mean = _apart(scores, weights)
        pairs[both] = _of_enough(left, weights, [table.axes[place] for place in both])
        intercept += mean
        for place, side, to_rough in zip(both, sides, rough, strict=True):
            steps[place] = steps.get(place, np.zeros(table.axes[place].size)) + side[to_rough]
    return replace(found, intercept=intercept, steps=steps, pairs=pairs)


def _of_enough(scores: Floats, weights: Floats, axes: Sequence[Axis]) -> Floats:
    """Take out of a pair what its few cases without a value, or of another level, would say."""
    kept = scores.copy()
    for side, axis in enumerate(axes):
        counts = told_of(axis, weights.sum(axis=1 - side))
        few = [at for at in (0, *([len(counts) - 1] if axis.is_level else ())) if counts[at] < UNHEARD]
        if side == 0:
            kept[few, :] = 0.0
        else:
            kept[:, few] = 0.0
    return kept


def _apart(scores: Floats, weights: Floats) -> tuple[Floats, tuple[Floats, Floats], float]:
    """Return a table whose rows and columns have no mean, what was taken from each, and from all."""
    import numpy as np

    left = scores.copy()
    taken = [np.zeros(left.shape[0]), np.zeros(left.shape[1])]
    for _ in range(_ROUNDS):
        for side in (0, 1):
            total = weights.sum(axis=1 - side)
            mean = np.divide(
                (left * weights).sum(axis=1 - side), total, out=np.zeros(len(total)), where=total > 0
            )
            taken[side] += mean
            left -= mean[:, None] if side == 0 else mean[None, :]
    middles = [float(one @ weights.sum(axis=1 - side)) / weights.sum() for side, one in enumerate(taken)]
    return left, (taken[0] - middles[0], taken[1] - middles[1]), sum(middles)


def _monotone(found: Additive, table: Binned) -> Additive:
    """Pool neighbours that run against the direction that is known (members were made to; sums of rounded and
    bagged scores, and what came from pairs, may miss it by a little).
    """
    from sklearn.isotonic import isotonic_regression

    steps = dict(found.steps)
    for place, scores in steps.items():
        axis = table.axes[place]
        if axis.grows and axis.size > 2:
            weights = counts_of(axis, table.codes[place])[1:] + 1e-3
            kept = scores.copy()
            kept[1:] = isotonic_regression(scores[1:], sample_weight=weights, increasing=axis.grows > 0)
            steps[place] = kept
    return replace(found, steps=steps)


def _centred(found: Additive, table: Binned) -> Additive:
    """Let every term add nothing on average, and the intercept be the average case."""
    import numpy as np

    steps, lines, intercept = dict(found.steps), dict(found.lines), found.intercept
    for place, heights in found.lines.items():
        there = ~np.isnan(table.numbers[place])
        mean = float(line_of(table, place, heights)[there].mean()) if there.any() else 0.0
        lines[place] = heights - mean
        steps[place] = steps.get(place, np.zeros(table.axes[place].size)).copy()
        steps[place][1:] += mean
    for place, scores in steps.items():
        axis = table.axes[place]
        counts = counts_of(axis, table.codes[place])
        few = unlearnt(axis, counts)
        counts[few] = 0.0
        mean = float(scores @ counts / counts.sum()) if counts.any() else 0.0
        steps[place] = scores - mean
        steps[place][few] = 0.0
        intercept += mean
    return replace(found, intercept=intercept, steps=steps, lines=lines)


def unlearnt(axis: Axis, counts: Floats) -> list[int]:
    """Return the codes of which nothing can be learnt: "not measured", or any other level, of too few."""
    apart = (0, axis.size - 1) if axis.is_level else (0,)
    told = told_of(axis, counts)
    return [code for code in apart if told[code] < UNHEARD]


def importance(found: Additive, table: Binned) -> dict[int, float]:
    """Return how much each single term moves the logit: its standard deviation over the cases."""
    import numpy as np

    told = {}
    for place in {*found.steps, *found.lines}:
        alone = Additive(
            0.0,
            {place: found.steps[place]} if place in found.steps else {},
            {place: found.lines[place]} if place in found.lines else {},
        )
        told[place] = float(np.std(alone.logits(table)))
    return told


def _pruned(found: Additive, table: Binned, terms: int) -> Additive:
    """Leave out what moves nobody, and the least beyond `terms`."""
    import numpy as np

    told = importance(found, table)
    most = sorted(told, key=lambda place: (-told[place], place))[:terms]
    kept = {place for place in most if told[place] >= NOTHING}
    pairs = {both: scores for both, scores in found.pairs.items() if np.abs(scores).max() >= NOTHING}
    return Additive(
        found.intercept,
        {place: scores for place, scores in found.steps.items() if place in kept},
        {place: heights for place, heights in found.lines.items() if place in kept},
        pairs,
    )


def _rounded(found: Additive) -> Additive:
    def short(scores: Mapping[Any, Floats]) -> dict[Any, Floats]:
        return {at: one.round(DECIMALS) + 0.0 for at, one in scores.items()}

    return Additive(
        round(found.intercept, DECIMALS), short(found.steps), short(found.lines), short(found.pairs)
    )


def joined(found: Additive, table: Binned) -> tuple[Additive, Binned]:
    """Return the same with steps that differ by nothing joined, and the table with the fewer edges.

    Axes that a pair looks at keep the edges that the pair needs.
    """
    import numpy as np

    axes, codes, steps = list(table.axes), table.codes.copy(), dict(found.steps)
    needed = {place for both in found.pairs for place in both}
    for place, scores in found.steps.items():
        axis = axes[place]
        if axis.is_level or not axis.edges:
            continue
        counts = counts_of(axis, table.codes[place])
        keep = frozenset(axis.coarse) if place in needed else frozenset()
        to, kept = _runs(scores[1:], counts[1:], keep)
        starts = [to.index(run) for run in range(len(kept))]
        axes[place] = _with_edges(axis, starts, place in needed)
        steps[place] = np.append(scores[0], np.asarray(kept).round(DECIMALS))
        codes[place] = np.append(0, 1 + np.asarray(to))[table.codes[place]]
    return replace(found, steps=steps), Binned(tuple(axes), codes, table.numbers)


def _with_edges(axis: Axis, starts: Sequence[int], needed: bool) -> Axis:
    edges = tuple(axis.edges[start - 1] for start in starts[1:])
    coarse = tuple(starts.index(place) for place in axis.coarse) if needed else ()
    return replace(axis, edges=edges, coarse=coarse)


def _runs(scores: Floats, counts: Floats, keep: frozenset[int]) -> tuple[list[int], list[float]]:
    """Return for each bin its run, and each run's score: neighbours within SAME of where the run began."""
    to, runs = [0], [[0]]
    for place in range(1, len(scores)):
        if place in keep or abs(scores[place] - scores[runs[-1][0]]) >= SAME:
            runs.append([])
        runs[-1].append(place)
        to.append(len(runs) - 1)
    weight = counts + 1e-9
    return to, [float(scores[run] @ weight[run] / weight[run].sum()) for run in runs]


def terms_of(found: Additive, table: Binned, inputs: Mapping[str, int]) -> tuple[Term, ...]:
    """Return the terms as an artefact keeps them, the weightiest first; inputs: by name, its place."""
    told = importance(found, table)
    singles = sorted(told, key=lambda place: (-told[place], place))
    pairs = sorted(found.pairs, key=lambda both: (-float(abs(found.pairs[both]).mean()), both))
    return (
        *(_single(found, table, place, inputs) for place in singles),
        *(_pair(found.pairs[both], [table.axes[at] for at in both], inputs) for both in pairs),
    )


def _single(found: Additive, table: Binned, place: int, inputs: Mapping[str, int]) -> Term:
    axis, at = table.axes[place], inputs[table.axes[place].name]
    scores = tuple(map(float, found.steps[place]))
    counts = tuple(map(float, told_of(axis, counts_of(axis, table.codes[place]))))
    if axis.is_level:
        return Levels(at, axis.levels, scores[1:-1], scores[-1], scores[0], counts)
    heights = tuple(map(float, found.lines.get(place, ())))
    knots = axis.knots if heights else ()
    return Curve(at, axis.edges, scores[1:], scores[0], counts, knots, heights)


def _pair(scores: Floats, axes: Sequence[Axis], inputs: Mapping[str, int]) -> Pair:
    one, other = (
        axis.levels[:ROUGH_LEVELS] if axis.is_level else tuple(axis.edges[place - 1] for place in axis.coarse)
        for axis in axes
    )
    rows = tuple(tuple(map(float, row)) for row in scores)
    return Pair((inputs[axes[0].name], inputs[axes[1].name]), (one, other), rows)


def is_rising(scores: Sequence[float], grows: int) -> bool:
    """Whether scores run in the known direction (1 up, -1 down, 0 any)."""
    return all((after - before) * grows >= -(10**-DECIMALS) for before, after in pairwise(scores))
