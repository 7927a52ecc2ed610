"""``make bench``: run every benchmark, each in a process of its own, and print its figures as JSON.

A benchmark is a file here that prints one JSON object when run as ``python -m benchmarks.NAME``. A run of all
of them without a failure is kept in ``benchmarks/results.json``, with the machine and the versions it ran on,
and fills the README's table.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks._table import filled

ROOT = Path(__file__).resolve().parents[1]
# What runs long, with `make soak`, or measures nothing by itself.
NOT_HERE = {"__init__", "__main__", "soak", "kills", "head_kills"}
NAMED = ("salus-clinical", "msgspec", "orjson", "polars", "sqlalchemy", "starlette")


def main(only: list[str]) -> int:
    """Run the benchmarks named in `only`, or all of them; 1 when one of them failed."""
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    names = only or [name for name in known if name not in NOT_HERE and not name.startswith("_")]
    figures = {name: _run(name) for name in names}
    report = {"ran": _ran(), "figures": figures}
    print(json.dumps(report, indent=2))
    failed = any("failed" in found for found in figures.values())
    if not failed and not only:
        _keep(report)
    return int(failed)


def _keep(report: dict[str, Any]) -> None:
    (ROOT / "benchmarks" / "results.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), report), encoding="utf-8")


def _ran() -> dict[str, Any]:
    """When, on what machine, with which versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in NAMED},
    }


def _run(name: str) -> dict[str, Any]:
    print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.returncode}
    # The figures are the last JSON object on standard output; what a benchmark tells before it may stay.
    start = done.stdout.find("{")
    found: dict[str, Any] = json.loads(done.stdout[start:])
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
