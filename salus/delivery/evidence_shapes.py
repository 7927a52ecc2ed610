"""How the model thinks, in the evidence report: what weighs most, its largest shapes with their tables, and
answers that were right and wrong with their reasons.

Shapes are in log-odds; people are told what a value multiplies the odds by.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

from salus.core.insight import Estimate, Reason
from salus.delivery import evidence_charts as charts
from salus.delivery.evidence_parts import Case, Figure, Section, Table
from salus.delivery.evidence_words import (
    NOT_MEASURED,
    Part,
    count,
    decimal,
    numbers,
    outcome,
    part,
    real,
    rows,
)
from salus.delivery.web import words
from salus.delivery.web.pages.answers import Why
from salus.delivery.web.pictures import bars

# From, to, and what is added at the one and the other.
Piece = tuple[float, float, float, float]
# More pictures than this nobody reads; the whole model is in its file.
MOST = 12


def reading(evidence: Part) -> Section:
    """What weighs most, and the largest shapes."""
    found, shapes = part(evidence, "reading"), rows(evidence, "shapes")
    figures = [made for shape in shapes[:MOST] if (made := _shape(shape))]
    largest = _largest(rows(found, "largest"))
    terms, pairs = real(found.get("terms")), real(found.get("pairs"))
    says = []
    if terms is not None:
        both = f" and {words.plural(round(pairs), 'pair')}" if pairs else ""
        single = words.plural(round(terms), "single feature")
        says.append(
            f"The model adds up {single}{both}. A single one adds or takes what its own shape says, a pair "
            "what both its values say together. The sum is the log-odds, and nothing else enters."
        )
    if figures:
        says.append(
            "To read a shape: find the value across; the height is what it multiplies the odds by. 1 changes "
            "nothing, 2 doubles the odds. It tells what goes with the outcome, not what causes it."
        )
    return Section(
        "reading",
        "How does it come to its answer?",
        tuple(says),
        (*((largest,) if largest else ()), *figures),
        "This model has no learnt shapes: its rules are on its card, with the source of each number.",
    )


def _largest(found: Sequence[Part]) -> Table | None:
    read = [(str(row.get("parameter") or "not named"), real(row.get("importance"))) for row in found]
    known = sorted(((says, one) for says, one in read if one is not None), key=lambda each: -each[1])[:MOST]
    cells = tuple((says, decimal(one, 3), f"×{decimal(exp(min(one, 50.0)))}") for says, one in known)
    heads = ("Parameter", "Moves the log-odds by", "That is odds times, or through")
    return Table("What moves the answer most, on average over these cases", heads, cells) if cells else None


def _shape(shape: Part) -> Figure | Table | None:
    return _levels(shape) if isinstance(shape.get("levels"), list | tuple) else _figure(shape)


@dataclass(frozen=True, slots=True)
class Course:
    """What a number adds: a step for each bin, and a line between knots on top of it."""

    edges: list[float]
    scores: list[float]
    knots: list[float]
    heights: list[float]

    @property
    def whole(self) -> bool:
        """Whether there is one score more than edges, and a height for each knot."""
        enough = len(self.scores) == len(self.edges) + 1 and len(self.knots) == len(self.heights)
        return enough and bool(self.edges or self.knots)

    def pieces(self) -> list[Piece]:
        """Return the stretches in which no step lies, with what is added at both their ends."""
        bounds = sorted({*self.edges, *self.knots})
        room = (bounds[-1] - bounds[0]) * 0.06 or max(abs(bounds[0]) * 0.1, 1.0)
        # What is never below 0 in its bounds (hours, counts) is not drawn there.
        first = max(bounds[0] - room, 0.0) if bounds[0] >= 0 else bounds[0] - room
        ends = [first, *bounds, bounds[-1] + room]
        return [self._piece(low, high) for low, high in pairwise(ends)]

    def _piece(self, low: float, high: float) -> Piece:
        step = self.scores[bisect_right(self.edges, (low + high) / 2)]
        return low, high, step + self._line(low), step + self._line(high)

    def _line(self, at: float) -> float:
        if not self.knots:
            return 0.0
        place = bisect_left(self.knots, at)
        if place in (0, len(self.knots)):
            return self.heights[min(place, len(self.knots) - 1)]
        before, after = self.knots[place - 1 : place + 1]
        low, high = self.heights[place - 1 : place + 1]
        return low + (at - before) / (after - before) * (high - low)


def _figure(shape: Part) -> Figure | None:
    course = Course(*(numbers(shape, key) for key in ("edges", "scores", "knots", "heights")))
    if not course.whole:
        return None
    pieces = course.pieces()
    points = [point for low, high, first, last in pieces for point in ((low, first), (high, last))]
    name, unit = _name(shape), words.unit(str(shape.get("unit") or ""))
    least, most = min(up for _, up in points), max(up for _, up in points)
    says = f"{name}: from odds {_odds(least)} to odds {_odds(most)} over its range."
    missing = _missing(shape)
    rows = [*_bins(pieces, shape), *missing]
    # A line's own pieces are finer than the steps that cases were counted in.
    heads = _HEADS if all(row[-1] for row in rows) else _HEADS[:2]
    told = tuple(row[: len(heads)] for row in rows)
    table = Table(f"{name}{f', {unit}' if unit else ''}", heads, told)
    how = f"Not measured: odds {missing[0][1]}." if missing else ""
    return Figure(name, charts.steps(points, says, unit or "value"), table, how)


_HEADS = ("Value", "Odds multiplied by", "Cases in training")


def _name(shape: Part) -> str:
    return str(shape.get("feature") or "a feature without a name")


def _bins(bins: Sequence[Piece], shape: Part) -> list[tuple[str, str, str]]:
    counts, found = numbers(shape, "counts"), []
    # Counts are of the steps, the missing first; a line's own pieces have none.
    counted = counts[1:] if len(counts) == len(bins) + 1 else []
    for place, (low, high, first, last) in enumerate(bins):
        ends = (
            "under " + words.number(high)
            if place == 0
            else f"{words.number(low)} to under {words.number(high)}"
        )
        says = f"{words.number(low)} and over" if place == len(bins) - 1 else ends
        odds = _odds(first) if abs(first - last) < 1e-9 else f"{_odds(first)} to {_odds(last)}"
        found.append((says, odds, count(counted[place]) if counted else ""))
    return found


def _missing(shape: Part) -> list[tuple[str, str, str]]:
    score, counts = real(shape.get("missing")), numbers(shape, "counts")
    return [] if score is None else [(NOT_MEASURED, _odds(score), count(counts[0]) if counts else "")]


def _odds(score: float) -> str:
    return f"×{decimal(exp(max(min(score, 50.0), -50.0)))}"


def _levels(shape: Part) -> Table | None:
    """Return a shape of levels: each with its odds, drawn from 1 (no change) to where it stands."""
    levels, values, counts = list(shape["levels"]), numbers(shape, "scores"), numbers(shape, "counts")
    if not levels or len(levels) != len(values):
        return None
    for says, key in (("any other", "other"), (NOT_MEASURED, "missing")):
        if (score := real(shape.get(key))) is not None:
            levels.append(says)
            values.append(score)
    odds = [exp(score) for score in values]
    ends = [Estimate(one, "", min(one, 1.0), max(one, 1.0)) for one in odds]
    cells = charts.strips(ends, [_odds(score) for score in values], 1.0, ratio=True)
    # As the artefact counts: the missing first, then each level, and any other at the end.
    order = [*counts[1:], counts[0]] if len(counts) == len(levels) else []
    counted = [count(one) for one in order] or ["not told"] * len(levels)
    rows_of = zip(levels, cells, counted, strict=True)
    heads = ("Level", *_HEADS[1:])
    return Table(_name(shape), heads, tuple((str(level), cell, one) for level, cell, one in rows_of))


def examples(evidence: Part) -> Section:
    """Answers that were right and answers that were wrong, each with its reasons."""
    cases = tuple(_case(row, outcome(evidence)) for row in rows(evidence, "examples"))
    return Section(
        "examples",
        "When is it right, and when is it wrong?",
        ("Chosen from those judged. Reasons weigh as odds; no value of a patient is shown.",)
        if cases
        else (),
        cases,
        "No answers were kept as examples in this run.",
    )


# By whether it was right, and whether it happened; as the thousand people are told apart.
_KINDS = {
    ("right", True): "Found",
    ("right", False): "Rightly left alone",
    ("wrong", True): "Missed",
    ("wrong", False): "False alarm",
}


def _kind(kind: str, happened: object) -> str:
    return _KINDS.get((kind, bool(happened)), kind.capitalize() or "Not told")


def _case(row: Part, what: str) -> Case:
    kind = _kind(str(row.get("kind") or ""), row.get("outcome"))
    said, happened = real(row.get("probability")), row.get("outcome")
    risk = "a risk that is not told" if said is None else words.frequency(Estimate(said))
    fact = (
        f"{what} is not known"
        if happened is None
        else f"{what}: {'it happened' if happened else 'it did not'}"
    )
    read = [(str(one.get("says") or ""), real(one.get("weight")) or 0.0) for one in rows(row, "reasons")]
    reasons = tuple(Reason((), weight, says, "log-odds") for says, weight in read)
    why = tuple(Why(one.says, (), bar) for one, bar in zip(reasons, bars(reasons), strict=True))
    case = f", case {row['case']}" if row.get("case") is not None else ""
    return Case(f"{kind}{case}", f"It said {risk}. {fact[:1].upper()}{fact[1:]}.", why)
