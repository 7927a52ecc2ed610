"""Tasks: one question, declared once over the Timeline, that runs on any source.

A task says who is eligible, the moment of prediction, what is looked at, the outcome, and what would leak.
Its cases are found from milestones alone (an admission, a discharge, a death), so that the same few lines
serve one patient and a population. An unknown outcome is unknown, never "no".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan

from salus.core.errors import UserError
from salus.core.evidence import Timeline
from salus.learning.features import EVER, Feature, checked
from salus.learning.parameters import Category, Parameter, begins, stems_of

GROUP = "group: "


@dataclass(frozen=True, slots=True)
class Case:
    """One time that the question can be asked of one subject.

    id: the set's own key (RecordID, encounter_id, sno), or the source of the milestone that began it. start,
    moment: aware; nothing known after the moment is used. outcome: None where it is not known. until: when
    what is asked is over, where that is known; nobody is told afterwards what was to be expected.
    """

    id: str
    subject: str
    start: datetime
    moment: datetime
    outcome: bool | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A subject (or one of its stays) of whom the question is not asked, and why; for the cohort's flow."""

    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class Group:
    """How people are told apart when a model is measured: by a Category's levels, or by bands of a number.

    parameter: read once a case, as its last value. bands: ascending bounds (18, 45 are "under 18", "18 to
    under 45", "45 and over"); empty for levels.
    """

    by: str
    parameter: str
    bands: tuple[float, ...] = ()

    def named(self, value: float | str | None) -> str | None:
        """Return the group of a value; None where it is not known."""
        if value is None or (isinstance(value, float) and isnan(value)):
            return None
        if isinstance(value, str) or not self.bands:
            return str(value)
        at = sum(bound <= value for bound in self.bands)
        if at == 0:
            return f"under {self.bands[0]:g}"
        if at == len(self.bands):
            return f"{self.bands[-1]:g} and over"
        return f"{self.bands[at - 1]:g} to under {self.bands[at]:g}"


@dataclass(frozen=True, slots=True)
class Beside:
    """Somebody's own estimate of the same outcome, which a model is compared with and never reads.

    by: whose ("the physicians"). code: of the events that hold it, as a probability from 0 to 1; of the
    outcome, or with `of_the_opposite` of its not happening (survival).
    """

    by: str
    code: str
    of_the_opposite: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A question that can be learnt.

    milestones: the codes (and `stems`, the beginnings of codes) from which `cases` finds cases, outcomes and
    exclusions, given a Timeline of those events alone, in the order of time: the last is the one that is
    answered. outcome: what happens, in words ("death in hospital"). leaks: codes that the outcome defines or
    that stand for somebody's own estimate of it: never read by a feature. misses: how many false alarms one
    miss weighs. terms, pairs: the most features and interactions that a clinician is asked to read. beside:
    who else said what would happen; the first is whom the model supports. settings: "share" (of people who
    can be flagged), "threshold" (of the points of a guideline), "challenge" (1: the two scores of the
    challenge of 2012), and what the recipe of a fit takes ("bags", "folds", "pairs").
    """

    name: str
    version: str
    asks: str
    outcome: str
    horizon: str
    milestones: frozenset[str]
    cases: Callable[[Timeline], Iterable[Case | Excluded]]
    parameters: tuple[Parameter, ...]
    features: tuple[Feature, ...]
    leaks: frozenset[str]
    groups: tuple[Group, ...]
    misses: float
    limits: tuple[str, ...] = ()
    terms: int = 150
    pairs: int = 40
    stems: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked(self.parameters, self.features)
        for parameter in self.parameters:
            told = self.leaks.intersection(parameter.codes)
            if told:
                says = f"'{parameter.name}' reads {', '.join(sorted(told))}, which would leak the outcome"
                raise UserError(f"Task '{self.name}': {says}. Take it out of the parameters.")
        known = {parameter.name for parameter in self.parameters}
        for group in self.groups:
            if group.parameter not in known:
                raise UserError(f"Task '{self.name}': group '{group.by}' reads no parameter of the task.")

    def told_apart(self) -> tuple[Feature, ...]:
        """Return what tells which groups a person is of, called ``group: `` and by what: read alike for one
        person and when a model is measured.
        """
        kinds = {one.name: "level" if isinstance(one, Category) else "last" for one in self.parameters}
        return tuple(
            Feature(GROUP + group.by, kinds[group.parameter], (group.parameter,), EVER)
            for group in self.groups
        )

    @property
    def codes(self) -> frozenset[str]:
        """Every code that a feature reads."""
        return frozenset(code for parameter in self.parameters for code in parameter.codes)

    def is_milestone(self, code: str) -> bool:
        """Whether an event of that code is one from which cases are found."""
        return code in self.milestones or bool(self.stems and begins(code, self.stems))

    def reads(self, code: str) -> bool:
        """Whether a feature may come of an event of that code."""
        return code in self.codes or any(
            stems and begins(code, stems) for stems in map(stems_of, self.parameters)
        )

    def levels(self) -> frozenset[str]:
        """Return the names of the features that are levels and not numbers."""
        named = {parameter.name for parameter in self.parameters if isinstance(parameter, Category)}
        return frozenset(one.name for one in self.features if one.how == "level" and one.of[0] in named)
