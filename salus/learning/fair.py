"""Fairness: whether a model does as well for one group of people as for another, and how sure that is.

Groups come by name, one entry a case; where two ways to tell people apart meet, that is a group as well. A
group that is too small says so and has no number that could mislead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from salus.core.errors import UserError
from salus.learning.intervals import (
    DRAWS,
    Told,
    drawn,
    observed_expected,
    percentiles,
    persons_of,
    share_told,
    told,
)
from salus.learning.measure import areas_of, once, probabilities, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salus.learning.measure import Bools, Floats, Statistic, Whole

# Fewer events, or fewer cases without one: no number at all. From 25 events on the interval of O/E reaches
# from about 2/3 to 3/2 of it at most (standard error of ln O/E about 1 / sqrt(events): Riley RD et al. Stat
# Med 2021;40:4230-51).
LEAST = 25
# Fewer events: no true-positive rate; from 100 on its interval reaches 10 points to either side at most.
# 100 events is also what Vergouwe Y et al. ask for (J Clin Epidemiol 2005;58:475-83).
LEAST_RATE = 100
TOO_FEW = "too few to judge"
UNKNOWN = "not known"
RATE, AUROC, RATIO = "true_positive_rate", "auroc", "observed_expected"


@dataclass(frozen=True, slots=True)
class Judged:
    """Cases that a model is judged on: outcomes, risks, who was flagged, persons (as `persons_of` gives)."""

    y: Bools
    risk: Floats
    flags: Bools
    persons: Whole

    def of(self, rows: Any) -> Judged:
        """Return some of the cases."""
        return Judged(self.y[rows], self.risk[rows], self.flags[rows], self.persons[rows])

    def enough(self, least: int) -> bool:
        """Whether there are so many cases with the outcome, and without it."""
        return min(int(self.y.sum()), int((~self.y).sum())) >= least


def judged(y: Any, p: Any, flags: Any, persons: Any = None) -> Judged:
    """Return cases, checked."""
    import numpy as np

    outcomes, risk = probabilities(y, p)
    raised = np.asarray(flags, dtype=bool)
    if raised.shape != risk.shape:
        raise UserError(
            f"{raised.size} flags for {risk.size} cases: say of every case whether it is flagged."
        )
    return Judged(outcomes, risk, raised, persons_of(persons, len(risk)))


def top_share(score: Floats, share: float) -> Bools:
    """Return who is among the top `share` by score; all who are level with the last of them are."""
    import numpy as np

    if not 0 < share <= 1:
        raise UserError("The share that is flagged is more than 0 and at most 1.")
    many = max(1, round(share * len(score)))
    flags: Bools = score >= np.partition(score, len(score) - many)[len(score) - many]
    return flags


def named(groups: Any, n: int) -> NDArray[Any]:
    """Return the group of each case as text, UNKNOWN where it is None."""
    import numpy as np

    names = np.asarray(groups, dtype=object)
    if names.shape != (n,):
        raise UserError(f"{names.size} groups for {n} cases: give None where a group is not known.")
    return np.array([UNKNOWN if name is None else str(name) for name in names], dtype=object)


def met(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the groups in which two ways to tell people apart meet ("women, 75 and over")."""
    import numpy as np

    pairs = zip(one, other, strict=True)
    both = [UNKNOWN if UNKNOWN in pair else f"{pair[0]}, {pair[1]}" for pair in pairs]
    return np.array(both, dtype=object)


def in_order(names: Iterable[str]) -> list[str]:
    """Return groups as people would list them: bands by their numbers, what is not known last."""
    return sorted(set(names), key=lambda name: (name == UNKNOWN, [_place(part) for part in name.split(", ")]))


def _place(part: str) -> tuple[float, str]:
    number = re.search(r"\d+(\.\d+)?", part)
    below = 0.5 if part.startswith("under") else 0.0
    return (float(number[0]) - below if number else float("-inf"), part)


