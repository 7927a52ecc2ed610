"""Pictures of the evidence report as geometry that a template draws in SVG.

What was said against what happened, net benefit, the shapes of a model, intervals side by side, and a
thousand people.

Drawn 320 wide, so that their letters stay readable on a phone. Lines differ in form and not in colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log, log10

from salus.core.insight import Estimate
from salus.delivery.web import words
from salus.delivery.web.charts import wide

WIDTH, HEIGHT = 320, 232
LEFT, RIGHT, TOP, BOTTOM = 44.0, 308.0, 22.0, 196.0
# Letters of the stylesheet, and the room of a tick's label before the next.
SIZE, TICK = 11.5, 62.0
# A strip of a table: one interval on a scale that all rows share.
STRIP, STRIP_LEFT, STRIP_RIGHT = 132, 8.0, 124.0

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot: how it is drawn (one, two, three) and what it is called."""

    points: str
    drawn: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on the plot, with the interval that it lies in."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with two axes. told: the picture in one sentence, for those who cannot see it."""

    told: str
    across: str
    up: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    at: float | None = None
    at_says: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """One interval in a row of a table; its numbers stand beside it as text."""

    says: str
    x: float
    low: float
    high: float
    reference: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """A thousand people: SVG paths of the right alerts, the false ones, the missed and the rest."""

    found: str
    false: str
    missed: str
    rest: str
    width: int
    height: int
    told: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places: linear between two ends, and held within them."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where `value` stands."""
        held = min(max(value, self.low), self.high)
        return self.start + (held - self.low) / (self.high - self.low) * (self.end - self.start)


