"""What shows a pregnancy beside its status: a gestational age, a positive test, why a visit was.

A gestational age is of a pregnancy that lasts until its 42nd week is over. A test may be positive for another
cause, and a visit may be for a suspicion: these leave the question open.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from salus.core.errors import EvidenceError
from salus.core.evidence import HIDDEN, Event
from salus.core.measures import USABLE, Measure, is_blank
from salus.core.seams import View
from salus.risk._inputs import NOT_VISITED, Fact, may_name, worded
from salus.risk._terms import PREGNANCY, PREGNANCY_OVER
from salus.risk._words import is_no_pregnancy

# A pregnancy without an end counts for 42 weeks, the length of a post-term one (ACOG Committee Opinion 579).
CARRIED = timedelta(weeks=42)
# LOINC, component gestational age (HL7 Europe's patient summary takes all of it), of who carries it: as such,
# estimated, by last period, in weeks and in days; SNOMED CT length of gestation.
GESTATION = Measure(
    "gestational age",
    (
        *("LOINC/18185-9", "LOINC/11884-4", "LOINC/11885-1", "LOINC/11887-7", "LOINC/11888-5"),
        *("LOINC/49051-6", "LOINC/49052-4", "SNOMED/57036006"),
    ),
    "wk",
    0,
    45,
    source="beyond 45 weeks it is a slip of the pen",
)
# LOINC choriogonadotropin, presence in urine, in serum, and its beta chain in serum.
TESTS = ("LOINC/2106-3", "LOINC/2118-8", "LOINC/2110-5")
_POS = (
    "http://terminology.hl7.org/CodeSystem/v2-0078|POS",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation|POS",
)
_POSITIVE = frozenset(
    {True, *_POS, "SNOMED/10828004", "SNOMED/260373001", "LOINC/LA6576-8", "LOINC/LA11882-0"}
)
_POSITIVE_WORDS = frozenset({"positive", "pos", "detected", "present", "positiv"})


def lasts(view: View, event: Event, since: datetime | None = None) -> bool | None:
    """Whether the pregnancy of a gestational age may last at `as_of`; None where the age cannot be read.

    since: the last delivery; an age that was charted after it may be of the child that was born.
    """
    try:
        weeks = GESTATION.read(event)
    except EvidenceError:
        return None
    if event.time is None:
        return False
    began = event.time - timedelta(weeks=weeks)
    return view.as_of <= began + CARRIED and (since is None or began > since)


def hinted(view: View, since: datetime | None) -> Fact | None:
    """Return what leaves it open and was told after `since`; None where nothing does."""
    for found, says in (
        (_positive(view, since), "a test for it is positive, and no status is on record since"),
        (_unread(view, since), "a gestational age or a test for it is on record and cannot be read"),
        (_visited(view, since), "the reason of a visit, and not among the conditions"),
    ):
        if found:
            return Fact("pregnancy", None, found, f"pregnancy: {says}")
    return None


def _recent(view: View, event: Event, since: datetime | None) -> bool:
    if event.time is None or view.as_of - event.time > CARRIED:
        return False
    return since is None or event.time > since


def _positive(view: View, since: datetime | None) -> tuple[Event, ...]:
    """Return the last test where it is positive; a negative one since takes an earlier one back."""
    told = [event for event in _tests(view, since) if event.value not in HIDDEN]
    return tuple(event for event in told if event.time == told[-1].time and _is_positive(event))


def _tests(view: View, since: datetime | None) -> tuple[Event, ...]:
    return view.timeline.where(
        TESTS,
        test=lambda event: event.status in USABLE and _recent(view, event, since) and not is_blank(event),
    ).events


def _is_positive(event: Event) -> bool:
    if isinstance(event.value, str) and event.value not in _POSITIVE:
        return event.value.strip().lower() in _POSITIVE_WORDS
    return event.value in _POSITIVE and (event.value is True or isinstance(event.value, str))


def _unread(view: View, since: datetime | None) -> tuple[Event, ...]:
    ages = view.timeline.where(GESTATION.codes, test=lambda event: event.status in USABLE)
    told = _tests(view, since)
    seen = max((event.time for event in told if event.time and event.value not in HIDDEN), default=None)
    hidden = [one for one in told if one.value in HIDDEN and (not seen or not one.time or one.time > seen)]
    for event in ages:
        if not is_blank(event) and _recent(view, event, since) and lasts(view, event) is None:
            hidden.append(event)
    return tuple(hidden)


def _visited(view: View, since: datetime | None) -> tuple[Event, ...]:
    took_place = view.timeline.where(kind="Encounter", test=lambda event: event.status not in NOT_VISITED)
    return tuple(event for event in took_place if _recent(view, event, since) and _names(event))


def _names(event: Event) -> bool:
    if PREGNANCY_OVER.has(event):
        return False
    return PREGNANCY.has(event) or (may_name(event, PREGNANCY) and not is_no_pregnancy(worded(event).lower()))
