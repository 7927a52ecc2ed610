"""``make soak``: the long runs, one after another, and what came of each; the last result stands in the docs.

Each part is a command of this project with its number turned up: fuzzed resources, kills during writes,
replication of a file, load on a server. CI runs a small share of each in its tests.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.__main__ import NAMED

ROOT = Path(__file__).resolve().parents[1]
# 10,000 drawn resources, any edit of any ledger and head, each bit of each byte of the ledger; the properties
# of the models run with every test.
FUZZED = (
    "tests/property/test_fhir_fuzz.py",
    "tests/property/test_ledger_chain.py",
    "tests/property/test_ledger_tampering.py",
    "tests/property/test_checkpoints.py",
    "tests/property/test_merkle_proofs.py",
)
PARTS = {
    "kills": [sys.executable, "-m", "benchmarks.kills", "1000"],
    "heads": [sys.executable, "-m", "benchmarks.head_kills", "1000"],
    "fuzz": [sys.executable, "-m", "pytest", *FUZZED, "-p", "no:cacheprovider"],
    "bulk": [sys.executable, "-m", "benchmarks.bulk"],
    "hooks": [sys.executable, "-m", "benchmarks.hooks"],
}


def main(only: list[str]) -> int:
    """Run the parts named in `only`, or all; write docs/reference/soak.md; 1 when one of them failed."""
    rows = [_row(name, PARTS[name]) for name in (only or PARTS)]
    page = ROOT / "docs" / "reference" / "soak.md"
    page.write_text(_page(rows), encoding="utf-8")
    print(page.read_text(encoding="utf-8"))
    return int(any(row["exit"] for row in rows))


def _row(name: str, command: list[str]) -> dict[str, Any]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SALUS_SOAK": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    minutes = (time.monotonic() - began) / 60
    return {"name": name, "exit": done.returncode, "minutes": round(minutes, 1), "said": _said(done.stdout)}


def _said(out: str) -> str:
    """What the part said last: its JSON object, or its closing line."""
    start = out.find("{")
    try:
        return json.dumps(json.loads(out[start:]), indent=2) if start >= 0 else out.strip().splitlines()[-1]
    except (ValueError, IndexError):
        return out.strip()[-2000:]


def _page(rows: list[dict[str, Any]]) -> str:
    ask = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores, commit {commit}"
    with_ = ", ".join(f"{name} {version(name)}" for name in NAMED)
    head = (
        f"# Long runs\n\nThe last `make soak`: {datetime.now(UTC):%Y-%m-%d}, {where} ({with_}). "
        "It wrote this page.\n"
    )
    return "\n".join([head, *(_part(row) for row in rows)])


def _part(row: dict[str, Any]) -> str:
    ended = f"Exit {row['exit']} after {row['minutes']} minutes."
    return f"## {row['name']}\n\n{ended}\n\n```text\n{row['said']}\n```\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
