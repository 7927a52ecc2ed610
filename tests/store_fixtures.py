"""A store of each kind for a test: SQLite in a fresh file, PostgreSQL in a fresh database of a real server.

The server is Debian's, started on a free port in a folder of its own, with fsync on, once per test run and
only when a test asks for it. It refuses to run as root, so root starts it as the user `postgres`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from salus.store.store import Store, Transaction, open_store
from tests.conftest import absent

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
_numbers = count(1)


def _binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL that Debian installed (its tools are not on PATH)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of our own."""

    binaries: Path
    folder: Path
    port: int

    def call(self, tool: str, *arguments: str) -> None:
        other = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        command = [str(self.binaries / tool), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **other
        )
        assert done.returncode == 0, f"{tool}: {done.stderr.decode()}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=on"
        log = str(self.folder / "log")
        self.call("pg_ctl", "-D", str(self.folder / "db"), "-w", "-l", log, "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        self.call("pg_ctl", "-D", str(self.folder / "db"), "-w", "-m", how, "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://salus@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        name = f"salus_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


@cache
def postgres() -> Server:
    """Return the server of this test run; without PostgreSQL, fail in CI and skip elsewhere."""
    server = new_server()
    atexit.register(server.remove)
    return server


def new_server() -> Server:
    """Start a server that the caller removes."""
    binaries = _binaries()
    if binaries is None:
        absent("needs PostgreSQL: run scripts/debian-packages postgresql")
    folder = Path(tempfile.mkdtemp(prefix="salus-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(binaries, folder, _free_port())
    database = str(folder / "db")
    server.call("initdb", "-D", database, "-U", "salus", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    server.start()
    return server


@cache
def _migrated() -> str:
    """Return a database that holds the schema already, to be copied: a test need not migrate again."""
    name = postgres().new_database()
    open_store(postgres().url(name)).close()
    return name


@pytest.fixture(name="empty_url", params=["sqlite", "postgresql"])
def empty_url_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has opened yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'salus.db'}"
    return postgres().url(postgres().new_database())


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def url_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store without content."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'salus.db'}"
    return postgres().url(postgres().new_database(_migrated()))


@pytest.fixture(name="store")
def store_fixture(url: str) -> Iterator[Store]:
    """A store without content."""
    opened = open_store(url)
    yield opened
    opened.close()


def put(tx: Transaction, insight_id: str, **differs: Any) -> bool:
    """Put an insight and append its entry, as the spine does."""
    row = {
        "subject": "Patient/1",
        "model": "news2",
        "version": "1.0.0",
        "as_of": NOW,
        "document": b'{"says":"3 points"}',
        "sources": ("Observation/1", "Observation/2"),
        **differs,
    }
    fresh = tx.put_insight(insight_id, **row)
    if fresh:
        tx.append(NOW, "Practitioner/7", "insight", {"id": insight_id})
    return fresh


def change(store: Store, *statements: str) -> None:
    """Change rows behind the store's back, as somebody who holds the file or the password could."""
    if store._engine.dialect.name == "sqlite":
        file = str(store._engine.url.database)
        guards = ["DROP TRIGGER IF EXISTS entry_UPDATE_never", "DROP TRIGGER IF EXISTS entry_DELETE_never"]
        with closing(sqlite3.connect(file)) as other, other:
            for statement in [*guards, *statements]:
                other.execute(statement)
        return
    with psycopg.connect(store._engine.url.render_as_string(False).replace("+psycopg", "")) as other:
        for statement in ["SET LOCAL session_replication_role = replica", *statements]:
            other.execute(statement)
