"""Parameters: what a task looks at, whatever code and unit it came in: a Measure (a number) or a Category.

One reading rule for both engines: a value is a number or a level, it is passed over (blank, impossible, a
status that allows no use), or it is hidden: it is there and cannot be read, which is never "not measured".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from salus.core.errors import EvidenceError
from salus.core.evidence import HIDDEN, UNREADABLE, Absence, Event
from salus.core.measures import USABLE, Measure


class Hidden:
    """The mark of an answer that is there and not shown: withheld, not sent, refused, in an unknown unit."""

    def __repr__(self) -> str:
        return "HIDDEN"


HIDDEN_VALUE = Hidden()
# What a reading can be; None: passed over.
Read = float | str | Hidden | None


@dataclass(frozen=True, slots=True)
class Category:
    """A question with named answers (sex, discharge disposition, the group of a diagnosis).

    codes: the codes of the events that answer it; stems: code beginnings, without dots, for hierarchies that
    are in the code itself (``ICD10CM/I48``). levels: answer -> level; `group` gives the level of an
    answer that is not listed (the chapter of an ICD code), None where it has none. An event without a text
    answers by its chosen code, as a Condition does.
    """

    name: str
    codes: tuple[str, ...]
    levels: Mapping[str, str] = field(default_factory=dict)
    group: Callable[[str], str | None] | None = None
    source: str = ""
    stems: tuple[str, ...] = ()

    def level(self, answer: str) -> str | None:
        """Return the level of an answer; None where it has none."""
        found = self.levels.get(answer)
        return self.group(answer) if found is None and self.group is not None else found


Parameter = Measure | Category


def stems_of(parameter: Parameter) -> tuple[str, ...]:
    """Return the code beginnings by which a parameter is told, beside its codes."""
    return parameter.stems if isinstance(parameter, Category) else ()


@lru_cache(maxsize=65_536)
def begins(code: str, stems: tuple[str, ...]) -> bool:
    """Whether a code lies in one of the hierarchies `stems`, with its dots or without."""
    return code.replace(".", "").upper().startswith(stems)


# FHIR R4 statuses (and intents) of what is not so, was not done or is only planned, of all other types.
NOT_SO = frozenset({"entered-in-error", "refuted", "not-done", "not-taken", "cancelled", "do-not-perform",
                    "proposal", "plan", "option", "planned", "draft"})  # fmt: skip


def is_usable(kind: str, status: str | None) -> bool:
    """Whether a resource of type `kind` may be used in this status."""
    return status in USABLE if kind == "Observation" else status not in NOT_SO


def read(parameter: Parameter, event: Event) -> Read:
    """Return what `event` says of `parameter`: a number in its unit, a level, HIDDEN_VALUE, or None.

    An impossible number is passed over: it is an error of recording and no measurement. A bound counts as its
    end.
    """
    if event.status == UNREADABLE or event.value in HIDDEN or event.value is Absence.NOT_SENT:
        return HIDDEN_VALUE
    if isinstance(event.value, Absence) or not is_usable(event.kind, event.status):
        return None
    # An Observation without a value and without a reason was sent, and nobody knows why it says nothing.
    if event.kind == "Observation" and event.value is None:
        return HIDDEN_VALUE
    if isinstance(parameter, Category):
        return parameter.level(event.value if isinstance(event.value, str) else event.code)
    return _number(parameter, event)


def is_impossible(parameter: Parameter, event: Event) -> bool:
    """Whether an event that `read` passes over holds a number that no patient can have."""
    number = isinstance(event.value, int | float) and not isinstance(event.value, bool)
    return isinstance(parameter, Measure) and number and is_usable(event.kind, event.status)


def _number(measure: Measure, event: Event) -> Read:
    if event.value is None:
        return None
    if event.kind == "Observation" and event.time is None:
        # Of no moment that anybody knows: it may be of any window.
        return HIDDEN_VALUE
    try:
        value = measure.converted(event)
    except EvidenceError:
        return HIDDEN_VALUE
    return value if measure.low <= value <= measure.high else None
