"""What a newcomer gets wrong: each mistake is one line that names the remedy, before anything is made."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

RECORD = '{"resourceType": "Patient", "id": "p", "gender": "female"}'


@pytest.fixture(name="place")
def place_fixture(run_salus: Callable[..., Any], tmp_path: Path) -> Path:
    """A folder with an archive ``a``, an empty folder, a file, and an export without a resource."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text(RECORD)
    (tmp_path / "nothing.ndjson").touch()
    run_salus("read", "file", "--archive", "a", cwd=tmp_path)
    return tmp_path


ODD = [
    (("ask", "NWES2", "--about", "p", "--archive", "a"), "Choose one of: news2"),
    (("ask", "news2", "--about", "q", "--archive", "a"), "'salus read'"),
    (("ask", "news2", "--about", "", "--archive", "a"), "Say whom to ask about"),
    (("ask", "news2", "--about", "p\x1b[31m\nq", "--archive", "a"), "No evidence"),
    (("ask", "news2", "--about", "p\udcff", "--archive", "a"), "UTF-8"),
    (("ask", "news2", "--about", "p", "--archive", "a", "--as-of", "31.1.2026"), "2026-01-31T08:00:00Z"),
    (("ask", "news2", "--about", "p", "--archive", "a", "--actor", " "), "nobody is named"),
    (("ask", "news2", "--about", "p", "--archive", "a", "--actor", "\u200b"), "nobody is named"),
    (("review", "0", "deferred", "--archive", "a", "--by", "\u200b"), "nobody is named"),
    (("review", "0", "deferred", "--archive", "a", "--by", "Dr\nB"), "on one line"),
    (
        ("models", "approve", "news2", "--archive", "a", "--because", "read", "--by", "\u2060"),
        "nobody is named",
    ),
    (
        ("review", "0", "accepted", "--archive", "a", "--by", "Dr B", "--because", "evidence-wrong"),
        "leave the reason out",
    ),
    (("ask", "news2", "--about", "p", "--archive", "empty"), "salus read PLACE"),
    (("ask", "news2", "--about", "p", "--archive", "file"), "'file' is a file"),
    (("ask", "news2", "--about", "p", "--archive", ""), "no folder is named"),
    (("demo", "--archive", "file"), "'file' is a file"),
    (("demo", "--archive", "file/x"), "Choose another with --archive"),
    (("demo", "--archive", "new\udcff"), "UTF-8"),
    (("demo", "--archive", "new", "--from", "empty"), "holds no FHIR"),
    (("demo", "--archive", "new", "--from", ""), "no place is named"),
    (("read", "", "--archive", "a"), "no place is named"),
    (("read", " ", "--archive", "new"), "no place is named"),
    (("demo", "--archive", "new", "--as-of", "tomorrow"), "2026-01-31T08:00:00Z"),
    (("demo", "--archive", "new", "--as-of", "0001-01-01T00:00:00+14:00"), "the years 1 to 9999"),
    (
        ("ask", "news2", "--about", "p", "--archive", "a", "--as-of", "9999-12-31T23:59:59-12:00"),
        "the years 1 to 9999",
    ),
    (("demo", "--archive", "new", "--port", "99999"), "up to 65535"),
    (("demo", "--archive", "new", "--port", "-1"), "up to 65535"),
]


@pytest.mark.parametrize(("words", "remedy"), ODD)
def test_a_mistake_is_one_line_with_its_remedy(
    place: Path, run_salus: Callable[..., Any], words: tuple[str, ...], remedy: str
) -> None:
    before = sorted(place.iterdir())
    ran = run_salus(*words, "--json", cwd=place, check=False)
    said = json.loads(ran.out)
    assert (ran.code, said["error"], said["code"]) == (2, "UserError", 2)
    assert remedy in said["says"]
    assert ran.err.startswith("salus: ") and ran.err.count("\n") == 1
    assert ran.err.removesuffix("\n").isprintable()
    assert sorted(place.iterdir()) == before, "nothing was made"


