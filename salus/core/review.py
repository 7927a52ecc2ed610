"""Review: a person's last word on an Insight; Entry: one line of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from salus.core.errors import printable

DECISIONS = ("accepted", "modified", "overridden", "deferred")

# The override reasons that cards and pages offer: few and broad, since long lists go unread.
OVERRIDE_REASONS = {
    "already-done": "Already acted on",
    "evidence-wrong": "Evidence wrong or out of date",
    "not-this-patient": "Not right for this patient",
    "patient-wish": "The patient's wish",
    "other": "Another reason",
}
REASON_SYSTEM = "urn:salus:override-reason"
# A coded reason says why an insight does not hold, or what was changed of it.
WITH_REASON = frozenset({"modified", "overridden"})
OTHER = "other"


class Fault(StrEnum):
    """What keeps a review from being one."""

    DECISION = "no such decision"
    REASON = "no such reason"
    NO_OVERRIDE = "a reason beside a decision that needs none"
    OTHER_UNSAID = "another reason, and none is said"
    UNREASONED = "an override without a reason"
    UNSAID = "a change without what is changed"


def faults(decision: str, because: str, note: str) -> tuple[Fault, ...]:
    """Return what is wrong with a review, the gravest first; every door tells it in its own words."""
    said = bool(printable(note, None))
    found = (
        (Fault.DECISION, decision not in DECISIONS),
        (Fault.REASON, bool(because) and because not in OVERRIDE_REASONS),
        (Fault.NO_OVERRIDE, bool(because) and decision in DECISIONS and decision not in WITH_REASON),
        (Fault.OTHER_UNSAID, because == OTHER and not said),
        (Fault.UNREASONED, decision == "overridden" and not (because or said)),
        (Fault.UNSAID, decision == "modified" and not (because or said)),
    )
    return tuple(fault for fault, is_so in found if is_so)


@dataclass(frozen=True, slots=True)
class Review:
    """What `by` decided on the insight with id `insight`; `because` is a coded reason, `note` free text."""

    insight: str
    by: str
    decision: str
    because: str = ""
    note: str = ""
    at: datetime | None = None
    told_patient: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: who did what, as a salted commitment, chained to the line before.

    what: hex SHA-256 of salt and canonical content; digest: hex SHA-256 of this line and `previous`.
    """

    seq: int
    at: datetime
    who: str
    did: str
    what: str
    previous: str
    digest: str
