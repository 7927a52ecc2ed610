"""Where a head cannot be kept it is refused in words, and no half of it stays; what a verb did stays done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.spine.audit import verify
from salus.store.checkpoint import parse, split
from tests.conftest import ROOT
from tests.ledgers import looks, opened

# Without this right the modes of files hold for the administrator as well.
_AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
_SALUS = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]


def salus(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*_AS_ANYBODY, *_SALUS, *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path) -> Path:
    record = tmp_path / "patient.json"
    record.write_text('{"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-01-02"}')
    done = salus("read", record, "--archive", tmp_path / "archive")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "archive"


def heads(file: Path) -> list[bytes]:
    notes, rest = split(file.read_bytes())
    assert rest == b""
    return notes


def test_every_verb_that_writes_leaves_a_head_of_what_it_wrote(place: Path, tmp_path: Path) -> None:
    sizes = [parse(heads(place / "heads")[-1]).size]
    verbs = (
        ("ask", "findrisc", "--about", "Patient/p"),
        ("models", "approve", "news2", "--by", "Dr A", "--because", "b"),
        ("share", "Patient/p", "--as", "fhir", "--purpose", "direct-care", "--out", tmp_path / "out.json"),
    )
    for verb in verbs:
        done = salus(*verb, "--archive", place)
        assert (done.returncode, done.stderr) == (0, "")
        sizes.append(parse(heads(place / "heads")[-1]).size)
    assert sizes == sorted(set(sizes))
    with opened(place) as site:
        assert sizes[-1] == site.store.head()[0]
        assert verify(site).heads == 4


def test_a_verb_that_only_reads_leaves_none(place: Path) -> None:
    before = (place / "heads").read_bytes()
    (place / "heads").unlink()
    assert salus("models", "--archive", place).returncode == 0
    assert salus("audit", "verify", "--archive", place).returncode == 0
    assert not (place / "heads").exists()
    (place / "heads").write_bytes(before)


def test_heads_are_kept_where_the_verb_or_the_environment_says(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = ("ask", "findrisc", "--about", "Patient/p", "--archive", place)
    assert salus(*ask, "--heads", tmp_path / "one").returncode == 0
    monkeypatch.setenv("SALUS_HEADS", str(tmp_path / "two"))
    assert salus(*ask).returncode == 0
    assert len(heads(tmp_path / "one")) == len(heads(tmp_path / "two")) == len(heads(place / "heads")) == 1
    told = json.loads(salus("audit", "verify", "--archive", place, "--json").stdout)
    assert (told["intact"], told["heads"]) == (True, 1)


SHUT: dict[str, Callable[[Path], None]] = {
    "a folder in its place": lambda file: file.mkdir(),
    "no folder around it": lambda file: file.parent.rmdir(),
    "a folder that may not be written": lambda file: file.parent.chmod(0o500),
    "a file that may not be written": lambda file: file.touch(0o400),
}


@pytest.mark.parametrize("what", SHUT)
def test_where_a_head_cannot_be_kept_it_is_said_and_the_deed_is_done(
    place: Path, tmp_path: Path, what: str
) -> None:
    (tmp_path / "kept").mkdir()
    file = tmp_path / "kept" / "heads"
    SHUT[what](file)
    try:
        words = ("--archive", place, "--heads", file, "--json")
        done = salus("ask", "findrisc", "--about", "Patient/p", *words)
        assert done.returncode == 0 and "insight" not in done.stderr
        assert done.stderr.startswith("salus: no head was published: The heads in ")
        assert done.stderr.count("\n") == 1 and "cannot be written" in done.stderr
        refused = salus("audit", "head", *words)
        assert (refused.returncode, json.loads(refused.stdout)["error"]) == (5, "AwayError")
    finally:
        if file.parent.exists():
            file.parent.chmod(0o700)
    assert not file.is_file() or file.read_bytes() == b""
    assert json.loads(salus("audit", "verify", "--archive", place, "--json").stdout)["intact"]


# A limit on the size of a file stands for a full disk: the system's answer comes by the same ways.
_LIMITED = """
import resource, sys
from pathlib import Path
from salus.spine.site import open_site
from salus.spine.heads import publish_head
from salus.core.errors import AwayError
site = open_site(Path(sys.argv[1]), heads=Path(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    publish_head(site)
except AwayError as error:
    print(error)
    sys.exit(5)
"""


@pytest.mark.parametrize("room", [0, 1, 40, 200])
def test_a_full_disk_keeps_the_heads_that_there_are_and_no_half_of_one(
    place: Path, tmp_path: Path, room: int
) -> None:
    whole = (place / "heads").read_bytes()
    shutil.copy(place / "heads", tmp_path / "heads")
    with opened(place) as site:
        looks(site, 3)
    command = [sys.executable, "-c", _LIMITED, place, tmp_path / "heads", len(whole) + room]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "cannot be written" in done.stdout and "space left" in done.stdout
    assert (tmp_path / "heads").read_bytes() == whole
    with opened(place, heads=tmp_path / "heads") as site:
        assert verify(site).intact


def test_the_verbs_of_the_audit(place: Path, tmp_path: Path, run_salus: Callable[..., Any]) -> None:
    said = run_salus("audit", "head", "--archive", place, "--to", tmp_path / "usb", "--json").json()
    assert {"origin", "size", "root", "new", "key", "checkpoint", "file", "posted"} == set(said)
    assert (tmp_path / "usb").read_text() == said["checkpoint"]
    told = run_salus("audit", "verify", "--archive", place, "--head", tmp_path / "usb", "--json").json()
    assert {"entries", "head", "intact", "heads", "problems", "notes"} == set(told)
    assert (told["intact"], told["heads"]) == (True, 2)
    proof = salus("audit", "prove", "1", "--archive", place, "--json").stdout
    (tmp_path / "proof.json").write_text(proof)
    checked = run_salus("audit", "check", tmp_path / "proof.json", "--key", said["key"], "--json").json()
    assert checked["holds"] and checked["proofs"][0]["entry"]["seq"] == 1
    changed = proof.replace('"index": 0', '"index": 1')
    (tmp_path / "proof.json").write_text(changed)
    done = salus("audit", "check", tmp_path / "proof.json", "--key", said["key"])
    assert done.returncode == 3 and "NOT ALL HOLD" in done.stdout and "DOES NOT HOLD" in done.stdout
    everything = salus("audit", "prove", "--subject", "p", "--archive", place, "--json")
    assert json.loads(everything.stdout)["subject"] == "Patient/p"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("prove",), 2, "Say what to prove"),
        (("prove", "1", "--subject", "p"), 2, "Say what to prove"),
        (("prove", "0"), 2, "no entry's number"),
        (("prove", "x"), 2, "no entry's number"),
        (("prove", "99999"), 2, "There is no entry 99999"),
        (("verify", "--head", "none"), 2, "A head is 64 hex digits"),
        (("verify", "--key", "none"), 2, "no public key"),
        (("head", "--post", "http://a.example/"), 2, "no https URL"),
        (("head", "--post", "https://user:word@a.example/"), 2, "no https URL"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(place: Path, words: tuple[str, ...], code: int, says: str) -> None:
    done = salus("audit", *words, "--archive", place)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert says in done.stderr


def test_a_ledger_that_was_cut_short_refuses_and_says_so(place: Path, tmp_path: Path) -> None:
    salus("audit", "head", "--archive", place, "--to", tmp_path / "usb")
    shutil.copytree(place, tmp_path / "backup")
    salus("ask", "findrisc", "--about", "Patient/p", "--archive", place)
    shutil.copy(place / "heads", tmp_path / "backup" / "heads")
    done = salus("audit", "head", "--archive", tmp_path / "backup")
    assert done.returncode == 3 and "cut short or put back" in done.stderr
    found = salus("audit", "verify", "--archive", tmp_path / "backup")
    assert found.returncode == 3 and "cut short" in found.stdout
