"""Features: what is counted of a case's evidence, by window; and the slow, obvious engine that says what each
is.

`salus.learning.columns` computes the same over a population and must equal this one. Times are hours. What
was never measured is NaN (None for a level), which the models learn from as such; what is hidden is named
apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean

from salus.core.codes import BIRTH
from salus.core.errors import UserError, choices
from salus.core.evidence import Event, Timeline
from salus.learning.parameters import HIDDEN_VALUE, Category, Parameter, begins, is_impossible, read, stems_of

Level = float | str | None
_MICROSECOND = timedelta(microseconds=1)
HOUR = 3_600_000_000
MINUTE = 60_000_000
NAN = float("nan")
# Features are rounded, so that two ways to add up the same numbers give the same number.
DECIMALS = 9
# LOINC "Age"; where a record gives the date of birth alone, the age is that at the start of the case.
AGE = "LOINC/30525-0"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of hours: from the start of a case ("start"), or back from its moment ("moment").

    low, high: hours; a time t is inside where low <= t < high from the start, low < t <= high from the moment
    (so -12 to 0 are the last twelve hours). None is no end. Nothing after the moment is ever inside. `EVER`
    also holds what has no date (sex).
    """

    name: str
    anchor: str = "start"
    low: float | None = 0.0
    high: float | None = None

    def has(self, hours: float | None, length: float) -> bool:
        """Whether a time, in hours from the start of a case of that `length`, is inside."""
        if hours is None:
            return self.low is None and self.high is None
        if hours > length:
            return False
        if self.anchor == "start":
            return (self.low is None or self.low <= hours) and (self.high is None or hours < self.high)
        back = hours - length
        return (self.low is None or self.low < back) and (self.high is None or back <= self.high)


EVER = Window("ever", "moment", None, None)
WHOLE = Window("whole stay")

Reading = tuple[float | None, float]
_Readings = Sequence[tuple[float, float]]


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return NAN
    middle = fmean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def _slope(found: _Readings) -> float:
    """Return the least-squares slope per hour; NaN without two times."""
    at, of = fmean(time for time, _ in found), fmean(value for _, value in found)
    across = math.fsum((time - at) ** 2 for time, _ in found)
    if across == 0:
        return NAN
    return math.fsum((time - at) * (value - of) for time, value in found) / across


# What is counted of readings in time order, at least one of them; `length` is the hours of the case.
_STATISTICS: dict[str, Callable[[_Readings, float], float]] = {
    "last": lambda found, _: found[-1][1],
    "first": lambda found, _: found[0][1],
    "lowest": lambda found, _: min(value for _, value in found),
    "highest": lambda found, _: max(value for _, value in found),
    "mean": lambda found, _: fmean(value for _, value in found),
    "spread": lambda found, _: _spread([value for _, value in found]),
    "sum": lambda found, _: math.fsum(value for _, value in found),
    "count": lambda found, _: float(len(found)),
    "slope": lambda found, _: _slope(found),
    "change": lambda found, _: found[-1][1] - found[0][1],
    "since": lambda found, length: length - found[-1][0],
    "span": lambda found, _: found[-1][0] - found[0][0],
}
STATISTICS = (*_STATISTICS, "level")
_EMPTY = {"count": 0.0}

