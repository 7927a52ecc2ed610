"""Small charts of one measurement over time, as geometry that a template draws in SVG; each keeps its table.

The shaded band is where NEWS2 gives no points (RCP 2017, chart 1); other measurements have no band, since a
usual range belongs to a laboratory and is not in the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from salus.core.errors import EvidenceError
from salus.core.evidence import Event
from salus.core.measures import USABLE
from salus.core.units import convert
from salus.delivery.web import words

# The chart is 320 by 66: labels to the left, the last value to the right.
LEFT, RIGHT, TOP, BOTTOM = 34, 262, 8, 58
DAY = timedelta(hours=24)
# No more than this many points a chart; the record page has them all.
POINTS = 48
MOST = 8

# LOINC: name, unit of the band, band. Royal College of Physicians, NEWS2 (2017), chart 1: zero points.
VITALS: dict[str, tuple[str, str, float, float]] = {
    "LOINC/9279-1": ("Breathing", "/min", 12, 20),
    "LOINC/59408-5": ("Oxygen saturation", "%", 96, 100),
    "LOINC/2708-6": ("Oxygen saturation", "%", 96, 100),
    "LOINC/8480-6": ("Systolic pressure", "mm[Hg]", 111, 219),
    "LOINC/8867-4": ("Pulse", "/min", 51, 90),
    "LOINC/8310-5": ("Temperature", "Cel", 36.1, 38.0),
}
# NEWS2 has a second scale for oxygen saturation (target 88-92 %); where it or a target is on record (SNOMED
# CT UK: "scale 2 score", "target peripheral oxygen saturation"), the band of the first would mislead.
_SATURATION = frozenset({"LOINC/59408-5", "LOINC/2708-6"})
_OTHER_SCALE = frozenset({"SNOMED/1104321000000108", "SNOMED/852641000000103"})


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement on the chart and the resource that it came from."""

    x: float
    y: float
    at: datetime
    says: str
    source: str


@dataclass(frozen=True, slots=True)
class Band:
    """The shaded range, in chart coordinates, with its two ends as text."""

    top: float
    height: float
    low: str
    high: str
    show_high: bool = True


@dataclass(frozen=True, slots=True)
class Chart:
    """One measurement over time: points in the chart's own coordinates, oldest first."""

    code: str
    name: str
    unit: str
    span: str
    points: tuple[Point, ...]
    band: Band | None
    ends: tuple[tuple[float, str], ...] = ()

    @property
    def line(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)

    @property
    def last(self) -> Point:
        """The latest measurement."""
        return self.points[-1]

    @property
    def last_number(self) -> str:
        """The latest value without its unit, as it is written at the end of the line."""
        return self.last.says.removesuffix(self.unit).strip()

    @property
    def told(self) -> str:
        """The chart in one sentence, for those who cannot see it."""
        first, last = self.points[0], self.last
        usual = f"; shaded from {self.band.low} to {self.band.high}" if self.band else ""
        count = words.plural(len(self.points), "value")
        return f"{self.name}, {self.span}: {count}, from {first.says} to {last.says}{usual}."


@dataclass(frozen=True, slots=True)
class Series:
    """One measurement in one unit, in time order."""

    code: str
    unit: str
    name: str
    events: tuple[Event, ...]


def _is_read(event: Event) -> bool:
    """Whether it is a number with a moment."""
    number = isinstance(event.value, int | float) and not isinstance(event.value, bool)
    return number and event.time is not None


