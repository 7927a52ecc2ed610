"""Whether every row is still what its ledger entry committed to; for the audit, over a whole store.

The chain proves the entries; this proves the rows against the entries, both ways: a row that was changed or
slipped in has no entry that it opens, a row that was removed leaves an entry that speaks of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, select

from salus.core.review import Entry
from salus.store import tables as t
from salus.store.ledger import opens
from salus.store.rows import (
    as_entry,
    as_insight,
    as_review,
    as_status,
    insight_content,
    review_content,
    status_content,
)

_PAGE = 500
_Proofs = dict[str, list[tuple[Entry, bytes | None]]]


def check(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each row and entry that no longer belong together."""
    yield from _rows(connection, "insight", t.insight, _insight_contents)
    yield from _rows(connection, "review", t.review, _review_contents)
    yield from _statuses(connection)
    yield from _entries_of_nothing(connection)


def _pages(connection: Connection, table: Table, key: Column[Any]) -> Iterator[list[Any]]:
    """Yield the rows of `table` page by page, so that memory stays flat."""
    last = 0
    while rows := connection.execute(select(table).where(key > last).order_by(key).limit(_PAGE)).all():
        yield list(rows)
        last = getattr(rows[-1], key.name)


def _rows(
    connection: Connection,
    kind: str,
    table: Table,
    contents: Callable[[Connection, list[Any]], Mapping[str, Mapping[str, object]]],
) -> Iterator[str]:
    for rows in _pages(connection, table, table.c.n):
        proofs = _proofs(connection, kind, [row.id for row in rows])
        for record_id, content in contents(connection, rows).items():
            yield from _judged(kind, record_id, content, proofs.get(record_id, []))


def _judged(
    kind: str, record_id: str, content: Mapping[str, object], proofs: list[tuple[Entry, bytes | None]]
) -> Iterator[str]:
    """Say what is wrong with one row, given the entries that speak of it."""
    if not proofs:
        yield f"The {kind} {record_id} is in no ledger entry: it was slipped in, or its entry removed."
    for line, salt in proofs:
        if salt is None:
            yield f"Entry {line.seq}: the salt of {kind} {record_id} was erased, the {kind} was not."
        elif not opens(line, salt, content):
            yield f"The {kind} {record_id} was changed after entry {line.seq} recorded it."


def _proofs(connection: Connection, kind: str, ids: list[str]) -> _Proofs:
    """Return, for each record, the entries that speak of it with their salts."""
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.record_id)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.kind == kind, t.entry.c.did == kind, t.opening.c.record_id.in_(ids))
    )
    found: _Proofs = {}
    for row in connection.execute(query):
        found.setdefault(row.record_id, []).append((as_entry(row), row.salt))
    return found


def _insight_contents(connection: Connection, rows: list[Any]) -> dict[str, dict[str, object]]:
    ids = [row.id for row in rows]
    sources: dict[str, list[str]] = {}
    query = select(t.insight_source).where(t.insight_source.c.insight.in_(ids))
    for found in connection.execute(query):
        sources.setdefault(found.insight, []).append(found.source)
    return {row.id: insight_content(as_insight(row), sources.get(row.id, ())) for row in rows}


def _review_contents(_connection: Connection, rows: list[Any]) -> dict[str, dict[str, object]]:
    return {row.id: review_content(as_review(row)) for row in rows}


def _statuses(connection: Connection) -> Iterator[str]:
    query = (
        select(t.status, t.opening.c.salt, t.entry.c.at.label("entry_at"))
        .join(t.entry, t.entry.c.seq == t.status.c.seq)
        .outerjoin(t.opening, t.opening.c.seq == t.status.c.seq)
        .order_by(t.status.c.seq)
    )
    for row in connection.execute(query).all():
        line = as_entry(connection.execute(select(t.entry).where(t.entry.c.seq == row.seq)).one())
        proven = line.did == "status" and row.salt is not None and row.at == row.entry_at
        if not (proven and opens(line, row.salt, status_content(as_status(row)))):
            yield f"The status of model {row.model} was changed after entry {row.seq} recorded it."


def _entries_of_nothing(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_without_opening()):
        yield f"Entry {row.seq} ({row.did}) has lost its opening: what it recorded can no longer be proven."
    for kind, table, key in (
        ("insight", t.insight, t.opening.c.record_id == t.insight.c.id),
        ("review", t.review, t.opening.c.record_id == t.review.c.id),
        ("status", t.status, t.opening.c.seq == t.status.c.seq),
    ):
        gone = (
            select(t.opening.c.seq, t.opening.c.record_id)
            .outerjoin(table, key)
            .where(
                t.opening.c.kind == kind,
                t.opening.c.salt.is_not(None),
                next(iter(table.primary_key)).is_(None),
            )
            .order_by(t.opening.c.seq)
        )
        for row in connection.execute(gone):
            yield f"Entry {row.seq} recorded {kind} {row.record_id}, which is no longer there."


def _without_opening() -> Select[Any]:
    """Entries without an opening, or whose opening says another kind of deed than the entry."""
    return (
        select(t.entry.c.seq, t.entry.c.did)
        .outerjoin(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.seq.is_(None) | (t.opening.c.kind != t.entry.c.did))
        .order_by(t.entry.c.seq)
    )