OPERATORS: dict[str, Callable[[float, float], float]] = {
    "ratio": lambda one, other: one / other if other else NAN,
    "difference": lambda one, other: one - other,
    "product": lambda one, other: one * other,
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One number (or level) of a case.

    how: a statistic of the parameter `of`, over `window`; or an operator on the two features in `of`.
    "level" is the last level of a Category. grows: +1 or -1 where medicine knows that the risk only rises or
    falls with it (`because` says by which source), else 0.
    """

    name: str
    how: str
    of: tuple[str, ...]
    window: Window | None = None
    grows: int = 0
    because: str = ""

    def __post_init__(self) -> None:
        if self.how not in STATISTICS and self.how not in OPERATORS:
            known = choices(self.how, (*STATISTICS, *OPERATORS))
            raise UserError(f"Feature '{self.name}' asks for '{self.how}': {known}.")
        if (self.how in OPERATORS) != (self.window is None) or len(self.of) != 1 + (self.how in OPERATORS):
            raise UserError(f"Feature '{self.name}': a statistic has one parameter and a window.")

    def as_json(self) -> dict[str, object]:
        """Return the definition as an artefact keeps it."""
        window = self.window
        told = None if window is None else [window.name, window.anchor, window.low, window.high]
        return {"name": self.name, "how": self.how, "of": list(self.of), "window": told, "grows": self.grows}


@dataclass(frozen=True, slots=True)
class Vector:
    """The features of one case. values: by feature name. hidden: names of parameters of which something is
    there and not shown. impossible: names of parameters of which a number was passed over that no patient can
    have. sources: by parameter, the entries that were read.
    """

    values: Mapping[str, Level]
    hidden: frozenset[str] = frozenset()
    impossible: frozenset[str] = frozenset()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parameters_of(feature: Feature, features: Mapping[str, Feature]) -> tuple[str, ...]:
    """Return the names of the parameters that a feature comes from, through its features too."""
    if feature.how in STATISTICS:
        return feature.of
    found = [name for one in feature.of for name in parameters_of(features[one], features)]
    return tuple(dict.fromkeys(found))


def made_of(name: str, features: Mapping[str, Feature]) -> tuple[str, ...]:
    """Return the names of the features that one is made of, each before what is made of it, itself last."""
    operands = features[name].of if features[name].how in OPERATORS else ()
    found = [one for operand in operands for one in made_of(operand, features)]
    return tuple(dict.fromkeys((*found, name)))


# Of UCUM's units of time that an age is told in, how many make a year.
_IN_A_YEAR: Mapping[str | None, float] = {"a": 1, "mo": 12, "wk": 365.25 / 7, "d": 365.25, "h": 8766}


def measured(
    timeline: Timeline,
    start: datetime,
    moment: datetime,
    parameters: Iterable[Parameter],
    features: Sequence[Feature],
) -> Vector:
    """Return the features of one case, from what of `timeline` was known at `moment` (all aware)."""
    length = _microseconds(moment - start) / HOUR
    found: dict[str, list[tuple[float | None, float | str]]] = {}
    hidden, impossible, sources = set(), set(), {}
    for parameter in parameters:
        told = [(event, read(parameter, event)) for event in _of(timeline, parameter, moment)]
        if any(value is HIDDEN_VALUE for _, value in told):
            hidden.add(parameter.name)
        if any(is_impossible(parameter, event) for event, value in told if value is None):
            impossible.add(parameter.name)
        usable = [(event, value) for event, value in told if isinstance(value, float | int | str)]
        sources[parameter.name] = tuple(dict.fromkeys(event.source for event, _ in usable))
        made = [(_hours(event, start), value) for event, value in usable]
        if isinstance(parameter, Category):
            found[parameter.name] = sorted(made, key=lambda one: (_never(one[0]), one[1]))
        else:
            found[parameter.name] = _by_minute(made, _age(timeline, parameter, start, moment))
            if parameter.name in impossible and not found[parameter.name]:
                # It was recorded, and wrongly: that is not "not measured".
                hidden.add(parameter.name)
    values: dict[str, Level] = {}
    for feature in features:
        values[feature.name] = _counted(feature, found, values, length)
    return Vector(values, frozenset(hidden), frozenset(impossible), sources)


def _microseconds(span: timedelta) -> int:
    return span // _MICROSECOND


def _hours(event: Event, start: datetime) -> float | None:
    """Return when it was, to the minute, in hours from `start`: several values of one minute are one."""
    if event.time is None:
        return None
    return (_microseconds(event.time - start) // MINUTE) * MINUTE / HOUR


def _never(hours: float | None) -> float:
    return float("-inf") if hours is None else hours


def _of(timeline: Timeline, parameter: Parameter, moment: datetime) -> Iterable[Event]:
    stems, found = stems_of(parameter), timeline.where(parameter.codes)
    if stems:
        codes = frozenset(parameter.codes)
        found = timeline.where(
            test=lambda one: one.coded(codes) or any(begins(code, stems) for code in one.codes)
        )
    for event in found:
        if all(when is None or when <= moment for when in (event.time, event.known_at)):
            yield event


def _age(timeline: Timeline, parameter: Parameter, start: datetime, moment: datetime) -> float | None:
    """Return the age in whole years at the start, for the parameter that is the age."""
    if AGE not in parameter.codes:
        return None
    told = [event.time for event in timeline.where((BIRTH,)) if event.time is not None]
    born = min((time for time in told if time <= moment), default=None)
    return None if born is None else float(whole_years(born, start))


def whole_years(born: datetime, at: datetime) -> int:
    """Return the completed years between two moments (in UTC)."""
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def age_at(found: Timeline, at: datetime) -> float | None:
    """Return the age in years at `at`: the one noted last, else by the date of birth; None: unknown.

    Of a year of birth alone it is the youngest that they can be.
    """
    told = [
        one.value / _IN_A_YEAR[one.unit]
        for one in found.where((AGE,))
        if isinstance(one.value, float | int) and one.unit in _IN_A_YEAR
    ]
    if told:
        return float(told[-1])
    born = found.first((BIRTH,))
    if born is None or born.time is None:
        return None
    return float(whole_years(born.end or born.time, at))


def _by_minute(
    made: Iterable[tuple[float | None, float | str]], age: float | None
) -> list[tuple[float | None, float | str]]:
    """Return the mean of each minute's values, in time order, so that their order cannot matter."""
    gathered: dict[float | None, list[float]] = {}
    for hours, value in made:
        gathered.setdefault(hours, []).append(float(value))
    if not gathered and age is not None:
        return [(None, age)]
    return [(hours, fmean(sorted(gathered[hours]))) for hours in sorted(gathered, key=_never)]


def _counted(
    feature: Feature,
    found: Mapping[str, Sequence[tuple[float | None, float | str]]],
    values: Mapping[str, Level],
    length: float,
) -> Level:
    if feature.window is None:
        one, other = (values[name] for name in feature.of)
        assert isinstance(one, float) and isinstance(other, float)
        return round(OPERATORS[feature.how](one, other), DECIMALS)
    inside = [each for each in found[feature.of[0]] if feature.window.has(each[0], length)]
    if feature.how == "level":
        return str(inside[-1][1]) if inside else None
    if not inside:
        return _EMPTY.get(feature.how, NAN)
    dated = [(NAN if hours is None else hours, float(value)) for hours, value in inside]
    return round(_STATISTICS[feature.how](dated, length), DECIMALS)


def checked(parameters: Sequence[Parameter], features: Sequence[Feature]) -> None:
    """Raise UserError where a feature names what is not there, or a name is used twice."""
    names = [feature.name for feature in features]
    known = {parameter.name for parameter in parameters}
    if len(set(names)) < len(names) or len(known) < len(parameters):
        raise UserError("Two parameters or two features have one name.")
    before: set[str] = set()
    for feature in features:
        among = known if feature.how in STATISTICS else before
        for name in feature.of:
            if name not in among:
                raise UserError(f"Feature '{feature.name}' is made of '{name}': {choices(name, among)}.")
        before.add(feature.name)
