"""Body mass index, as recorded or from weight and height."""

from __future__ import annotations

from datetime import timedelta

from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._measures import BMI, HEIGHT, WEIGHT


def body_mass_index(view: View, within: timedelta) -> Reading:
    """Return the body mass index in kg/m2: the recorded one, or from a newer weight and any height."""
    recorded = read(view.timeline, BMI, view.as_of, within)
    weight = read(view.timeline, WEIGHT, view.as_of, within)
    height = read(view.timeline, HEIGHT, view.as_of)
    if not (weight.usable and height.usable) or _at_least_as_new(recorded, weight):
        return recorded
    low = weight.low / (height.high / 100) ** 2
    high = weight.high / (height.low / 100) ** 2
    if not BMI.low <= low <= high <= BMI.high:
        problem = "body mass index not usable: weight and height do not fit each other"
        return Reading(BMI, BMI.low, BMI.high, weight.at, weight.events, problem, usable=False)
    events = (*weight.events, *height.events)
    return Reading(
        BMI,
        low,
        high,
        weight.at,
        events,
        weight.problem or height.problem,
        blank=weight.blank or height.blank,
    )


def _at_least_as_new(recorded: Reading, weight: Reading) -> bool:
    return recorded.at is not None and weight.at is not None and recorded.at >= weight.at
