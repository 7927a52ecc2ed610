"""The printed charts of NEWS2 as tables, and how a value is looked up in them.

Source: RCP 2017, chart 1 (points) and chart 2 (thresholds).
"""

from __future__ import annotations

from math import floor, inf

from salus.risk._bedside import AIR, OXYGEN

# Chart 1, row by row: (highest value of the band, points), in whole units; temperature in tenths of a degree.
Bands = tuple[tuple[float, int], ...]
RESPIRATION: Bands = ((8, 3), (11, 1), (20, 0), (24, 2), (inf, 3))
SPO2_SCALE_1: Bands = ((91, 3), (93, 2), (95, 1), (inf, 0))
SPO2_SCALE_2_AIR: Bands = ((83, 3), (85, 2), (87, 1), (inf, 0))
SPO2_SCALE_2_OXYGEN: Bands = ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (inf, 3))
WHOLE_PERCENTS: Bands = (*((percent, percent) for percent in range(100)), (inf, 100))
SYSTOLIC_PRESSURE: Bands = ((90, 3), (100, 2), (110, 1), (219, 0), (inf, 3))
PULSE_RATE: Bands = ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (inf, 3))
TEMPERATURE_TENTHS: Bands = ((350, 3), (360, 1), (380, 0), (390, 1), (inf, 2))
OXYGEN_POINTS = {AIR: 0, OXYGEN: 2}
NOT_ALERT = 3
RED = 3
# Chart 2.
MEDIUM, HIGH = 5, 7


def banded(bands: Bands, low: float, high: float, per_unit: int = 1) -> tuple[int, ...]:
    """Return every number of points that values from `low` to `high` can give.

    Values are rounded half up to the chart's precision, as a nurse writes them on it.
    """
    first, last = _charted(low, per_unit), _charted(high, per_unit)
    found, floor_of_band = set(), -inf
    for top, points in bands:
        if first <= top and last > floor_of_band:
            found.add(points)
        floor_of_band = top
    return tuple(sorted(found))


def _charted(value: float, per_unit: int) -> int:
    # A millionth takes off the dust that a change of unit leaves (100.4 degF is 38.0 Cel).
    return floor(value * per_unit + 0.5 + 1e-6)


def category(low: int, high: int, red_certain: bool, red_possible: bool) -> str:
    """Name the clinical risk of chart 2; "low to high" when a range spans several."""
    ends = (_risk(low, red_certain), _risk(high, red_possible))
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _risk(score: int, red: bool) -> str:
    if score >= HIGH:
        return "high"
    if score >= MEDIUM:
        return "medium"
    return "low-medium" if red else "low"
