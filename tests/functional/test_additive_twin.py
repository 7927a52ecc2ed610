"""The scorer of a clinic without a network says in Node what Python says, on ten thousand cases."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from salus.learning import artefact
from tests.additive import RUNNER, TWIN, alike, document, drawn, feature
from tests.conftest import absent

ARTEFACTS, CASES = 500, 20


@pytest.fixture(scope="module")
def node() -> str:
    """Return the program; its absence is a failure in CI and a skip elsewhere."""
    found = shutil.which("node") or shutil.which("nodejs")
    return found or absent("needs Node: scripts/debian-packages nodejs")


def test_ten_thousand_cases_are_scored_alike(node: str):
    asked, answers = drawn(ARTEFACTS, CASES)
    done = subprocess.run(
        [node, RUNNER, TWIN], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    assert len(answers) >= 10_000
    alike(json.loads(done.stdout), answers)


@pytest.mark.parametrize(("change", "says"), [
    (lambda asked: asked.update(text=asked["text"].replace("0.2", "0.3", 1)), "it was changed"),
    (lambda asked: asked.update(text=asked["text"][:-3]), "SyntaxError"),
    (lambda asked: asked["cases"][0].popitem(), "was not given: give null"),
    (lambda asked: asked["cases"][0].update({"pulse, last": "high"}), "has to be a number"),
])  # fmt: skip
def test_what_cannot_be_scored_is_refused(node: str, change, says: str):
    """A changed byte, half a file, a feature that was left out or is of another kind: never a number."""
    asked = {"text": _text(), "cases": [{"pulse, last": 90.0}], "hidden": [], "groups": [None]}
    change(asked)
    done = subprocess.run([node, RUNNER, TWIN], input=json.dumps([asked]), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.stdout, says in done.stderr, done.returncode != 0) == ("", True, True)


def _text() -> str:
    curve = {"feature": 0, "edges": [60.0], "scores": [0.1, 0.4], "missing": 0.0, "counts": [1, 1, 1]}
    return artefact.of(document([feature("pulse, last", "last", "pulse")], [curve])).dumps().decode()
