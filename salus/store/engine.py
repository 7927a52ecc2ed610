"""How the store reaches its database: URLs, durability, migrations, and errors that a person can act on.

SQLite runs in WAL with synchronous=FULL, so what was acknowledged survives a loss of power (SQLite manual,
"PRAGMA synchronous": in WAL mode NORMAL can lose the latest commits). PostgreSQL runs with
synchronous_commit=on; its writers queue at one advisory lock, as SQLite's do at BEGIN IMMEDIATE.
"""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from shutil import disk_usage
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from salus.core.errors import AwayError, EvidenceError, SalusError, UserError
from salus.store.embedded import driver, keyed
from salus.store.tables import SCHEMA, metadata

# Test seam: the power-loss test shows that NORMAL loses acknowledged entries and FULL does not.
SYNCHRONOUS = "FULL"
WAIT_S = 5
POOL = 8
# Any fixed number; all writers of one database queue at it.
_WRITERS = 0x5A1_05
_WRITE = "salus_write"
_VERSION = "alembic_version"
# An archive's own store, in its folder.
FILE = "salus.db"
_MIGRATIONS = Path(__file__).parent / "migrations"

# Result codes of SQLite (sqlite.org/rescode.html), primary part.
_SQLITE_BROKEN = {11, 26}
_SQLITE_BUSY = {5, 6}
# On a full disk SQLite cannot make or grow what it keeps beside the file either, and says so in these words.
_SQLITE_FULL, _SQLITE_NO_ROOM = 13, {10, 14}
# What it makes at once beside a database: the index of the log (sqlite.org/walformat.html, section 1.3).
_ROOM = 32 * 1024
# SQLSTATEs (PostgreSQL manual, appendix A).
_NOT_ALLOWED = "42501"
_NO_ANSWER = "does not answer; check that PostgreSQL runs there and that this user may connect"
_POSTGRES_AWAY = {
    "25006": "can only be read (a standby?); use the primary server",
    "53100": "is on a full disk; free some space and try again",
    "53300": "has no connection left; raise max_connections or close some",
    "55P03": "is busy: no turn to write came in time; try again",
}
_SQLITE_AWAY = {
    5: "is locked by another process; try again, or end the process that holds it",
    6: "is locked by another connection; try again",
    8: "can only be read; make the file and its folder writable",
    10: "could not be read or written (disk error); check the disk",
    13: "is on a full disk; free some space and try again",
    14: "cannot be opened; check that its folder exists and may be written",
}


def url_of(file: Path) -> URL:
    """Return the URL of an embedded database; written as text, ``?`` and ``%`` would mean something."""
    return URL.create("sqlite", database=str(file.absolute()))


def parse(url: str | URL) -> URL:
    """Return the URL of a store; ``postgresql://`` means the psycopg driver.

    Raises UserError when it names no back end that Salus has, or a file whose name ends at a question mark.
    """
    try:
        found = make_url(url)
    except ArgumentError:
        raise UserError(f"'{str(url).partition(':')[0][:20]}…' is no store URL. {_FORMS}") from None
    if found.drivername in ("postgresql", "postgres"):
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise UserError(f"Salus has no store for '{found.drivername}'. {_FORMS}")
    if is_sqlite(found) and found.database in (None, "", ":memory:"):
        raise UserError(f"A store must outlive the process, so it needs a file. {_FORMS}")
    if is_sqlite(found) and isinstance(url, str) and "?" in url and not _is_uri(found):
        raise UserError("A '?' ends the path of a store's URL: choose a path without, or leave --store out.")
    return found


def _is_uri(url: URL) -> bool:
    return (url.database or "").startswith("file:")


_FORMS = "Write sqlite:///folder/salus.db or postgresql://user@host/database."


def is_sqlite(url: URL) -> bool:
    """Whether `url` names an embedded database."""
    return url.get_backend_name() == "sqlite"


def file_of(url: URL) -> Path:
    """Return the file of an embedded database (also of one written as ``file:PATH``)."""
    return Path((url.database or "").removeprefix("file:"))


def named(url: URL) -> str:
    """Return what to call the store in a message; never its password."""
    if is_sqlite(url):
        return f"The store {file_of(url)}"
    return f"The store at {url.host or 'localhost'}:{url.port or 5432}, database {url.database}"


