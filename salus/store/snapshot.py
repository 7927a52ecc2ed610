"""A copy of the store as of one instant, while others write: an embedded database in one file, whole.

SQLite copies its pages under one read transaction (sqlite.org/backup.html). Of PostgreSQL the rows are taken,
table by table in one REPEATABLE READ transaction, into the same tables of an embedded database: a backup has
one form, whichever server is asked, and `restored` puts it into either.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, func, insert, select, text

from salus.core.errors import AwayError, EvidenceError, UserError
from salus.store.embedded import driver, opened
from salus.store.engine import (
    bring_up_to_date,
    is_sqlite,
    make_engine,
    named,
    of_store,
    parse,
    schema_of,
    speaking,
    url_of,
    writing,
)
from salus.store.tables import SCHEMA, metadata

Seen = Callable[[int], object]
_PAGES, _ROWS = 1 << 10, 2_000
# Result codes of SQLite (sqlite.org/rescode.html): corrupt, and no database at all.
_BROKEN = {11, 26}


def copied(url: URL, engine: Engine, to: Path, seen: Seen | None = None) -> None:
    """Write the store behind `engine` to the new file `to`, with mode 0600.

    seen: hears how many bytes (of SQLite) or rows were copied.
    """
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if is_sqlite(url):
            _pages(engine, to, seen)
        else:
            _rows(engine, to, seen)
        _alone(to)
    except (sqlite3.Error, driver(to).Error) as error:
        if error.sqlite_errorcode & 0xFF in _BROKEN:
            raise of_store(EvidenceError, url, "is damaged: restore it from an earlier backup.") from None
        raise AwayError(
            f"The copy '{to}' of the store cannot be written ({error.sqlite_errorname}): make room there, "
            "and try again."
        ) from None


def _pages(engine: Engine, to: Path, seen: Seen | None) -> None:
    done = 0

    def told(_status: int, left: int, every: int) -> None:
        nonlocal done
        if seen:
            seen((every - left - done) * size)
        done = every - left

    with closing(opened(to)) as copy, engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        size = raw.execute("PRAGMA page_size").fetchone()[0]
        # One instant for all steps: a copy without this begins again at every write of another process.
        connection.execute(text("SELECT count(*) FROM sqlite_master"))
        raw.backup(copy, pages=_PAGES, progress=told)


def _rows(engine: Engine, to: Path, seen: Seen | None) -> None:
    url = url_of(to)
    embedded = make_engine(url)
    try:
        bring_up_to_date(embedded, url)
        with engine.connect() as connection, writing(embedded) as copy:
            _all(connection.execution_options(isolation_level="REPEATABLE READ"), copy, seen)
    finally:
        embedded.dispose()


def _all(source: Connection, copy: Connection, seen: Seen | None) -> None:
    for table in metadata.sorted_tables:
        for rows in _pages_of(source, table):
            copy.execute(insert(table), rows)
            if seen:
                seen(len(rows))


def _pages_of(source: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    query = select(table).order_by(*table.primary_key.columns)
    found = source.execution_options(yield_per=_ROWS).execute(query)
    for part in found.mappings().partitions():
        yield [dict(row) for row in part]


def _alone(file: Path) -> None:
    """Leave one file with nothing beside it, which can be read where nothing may be written."""
    with closing(opened(file)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE").close()
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_older(file: Path) -> bool:
    """Whether an older Salus wrote the embedded database `file`, so that it must be migrated to be read."""
    url = url_of(file)
    engine = make_engine(url, to_audit=True)
    try:
        with speaking(url), engine.connect() as connection:
            return schema_of(connection, url) < SCHEMA
    finally:
        engine.dispose()


def restored(file: Path, url: str | URL, seen: Seen | None = None) -> None:
    """Put all that the copy in `file` holds into the empty store at `url`; all of it or nothing.

    Raises UserError where something is there already.
    """
    where = parse(url)
    engine, copy = make_engine(where), make_engine(url_of(file), to_read=True)
    try:
        with speaking(where):
            bring_up_to_date(engine, where)
            with writing(engine) as to, copy.connect() as source:
                if any(to.execute(select(table).limit(1)).first() for table in metadata.sorted_tables):
                    raise UserError(f"{named(where)} holds something already: name an empty one.")
                _all(source, to, seen)
                _count_on(to)
    finally:
        engine.dispose()
        copy.dispose()


def _count_on(to: Connection) -> None:
    """Let PostgreSQL number on from where the rows end."""
    if to.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "n" in table.c:
            last = to.execute(select(func.max(table.c.n))).scalar()
            counter = func.pg_get_serial_sequence(table.name, "n")
            to.execute(select(func.setval(counter, last or 1, last is not None)))
