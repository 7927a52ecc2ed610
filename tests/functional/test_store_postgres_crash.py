"""A PostgreSQL that dies while it is written to: what was acknowledged is there after its recovery."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

import psycopg
import pytest

from salus.core.errors import AwayError
from salus.core.review import Review
from salus.store.ledger import verify
from salus.store.store import Store, open_store
from tests.store_fixtures import NOW, Server, new_server, put


@pytest.fixture(name="server", scope="module")
def server_fixture() -> Iterator[Server]:
    server = new_server()
    yield server
    server.remove()


class Writer(Thread):
    """Writes one transaction after another until the store goes away; notes each that was acknowledged."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__(daemon=True)
        self._store, self._name = store, name
        self.acknowledged: list[str] = []
        self.away, self.other = Event(), ""

    def run(self) -> None:
        try:
            while len(self.acknowledged) < 100_000:
                self.acknowledged.append(self._write(f"{self._name}-{len(self.acknowledged)}"))
        except AwayError:
            self.away.set()
        except BaseException as error:
            self.other = repr(error)
            raise

    def _write(self, name: str) -> str:
        with self._store.begin() as tx:
            put(tx, name)
            tx.put_review(Review(name, "maria", "accepted", at=NOW, id=name))
            tx.put_hook_cards({name: name}, "maria", NOW)
            return tx.append(NOW, "maria", "review", {"id": name}).digest


def crash_at_once(server: Server, database: str) -> None:
    """Stop every process of the server without a checkpoint; it recovers from its log when it starts."""
    server.stop("immediate")
    server.start()


def kill_backends(server: Server, database: str) -> None:
    """`kill -9` the processes that serve the store; the server then ends all others and recovers."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as other:
        serving = other.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (database,)).fetchall()
    for (pid,) in serving:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("crash", [crash_at_once, kill_backends])
def test_nothing_acknowledged_is_lost_when_the_server_dies(
    server: Server, crash: Callable[[Server, str], None]
) -> None:
    database = server.new_database()
    url = server.url(database)
    store = open_store(url)
    for number in range(3):
        writer = Writer(store, f"w{number}")
        writer.start()
        time.sleep(0.2 + 0.13 * number)
        crash(server, database)
        assert writer.away.wait(20), writer.other
        writer.join()
        assert writer.acknowledged, "nothing was written before the crash"
        again = opened(url)
        there = {entry.digest for entry in again.entries()}
        assert [digest for digest in writer.acknowledged if digest not in there] == []
        assert verify(again.entries()).problems == ()
        assert list(again.check_records()) == []
        again.close()
    store.close()


def opened(url: str) -> Store:
    """Open the store as soon as the server has recovered."""
    for _ in range(200):
        try:
            return open_store(url)
        except AwayError:
            time.sleep(0.1)
    raise AssertionError("the server did not come back")
