"""What the base costs: its size installed, the CPU time of ``import salus``, and the main job from cold.

Size: ``make build/base/.made`` installs the base alone, at the locked versions, into an environment of its
own; what counts is what it adds to an empty environment.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = 15
_IMPORT = "import time; a = time.process_time(); import salus{more}; print(time.process_time() - a)"


def main() -> dict[str, object]:
    """Return every figure."""
    return {
        "base_install_mb": installed_mb(),
        "import_salus_cpu_ms": import_ms(""),
        "import_command_line_cpu_ms": import_ms(", salus.cli, salus.core.registry"),
        "demo": demo(),
    }


def installed_mb() -> int:
    """Return the size of the base and all that it depends on, pip left out, in MB (10^6 bytes)."""
    subprocess.run(["make", "-s", "build/base/.made"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (packages,) = (ROOT / "build" / "base" / "lib").glob("python*/site-packages")
    not_ours = ("pip", "setuptools", "_distutils_hack", "pkg_resources")
    kept = [path for path in packages.iterdir() if not path.name.startswith(not_ours)]
    files = [
        file for path in kept for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
    ]
    return round(sum(file.stat().st_size for file in files) / 1e6)


def import_ms(more: str) -> float:
    """Return the median CPU time of an import in a fresh interpreter, after one that warms the disk."""
    code = _IMPORT.format(more=more)
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(IMPORTS + 1)
    ]
    return round(1000 * statistics.median(runs[1:]), 1)


def demo() -> dict[str, object]:
    """Run the main job on the ward that ships, from an empty folder, and return its counts."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]
        done = subprocess.run(
            [*command, "demo", "--no-serve", "--json", "--archive", f"{folder}/demo"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    told = json.loads(done.stdout)
    return {key: told[key] for key in ("patients", "insights", "abstentions", "seconds")}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
