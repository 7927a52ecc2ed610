"""A small share of the long runs: `kill -9` at random moments loses no entry and no head that was told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_kills_at_random_moments_lose_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.kills", "15", "--each", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["kills"], found["lost"], found["broken"]) == (15, 0, 0)
    assert found["acknowledged"] > 0


def test_kills_while_heads_are_published_lose_none_that_was_told() -> None:
    command = [sys.executable, "-m", "benchmarks.head_kills", "12", "--each", "6"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["kills"], found["lost"], found["broken"]) == (12, 0, 0)
    assert found["told"] > 0
