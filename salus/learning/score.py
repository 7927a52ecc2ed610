"""Scoring: what a learnt additive model says of one case, by looking it up, and exactly why.

For whoever asks a model: plain Python, nothing heavy. What each term adds is its share of the logit, and the
shares add up to it. `salus/delivery/web/static/additive.js` is the same, for a browser without a network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from math import exp, fsum
from typing import TYPE_CHECKING, Any

from salus.learning.artefact import Artefact, Levels, Pair, Term
from salus.learning.score_plan import TRIED, Given, Plan, Value, given_of, indexed, planned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Score:
    """What a model says of one case.

    base: the logit before any term. contributions: (index of the term, what it adds to the logit), in the
    order of the terms; with the base they add up to the logit.
    """

    logit: float
    probability: float
    base: float
    contributions: tuple[tuple[int, float], ...]


def score(artefact: Artefact, values: Mapping[str, Value]) -> Score:
    """Return the probability of the outcome and what each term adds to its logit.

    values: of every feature that a term looks at, by name; None or NaN: not measured. Others are not looked
    at. Raises EvidenceError for a feature left out or of the wrong kind: what was not sent is not "not
    measured".
    """
    plan = planned(artefact)
    given = given_of(plan, values)
    added = [looked(given) for looked in plan.looked]
    logit = fsum((plan.base, *added))
    return Score(logit, probability(logit), plan.base, tuple(enumerate(added)))


def probability(logit: float) -> float:
    """Return the probability of a logit."""
    if logit >= 0:
        return 1.0 / (1.0 + exp(-logit)) if logit < 700 else 1.0
    return exp(logit) / (1.0 + exp(logit)) if logit > -745 else 0.0


def conformal(artefact: Artefact, chance: float) -> tuple[str, ...]:
    """Return the answers ("no", "yes") that cannot be ruled out at the artefact's alpha, each class by its
    own quantile; none: neither fits what was seen.
    """
    strangeness = {"no": chance, "yes": 1.0 - chance}
    return tuple(name for name, strange in strangeness.items() if strange <= artefact.quantiles[name])


def by_parameter(artefact: Artefact, scored: Score) -> tuple[tuple[str, float], ...]:
    """Return what each parameter adds to the logit, the weightiest first.

    A pair goes half to each of its features, and a feature in equal shares to the parameters it is made of.
    """
    added: dict[str, list[float]] = {}
    shares = planned(artefact).shares
    for place, one in scored.contributions:
        for name, share in shares[place]:
            added.setdefault(name, []).append(one * share)
    return _weightiest((name, fsum(parts)) for name, parts in added.items())


def spans(artefact: Artefact, values: Mapping[str, Value], hidden: Set[str]) -> tuple[float, float]:
    """Return from which to which probability the answer may lie where parameters are hidden.

    hidden: names of parameters of which something is there and not shown: every term that looks at one may
    take any of its scores.
    """
    plan = planned(artefact)
    given = given_of(plan, values)
    unknown = frozenset(at for at, one in plan.used if not hidden.isdisjoint(one.parameters))
    ends = [_ends(artefact, plan, place, given, unknown) for place in range(len(artefact.terms))]
    low, high = (fsum((plan.base, *(end[side] for end in ends))) for side in (0, 1))
    return probability(low), probability(high)


def would_change(artefact: Artefact, values: Mapping[str, Value]) -> tuple[tuple[str, float], ...]:
    """Return, of each parameter that was not measured, how much its value would move the logit, most first.

    The mean absolute move over what the training cases had, its features taken at the same quantile of each;
    how often a thing was measured is left as it is.
    """
    plan = planned(artefact)
    given = given_of(plan, values)
    there = _there(plan, given)
    found = [(name, _moved(plan, given, name, there)) for name in artefact.parameters() if name not in there]
    return _weightiest((name, moved) for name, moved in found if moved > 0)


def unlearnt(artefact: Artefact, values: Mapping[str, Value]) -> frozenset[str]:
    """Return the parameters of which this case lacks what nearly all training cases had, or has what nearly
    none had (a level): what that means was not learnt, and it may be anything.
    """
    plan = planned(artefact)
    given = given_of(plan, values)
    found = [one.at for one in plan.few if one.holds(given[one.at])]
    if not found:
        return frozenset()
    there = _there(plan, given)
    return frozenset(
        name
        for at in found
        for name in artefact.inputs[at].parameters
        # Of what is made of several, those that are there are known.
        if given[at] is not None or name not in there
    )


def unlearnt_rows(artefact: Artefact, frame: Any) -> NDArray[np.bool_]:
    """Return of which cases of a table (as `table` takes it) `unlearnt` names anything."""
    import numpy as np

    plan = planned(artefact)
    columns = {at: _column(frame[one.name], one.is_level) for at, one in plan.used}
    rows = len(next(iter(columns.values()))) if columns else len(frame)
    may = np.zeros(rows, bool)
    for one in plan.few:
        column = columns[one.at]
        if column.dtype == object:
            may |= np.fromiter((one.holds(value) for value in column), bool, rows)
        elif one.missing:
            may |= np.isnan(column)
    for row in np.flatnonzero(may):
        case = {one.name: columns[at][row] for at, one in plan.used}
        may[row] = bool(unlearnt(artefact, case))
    return may


def _there(plan: Plan, given: Given) -> set[str]:
    """Return the parameters that were measured, however often."""
    return {
        name
        for at, one in plan.used
        if given[at] is not None and one.feature.how != "count"
        for name in one.parameters
    }


def table(artefact: Artefact, frame: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities and the logits of a table of cases, one row a case.

    frame: a Polars DataFrame, or any mapping of a feature's name to its column; null and NaN: not measured.
    """
    import numpy as np

    plan = planned(artefact)
    columns = {at: _column(frame[one.name], one.is_level) for at, one in plan.used}
    rows = len(next(iter(columns.values()))) if columns else len(frame)
    logits = np.full(rows, plan.base)
    for term in artefact.terms:
        logits += artefact.slope * _many(term, columns)
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-logits)), logits


