"""Packages of somebody else that join by entry point, written into a folder, for tests of what they do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from salus.core import registry


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for packages of somebody else; the registry begins anew before and after."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    registry._loaded.cache_clear()
    yield tmp_path
    registry._loaded.cache_clear()
    for name in [name for name in set(sys.modules) - before if name.startswith("salus.risk.")]:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))


def joined(place: Path, **entries: str) -> None:
    """Install a distribution that names these entry points."""
    info = place / "outside-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    write(info / "entry_points.txt", f"[salus.rooms]\n{lines}")
