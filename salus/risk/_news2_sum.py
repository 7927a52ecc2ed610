"""The items of NEWS2 for one patient, the sum that they allow, and what must be said about their timing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from salus.core.measures import Measure, Reading, ago, read
from salus.core.seams import View
from salus.risk import _bedside as bedside
from salus.risk import _news2_chart as chart
from salus.risk._elsewhere import elsewhere
from salus.risk._measures import PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE
from salus.risk._placed import blanks, left_out
from salus.risk._points import Item, amount, at

# Chart 4: the longest time between two sets of observations is 12 hours; one late set is allowed for.
MONITORED = timedelta(hours=12)
WITHIN = timedelta(hours=24)
# The measurements of chart 3 stand in one column, at one time; further apart they are no set.
ONE_SET = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of chart 1 that is a measurement."""

    measure: Measure
    bands: chart.Bands
    name: str
    unit: str
    per_unit: int = 1

    def scores(self, value: float) -> tuple[int, ...]:
        """Return the points of one value."""
        return chart.banded(self.bands, value, value, self.per_unit)


_ROWS = (
    _Row(RESPIRATORY_RATE, chart.RESPIRATION, "respiratory rate", "/min"),
    _Row(SYSTOLIC, chart.SYSTOLIC_PRESSURE, "systolic blood pressure", "mmHg"),
    _Row(PULSE, chart.PULSE_RATE, "pulse", "/min"),
    _Row(TEMPERATURE, chart.TEMPERATURE_TENTHS, "temperature", "°C", 10),
)
# Its points depend on the scale and the gas: any whole number may be the end of a band.
_SATURATION = _Row(SPO2, chart.WHOLE_PERCENTS, "oxygen saturation", "%")
_WORDS = {"respiratory rate": "breathing"}
VITAL = frozenset(row.name for row in _ROWS) | {"oxygen saturation"}


def _measured(view: View, row: _Row) -> tuple[Item, Reading]:
    found = read(view.timeline, row.measure, view.as_of, WITHIN)
    points = chart.banded(row.bands, found.low, found.high, row.per_unit) if found.usable else _all(row.bands)
    return _item(view, row, points, found), found


def _all(*tables: chart.Bands) -> tuple[int, ...]:
    return tuple(sorted({points for table in tables for _, points in table}))


def _item(view: View, row: _Row, points: tuple[int, ...], found: Reading) -> Item:
    name = row.name
    says = f"{_WORDS.get(name, name)} {amount(found, row.unit, row.scores)} {at(view, found.at, found.until)}"
    if not found.usable:
        return Item(name, points, says, found.sources, found.problem.rstrip("."))
    return Item(name, points, says, found.sources, limit=f"{found.problem}." if found.problem else "")


def _awake(view: View, found: bedside.Answer) -> Item:
    points = tuple(sorted({0 if state == bedside.ALERT else chart.NOT_ALERT for state in found.options}))
    says = f"consciousness: {' or '.join(found.options)} {at(view, found.at, found.until)}"
    limit = found.doubt
    if bedside.GCS_LOW in found.options:
        limit = f"{limit} ".lstrip() + (
            "A Glasgow coma scale below 15 is taken as not alert or newly confused; RCP 2017 takes confusion "
            "as new until it is shown not to be."
        )
    return Item("consciousness (ACVPU)", points, says, found.sources, found.absent, limit)


def _saturation(which: str, gas: str, found: Reading) -> tuple[int, ...]:
    on_oxygen = gas == bedside.OXYGEN
    second = chart.SPO2_SCALE_2_OXYGEN if on_oxygen else chart.SPO2_SCALE_2_AIR
    bands = chart.SPO2_SCALE_1 if which == "1" else second
    return chart.banded(bands, found.low, found.high) if found.usable else _all(bands)


def _breathing(
    found: Reading, scales: tuple[str, ...], gases: tuple[str, ...]
) -> tuple[list[int], tuple[int, ...]]:
    """Return saturation and oxygen points together, ascending, and those of saturation alone.

    On scale 2 the two depend on each other, so their range is taken over what can be true at once.
    """
    each = [(gas, points) for gas in gases for which in scales for points in _saturation(which, gas, found)]
    sums = sorted(chart.OXYGEN_POINTS[gas] + points for gas, points in each)
    return sums, tuple(sorted({points for _, points in each}))


