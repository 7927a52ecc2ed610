"""A read that is killed between archive and ledger: whoever comes next ends it, and no mark is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.errors import EvidenceError, UserError
from salus.record.manifest import Lock
from salus.spine.read import finish_reads
from salus.spine.site import Site
from tests.store_fixtures import change, empty_url_fixture  # noqa: F401

WHO = Actor("Practitioner/7")
# What the reader does when it is killed: (module, name, before or after the call itself).
MOMENTS = {
    "begun": ("salus.record.bulk", "read_place", "before"),
    "written": ("salus.record.settle", "publish", "before"),
    "published": ("salus.record.settle", "publish", "after"),
    "telling": ("salus.store.transaction.Transaction", "mark_stale", "after"),
    "told": ("salus.spine.read", "_end", "after"),
}
CHILD = """
import os, signal, sys
from pkgutil import resolve_name
from pathlib import Path
import salus.record.bulk, salus.record.settle
from salus import spine
from salus.core.consent import Actor

path, url, place, module, name, when = sys.argv[1:]
site = spine.open_site(Path(path), url)
owner = resolve_name(module)
whole = getattr(owner, name)

def killed(*given, **named):
    # The first ending, before anything begins, is not the one that is meant.
    early = name == "_end" and site.store.newest("begin", "read", "abandon")[0].did != "begin"
    if when == "before":
        os.kill(os.getpid(), 9)
    result = whole(*given, **named)
    if name == "mark_stale":
        given[0].flush()
    if not early:
        os.kill(os.getpid(), 9)
    return result

