"""A store that is away, damaged or not ours: one sentence says what, where, what to do; nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import event

from salus.core.errors import AwayError, EvidenceError, UserError
from salus.store import engine
from salus.store import store as store_module
from salus.store.ledger import verify
from salus.store.store import Store, open_store
from salus.store.tables import SCHEMA
from tests.store_fixtures import NOW, change, postgres, put, store_fixture, url_fixture  # noqa: F401


@pytest.fixture(name="file")
def file_fixture(tmp_path: Path) -> Path:
    return tmp_path / "salus.db"


@pytest.fixture(name="embedded")
def embedded_fixture(file: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{file}")
    yield opened
    opened.close()


def look(store: Store) -> str:
    with store.begin() as tx:
        return tx.append(NOW, "maria", "look", {}).digest


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://u@h/d", "no store for 'mysql'"),
        ("not a url", "is no store URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_a_url_that_names_no_store(url: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        open_store(url)


def test_a_password_is_never_told() -> None:
    with pytest.raises(AwayError) as caught:
        open_store("postgresql://maria:geheim@127.0.0.1:1/salus")
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(UserError) as wrong:
        open_store("mysql://maria:geheim@h/d")
    assert "geheim" not in str(wrong.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AwayError, match=r"none/salus\.db cannot be opened; check that its folder exists"):
        open_store(f"sqlite:///{tmp_path / 'none' / 'salus.db'}")


def test_a_file_that_is_no_database(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(EvidenceError, match=r"salus\.db is damaged"):
        open_store(f"sqlite:///{file}")


def test_a_file_with_a_damaged_middle(file: Path) -> None:
    opened = open_store(f"sqlite:///{file}")
    with opened.begin() as tx:
        for number in range(300):
            put(tx, f"i{number}")
    opened.close()
    pages = bytearray(file.read_bytes())
    pages[4096 : len(pages) : 1] = b"\xa5" * (len(pages) - 4096)
    file.write_bytes(pages)
    with pytest.raises(EvidenceError, match=r"salus\.db is damaged"):
        list(open_store(f"sqlite:///{file}").entries())


def test_a_file_that_was_removed_takes_no_more_writes(embedded: Store, file: Path) -> None:
    look(embedded)
    file.unlink()
    with pytest.raises(AwayError, match="removed or replaced"):
        look(embedded)
    with pytest.raises(AwayError, match="removed or replaced"):
        embedded.head()


def test_a_file_that_was_replaced_takes_no_more_writes(embedded: Store, file: Path) -> None:
    look(embedded)
    file.rename(file.with_name("away.db"))
    open_store(f"sqlite:///{file}").close()
    with pytest.raises(AwayError, match="removed or replaced"):
        look(embedded)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
@pytest.mark.parametrize(("free", "says"), [(0, "is on a full disk"), (2**30, "check")])
def test_a_disk_that_is_full_is_not_called_broken(
    file: Path, embedded: Store, monkeypatch: pytest.MonkeyPatch, code: int, free: int, says: str
) -> None:
    """SQLite says so itself only where it writes the database: not where it makes what lies beside it."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    monkeypatch.setattr(engine, "disk_usage", lambda _folder: SimpleNamespace(free=free))

    def fails(*_: object) -> None:
        raise error

    event.listen(embedded._engine, "do_execute", fails)
    with pytest.raises(AwayError, match=says):
        embedded.head()


def test_a_database_that_another_process_holds(
    file: Path, embedded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = look(embedded)
    monkeypatch.setattr(engine, "WAIT_S", 0.2)
    impatient = open_store(f"sqlite:///{file}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AwayError, match="is locked by another process; try again"):
            look(impatient)
        assert impatient.head() == (1, first), "reading goes on meanwhile"
        other.execute("ROLLBACK")
    look(impatient)
    assert embedded.head()[0] == 2
    impatient.close()


def test_a_thread_that_waits_too_long_for_its_turn(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "WAIT_S", 0.05)
    with embedded.begin(), pytest.raises(AwayError, match="is busy"):
        look(embedded)
    look(embedded)


def test_a_full_disk_undoes_the_transaction_and_no_more(embedded: Store) -> None:
    look(embedded)
    for verb, pages in (("begin", 60), ("end", 1 << 30)):
        event.listen(
            embedded._engine, "connect", lambda raw, _, n=pages: raw.execute(f"PRAGMA max_page_count={n}")
        )
        embedded._engine.dispose()
        if verb == "begin":
            with pytest.raises(AwayError, match="is on a full disk; free some space"), embedded.begin() as tx:
                put(tx, "big", document=b"x" * 1_000_000)
            assert embedded.head()[0] == 1
            assert embedded.insights() == []
    look(embedded)
    assert verify(embedded.entries()).entries == 2


def test_a_newer_schema_is_refused(store: Store, url: str) -> None:
    change(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match=rf"newer Salus \(schema 9999, not {SCHEMA}\). Upgrade"):
        open_store(url)


def test_a_server_that_restarts_is_found_again() -> None:
    server = postgres()
    store = open_store(server.url(server.new_database()))
    first = look(store)
    server.stop()
    try:
        with pytest.raises(AwayError, match="does not answer; check that PostgreSQL runs"):
            look(store)
        with pytest.raises(AwayError, match="does not answer"):
            store.head()
    finally:
        server.start()
    assert store.head() == (1, first)
    look(store)
    assert verify(store.entries(), first).entries == 2
    store.close()


def test_a_server_that_ends_in_the_middle_of_a_transaction() -> None:
    server = postgres()
    store = open_store(server.url(server.new_database()))
    first = look(store)
    with pytest.raises(AwayError, match="does not answer"), store.begin() as tx:
        tx.append(NOW, "maria", "look", {})
        tx.flush()
        with psycopg.connect(server.url("postgres"), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            )
    assert store.head() == (1, first)
    store.close()


def test_a_server_whose_writers_queue_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WAIT_S", 1)
    server = postgres()
    url = server.url(server.new_database())
    store, impatient = open_store(url), open_store(url)
    with store.begin() as tx:
        tx.append(NOW, "maria", "look", {})
        with pytest.raises(AwayError, match="is busy: no turn to write came in time"):
            look(impatient)
    look(impatient)
    assert verify(store.entries()).entries == 2
    store.close()
    impatient.close()


def test_a_server_that_can_only_be_read() -> None:
    server = postgres()
    url = server.url(server.new_database())
    open_store(url).close()
    store = open_store(f"{url}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(AwayError, match="can only be read"):
        look(store)
    store.close()


def test_a_user_who_may_not_make_tables() -> None:
    server = postgres()
    database = server.new_database()
    with psycopg.connect(server.url("postgres"), autocommit=True) as other:
        other.execute(f"CREATE USER guest_of_{database}")
    with pytest.raises(UserError, match="does not let this user make or change its tables"):
        open_store(server.url(database).replace("salus@", f"guest_of_{database}@"))


def test_a_server_without_that_database() -> None:
    with pytest.raises(AwayError, match="database nowhere does not answer"):
        open_store(postgres().url("nowhere"))
