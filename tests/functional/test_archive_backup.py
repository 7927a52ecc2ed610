"""A backup is what the archive was at one instant, while it is written; it restores byte for byte, or not."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from salus import spine
from salus.core.errors import EvidenceError, RefusedError, UserError
from salus.record.archive import Archive
from salus.spine.backup import backup, check, restore
from salus.store import engine
from salus.store.engine import url_of, writing
from salus.store.store import open_store
from tests.archives import WHO, files, people, random_site, read_some, say
from tests.conftest import Ran
from tests.ledgers import AS_0005
from tests.store_fixtures import change, empty_url_fixture, postgres  # noqa: F401


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of an embedded store, by its table."""
    with closing(sqlite3.connect(file)) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(raw.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def archive_of(folder: Path) -> dict[str, str]:
    """The files of an archive, but for those that are of one installation, and the store."""
    passing = ("site.key", "read.lock", "ledger.lock", "salus.db", "salus.db-wal", "salus.db-shm")
    record = Archive.open(folder).manifest
    found = {name: digest for name, digest in files(folder).items() if name not in passing}
    # Generations of before are kept for those who have them open, and are no part of the record.
    return {name: one for name, one in found.items() if name[:4] != "gen-" or name.startswith(record.folder)}


@pytest.mark.parametrize("seed", range(8))
def test_what_is_restored_is_byte_for_byte_what_was_there(tmp_path: Path, seed: int) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", seed)
    before = rows(tmp_path / "a" / "salus.db")
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    found = restore(tmp_path / "one.tar", tmp_path / "b", digest=made.digest)
    assert (found.digest, found.told) == (made.digest, made.told)
    assert archive_of(tmp_path / "b") == archive_of(tmp_path / "a")
    assert rows(tmp_path / "b" / "salus.db") == before
    assert not (tmp_path / "b" / "site.key").exists()
    again = spine.open_site(tmp_path / "b", to_audit=True)
    assert spine.verify(again, made.told["head"]).intact
    assert again.archive.subjects() == site.archive.subjects()
    for subject in site.archive.subjects():
        assert again.archive.timeline(subject) == site.archive.timeline(subject)
    # What was restored is backed up as what it is a copy of.
    backup(again, tmp_path / "two.tar", actor=WHO)
    restore(tmp_path / "two.tar", tmp_path / "c")
    assert archive_of(tmp_path / "c") == archive_of(tmp_path / "b")
    assert rows(tmp_path / "c" / "salus.db") == before
    site.close()


def test_it_is_of_one_instant_while_others_read_and_write(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 1)
    ended, problems = threading.Event(), list[BaseException]()

    def go_on() -> None:
        draw, other = Random(3), spine.open_site(tmp_path / "a")
        try:
            for turn in range(10**6):
                if ended.is_set():
                    return
                if turn % 3 == 0:
                    read_some(other, tmp_path / "more" / str(turn), people(draw, 0, 3))
                say(other, "Patient/p1", 10_000 + turn, draw)
        except BaseException as error:
            problems.append(error)
        finally:
            other.close()

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        made = [backup(site, tmp_path / f"{turn}.tar", actor=WHO) for turn in range(12)]
    finally:
        ended.set()
        writer.join()
    assert problems == []
    assert len({one.told["generation"] for one in made}) > 2
    for turn, one in enumerate(made):
        restore(tmp_path / f"{turn}.tar", tmp_path / f"r{turn}")
        again = spine.open_site(tmp_path / f"r{turn}")
        assert spine.verify(again, one.told["head"]).intact
        assert Archive.open(tmp_path / f"r{turn}").generation == one.told["generation"]
        again.close()
    assert spine.verify(site).intact
    assert [entry.did for entry in site.store.entries()].count("backup") == 12
    site.close()


def test_who_may_read_it_is_its_owner_alone(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 2)
    made = backup(site, tmp_path, actor=WHO)
    assert made.path.parent == tmp_path and made.path.name.startswith("a-")
    restore(made.path, tmp_path / "b")
    for path in (made.path, tmp_path / "b", *(tmp_path / "b").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_key_goes_along_only_where_it_is_asked_for(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 2)
    spine.approve(site, "news2", by="Dr Test", because="test")
    restore(backup(site, tmp_path / "one.tar", actor=WHO, with_key=True).path, tmp_path / "b")
    assert (tmp_path / "b" / "site.key").read_bytes() == (tmp_path / "a" / "site.key").read_bytes()
    again = spine.open_site(tmp_path / "b")
    assert [row.status for row in spine.models(again) if row.name == "news2"] == ["live"]
    (tmp_path / "a" / "site.key").unlink()
    with pytest.raises(UserError, match="no key"):
        backup(site, tmp_path / "two.tar", actor=WHO, with_key=True)
    assert not (tmp_path / "two.tar").exists()


def test_no_file_and_no_folder_is_overwritten(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 4)
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    for place, says in (
        (tmp_path / "one.tar", "there already"),
        (tmp_path / "a" / "raw" / "x.tar", "lies in the archive"),
        (tmp_path / "a", "lies in the archive"),
        (tmp_path / "no" / "x.tar", "no folder"),
    ):
        with pytest.raises(UserError, match=says):
            backup(site, place, actor=WHO)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("x")
    for taken in (tmp_path / "taken", tmp_path / "taken" / "x", tmp_path / "a"):
        with pytest.raises(UserError, match="is taken"):
            restore(made.path, taken)
    (tmp_path / "empty").mkdir()
    restore(made.path, tmp_path / "empty")
    assert spine.verify(spine.open_site(tmp_path / "empty", to_audit=True)).intact


def test_what_is_damaged_is_backed_up_only_on_purpose_and_says_so(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 5)
    change(site.store, "UPDATE insight SET document = 'other' WHERE n = 1")
    with pytest.raises(RefusedError, match="not intact"):
        backup(site, tmp_path / "one.tar", actor=WHO)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tar"] == []
    made = backup(site, tmp_path / "one.tar", actor=WHO, as_it_lies=True)
    assert len(made.problems) == 1 and "was changed" in made.problems[0]
    assert restore(made.path, tmp_path / "b").problems == made.problems


@pytest.mark.parametrize("what", ["{}/data/*", "{}/index/*", "raw/*", "{}/metadata/people.parquet"])
def test_records_that_cannot_be_read_are_no_backup(tmp_path: Path, what: str) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 5)
    path = next((tmp_path / "a").glob(what.format(site.archive.manifest.folder)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RefusedError, match="not intact"):
        backup(site, tmp_path / "one.tar", actor=WHO)
    path.unlink()
    with pytest.raises((RefusedError, EvidenceError)):
        backup(site, tmp_path / "one.tar", actor=WHO)


def test_another_backup_than_the_one_that_was_kept_is_refused(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 6)
    one = backup(site, tmp_path / "one.tar", actor=WHO)
    two = backup(site, tmp_path / "two.tar", actor=WHO)
    with pytest.raises(RefusedError, match="another than the one"):
        restore(two.path, tmp_path / "b", digest=one.digest)
    assert not (tmp_path / "b").exists()
    assert check(one.path, digest=one.digest.upper()).digest == one.digest


def test_an_older_store_is_restored_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older Salus backed up is verified in a likeness that was brought up to date."""
    site = random_site(tmp_path / "a", tmp_path / "in", 6)
    site.close()
    file = tmp_path / "a" / "salus.db"
    with closing(sqlite3.connect(file)) as raw, raw:
        for statement in AS_0005:
            raw.execute(statement)
        raw.execute("DROP TABLE artefact")
        raw.execute("UPDATE alembic_version SET version_num = '0004'")
    # The older Salus knew no newer schema.
    monkeypatch.setattr(engine, "SCHEMA", "0004")
    monkeypatch.setattr(engine, "_all_there", lambda *_: None)
    older = spine.open_site(tmp_path / "a")
    monkeypatch.setattr("salus.spine.backup.judged", lambda *_: (_Verdict(older.store.head()), []))
    made = backup(older, tmp_path / "one.tar", actor=WHO)
    monkeypatch.undo()
    restore(made.path, tmp_path / "b")
    assert rows(tmp_path / "b" / "salus.db")["alembic_version"] == [("0004",)]
    assert spine.verify(spine.open_site(tmp_path / "b"), made.told["head"]).intact


class _Verdict:
    def __init__(self, head: tuple[int, str]) -> None:
        self.entries, self.head = head


def test_postgresql_is_backed_up_row_by_row_into_the_same_form(tmp_path: Path) -> None:
    url = postgres().url(postgres().new_database())
    site = random_site(tmp_path / "a", tmp_path / "in", 7, url)
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "b")
    embedded = spine.open_site(tmp_path / "b")
    assert spine.verify(embedded, made.told["head"]).intact
    other = postgres().url(postgres().new_database())
    restore(made.path, tmp_path / "c", store_url=other)
    assert not (tmp_path / "c" / "salus.db").exists()
    again = spine.open_site(tmp_path / "c", other)
    assert spine.verify(again, made.told["head"]).intact
    for kept in (embedded, again):
        assert kept.store.insights() == site.store.insights()
        assert kept.store.reviews() == site.store.reviews()
        # It goes on counting where it was.
        say(kept, "Patient/p1", 77_777, Random(1))
        assert spine.verify(kept).intact
    with pytest.raises(UserError, match="holds something already"):
        restore(made.path, tmp_path / "d", store_url=other)
    assert not (tmp_path / "d").exists()
    for opened in (site, embedded, again):
        opened.close()


def test_the_command_line(tmp_path: Path, run_salus: Callable[..., Ran]) -> None:
    random_site(tmp_path / "a", tmp_path / "in", 8).close()
    (tmp_path / "a" / "notes.txt").write_text("not ours")
    words = ("archive", "backup", "--archive", tmp_path / "a", "--to", tmp_path / "one.tar")
    made = run_salus(*words, "--json").json()
    assert made["left_out"] == ["notes.txt"] and made["key"] is False and made["problems"] == []
    assert made["bytes"] == (tmp_path / "one.tar").stat().st_size
    ran = run_salus(*words, "--json", check=False)
    assert (ran.code, ran.json()["error"]) == (2, "UserError")
    assert run_salus("archive", "check", tmp_path / "one.tar", "--json").json()["digest"] == made["digest"]
    restored = run_salus("archive", "restore", tmp_path / "one.tar", "--archive", tmp_path / "b",
                         "--digest", made["digest"])  # fmt: skip
    assert "The site's key was not in it" in restored.out
    told = run_salus("audit", "verify", "--archive", tmp_path / "b", "--head", made["head"], "--json").json()
    assert told["intact"] and told["entries"] == made["entries"]
    missing = run_salus("archive", "check", tmp_path / "no.tar", check=False)
    assert missing.code == 2 and "There is no file" in missing.err


def test_a_store_without_records_is_backed_up_too(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "a")
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "b")
    assert files(tmp_path / "b").keys() == {"salus.db"}
    store = open_store(url_of(tmp_path / "b" / "salus.db"))
    with writing(store._engine) as connection:
        assert connection is not None
    assert store.setting("site-id") == site.id
