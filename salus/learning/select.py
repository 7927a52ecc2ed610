"""Select: which cases and features can be learnt from at all, and which of many features a model looks at.

For whoever trains a model: a fault of the data is an error with its remedy, or a note that the model keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError
from salus.learning.bins import Axis, Binned, Known, axis_of, binned
from salus.learning.lines import Ridge, retold

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from salus.learning.task import Task

    Floats = NDArray[np.float64]

# With fewer of either outcome no curve can be told from chance.
FEWEST = 20
# Where more rows than this share equal another person's, values may be too coarse to tell people apart.
TWINS = 0.05
# Bits beyond those that tell any two people apart, by which two equal cases are one person's.
_SURE = 10
# Bins in which a feature's share of the logit is looked at, and cases that pull each towards nothing.
_LOOK, _PULL = 14, 10.0
# So many features are taken before those that were taken are weighed anew.
_AT_ONCE = 5
_ALONE: Mapping[str, frozenset[str]] = MappingProxyType({})


def checked(frame: pl.DataFrame, y: Any, persons: Any) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return outcomes and persons as arrays, a person a whole number; raise EvidenceError where nothing can
    be learnt.
    """
    import numpy as np

    outcomes, keys = np.asarray(y), np.asarray(persons)
    if outcomes.shape != (frame.height,) or keys.shape != (frame.height,):
        says = f"{frame.height} cases, {outcomes.size} outcomes and {keys.size} persons"
        raise EvidenceError(f"{says}: each case needs one outcome and one person.")
    outcomes = outcomes.astype(bool)
    had = int(outcomes.sum())
    if min(had, len(outcomes) - had) == 0:
        which = "all" if had else "none"
        says = f"Of {len(outcomes):,} cases {which} had the outcome: nothing can be told apart"
        raise EvidenceError(f"{says}. Give a set that holds both, and see how the outcome is read from it.")
    people = [len(np.unique(keys[outcomes == one])) for one in (True, False)]
    if min(people) < FEWEST:
        says = f"{people[0]} people with the outcome and {people[1]} without are too few to learn from"
        raise EvidenceError(f"{says}: at least {FEWEST} of each are needed.")
    return outcomes, np.unique(keys, return_inverse=True)[1]


def twins(frame: pl.DataFrame, persons: NDArray[np.intp]) -> tuple[NDArray[np.intp], int, int]:
    """Return persons, those whose case equals another's in every feature made one; how many such cases there
    are; and how many more may be of people who only look alike.

    Somebody entered twice under two names would else be learnt from and judged at once.
    """
    import numpy as np

    _, group = np.unique(frame.hash_rows(seed=1).to_numpy(), return_inverse=True)
    equal = (np.bincount(group, persons != _least(persons, group)[group]) > 0)[group]
    same = equal
    if equal.sum() > TWINS * len(persons):
        # So many may be alike because little is told of them: only who is told of in detail is the same.
        same = equal & (_bits(frame) >= 2 * (2 * np.log2(len(persons)) + _SURE))
    many = int(same.sum())
    alike = int(equal.sum()) - many
    if many == 0:
        return persons, 0, alike
    # Whoever is like nobody is a group alone.
    group = np.unique(np.where(same, group, len(group) + np.arange(len(group))), return_inverse=True)[1]
    found = persons
    while True:
        joint = _least(_least(found, group)[group], persons)[persons]
        if (joint == found).all():
            return np.unique(found, return_inverse=True)[1], many, alike
        found = joint


def _bits(frame: pl.DataFrame) -> Floats:
    """Return how much each case tells, as if its features had nothing to do with each other: the sum of
    -log2 of how often each of its values is. (They have: half of it is taken for sure.)
    """
    import polars as pl

    share = [-(pl.len().over(name) / frame.height).log(2) for name in frame.columns]
    return frame.select(pl.sum_horizontal(share)).to_series().to_numpy()


