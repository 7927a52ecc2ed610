"""Review: a person's last word on an Insight; Entry: one line of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
