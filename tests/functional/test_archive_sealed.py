"""A sealed archive does all that another does, and lies in the clear nowhere, at no time, for nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from salus import spine
from salus.core.errors import AwayError, EvidenceError, RefusedError, UserError
from salus.record.manifest import Lock
from salus.spine.backup import backup, check, restore
from salus.spine.erase import erase
from salus.spine.seal import encrypt, rewrap
from salus.spine.site import Site
from salus.store import sealed
from salus.store.kek import COMMAND, FILE, VALUE, kek, kek_in
from tests.archives import WHO, people, random_site, read_some, say
from tests.conftest import Ran
from tests.store_fixtures import postgres


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is a process of its own as far as keys go."""
    for name in (FILE, VALUE, COMMAND):
        monkeypatch.delenv(name, raising=False)
    sealed._opened.clear()
    yield
    sealed._opened.clear()


def a_key(path: Path, seed: int = 1) -> Path:
    path.write_text(Random(seed).randbytes(32).hex() + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture(name="pair")
def pair_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Site, Site]:
    """An archive, and the same sealed, with its key in the environment."""
    site = random_site(tmp_path / "a", tmp_path / "in", 3)
    spine.approve(site, "news2", by="Dr Test", because="test")
    key = a_key(tmp_path / "key")
    encrypt(site, tmp_path / "s", key, actor=WHO)
    monkeypatch.setenv(FILE, str(key))
    sealed._opened.clear()
    return site, spine.open_site(tmp_path / "s")


