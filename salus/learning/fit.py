"""Fit: from a table of features to a learnt model that is data: one additive sum that a person can read.

For whoever trains a model on a set or on a site's own archive. Members are fitted, joined by what they say
of people they were not shown, calibrated, and made readable; nothing but look-ups is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from salus.learning.additive import Additive, summed
from salus.learning.artefact import FORMAT, Artefact, GroupMeasure, Made, inputs_for, of
from salus.learning.bins import LOOKED_AT, Binned, Known
from salus.learning.features import parameters_of
from salus.learning.recipe import MEMBERS, Recipe, members, recipe_for
from salus.learning.select import checked, cut, twins
from salus.learning.shapes import joined, readable, terms_of
from salus.learning.stack import apart, folds, weights

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from salus.learning.task import Task

    Floats = NDArray[np.float64]

# With fewer people of either outcome a slope of calibration cannot be told well: Collins GS, et al. Stat Med
# 2016;35:214-26 (100 events at least, better 200).
UNSURE = 200


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt.

    model: over `table`. slope, shift: of its calibration. logits: of each case, calibrated, by models that
    did not see the person. y, persons: as they were split. shares: the weight of each member. notes: what
    else a reader should know, in whole sentences.
    """

    model: Additive
    table: Binned
    slope: float
    shift: float
    logits: Floats
    y: NDArray[np.bool_]
    persons: NDArray[np.intp]
    shares: Mapping[str, float]
    notes: tuple[str, ...]
    recipe: Recipe

    @property
    def risks(self) -> Floats:
        """The probability of each case, by models that did not see the person."""
        from salus.learning.calibrate import expit

        return expit(self.logits)

    def names(self) -> list[str]:
        """Return the names of the features that it looks at."""
        return [self.table.axes[place].name for place in sorted(self.model.features)]


@dataclass(frozen=True, slots=True)
class _Final:
    """A model before its calibration. held_out: the logit of each case by models that did not see it."""

    model: Additive
    table: Binned
    held_out: Floats
    shares: Floats


def fitted(
    task: Task,
    frame: pl.DataFrame,
    y: Any,
    persons: Any,
    *,
    rows: Sequence[int] | None = None,
    hidden: pl.DataFrame | None = None,
    seed: int = 1,
    recipe: Recipe | None = None,
) -> Fitted:
    """Learn `task` from a table: one row a case, one column a feature (NaN or null: not measured).

    persons: who each case is of. rows: from which of the cases its shapes are learnt, one as often as it is
    named (None: from each once); weighed, calibrated and measured it is by all, as they are. hidden: columns
    row and parameter, of which cases a parameter's value is there and not known. Raises EvidenceError where
    nothing can be learnt, and says what was left out in `notes`. The same seed gives the same model.
    """
    import numpy as np

    outcomes, people = checked(frame, y, persons)
    people, same, alike = twins(frame, people)
    table, notes = cut(frame, task)
    table = _with_hidden(table, task, hidden)
    if same:
        notes = (*notes, f"{same} cases equal another person's in every feature and were split as one's.")
    if alike:
        says = f"{alike} cases equal another person's, and so little is told of them that they may be others"
        notes = (*notes, f"{says}: they were split apart. If they are not, what is said of quality flatters.")
    had, had_not = (len(np.unique(people[outcomes == one])) for one in (True, False))
    if min(had, had_not) < UNSURE:
        says = f"Learnt from {had} people with the outcome and {had_not} without, which is few: on others its"
        notes = (*notes, f"{says} risks may be too extreme or too timid. Judge it on others first.")
    recipe = recipe or recipe_for(task, frame.height)
    learnt_from = np.arange(frame.height) if rows is None else np.asarray(rows, np.intp)
    known = Known(table, outcomes, people, learnt_from)
    return _fitted(known, _stacked(known, recipe, seed), notes, recipe)


def _with_hidden(table: Binned, task: Task, hidden: pl.DataFrame | None) -> Binned:
    """Return the table with how many cases of each feature lack its value for another reason than none."""
    import polars as pl

    if hidden is None or hidden.is_empty():
        return table
    features = {one.name: one for one in task.features}
    axes = []
    for place, axis in enumerate(table.axes):
        names = parameters_of(features[axis.name], features)
        rows = hidden.filter(pl.col("parameter").is_in(names))["row"].unique().to_numpy()
        axes.append(replace(axis, hidden=int((table.codes[place][rows] == 0).sum())))
    return replace(table, axes=tuple(axes))


def _stacked(known: Known, recipe: Recipe, seed: int) -> _Final:
    """Return the members joined, by the weights that their folds gave."""
    held_out = _out_of_fold(known, recipe, seed)
    intercept, shares = weights(held_out, known.y)
    found = summed(zip(shares.tolist(), members(known, recipe, seed), strict=True), intercept)
    model, table = joined(readable(found, known.table, recipe.terms), known.table)
    return _Final(model, table, held_out @ shares + intercept, shares)


