"""An auditor's backup, which nobody may write: its ledger is checked and its models are listed as it lies."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from salus.spine.demo import fill, open_demonstration
from salus.spine.site import open_site
from tests.house.source import ROOT

# The administrator may write everywhere; without these two rights, the modes of files hold for root as well.
_AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
_SALUS = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]


def salus(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*_AS_ANYBODY, *_SALUS, *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(name="live")
def live_fixture(tmp_path: Path) -> Path:
    site = open_demonstration(tmp_path / "live")
    (tmp_path / "x.ndjson").write_text('{"resourceType": "Patient", "id": "m1"}\n')
    fill(site, str(tmp_path / "x.ndjson"))
    site.close()
    return site.path


@pytest.fixture(name="backup")
def backup_fixture(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Copy an archive to where nobody may write; what is in it stays readable for its owner."""
    copy = tmp_path / "backup of 100% & more"

    def made(of: Path) -> Path:
        shutil.copytree(of, copy)
        copy.chmod(0o500)
        for file in copy.glob("s*"):
            file.chmod(0o400)
        return copy

    yield made
    copy.chmod(0o700)


def test_a_backup_that_nobody_may_write_is_audited(live: Path, backup: Callable[[Path], Path]) -> None:
    place = backup(live)
    before = {path.name for path in place.iterdir()}
    done = salus("audit", "verify", "--archive", place)
    assert (done.returncode, "intact" in done.stdout) == (0, True), done.stderr
    done = salus("models", "--archive", place)
    assert (done.returncode, " live " in done.stdout) == (0, True), done.stderr
    assert {path.name for path in place.iterdir()} == before, "nothing was left beside it"


def test_what_was_changed_in_it_is_found(live: Path, backup: Callable[[Path], Path]) -> None:
    with closing(sqlite3.connect(live / "salus.db")) as other, other:
        other.execute("UPDATE status SET because = 'x'")
    done = salus("audit", "verify", "--archive", backup(live))
    assert (done.returncode, "was changed" in done.stdout) == (3, True), done.stderr


def test_without_the_sites_key_it_is_audited_too(live: Path, backup: Callable[[Path], Path]) -> None:
    """Who holds the key can sign in the site's name: an auditor need not."""
    (live / "site.key").unlink()
    place = backup(live)
    assert salus("audit", "verify", "--archive", place).returncode == 0
    done = salus("models", "--archive", place)
    assert (done.returncode, "site.key is not here" in done.stderr) == (5, True)


def test_what_writes_says_that_it_cannot(live: Path, backup: Callable[[Path], Path]) -> None:
    place = backup(live)
    told = ("--by", "Dr B", "--because", "validated here")
    done = salus("models", "approve", "news2", "--archive", place, *told)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


def test_a_live_folder_is_read_with_what_was_not_yet_put_into_the_file(
    live: Path, backup: Callable[[Path], Path]
) -> None:
    """Copied while Salus ran: the newest entries are in the file beside it."""
    with closing(open_site(live)) as site:
        with site.store.begin() as tx:
            tx.append(site.now(), "maria", "look", {"subject": "Patient/m1"})
        head = site.store.head()[1]
        place = backup(live)
    done = salus("audit", "verify", "--archive", place, "--head", head)
    assert done.returncode == 0, done.stdout + done.stderr


def test_where_it_can_be_written_nothing_is_different(live: Path, run_salus: Callable[..., Any]) -> None:
    assert run_salus("audit", "verify", "--archive", live, "--json").json()["intact"]


def test_an_audit_writes_nothing_where_it_could(live: Path, run_salus: Callable[..., Any]) -> None:
    with closing(sqlite3.connect(live / "salus.db")) as other, other:
        other.execute("DELETE FROM setting WHERE key = 'site-id'")
    before = {path.name: path.read_bytes() for path in live.glob("salus.db*")}
    done = run_salus("audit", "verify", "--archive", live, check=False)
    assert (done.code, "recorded setting site-id, which is no longer there" in done.out) == (3, True)
    assert {path.name: path.read_bytes() for path in live.glob("salus.db*")} == before
    assert run_salus("models", "--archive", live, check=False).code == 4
