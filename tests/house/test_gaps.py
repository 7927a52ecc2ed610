"""Known gaps are counted in the README, and each says why it is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    told = tmp_path_factory.mktemp("gaps") / "gaps.json"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "tests.house.gaps", "tests"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SALUS_GAPS": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(Path(told).read_text())


def test_the_readme_counts_them(gaps: dict[str, str]):
    counted = re.search(r"^Known gaps: (\d+)", (ROOT / "README.md").read_text(), flags=re.M)
    assert counted, "the README has no line 'Known gaps: N'"
    assert int(counted[1]) == len(gaps), json.dumps(gaps, indent=2)


def test_each_says_why(gaps: dict[str, str]):
    assert [name for name, reason in gaps.items() if len(reason) < 15] == []