setattr(owner, name, killed)
spine.read(site, place, actor=Actor("Practitioner/8"))
"""


def vital(name: str, code: str, value: float, unit: str) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/m1"},
        "effectiveDateTime": "2026-01-02T03:00:00Z",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
    }


MAN = {"resourceType": "Patient", "id": "m1", "gender": "male", "birthDate": "1950-02-03"}
VITALS = [
    vital("rr", "9279-1", 26, "/min"),
    vital("hr", "8867-4", 80, "/min"),
    vital("sbp", "8480-6", 120, "mm[Hg]"),
    vital("temp", "8310-5", 37, "Cel"),
    vital("spo2", "59408-5", 97, "%"),
]


def export(path: Path, *resources: dict[str, object]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in resources))
    return str(path)


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path, empty_url: str) -> Iterator[Site]:
    """A site with a first read, and an insight that leans on a value which the next read corrects."""
    opened = spine.open_site(tmp_path / "site", empty_url)
    spine.read(opened, export(tmp_path / "first.ndjson", MAN, *VITALS), actor=WHO)
    yield opened
    opened.close()


def ask(site: Site) -> str:
    (insight,) = spine.consult(site, actor=WHO, subject="Patient/m1", asks=["news2"], live_only=False)
    return insight.id


def kill_reader(site: Site, url: str, moment: str) -> None:
    place = export(site.path.parent / "second.ndjson", vital("rr", "9279-1", 16, "/min"))
    command = [sys.executable, "-c", CHILD, str(site.path), url, place, *MOMENTS[moment]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def deeds(site: Site) -> list[str]:
    return [entry.did for entry in site.store.entries() if entry.did not in ("setting", "look", "insight")]


FIRST = ["begin", "read"]
ENDS = {
    "begun": [*FIRST, "begin", "abandon"],
    "written": [*FIRST, "begin", "abandon"],
    "published": [*FIRST, "begin", "read", "stale"],
    "telling": [*FIRST, "begin", "read", "stale"],
    "told": [*FIRST, "begin", "read", "stale"],
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_opens_the_site_next_ends_a_killed_read(site: Site, empty_url: str, moment: str) -> None:
    before = ask(site)
    kill_reader(site, empty_url, moment)
    with_mark = "stale" in ENDS[moment]
    again = spine.open_site(site.path, empty_url)
    assert deeds(again) == ENDS[moment]
    assert (before in again.store.stale([before])) == with_mark
    assert (ask(again) == before) != with_mark
    assert spine.verify(again).problems == ()
    spine.read(again, str(site.path.parent / "second.ndjson"), actor=WHO)
    assert before in again.store.stale([before])
    assert spine.verify(again).problems == ()
    again.close()


@pytest.mark.parametrize("verb", ["ask", "verify", "read"])
def test_a_server_that_stays_up_ends_a_killed_read_too(site: Site, empty_url: str, verb: str) -> None:
    before = ask(site)
    kill_reader(site, empty_url, "published")
    if verb == "ask":
        ask(site)
    elif verb == "verify":
        assert spine.verify(site).problems == ()
    else:
        spine.read(site, str(site.path.parent / "first.ndjson"), actor=WHO)
    assert deeds(site)[:5] == ENDS["published"]
    assert before in site.store.stale([before])
    said = site.store.newest("read") if verb != "read" else None
    assert said is None or (said[0].who, said[1]["generation"]) == ("Practitioner/8", 2)


def test_a_read_that_is_under_way_is_left_alone(site: Site, empty_url: str) -> None:
    kill_reader(site, empty_url, "published")
    with Lock(site.path, "ledger.lock"):
        finish_reads(site)
        assert deeds(site) == [*FIRST, "begin"]
    finish_reads(site)
    assert deeds(site) == ENDS["published"][:4]


def test_a_read_that_finds_nothing_is_abandoned(site: Site) -> None:
    with pytest.raises(UserError):
        spine.read(site, str(site.path.parent / "nothing-here"), actor=WHO)
    assert deeds(site) == [*FIRST, "begin", "abandon"]
    assert spine.verify(site).intact


def test_a_read_whose_account_is_gone_says_what_to_do(site: Site, empty_url: str) -> None:
    kill_reader(site, empty_url, "published")
    (site.path / "gen-0002" / "account.json").unlink()
    with pytest.raises(EvidenceError, match=r"account\.json' is gone or damaged: restore"):
        spine.open_site(site.path, empty_url)


def test_an_archive_that_was_put_back_alone_is_found(site: Site) -> None:
    (site.path / "archive.json").write_bytes(
        (site.path / "archive.json").read_bytes().replace(b'"generation": 1', b'"generation": 5')
    )
    (problem,) = spine.verify(site).problems
    assert "at its read 5, and the ledger's last is 1" in problem


def test_no_password_of_a_server_is_kept(site: Site) -> None:
    with pytest.raises(Exception, match="127"):
        spine.read(site, "http://maria:secret@127.0.0.1:9/fhir?key=k", actor=WHO)
    newest = site.store.newest("abandon")
    assert newest is not None
    assert newest[1]["place"] == "http://127.0.0.1:9/fhir"


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_audit_of_a_killed_read_leaves_it_to_whoever_writes_next(
    site: Site, empty_url: str, moment: str
) -> None:
    kill_reader(site, empty_url, moment)
    before = deeds(site)
    audited = spine.open_site(site.path, empty_url, create=False, to_audit=True)
    assert spine.verify(audited).problems == ()
    assert deeds(site) == before
    audited.close()


TAMPERED = ['{"a', "[]", "5", '"x"', '{"generation": null}', '{"generation": "1"}', b"\xff"]


def spoil(site: Site, did: str, content: str | bytes) -> int:
    """Put `content` beside the newest entry that says `did`; return its number."""
    newest = site.store.newest(did)
    assert newest is not None
    seq = newest[0].seq
    if isinstance(content, bytes):
        # PostgreSQL keeps no bytes in a text.
        embedded = site.store._engine.dialect.name == "sqlite"
        told = f"x'{content.hex()}'" if embedded else f"'{content.hex()}'"
    else:
        told = f"'{content}'"
    change(site.store, f"UPDATE opening SET content = {told} WHERE seq = {seq}")
    return seq


@pytest.mark.parametrize("content", TAMPERED)
def test_what_was_written_over_a_reads_entry_is_found_and_stops_nobody(
    site: Site, empty_url: str, content: str | bytes
) -> None:
    seq = spoil(site, "read", content)
    again = spine.open_site(site.path, empty_url)
    assert f"What entry {seq} (read) was about was changed" in " ".join(spine.verify(again).problems)
    assert ask(again)
    assert spine.models(again)
    spine.read(again, str(site.path.parent / "first.ndjson"), actor=WHO)
    assert f"What entry {seq} (read) was about was changed" in " ".join(spine.verify(again).problems)
    again.close()


@pytest.mark.parametrize("content", TAMPERED)
def test_what_was_written_over_an_open_reads_entry_is_found(
    site: Site, empty_url: str, content: str | bytes
) -> None:
    kill_reader(site, empty_url, "begun")
    seq = spoil(site, "begin", content)
    again = spine.open_site(site.path, empty_url)
    assert f"What entry {seq} (begin) was about was changed" in " ".join(spine.verify(again).problems)
    assert ask(again)
    with pytest.raises(EvidenceError, match=f"entry {seq} says of the last read was changed"):
        spine.read(again, str(site.path.parent / "first.ndjson"), actor=WHO)
    again.close()