def round_steps(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, at most `most` steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def _ticks(axis: Axis, says: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    return tuple((axis.at(value), _fitting(says(value), TICK)) for value in round_steps(axis.low, axis.high))


def _fitting(says: str, room: float, instead: str = "") -> str:
    """Return words that have room on the picture; what is too long for it stands in the table."""
    return says if wide(says, SIZE) <= room else instead


def _across(low: float, high: float) -> Axis:
    return Axis(low, high if high > low else low + 1.0, LEFT, RIGHT)


def _up(low: float, high: float) -> Axis:
    return Axis(low, high if high > low else low + 1.0, BOTTOM, TOP)


def _path(points: Points, x: Axis, y: Axis) -> str:
    return " ".join(f"{x.at(across):.1f},{y.at(up):.1f}" for across, up in points)


def _per_hundred(value: float) -> str:
    return words.number(round(value * 100, 2))


def calibration(found: Sequence[tuple[float, Estimate]], told: str) -> Plot:
    """Return what was said (across) against what happened (up), each with its interval."""
    most = max(max(said, happened.upper, happened.value or 0.0) for said, happened in found)
    top = round_steps(0.0, most, 5)
    end = min(1.0, top[-1] if top[-1] >= most else top[-1] + top[1]) if len(top) > 1 else 1.0
    x, y = _across(0.0, end), _up(0.0, end)
    marks = tuple(
        Mark(
            x.at(said),
            y.at(happened.value),
            y.at(happened.value if happened.low is None else happened.low),
            y.at(happened.value if happened.high is None else happened.high),
        )
        for said, happened in found
        if happened.value is not None
    )
    line = Line(_path([(said, happened.value or 0.0) for said, happened in found], x, y), "one", "this model")
    right = Line(_path([(0.0, 0.0), (end, end)], x, y), "two", "said and happened alike")
    up = "happened, of 100"
    return Plot(
        told, "said, of 100", up, _ticks(x, _per_hundred), _ticks(y, _per_hundred), (right, line), marks
    )


def decision(rows: Sequence[tuple[float, float, float, float]], at: float | None, told: str) -> Plot:
    """Return net benefit against the threshold: (threshold, model, all, none) ascending, per 1,000 people.

    What falls far below nothing is cut: there the policy only harms, and how much is in the table.
    """
    most = max(max(model, everyone, nobody, 0.0) for _, model, everyone, nobody in rows) or 0.001
    x, y = _across(rows[0][0], rows[-1][0]), _up(-0.25 * most, most)
    named = ("one", "this model", 1), ("two", "alert for all", 2), ("three", "alert for nobody", 3)
    lines = tuple(
        Line(_path(_above([(row[0], row[which]) for row in rows], y.low), x, y), drawn, says)
        for drawn, says, which in named
    )
    says = f"threshold {_per_hundred(at)}" if at is not None and x.low <= at <= x.high else ""
    return Plot(
        told,
        "alert from a risk of, in 100",
        "net benefit, per 1,000",
        _ticks(x, _per_hundred),
        _ticks(y, lambda value: words.number(round(value * 1000, 1))),
        lines,
        at=x.at(at) if says and at is not None else None,
        at_says=says,
    )


def _above(points: Points, least: float) -> list[tuple[float, float]]:
    """Return the points down to where the line leaves the picture."""
    kept: list[tuple[float, float]] = []
    for across, up in points:
        if up >= least:
            kept.append((across, up))
            continue
        if kept:
            before, height = kept[-1]
            kept.append((before + (across - before) * (height - least) / (height - up), least))
        break
    return kept


def steps(points: Points, told: str, unit: str) -> Plot:
    """Return a shape of a model: what a value adds, in log-odds, told as what it multiplies the odds by."""
    low, high = min(up for _, up in points), max(up for _, up in points)
    room = max((high - low) * 0.08, 0.05)
    x, y = _across(points[0][0], points[-1][0]), _up(min(low, 0.0) - room, max(high, 0.0) + room)
    nothing = Line(_path([(x.low, 0.0), (x.high, 0.0)], x, y), "two", "changes nothing")
    course = Line(_path(points, x, y), "one", "this model")
    return Plot(
        told,
        _fitting(unit, RIGHT - LEFT, "value"),
        "odds ×",
        _ticks(x, words.number),
        _odds(y),
        (nothing, course),
    )


def _odds(y: Axis) -> tuple[tuple[float, str], ...]:
    """Return ticks at factors that people know, no two closer than their letters."""
    factors = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 2 / 3, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 8, 16, 32)
    inside = [(y.at(log(one)), one) for one in sorted(factors, key=lambda one: abs(log(one)))]
    kept: list[tuple[float, str]] = []
    for place, factor in inside:
        apart = all(abs(place - other) > 16 for other, _ in kept)
        if apart and y.low <= log(factor) <= y.high:
            kept.append((place, words.number(round(factor, 2))))
    return tuple(kept)


def strips(
    found: Sequence[Estimate | None], says: Sequence[str], reference: float, ratio: bool
) -> list[Strip | str]:
    """Return one strip for each measure, all on one scale; plain words where there is no interval.

    reference: the value at which a line stands. ratio: whether half and double are equally far from it.
    """
    place = (lambda value: log(max(value, 0.05))) if ratio else (lambda value: value)
    ends = [end for one in found if one for end in (one.low, one.value, one.high) if end is not None]
    low, high = min([*ends, reference], default=0.0), max([*ends, reference], default=1.0)
    least = log(1.25) if ratio else 0.05
    axis = Axis(
        min(place(low), place(reference) - least),
        max(place(high), place(reference) + least),
        STRIP_LEFT,
        STRIP_RIGHT,
    )
    made: list[Strip | str] = []
    for one, text in zip(found, says, strict=True):
        if one is None or one.value is None or one.low is None or one.high is None:
            made.append(text)
            continue
        x, start, end = (round(axis.at(place(value)), 1) for value in (one.value, one.low, one.high))
        made.append(Strip(text, x, start, end, round(axis.at(place(reference)), 1)))
    return made


# One person takes this much room; so many stand in a row.
_ROOM, _IN_ROW = 8, 50


def crowd(counts: dict[str, int]) -> Crowd:
    """Return a thousand people in the order of what the model would do: filled, crossed, square, dot."""
    of, true, missed, false = (counts[key] for key in ("of", "true", "missed", "false"))
    ends = (true, true + missed, true + missed + false)
    places = [(_ROOM // 2 + n % _IN_ROW * _ROOM, _ROOM // 2 + n // _IN_ROW * _ROOM) for n in range(of)]
    told = (
        f"Of {of:,} people {true:,} are alerted rightly, {missed:,} are missed, {false:,} are false alarms, "
        f"and {of - ends[2]:,} are rightly left alone."
    )
    height = (of + _IN_ROW - 1) // _IN_ROW * _ROOM
    return Crowd(
        found="".join(f"M{x - 3} {y}a3 3 0 1 0 6 0a3 3 0 1 0-6 0" for x, y in places[: ends[0]]),
        missed="".join(f"M{x - 2.5} {y - 2.5}l5 5m0-5l-5 5" for x, y in places[ends[0] : ends[1]]),
        false="".join(f"M{x - 2.5} {y - 2.5}h5v5h-5z" for x, y in places[ends[1] : ends[2]]),
        rest="".join(f"M{x} {y}h0.01" for x, y in places[ends[2] :]),
        width=_IN_ROW * _ROOM,
        height=height,
        told=told,
    )
