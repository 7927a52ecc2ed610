"""Recipe: how a model of some task is fitted, with the settings that were chosen by cross-validation.

Which, and why: docs/decisions/0012-fitting.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from salus.learning.additive import Additive, summed
from salus.learning.bins import Known
from salus.learning.boost import Boosting, boosted, paired
from salus.learning.features import made_of
from salus.learning.lines import Ridge, retold, ridged, widely
from salus.learning.select import strongest
from salus.learning.teach import Trees, interactions, unseen

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
    """terms, pairs: the most of each. folds: how often a part is held out. trees, wide: trees and ridged
    lines over all features, whose mean logit says what to look at, and is told again in few; taught: of so
    many cases at most. made_of: by name, a feature and all that it is made of; each counts as a term.
    boosting, lines, telling, pairing: of each member.
    """

    terms: int
    pairs: int
    folds: int = 5
    trees: Trees = field(default_factory=Trees)
    wide: Ridge = field(default_factory=lambda: Ridge(60.0, 30.0, 10_000))
    taught: int = 20_000
    made_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    boosting: Boosting = field(default_factory=Boosting)
    lines: Ridge = field(default_factory=Ridge)
    telling: Ridge = field(default_factory=lambda: Ridge(5.0, 5.0, 20_000))
    pairing: Boosting = field(default_factory=lambda: Boosting(bags=4, min_samples_leaf=20))


def recipe_for(task: Task, cases: int) -> Recipe:
    """Return the recipe of a task for so many cases; Task.settings may hold folds, bags and pairs."""
    asked = task.settings
    pairs = int(asked.get("pairs", MANY_PAIRS if cases >= MANY else FEW_PAIRS))
    features = {one.name: one for one in task.features}
    whole = {name: frozenset(made_of(name, features)) for name in features}
    found = Recipe(task.terms, min(pairs, task.pairs), made_of=whole)
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

    places = list(range(len(known.table.axes)))
    if len(places) > recipe.terms:
        places, told = taught(known, recipe, seed)
        # Beside what trees over all features say, steps fitted to outcomes over the few that are left, and
        # interactions, were given no weight.
        return Additive(0.0), ridged(known, places, recipe.lines, seed), told, Additive(0.0)
    alone = (boosted(known, places, recipe.boosting, seed), ridged(known, places, recipe.lines, seed))
    before = np.asarray(summed((0.5, one) for one in alone).logits(known.table))
    pairs = paired(known, places, before, recipe.pairs, recipe.pairing, seed=seed)
    return *alone, Additive(0.0), pairs


def taught(known: Known, recipe: Recipe, seed: int) -> tuple[list[int], Additive]:
    """Return the places of the features by which a teacher over all of them is best told, and what they tell.

    The teacher: trees and ridged lines, half of each.
    """
    import numpy as np

    known = replace(known, rows=known.drawn(recipe.taught, np.random.default_rng([seed, 9])))
    wide = widely(known, range(len(known.table.axes)), recipe.wide, seed)
    teacher = np.full(len(known.y), np.nan)
    teacher[known.rows] = (wide.logits(known.table, known.rows) + unseen(known, recipe.trees, seed)) / 2
    places = strongest(known, teacher, recipe.terms, recipe.telling, recipe.made_of, seed=seed)
    curves = retold(known, places, teacher, recipe.telling, seed)
    left = teacher - curves.logits(known.table)
    return places, summed([(1.0, curves), (1.0, interactions(known, places, left, recipe.pairs))])
