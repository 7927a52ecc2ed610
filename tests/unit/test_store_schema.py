"""The migrations make what the tables say, however many open a new store at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from salus.store import engine
from salus.store.ledger import verify
from salus.store.store import Store, open_store
from salus.store.tables import SCHEMA, metadata
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
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
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


def test_a_store_of_the_first_schema_opens_and_its_settings_are_written_down(url: str) -> None:
    old = open_store(url)
    with old.begin() as tx:
        put(tx, "i1")
    change(
        old,
        "UPDATE alembic_version SET version_num = '0001'",
        "INSERT INTO setting (key, value) VALUES ('site-id', 'x')",
    )
    old.close()
    store = open_store(url)
    assert [entry.did for entry in store.entries()] == ["insight", "setting"]
    assert verify(store.entries()).intact
    assert list(store.check_records()) == []
    store.close()
