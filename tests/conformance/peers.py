"""Third parties in environments of their own: installed when missing, started on a free port, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

HOMES = Path(__file__).resolve().parents[2] / ".venvs"
SEKMET = "sekmet-fhir==0.1.1"


def installed(name: str, requirement: str) -> Path:
    """Return the folder of programs of the peer's own environment, made when it is missing."""
    home = HOMES / name
    mark = home / "installed"
    if not mark.exists() or mark.read_text() != requirement:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", requirement], check=True)
        mark.write_text(requirement)
    return home / "bin"


@contextmanager
def sekmet(folder: Path, port: int) -> Iterator[str]:
    """Run sekmet's FHIR R4 server, its files in `folder`; yield its base URL."""
    program = installed("sekmet", SEKMET) / "sekmet"
    base = f"http://127.0.0.1:{port}/fhir"
    child = subprocess.Popen(
        [str(program), "serve", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env={**os.environ, "SEKMET_BASE_URL": base, "SEKMET_DB": str(folder / "sekmet.db")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"{base}/metadata", child)
        yield base
    finally:
        child.terminate()
        child.wait(20)


def _wait(url: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert child.poll() is None, "the peer ended before it answered"
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the peer did not answer in a minute")
