"""A small share of the long run: `kill -9` at random moments during writes loses nothing acknowledged."""

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