@pytest.mark.parametrize("how", [("--host", "0.0.0.0"), ("--port", "taken")])
def test_where_nobody_can_be_served_no_ward_is_made(
    place: Path, run_salus: Callable[..., Any], how: tuple[str, str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = [word.replace("taken", str(taken.getsockname()[1])) for word in how]
        ran = run_salus("demo", "--archive", "new", *words, "--json", cwd=place, check=False)
    assert json.loads(ran.out)["code"] == ran.code == (2 if how[0] == "--port" else 3)
    assert not (place / "new").exists()


def test_a_demonstration_of_nothing_says_so(place: Path, run_salus: Callable[..., Any]) -> None:
    ran = run_salus("demo", "--no-serve", "--archive", "new", "--from", "nothing.ndjson", cwd=place)
    assert "holds no resource: see that the export was finished" in ran.out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_place_of_which_nothing_can_be_read_is_no_success(
    place: Path, run_salus: Callable[..., Any], more: tuple[str, ...]
) -> None:
    (place / "junk.txt").write_text("hello\n")
    words = ("demo", "--no-serve", "--archive", "new", "--from", "junk.txt", *more)
    ran = run_salus(*words, cwd=place, check=False)
    assert ran.code == 4
    assert "1 of 1 resources were refused, first junk.txt:1: " in ran.err
    assert ran.err.startswith("salus: ") and ran.err.count("\n") == 1


def test_what_a_demonstration_leaves_out_is_said_beside_its_json(
    place: Path, run_salus: Callable[..., Any]
) -> None:
    (place / "half.ndjson").write_text(f"{RECORD}\nhello\n")
    ran = run_salus("demo", "--no-serve", "--json", "--archive", "new", "--from", "half.ndjson", cwd=place)
    assert set(ran.json()) == {"patients", "insights", "abstentions", "seconds", "ward"}
    assert ran.json()["patients"] == 1
    assert "1 of 2 resources were refused, first half.ndjson:2: " in ran.err
    empty = ("--archive", "other", "--from", "nothing.ndjson")
    ran = run_salus("demo", "--no-serve", "--json", *empty, cwd=place)
    assert "holds no resource" in ran.err


@pytest.mark.parametrize(("shut", "told"), [(">&-", True), (">&- 2>&-", False), ("<&- >&-", True)])
def test_a_closed_output_ends_with_one_line_before_anything_is_done(
    place: Path, shut: str, told: bool
) -> None:
    command = f'exec "$0" -m salus.cli read file --archive new {shut}'
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True, cwd=place, env=env, check=False
    )
    assert ran.returncode == 5
    assert ran.stderr == ("salus: Standard output is closed: send it to a file, or to /dev/null.\n" * told)
    assert not (place / "new").exists()


def test_the_module_is_the_command_too(place: Path) -> None:
    command = [sys.executable, "-m", "salus.cli", "models"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=place, env=env, check=True)
    assert "news2" in ran.stdout


@pytest.mark.parametrize("words", ["models", "models --json", "models --archive none --json"])
def test_an_output_that_takes_nothing_is_one_line_on_standard_error(place: Path, words: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "salus.cli", *words.split()]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=place, env=env, check=False)
    said = ran.stderr.decode()
    assert ran.returncode == (2 if "none" in words else 5)
    assert said.startswith("salus: ") and said.count("\n") == 1, said
    assert "none" in words or "No space left on device" in said


SHUT = [
    ("a", ("ask", "news2", "--about", "p", "--archive", "a")),
    ("a/salus.db", ("ask", "news2", "--about", "p", "--archive", "a")),
    ("a/archive.json", ("ask", "news2", "--about", "p", "--archive", "a")),
    ("a/site.key", ("ask", "news2", "--about", "p", "--archive", "a")),
    ("a", ("demo", "--no-serve", "--archive", "a")),
    ("file", ("demo", "--no-serve", "--archive", "new", "--from", "file")),
]


@pytest.mark.parametrize(("shut", "words"), SHUT)
def test_what_may_not_be_read_is_named_with_what_to_do(
    place: Path, run_salus: Callable[..., Any], shut: str, words: tuple[str, ...]
) -> None:
    (place / shut).chmod(0)
    try:
        ran = _as_a_user(words, place)
    finally:
        (place / shut).chmod(0o700)
    said = json.loads(ran.stdout)
    assert (ran.returncode, said["error"]) == (5, "AwayError")
    assert Path(shut).name in said["says"] and (
        "See " in said["says"] or "check " in said["says"] or "see " in said["says"]
    )
    assert ran.stderr.count("\n") == 1 and "Traceback" not in ran.stderr


def _as_a_user(words: tuple[str, ...], place: Path) -> subprocess.CompletedProcess[str]:
    """Run the command without the right of root to read what it may not."""
    drop = (
        "setpriv",
        "--inh-caps=-dac_override,-dac_read_search",
        "--bounding-set=-dac_override,-dac_read_search",
    )
    first = drop if os.geteuid() == 0 else ()
    if first and shutil.which("setpriv") is None:
        pytest.fail("needs setpriv (util-linux) to run without the rights of root")
    command = [*first, sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *words, "--json"], capture_output=True, text=True, cwd=place, env=env, check=False
    )
