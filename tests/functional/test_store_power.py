"""A loss of power loses nothing that was acknowledged: true at synchronous=FULL, shown to be false at NORMAL.

The store, SQLAlchemy and Python's sqlite3 run as they are; only the disk under them forgets what was not
synced. PostgreSQL's own durability is PostgreSQL's; that it runs with fsync and synchronous_commit on is
tested beside its set-up.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event

from salus.core.errors import SalusError
from salus.store import engine
from salus.store.ledger import GENESIS, verify
from salus.store.store import open_store
from tests.power import Disk, disk
from tests.store_fixtures import NOW, put


class Crashes:
    """Photographs of the disk at many moments, each with what had been acknowledged by then."""

    def __init__(self, made: Disk, folder: Path, every: int) -> None:
        self.disk, self.folder, self.every = made, folder, every
        self.acknowledged: list[str] = [GENESIS]
        self.taken: list[tuple[Path, str]] = []
        self.moments = 0

    def moment(self) -> None:
        self.moments += 1
        if self.moments % self.every == 0:
            self.take(seed=self.moments if self.moments % 2 else None)

    def take(self, seed: int | None = None) -> None:
        place = self.folder / f"{len(self.taken)}"
        place.mkdir(parents=True)
        self.disk.after_loss(place, seed)
        self.taken.append((place, self.acknowledged[-1]))


def write(crashes: Crashes, file: Path, transactions: int) -> None:
    """Write, with acknowledgements, on the disk that will lose its power, checkpoints among them."""
    store = open_store(crashes.disk.url(file))
    event.listen(store._engine, "connect", lambda raw, _: raw.execute("PRAGMA wal_autocheckpoint = 60"))
    store._engine.dispose()
    crashes.disk.moments = crashes.moment
    draw = Random(7)
    for number in range(transactions):
        with store.begin() as tx:
            put(tx, f"i{number}", document=draw.randbytes(draw.choice([50, 5_000, 60_000])))
            last = tx.append(NOW, "maria", "look", {"n": number})
        crashes.acknowledged.append(last.digest)
        crashes.take()
    crashes.disk.moments = lambda: None
    store.close()


def found_after(place: Path, head: str) -> bool:
    """Whether the store opens after the loss, is whole, and holds what was acknowledged."""
    if not (place / "salus.db").exists():
        return head == GENESIS
    store = open_store(f"sqlite:///{place / 'salus.db'}")
    try:
        return verify(store.entries(), head).intact and not list(store.check_records())
    finally:
        store.close()


def test_nothing_acknowledged_is_lost_at_full(tmp_path: Path) -> None:
    with disk() as made:
        crashes = Crashes(made, tmp_path / "after", every=9)
        write(crashes, tmp_path / "salus.db", transactions=20)
    assert len(crashes.taken) > 50
    assert crashes.moments > 300, "the shim VFS was not used"
    assert crashes.disk.checkpoints > 3
    for place, head in crashes.taken:
        assert found_after(place, head), place
        shutil.rmtree(place)


def test_the_same_disk_loses_acknowledged_entries_at_normal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SYNCHRONOUS", "NORMAL")
    with disk() as made:
        crashes = Crashes(made, tmp_path / "after", every=9)
        write(crashes, tmp_path / "salus.db", transactions=20)
    lost = [place for place, head in crashes.taken if not found_after(place, head)]
    assert len(lost) > 10, "NORMAL must lose what was acknowledged, or the shim shows nothing"


def test_a_loss_while_the_store_is_made_leaves_one_that_opens(tmp_path: Path) -> None:
    with disk() as made:
        crashes = Crashes(made, tmp_path / "after", every=3)
        made.moments = crashes.moment
        store = open_store(made.url(tmp_path / "salus.db"))
        made.moments = lambda: None
        store.close()
    assert len(crashes.taken) > 10
    for place, head in crashes.taken:
        assert found_after(place, head), place


def test_a_disk_that_never_syncs_at_all_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the control: at OFF even the file may be gone or torn, and the shim shows it."""
    monkeypatch.setattr(engine, "SYNCHRONOUS", "OFF")
    with disk() as made:
        crashes = Crashes(made, tmp_path / "after", every=5)
        write(crashes, tmp_path / "salus.db", transactions=5)
    place, head = crashes.taken[-1]
    with suppress(SalusError):
        assert not found_after(place, head)
