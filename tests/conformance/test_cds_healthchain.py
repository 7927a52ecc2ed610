"""healthchain's SandboxClient (PyPI, its own environment) asks the real server and understands the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.spine.site import Site
from tests import doors

SCRIPT = Path(__file__).with_name("peer_healthchain.py")
PEER = "healthchain==0.16.1"
HOME = Path(__file__).resolve().parents[2] / ".venvs" / "healthchain"


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the Python of healthchain's own environment, made when it is missing."""
    found = HOME / "bin" / "python"
    if not (HOME / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True)
        subprocess.run([str(found), "-m", "pip", "install", "-q", PEER], check=True)
        (HOME / "installed").write_text(PEER)
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


def ask(python: Path, url: str, bundle: Path, patient: str) -> list[dict[str, Any]]:
    command = [str(python), str(SCRIPT), url, "patient-view", str(bundle), patient]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=bundle.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_it_gets_cards_for_a_whole_bundle(python: Path, site: Site, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(doors.searchset([doors.PATIENT, *doors.deteriorating()])))
    with doors.served(site) as client:
        url = f"{str(client.base_url).rstrip('/')}/cds-services/salus-patient-view"
        (answer,) = ask(python, url, bundle, "p1")
    first = answer["cards"][0]
    assert first["indicator"] == "critical"
    assert "NEWS2" in first["summary"]
    assert spine.verify(site).intact


def test_it_gets_no_cards_about_somebody_else(python: Path, site: Site, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(doors.searchset([doors.PATIENT, *doors.deteriorating()])))
    with doors.served(site) as client:
        url = f"{str(client.base_url).rstrip('/')}/cds-services/salus-patient-view"
        (answer,) = ask(python, url, bundle, "p2")
    assert answer == {}
