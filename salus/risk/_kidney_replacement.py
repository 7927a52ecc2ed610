"""Is the patient on dialysis, or was a kidney transplanted: by the conditions and procedures of the record.

A session within the last three months counts: dialysis that lasts longer than that is kidney failure (KDIGO
2024, section 1.3), and a record may hold some of its sessions only.
"""

from __future__ import annotations

from datetime import timedelta

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk import _snomed as listed
from salus.risk._inputs import DONE, Fact, condition
from salus.risk._terms import DIALYSIS, KIDNEY_TRANSPLANT, snomed

WITHIN = timedelta(days=90)
SESSION = ValueSet(
    "dialysis session",
    snomed(
        "265764009",  # renal dialysis
        "302497006",  # haemodialysis
        "71192002",  # peritoneal dialysis
        "714749008",  # continuous renal replacement therapy
    )
    | listed.DIALYSIS
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


def transplanted(view: View) -> Fact:
    """Return whether a kidney was ever transplanted, by a condition or by the operation."""
    done = view.timeline.where(kind="Procedure", test=lambda event: event.status in DONE)
    operations = tuple(event for event in done if KIDNEY_TRANSPLANT.has(event))
    if operations:
        return Fact(KIDNEY_TRANSPLANT.name, True, operations, KIDNEY_TRANSPLANT.name)
    return condition(view, KIDNEY_TRANSPLANT, ever=True)


def _recent(view: View, event: Event) -> bool:
    if not SESSION.has(event) or event.status not in DONE:
        return False
    until = event.end or event.time
    return event.status == "in-progress" or (until is not None and view.as_of - until <= WITHIN)
