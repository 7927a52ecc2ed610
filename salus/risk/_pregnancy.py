"""Is the patient pregnant: a question that several models must ask before they answer."""

from __future__ import annotations

from datetime import timedelta

from salus.core.evidence import Event
from salus.core.measures import USABLE
from salus.core.seams import View
from salus.risk._inputs import Fact
from salus.risk._terms import PREGNANCY

# A condition without an end counts for 42 weeks, the length of a post-term pregnancy (ACOG Committee Opinion
# 579); an observed status for 12 weeks, since the next visit would repeat it.
_CARRIED = timedelta(weeks=42)
_OBSERVED = timedelta(weeks=12)
_STATUS = frozenset({"LOINC/82810-3"})
_YES = frozenset({"SNOMED/77386006", "LOINC/LA15173-0"})
_NO = frozenset({"SNOMED/60001007", "LOINC/LA26683-5"})
_GONE = frozenset({"resolved", "remission", "inactive", "refuted", "entered-in-error"})


def pregnant(view: View) -> Fact:
    """Return whether the patient is pregnant at `as_of`, by conditions and by LOINC 82810-3."""
    carried = tuple(event for event in view.timeline.where(kind="Condition") if _lasts(view, event))
    if carried:
        return Fact("pregnancy", True, carried, "pregnant")
    observed = view.timeline.where(_STATUS, test=lambda event: event.status in USABLE).last()
    if observed is None or observed.time is None or view.as_of - observed.time > _OBSERVED:
        return Fact("pregnancy", None, (), "pregnancy: not on record")
    if observed.value in _YES:
        return Fact("pregnancy", True, (observed,), "pregnant")
    return Fact("pregnancy", False if observed.value in _NO else None, (observed,), "pregnancy status")


def _lasts(view: View, event: Event) -> bool:
    if not PREGNANCY.has(event) or event.status in _GONE or event.time is None:
        return False
    if event.end is not None and event.end < view.as_of:
        return False
    return view.as_of - event.time <= _CARRIED
