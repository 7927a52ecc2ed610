"""Which hospital stays the question is asked of, and whether the person was back within 30 days.

Dispositions: UCI 296, IDs_mapping.csv; HL7 discharge-disposition. Who died or went to a hospice is not asked
about (Strack B et al., BioMed Res Int 2014:781670, section 2.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from salus.core.codes import DISPOSITION, short
from salus.core.evidence import Event, Timeline
from salus.learning.parameters import NOT_SO
from salus.learning.task import Case, Excluded
from salus.risk._gone import DIED, HOSPICE
from salus.risk._terms import DIABETES

URI = "https://archive.ics.uci.edu/dataset/296"
READMITTED = short(URI, "readmitted")
# Inpatient, of HL7 v3 ActCode: acute, not acute, and not said which.
_INPATIENT = frozenset({"ActCode/IMP", "ActCode/ACUTE", "ActCode/NONAC"})
# What may hold an encounter as its part: MIMIC-IV on FHIR calls the stay in hospital by how somebody came
# (emergency, ambulatory), and the ward or ICU in it inpatient.
_AROUND = frozenset(f"ActCode/{code}" for code in ("EMER", "OBSENC", "AMB", "SS", "PRENC", "HH"))
# The clocks of a ward and of the admission desk differ, and a stay may end on paper a day before.
_SOONER, _LATER = timedelta(hours=12), timedelta(hours=36)
_IDS = f"{URI}/discharge_disposition_id"
_GONE = {
    **dict.fromkeys((*(f"{_IDS}|{code}" for code in (11, 19, 20, 21)), *DIED), "died"),
    **dict.fromkeys((*(f"{_IDS}|{code}" for code in (13, 14)), *HOSPICE), "discharged to a hospice"),
}
MILESTONES = _INPATIENT | _AROUND | {DISPOSITION, READMITTED} | DIABETES.codes
STEMS = DIABETES.stems
SOON = timedelta(days=30)
_ANSWERS = {"<30": True, ">30": False, "NO": False}


def stays(timeline: Timeline) -> Iterator[Case | Excluded]:
    """Yield every stay in hospital as a case at its discharge, or why it is none; what is a part first."""
    told = timeline.where(kind="Encounter", test=lambda event: event.status not in NOT_SO)
    every = [event for event in told if event.code != DISPOSITION and event.time is not None]
    inpatient = [event for event in every if event.coded(_INPATIENT)]
    whole = [event for event in inpatient if not any(_holds(other, event) for other in every)]
    ends = {event.source: event.value for event in told.where((DISPOSITION,))}
    ill = [event for event in timeline.where(kind="Condition") if _is_diabetes(event)]
    for _ in range(len(inpatient) - len(whole)):
        yield Excluded(timeline.subject, "part of another encounter")
    for visit in whole:
        yield _asked(timeline, visit, whole, str(ends.get(visit.source, "")), ill)


def _holds(outer: Event, inner: Event) -> bool:
    """Whether one encounter is a part of another, longer one, as far as their times tell."""
    if outer.time is None or outer.end is None or inner.time is None or inner.end is None:
        return False
    ours, theirs = (inner.end - inner.time, inner.source), (outer.end - outer.time, outer.source)
    inside = outer.time - _SOONER <= inner.time < outer.end and inner.end <= outer.end + _LATER
    return inside and ours < theirs


def _is_diabetes(event: Event) -> bool:
    return event.status not in NOT_SO and DIABETES.has(event)


def _asked(
    timeline: Timeline, visit: Event, visits: Sequence[Event], end: str, ill: Sequence[Event]
) -> Case | Excluded:
    start, moment, subject = visit.time, visit.end, timeline.subject
    assert start is not None
    if moment is None:
        return Excluded(subject, "still in hospital, or when it ended is not told")
    if end in _GONE:
        return Excluded(subject, _GONE[end])
    if not any(_was_known(event, moment) for event in ill):
        return Excluded(subject, "no diabetes was on record at discharge")
    key = subject.partition("/")[2]
    own = visit.source.partition("/")[2]
    name = key if own == key else visit.source
    return Case(name, subject, start, moment, _came_back(timeline, moment, visits), moment + SOON)


def _was_known(event: Event, moment: datetime) -> bool:
    return all(when is None or when <= moment for when in (event.time, event.known_at))


def _came_back(timeline: Timeline, moment: datetime, visits: Sequence[Event]) -> bool | None:
    """Return what the set says; else whether a later stay began within 30 days.

    That nobody came back is known only where the record goes on: where a stay began after those 30 days.
    """
    told = timeline.where((READMITTED,)).after(moment).first()
    if told is not None:
        return _ANSWERS.get(str(told.value))
    later = [visit.time - moment for visit in visits if visit.time is not None and visit.time > moment]
    if not later:
        return None
    return min(later) <= SOON
