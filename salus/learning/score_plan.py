"""What a scorer works out once for an artefact: how each term is looked up, and what it can be.

Beside `salus.learning.score`, whose verbs use it; nobody else has to.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf, nextafter
from typing import Any, NamedTuple

from salus.core.errors import EvidenceError
from salus.learning.artefact import Artefact, Curve, Input, Levels, Pair, Term
from salus.learning.bins import UNHEARD

Value = float | str | None
# The values of a case in the order of the artefact's features; None where it has none.
Given = Sequence[Any]
Looked = Callable[[Given], float]
# At so many quantiles a value that is not known is tried.
TRIED = 16
# A level that no artefact lists.
_OTHER = ""


class Few(NamedTuple):
    """A feature of which too few training cases had no value (`missing`), or a level beside `known` ones."""

    at: int
    missing: bool
    known: frozenset[str] | None

    def holds(self, value: Value) -> bool:
        """Whether nothing was learnt of those who have this value."""
        return self.missing if value is None else self.known is not None and value not in self.known


@dataclass(frozen=True, slots=True)
class Plan:
    """What is worked out once for an artefact.

    used: (place, feature) of those a term looks at. few: what a case may have that nothing was learnt of.
    looked: what each term adds. shares: of each term, what part goes to which parameter. tried: by feature,
    values at the quantiles of training.
    """

    used: tuple[tuple[int, Input], ...]
    few: tuple[Few, ...]
    base: float
    looked: tuple[Looked, ...]
    shares: tuple[tuple[tuple[str, float], ...], ...]
    ends: tuple[tuple[float, float], ...]
    of_feature: Mapping[int, tuple[int, ...]]
    tried: Mapping[int, tuple[Value, ...]]
    many: int


def planned(artefact: Artefact) -> Plan:
    """Return what was worked out for `artefact`, once."""
    plan = artefact.worked_out.get("plan")
    if plan is None:
        plan = artefact.worked_out["plan"] = _plan(artefact)
    assert isinstance(plan, Plan)
    return plan


def _plan(artefact: Artefact) -> Plan:
    of_feature: dict[int, list[int]] = {}
    for place, term in enumerate(artefact.terms):
        for at in term.features:
            of_feature.setdefault(at, []).append(place)
    slope = artefact.slope
    return Plan(
        used=tuple((at, artefact.inputs[at]) for at in sorted(of_feature)),
        few=tuple(_few(artefact.terms)),
        base=slope * artefact.intercept + artefact.shift,
        looked=tuple(_looked(term, slope) for term in artefact.terms),
        shares=tuple(_shares(term, artefact.inputs) for term in artefact.terms),
        ends=tuple((slope * low, slope * high) for low, high in map(_extremes, artefact.terms)),
        of_feature={at: tuple(places) for at, places in of_feature.items()},
        tried={at: _tried([artefact.terms[place] for place in of_feature[at]], at) for at in of_feature},
        many=len(artefact.inputs),
    )


def _few(terms: Sequence[Term]) -> Iterator[Few]:
    for term in terms:
        # An artefact of whose cases nothing is told leaves it open how many they were.
        if isinstance(term, Pair) or not any(term.counts):
            continue
        other = isinstance(term, Levels) and term.counts[-1] < UNHEARD
        if other or term.counts[0] < UNHEARD:
            known = frozenset(term.levels) if other and isinstance(term, Levels) else None
            yield Few(term.feature, term.counts[0] < UNHEARD, known)


def given_of(plan: Plan, values: Mapping[str, Value]) -> list[Value]:
    """Return the values by the places of the features; raises EvidenceError as `score.score` does."""
    given: list[Value] = [None] * plan.many
    for at, one in plan.used:
        try:
            value = values[one.name]
        except KeyError:
            says = f"Feature '{one.name}' was not given: give None where it was not measured."
            raise EvidenceError(says) from None
        if value is not None:
            given[at] = _of_kind(one, value)
    return given


def _of_kind(one: Input, value: float | str) -> Value:
    # NaN is the only number that is not itself; a table has it for a level too.
    if value != value:  # noqa: PLR0124
        return None
    if one.is_level is not isinstance(value, str) or isinstance(value, bool):
        kind = "a level (text)" if one.is_level else "a number"
        raise EvidenceError(f"Feature '{one.name}' has to be {kind}.")
    return value


def _shares(term: Term, inputs: Sequence[Input]) -> tuple[tuple[str, float], ...]:
    shares: dict[str, float] = {}
    for at in term.features:
        names = inputs[at].parameters
        for name in names:
            shares[name] = shares.get(name, 0.0) + 1.0 / (len(term.features) * len(names))
    return tuple(shares.items())


def _looked(term: Term, slope: float) -> Looked:
    if isinstance(term, Pair):
        return _looked_pair(term, slope)
    at, missing = term.feature, slope * term.missing
    scores = tuple(slope * one for one in term.scores)
    if isinstance(term, Levels):
        of, other = dict(zip(term.levels, scores, strict=True)), slope * term.other
        return lambda given: missing if given[at] is None else of.get(given[at], other)
    edges = term.edges

    def step(given: Given) -> float:
        value = given[at]
        return missing if value is None else scores[bisect_right(edges, value)]

    if not term.knots:
        return step
    line = _line(term)
    return lambda given: missing if given[at] is None else step(given) + slope * line(given[at])


def _line(term: Curve) -> Callable[[float], float]:
    knots, heights = term.knots, term.heights
    rises = [(heights[n + 1] - heights[n]) / (knots[n + 1] - knots[n]) for n in range(len(knots) - 1)]

    def line(value: float) -> float:
        after = bisect_right(knots, value)
        if after == 0 or after == len(knots):
            return heights[0 if after == 0 else -1]
        return heights[after - 1] + rises[after - 1] * (value - knots[after - 1])

    return line


def _looked_pair(term: Pair, slope: float) -> Looked:
    (one, other), table = term.features, [[slope * each for each in row] for row in term.scores]
    row, column = (indexed(edges) for edges in term.edges)
    return lambda given: table[row(given[one])][column(given[other])]


def indexed(edges: Sequence[Any]) -> Callable[[Any], int]:
    """Return what gives the row (or column) of a value in a pair; 0 where there is none."""
    if edges and isinstance(edges[0], str):
        of = {level: at for at, level in enumerate(edges, 1)}
        other = len(edges) + 1
        return lambda value: 0 if value is None else of.get(value, other)
    # Of no edges, a number is in row 1 and so is a level: the only other.
    return lambda value: 0 if value is None else 1 + (bisect_right(edges, value) if edges else 0)


def _extremes(term: Term) -> tuple[float, float]:
    """Return the least and the greatest that a term can add, before calibration."""
    if isinstance(term, Pair):
        every = [score for row in term.scores for score in row]
    elif isinstance(term, Levels):
        every = [*term.scores, term.other, term.missing]
    else:
        every = [*_heights(term), term.missing]
    return min(every), max(every)


def _heights(term: Curve) -> list[float]:
    """Return what a curve is at the ends of every piece of it: inside a piece it is a straight line."""
    if not term.knots:
        return list(term.scores)
    line, places = _line(term), [*term.knots, *term.edges]
    under = [term.scores[bisect_left(term.edges, at)] + line(at) for at in places]
    return under + [term.scores[bisect_right(term.edges, at)] + line(at) for at in places]


def _tried(terms: Sequence[Term], at: int) -> tuple[Value, ...]:
    """Return the values of a feature at quantiles of the training cases that had one.

    Levels in the order of their scores. A feature that only pairs look at has no counts: each bin alike.
    """
    alone = next((term for term in terms if not isinstance(term, Pair)), None)
    if isinstance(alone, Levels):
        told = sorted(zip(alone.scores, alone.levels, alone.counts[1:], strict=False))
        values: list[Value] = [*(level for _, level, _ in told), _OTHER]
        return _quantiles(values, [count for _, _, count in told] + [alone.counts[-1]])
    if alone is not None:
        return _quantiles(_inside(alone.edges), alone.counts[1:])
    pair = next(term for term in terms if isinstance(term, Pair))
    edges: Sequence[Any] = pair.edges[pair.features.index(at)]
    values = [*edges, _OTHER] if edges and isinstance(edges[0], str) else list(_inside(edges))
    return _quantiles(values, [1.0] * len(values))


def _inside(edges: Sequence[float]) -> list[Value]:
    """Return a value inside each bin: the middle, or the end of one that has no other."""
    if not edges:
        return [0.0]
    middles = [low / 2 + high / 2 for low, high in pairwise(edges)]
    return [nextafter(edges[0], -inf), *middles, edges[-1]]


def _quantiles(values: Sequence[Value], counts: Sequence[float]) -> tuple[Value, ...]:
    up_to = list(accumulate(counts))
    if not up_to or up_to[-1] <= 0:
        return ()
    places = [bisect_right(up_to, (n + 0.5) / TRIED * up_to[-1]) for n in range(TRIED)]
    return tuple(values[min(place, len(values) - 1)] for place in places)
