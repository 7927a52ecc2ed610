"""Small charts of one measurement over time, as geometry that a template draws in SVG; each keeps its table.

The shaded band is where NEWS2 gives no points (RCP 2017, chart 1); other measurements have no band, since a
usual range belongs to a laboratory and is not in the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from salus.core.errors import EvidenceError
from salus.core.evidence import Event
from salus.core.measures import USABLE
from salus.core.units import convert
from salus.delivery.web import words

# The chart is 320 by 68: labels to the left, the last value to the right; long ones make the course narrower.
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 320, 34, 262, 8, 58
# The course keeps this much. What would leave it less is no label; a last value then stands above the chart.
COURSE = 120
# From a label of the axis to the course, and from the last point to its value.
BEFORE, AFTER = 5, 8
# Sizes of the stylesheet, in the chart's own coordinates.
AXIS_SIZE, LAST_SIZE = 11.5, 14
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


@dataclass(frozen=True, slots=True)
class Chart:
    """One measurement over time: points in the chart's own coordinates, oldest first."""

    code: str
    name: str
    unit: str
    span: str
    points: tuple[Point, ...]
    band: Band | None
    left: float = LEFT
    right: float = RIGHT
    labels: tuple[tuple[float, str], ...] = ()

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
    def last_beside(self) -> bool:
        """Whether the latest value has room beside its point."""
        return _fits(self.last_number, LAST_SIZE)

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


def wide(text: str, size: float) -> float:
    """Return how much room `text` may take at most, in the chart's coordinates.

    By the widest of the fonts that systems have (bold digits of Verdana and DejaVu Sans: 0.71 of the size),
    and with the spacing that a reader may ask for (WCAG 2.2, 1.4.12: 0.12).
    """
    return size * sum(0.12 + (0.4 if one in ".," else 0.72 if one.isdigit() else 0.9) for one in text)


def _fits(text: str, size: float) -> bool:
    """Whether a label leaves the course what it needs, with one as long on its other side."""
    return wide(text, size) <= (WIDTH - COURSE) / 2 - AFTER


def _across(times: list[float], at: float, ends: tuple[float, float]) -> float:
    """Return where a moment stands between the first and the last; in the middle when they are one."""
    (start, end), (left, right) = (times[0], times[-1]), ends
    return left + (at - start) / (end - start) * (right - left) if end > start else (left + right) / 2


def _draw(series: Series, as_of: datetime, edges: tuple[float, float] | None) -> Chart:
    shown, span = _window(list(series.events), as_of)
    read = [(event, float(event.value), event.time) for event in shown if _is_read(event)]  # type: ignore[arg-type]
    low, high = _scale([value for _, value, _ in read], edges)

    def down(value: float) -> float:
        return TOP + (high - min(max(value, low), high)) / (high - low) * (BOTTOM - TOP)

    points = tuple(
        Point(0, down(value), at, words.value(event), event.source)
        for event, value, at in read
        if at is not None
    )
    band, labels = None, _ends(points)
    if edges is not None:
        top, bottom = down(edges[1]), down(edges[0])
        band = Band(top, bottom - top, _edge(edges[0]), _edge(edges[1]))
        apart = bottom - top > 11 and edges[1] <= high
        labels = ((top, band.high), (bottom - 1, band.low)) if apart else ((bottom - 1, band.low),)
    unit = words.unit(series.unit)
    return _laid_out(Chart(series.code, series.name, unit, span, points, band, labels=labels))


def _laid_out(chart: Chart) -> Chart:
    """Return the chart with its points between its labels, which have all the room that they need."""
    labels = tuple((y, text) for y, text in chart.labels if text and _fits(text, AXIS_SIZE))
    left = max((LEFT, *(wide(text, AXIS_SIZE) + BEFORE for _, text in labels)))
    last = wide(chart.last_number, LAST_SIZE) + AFTER if chart.last_beside else 0
    right = min(RIGHT, WIDTH - last)
    times = [point.at.timestamp() for point in chart.points]
    points = tuple(
        replace(point, x=_across(times, at, (left, right)))
        for point, at in zip(chart.points, times, strict=True)
    )
    return replace(chart, points=points, left=left, right=right, labels=labels)


def _edge(value: float) -> str:
    """Return an end of the band to three digits, as people write numbers."""
    return words.number(float(f"{value:.3g}"))


def _ends(points: tuple[Point, ...]) -> tuple[tuple[float, str], ...]:
    """Return the highest and the lowest value as labels of the axis, one where they are too close for two."""
    top, bottom = min(points, key=lambda one: one.y), max(points, key=lambda one: one.y)
    chosen = (top, bottom) if bottom.y - top.y > 12 else (top,)
    return tuple((point.y, re.sub(r"[^\d.,−<>=].*", "", point.says)) for point in chosen)


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
            Series(code, unit, _begun(known[code]), tuple(found)),
            as_of,
            _band(code, unit) if banded and code not in unbanded else None,
        )
        for (code, unit), found in sorted(worth, key=order)[:MOST]
    ]


def _begun(name: str) -> str:
    """Return a name as a heading begins; "eGFR" and "pH" stay as they are."""
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]


def _moves(key: tuple[str, str], found: list[Event]) -> bool:
    """Whether there is a course to see: vital signs always have one, the rest when it is not flat."""
    return len(found) > 1 and (key[0] in VITALS or len({event.value for event in found}) > 1)


def _last(found: Sequence[Event]) -> float:
    at = found[-1].time
    return at.timestamp() if at is not None else 0.0
