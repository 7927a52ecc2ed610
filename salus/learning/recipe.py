"""Recipe: how a model of some task is fitted, with the settings that were chosen by cross-validation.

Which, and why: docs/decisions/0012-fitting.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from salus.learning.additive import Additive, summed
from salus.learning.bins import Known
from salus.learning.boost import Boosting, boosted, paired
from salus.learning.lines import Ridge, retold, ridged
from salus.learning.select import strongest

if TYPE_CHECKING:
    from salus.learning.task import Task

MEMBERS = ("boosted", "lines", "retold", "pairs")
# From so many cases on, fewer bags and folds tell as much.
MANY = 50_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """terms, pairs: the most of each. folds: how often a part is held out. look: the quick machine over all
    features, which says what to look at. boosting, lines, telling, pairing: of each member.
    """

    terms: int
    pairs: int
    folds: int = 5
    look: Boosting = field(default_factory=lambda: Boosting(4, 20_000, 0.05, 0, 20, 10.0, 20))
    boosting: Boosting = field(default_factory=Boosting)
    lines: Ridge = field(default_factory=Ridge)
    telling: Ridge = field(default_factory=lambda: Ridge(5.0, 5.0, 20_000))
    pairing: Boosting = field(default_factory=lambda: Boosting(bags=4, min_samples_leaf=20))


def recipe_for(task: Task, cases: int) -> Recipe:
    """Return the recipe of a task for so many cases; Task.settings may hold folds, bags and pairs."""
    asked = task.settings
    found = Recipe(task.terms, min(int(asked.get("pairs", task.pairs)), task.pairs))
    if cases >= MANY:
        fewer = replace(found.boosting, bags=4)
        found = replace(found, folds=3, boosting=fewer, pairing=replace(found.pairing, bags=3))
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
        teacher = boosted(known, places, recipe.look, seed).logits(known.table)
        places = strongest(known, teacher, recipe.terms, recipe.telling, seed=seed)
        told = retold(known, places, teacher, recipe.telling, seed)
    boost = boosted(known, places, recipe.boosting, seed)
    lines = ridged(known, places, recipe.lines, seed)
    alone = [one for one in (boost, lines, told) if one.features]
    before = np.asarray(summed((1 / len(alone), one) for one in alone).logits(known.table))
    pairs = paired(known, places, before, recipe.pairs, recipe.pairing, seed=seed)
    return boost, lines, told, pairs
