"""Evidence as FHIR R4 again: a Timeline becomes Patient, Encounter and Observation resources.

For who wants to try a model on a published set over a FHIR door, or load one elsewhere. What is written says
what the Timeline says and no more: numbers are written to the last digit, and what is hidden stays hidden
(Observation.dataAbsentReason). Source: HL7 FHIR R4 (4.0.1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from salus.core import codes
from salus.core.errors import EvidenceError
from salus.core.evidence import UNREADABLE, Absence, Event, Timeline
from salus.core.units import parse

Resource = dict[str, Any]

_UCUM = "http://unitsofmeasure.org"
# FHIR R4 data-absent-reason.
_ABSENT = {
    Absence.NOT_MEASURED: "not-performed",
    Absence.NOT_SENT: "unknown",
    Absence.WITHHELD: "masked",
    Absence.UNREADABLE: "error",
}
_REASONS = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_OUTCOMES = frozenset({codes.DEATH, codes.DISPOSITION})
_is_id = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_is_gender = frozenset({"male", "female", "other", "unknown"}).__contains__
_TICK = timedelta(microseconds=1)


def written(timeline: Timeline, *, with_outcome: bool = False) -> list[Resource]:
    """Return the resources that say what `timeline` says, the Patient first.

    with_outcome: the death and how a stay ended are written too; otherwise a stay is written as under way.
    What is no Patient, Encounter or Observation is left out (`left_out` counts it).
    """
    by_source: dict[str, list[Event]] = {}
    for event in timeline:
        if with_outcome or event.code not in _OUTCOMES:
            by_source.setdefault(event.source, []).append(event)
    person = by_source.pop(timeline.subject, [])
    found = [_patient(timeline.subject, person)]
    for source, events in by_source.items():
        kind = source.partition("/")[0]
        if kind in _MAKERS:
            found += _MAKERS[kind](source, events, {"reference": timeline.subject}, with_outcome)
    return found


def left_out(timeline: Timeline) -> dict[str, int]:
    """Return how many events of each other type `written` cannot write."""
    counted: dict[str, int] = {}
    for event in timeline:
        if event.kind not in _MAKERS and event.source != timeline.subject:
            counted[event.kind] = counted.get(event.kind, 0) + 1
    return counted


def _patient(subject: str, events: Iterable[Event]) -> Resource:
    made: Resource = {"resourceType": "Patient", "id": id_of(subject)}
    for event in events:
        if event.code == codes.SEX and isinstance(event.value, str) and _is_gender(event.value):
            made["gender"] = event.value
        elif event.code == codes.BIRTH and event.time is not None:
            made["birthDate"] = _moment(event)[:10]
        elif event.code == codes.DEATH:
            made |= {"deceasedBoolean": True} if event.time is None else {"deceasedDateTime": _moment(event)}
    return made


def _encounter(source: str, events: list[Event], whose: Resource, with_outcome: bool) -> list[Resource]:
    visit = next((event for event in events if event.code != codes.DISPOSITION), None)
    if visit is None:
        return []
    every = [_coding(code) for code in visit.codes if codes.uri(code)[0]]
    classes = [each for each, code in zip(every, visit.codes, strict=False) if code.startswith("ActCode/")]
    kind = classes[0] if classes else {"system": codes.URIS["ActCode"], "code": "IMP"}
    made: Resource = {"resourceType": "Encounter", "id": id_of(source), "class": kind, "subject": whose}
    made["status"] = _status(visit, with_outcome)
    types = [{"coding": [each]} for each in every if each != kind]
    made |= {"type": types} if types else {}
    over = {"end": instant(visit.end)} if with_outcome and visit.end is not None else {}
    made["period"] = ({} if visit.time is None else {"start": instant(visit.time)}) | over
    ended = next((one.value for one in events if one.code == codes.DISPOSITION), None)
    if isinstance(ended, str):
        made["hospitalization"] = {"dischargeDisposition": _concept(ended)}
    return [made]


# FHIR R4 encounter-status; what a stay is called that was not over yet is "in-progress".
_VISITS = frozenset({"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled",
                     "entered-in-error", "unknown"})  # fmt: skip


def _status(visit: Event, with_outcome: bool) -> str:
    if not with_outcome and (visit.end is not None or visit.status in ("finished", "unknown")):
        return "in-progress"
    return visit.status if visit.status in _VISITS else "in-progress"


def _observation(source: str, events: list[Event], whose: Resource, _: bool) -> list[Resource]:
    """Return one Observation, the parts of a panel as its components; or several where it is no panel."""
    heads = [event for event in events if event.value is None]
    name = id_of(source)
    if len(events) > 1 and len(heads) != 1:
        names = (f"{name}-{number}" for number in range(1, len(events) + 1))
        return [_measured(one, each, whose) for one, each in zip(names, events, strict=True)]
    head = heads[0] if len(events) > 1 else events[0]
    made = _measured(name, head, whose)
    parts = [{"code": _coded(each.codes), **_value(each)} for each in events if each is not head]
    return [made | ({"component": parts} if parts else {})]


def _measured(name: str, event: Event, whose: Resource) -> Resource:
    status = event.status if event.status not in (None, UNREADABLE) else "unknown"
    made: Resource = {"resourceType": "Observation", "id": name, "status": status}
    made |= {"code": _coded(event.codes), "subject": whose, **_when(event)}
    return made | _value(event)


def _when(event: Event) -> Resource:
    made: Resource = {}
    over = event.end
    if event.time is not None and (over is None or _is_partial(event)):
        made["effectiveDateTime"] = _moment(event)
    elif event.time is not None or over is not None:
        ends = {"start": event.time, "end": over}
        made["effectivePeriod"] = {name: instant(at) for name, at in ends.items() if at is not None}
    usual = over if "effectivePeriod" in made else event.time
    if event.known_at is not None and event.known_at != usual:
        made["issued"] = instant(event.known_at)
    return made


def _value(event: Event) -> Resource:
    value = event.value
    if event.status == UNREADABLE:
        value = Absence.UNREADABLE
    if value is None:
        return {}
    if isinstance(value, Absence):
        return {"dataAbsentReason": {"coding": [{"system": _REASONS, "code": _ABSENT[value]}]}}
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, str):
        return {"valueCodeableConcept": _concept(value)} if _is_code(value) else {"valueString": value}
    return {"valueQuantity": _quantity(event, value)}


def _quantity(event: Event, value: float) -> Resource:
    # A whole number is written as one: 54.0 would claim a digit that nobody measured.
    made: Resource = {"value": int(value) if float(value).is_integer() and abs(value) < 1e15 else value}
    made |= {"comparator": event.comparator} if event.comparator else {}
    if event.unit is None:
        return made
    return (
        made | {"unit": event.unit} | ({"system": _UCUM, "code": event.unit} if _is_ucum(event.unit) else {})
    )


def _is_ucum(unit: str) -> bool:
    try:
        parse(unit)
    except EvidenceError:
        return False
    return " " not in unit


def _coded(every: tuple[str, ...]) -> Resource:
    codings = [
        _coding(code) for code in every if codes.uri(code)[1] and not code.startswith(f"{codes.TEXT}/")
    ]
    words = [code.partition("/")[2] for code in every if code.startswith(f"{codes.TEXT}/")]
    return ({"coding": codings} if codings else {}) | ({"text": words[0]} if words else {})


def _coding(code: str) -> Resource:
    system, plain = codes.uri(code)
    return {"system": system, "code": plain} if system else {"code": plain}


def _concept(answer: str) -> Resource:
    return {"coding": [_coding(answer)]} if _is_code(answer) else {"text": answer}


def _is_code(answer: str) -> bool:
    """Whether it names its code system: a short name of ours, or an absolute URI."""
    return ":" in codes.uri(answer)[0]


def _is_partial(event: Event) -> bool:
    """Whether its moment is a whole day, as where only a date was recorded."""
    start, over = event.time, event.end
    return start is not None and over == start + timedelta(days=1) - _TICK and start.time() == time.min


def _moment(event: Event) -> str:
    assert event.time is not None
    text = instant(event.time)
    return text[:10] if _is_partial(event) else text


def instant(at: datetime) -> str:
    """Return a moment as FHIR writes it, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def id_of(source: str) -> str:
    """Return the id of ``Type/id``; one that FHIR does not allow becomes a digest of it."""
    told = source.partition("/")[2]
    return told if _is_id(told) else hashlib.sha256(source.encode()).hexdigest()[:32]


_Maker = Callable[[str, list[Event], Resource, bool], list[Resource]]
_MAKERS: dict[str, _Maker] = {"Encounter": _encounter, "Observation": _observation}
