"""Small charts of one measurement over time, as geometry that a template draws in SVG; each keeps its table.

The shaded band is where NEWS2 gives no points (RCP 2017, chart 1); other measurements have no band, since a
usual range belongs to a laboratory and is not in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

# LOINC: name, unit of the band, band. Royal College of Physicians, NEWS2 (2017), chart 1: zero points.
VITALS: dict[str, tuple[str, str, float, float]] = {
    "LOINC/9279-1": ("Breathing", "/min", 12, 20),
    "LOINC/59408-5": ("Oxygen saturation", "%", 96, 100),
    "LOINC/2708-6": ("Oxygen saturation", "%", 96, 100),
    "LOINC/8480-6": ("Systolic pressure", "mm[Hg]", 111, 219),
    "LOINC/8867-4": ("Pulse", "/min", 51, 90),
    "LOINC/8310-5": ("Temperature", "Cel", 36.1, 38.0),
}


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


def _series(events: Iterable[Event], as_of: datetime) -> dict[tuple[str, str], list[Event]]:
    """Group usable numbers by code and unit: two units never share an axis."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if event.kind != "Observation" or event.time is None or event.status not in USABLE:
            continue
        if isinstance(event.value, bool) or not isinstance(event.value, int | float) or event.time > as_of:
            continue
        found.setdefault((event.code, event.unit or ""), []).append(event)
    return found


def _window(events: list[Event], as_of: datetime) -> tuple[list[Event], str]:
    """Return the last day where it holds enough to see a course, else the last dozen values."""
    recent = [event for event in events if event.time is not None and as_of - event.time <= DAY]
    if len(recent) >= 3:
        return recent[-POINTS:], "last 24 hours"
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
    if high - low < 1e-9:
        pad = abs(high) * 0.1 or 1.0
        return low - pad, high + pad
    return low, high


def _draw(code: str, unit: str, name: str, events: list[Event], as_of: datetime) -> Chart:
    shown, span = _window(events, as_of)
    values = [float(event.value) for event in shown if isinstance(event.value, int | float)]
    edges = _band(code, unit)
    low, high = _scale(values, edges)
    times = [event.time.timestamp() for event in shown if event.time is not None]
    start, length = times[0], (times[-1] - times[0]) or 1.0

    def down(value: float) -> float:
        return TOP + (high - min(max(value, low), high)) / (high - low) * (BOTTOM - TOP)

    points = tuple(
        Point(
            LEFT + (at - start) / length * (RIGHT - LEFT) if times[-1] > start else (LEFT + RIGHT) / 2,
            down(number),
            event.time,  # type: ignore[arg-type]
            words.value(event),
            event.source,
        )
        for event, number, at in zip(shown, values, times, strict=True)
    )
    band = None
    if edges is not None:
        top, bottom = down(edges[1]), down(edges[0])
        apart = bottom - top > 11 and edges[1] <= high
        band = Band(top, bottom - top, words.number(edges[0]), words.number(edges[1]), apart)
    return Chart(code, name, words.unit(unit), span, points, band)


def charts(
    events: Iterable[Event], as_of: datetime, names: Mapping[str, str], cited: frozenset[str], most: int = 8
) -> list[Chart]:
    """Return up to `most` charts: vital signs first, then what an answer leaned on, then the rest.

    names: code -> as a clinician says it. cited: sources that reasons point to.
    """
    series = _series(events, as_of)
    known = {**{code: row[0] for code, row in VITALS.items()}, **names}

    def order(item: tuple[tuple[str, str], list[Event]]) -> tuple[int, int, float]:
        (code, _), found = item
        leaned = any(event.source in cited for event in found)
        vital = list(VITALS).index(code) if code in VITALS else len(VITALS)
        return (0 if code in VITALS else 1 if leaned else 2, vital, -_last(found))

    worth = [item for item in series.items() if item[0][0] in known and len(item[1]) > 1]
    return [
        _draw(code, unit, known[code].capitalize(), found, as_of)
        for (code, unit), found in sorted(worth, key=order)[:most]
    ]


def _last(found: list[Event]) -> float:
    at = found[-1].time
    return at.timestamp() if at is not None else 0.0
