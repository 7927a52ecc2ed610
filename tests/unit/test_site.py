"""A site is only made where one may be made, and an audit of one that is missing or emptied says so."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from salus.core.consent import Actor
from salus.core.errors import AwayError, EvidenceError, UserError
from salus.spine.audit import verify
from salus.spine.health import check_records
from salus.spine.read import read
from salus.spine.site import Site, holds_site, open_site
from salus.store import engine
from salus.store.engine import url_of


def said(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path / "salus.db")) as other, other:
        for statement in statements:
            other.execute(statement)


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path) -> Site:
    made = open_site(tmp_path / "archive")
    (made.path / "archive.json").write_text("{}")
    with made.store.begin() as tx:
        tx.append(made.now(), "maria", "read", {"place": "x"})
    return made


def test_a_site_is_found_without_being_made(site: Site) -> None:
    again = open_site(site.path, create=False)
    assert again.id == site.id
    assert verify(again).intact


NAMES = ["50%20 off", "ward #3", "file:x", "a&b=c", "a{1,2}", "Stroke Unit é", "a\\b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_be_named_as_people_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "patient.json"
    record.write_text('{"resourceType": "Patient", "id": "p", "gender": "female"}')
    for place in (tmp_path / name, Path(name)):
        site = open_site(place)
        read(site, str(record), actor=Actor("maria"))
        site.close()
        again = open_site(place, create=False, to_read=True)
        assert list(again.archive.timeline("Patient/p"))
        assert verify(again).intact
        again.close()
        shutil.rmtree(place)
    assert list(tmp_path.iterdir()) == [record], "nothing was written anywhere else"


@pytest.mark.parametrize("name", ["ward?", "ward*", "ward[1]", "[!w]*"])
def test_a_folder_whose_name_is_a_pattern_holds_its_own_records_alone(tmp_path: Path, name: str) -> None:
    """The columns of ``ward[1]`` must not be those of ``ward1`` beside it: another ward's patients."""
    for place, patient in (("ward1", "other"), (name, "first"), (name, "second")):
        record = tmp_path / f"{patient}.json"
        record.write_text(json.dumps({"resourceType": "Patient", "id": patient, "gender": "female"}))
        with closing(open_site(tmp_path / place)) as site:
            read(site, str(record), actor=Actor("maria"))
    with closing(open_site(tmp_path / name, create=False, to_read=True)) as site:
        assert site.archive.subjects() == ["Patient/first", "Patient/second"]
        assert site.archive.person("Patient/second").sex == "female"
        assert list(site.archive.timeline("Patient/first"))
        assert json.loads(site.archive.raw("Patient/first"))["id"] == "first"
        assert site.archive.scan().collect()["subject_id"].n_unique() == 2
        assert [source for source, _ in site.archive.standing("Patient")] == site.archive.subjects()
        assert site.archive.rejects() == []
        assert verify(site).intact
        check_records(site)


def test_records_that_hold_no_evidence_are_not_away(tmp_path: Path) -> None:
    record = tmp_path / "ward.json"
    record.write_text('{"resourceType": "Practitioner", "id": "p"}')
    with closing(open_site(tmp_path / "archive")) as site:
        read(site, str(record), actor=Actor("maria"))
        check_records(site)
        shutil.rmtree(site.path / "gen-0001")
        with pytest.raises(EvidenceError, match="are gone"):
            check_records(site)


def test_a_store_whose_url_ends_at_a_question_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ends the path"):
        open_site(tmp_path / "a", f"sqlite:///{tmp_path}/what?/salus.db")
    assert not (tmp_path / "what").exists()


@pytest.mark.parametrize("beside", ["site.key", "archive.json"])
def test_a_missing_ledger_is_not_made_anew(tmp_path: Path, beside: str) -> None:
    (tmp_path / beside).touch()
    with pytest.raises(UserError, match=r"no ledger here.*salus\.db' is missing"):
        open_site(tmp_path, create=False)
    assert [path.name for path in tmp_path.iterdir()] == [beside]


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="salus read"):
        open_site(tmp_path / "none", create=False)
    with pytest.raises(UserError, match="is missing"):
        open_site(tmp_path, f"sqlite:///{tmp_path / 'other.db'}", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("beside", ["site.key", "archive.json"])
def test_an_emptied_file_is_no_ledger(tmp_path: Path, beside: str) -> None:
    (tmp_path / "salus.db").touch()
    (tmp_path / beside).touch()
    with pytest.raises(UserError, match="no ledger here"):
        open_site(tmp_path, create=False)


@pytest.mark.parametrize("killed", ["before the first page", "before the first table"])
def test_what_a_first_read_leaves_that_was_killed_at_once_is_nothing_that_was_lost(
    tmp_path: Path, killed: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "salus.db")) as raw:
        if killed == "before the first table":
            raw.execute("PRAGMA journal_mode=WAL").close()
    assert not holds_site(tmp_path)
    with pytest.raises(UserError, match=r"No archive in .*salus read PLACE"):
        open_site(tmp_path, create=False)
    open_site(tmp_path).close()
    assert holds_site(tmp_path)


