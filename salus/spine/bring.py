"""Bring: evidence that a caller carries along (a CDS Hooks prefetch), decoded as everything that is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.evidence import Timeline

if TYPE_CHECKING:
    from salus.record.account import Account

__all__ = ["Account", "bring"]


def bring(
    raw: bytes | Mapping[str, bytes],
    subject: str,
    place: str,
    *,
    ordering: tuple[bytes, datetime] | None = None,
    servers: tuple[str, ...] = (),
) -> tuple[Timeline, Account]:
    """Return the Timeline of `subject` in `raw`, and what became of every resource; nothing is kept.

    raw: a CDS Hooks prefetch, its values by key, or one whole Bundle. ordering: the draft orders of the call,
    and its moment: they count as drafts. servers: the base URLs under which `subject` is that patient.
    Raises EvidenceError when it is none.
    """
    from salus.record.fhir import Drafts, prefetch

    return prefetch(raw, subject, place, Drafts(*ordering) if ordering else None, servers)
