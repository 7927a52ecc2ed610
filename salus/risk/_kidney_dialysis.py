"""Is the patient on dialysis: by the conditions of the record, and by the sessions that it holds.

A session within the last three months counts: dialysis that lasts longer than that is kidney failure (KDIGO
2024, section 1.3), and a record may hold some of its sessions only.
"""

from __future__ import annotations

from datetime import timedelta

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk._inputs import Fact, condition
from salus.risk._terms import DIALYSIS, snomed

WITHIN = timedelta(days=90)
SESSION = ValueSet(
    "dialysis session",
    snomed(
        "265764009",  # renal dialysis
        "302497006",  # haemodialysis
        "71192002",  # peritoneal dialysis
        "714749008",  # continuous renal replacement therapy
    )
    | frozenset(f"CPT/{code}" for code in ("90935", "90937", "90945", "90947")),
    ("ICD10PCS/5A1D",),
    "SNOMED CT; CPT 90935 and 90937 haemodialysis, 90945 and 90947 other dialysis; ICD-10-PCS 5A1D",
)


def on_dialysis(view: View) -> Fact:
    """Return whether the patient is on dialysis at `as_of`."""
    sessions = tuple(event for event in view.timeline.where(kind="Procedure") if _recent(view, event))
    if sessions:
        return Fact(DIALYSIS.name, True, sessions, "dialysis within the last three months")
    return condition(view, DIALYSIS)


def _recent(view: View, event: Event) -> bool:
    if not SESSION.has(event) or event.status not in ("completed", "in-progress", None):
        return False
    until = event.end or event.time
    return event.status == "in-progress" or (until is not None and view.as_of - until <= WITHIN)
