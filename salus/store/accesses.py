"""Which entries tell of an access to somebody's record, and what opens each: for that person's own proofs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, union

from salus.core.errors import SalusError
from salus.store import tables as t
from salus.store.ledger import KEPT, opens
from salus.store.rows import (
    as_entry,
    as_hook_card,
    as_insight,
    as_review,
    as_status,
    cards_content,
    insight_content,
    review_content,
    status_content,
)

# Deeds to the records of everybody here, whose entry names nobody.
_TO_ALL = ("train", "test")
_TO_MANY = ("look", "export")


@dataclass(frozen=True, slots=True)
class Told:
    """What opens the commitment of an entry. record_id: what it is about.

    salt: None once erased. content: None where it is no longer kept, or is not what was committed to.
    """

    kind: str
    record_id: str
    salt: bytes | None
    content: Mapping[str, Any] | None


def accesses(connection: Connection, subject: str) -> list[int]:
    """Return the numbers of the entries that tell of an access to the record of `subject`, in order."""
    of, kind = t.opening.c.record_id, t.opening.c.kind
    insights = select(t.insight.c.id).where(t.insight.c.subject == subject)
    reviews = select(t.review.c.id).where(t.review.c.subject == subject)
    found = union(
        select(t.opening.c.seq).where(kind.in_(tuple(KEPT - {"setting"})), of == subject),
        select(t.opening.c.seq).where(kind == "insight", of.in_(insights)),
        select(t.opening.c.seq).where(kind == "review", of.in_(reviews)),
        select(t.hook_card.c.seq).where(t.hook_card.c.insight.in_(insights), t.hook_card.c.seq.is_not(None)),
        select(t.opening.c.seq).where(kind.in_(_TO_MANY), of == ""),
        select(t.opening.c.seq).where(kind.in_(_TO_ALL)),
    )
    return sorted(connection.execute(found).scalars())


def told(connection: Connection, seq: int) -> Told:
    """Return what opens the commitment of entry `seq`."""
    line = connection.execute(select(t.entry).where(t.entry.c.seq == seq)).first()
    row = connection.execute(select(t.opening).where(t.opening.c.seq == seq)).first()
    if line is None or row is None:
        return Told("", "", None, None)
    try:
        content = _content(connection, row)
        same = content is not None and row.salt is not None and opens(as_entry(line), row.salt, content)
    except (SalusError, AttributeError, TypeError, ValueError, RecursionError):
        # SQLite lets a column hold another type than it was made for; the audit says so.
        same = False
    return Told(str(row.kind), str(row.record_id), row.salt, content if same else None)


def _content(connection: Connection, row: Any) -> Mapping[str, Any] | None:
    """Return what the entry was about: kept beside it, or in a row of its own."""
    if row.content is not None:
        found: dict[str, Any] = json.loads(row.content)
        return found
    if row.kind == "insight":
        one = connection.execute(select(t.insight).where(t.insight.c.id == row.record_id)).first()
        leans = select(t.insight_source.c.source).where(t.insight_source.c.insight == row.record_id)
        return insight_content(as_insight(one), connection.execute(leans).scalars()) if one else None
    if row.kind == "review":
        one = connection.execute(select(t.review).where(t.review.c.id == row.record_id)).first()
        return review_content(as_review(one)) if one else None
    if row.kind == "status":
        one = connection.execute(select(t.status).where(t.status.c.seq == row.seq)).first()
        return status_content(as_status(one)) if one else None
    if row.kind == "card":
        sent = connection.execute(select(t.hook_card).where(t.hook_card.c.seq == row.seq)).all()
        return cards_content(map(as_hook_card, sent))
    return None
