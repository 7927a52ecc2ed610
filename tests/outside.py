"""Packages of somebody else that join by entry point, written into a folder, for tests of what they do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from salus.core import registry

# What it does depends on whom it is asked about.
MODEL = """
    import os, signal, subprocess, sys, time
    from dataclasses import replace
    from pathlib import Path

    from salus.core.card import Action, Card
    from salus.core.errors import EvidenceError
    from salus.core.insight import Advice, Estimate, Finding, Insight, ModelRef, Reason

    HERE = Path(__file__).parent
    with (HERE / "started").open("a") as file:
        file.write(f"{os.getpid()}\\n")

    def prints():
        print("a lot", "x" * 100_000)
        sys.stderr.write("y" * 100_000)
        os.write(1, b"\\0\\0\\0\\2{}")
        subprocess.run(["echo", "and more"])
        return sys.stdin.read()

    def writes_into_every_pipe():
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b"\\0\\0\\0\\2{}")
            except OSError:
                pass

    def raises():
        raise ValueError("potassium 7.1")

    def finds_no_unit():
        raise EvidenceError("potassium has no unit (Observation/rr).")

    class Outside:
        card = Card("outside", "1", "Is it so?", "", "", (), (Action(0, None, "x"),), "", (), package="news2")

        def predict(self, view):
            act = view.subject.removeprefix("Patient/")
            found = {
                "environment": lambda: " ".join(sorted(os.environ)), "folder": os.getcwd,
                "prints": prints, "raises": raises, "hangs": lambda: time.sleep(600),
                "spins": lambda: [None for _ in iter(int, 1)], "ends": lambda: os._exit(0),
                "killed": lambda: os.kill(os.getpid(), signal.SIGKILL), "exits": lambda: sys.exit(3),
                "pipes": writes_into_every_pipe, "pid": lambda: str(os.getpid()),
                "unit": finds_no_unit, "starts": lambda: str(subprocess.Popen(["sleep", "600"]).pid),
            }.get(act, lambda: "")()
            seen = " ".join(sorted(dir(view)))
            at = view.timeline.last(("LOINC/9279-1",))
            source = "Observation/elsewhere" if act == "elsewhere" else at.source
            reasons = (Reason((source,), 1.0, "because"),)
            body = Finding("x", Estimate(at.value), says=f"{found}")
            if act == "nothing":
                return None
            if act == "other":
                return "NEWS2 3"
            if act == "long":
                body = Advice("x" * 5_000_000)
            if act == "types":
                body = Advice(7)
            if act == "view":
                body = Advice(f"{type(view).__module__} {seen}")
            return Insight(view.subject, ModelRef("news2", "1"), "", view.as_of, body, None, reasons)

    MODEL = Outside()
"""
ONCE = '''
    def once():
        """Ends at the first question that was ever asked."""
        if not (HERE / "asked").exists():
            (HERE / "asked").touch()
            os._exit(0)
'''


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
