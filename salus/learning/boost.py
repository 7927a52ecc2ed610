"""Boost: the explainable boosting machine (interpret-core) as a member: main effects, then interactions.

Nori H, et al. InterpretML, arXiv:1909.09223; Lou Y, et al. Accurate intelligible models with pairwise
interactions. KDD 2013:623-631. It is handed bins and gives scores for bins; bags are drawn here, by person.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salus.learning.additive import Additive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salus.learning.bins import Axis, Binned, Known

    Floats = NDArray[np.float64]

# Of the people of a bag, this share only says when to stop.
HELD_BACK = 0.2


@dataclass(frozen=True, slots=True)
class Boosting:
    """Settings. bags: how many samples of people are averaged. rows: the most cases of one bag. The rest as
    interpret-core names it.
    """

    bags: int = 8
    rows: int = 40_000
    learning_rate: float = 0.03
    smoothing_rounds: int = 50
    early_stopping_rounds: int = 50
    greedy_ratio: float = 10.0
    min_samples_leaf: int = 4
    max_leaves: int = 2
    max_rounds: int = 5_000
    reg_lambda: float = 0.0


def boosted(known: Known, places: Sequence[int], settings: Boosting, seed: int) -> Additive:
    """Return the average of the bags' main effects over the features at `places`."""
    import numpy as np

    chance = np.random.default_rng([seed, 1])
    parts = [
        _mains(known, _drawn(known, settings.rows, chance), places, settings, seed + bag)
        for bag in range(settings.bags)
    ]
    return _averaged(parts, len(places), places)


def _drawn(known: Known, most: int, chance: np.random.Generator) -> tuple[Any, Any]:
    """Return the rows of one bag, and -1 where a row only says when to stop; each person on one side."""
    import numpy as np

    rows = known.drawn(most, chance)
    side = np.where(chance.random(known.people) < HELD_BACK, -1, 1).astype(np.int8)
    return rows, side[known.persons[rows]]


def _mains(
    known: Known, bag: tuple[Any, Any], places: Sequence[int], settings: Boosting, seed: int
) -> tuple[float, list[Floats]]:
    rows, side = bag
    axes = [known.table.axes[place] for place in places]
    sizes = [axis.size for axis in axes]
    given = _given([known.table.codes[place][rows] for place in places])
    machine = _machine(settings, sizes, [axis.grows for axis in axes], seed)
    _fitted(machine, given, known.y[rows], side, None)
    found = dict(zip(machine.term_features_, machine.term_scores_, strict=True))
    scores = [_whole(found.get((place,)), axis) for place, axis in enumerate(axes)]
    return float(machine.intercept_[0]), scores


def _whole(scores: Any, axis: Axis) -> Floats:
    """Return a score for each code (interpret's last one is of values that it never saw)."""
    import numpy as np

    return np.zeros(axis.size) if scores is None else np.asarray(scores[: axis.size], np.float64)


def _averaged(parts: list[tuple[float, list[Floats]]], many: int, places: Sequence[int]) -> Additive:
    import numpy as np

    steps = {places[at]: np.mean([scores[at] for _, scores in parts], axis=0) for at in range(many)}
    return Additive(float(np.mean([intercept for intercept, _ in parts])), steps)


def _given(columns: list[Any]) -> Floats:
    """Return codes as interpret wants them: numbers, NaN for "not measured"."""
    import numpy as np

    found = np.stack(columns, axis=1).astype(np.float64)
    found[found == 0] = np.nan
    return found