def weights(artefact: Artefact, frame: Any) -> tuple[list[float], dict[str, float]]:
    """Return how far each term, and each parameter, moves the logit over a table of cases.

    That is the mean distance of what it adds from what it adds on average: the same for all moves nobody.
    """
    import numpy as np

    plan = planned(artefact)
    columns = {at: _column(frame[one.name], one.is_level) for at, one in plan.used}
    added = [artefact.slope * _many(term, columns) for term in artefact.terms]
    apart: dict[str, Any] = {}
    for one, shares in zip(added, plan.shares, strict=True):
        for name, share in shares:
            apart[name] = apart.get(name, 0.0) + share * one

    def moved(one: NDArray[np.float64]) -> float:
        return float(np.abs(one - one.mean()).mean()) if len(one) else 0.0

    return [moved(one) for one in added], {name: moved(one) for name, one in apart.items()}


def _weightiest(found: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(found, key=lambda one: (-abs(one[1]), one[0])))


def _ends(
    artefact: Artefact, plan: Plan, place: int, given: Given, unknown: Collection[int]
) -> tuple[float, float]:
    """Return the least and the greatest that a term may add where the features `unknown` are not known."""
    term = artefact.terms[place]
    free = [at in unknown for at in term.features]
    if not any(free):
        added = plan.looked[place](given)
        return added, added
    if all(free) or not isinstance(term, Pair):
        return plan.ends[place]
    (one, other), (rows, columns) = term.features, term.edges
    if free[0]:
        column = indexed(columns)(given[other])
        every = [row[column] for row in term.scores]
    else:
        every = list(term.scores[indexed(rows)(given[one])])
    return artefact.slope * min(every), artefact.slope * max(every)


def _moved(plan: Plan, given: list[Value], name: str, there: Collection[str]) -> float:
    """Return the mean absolute move of the logit if the parameter `name` were measured."""
    free = [
        at
        for at, one in plan.used
        if given[at] is None
        and plan.tried[at]
        and name in one.parameters
        and all(each == name or each in there for each in one.parameters)
    ]
    terms = {place for at in free for place in plan.of_feature[at]}
    before = fsum(plan.looked[place](given) for place in terms)
    moves = []
    for n in range(TRIED if free else 0):
        tried = list(given)
        for at in free:
            tried[at] = plan.tried[at][n]
        moves.append(abs(fsum(plan.looked[place](tried) for place in terms) - before))
    return fsum(moves) / len(moves) if moves else 0.0


def _column(found: Any, is_level: bool) -> NDArray[Any]:
    import numpy as np

    if is_level:
        return np.array([None if one is None or one != one else one for one in found], object)  # noqa: PLR0124
    return np.asarray(found, np.float64)


def _many(term: Term, columns: Mapping[int, NDArray[Any]]) -> NDArray[np.float64]:
    """Return what a term is for each row, before calibration."""
    import numpy as np

    if isinstance(term, Pair):
        rows, places = (
            _bins(edges, columns[at]) for edges, at in zip(term.edges, term.features, strict=True)
        )
        return np.array(term.scores)[rows, places]
    column = columns[term.feature]
    if isinstance(term, Levels):
        return np.array([term.missing, *term.scores, term.other])[_bins(term.levels, column)]
    found = np.array([term.missing, *term.scores])[_bins(term.edges, column)]
    if term.knots:
        found += np.where(np.isnan(column), 0.0, np.interp(column, term.knots, term.heights))
    return found


def _bins(edges: Sequence[float] | Sequence[str], column: NDArray[Any]) -> NDArray[np.intp]:
    import numpy as np

    if column.dtype == object:
        index = indexed(edges)
        return np.fromiter((index(one) for one in column), np.intp, len(column))
    return np.where(np.isnan(column), 0, 1 + np.searchsorted(np.array(edges, float), column, "right"))