def of_store(kind: type[SalusError], url: URL, says: str) -> SalusError:
    """Return the error that the store `says`; over the network it is not said where that is."""
    error = kind(f"{named(url)} {says}")
    error.outside = f"The store {says}"
    return error


def _translated(url: URL, error: DBAPIError) -> SalusError:
    if isinstance(error, DataError):
        return UserError("The store cannot hold that text (a NUL character?). Send text without it.")
    if is_sqlite(url):
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        return _of_sqlite(url, _SQLITE_FULL if code in _SQLITE_NO_ROOM and _is_full(url) else code)
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == _NOT_ALLOWED:
        return of_store(UserError, url, "does not let this user make or change its tables. Grant it that.")
    return of_store(AwayError, url, f"{_POSTGRES_AWAY.get(state, _NO_ANSWER)}.")


def _of_sqlite(url: URL, code: int) -> SalusError:
    if code in _SQLITE_BROKEN:
        says = "is damaged or is no SQLite database. Keep the file, and put a backup in its place."
        return of_store(EvidenceError, url, says)
    return of_store(
        AwayError, url, f"{_SQLITE_AWAY.get(code, 'does not answer; see the disk and its space')}."
    )


def _is_full(url: URL) -> bool:
    try:
        return disk_usage(file_of(url).parent).free < _ROOM
    except OSError:
        return False


@contextmanager
def speaking(url: URL) -> Iterator[None]:
    """Turn what a driver raises into errors of ours; a driver may quote values, so its words end here."""
    try:
        yield
    except (OperationalError, InterfaceError, DataError) as error:
        raise _translated(url, error) from None
    except DBAPIError as error:
        # A damaged SQLite file is a bare DatabaseError; its subclasses (a broken constraint) are our bugs.
        broken = type(error) is DatabaseError or error.connection_invalidated
        if broken or getattr(error.orig, "sqlstate", None) in {_NOT_ALLOWED, *_POSTGRES_AWAY}:
            raise _translated(url, error) from None
        raise
    except PoolTimeoutError:
        says = f"is busy: no connection came free in {WAIT_S} s. Try again."
        raise of_store(AwayError, url, says) from None
    except UnicodeEncodeError:
        raise UserError("That text holds half a surrogate pair; the store keeps whole characters.") from None


def is_blank(file: Path) -> bool:
    """Whether `file` is an embedded database in which nothing was ever made, as a kill leaves one."""
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as raw:
            return not raw.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error:
        return False


