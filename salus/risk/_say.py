"""How risk models put a day, an age and a measurement into words, so that all of them read alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from salus.core.measures import Reading, ago
from salus.core.seams import View

Scores = Callable[[float], object]

# Past this there is only the dust that a change of unit leaves.
_MOST_DIGITS = 8
_UNITS = {"mm[Hg]": "mmHg", "mL/min/{1.73_m2}": "mL/min/1.73 m²", "kg/m2": "kg/m²", "a": "years"}


def on_day(moment: datetime | None) -> str:
    """Say the day, as the record has it (``2024-03-02``)."""
    return "" if moment is None else moment.date().isoformat()


def how_old(view: View, moment: datetime | None) -> str:
    """Say how long before `as_of` something was (``14 months before``)."""
    return "" if moment is None else f"{ago(view.as_of - moment)} before"


def number(reading: Reading, digits: int = 1, scores: Scores | None = None) -> str:
    """Say a reading with its unit (``213 mg/dL``, ``4.2 to 4.9 mg/dL``)."""
    unit = _UNITS.get(reading.measure.unit, reading.measure.unit)
    return f"{span(reading.low, reading.high, digits, scores)} {unit}"


def capital(text: str) -> str:
    """Begin with a capital, but for names that are written with a small letter first."""
    return text if text.startswith("eGFR") else text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Say `text` as a whole sentence."""
    return capital(text if text.endswith(".") else text + ".")


def span(low: float, high: float, digits: int = 1, scores: Scores | None = None) -> str:
    """Say one number, or from which to which (``4.2 to 4.9``).

    scores: what a value counts for; more digits are said where the rounded number would count for another.
    """
    first, last = (_rounded(end, digits, scores) for end in (low, high))
    return first if first == last else f"{first} to {last}"


def _rounded(value: float, digits: int, scores: Scores | None) -> str:
    while scores is not None and digits < _MOST_DIGITS and scores(round(value, digits)) != scores(value):
        digits += 1
    return f"{round(value, digits):.12g}"


def percent(low: float, high: float) -> str:
    """Say a probability, or a range of them, in percent (``12.3 %``, ``4 to 12.3 %``)."""
    return f"{span(low * 100, high * 100)} %"
