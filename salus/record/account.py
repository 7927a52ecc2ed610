"""Account: what became of every resource that was read, for whoever must trust that nothing went missing.

Each resource is counted once: as events, as context (what is not about one patient), or as a reject
with its reason and place. Reasons name elements and rules, never a patient's value.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from salus.core.errors import EvidenceError
from salus.record import rest

_NAME = "account.json"


class Reject(NamedTuple):
    """A resource that did not become evidence: where it stands and why."""

    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Account:
    """What one read did.

    as_events, as_context: resources by type. events: rows of evidence. subjects: patients that this
    read spoke of. changed: ``Type/id`` whose content differs from an earlier read, or that were
    withdrawn since. notes: files passed over and the like, in words.
    """

    resources: int = 0
    as_events: Counter[str] = field(default_factory=Counter)
    as_context: Counter[str] = field(default_factory=Counter)
    rejected: list[Reject] = field(default_factory=list)
    events: int = 0
    subjects: int = 0
    cpu_seconds: float = 0.0
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def reject(self, file: str, line: int, reason: str) -> None:
        """Count one resource as refused, at `line` (1-based; in a Bundle the entry) of `file`."""
        self.rejected.append(Reject(file, line, reason))
        self.resources += 1

    def unaccounted(self) -> int:
        """Return how many resources were neither events, context nor rejects; 0 unless Salus is wrong."""
        return self.resources - self.as_events.total() - self.as_context.total() - len(self.rejected)

    def counts(self) -> dict[str, int]:
        """Return the sums alone, as the ledger keeps them."""
        return {
            "resources": self.resources,
            "as_events": self.as_events.total(),
            "as_context": self.as_context.total(),
            "rejected": len(self.rejected),
            "events": self.events,
            "subjects": self.subjects,
        }

    def as_json(self) -> dict[str, object]:
        """Return the account in the shape that ``salus read --json`` prints."""
        return {
            "resources": self.resources,
            "as_events": dict(sorted(self.as_events.items())),
            "as_context": dict(sorted(self.as_context.items())),
            "rejected": [reject._asdict() for reject in self.rejected],
            "events": self.events,
            "subjects": self.subjects,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "notes": list(self.notes),
        }

    def keep(self, folder: Path) -> None:
        """Leave in `folder` what the ledger must hear, for the case that this reader cannot tell it."""
        rest.write_bytes(folder / _NAME, msgspec.json.encode(Told(self.counts(), self.changed)))


class Told(msgspec.Struct, frozen=True):
    """What the ledger hears of a read: its sums, and the ``Type/id`` that changed."""

    counts: dict[str, int]
    changed: list[str]

    @classmethod
    def of(cls, folder: Path) -> Told:
        """Return what the read that made `folder` left there.

        Raises EvidenceError when it is gone or damaged.
        """
        try:
            return msgspec.json.decode(rest.read_bytes(folder / _NAME), type=cls)
        except (OSError, msgspec.MsgspecError):
            raise EvidenceError(
                f"'{folder / _NAME}' is gone or damaged: restore it from a backup, or read the export again "
                "into a new archive."
            ) from None