def in_the_clear(folder: Path, words: list[str]) -> list[tuple[str, str]]:
    """Which files in `folder` hold any of `words`, as they are or within what Zstandard or Parquet packed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            found += [(path.name, word) for word in words if word.encode() in raw]
            found += [(path.name, "packed") for magic in (b"PAR1", b"\x28\xb5\x2f\xfd", b"SQLite format 3",
                      b"ARROW1", b"PRIVATE KEY") if magic in raw]  # fmt: skip
    return found


WORDS = ["Given2", "p2-o0", "Patient/p", "noted of", "MRN-", "news2", "Practitioner/7"]


def test_it_answers_as_the_open_one(pair: tuple[Site, Site]) -> None:
    open_, shut = pair
    assert shut.archive.subjects() == open_.archive.subjects()
    for subject in open_.archive.subjects():
        assert shut.archive.timeline(subject) == open_.archive.timeline(subject)
        assert shut.archive.history(subject) == open_.archive.history(subject)
    assert shut.archive.scan().collect().equals(open_.archive.scan().collect())
    assert shut.store.insights() == open_.store.insights()
    assert shut.store.reviews() == open_.store.reviews()
    assert [row.status for row in spine.models(shut) if row.name == "news2"] == ["live"]
    assert spine.verify(shut, open_.store.head()[1]).intact


def test_nothing_of_it_lies_in_the_clear_while_it_is_read_and_written(
    pair: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_, shut = pair
    shown = {word for _, word in in_the_clear(open_.path, WORDS)}
    assert shown >= {"MRN-", "Patient/p", "Practitioner/7", "news2", "packed"}
    assert in_the_clear(shut.path, WORDS) == []
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr("salus.record.spill._HELD", 1)
    monkeypatch.setattr("salus.record.spill._HELD_OF_A_PART", 1)
    monkeypatch.setattr("salus.record.intake._POURED", 4)
    monkeypatch.setattr("salus.record.settle.publish", _looking(shut.path, seen))
    read_some(shut, tmp_path / "more", people(Random(9), 0, 9))
    for number, subject in enumerate(shut.archive.subjects()):
        say(shut, subject, 5_000 + number, Random(number))
    # The log of the database is there while it is open.
    assert (shut.path / "salus.db-wal").stat().st_size > 0
    assert in_the_clear(shut.path, WORDS) == seen == []
    assert spine.verify(shut).intact


def _looking(folder: Path, seen: list[tuple[str, str]]) -> Callable[..., None]:
    from salus.record.manifest import publish

    def looked(root: Path, manifest: object) -> None:
        # What waits for its place lies on the disk by now.
        assert list((folder / "work").rglob("*.arrow"))
        seen.extend(in_the_clear(folder, WORDS))
        publish(root, manifest)  # type: ignore[arg-type]

    return looked


def test_every_byte_that_is_another_is_found(pair: tuple[Site, Site]) -> None:
    _, shut = pair
    folder, draw = shut.path / shut.archive.manifest.folder, Random(4)
    for path in [*folder.rglob("*.*"), *(shut.path / "raw").iterdir(), shut.path / "site.key"]:
        vault, whole = sealed.vault_of(path), path.read_bytes()
        assert vault is not None
        kept = vault.read_bytes(path)
        for at in {*range(48), *(draw.randrange(len(whole)) for _ in range(60)), len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :])
            with pytest.raises(EvidenceError, match="is damaged, or is not what was sealed"):
                vault.read_bytes(path)
        for cut in (0, 20, 31, 32, 40, len(whole) - 1, len(whole) - 17):
            path.write_bytes(whole[:cut])
            with pytest.raises(EvidenceError):
                vault.read_bytes(path)
        path.write_bytes(whole)
        assert vault.read_bytes(path) == kept


@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18, 700_001])
def test_any_size_and_any_part_comes_back(tmp_path: Path, size: int) -> None:
    vault = sealed.made(tmp_path, kek_in(a_key(tmp_path.parent / f"k{size}"), tmp_path))
    raw, path = Random(size).randbytes(size), tmp_path / "x"
    with vault.create(path) as file:
        for at in range(0, size, 100_003):
            file.write(raw[at : at + 100_003])
    assert vault.read_bytes(path) == raw
    with vault.open(path) as file:
        assert file.size == size
        for at in {0, size // 2, max(0, size - 1)}:
            assert b"".join(file.pieces(at)) == raw[at:]


def test_chunks_and_files_cannot_change_places(tmp_path: Path) -> None:
    vault = sealed.made(tmp_path, kek_in(a_key(tmp_path.parent / "kk"), tmp_path))
    vault.write_bytes(tmp_path / "x", bytes(3 << 18))
    whole, chunk, head = (tmp_path / "x").read_bytes(), (1 << 18) + 16, 32
    one, two, three = (whole[head + at * chunk : head + (at + 1) * chunk] for at in range(3))
    for other in ((two, one, three), (one, two), (one, three), (one, two, three, three), (one, one, three)):
        (tmp_path / "x").write_bytes(whole[:head] + b"".join(other))
        with pytest.raises(EvidenceError):
            vault.read_bytes(tmp_path / "x")
    (tmp_path / "y").write_bytes(whole)
    with pytest.raises(EvidenceError):
        vault.read_bytes(tmp_path / "y")


def test_an_open_file_slipped_into_it_is_refused(pair: tuple[Site, Site]) -> None:
    open_, shut = pair
    name = shut.archive.manifest.folder + "/metadata/people.parquet"
    (shut.path / name).write_bytes((open_.path / name).read_bytes())
    with pytest.raises(EvidenceError, match="not what was sealed"):
        spine.open_site(shut.path).archive.subjects()


def test_another_key_opens_it_while_it_is_used(
    pair: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shut = pair
    before = {path: path.stat().st_mtime_ns for path in shut.path.rglob("*") if "gen-" in str(path)}
    old, new = tmp_path / "key", a_key(tmp_path / "new", 2)
    rewrap(shut, new, actor=WHO)
    for key in (old, new):
        sealed._opened.clear()
        monkeypatch.setenv(FILE, str(key))
        assert spine.open_site(shut.path).archive.subjects() == shut.archive.subjects()
    rewrap(shut, new, actor=WHO, only=True)
    # Who has it open goes on, with the old key in its environment.
    monkeypatch.setenv(FILE, str(old))
    say(shut, "Patient/p1", 9_999, Random(1))
    read_some(shut, tmp_path / "more", people(Random(9), 0, 3))
    sealed._opened.clear()
    with pytest.raises(RefusedError, match="does not open"):
        spine.open_site(shut.path)
    monkeypatch.setenv(FILE, str(new))
    assert spine.verify(spine.open_site(shut.path)).intact
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_backup_of_it_is_sealed_too(pair: tuple[Site, Site], tmp_path: Path) -> None:
    _, shut = pair
    made = backup(shut, tmp_path / "one.tar", actor=WHO)
    (tmp_path / "packed").mkdir()
    os.link(made.path, tmp_path / "packed" / "one.tar")
    assert in_the_clear(tmp_path / "packed", WORDS) == []
    restore(made.path, tmp_path / "r")
    again = spine.open_site(tmp_path / "r", to_audit=True)
    assert spine.verify(again, made.told["head"]).intact
    assert again.archive.subjects() == shut.archive.subjects()
    sealed._opened.clear()
    assert check(made.path).digest == made.digest


def test_a_person_is_erased_from_it(pair: tuple[Site, Site]) -> None:
    _, shut = pair
    whom, *rest = shut.archive.subjects()
    before = [shut.archive.timeline(subject) for subject in rest]
    assert erase(shut, whom, by="Dr Law", because="asked for it").events
    assert shut.archive.subjects() == rest
    assert [shut.archive.timeline(subject) for subject in rest] == before
    assert spine.verify(shut).intact and in_the_clear(shut.path, WORDS) == []


def test_where_keys_come_from(tmp_path: Path) -> None:
    raw, file = Random(1).randbytes(32), a_key(tmp_path / "key")
    assert {kek(tmp_path / "a", told).raw for told in (
        {FILE: str(file)}, {VALUE: raw.hex()}, {VALUE: f" {raw.hex().upper()}\n"}, {COMMAND: f"cat '{file}'"},
    )} == {raw}  # fmt: skip
    assert raw.hex() not in repr(kek(tmp_path / "a", {VALUE: raw.hex()}))
    for told, error, says in (
        ({}, UserError, "say where its key is"),
        ({VALUE: "password"}, UserError, "no key of 32 bytes"),
        ({COMMAND: "false"}, AwayError, "ended with 1"),
        ({COMMAND: "/no/such/thing"}, AwayError, "cannot be run"),
        ({FILE: str(tmp_path / "no")}, AwayError, "cannot be read"),
    ):
        with pytest.raises(error, match=says) as told_of:
            kek(tmp_path / "a", told)
        assert "password" not in str(told_of.value)
    (tmp_path / "a").mkdir()
    with pytest.raises(RefusedError, match="lies in the archive"):
        kek_in(a_key(tmp_path / "a" / "key"), tmp_path / "a")
    file.chmod(0o640)
    with pytest.raises(RefusedError, match="Others may read"):
        kek_in(file, tmp_path / "a")


def test_who_has_no_key_is_told_so(pair: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch) -> None:
    _, shut = pair
    shut.close()
    sealed._opened.clear()
    monkeypatch.delenv(FILE)
    with pytest.raises(UserError, match="is sealed: say where its key is"):
        spine.open_site(shut.path)
    with pytest.raises(UserError, match="is sealed"):
        spine.open_site(shut.path, to_audit=True)


def test_sealed_records_beside_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres().url(postgres().new_database())
    site = random_site(tmp_path / "a", tmp_path / "in", 5, url)
    key = a_key(tmp_path / "key")
    encrypt(site, tmp_path / "s", key, actor=WHO, store_url=url)
    assert not (tmp_path / "s" / "salus.db").exists()
    monkeypatch.setenv(FILE, str(key))
    sealed._opened.clear()
    shut = spine.open_site(tmp_path / "s", url)
    assert spine.verify(shut).intact and shut.archive.subjects() == site.archive.subjects()
    made = backup(shut, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "r")
    again = spine.open_site(tmp_path / "r")
    assert spine.verify(again).intact
    assert in_the_clear(tmp_path / "r", WORDS) == []
    for opened in (site, shut, again):
        opened.close()


def test_the_command_line(tmp_path: Path, run_salus: Callable[..., Ran]) -> None:
    random_site(tmp_path / "a", tmp_path / "in", 6).close()
    key, new = a_key(tmp_path / "key"), a_key(tmp_path / "new", 2)
    words = ("archive", "encrypt", "--archive", tmp_path / "a", "--to", tmp_path / "s", "--key-file")
    inside = run_salus(*words, a_key(tmp_path / "a" / "key"), check=True)
    assert "is sealed" in inside.out
    taken = run_salus(*words, key, "--json", check=False)
    assert (taken.code, taken.json()["error"]) == (2, "UserError")
    with_key = {FILE: str(tmp_path / "a" / "key")}
    assert run_salus("audit", "verify", "--archive", tmp_path / "s", env=with_key).out.count("intact") == 1
    without = run_salus("audit", "verify", "--archive", tmp_path / "s", check=False)
    assert without.code == 2 and "SALUS_KEY_FILE" in without.err
    told = run_salus("archive", "rewrap", "--archive", tmp_path / "s", "--key-file", new, "--only", "--json",
                     env=with_key).json()  # fmt: skip
    assert told["only"] is True and len(told["key"]) == 32
    assert run_salus("audit", "verify", "--archive", tmp_path / "s", env=with_key, check=False).code == 3
    run_salus("audit", "verify", "--archive", tmp_path / "s", env={FILE: str(new)})


def test_a_kill_while_it_is_sealed_leaves_the_open_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 7)

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("salus.spine.seal.given", ends)
    with pytest.raises(KeyboardInterrupt):
        encrypt(site, tmp_path / "s", a_key(tmp_path / "key"), actor=WHO)
    assert not (tmp_path / "s").exists() and spine.verify(site).intact
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with Lock(site.path):
        pass
