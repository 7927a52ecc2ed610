"""The migrations make what the tables say, however many open a new store at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from salus.core.errors import EvidenceError
from salus.store import engine
from salus.store.ledger import GENESIS, commitment, follow, moment, verify
from salus.store.merkle import EMPTY_ROOT, frontier
from salus.store.rows import insight_content
from salus.store.store import HookCard, Store, StoredInsight, open_store
from salus.store.tables import SCHEMA, metadata
from salus.store.tiles import Tiles, grown
from tests.store_fixtures import NOW, change, empty_url_fixture, put, store_fixture, url_fixture  # noqa: F401


def test_the_migrations_make_the_tables(store: Store) -> None:
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(engine._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_a_new_store_is_made_once_by_whoever_opens_it_first(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(open_store, [empty_url] * 4))
    for number, store in enumerate(stores):
        with store.begin() as tx:
            put(tx, f"i{number}")
    assert verify(stores[0].entries()).entries == 4
    for store in stores:
        store.close()


def test_threads_and_stores_share_one_chain_without_gaps(url: str) -> None:
    stores = [open_store(url), open_store(url)]

    def write(number: int) -> None:
        with stores[number % 2].begin() as tx:
            put(tx, f"i{number}")
            tx.append(NOW, f"Practitioner/{number}", "look", {"n": number})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(60)))
    entries = list(stores[0].entries())
    assert [entry.seq for entry in entries] == list(range(1, 121))
    assert verify(entries).intact
    assert list(stores[1].check_records()) == []
    # Two entries of one transaction stand together.
    assert [entry.did for entry in entries] == ["insight", "look"] * 60
    for store in stores:
        store.close()


def test_sqlite_is_set_up_to_survive_a_loss_of_power(tmp_path: object) -> None:
    store = open_store(f"sqlite:///{tmp_path}/salus.db")
    with store._engine.connect() as connection:
        found = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000}
    store.close()


def test_postgresql_acknowledges_what_is_on_disk(store: Store) -> None:
    if store._engine.dialect.name == "sqlite":
        return
    with engine.writing(store._engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("fsync", "synchronous_commit")
        }
    assert found == {"fsync": "on", "synchronous_commit": "on"}


@contextmanager
def earlier(url: str, schema: str) -> Iterator[Connection]:
    """Make a store with the tables of an earlier Salus."""
    made = engine.make_engine(engine.parse(url))
    with engine.writing(made) as connection:
        engine._migrate(connection, schema)
        yield connection
    made.dispose()


def insert(to: Connection, table: str, **row: Any) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    to.execute(text(f"INSERT INTO {table} ({columns}) VALUES (:{', :'.join(row)})"), row)


def old_entry(to: Connection, did: str, content: dict[str, object], record: str = "", at: str = "") -> None:
    """Append an entry as Salus did under schema 0002."""
    newest = to.execute(text("SELECT seq, digest FROM entry ORDER BY seq DESC LIMIT 1")).first()
    last = (newest.seq, newest.digest) if newest else (0, GENESIS)
    when = datetime.fromisoformat(at) if at else NOW
    line = follow(last, when, "maria", did, commitment(b"salt", content))
    said = {"at": moment(when), "who": line.who, "did": did, "what": line.what}
    insert(to, "entry", seq=line.seq, **said, previous=line.previous, digest=line.digest)
    insert(to, "opening", seq=line.seq, salt=b"salt", kind=did, record_id=record)


def test_a_store_of_the_first_schema_opens_and_its_settings_are_written_down(empty_url: str) -> None:
    with earlier(empty_url, "0001") as to:
        insert(to, "setting", key="site-id", value="x")
    store = open_store(empty_url)
    assert [entry.did for entry in store.entries()] == ["setting"]
    assert store.setting("site-id") == "x"
    assert verify(store.entries()).intact
    assert list(store.check_records()) == []
    store.close()


CALLED, MARKED = "2024-05-06T07:08:09.123456+00:00", "2024-05-07T07:08:09.123456+00:00"


@pytest.fixture(name="second")
def second_fixture(empty_url: str) -> Iterator[Store]:
    """A store of the second schema, opened now: two insights, one of them stale, three cards of two calls."""
    with earlier(empty_url, "0002") as to:
        old_entry(to, "read", {"place": "x", "counts": {}})
        for name in ("i1", "i2"):
            row = StoredInsight(0, name, "Patient/1", "news2", "1", NOW, b"{}")
            old_entry(to, "insight", insight_content(row, ["Observation/1"]), name)
            kept = {"subject": "Patient/1", "model": "news2", "version": "1", "as_of": moment(NOW)}
            insert(to, "insight", id=name, **kept, document=b"{}")
            insert(to, "insight_source", source="Observation/1", insight=name)
        for uuid, insight, user in (("c1", "i1", "u1"), ("c2", "i2", "u1"), ("c3", "i1", "u2")):
            insert(to, "hook_card", uuid=uuid, insight=insight, user=user, at=CALLED)
        old_entry(to, "stale", {"insights": ["i2"]}, at=MARKED)
        to.execute(text(f"UPDATE insight SET stale_since = '{MARKED}' WHERE id = 'i2'"))
    store = open_store(empty_url)
    yield store
    store.close()


def test_a_store_of_the_second_schema_opens_and_its_cards_are_written_down(second: Store) -> None:
    assert verify(second.entries()).intact
    assert list(second.check_records()) == []
    assert [entry.did for entry in second.entries()][4:] == ["card", "card"]
    assert second.hook_card("c3") == HookCard("c3", "i1", "u2", datetime.fromisoformat(CALLED))
    assert second.stale(["i1", "i2"]) == {"i2": datetime.fromisoformat(MARKED)}


def test_a_store_of_the_third_schema_opens_and_its_cards_name_no_client(empty_url: str) -> None:
    cards = {"c1": ["i1", "u1", CALLED]}
    with earlier(empty_url, "0003") as to:
        row = StoredInsight(0, "i1", "Patient/1", "news2", "1", NOW, b"{}")
        old_entry(to, "insight", insight_content(row, []), "i1")
        kept = {"subject": "Patient/1", "model": "news2", "version": "1", "as_of": moment(NOW)}
        insert(to, "insight", id="i1", **kept, document=b"{}")
        old_entry(to, "card", {"cards": cards}, at=CALLED)
        insert(to, "hook_card", uuid="c1", insight="i1", user="u1", at=CALLED, seq=2)
    store = open_store(empty_url)
    assert store.hook_card("c1") == HookCard("c1", "i1", "u1", datetime.fromisoformat(CALLED), "")
    assert (verify(store.entries()).intact, list(store.check_records())) == (True, [])
    change(store, "UPDATE hook_card SET client = 'x'")
    assert list(store.check_records()) != [], "and none can be put there later"
    store.close()


def test_a_store_of_the_fourth_schema_opens_and_answers_by_what_ships(empty_url: str) -> None:
    with earlier(empty_url, "0004") as to:
        insert(to, "setting", key="site-id", value="x")
        old_entry(to, "setting", {"id": "site-id", "value": "x"}, "site-id")
    store = open_store(empty_url)
    assert (store.adoptions(), store.artefact("a" * 64)) == ({}, None)
    with store.begin() as tx:
        digest = tx.put_artefact(b"{}")
        tx.append(NOW, "maria", "adopt", {"model": "news2", "artefact": digest})
    assert (store.artefact(digest), store.adoptions()["news2"].told["artefact"]) == (b"{}", digest)
    assert (verify(store.entries()).intact, list(store.check_records())) == (True, [])
    store.close()


def test_a_store_of_the_fifth_schema_opens_and_its_tree_is_kept_from_the_next_head_on(empty_url: str) -> None:
    with earlier(empty_url, "0005") as to:
        for number in range(300):
            old_entry(to, "read", {"place": str(number)})
    store = open_store(empty_url)
    assert (verify(store.entries()).intact, list(store.check_records()), store.tiles()) == (True, [], 0)
    root = grown(store, 300, (0, EMPTY_ROOT))
    assert root is not None and store.tiles() == 1
    assert grown(store, 300, (300, root)) == root == frontier(Tiles(store, 300).node, 300).root()
    assert grown(store, 300, (300, bytes(32))) is None
    store.close()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE hook_card SET insight = 'i2' WHERE uuid = 'c1'",
        "UPDATE hook_card SET seq = NULL WHERE uuid = 'c1'",
        "UPDATE insight SET stale_since = NULL, stale_seq = NULL WHERE id = 'i2'",
    ],
)
def test_what_the_second_schema_left_is_held_to_the_ledger_from_then_on(second: Store, edit: str) -> None:
    change(second, edit)
    assert list(second.check_records()) != []


VERSIONS = {
    "a number": "UPDATE alembic_version SET version_num = 3.5",
    "a word": "UPDATE alembic_version SET version_num = 'abcd'",
    "nothing": "DELETE FROM alembic_version",
    "two": "INSERT INTO alembic_version VALUES ('0001')",
    "no table": "DROP TABLE alembic_version",
}
# What SQLite alone lets a column hold.
OF_SQLITE = {
    "bytes": "UPDATE alembic_version SET version_num = x'30303033'",
    "NULL": "CREATE TABLE other AS SELECT NULL AS version_num; DROP TABLE alembic_version; "
    "ALTER TABLE other RENAME TO alembic_version",
}


@pytest.mark.parametrize("how", [*VERSIONS, *OF_SQLITE])
@pytest.mark.parametrize("to_audit", [True, False])
def test_a_version_that_salus_never_wrote_is_damage(url: str, how: str, to_audit: bool) -> None:
    store = open_store(url)
    if how in OF_SQLITE and store._engine.dialect.name != "sqlite":
        store.close()
        return
    change(store, *(VERSIONS.get(how) or OF_SQLITE[how]).split("; "))
    store.close()
    with pytest.raises(EvidenceError, match=r"is damaged: table alembic_version .*restore from a backup"):
        open_store(url, create=not to_audit, to_audit=to_audit)
