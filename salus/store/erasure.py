"""Erasure in the store: a person's rows go, and what opens the commitments of the entries about them.

The chain stays as it is: its lines hold salted commitments, and without salt and content nobody can say what
they were of. The entry that says so names the openings that were erased; `check` takes no other for erased.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, Table, delete, select, text, update

from salus.core.errors import AwayError
from salus.store import tables as t
from salus.store.rows import kept_content
from salus.store.transaction import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

_CHUNK = 500
# Their rows are the chain's, or what opens it.
_CHAIN = ("entry", "opening")
_OF_NOBODY = ("erase", "setting", "backup")


def erased(tx: Transaction, subjects: Iterable[str], pattern: re.Pattern[bytes]) -> list[int]:
    """Delete every row of `subjects`, erase the openings of the entries about them, and return those entries.

    pattern: finds their names within what is kept beside entries. The caller appends the entry that says so.
    """
    tx.flush()
    to, whose = tx.connection, list(subjects)
    if to.dialect.name == "sqlite":
        # What is deleted is written over, too (sqlite.org/pragma.html#pragma_secure_delete).
        to.exec_driver_sql("PRAGMA secure_delete = ON")
    ids = {table: _ids(to, table, whose) for table in (t.insight, t.review)}
    seqs = _about(to, whose, {*ids[t.insight], *ids[t.review]}, pattern)
    for table in reversed(t.metadata.sorted_tables):
        if table.name not in _CHAIN:
            _delete(to, table, "insight", ids[t.insight])
            _delete(to, table, "subject", whose)
    for some in _chunks(sorted(seqs)):
        gone = {"salt": None, "content": None, "record_id": ""}
        to.execute(update(t.opening).where(t.opening.c.seq.in_(some)).values(**gone))
    return sorted(seqs)


def _ids(to: Connection, table: Table, subjects: list[str]) -> list[str]:
    return list(to.execute(select(table.c.id).where(table.c.subject.in_(subjects))).scalars())


def _delete(to: Connection, table: Table, column: str, values: list[str]) -> None:
    if column in table.c:
        for some in _chunks(values):
            to.execute(delete(table).where(table.c[column].in_(some)))


def _chunks(every: list[Any]) -> Iterator[list[Any]]:
    yield from (every[start : start + _CHUNK] for start in range(0, len(every), _CHUNK))


def _about(to: Connection, subjects: list[str], ids: set[str], pattern: re.Pattern[bytes]) -> set[int]:
    """Return the entries about `subjects`: by their record, by the rows that name them, by what is kept."""
    found: set[int] = set()
    for some in _chunks([*ids, *subjects]):
        found |= _seqs(to, t.opening.c.seq, t.opening.c.record_id, some)
        found |= _seqs(to, t.hook_card.c.seq, t.hook_card.c.insight, some)
        found |= _seqs(to, t.insight.c.stale_seq, t.insight.c.id, some)
    kept = select(t.opening.c.seq, t.opening.c.content).where(
        t.opening.c.content.is_not(None), t.opening.c.kind.not_in(_OF_NOBODY)
    )
    for seq, content in to.execute(kept):
        if pattern.search(content.encode()) or ids.intersection(_words(kept_content(content))):
            found.add(seq)
    return found - {None}


def _seqs(to: Connection, seq: Column[Any], column: Column[Any], values: list[str]) -> set[int]:
    return set(to.execute(select(seq).where(column.in_(values))).scalars())


def _words(content: Any) -> Iterator[str]:
    """Yield every text in what is kept of an entry."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _words(part)


def scrubbed(engine: Engine) -> None:
    """Write the database anew, so that its free space holds nothing of what was deleted, nor does its log."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(text("VACUUM"))
            return
        raw: Any = connection.connection.driver_connection
        raw.execute("VACUUM").close()
        busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        # What was deleted still stands in the log (sqlite.org/pragma.html#pragma_wal_checkpoint).
        raise AwayError(
            "Somebody reads the store, so that its log still holds what was erased: give the same command "
            "again when they are done."
        )
