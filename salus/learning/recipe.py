"""Recipe: how a model of some task is fitted, with the settings that were chosen by cross-validation.

Which, and why: docs/decisions/0012-fitting.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from salus.learning.additive import Additive, summed
from salus.learning.bins import Known
from salus.learning.boost import Boosting, boosted, paired
from salus.learning.lines import Ridge, retold, ridged, widely
from salus.learning.select import strongest

if TYPE_CHECKING:
    from salus.learning.task import Task

MEMBERS = ("boosted", "lines", "retold", "pairs")
# From so many cases on fewer bags, and from more fewer folds, tell as much; each bag and line is of people
# drawn by chance.
MANY, MORE = 20_000, 200_000
# Of fewer cases than MANY, more pairs than this learn chance.
FEW_PAIRS, MANY_PAIRS = 10, 30


@dataclass(frozen=True, slots=True)
class Recipe:
    """terms, pairs: the most of each. folds: how often a part is held out. look, wide: a quick machine and
    ridged lines over all features, whose mean logit says what to look at, and is told again in few. boosting,
    lines, telling, pairing: of each member.
    """

    terms: int
    pairs: int
    folds: int = 5
    look: Boosting = field(default_factory=lambda: Boosting(16, 20_000, 0.05, 0, 20, 10.0, 20))
    wide: Ridge = field(default_factory=lambda: Ridge(60.0, 30.0, 10_000))
    boosting: Boosting = field(default_factory=Boosting)
    lines: Ridge = field(default_factory=Ridge)
    telling: Ridge = field(default_factory=lambda: Ridge(5.0, 5.0, 20_000))
    pairing: Boosting = field(default_factory=lambda: Boosting(bags=4, min_samples_leaf=20))


def recipe_for(task: Task, cases: int) -> Recipe:
    """Return the recipe of a task for so many cases; Task.settings may hold folds, bags and pairs."""
    asked = task.settings
    pairs = int(asked.get("pairs", MANY_PAIRS if cases >= MANY else FEW_PAIRS))
    found = Recipe(task.terms, min(pairs, task.pairs))
    if cases >= MANY:
        bags, rows = (4, 80_000) if cases < MORE else (2, 30_000)
        boosting = Boosting(bags, rows, 0.05, 20, 30, min_samples_leaf=20)
        lines = replace(found.lines, rows=rows)
        pairing = replace(boosting, min_samples_leaf=50)
        found = replace(
            found, folds=5 if cases < MORE else 3, boosting=boosting, lines=lines, pairing=pairing
        )
    bags = int(asked.get("bags", found.boosting.bags))
    return replace(
        found, folds=int(asked.get("folds", found.folds)), boosting=replace(found.boosting, bags=bags)
    )


def members(known: Known, recipe: Recipe, seed: int) -> tuple[Additive, ...]:
    """Return what each member learnt from `known`, in the order of MEMBERS; none is an empty sum."""
    import numpy as np

    every = range(len(known.table.axes))
    told = Additive(0.0)
    places = list(every)
    if len(places) > recipe.terms:
        both = (boosted(known, places, recipe.look, seed), widely(known, places, recipe.wide, seed))
        teacher = summed((0.5, one) for one in both).logits(known.table)
        places = strongest(known, teacher, recipe.terms, recipe.telling, seed=seed)
        told = retold(known, places, teacher, recipe.telling, seed)
    # Beside what a machine over all features says, one over the few that are left was given no weight.
    boost = Additive(0.0) if told.features else boosted(known, places, recipe.boosting, seed)
    lines = ridged(known, places, recipe.lines, seed)
    alone = [one for one in (boost, lines, told) if one.features]
    before = np.asarray(summed((1 / len(alone), one) for one in alone).logits(known.table))
    pairs = paired(known, places, before, recipe.pairs, recipe.pairing, seed=seed)
    return boost, lines, told, pairs
