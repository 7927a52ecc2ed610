"""Whether every row is still what its ledger entry committed to; for the audit, over a whole store.

The chain proves the entries; this proves the rows against the entries, both ways: a row that was changed or
slipped in has no entry that it opens, a row that was removed leaves an entry that speaks of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, select

from salus.core.errors import SalusError
from salus.core.review import Entry
from salus.store import tables as t
from salus.store.ledger import opens
from salus.store.rows import (
    as_entry,
    as_insight,
    as_review,
    as_status,
    insight_content,
    kept_content,
    review_content,
    status_content,
)

_PAGE = 500
_Proofs = dict[str, list[tuple[Entry, bytes | None]]]


def check(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each row and entry that no longer belong together."""
    yield from _before_the_first(connection)
    yield from _rows(connection, "insight", t.insight, _insight_contents)
    yield from _rows(connection, "review", t.review, _review_contents)
    yield from _statuses(connection)
    yield from _entries_of_nothing(connection)


def _pages(connection: Connection, table: Table, key: Column[Any]) -> Iterator[list[Any]]:
    """Yield the rows of `table` page by page, so that memory stays flat."""
    query = select(table).order_by(key).limit(_PAGE)
    rows = connection.execute(query).all()
    while rows:
        yield list(rows)
        rows = connection.execute(query.where(key > getattr(rows[-1], key.name))).all()


def _rows(
    connection: Connection,
    kind: str,
    table: Table,
    contents: Callable[[Connection, list[Any]], Callable[[Any], Mapping[str, object]]],
) -> Iterator[str]:
    highest = 0
    for rows in _pages(connection, table, table.c.n):
        proofs = _proofs(connection, kind, [row.id for row in rows])
        content = contents(connection, rows)
        for row in rows:
            found = proofs.get(row.id, [])
            yield from _judged(kind, row, content, found)
            seq = min((line.seq for line, _salt in found), default=highest)
            if seq < highest:
                # Rows are read in the order of `n`, and the last of them is a person's last word.
                yield f"The {kind} {row.id} was moved: entry {seq} recorded it before entry {highest}."
            highest = max(highest, seq)


def _judged(
    kind: str,
    row: Any,
    content: Callable[[Any], Mapping[str, object]],
    proofs: list[tuple[Entry, bytes | None]],
) -> Iterator[str]:
    """Say what is wrong with one row, given the entries that speak of it."""
    if not proofs:
        yield f"The {kind} {row.id} is in no ledger entry: it was slipped in, or its entry removed."
    for line, salt in proofs:
        if salt is not None and not _opens(line, salt, content, row):
            yield f"The {kind} {row.id} was changed after entry {line.seq} recorded it."


def _opens(line: Entry, salt: bytes | None, content: Callable[[Any], Mapping[str, object]], row: Any) -> bool:
    try:
        return salt is not None and opens(line, salt, content(row))
    except (SalusError, TypeError, ValueError):
        # SQLite lets a column hold another type than it was made for: no row of ours, then.
        return False


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


def _insight_contents(connection: Connection, rows: list[Any]) -> Callable[[Any], dict[str, object]]:
    sources: dict[str, list[str]] = {}
    query = select(t.insight_source).where(t.insight_source.c.insight.in_([row.id for row in rows]))
    for found in connection.execute(query):
        sources.setdefault(found.insight, []).append(found.source)
    return lambda row: insight_content(as_insight(row), sources.get(row.id, ()))


def _review_contents(_connection: Connection, _rows: list[Any]) -> Callable[[Any], dict[str, object]]:
    return lambda row: review_content(as_review(row))


def _statuses(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(t.status).order_by(t.status.c.seq)).all():
        line = connection.execute(select(t.entry).where(t.entry.c.seq == row.seq)).first()
        salt = connection.execute(select(t.opening.c.salt).where(t.opening.c.seq == row.seq)).scalar()
        recorded = line is not None and (line.did, line.at) == ("status", row.at)
        if not (recorded and _opens(as_entry(line), salt, lambda row: status_content(as_status(row)), row)):
            yield f"The status of model {row.model} was changed after entry {row.seq} recorded it."


def _entries_of_nothing(connection: Connection) -> Iterator[str]:
    for row in connection.execute(_without_opening()):
        yield f"Entry {row.seq} ({row.did}) has lost its opening: what it recorded can no longer be proven."
    licensed = _licensed(connection)
    for seq in connection.execute(_erased()).scalars():
        if seq in licensed:
            continue
        yield f"Entry {seq}'s opening was erased, and no entry records an erasure."
    for kind, table, key in (
        ("insight", t.insight, t.opening.c.record_id == t.insight.c.id),
        ("review", t.review, t.opening.c.record_id == t.review.c.id),
        (
            "status",
            t.status,
            (t.opening.c.seq == t.status.c.seq) & (t.opening.c.record_id == t.status.c.model),
        ),
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


def _before_the_first(connection: Connection) -> Iterator[str]:
    """Name entries below 1: the chain is read from 1 on, so nothing that they say is proven."""
    for seq in connection.execute(select(t.entry.c.seq).where(t.entry.c.seq < 1)).scalars():
        yield f"Entry {seq} stands before the first entry: it was slipped in."


def _erased() -> Select[Any]:
    """Openings without a salt: what they recorded was erased."""
    return select(t.opening.c.seq).where(t.opening.c.salt.is_(None)).order_by(t.opening.c.seq)


def _licensed(connection: Connection) -> set[int]:
    """Return the entries that those of erasures say were erased: these, before them, and no others."""
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.content)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.entry.c.did == "erase", t.opening.c.kind == "erase")
    )
    found: set[int] = set()
    for row in connection.execute(query):
        told = kept_content(row.content)
        if _opens(as_entry(row), row.salt, _kept, row):
            found |= {seq for seq in told.get("openings", ()) if type(seq) is int and seq < row.seq}
    return found


def _kept(row: Any) -> Mapping[str, object]:
    return kept_content(row.content)


def _without_opening() -> Select[Any]:
    """Entries without an opening, or whose opening says another kind of deed than the entry."""
    return (
        select(t.entry.c.seq, t.entry.c.did)
        .outerjoin(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.seq.is_(None) | (t.opening.c.kind != t.entry.c.did))
        .order_by(t.entry.c.seq)
    )
