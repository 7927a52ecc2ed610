"""What every test may ask for: the shared data, a free port, the command line as a person would run it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI") == "true"
IN_SOAK = bool(os.environ.get("SALUS_SOAK"))

# No deadline anywhere: a test must not depend on how busy the machine is. CI draws the same cases every run.
_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_CALM)
settings.register_profile("ci", max_examples=50, derandomize=True, database=None, **_CALM)
settings.register_profile("soak", max_examples=2_000, print_blob=True, **_CALM)
settings.load_profile("soak" if IN_SOAK else "ci" if IN_CI else "dev")

HOW_TO_GET_DATA = (
    "needs the shared data '{name}': set SALUS_DATA_DIR to its folder, or bring a public set from its "
    "publisher with `salus read --fetch NAME`"
)


def _places() -> list[Path]:
    """Where a data set may be: the named folder, the one beside the checkout, the download cache."""
    named = os.environ.get("SALUS_DATA_DIR")
    cache = os.environ.get("XDG_CACHE_HOME")
    return [
        Path(named).resolve() if named else ROOT.parent / "shared" / "data",
        (Path(cache) if cache else Path.home() / ".cache") / "salus",
    ]


def absent(says: str) -> NoReturn:
    """Fail in CI, skip elsewhere: the same line says how to get what is not there."""
    pytest.fail(says) if IN_CI else pytest.skip(says)
    raise AssertionError("unreachable")


@pytest.fixture(scope="session")
def data_set() -> Callable[[str], Path]:
    """Return a function from a set's name (``synthea-r4-100``) to its folder or file."""

    def find(name: str) -> Path:
        for place in _places():
            if (place / name).exists():
                return place / name
        absent(HOW_TO_GET_DATA.format(name=name))

    return find


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the shared data; ask `data_set` when one set is enough."""
    for place in _places():
        if place.is_dir() and any(place.iterdir()):
            return place
    absent(HOW_TO_GET_DATA.format(name="shared/data"))


@pytest.fixture
def free_port() -> int:
    """Return a TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return its standard output, read as JSON; what it said instead is in the failure."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f"exit {self.code}, no JSON.\n{self.out}\n{self.err}") from None


@pytest.fixture(scope="session")
def run_salus() -> Callable[..., Ran]:
    """Return a function that runs ``salus ARGS`` in a process of its own: ``run_salus("models", "--json")``.

    Keywords: stdin (text), env (added to the environment), cwd, check (default True: any exit code but 0
    fails the test), timeout in seconds (only so that a hang ends).
    """

    def run(
        *args: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        timeout: float = 600,
    ) -> Ran:
        command = [sys.executable, "-c", "import sys; from salus.cli import main; sys.exit(main())"]
        done = subprocess.run(
            [*command, *map(str, args)],
            input=stdin,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"exit {done.returncode}: {args}\n{done.stdout}\n{done.stderr}"
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
