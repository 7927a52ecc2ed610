"""Icon arrays and bars: a risk as people among people, a reason as a length; templates draw them.

An icon array keeps part and whole in sight, which helps people of every numeracy to read a risk rightly
(Garcia-Retamero & Cokely, Hum Factors 2017;59:582-627).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from salus.core.insight import Estimate, Reason
from salus.delivery.web import words

# Units of a reason's weight that are logarithms of odds; told as what they multiply the odds by.
LOG_ODDS = frozenset({"log-odds", "logit", "{log-odds}", "{logit}", "{log_odds}"})
POINTS = "{score}"


@dataclass(frozen=True, slots=True)
class Dot:
    """One person: `full` (has it), `maybe` (within the interval), `nobody`."""

    x: float
    y: float
    kind: str


@dataclass(frozen=True, slots=True)
class Icons:
    """100 (or 1,000) people, and how many of them it happens to."""

    dots: tuple[Dot, ...]
    width: int
    height: int
    radius: float
    told: str


def icons(estimate: Estimate) -> Icons | None:
    """Return the icon array of a probability, or None where nothing is known of it."""
    if estimate.unit != "1" or (estimate.value is None and estimate.high is None):
        return None
    of = words.denominator(estimate)
    sure = estimate.value if estimate.value is not None else estimate.low or 0.0
    full = round(sure * of)
    most = max(round((estimate.high if estimate.high is not None else sure) * of), full)
    per_row, step, radius = (20, 12, 4.4) if of == 100 else (50, 7, 2.4)
    dots = tuple(
        Dot(
            step / 2 + n % per_row * step,
            step / 2 + n // per_row * step,
            "full" if n < full else "maybe" if n < most else "nobody",
        )
        for n in range(of)
    )
    told = f"{full} of {of:,} people are filled in" + (
        f", {most - full} more are dashed: the interval" if most > full else ""
    )
    return Icons(dots, per_row * step, of // per_row * step, radius, told)


@dataclass(frozen=True, slots=True)
class Bar:
    """How much a reason weighs: to the right it raises, to the left it lowers."""

    x: float
    width: float
    zero: float
    side: str
    label: str
    text_x: float
    anchor: str
    told: str


def weight(reason: Reason) -> str:
    """Return a weight in words: points, what the odds are multiplied by, or the number with its unit."""
    if reason.unit in LOG_ODDS:
        factor = exp(reason.weight)
        return f"odds ×{factor:.1f}" if factor >= 0.1 else f"odds ×{factor:.2f}"
    sign = "+" if reason.weight > 0 else ""
    if reason.unit == POINTS:
        points = words.number(reason.weight)
        return f"{sign}{points} {'point' if points in ('1', '−1') else 'points'}"
    if reason.unit.startswith("{"):
        name = reason.unit.strip("{}")
        return f"{sign}{words.number(reason.weight)} {name if abs(reason.weight) == 1 else name + 's'}"
    return f"{sign}{words.quantity(reason.weight, reason.unit)}"


# Width of a bar's drawing, and what its label takes.
WIDTH, LABEL = 230.0, 72.0
# A weight smaller than this is dust of floating point.
NOTHING = 1e-9


def bars(reasons: tuple[Reason, ...]) -> list[Bar | None]:
    """Return one bar for each reason, on one scale for each unit; None where it only informs."""
    found: list[Bar | None] = []
    for reason in reasons:
        same = [one.weight for one in reasons if one.unit == reason.unit]
        found.append(
            _bar(reason, -min(*same, 0.0), max(*same, 0.0)) if abs(reason.weight) > NOTHING else None
        )
    return found


def _bar(reason: Reason, lowers: float, raises: float) -> Bar:
    """Start at the left edge where nothing lowers; else leave as much room as the heaviest of them takes."""
    room = WIDTH - LABEL - 26 if not lowers else WIDTH - 2 * LABEL
    scale = room / (lowers + raises)
    zero = 1.0 if not lowers else LABEL + lowers * scale
    width = round(max(abs(reason.weight) * scale, 2.0), 1)
    zero, label = round(zero, 1), weight(reason)
    if reason.weight > 0:
        return Bar(zero, width, zero, "up", label, zero + width + 6, "start", f"raises it: {label}")
    left = round(zero - width, 1)
    return Bar(left, width, zero, "down", label, left - 6, "end", f"lowers it: {label}")
