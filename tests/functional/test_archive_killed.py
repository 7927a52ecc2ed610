"""A backup or a restore that is killed, or whose disk is full: nothing half under the name that was asked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from salus import spine
from salus.spine.backup import backup, check, restore
from tests.archives import WHO, files, random_site
from tests.conftest import ROOT

CHILD = """
import os, sys
from pathlib import Path
from salus import spine
from salus.core.errors import AwayError
from salus.spine import backup as verb
from tests.archives import WHO

what, source, to, left, limit = sys.argv[1:]
left = int(left)

class Bar:
    def __init__(self, **_): self.total = 0
    def refresh(self): pass
    def reset(self): pass
    def close(self): pass
    def update(self, size):
        global left
        left -= size
        if left < 0:
            os.kill(os.getpid(), 9)

def counted(name):
    whole = getattr(verb, name)
    def step(*given, **how):
        Bar().update(10_000)
        found = whole(*given, **how)
        Bar().update(10_000)
        return found
    setattr(verb, name, step)

for name in ("_give_name", "given", "judged", "named"):
    counted(name)
site = spine.open_site(Path(source)) if what == "backup" else None
if int(limit):
    # The disk of the backup: what the open store keeps beside it on its own is there by now.
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit),) * 2)
try:
    if what == "backup":
        verb.backup(site, Path(to), actor=WHO, progress=Bar)
    else:
        verb.restore(Path(source), Path(to), progress=Bar)
except AwayError as error:
    print(error)
"""
# More than all the bytes and steps that the child counts.
NEVER = 10**9


def child(what: str, source: Path, to: Path, left: int = NEVER, limit: int = 0) -> tuple[int, str]:
    words = [sys.executable, "-c", CHILD, what, source, to, str(left), str(limit)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout


def test_a_backup_that_is_killed_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    random_site(tmp_path / "a", tmp_path / "in", 1).close()
    (tmp_path / "out").mkdir()
    draw, killed, whole = Random(5), 0, 0
    size = backup(spine.open_site(tmp_path / "a"), tmp_path / "first.tar", actor=WHO).size
    for turn in range(25):
        to = tmp_path / "out" / f"{turn}.tar"
        code, _ = child("backup", tmp_path / "a", to, draw.randrange(4 * size + 70_000))
        killed += code != 0
        if to.exists():
            whole += 1
            restore(to, tmp_path / f"r{turn}")
    assert killed > 10 and whole > 0
    # Of what was left over nothing outlasts the next one.
    made = backup(spine.open_site(tmp_path / "a"), tmp_path / "out" / "last.tar", actor=WHO)
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".tar"] == []
    check(made.path, digest=made.digest)
    assert spine.verify(spine.open_site(tmp_path / "a")).intact


def test_a_restore_that_is_killed_leaves_nothing_or_all(tmp_path: Path) -> None:
    site = random_site(tmp_path / "a", tmp_path / "in", 2)
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "whole")
    wanted, draw, killed, there = files(tmp_path / "whole"), Random(6), 0, 0
    (tmp_path / "out").mkdir()
    for turn in range(25):
        to = tmp_path / "out" / f"{turn}"
        code, _ = child("restore", made.path, to, draw.randrange(made.size + 50_000))
        killed += code != 0
        if to.exists():
            there += 1
            assert files(to) == wanted
    assert killed > 10 and there > 0
    restore(made.path, tmp_path / "out" / "last")
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("what", ["backup", "restore"])
def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path: Path, what: str, share: float) -> None:
    """A limit on the size of a file stands for a full disk: the system's answer comes by the same ways."""
    site = random_site(tmp_path / "a", tmp_path / "in", 3)
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    site.close()
    (tmp_path / "out").mkdir()
    source = tmp_path / "a" if what == "backup" else made.path
    largest = max(path.stat().st_size for path in (tmp_path / "a").rglob("*"))
    code, said = child(what, source, tmp_path / "out" / "x", limit=int(share * largest) or 1)
    assert code == 0 and "cannot be written" in said and "make room" in said
    assert list((tmp_path / "out").iterdir()) == []
    assert spine.verify(spine.open_site(tmp_path / "a")).intact