def _out_of_fold(known: Known, recipe: Recipe, seed: int) -> Floats:
    """Return what each member says of each case, learnt from the people of other folds."""
    import numpy as np

    fold = folds(known.y, known.persons, recipe.folds, seed)
    found = np.zeros((len(known.y), len(MEMBERS)))
    for held in range(recipe.folds):
        train, test = known.rows[fold[known.rows] != held], np.flatnonzero(fold == held)
        apart(known.persons, train, test)
        learnt = members(Known(known.table, known.y, known.persons, train), recipe, seed + held + 1)
        found[test] = np.stack([one.logits(known.table, test) for one in learnt], axis=1)
    return found


def _fitted(known: Known, final: _Final, notes: Sequence[str], recipe: Recipe) -> Fitted:
    """Return the model with the affine calibration of what its folds said."""
    from salus.learning.calibrate import recalibrated

    line = recalibrated(known.y, final.held_out)
    slope, shift = round(line.slope, 6), round(line.intercept, 6)
    return Fitted(
        model=final.model,
        table=final.table,
        slope=slope,
        shift=shift,
        logits=slope * final.held_out + shift,
        y=known.y,
        persons=known.persons,
        shares=dict(zip(MEMBERS, map(float, final.shares), strict=True)),
        notes=tuple(notes),
        recipe=recipe,
    )


def artefact_of(
    task: Task,
    learnt: Fitted,
    frame: pl.DataFrame,
    made: Made,
    groups: Mapping[str, Sequence[str | None]] | None = None,
) -> Artefact:
    """Return the model as an artefact; groups: by what people are told apart, the group of each case."""
    from dataclasses import asdict

    from salus.learning.conformal import quantiles
    from salus.learning.decide import threshold_for

    inputs = inputs_for(task, learnt.names())
    at = {one.name: place for place, one in enumerate(inputs)}
    threshold = threshold_for(task.misses)
    return of(
        {
            "format": FORMAT, "task": task.name, "version": task.version, "asks": task.asks,
            "outcome": task.outcome, "horizon": task.horizon, "made": asdict(made),
            "features": [one.as_json() for one in inputs],
            "intercept": learnt.model.intercept,
            "terms": [one.as_json() for one in terms_of(learnt.model, learnt.table, at)],
            "calibration": {"slope": learnt.slope, "intercept": learnt.shift},
            "conformal": quantiles(learnt.y, learnt.risks),
            "novelty": _novelty(at, inputs, frame),
            "threshold": {"value": threshold, "misses": task.misses, "chosen": _chosen(task.misses)},
            "measures": _measures(learnt, threshold, groups or {}),
            "shapes_of": words(learnt),
        }
    )  # fmt: skip


def _chosen(misses: float) -> str:
    return f"One miss weighs as much as {misses:g} false alarms: flagged from 1 in {1 + misses:g} on."


def _novelty(names: Mapping[str, int], inputs: Sequence[Any], frame: pl.DataFrame) -> dict[str, Any]:
    import numpy as np
    import polars as pl

    from salus.learning.novelty import bounds, read_from

    many, frame = frame.height, frame.gather_every(_step(frame.height))
    levels = {name for name in names if frame[name].dtype == pl.String}
    columns = {name: frame[name].to_numpy() for name in names if name not in levels}
    columns |= {name: np.array(frame[name].to_list(), object) for name in levels}
    return {**bounds(columns, read_from(one.feature for one in inputs)), "n": many}


def _step(cases: int) -> int:
    return max(1, cases // LOOKED_AT)


def _measures(
    learnt: Fitted, threshold: float, groups: Mapping[str, Sequence[str | None]]
) -> list[dict[str, Any]]:
    from salus.learning.fair import by_group, judged

    step, kept = _step(len(learnt.y)), GroupMeasure.__dataclass_fields__
    risks = learnt.risks[::step]
    cases = judged(learnt.y[::step], risks, risks >= threshold, learnt.persons[::step])
    rows = by_group(cases, {by: each[::step] for by, each in groups.items()}) if groups else []
    return [{name: told for name, told in row.items() if name in kept} for row in rows]


def words(learnt: Fitted) -> str:
    """Say how it was fitted, for the card."""
    recipe, shares = learnt.recipe, learnt.shares
    told = {
        "boosted": f"boosted steps (explainable boosting machine, {recipe.boosting.bags} bags of people)",
        "lines": "piecewise-linear curves by ridge logistic regression",
        "retold": "piecewise-linear curves and interactions that tell in few features what boosted trees and "
        "ridged lines over all of them say of people whom the trees did not see",
        "pairs": "interactions of two by FAST, boosted on what the curves leave",
    }
    used = "; ".join(f"{told[name]}, weight {share:.2f}" for name, share in shares.items() if share > 0)
    return (
        f"A sum of {used}. Weights on logits, none below 0, by {recipe.folds} folds of people; calibrated on "
        f"what those folds said. {' '.join(learnt.notes)}"
    ).strip()
