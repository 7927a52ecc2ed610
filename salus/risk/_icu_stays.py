"""Which stays in intensive care the question is asked of, and how each ended, from milestones alone.

Codes: HL7 v3 ActCode (encounter classes), SNOMED CT, HL7 discharge-disposition, MIMIC-IV on FHIR, the US
uniform bill (NUBC patient discharge status 20, 40, 41, 42), GECCO (SNOMED CT answers to LOINC 55128-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from salus.core.codes import BIRTH, DEATH, DISPOSITION
from salus.core.evidence import Event, Timeline
from salus.learning.features import AGE, age_at
from salus.learning.task import Case, Excluded
from salus.risk._gone import DIED_HERE, HL7, MIMIC, NUBC

WATCHED = timedelta(hours=48)
# The youngest in the set that the shipped model learns from; MIMIC-II counts as adults from 15 on.
YOUNGEST = 15
# "Admission to intensive care unit".
_ADMITTED = frozenset({"SNOMED/305351004"})
# MIMIC-IV on FHIR calls its ICU stays "inpatient acute" and no more, inside the stay in hospital.
_ACUTE = "ActCode/ACUTE"
_CLASSES = frozenset(
    f"ActCode/{code}" for code in ("ACUTE", "IMP", "NONAC", "EMER", "OBSENC", "AMB", "SS", "PRENC", "HH")
)
# "Still patient", and "expired, place unknown".
_UNCLEAR = frozenset(f"{system}|{code}" for system in NUBC for code in ("30", "42"))
# Whose every other code says that somebody left alive: of any other word nobody can tell that.
_SYSTEMS = (f"{HL7}|", f"{MIMIC}|", *(f"{system}|" for system in NUBC))
_ALIVE = frozenset({"SNOMED/371827001"})
MILESTONES = _CLASSES | _ADMITTED | {BIRTH, DEATH, DISPOSITION, AGE}
# The clocks of a ward and of the admission desk differ; and MIMIC-IV ends the stay in hospital of who died at
# the midnight before.
_SOONER, _LATER = timedelta(hours=12), timedelta(hours=36)
_NO_END = datetime.max.replace(tzinfo=UTC)


def stays(timeline: Timeline) -> Iterator[Case | Excluded]:
    """Yield every stay in intensive care as a case, or why it is none."""
    found = timeline.where(MILESTONES)
    # What was entered in error, cancelled or only planned is no stay.
    visits = [one for one in found.where(kind="Encounter") if one.code != DISPOSITION and _is_held(one)]
    ends = {one.source: one for one in found.where((DISPOSITION,)) if one.kind == "Encounter"}
    for visit in visits:
        if _is_intensive(visit, visits):
            yield _asked(found, visit, _around(visit, visits, ends))


def _is_held(visit: Event) -> bool:
    return visit.time is not None and visit.status not in ("entered-in-error", "cancelled", "planned")


def _is_intensive(visit: Event, visits: Iterable[Event]) -> bool:
    if visit.coded(_ADMITTED):
        return True
    return _ACUTE in visit.codes and any(_holds(other, visit) for other in visits if other is not visit)


def _holds(outer: Event, inner: Event) -> bool:
    """Whether one encounter is a part of another, as far as their times tell."""
    if outer.source == inner.source or outer.coded(_ADMITTED) or outer.time is None or inner.time is None:
        return False
    if outer.time - _SOONER > inner.time or (outer.end is not None and outer.end < inner.time):
        return False
    return outer.end is None or inner.end is None or inner.end <= outer.end + _LATER


def _around(visit: Event, visits: Iterable[Event], ends: Mapping[str, Event]) -> tuple[Event, Event | None]:
    """Return the stay in hospital that `visit` is a part of (or itself), and how it ended, where known."""
    if visit.source in ends:
        return visit, ends[visit.source]
    outer = [other for other in visits if _holds(other, visit)]
    told = [other for other in outer if other.source in ends] or outer
    latest = max(told, key=lambda other: other.end or _NO_END, default=visit)
    return latest, ends.get(latest.source)


def _asked(found: Timeline, visit: Event, hospital: tuple[Event, Event | None]) -> Case | Excluded:
    start = visit.time
    assert start is not None
    moment = start + WATCHED
    death = found.first((DEATH,))
    if visit.end is not None and visit.end < moment:
        return Excluded(found.subject, "in intensive care for less than 48 hours")
    if death is not None and death.time is not None and (death.end or death.time) < moment:
        return Excluded(found.subject, "died within 48 hours")
    age = age_at(found, start)
    if age is not None and age < YOUNGEST:
        return Excluded(found.subject, f"younger than {YOUNGEST}")
    died = _died(death, visit, *hospital)
    return Case(_id(visit, found.subject), found.subject, start, moment, died, hospital[0].end)


def _id(visit: Event, subject: str) -> str:
    """Return the key of a set whose stays are people too, else what the stay is called in the record."""
    key = subject.partition("/")[2]
    return key if visit.source.partition("/")[2] == key else visit.source


def _died(death: Event | None, visit: Event, hospital: Event, ended: Event | None) -> bool | None:
    """Return whether the patient died before leaving hospital; None where nothing tells."""
    how = ended.value if ended is not None and isinstance(ended.value, str) else ""
    if how in DIED_HERE:
        return True
    if how in _ALIVE or (how.startswith(_SYSTEMS) and how not in _UNCLEAR):
        return False
    over = hospital.end or visit.end
    if death is None or death.time is None or over is None:
        return None
    # A death may be known by its day alone.
    return death.time <= over