def test_a_fresh_ledger_beside_an_old_archive_is_not_intact(site: Site) -> None:
    site.close()
    for file in site.path.glob("salus.db*"):
        file.unlink()
    verdict = verify(open_site(site.path))
    assert not verdict.intact
    assert "no entry says so" in verdict.problems[0]


@pytest.mark.parametrize("head", ["", " ", "00", "g" * 64, "0" * 65])
def test_a_head_that_is_no_digest_is_refused(site: Site, head: str) -> None:
    with pytest.raises(UserError, match="64 hex digits"):
        verify(site, head)


def test_a_head_may_be_in_upper_case(site: Site) -> None:
    assert verify(site, site.store.head()[1].upper()).intact
    assert not verify(site, "A" * 64).intact


def test_a_damaged_setting_says_what_to_do(site: Site) -> None:
    said(site.path, "UPDATE setting SET value = 'xyz' WHERE key = 'insight-id-key'")
    with pytest.raises(EvidenceError, match=r"'insight-id-key' is damaged.*backup"):
        open_site(site.path)


@pytest.mark.parametrize("table", ["setting", "review", "opening"])
def test_a_dropped_table_is_named(site: Site, table: str) -> None:
    said(site.path, f"DROP TABLE {table}")
    with pytest.raises(EvidenceError, match=f"table {table} is missing: restore from a backup"):
        open_site(site.path)


@pytest.mark.parametrize("key", ["site-id", "insight-id-key"])
@pytest.mark.parametrize("how", ["DELETE FROM setting", "UPDATE setting SET value = CAST(value AS BLOB)"])
def test_a_setting_that_is_gone_is_found_and_never_made_anew(site: Site, key: str, how: str) -> None:
    head = site.store.head()
    said(site.path, f"{how} WHERE key = '{key}'")
    with pytest.raises(EvidenceError, match=f"setting '{key}' is (gone|damaged).*from a backup"):
        open_site(site.path)
    audited = open_site(site.path, create=False, to_audit=True)
    verdict = verify(audited)
    told = "which is no longer there" if how.startswith("DELETE") else "was changed after entry"
    assert any(key in problem and told in problem for problem in verdict.problems), verdict.problems
    assert audited.store.head() == head, "an audit writes nothing"
    with pytest.raises(AwayError, match="can only be read"), audited.store.begin() as tx:
        tx.put_setting("x", "y")


def test_a_setting_that_the_ledger_says_exists_gets_no_second_value(site: Site) -> None:
    with site.store.begin() as tx:
        tx.put_setting("demonstration", "first")
    said(site.path, "DELETE FROM setting WHERE key = 'demonstration'")
    with pytest.raises(EvidenceError, match="'demonstration' is gone"), site.store.begin() as tx:
        tx.put_setting("demonstration", "second")


def test_an_audit_brings_no_older_ledger_up_to_date_and_says_what_does(site: Site) -> None:
    """The commands that it names are run as they stand."""
    site.close()
    file = engine.make_engine(url_of(site.path / "older.db"))
    with engine.writing(file) as connection:
        engine._migrate(connection, "0002")
    file.dispose()
    shutil.move(site.path / "older.db", site.path / "salus.db")
    (site.path / "archive.json").unlink()
    before = (site.path / "salus.db").read_bytes()
    with pytest.raises(UserError, match=r"older Salus \(schema 0002") as told:
        open_site(site.path, create=False, to_audit=True)
    assert (site.path / "salus.db").read_bytes() == before
    commands = str(told.value).partition("Audit a copy of it: ")[2]
    assert str(site.path) in commands
    shim = f'salus() {{ {sys.executable} -m salus.cli "$@"; }}; '
    ran = subprocess.run(["sh", "-c", shim + commands], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    assert "intact" in ran.stdout.splitlines()[-1]