def by_group(
    cases: Judged,
    groups: Mapping[str, Any],
    meet: Iterable[tuple[str, str]] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """Return a row of evidence for every group, and for every group in which two of `groups` meet.

    groups: by what ("sex") -> the group of each case, None where not known. meet: which pairs; None: all.
    """
    single = {by: named(each, len(cases.y)) for by, each in groups.items()}
    pairs = list(combinations(single, 2)) if meet is None else list(meet)
    every = single | {f"{one} and {other}": met(single[one], single[other]) for one, other in pairs}
    rows = {
        (by, name): (names == name).nonzero()[0] for by, names in every.items() for name in in_order(names)
    }
    large = {key: at for key, at in rows.items() if cases.of(at).enough(LEAST)}
    areas_of = {str(key): _statistic(AUROC, cases, at) for key, at in large.items()}
    found = drawn(areas_of, cases.persons, draws, seed) if areas_of else {}
    return [
        {"by": key[0], "group": key[1], **_row(cases.of(at), found.get(str(key)))} for key, at in rows.items()
    ]


def _row(inside: Judged, resampled: Floats | None) -> dict[str, Any]:
    n, events = len(inside.y), int(inside.y.sum())
    if resampled is None:
        return {"n": n, "events": events, AUROC: None, RATIO: None, RATE: None, "note": TOO_FEW}
    value = once(_statistic(AUROC, inside, slice(None)), n)
    enough = events >= LEAST_RATE
    return {
        "n": n,
        "events": events,
        AUROC: told(value, *(percentiles(resampled) or (0.0, 1.0))),
        RATIO: observed_expected(inside.y, inside.risk, inside.persons) if inside.risk.any() else None,
        RATE: share_told(inside.flags[inside.y], inside.persons[inside.y]) if enough else None,
        "note": "" if enough else f"fewer than {LEAST_RATE} events are too few for a true-positive rate",
    }


def _statistic(measure: str, cases: Judged, rows: Any) -> Statistic:
    """Return a measure of some of the cases as a statistic of weights of all of them."""
    import numpy as np

    inside = cases.of(rows)
    if measure == AUROC:
        ranked = areas_of(inside.y, inside.risk)
        return lambda weights: ranked(weights[:, rows])
    above = (inside.y & inside.flags) if measure == RATE else inside.y
    below = inside.y if measure == RATE else inside.risk
    both = np.column_stack([above, below]).astype(float)

    def statistic(weights: Floats) -> Floats:
        up, down = (weights[:, rows] @ both).T
        return ratio(up, down)

    return statistic


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference between the group with the most and the group with the least of a measure."""

    measure: str
    highest: str
    lowest: str
    value: float
    statistic: Statistic

    def told(self, resampled: Floats) -> dict[str, Any]:
        """Return the gap with its interval, from bootstrap draws of `statistic`."""
        low, high = percentiles(resampled) or (-1.0, 1.0)
        ends: Told = told(self.value, low, high)
        return {"measure": self.measure, "highest": self.highest, "lowest": self.lowest, **ends}


def gap(cases: Judged, names: NDArray[Any], measure: str = RATE) -> Gap | None:
    """Return the largest gap of a measure between groups; None where fewer than two can be judged.

    Its interval is that of the difference of these two groups. They were chosen for being farthest apart: the
    gap leans high, the more so the more groups there are.
    """
    if measure not in (RATE, AUROC, RATIO):
        raise UserError(f"A gap is one of {RATE}, {AUROC} or {RATIO}, not '{measure}'.")
    least = LEAST_RATE if measure == RATE else LEAST
    rows = {name: (names == name).nonzero()[0] for name in in_order(names) if name != UNKNOWN}
    large = {name: at for name, at in rows.items() if _can(cases.of(at), measure, least)}
    if len(large) < 2:
        return None
    each = {name: _statistic(measure, cases, at) for name, at in large.items()}
    found = {name: once(statistic, len(names)) for name, statistic in each.items()}
    highest, lowest = max(found, key=lambda name: found[name]), min(found, key=lambda name: found[name])
    top, bottom = each[highest], each[lowest]
    return Gap(measure, highest, lowest, found[highest] - found[lowest],
               lambda weights: top(weights) - bottom(weights))  # fmt: skip


def _can(inside: Judged, measure: str, least: int) -> bool:
    if measure == RATE:
        return int(inside.y.sum()) >= least
    return inside.enough(least) and bool(inside.risk.any())


def gaps(
    cases: Judged, groups: Mapping[str, Any], *, draws: int = DRAWS, seed: int = 1
) -> list[dict[str, Any]]:
    """Return the largest gap of each measure by each way to tell people apart, with its interval."""
    found = {
        f"{by} {measure}": (by, made)
        for by, each in groups.items()
        for measure in (RATE, AUROC, RATIO)
        if (made := gap(cases, named(each, len(cases.y)), measure))
    }
    resampled = drawn({key: made.statistic for key, (_, made) in found.items()}, cases.persons, draws, seed)
    return [{"by": by, **made.told(resampled[key])} for key, (by, made) in found.items()]