def _machine(settings: Boosting, sizes: Sequence[int], grows: Sequence[int], seed: int, **more: Any) -> Any:
    from interpret.glassbox import ExplainableBoostingClassifier

    cuts = [[code + 0.5 for code in range(1, size - 1)] for size in sizes]
    asked: dict[str, Any] = {"interactions": 0, **more}
    return ExplainableBoostingClassifier(
        feature_types=cuts,
        feature_names=[str(place) for place in range(len(sizes))],
        outer_bags=1,
        learning_rate=settings.learning_rate,
        smoothing_rounds=settings.smoothing_rounds,
        interaction_smoothing_rounds=settings.smoothing_rounds,
        early_stopping_rounds=settings.early_stopping_rounds,
        greedy_ratio=settings.greedy_ratio,
        min_samples_leaf=settings.min_samples_leaf,
        max_leaves=settings.max_leaves,
        max_rounds=settings.max_rounds,
        reg_lambda=settings.reg_lambda,
        monotone_constraints=list(grows),
        n_jobs=1,
        random_state=seed,
        **asked,
    )


def _fitted(machine: Any, given: Floats, y: Any, side: Any, start: Floats | None) -> None:
    with warnings.catch_warnings():
        # It warns that its own pictures do not show missing values. Ours do.
        warnings.simplefilter("ignore")
        machine.fit(given, y.astype(int), bags=side[:, None], init_score=start)


def paired(
    known: Known, places: Sequence[int], before: Floats, pairs: int, settings: Boosting, *, seed: int
) -> Additive:
    """Return at most `pairs` interactions that add to the logits `before`, the strongest by FAST, bagged.

    A feature with a known direction takes part in none: what it says stays a curve that can be seen to rise.
    """
    import numpy as np

    axes = known.table.axes
    free = [place for place in places if not axes[place].grows]
    chosen = _strongest(known, free, before, pairs, settings, seed=seed)
    total = {both: np.zeros([axes[at].rough_size for at in both]) for both in chosen}
    chance = np.random.default_rng([seed, 2])
    for bag in range(settings.bags if chosen else 0):
        drawn = _drawn(known, settings.rows, chance)
        for both, scores in _tables(known, drawn, chosen, before, settings, seed=seed + bag).items():
            total[both] += scores / settings.bags
    return Additive(0.0, pairs=total)


def _strongest(
    known: Known, free: Sequence[int], before: Floats, pairs: int, settings: Boosting, *, seed: int
) -> list[tuple[int, int]]:
    import numpy as np
    from interpret.utils import measure_interactions

    if pairs == 0 or len(free) < 2:
        return []
    rows = known.drawn(settings.rows, np.random.default_rng([seed, 3]))
    given, cuts = _rough(known.table, free, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure_interactions(
            given, known.y[rows].astype(int), interactions=pairs, init_score=before[rows], feature_types=cuts
        )
    return [(free[both[0]], free[both[1]]) for both, strength in found if strength > 0]


def _rough(table: Binned, places: Sequence[int], rows: Any) -> tuple[Floats, list[list[float]]]:
    axes = [table.axes[place] for place in places]
    given = _given([axis.rough()[table.codes[at][rows]] for axis, at in zip(axes, places, strict=True)])
    return given, [[code + 0.5 for code in range(1, axis.rough_size - 1)] for axis in axes]


def _tables(
    known: Known,
    bag: tuple[Any, Any],
    chosen: Sequence[tuple[int, int]],
    before: Floats,
    settings: Boosting,
    *,
    seed: int,
) -> dict[tuple[int, int], Floats]:
    import numpy as np

    rows, side = bag
    places = sorted({place for both in chosen for place in both})
    at = {place: number for number, place in enumerate(places)}
    given, cuts = _rough(known.table, places, rows)
    asked = [(at[one], at[other]) for one, other in chosen]
    sizes = [len(cut) + 2 for cut in cuts]
    machine = _machine(settings, sizes, [0] * len(places), seed, interactions=asked, exclude="mains")
    _fitted(machine, given, known.y[rows], side, before[rows])
    found = {}
    for both, scores in zip(machine.term_features_, machine.term_scores_, strict=True):
        one, other = sizes[both[0]], sizes[both[1]]
        table = np.asarray(scores[:one, :other], np.float64)
        found[places[both[0]], places[both[1]]] = table
        found[places[both[1]], places[both[0]]] = table.T
    return {both: found[both] for both in chosen}