@dataclass(frozen=True, slots=True)
class Scored:
    """The items of one patient, the sum that they allow, and what to be aware of.

    ages: of each value used, how old it is at most and at least (its day alone may be recorded).
    """

    items: tuple[Item, ...]
    low: int
    high: int
    ages: tuple[tuple[str, timedelta, timedelta], ...]
    cautions: tuple[str, ...]

    @property
    def red_possible(self) -> bool:
        """Whether one parameter may score 3."""
        return any(item.high == chart.RED for item in self.items)

    @property
    def red_certain(self) -> bool:
        """Whether one parameter scores 3 whatever is not known."""
        return any(item.low == chart.RED for item in self.items)


def scored(view: View) -> Scored:
    """Return every item of the score, from values no older than a day, and the range of their sum."""
    measured = [_measured(view, row) for row in _ROWS]
    saturation = read(view.timeline, SPO2, view.as_of, WITHIN)
    gas, scale = bedside.oxygen(view, WITHIN), bedside.scale(view)
    alertness = bedside.consciousness(view, WITHIN)
    awake = _awake(view, alertness)
    sums, both = _breathing(saturation, scale.options, gas.options)
    items = (
        measured[0][0],
        _item(view, _SATURATION, both, saturation),
        _breathing_gas(view, gas),
        *(item for item, _ in measured[1:]),
        awake,
    )
    rest = (*(item for item, _ in measured), awake)
    readings = [found for _, found in measured] + [saturation]
    return Scored(
        items,
        sums[0] + sum(item.low for item in rest),
        sums[-1] + sum(item.high for item in rest),
        _ages(view, readings, gas, alertness),
        (
            _scale_caution(view, scale),
            *elsewhere(view, readings, WITHIN),
            *left_out(view, readings),
            *_blank(view, gas, alertness),
        ),
    )


def _blank(view: View, *answers: bedside.Answer) -> tuple[str, ...]:
    return blanks(view, ((found.name, found.at, found.blank) for found in answers if not found.absent))


def _breathing_gas(view: View, found: bedside.Answer) -> Item:
    points = tuple(sorted(chart.OXYGEN_POINTS[option] for option in found.options))
    says = f"breathing {' or '.join(found.options)} {at(view, found.at, found.until)}"
    return Item("air or oxygen", points, says, found.sources, found.absent, found.doubt)


def _ages(
    view: View, readings: Sequence[Reading], *answers: bedside.Answer
) -> tuple[tuple[str, timedelta, timedelta], ...]:
    used = [(found.measure.name, found.at, found.until) for found in readings if found.usable]
    used += [(found.name, found.at, found.until) for found in answers if not found.absent]
    return tuple(
        (name, view.as_of - first, view.as_of - last)
        for name, first, last in used
        if first is not None and last is not None
    )


def _scale_caution(view: View, scale: bedside.Answer) -> str:
    if scale.absent == bedside.UNREAD_TARGET:
        return (
            "SpO2 scale 1 is used: a target saturation is recorded that is neither 88 to 92 nor 94 to 98 %, "
            "or cannot be read."
        )
    if scale.absent:
        return (
            "SpO2 scale 1 is used: scale 2 (target 88 to 92 %, confirmed hypercapnic respiratory failure) is "
            "not recorded for this patient."
        )
    when = at(view, scale.at)
    if len(scale.options) > 1:
        return f"Both SpO2 scales were recorded {when}; the range allows for both."
    later = " A later target cannot be read." if scale.blank else ""
    return f"SpO2 scale {scale.options[0]} is used, as recorded for this patient {when}.{later}"


def timing(found: Scored) -> tuple[str, ...]:
    """Say how old the values are, and whether they are one set."""
    if not found.ages:
        return ()
    name, oldest, newest = max(found.ages, key=lambda age_of: (age_of[1], age_of[0]))
    spread = oldest - min(least for _, _, least in found.ages)
    old = f"{'up to ' if newest < oldest else ''}{ago(oldest)} old"
    said = []
    if oldest > MONITORED:
        said.append(f"Observations are overdue: {name} is {old}; RCP asks for a set every 12 hours.")
    elif oldest > ONE_SET:
        said.append(f"The oldest value used ({name}) is {old}.")
    if spread > ONE_SET:
        said.append(f"The values lie up to {ago(spread)} apart; NEWS2 is meant for one set of observations.")
    vague = [what for what, most, least in found.ages if least < most]
    if vague:
        said.append(
            f"Recorded by the day or over a period, without the hour: {', '.join(vague)}. Taken as of any "
            "moment of it."
        )
    return tuple(said)
