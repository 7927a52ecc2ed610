"""How NEWS2 is judged: of people who arrive in an emergency room, who is in intensive care within 24 hours?

The outcome of the score's own validation is a cardiac arrest, an unplanned admission to intensive care or a
death within 24 hours (Smith GB et al., Resuscitation 2013;84:465-470); a record of encounters shows the
second alone, and this trial says so. The score is that of the first vital signs, as they were known then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from salus.core.codes import SEX
from salus.core.evidence import Event, Timeline
from salus.core.measures import USABLE, Measure
from salus.learning.features import AGE
from salus.learning.parameters import Category
from salus.learning.task import Case, Excluded, Group, Task
from salus.risk._measures import PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE

# HL7 v3 ActCode, ActEncounterCode: emergency, and acute inpatient (in MIMIC-IV on FHIR a stay in intensive
# care); SNOMED CT: admission to intensive care unit.
ARRIVAL = "ActCode/EMER"
INTENSIVE = frozenset({"ActCode/ACUTE", "SNOMED/305351004"})
_VITAL = frozenset(chain(*(one.codes for one in (PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE))))
_WITHIN = timedelta(hours=24)


def cases(milestones: Timeline) -> Iterator[Case | Excluded]:
    """Yield a case for each arrival in an emergency room; what follows within a day is part of it."""
    last: datetime | None = None
    for event in milestones.where((ARRIVAL,), kind="Encounter"):
        if event.time is None or (last is not None and event.time - last < _WITHIN):
            continue
        last = event.time
        yield _case(milestones, event, last)


def _case(milestones: Timeline, arrival: Event, at: datetime) -> Case | Excluded:
    subject = milestones.subject
    admitted = [one for one in _starts(milestones, INTENSIVE, "Encounter") if at <= one <= at + _WITHIN]
    first = next(
        (one for one in _starts(milestones, _VITAL, "Observation") if at <= one <= at + _WITHIN), None
    )
    if first is None:
        return Excluded(subject, "no vital signs within 24 hours of arrival")
    if any(one <= first for one in admitted):
        return Excluded(subject, "in intensive care before the first vital signs")
    return Case(arrival.source, subject, at, first, bool(admitted))


def _starts(milestones: Timeline, codes: frozenset[str], kind: str) -> list[datetime]:
    """Return when these began, in time order."""
    usable = USABLE if kind == "Observation" else None
    found = milestones.where(codes, kind=kind)
    return [one.time for one in found if one.time is not None and (usable is None or one.status in usable)]


TRIAL = Task(
    name="news2",
    version="1",
    asks="Who of those who arrive in an emergency room is in intensive care within 24 hours?",
    outcome="in intensive care within 24 hours of arrival",
    horizon="24 hours",
    milestones=frozenset({ARRIVAL, *INTENSIVE, *_VITAL}),
    cases=cases,
    parameters=(
        Measure("age", (AGE,), "a", 0.0, 130.0),
        Category("sex", (SEX,), {"male": "male", "female": "female"}),
    ),
    features=(),
    leaks=INTENSIVE,
    groups=(Group("sex", "sex"), Group("age", "age", (45.0, 65.0, 80.0))),
    # NEWS2 calls the emergency team from 7 points on; what that weighs against a miss is not published.
    misses=0.0,
    # Chart 2 of NEWS2: from 5 points on an urgent response, from 7 on an emergency response.
    settings={"threshold": 5.0},
    limits=(
        "An admission to intensive care is what was done, and not only what was needed; deaths and cardiac "
        "arrests outside intensive care are not counted.",
        "An arrival is an emergency encounter with none in the 24 hours before it.",
    ),
)