def _series(events: Iterable[Event], as_of: datetime) -> dict[tuple[str, str], list[Event]]:
    """Group usable numbers by code and unit: two units never share an axis."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        usable = event.kind == "Observation" and event.status in USABLE and _is_read(event)
        if usable and event.time is not None and event.time <= as_of:
            found.setdefault((event.code, event.unit or ""), []).append(event)
    return found


def _window(events: list[Event], as_of: datetime) -> tuple[list[Event], str]:
    """Return the last day where it holds enough to see a course, else the last dozen values."""
    recent = [event for event in events if event.time is not None and as_of - event.time <= DAY]
    if len(recent) >= 3:
        return recent[-POINTS:], "last 24 h"
    chosen = events[-12:]
    first = chosen[0].time
    return chosen, f"since {first.day} {first:%b} {first.year}" if first else ""


def _band(code: str, unit: str) -> tuple[float, float] | None:
    if code not in VITALS:
        return None
    _, known, low, high = VITALS[code]
    try:
        return convert(low, known, unit), convert(high, known, unit)
    except EvidenceError:
        return None


def _scale(values: list[float], band: tuple[float, float] | None) -> tuple[float, float]:
    """Return the ends of the axis: the values and the nearer edge of the band, never a flat axis."""
    low, high = min(values), max(values)
    if band is not None:
        low, high = min(low, band[0]), max(high, min(band[1], high * 1.15))
    # Less than a tenth of the value would make noise look like a course.
    short = (abs(high) * 0.1 or 1.0) - (high - low)
    return (low - short / 2, high + short / 2) if short > 0 else (low, high)


def _across(times: list[float], at: float) -> float:
    """Return where a moment stands between the first and the last; in the middle when they are one."""
    start, end = times[0], times[-1]
    return LEFT + (at - start) / (end - start) * (RIGHT - LEFT) if end > start else (LEFT + RIGHT) / 2


def _draw(series: Series, as_of: datetime, edges: tuple[float, float] | None) -> Chart:
    shown, span = _window(list(series.events), as_of)
    read = [(event, float(event.value), event.time) for event in shown if _is_read(event)]  # type: ignore[arg-type]
    low, high = _scale([value for _, value, _ in read], edges)
    times = [at.timestamp() for _, _, at in read if at is not None]

    def down(value: float) -> float:
        return TOP + (high - min(max(value, low), high)) / (high - low) * (BOTTOM - TOP)

    points = tuple(
        Point(_across(times, at.timestamp()), down(value), at, words.value(event), event.source)
        for event, value, at in read
        if at is not None
    )
    band = None
    if edges is not None:
        top, bottom = down(edges[1]), down(edges[0])
        apart = bottom - top > 11 and edges[1] <= high
        band = Band(top, bottom - top, f"{edges[0]:.3g}", f"{edges[1]:.3g}", apart)
    return Chart(
        series.code, series.name, words.unit(series.unit), span, points, band, () if band else _ends(points)
    )


def _ends(points: tuple[Point, ...]) -> tuple[tuple[float, str], ...]:
    """Return the highest and the lowest value as labels of the axis, one where they are too close for two."""
    top, bottom = min(points, key=lambda one: one.y), max(points, key=lambda one: one.y)
    chosen = (top, bottom) if bottom.y - top.y > 12 else (top,)
    labels = ((point.y, re.sub(r"[^\d.,−<>=].*", "", point.says)) for point in chosen)
    return tuple((y, text) for y, text in labels if len(text) < 6)


def charts(
    events: Iterable[Event],
    as_of: datetime,
    names: Mapping[str, str],
    cited: frozenset[str],
    *,
    banded: bool,
) -> list[Chart]:
    """Return up to eight charts: vital signs first, then what an answer leaned on, then the rest.

    names: code -> as a clinician says it. cited: sources that reasons point to. banded: whether NEWS2
    applies to this person; it is for no child and not for pregnancy, and then its band would mislead.
    """
    every = list(events)
    known = {**{code: row[0] for code, row in VITALS.items()}, **names}
    unbanded = _SATURATION if any(event.coded(_OTHER_SCALE) for event in every) else frozenset()

    def order(item: tuple[tuple[str, str], list[Event]]) -> tuple[int, int, float]:
        (code, _), found = item
        leaned = any(event.source in cited for event in found)
        vital = list(VITALS).index(code) if code in VITALS else len(VITALS)
        return (0 if code in VITALS else 1 if leaned else 2, vital, -_last(found))

    worth = [item for item in _series(every, as_of).items() if item[0][0] in known and _moves(*item)]
    return [
        _draw(
            Series(code, unit, known[code][:1].upper() + known[code][1:], tuple(found)),
            as_of,
            _band(code, unit) if banded and code not in unbanded else None,
        )
        for (code, unit), found in sorted(worth, key=order)[:MOST]
    ]


def _moves(key: tuple[str, str], found: list[Event]) -> bool:
    """Whether there is a course to see: vital signs always have one, the rest when it is not flat."""
    return len(found) > 1 and (key[0] in VITALS or len({event.value for event in found}) > 1)


def _last(found: Sequence[Event]) -> float:
    at = found[-1].time
    return at.timestamp() if at is not None else 0.0
