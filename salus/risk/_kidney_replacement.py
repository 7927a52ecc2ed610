"""Is the patient on dialysis, or was a kidney transplanted: by the conditions and procedures of the record.

A session within the last three months counts: dialysis that lasts longer than that is kidney failure (KDIGO
2024, section 1.3), and a record may hold some of its sessions only.
"""

from __future__ import annotations

from datetime import timedelta

from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk._inputs import DONE, Fact, condition
from salus.risk._operations import DIALYSIS_ACCESS, SESSION, opened, operations, with_operations
from salus.risk._terms import DIALYSIS, KIDNEY_TRANSPLANT

WITHIN = timedelta(days=90)
# FHIR R4 event-status: what was stopped or is on hold had begun.
_BEGUN = DONE | {"stopped", "on-hold"}


def on_dialysis(view: View) -> Fact:
    """Return whether the patient is on dialysis at `as_of`."""
    lately = tuple(event for event in operations(view) if _recent(view, event) is not False)
    sessions = tuple(
        event
        for event in lately
        if SESSION.has(event) and event.status in _BEGUN and _recent(view, event) is True
    )
    if sessions:
        return Fact(DIALYSIS.name, True, sessions, "dialysis within the last three months")
    fact = condition(view, DIALYSIS)
    return fact if fact.value else opened(fact, lately, (SESSION,), (DIALYSIS_ACCESS,))


def transplanted(view: View) -> Fact:
    """Return whether a kidney was ever transplanted, by a condition or by the operation."""
    return with_operations(view, condition(view, KIDNEY_TRANSPLANT, ever=True), (KIDNEY_TRANSPLANT,))


def _recent(view: View, event: Event) -> bool | None:
    """Whether it runs or ended within three months; None where it has no date."""
    until = event.end or event.time
    if event.status == "in-progress":
        return True
    return None if until is None else view.as_of - until <= WITHIN
