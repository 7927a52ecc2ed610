"""Whether what stands beside the records is what the ledger says: settings, staleness, whose a review is.

For the audit, like `check`, which holds each record against its own entry. What is kept here changes over
time, so the newest entry about it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from salus.core.errors import SalusError
from salus.store import tables as t
from salus.store.ledger import opens
from salus.store.rows import as_entry, setting_content


def check_state(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each setting, review or mark that the ledger does not bear out."""
    yield from _settings(connection)
    yield from _review_subjects(connection)
    yield from _stale(connection)


def _settings(connection: Connection) -> Iterator[str]:
    kept = {row.key: row.value for row in connection.execute(select(t.setting)).all()}
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.record_id)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.kind == "setting", t.entry.c.did == "setting", t.opening.c.record_id != "")
        .order_by(t.entry.c.seq)
    )
    newest = {row.record_id: row for row in connection.execute(query)}
    for key in sorted({*map(str, kept), *newest}):
        if key not in newest:
            yield f"The setting {key} is in no ledger entry: it was slipped in."
        elif key not in kept:
            yield f"Entry {newest[key].seq} recorded setting {key}, which is no longer there."
        elif newest[key].salt is not None and not _set(newest[key], key, kept[key]):
            yield f"The setting {key} was changed after entry {newest[key].seq} recorded it."


def _set(row: Any, key: str, value: str) -> bool:
    try:
        return opens(as_entry(row), row.salt, setting_content(key, value))
    except (SalusError, TypeError, ValueError):
        return False


def _review_subjects(connection: Connection) -> Iterator[str]:
    moved = (
        select(t.review.c.id)
        .join(t.insight, t.insight.c.id == t.review.c.insight)
        .where(t.review.c.subject != t.insight.c.subject)
        .order_by(t.review.c.n)
    )
    for review in connection.execute(moved).scalars():
        yield f"The review {review} was given to another subject than its insight."


def _stale(connection: Connection) -> Iterator[str]:
    """Hold each mark against the entry of its moment, and each such entry against the marks that are left."""
    query = (
        select(t.entry, t.opening.c.salt)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.entry.c.did == "stale")
        .order_by(t.entry.c.seq)
    )
    moments = set()
    for row in connection.execute(query).all():
        marked = select(t.insight.c.id).where(t.insight.c.stale_since == row.at)
        ids = sorted(connection.execute(marked).scalars())
        moments.add(row.at)
        if row.salt is not None and not _opens_stale(row, ids):
            yield f"What entry {row.seq} marked as out of date is not what is so marked since."
    when = t.insight.c.stale_since
    counted = select(when, func.count().label("many")).where(when.is_not(None)).group_by(when)
    for row in connection.execute(counted).all():
        if row.stale_since not in moments:
            yield f"{row.many} insights are marked as out of date, and no entry says so."


def _opens_stale(row: Any, ids: list[str]) -> bool:
    try:
        return opens(as_entry(row), row.salt, {"insights": ids})
    except (SalusError, TypeError, ValueError):
        return False
