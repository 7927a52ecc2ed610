"""Is a drug taken at `as_of`: yes only where the record says so of that moment.

An order or a statement that runs is "yes"; one that ended lately, that nobody ended, or that has no date
leaves it open; one that ended long ago or was stopped since is "no".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from salus.core.codes import NO_KNOWN_MEDICATIONS, TEXT
from salus.core.evidence import Absence, Event
from salus.core.measures import ago
from salus.core.seams import View
from salus.risk import _drugs as drugs
from salus.risk._inputs import Fact, count, worded

DRUG_KINDS = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
# FHIR R4 medicationrequest-status, medication-statement-status and medicationdispense-status that say the
# drug is not (to be) taken now; the decoder calls an order that forbids (MedicationRequest.doNotPerform)
# "do-not-perform", and gives the intent of what nobody has ordered.
_NOT_TAKEN = frozenset(
    {"cancelled", "entered-in-error", "stopped", "not-taken", "not-done", "declined", "draft", "on-hold"}
) | {"do-not-perform", "proposal", "plan", "option", "intended", "preparation"}
# Of these, what ends a drug that an earlier entry gave; a dose or a supply that was stopped is one of many.
# "cancelled" is withdrawn before anything was given (medicationrequest-status): it ends nothing that ran.
_STOPPED = frozenset({"stopped", "not-taken", "do-not-perform", "on-hold"})
_THERAPIES = ("MedicationRequest", "MedicationStatement")
# What runs, by kind; None: the record gives no status. A dose that was given, and a supply, are past.
_RUNS = {**dict.fromkeys(_THERAPIES, ("active", None)), "MedicationAdministration": ("in-progress",)}
# What was completed is over; a supply commonly lasts for up to 90 days more (ours).
SUPPLY = timedelta(days=90)
# Words that stop or forbid what they name, where they begin an order, whatever its status.
_FORBIDS = re.compile(
    r"\W*(?:please )?(?:stop|stopp?ed|stopping|d/?c(?:'?d)?|discontinue[ds]?|cease|hold|held|withhold|"
    r"no(?!\.)|not|never|avoid|off|without|do not \w+|don't \w+|absetzen|abgesetzt|kein\w*|"
    r"pausier\w*)\b(?![-/])"
)
_CLAUSE_ENDS = re.compile(r"[;,]")
# An order is written in one sitting; what is drafted for longer may have been given up (ours).
BEING_WRITTEN = timedelta(days=1)
_IDENTIFYING = ("ATC/", "RxNorm/", "SNOMED/", "NDC/")
_UNDATED = datetime.min.replace(tzinfo=UTC)

# Whether the drugs of these codings are the one asked for; None: cannot be told.
Answers = Mapping[tuple[str, ...], bool | None]
# Of each name or code of a drug, the latest entry that stops it.
Stops = Mapping[str, Event]
Test = Callable[[Event], bool | None]


def drug(view: View, name: str, is_one: Test, since: datetime | None = None) -> Fact:
    """Return whether the patient takes a drug for which `is_one` is true (None: cannot be told).

    since: what was last recorded before this moment is over, or open where nobody ended it; without it, what
    was ever ordered counts.
    """
    entries = [_as_said(event) for event in view.timeline.where(kind=DRUG_KINDS)]
    listed = [event for event in entries if event.status not in _NOT_TAKEN]
    ones = {event.codes: is_one(event) for event in listed}
    if since is None:
        return _ever(view, name, listed, ones)
    stops = _stops(entries, is_one)
    left = [event for event in listed if ones[event.codes] and _ended(event, stops) is not True]
    running = tuple(
        event for event in left if _runs(event, since, view.as_of) and _ended(event, stops) is False
    )
    if running:
        return Fact(name, True, running, name)
    found = _open(view, name, left, since) or _strange(view, name, listed, ones, since)
    return found or _stopped(name, stops) or _not_taken(view, name, listed, ones)


def _ever(view: View, name: str, listed: list[Event], ones: Answers) -> Fact:
    taken = tuple(event for event in listed if ones[event.codes])
    if taken:
        return Fact(name, True, taken, name)
    unread = tuple(event for event in listed if ones[event.codes] is None)
    return _not_recognised(name, unread) if unread else _not_taken(view, name, listed, ones)


def drafted(view: View, name: str, is_one: Test) -> Fact:
    """Return whether such a drug is being ordered: drafted within a day, and not signed. It is not taken yet.

    A draft that is older, or has no date, may have been given up.
    """
    fresh = view.timeline.where(
        kind="MedicationRequest",
        test=lambda event: (
            event.status == "draft"
            and (told := recorded(event)) is not None
            and told >= view.as_of - BEING_WRITTEN
        ),
    ).events
    ones = tuple(event for event in fresh if is_one(event))
    if ones:
        return Fact(name, True, ones, f"{name} being ordered")
    unread = tuple(event for event in fresh if is_one(event) is None)
    return Fact(name, None if unread else False, unread, f"{count(unread, 'drafted order')} not recognised")


# --- when --------------------------------------------------------------------------------------


def recorded(event: Event) -> datetime | None:
    """Return when the entry was last known to hold: its day, or the later one on which that was told."""
    return max((moment for moment in (event.time, event.known_at) if moment is not None), default=None)


def _last(event: Event) -> datetime | None:
    return event.end or recorded(event)


def _runs(event: Event, since: datetime, now: datetime) -> bool:
    """Whether it says that the drug is taken at `now`, and was recorded since `since`."""
    told = recorded(event)
    if told is None or told < since or event.status not in _RUNS.get(event.kind, ()):
        return False
    return event.end is None or event.end >= now


def _recent(event: Event, since: datetime, now: datetime) -> bool:
    """Whether it may hold still: undated, or last recorded in the window; a completed one for a supply."""
    moment = _last(event)
    if moment is None:
        return True
    return moment >= (max(since, now - SUPPLY) if event.status == "completed" else since)


def _lingers(event: Event, since: datetime) -> bool:
    """Whether it was begun before `since` and is active to this day, as far as the record says."""
    return event.status == "active" and event.end is None and event.time is not None and event.time < since


# --- what stopped it -----------------------------------------------------------------------------


def _as_said(event: Event) -> Event:
    """Return the entry as its words have it: an order that begins with "stop" or "no" is none to take it."""
    if event.kind not in _THERAPIES or event.status in _NOT_TAKEN:
        return event
    parts = (code.partition("/")[2].lower() for code in event.codes if code.startswith(f"{TEXT}/"))
    return replace(event, status="stopped") if any(map(_forbids, parts)) else event


def _forbids(said: str) -> bool:
    """Whether words, in small letters, begin by stopping a drug that the same clause names."""
    found = _FORBIDS.match(said)
    return bool(found and drugs.ingredients(_CLAUSE_ENDS.split(said[found.end() :], maxsplit=1)[0]))


def _stops(entries: Iterable[Event], is_one: Test) -> Stops:
    """Return what stops drugs of this kind, by the drug: one that was stopped ends no other of its group."""
    found: dict[str, Event] = {}
    for event in entries:
        stopped = event.kind in _THERAPIES and event.status in _STOPPED
        for key in _keys(event) if stopped and is_one(event) else ():
            found[key] = max(found.get(key, event), event, key=lambda one: _last(one) or _UNDATED)
    return found


def _keys(event: Event) -> frozenset[str]:
    """Return by what a drug is told from others: its ingredients, and its codes."""
    return drugs.ingredients(worded(event)) | {code for code in event.codes if code.startswith(_IDENTIFYING)}


def _ended(event: Event, stops: Stops) -> bool | None:
    """Whether a later entry stops this drug; None where the record does not tell which came last."""
    ends = [stops[key] for key in _keys(event) if key in stops]
    if not ends:
        return False
    said, stopped = recorded(event), max(_last(end) or _UNDATED for end in ends)
    if said is None or stopped in (_UNDATED, said):
        return None
    return stopped > said


# --- what is not known, and what is over -----------------------------------------------------------


def _open(view: View, name: str, left: list[Event], since: datetime) -> Fact | None:
    """Return what leaves it open: the latest that ended lately or that nobody ended, and what has no date."""
    open_ones = tuple(event for event in left if _recent(event, since, view.as_of) or _lingers(event, since))
    if not open_ones:
        return None
    return Fact(name, None, open_ones, f"{name}: {_why_open(view, open_ones, since)}")


def _why_open(view: View, open_ones: tuple[Event, ...], since: datetime) -> str:
    dated = [moment for event in open_ones if (moment := _last(event)) is not None]
    if not dated:
        return "recorded without a date; whether it is taken is not known"
    if all(_lingers(event, since) for event in open_ones):
        return f"ordered {ago(view.as_of - max(dated))} ago and never said to have ended"
    until = min(max(dated), view.as_of).date().isoformat()
    return f"last recorded until {until}; whether it is still taken is not known"


def _strange(view: View, name: str, listed: list[Event], ones: Answers, since: datetime) -> Fact | None:
    """Return the medications of today that are not recognised: any may be the one."""
    unread = tuple(
        event
        for event in listed
        if ones[event.codes] is None and (_recent(event, since, view.as_of) or _lingers(event, since))
    )
    return _not_recognised(name, unread) if unread else None


def _not_recognised(name: str, unread: tuple[Event, ...]) -> Fact:
    if all(event.value is Absence.NOT_SENT for event in unread):
        return Fact(name, None, unread, f"{name}: only a part of the list of medications came")
    return Fact(name, None, unread, f"{name}: {count(unread, 'medication')} not recognised")


def _stopped(name: str, stops: Stops) -> Fact | None:
    if not stops:
        return None
    latest = max(stops.values(), key=lambda event: _last(event) or _UNDATED)
    return Fact(name, False, (latest,), f"{name}: {latest.status} on record")


def _not_taken(view: View, name: str, listed: list[Event], ones: Answers) -> Fact:
    over = [event for event in listed if ones[event.codes]]
    if over:
        return Fact(name, False, tuple(over[-1:]), f"{name}: on record, but over")
    consulted = tuple(listed) or view.timeline.where(NO_KNOWN_MEDICATIONS).events
    if consulted:
        return Fact(name, False, (), f"no {name} among the recorded medications", consulted)
    past = view.timeline.where(kind=DRUG_KINDS, test=lambda event: event.status != "entered-in-error")
    if len(past):
        says = (
            f"{name}: the medications on record were all stopped, withdrawn or never given; none is current"
        )
        return Fact(name, None, (), says)
    return Fact(name, None, (), f"{name}: no list of medications on record")
