"""At which instant is a record asked about, and what in it carries a later date than that?

Decision 0007. Clocks differ: what is dated a little ahead of ours was measured now, and what is dated further
ahead is a slip of the pen, a wrong zone or a plan. It is not used, and that is said.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from salus.core.codes import DEATH, DISPOSITION
from salus.core.evidence import Event, Timeline

# How far the clock of who writes the record may be ahead of ours; feedback on cards is given as much.
CLOCKS_DIFFER = timedelta(minutes=5)

# What tells that something happened; an order or a plan may carry a day that has not come.
_HAPPENED = frozenset({
    "AllergyIntolerance", "Condition", "DiagnosticReport", "Encounter", "FamilyMemberHistory", "ImagingStudy",
    "Immunization", "MedicationAdministration", "MedicationDispense", "MedicationRequest",
    "MedicationStatement", "Observation", "Procedure", "QuestionnaireResponse", "Specimen",
})  # fmt: skip


_NOT_YET = frozenset({"planned", "cancelled", "proposed", "draft"})
# The last millisecond of a day: so a month or a year is known that was given without its day (decision 0007).
_PERIOD_ENDS = time(23, 59, 59, 999000)


def at_bedside(timeline: Timeline, now: datetime) -> datetime:
    """Return the instant at which a live record is asked: `now`, or that of its latest evidence where the
    clock that dated it is a little ahead."""
    latest = [moment for moment in map(_last_dated, timeline) if moment and moment <= now + CLOCKS_DIFFER]
    return max([now, *latest])


def last_known(timeline: Timeline, now: datetime) -> datetime | None:
    """Return the last moment at which something that happened became known; None where nothing is dated.

    It is the end of the record, as of which it is asked where nobody names another instant. What is dated
    after `now` by more than clocks differ counts only in a record that lies in the future as a whole, as one
    whose dates were shifted does: in any other it is a slip of the pen, and must not make everything else
    look old.
    """
    known = [moment for moment in map(_last_dated, timeline) if moment is not None]
    past = [moment for moment in known if moment <= now + CLOCKS_DIFFER]
    return max(past or known, default=None)


def dated_ahead(timeline: Timeline, as_of: datetime, now: datetime, last: datetime | None) -> tuple[str, ...]:
    """Return what happened, as the record says, after `as_of`, where it is asked about its present.

    last: what `last_known` says of it. Asked about its past, a record holds much that came later: that is
    what was asked.
    """
    if as_of < now - CLOCKS_DIFFER and as_of < (last or as_of):
        return ()
    later = (one for one in timeline if _is_after(one, as_of) and (_last_dated(one) or as_of) > as_of)
    return tuple(dict.fromkeys(event.source for event in later))


def _is_after(event: Event, as_of: datetime) -> bool:
    """Whether it carries any date after `as_of`: most do not, and need no closer look."""
    return any(moment is not None and moment > as_of for moment in (event.time, event.known_at))


def _last_dated(event: Event) -> datetime | None:
    """Return from when on it is evidence; None where it has no date, or tells of nothing that happened."""
    if event.code != DEATH and (event.kind not in _HAPPENED or event.status in _NOT_YET):
        return None
    # A visit is dated by its start; how it ended is no news of the patient's state.
    if event.code == DISPOSITION:
        return None
    vague = event.known_at is not None and event.known_at.time() >= _PERIOD_ENDS
    if vague or event.known_at is None:
        return event.time
    return event.known_at if event.time is None else max(event.time, event.known_at)
