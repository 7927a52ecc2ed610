"""Body mass index: as recorded, from weight and height, or as a diagnosis tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._body_coded import coded
from salus.risk._measures import BMI, HEIGHT, WEIGHT

# Of one visit: what was recorded within a day of each other.
_TOGETHER = timedelta(days=1)
# By how much a recorded index may differ from that of weight and height; what rounding each of them leaves
# (half a centimetre, half a kilogram) is below 2 %. Ours.
_ROUNDED = 0.05


def body_mass_index(view: View, within: timedelta) -> Reading:
    """Return the body mass index in kg/m2: the recorded one, or from a newer weight and any height.

    Where both are of one visit and differ by more than rounding, both are allowed for. Where neither can be
    used, what a diagnosis tells stands in for them.
    """
    recorded = read(view.timeline, BMI, view.as_of, within)
    weight = read(view.timeline, WEIGHT, view.as_of, within)
    height = read(view.timeline, HEIGHT, view.as_of)
    found = _of(recorded, weight, height)
    if found.usable:
        return found
    told = coded(view, within)
    if told is not None and (told.usable or not found.events):
        return told
    return found


def _of(recorded: Reading, weight: Reading, height: Reading) -> Reading:
    if not (weight.usable and height.usable):
        return recorded if recorded.events else _without(recorded, weight, height)
    computed = _computed(weight, height)
    if _differ(recorded, computed):
        problem = f"{BMI.name}: the recorded one and that of weight and height differ; both are allowed for"
        return replace(
            recorded,
            low=min(recorded.low, computed.low),
            high=max(recorded.high, computed.high),
            events=(*recorded.events, *computed.events),
            problem=problem,
        )
    return recorded if _at_least_as_new(recorded, weight) else computed


def _without(recorded: Reading, weight: Reading, height: Reading) -> Reading:
    """Return that there is no index, and why weight and height, where they are recorded, give none."""
    unusable = [reading for reading in (weight, height) if reading.events and not reading.usable]
    if not unusable:
        return recorded
    problem = f"{BMI.name} not recorded, and {'; '.join(reading.problem for reading in unusable)}"
    events = tuple(event for reading in unusable for event in reading.events)
    return replace(recorded, events=events, problem=problem)


def _computed(weight: Reading, height: Reading) -> Reading:
    low = weight.low / (height.high / 100) ** 2
    high = weight.high / (height.low / 100) ** 2
    if not BMI.low <= low <= high <= BMI.high:
        problem = f"{BMI.name} not usable: weight and height do not fit each other"
        return Reading(BMI, BMI.low, BMI.high, weight.at, weight.events, problem, usable=False)
    return Reading(
        BMI,
        low,
        high,
        weight.at,
        (*weight.events, *height.events),
        weight.problem or height.problem,
        blank=weight.blank or height.blank,
    )


def _differ(recorded: Reading, computed: Reading) -> bool:
    """Whether both are of one visit, and further apart than rounding leaves them."""
    if not (recorded.usable and computed.usable) or recorded.at is None or computed.at is None:
        return False
    apart = max(computed.low - recorded.high, recorded.low - computed.high)
    return abs(recorded.at - computed.at) <= _TOGETHER and apart > _ROUNDED * recorded.low


def _at_least_as_new(recorded: Reading, weight: Reading) -> bool:
    return recorded.at is not None and weight.at is not None and recorded.at >= weight.at