def _least(persons: NDArray[np.intp], group: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the least person of each group."""
    import numpy as np

    found = np.full(int(group.max()) + 1, int(persons.max()), np.intp)
    np.minimum.at(found, group, persons)
    return found


def cut(frame: pl.DataFrame, task: Task) -> tuple[Binned, tuple[str, ...]]:
    """Return the columns that can be learnt from, cut; and what was left out, in whole sentences."""
    axes: list[Axis] = []
    empty, constant = [], []
    grows = {feature.name: feature.grows for feature in task.features}
    for name in frame.columns:
        axis = axis_of(name, frame[name], grows.get(name, 0))
        if axis.edges or len(axis.levels) > 1:
            axes.append(axis)
        elif _is_empty(frame[name]):
            empty.append(name)
        elif _is_constant(frame[name]):
            constant.append(name)
        else:
            axes.append(axis)
    if not axes:
        raise EvidenceError("No feature has two values: nothing can be told apart. See what the set holds.")
    return binned(frame, axes), (*_told("never measured", empty), *_told("always the same", constant))


def _is_empty(column: pl.Series) -> bool:
    import polars as pl

    return column.null_count() == len(column) or (
        column.dtype != pl.String and bool(column.is_nan().fill_null(True).all())
    )


def _is_constant(column: pl.Series) -> bool:
    """Whether a column never differs, in being there either."""
    import polars as pl

    there = column if column.dtype == pl.String else column.fill_nan(None)
    return there.null_count() == 0 and there.n_unique() == 1


def _told(what: str, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (f"Left out, as {what} in the training set: {', '.join(names[:10])}{more}.",)


def strongest(
    known: Known,
    target: Floats,
    most: int,
    telling: Ridge,
    made_of: Mapping[str, frozenset[str]] = _ALONE,
    *,
    seed: int,
) -> list[int]:
    """Return the places of the features by which the logit `target` can best be told.

    At most `most`, counted with all that they are made of (`made_of`: by name, those and itself). Orthogonal
    matching pursuit over features (Pati YC, et al. Asilomar 1993:40-44): each time the feature is taken that
    explains most of what those before it leave. Of twenty features that say one thing, one is.
    """
    import numpy as np

    many = len(known.table.axes)
    needs = [made_of.get(axis.name, frozenset({axis.name})) for axis in known.table.axes]
    if len(frozenset().union(*needs)) <= most:
        return list(range(many))
    known = replace(known, rows=known.drawn(telling.rows, np.random.default_rng([seed, 7])))
    left = target[known.rows] - target[known.rows].mean()
    codes = np.stack([_looked_at(known, place) for place in range(many)])
    flat = (codes + _LOOK * np.arange(many)[:, None]).ravel()
    counts = np.bincount(flat, minlength=_LOOK * many)
    taken: list[int] = []
    named: frozenset[str] = frozenset()
    while True:
        open_ = [place for place in range(many) if len(named | needs[place]) <= most and place not in taken]
        if not open_:
            break
        means = np.bincount(flat, np.tile(left, many), _LOOK * many) / (counts + _PULL)
        gains = (means**2 * (counts + _PULL)).reshape(many, _LOOK).sum(axis=1)
        taken.append(max(open_, key=lambda place: gains[place]))
        named |= needs[taken[-1]]
        left = left - means.reshape(many, _LOOK)[taken[-1]][codes[taken[-1]]]
        if len(taken) % _AT_ONCE == 0:
            so_far = retold(known, taken, target, telling, seed)
            left = target[known.rows] - so_far.logits(known.table, known.rows)
    return sorted(taken)


def _looked_at(known: Known, place: int) -> NDArray[np.intp]:
    """Return the codes of a feature in few bins: 0 not measured, then 13 of about the same width in codes."""
    import numpy as np

    codes: NDArray[np.intp] = known.table.codes[place][known.rows].astype(np.intp)
    size = known.table.axes[place].size
    if size <= _LOOK:
        return codes
    found: NDArray[np.intp] = np.where(codes == 0, 0, 1 + (codes - 1) * (_LOOK - 1) // (size - 1))
    return found
