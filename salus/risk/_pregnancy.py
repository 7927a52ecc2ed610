"""Is the patient pregnant: a question that several models must ask before they answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from salus.core.evidence import Event
from salus.core.measures import USABLE
from salus.core.seams import View
from salus.risk._inputs import SUSPECTED, Fact
from salus.risk._terms import PREGNANCY, PREGNANCY_OVER

# A condition without an end counts for 42 weeks, the length of a post-term pregnancy (ACOG Committee Opinion
# 579); an observed status for 12 weeks, since the next visit would repeat it.
_CARRIED = timedelta(weeks=42)
_OBSERVED = timedelta(weeks=12)
# WHO: the puerperium lasts six weeks; what holds in pregnancy alone is not sure to hold again before.
_PUERPERIUM = timedelta(weeks=6)
_STATUS = frozenset({"LOINC/82810-3"})
_YES = frozenset({"SNOMED/77386006", "LOINC/LA15173-0"})
_NO = frozenset({"SNOMED/60001007", "LOINC/LA26683-5"})
_GONE = frozenset({"resolved", "remission", "inactive", "refuted", "entered-in-error"})
_PRESENT = frozenset({"active", "recurrence", "relapse"})
_DONE = frozenset({"completed", "in-progress", None})
_NAME = "pregnancy"


def pregnant(view: View) -> Fact:
    """Return whether the patient is pregnant at `as_of`, by conditions, deliveries and LOINC 82810-3."""
    over = _over(view)
    since = over[-1].time if over else None
    lasting = [event for event in view.timeline.where(kind="Condition") if _lasts(view, event, since)]
    carried = tuple(event for event in lasting if _sure(event, since))
    if carried:
        return Fact(_NAME, True, carried, "pregnant")
    if lasting:
        return Fact(_NAME, None, tuple(lasting), f"{_NAME}: on record, but not confirmed or not dated")
    observed = _observed(view, since)
    if observed is not None:
        return observed
    if since is None or view.as_of - since > _OBSERVED:
        return Fact(_NAME, None, (), f"{_NAME}: not on record")
    if view.as_of - since <= _PUERPERIUM:
        return Fact(_NAME, None, over[-1:], f"{_NAME}: ended less than six weeks ago")
    return Fact(_NAME, False, over[-1:], f"{_NAME}: over")


def _over(view: View) -> tuple[Event, ...]:
    """Return the deliveries and miscarriages on record, in the order in which they happened."""
    found = view.timeline.where(kind=("Condition", "Procedure"), test=PREGNANCY_OVER.has)
    return tuple(event for event in found if event.time is not None and _happened(event))


def _happened(event: Event) -> bool:
    if event.kind == "Condition":
        return event.status not in SUSPECTED and event.status not in ("refuted", "entered-in-error")
    return event.kind == "Procedure" and event.status in _DONE


def _observed(view: View, since: datetime | None) -> Fact | None:
    """Return what the latest observed status says; two answers at one moment leave it open."""
    found = view.timeline.where(_STATUS, test=lambda event: event.status in USABLE and event.time is not None)
    last = found.last()
    if last is None or last.time is None or view.as_of - last.time > _OBSERVED:
        return None
    if since is not None and last.time <= since:
        return None
    latest = tuple(event for event in found if event.time == last.time)
    said = {True if e.value in _YES else False if e.value in _NO else None for e in latest}
    if len(said) > 1:
        return Fact(_NAME, None, latest, f"{_NAME}: recorded differently at one moment")
    answer = said.pop()
    if answer is None:
        return Fact(_NAME, None, latest, f"{_NAME}: the recorded status is neither yes nor no")
    return Fact(_NAME, answer, latest, "pregnant" if answer else "not pregnant")


def _lasts(view: View, event: Event, since: datetime | None) -> bool:
    """Whether it may be a pregnancy of today; one that began before the last delivery ended with it."""
    if not PREGNANCY.has(event) or PREGNANCY_OVER.has(event) or event.status in _GONE:
        return False
    if event.end is not None and event.end < view.as_of:
        return False
    moment = event.time or event.known_at
    if moment is None:
        return True
    return view.as_of - moment <= _CARRIED and (since is None or moment > since)


def _sure(event: Event, since: datetime | None) -> bool:
    if event.status in SUSPECTED:
        return False
    return event.time is not None or (event.status in _PRESENT and since is None)
