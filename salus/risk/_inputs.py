"""What several risk models ask of a View: age, sex, and facts that are true, false or not known.

Absent is not "no": a condition or drug counts as "no" only where that list was recorded for the patient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from salus.core.codes import BIRTH, NO_KNOWN_PROBLEMS, SEX, TEXT, ValueSet
from salus.core.evidence import UNREADABLE, Absence, Event, Timeline
from salus.core.measures import Measure, Reading
from salus.core.seams import View
from salus.risk._drugs import naming, recognised
from salus.risk._words import spoken, understood

AGE = Measure("age", (BIRTH,), "a", 0.0, 130.0)
_YEAR_DAYS = 365.2425

# FHIR R4 condition-ver-status: what was refuted is "no"; what is only suspected is not known, nor what the
# reader refused.
SUSPECTED = frozenset({"unconfirmed", "provisional", "differential", UNREADABLE})
# What speaks of a drug and orders none: what is against it, that it is over (where such a word comes first it
# is an order to stop, which `_taken` reads), and what is done about it (a level) where no strength is said.
_AGAINST = re.compile(
    r"\b(antidote|reversal|antagoni[sz]ation|allerg|intoleran|contra-?indicat|declin|refus)|"
    r"(?<=.)\b(stopped|discontinued|ceased|d/c'?e?d|not (on|taking)|abgesetzt)\b"
)
_ABOUT = re.compile(
    r"\b(levels?|assay|concentration|monitor\w*|clinic|counsel\w*|education|teaching|referral|consult\w*|"
    r"dosing service|pass|card|spiegel|sprechstunde)\b"
)
_STRENGTH = re.compile(r"\d\s*(mg|mcg|ug|µg|g|units?|iu|ie|ml|tab\w*|%)(?![a-z])")
# FHIR R4 encounter-status of what did not take place.
NOT_VISITED = frozenset({"planned", "cancelled", "entered-in-error"})
# FHIR R4 event-status of a procedure that took place, or does.
DONE = frozenset({"completed", "in-progress", None})
OVER = frozenset({"resolved", "remission", "inactive"})
# SNOMED CT has no order in its codes: what is none of the codes listed may still be a subtype of one.
_HIERARCHIES = ("ICD10/", "ICD10CM/", "ICD9CM/")
_SYSTEMS = ("SNOMED/", *_HIERARCHIES)
# ICD codes that name no disease, so that the words beside them are read: a past one of heart or vessels
# (ICD-10 Z86.7, which the WHO and ICD-10-GM do not divide; ICD-10-CM Z86.79; ICD-9-CM V12.50, V12.59), and an
# illness that nobody named (ICD-10 R69).
_NO_DISEASE = ("ICD10/Z867", "ICD10CM/Z8679", "ICD10/R69", "ICD10CM/R69", "ICD9CM/V1250", "ICD9CM/V1259")
_IN_WORDS = f"{TEXT}/"
# A reason that names every dose of a long stay cannot be read by anybody.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """Something true, false, or (None) not known; `events` show it and `says` puts it in words.

    consulted: the list in which it was looked for, where "no" means that the list does not hold it.
    blank: the moment of a later entry that holds no answer, where there is one.
    """

    name: str
    value: bool | None
    events: tuple[Event, ...] = ()
    says: str = ""
    consulted: tuple[Event, ...] = ()
    blank: datetime | None = None

    @property
    def at(self) -> datetime | None:
        """The last moment at which it was told."""
        return max((event.time for event in self.events if event.time is not None), default=None)

    @property
    def options(self) -> tuple[bool, ...]:
        """Every value it may have."""
        return (False, True) if self.value is None else (self.value,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The resources it points to: the first, and the latest four, of what may be thousands of doses."""
        return self._few(self.events)

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Its sources, or as few of the list in which nothing was found."""
        return self.sources or self._few(self.consulted)

    @staticmethod
    def _few(events: tuple[Event, ...]) -> tuple[str, ...]:
        every = tuple(dict.fromkeys(event.source for event in events))
        return every if len(every) <= _SHOWN else (every[0], *every[1 - _SHOWN :])


def _years(born: datetime, at: datetime) -> int:
    """Completed years, as people count age."""
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def age(view: View) -> Reading:
    """Return age in completed years at `as_of`; an interval when only the year of birth is known.

    The day is that of UTC, as the day of birth is kept: in which zone `as_of` is written changes no answer.
    """
    return age_on(births(view), view.as_of.astimezone(UTC))


def births(view: View) -> tuple[Event, ...]:
    """Return what the record says of the day of birth."""
    return tuple(event for event in view.timeline.where((BIRTH,)) if event.time is not None)


def age_on(born: tuple[Event, ...], moment: datetime) -> Reading:
    """Return age in completed years at `moment`, as `age` does at `as_of`."""
    if not born:
        return Reading(AGE, AGE.low, AGE.high, problem="age: no date of birth on record", usable=False)
    days = [day for event in born for day in (event.time, event.end) if day is not None]
    years = [_years(day, moment) for day in days]
    youngest, oldest = max(min(years), 0), max(*years, 0)
    # A day of grace: who was born today may have been born tomorrow by another clock.
    if oldest > AGE.high or max(event.time for event in born if event.time) > moment + timedelta(days=1):
        problem = f"age not usable: the date of birth gives none from {AGE.low:g} to {AGE.high:g} years"
        return Reading(AGE, AGE.low, AGE.high, born[0].time, born, problem, usable=False)
    problem = "" if youngest == oldest else "age: only part of the date of birth is on record"
    if len({event.time for event in born}) > 1:
        problem = "age: the records of this person give different dates of birth"
    return Reading(AGE, float(youngest), float(oldest), born[0].time, born, problem)


def sex(view: View) -> tuple[str | None, tuple[Event, ...]]:
    """Return ``female`` or ``male`` as recorded, or None where the record says neither, or both."""
    events = view.timeline.where((SEX,)).events
    said = {str(event.value) for event in events if event.value in ("female", "male")}
    return (said.pop() if len(said) == 1 else None), events


def condition(view: View, meaning: ValueSet, *, ever: bool = False) -> Fact:
    """Return whether the patient has `meaning`; `ever` counts what is over (a stroke stays a stroke).

    False only where conditions are on record (or recorded as none); suspected or contradictory is not known.
    """
    listed = view.timeline.where(kind="Condition", test=lambda event: event.status != "entered-in-error")
    found = [event for event in listed if meaning.has(event)]
    holds = [event for event in found if _holds(event, ever)]
    against = [event for event in found if event.status == "refuted"]
    if holds and against:
        return Fact(meaning.name, None, (*holds, *against), f"{meaning.name}: the record contradicts itself")
    if holds:
        return Fact(meaning.name, True, tuple(holds), meaning.name)
    suspected = tuple(event for event in found if event.status in SUSPECTED)
    if suspected:
        refused = all(event.status == UNREADABLE for event in suspected)
        why = "the entry cannot be read" if refused else "suspected, not confirmed"
        return Fact(meaning.name, None, suspected, f"{meaning.name}: {why}")
    named_so = tuple(event for event in listed if may_name(event, meaning))
    if named_so:
        return Fact(meaning.name, None, named_so, f"{meaning.name}: named in words, but not by a known code")
    visits = _visits(view, meaning) if ever and not against else ()
    if visits:
        says = f"{meaning.name}: the reason of a visit, and not among the conditions"
        return Fact(meaning.name, None, visits, says)
    return _not_found(view, meaning, listed, tuple(against))


def _visits(view: View, meaning: ValueSet) -> tuple[Event, ...]:
    """Return the visits of which it is the reason: it may have been suspected, or have been."""
    took_place = view.timeline.where(kind="Encounter", test=lambda event: event.status not in NOT_VISITED)
    return tuple(event for event in took_place if meaning.has(event) or may_name(event, meaning))


def hinted(fact: Fact, *meanings: ValueSet) -> bool:
    """Return whether `fact` is open because the record names it, suspects it or contradicts itself."""
    return fact.value is None and any(
        event.kind == "Procedure" or meaning.has(event) or may_name(event, meaning)
        for event in fact.events
        for meaning in meanings
    )


def with_unclear(view: View, fact: Fact, unclear: ValueSet) -> Fact:
    """Return `fact`, or that it is not known where a condition may mean it and does not say."""
    if fact.value:
        return fact
    maybe = condition(view, unclear, ever=True)
    if not any(unclear.has(event) and event.status != "refuted" for event in maybe.events):
        return fact
    return Fact(fact.name, None, maybe.events, f"{fact.name}: {unclear.name}")


def _not_found(view: View, meaning: ValueSet, listed: Timeline, against: tuple[Event, ...]) -> Fact:
    """Return "no" where every condition on the list can be read; one that cannot may be anything."""
    strange = tuple(event for event in listed if unreadable(event))
    if strange:
        in_part = all(event.value is Absence.NOT_SENT for event in strange)
        why = "only a part of the list of conditions came"
        says = f"{meaning.name}: {why if in_part else count(strange, 'condition') + ' not readable'}"
        return Fact(meaning.name, None, strange, says)
    consulted = listed.events or view.timeline.where(NO_KNOWN_PROBLEMS).events
    if consulted:
        says = f"no {meaning.name} among the recorded conditions"
        return Fact(meaning.name, False, against, says, consulted)
    return Fact(meaning.name, None, (), f"{meaning.name}: no list of conditions on record")


def may_name(event: Event, meaning: ValueSet) -> bool:
    """Return whether words alone may mean it; a code whose hierarchy can be walked has said what it is."""
    if not meaning.words or event.status == "refuted" or (walkable(event) and not _nameless(event)):
        return False
    return spoken(worded(event).lower(), meaning.words)


def unreadable(event: Event) -> bool:
    """Return whether a condition may be any: it has no code of a system known here, and no word that is."""
    if event.status == "refuted" or any(code.startswith(_SYSTEMS) for code in event.codes):
        return False
    return not event.coded(NO_KNOWN_PROBLEMS) and not understood(worded(event).lower())


def count(events: tuple[Event, ...], what: str) -> str:
    """Say how many resources these are, for a sentence to go on."""
    several = len({event.source for event in events})
    return f"1 {what} on record is" if several == 1 else f"{several} {what}s on record are"


def placed(code: str) -> bool:
    """Whether a code of a condition is of a system that is known here."""
    return code.startswith(_SYSTEMS)


def walkable(event: Event) -> bool:
    """Whether it carries an ICD code: what such a code means stands in the code itself."""
    return any(code.startswith(_HIERARCHIES) for code in event.codes)


def _nameless(event: Event) -> bool:
    """Whether no ICD code of it names a disease."""
    plain = (code.replace(".", "").upper() for code in event.codes if code.startswith(_HIERARCHIES))
    return all(code.startswith(_NO_DISEASE) for code in plain)


def _holds(event: Event, ever: bool) -> bool:
    if event.status == "refuted" or event.status in SUSPECTED:
        return False
    return ever or event.status not in OVER


def named(
    *words: str, atc: tuple[str, ...] = (), codes: frozenset[str] = frozenset()
) -> Callable[[Event], bool | None]:
    """Return a test for `_taken.drug`: by ATC stem, by code, or by a word that begins with a name.

    The test says None for a medication that carries neither an ATC code nor known words: it may be.
    """
    stems = tuple(f"ATC/{stem}" for stem in atc)
    names = naming(*words)

    def test(event: Event) -> bool | None:
        if event.coded(codes) or (stems and any(code.startswith(stems) for code in event.codes)):
            return True
        said = worded(event).lower()
        if names.search(said):
            # "Warfarin antidote" is none; which drug it is, the words do not say.
            return None if speaks_of_it(said) else True
        if any(code.startswith("ATC/") for code in event.codes):
            return False
        return False if recognised(event.codes, worded(event)) else None

    return test


def speaks_of_it(said: str) -> bool:
    """Return whether words, in small letters, speak of the drug that they name and order none."""
    return bool(_AGAINST.search(said) or (_ABOUT.search(said) and not _STRENGTH.search(said)))


def worded(event: Event) -> str:
    """Return what the record calls it, in its own words; "" where it says only a code."""
    return _words_of(event.codes)


# A record calls a thing the same thousands of times.
@lru_cache(maxsize=1 << 14)
def _words_of(codes: tuple[str, ...]) -> str:
    return "; ".join(code.partition("/")[2] for code in codes if code.startswith(_IN_WORDS))