def can_be_written(file: Path) -> bool:
    """Whether this user may write the file of an embedded database, and beside it."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def make_engine(url: URL, *, to_read: bool = False, to_audit: bool = False) -> Engine:
    """Return an engine with a small pool; nothing is opened yet.

    to_read: the file cannot be written. to_audit: it may not be.
    """
    shared: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": POOL,
        "max_overflow": POOL,
        "pool_timeout": WAIT_S,
    }
    if is_sqlite(url):
        opened = partial(_opened_to_read, file_of(url)) if to_read else None
        shared |= {"creator": opened} if opened else {}
        how = {"timeout": WAIT_S, "check_same_thread": False}
        engine = create_engine(url, module=driver(file_of(url)), connect_args=how, **shared)
        event.listen(engine, "connect", partial(keyed, file_of(url)))
        connected = _sqlite_connected_to_read if to_read or to_audit else _sqlite_connected
        event.listen(engine, "connect", connected)
        event.listen(engine, "begin", _sqlite_begins)
        return engine
    try:
        engine = create_engine(url, connect_args={"connect_timeout": WAIT_S}, pool_pre_ping=True, **shared)
    except (ImportError, NoSuchModuleError):
        raise UserError("PostgreSQL needs its driver: pip install 'salus-clinical[postgres]'.") from None
    # Many rows in one statement: a message a row cost a hook half its time (decision 0004).
    engine.dialect.use_insertmanyvalues_wo_returning = True
    event.listen(engine, "begin", _postgres_begins)
    return engine


def _opened_to_read(file: Path) -> sqlite3.Connection:
    """Open a file that cannot be written, as an auditor's backup.

    What SQLite would keep beside it (sqlite.org/wal.html, "Read-Only Databases") cannot be made in its folder
    either, so it is told that nobody writes it; unless what lies there says that somebody does.
    """
    wal, shared = (file.with_name(file.name + end) for end in ("-wal", "-shm"))
    in_use = shared.exists() or (wal.exists() and wal.stat().st_size > 0)
    still = "" if in_use or os.access(file.parent, os.W_OK) else "&immutable=1"
    uri = f"{file.resolve().as_uri()}?mode=ro{still}"
    found: sqlite3.Connection = driver(file).connect(uri, uri=True, timeout=WAIT_S, check_same_thread=False)
    return found


def _sqlite_connected_to_read(raw: Any, _record: object) -> None:
    raw.isolation_level = None
    for pragma in ("query_only=ON", f"busy_timeout={WAIT_S * 1000}"):
        raw.execute(f"PRAGMA {pragma}").close()


def _sqlite_connected(raw: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin them deferred.
    raw.isolation_level = None
    _into_wal(raw)
    for pragma in (
        f"synchronous={SYNCHRONOUS}",
        "foreign_keys=ON",
        f"busy_timeout={WAIT_S * 1000}",
    ):
        raw.execute(f"PRAGMA {pragma}").close()


def _into_wal(raw: Any) -> None:
    """Turn a new file to WAL; several that do so at once are told "busy" without SQLite's own waiting."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL").close()
            return
        except raw.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _sqlite_begins(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_begins(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITE):
        # One message, one round trip.
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{WAIT_S}s'; SET LOCAL synchronous_commit = on; "
            f"SELECT pg_advisory_xact_lock({_WRITERS})"
        )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, alone among writers; committed when the block ends, undone when it raises."""
    with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        yield connection


def schema_of(connection: Connection, url: URL) -> str:
    """Return the migration that the database is at; "" for an empty one.

    Raises EvidenceError where what tells it is gone, or is not what Salus writes.
    """
    there = set(inspect(connection).get_table_names())
    ours = there & set(metadata.tables)
    if _VERSION not in there:
        if ours:
            raise _damaged(url, f"table {_VERSION} is missing")
        return ""
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if not found and not ours:
        return ""
    if len(found) != 1 or not isinstance(found[0], str) or not re.fullmatch(r"[0-9]{4}", found[0]):
        raise _damaged(url, f"table {_VERSION} holds no version of Salus")
    version: str = found[0]
    return version


def _damaged(url: URL, how: str) -> SalusError:
    return of_store(EvidenceError, url, f"is damaged: {how}: restore from a backup.")


def bring_up_to_date(engine: Engine, url: URL, *, create: bool = True, as_it_lies: bool = False) -> None:
    """Run the migrations that the database lacks.

    as_it_lies: nothing may be written to it. Raises UserError when the database was written by a newer Salus,
    is empty and may not be filled, or is older and may not be written; EvidenceError when it lacks a table.
    """
    with engine.connect() as connection:
        have = schema_of(connection, url)
        there = set(inspect(connection).get_table_names()) if have == SCHEMA else set()
    if not have and (as_it_lies or not create):
        raise UserError(
            f"There is no ledger here: {named(url)} is empty. Put it back from a backup; where nothing was "
            "ever read, begin with 'salus read'."
        )
    if have > SCHEMA:
        raise UserError(
            f"{named(url)} was written by a newer Salus (schema {have}, not {SCHEMA}). Upgrade Salus."
        )
    if have == SCHEMA:
        _all_there(url, there)
        return
    if as_it_lies:
        raise UserError(
            f"{named(url)} was written by an older Salus (schema {have}, not {SCHEMA}), and nothing may be "
            f"written to it here. {_upgrade(url)}"
        )
    with writing(engine) as connection:
        if schema_of(connection, url) < SCHEMA:
            _migrate(connection)


def _upgrade(url: URL) -> str:
    """Say which commands bring an older store up to date, a copy of it where it lies in an archive."""
    file = file_of(url).absolute() if is_sqlite(url) else None
    if file is None or file.name != FILE:
        return "Bring it up to date: salus models --archive DIR --store URL"
    folder, copy = (shlex.quote(str(path)) for path in (file.parent, f"{file.parent}-copy"))
    return (
        f"Audit a copy of it: cp -r {folder} {copy} && chmod -R u+w {copy} && "
        f"salus models --archive {copy} && salus audit verify --archive {copy}"
    )


def _all_there(url: URL, there: set[str]) -> None:
    """Raise EvidenceError for the first table that somebody dropped."""
    for name in sorted(set(metadata.tables) - there):
        raise _damaged(url, f"table {name} is missing")


def _migrate(connection: Connection, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
