"""An artefact is read as it was written, or refused with the place and what to do."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus.core.errors import EvidenceError
from salus.learning import artefact
from tests.additive import any_document, document, feature

FEATURES = [feature("pulse, last", "last", "pulse", "/min"), feature("unit", "level", "unit")]
CURVE = {"feature": 0, "edges": [60.0, 100.0], "scores": [0.1, 0.0, 0.5], "missing": 0.2,
         "counts": [5, 100, 200, 50]}  # fmt: skip
LEVELS = {"feature": 1, "levels": ["A", "B"], "scores": [0.1, -0.1], "other": 0.3, "missing": 0.0,
          "counts": [1, 2, 3, 4]}  # fmt: skip
PAIR = {"features": [0, 1], "edges": [[80.0], ["A"]],
        "scores": [[0.0, 0.1, 0.2], [0.3, 0.4, 0.5], [0.6, 0.7, 0.8]]}  # fmt: skip
MEASURE = {"by": "sex", "group": "female", "n": 400, "events": 50, "note": "",
           "auroc": {"value": 0.8, "low": 0.7, "high": 0.9}, "observed_expected": None}  # fmt: skip
APART = {"by": "sex", "how": "both", "chosen": "by hand", "kept": ["nobody else"], "groups": [
    {"group": "female", "calibration": {"slope": 0.9, "intercept": 0.2}, "threshold": 0.3, "how": "by hand"},
    {"group": "male", "calibration": {"slope": 1.1, "intercept": 0.05}, "threshold": 0.2, "how": "by hand"},
]}  # fmt: skip


def whole() -> dict[str, Any]:
    return copy.deepcopy(document(FEATURES, [CURVE, LEVELS, PAIR], measures=[MEASURE], apart=APART))


@pytest.mark.parametrize("seed", range(50))
def test_it_is_written_as_it_was_read(seed: int):
    made = artefact.of(any_document(random.Random(seed)))
    raw = made.dumps()
    again = artefact.loads(raw)
    assert (again, again.dumps()) == (made, raw)


def test_any_byte_that_is_changed_is_noticed():
    raw = artefact.of(whole()).dumps()
    rng = random.Random(1)
    for place in rng.sample(range(len(raw)), 400):
        broken = bytes((*raw[:place], raw[place] ^ (1 << rng.randrange(7)), *raw[place + 1 :]))
        with pytest.raises(EvidenceError):
            artefact.loads(broken)


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -2])
def test_a_file_that_ends_too_early_is_refused(cut: int):
    with pytest.raises(EvidenceError, match=r"^artefact: .*\."):
        artefact.loads(artefact.of(whole()).dumps()[:cut])


def _every_place(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every part of a document that the format names."""
    parts = document.items() if isinstance(document, dict) else enumerate(document)
    for name, part in parts:
        yield (*path, name)
        if isinstance(part, dict | list):
            yield from _every_place(part, (*path, name))


def _changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = whole()
    part: Any = made
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return made


PLACES = [path for path in _every_place(whole()) if path[0] != "novelty"]


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_no_part_may_be_of_another_kind(path: tuple[Any, ...]):
    for value in (True, {"a": 1}, float("nan"), float("inf"), b""):
        with pytest.raises(EvidenceError, match=r"Fetch the file again|made"):
            artefact.of(_changed(path, value), "x.json")


@pytest.mark.parametrize("path", [path for path in PLACES if isinstance(path[-1], str)], ids=str)
def test_no_part_may_be_left_out(path: tuple[Any, ...]):
    made = whole()
    part: Any = made
    for name in path[:-1]:
        part = part[name]
    if path[:-1] == ("made", "libraries") or path[-1] in ("years", "apart"):
        return
    del part[path[-1]]
    with pytest.raises(EvidenceError, match=str(path[-1])):
        artefact.of(made)


@pytest.mark.parametrize(("path", "value", "says"), [
    (("format",), "salus-additive/2", r"x: format: it has to be 'salus-additive/1'"),
    (("terms", 0, "edges"), [100.0, 60.0], r"terms\[0\]\.edges\[1\]: the numbers have to rise"),
    (("terms", 0, "edges"), [60.0, 60.0], r"terms\[0\]\.edges\[1\]: the numbers have to rise"),
    (("terms", 0, "edges"), [-1.7e308, 1.7e308], "too far apart"),
    (("terms", 0, "scores"), [0.1, 0.0], r"terms\[0\]\.scores: it has to hold 3 numbers and holds 2"),
    (("terms", 0, "counts"), [1, 2, -3, 4], r"terms\[0\]\.counts\[2\]: a count cannot be below 0"),
    (("terms", 0, "feature"), 2, r"terms\[0\]\.feature: there are 2 features"),
    (("terms", 0, "knot"), [1], "it has 'knot', which the format does not know: knots"),
    (("terms", 0, "heights"), [1.0], r"terms\[0\]\.heights: it has to hold 0 numbers"),
    (("terms", 1, "levels"), ["A", "A"], "a name stands twice"),
    (("terms", 2, "scores", 1), [0.1], r"terms\[2\]\.scores\[1\]: it has to hold 3 numbers"),
    (("terms", 2, "scores"), [], r"terms\[2\]\.scores: it has to hold 3 rows"),
    (("terms", 2, "features"), [0, 0], "they have to be two"),
    (("terms", 1), CURVE, "another term looks at the same"),
    (("terms", 0, "scores", 1), 10**309, r"terms\[0\]\.scores\[1\]: it has to be a finite number"),
    (("features", 1, "name"), "pulse, last", "another feature has this name"),
    (("features", 0, "how"), "lats", "asks for 'lats': last"),
    (("features", 0, "parameters"), ["sodium"], "they are not those of which it is made"),
    (("features", 0, "window"), ["x", "end", 0, 1], "'start' or 'moment'"),
    (("features", 0, "grows"), 2, "it has to be -1, 0 or 1"),
    (("calibration", "slope"), -1.0, "it has to be above 0"),
    (("threshold", "value"), 1.2, "it has to be from 0 to 1"),
    (("measures", 0, "auroc", "low"), 0.95, "the value has to lie between its ends"),
    (("apart", "how"), "luck", r"apart\.how: it has to be recalibration, threshold or both"),
    (("apart", "how"), "recalibration", r"apart\.groups\[0\]\.threshold: .* leaves the whole model's"),
    (("apart", "how"), "threshold", r"apart\.groups\[0\]\.calibration: .* leaves the whole model's"),
    (("apart", "groups"), [], r"apart\.groups: no group has anything of its own"),
    (("apart", "groups", 1, "group"), "female", r"apart\.groups: a name stands twice"),
    (("apart", "groups", 0, "calibration", "slope"), 0.0, r"\[0\]\.calibration\.slope: it has to be above 0"),
    (("apart", "groups", 1, "threshold"), 1.5, r"apart\.groups\[1\]\.threshold: it has to be from 0 to 1"),
    (("apart", "groups", 1, "misses"), 1.5, r"apart\.groups\[1\]: it has 'misses', which"),
    (("apart", "kept"), ["male"], r"apart\.kept: a group cannot keep the whole model's and have its own"),
    (("apart",), None, r"apart: it has to be an object"),
    (("made", "data", "events"), 2000, "there cannot be more events than cases"),
])  # fmt: skip
def test_a_fault_is_told_with_its_place(path: tuple[Any, ...], value: Any, says: str):
    with pytest.raises(EvidenceError, match=says):
        artefact.of(_changed(path, value), "x")


@pytest.mark.parametrize(("raw", "says"), [
    (b"", "no JSON from line 1, column 1 on"),
    (b"\xff\xfe{}", "it is no JSON"),
    (b"[" * 100_000, "it is no JSON"),
    (b'{"a": NaN}', "NaN is no number of JSON"),
    (b'{"a": 1, "a": 2}', "a name stands twice"),
    (b"[]", "it has to be an object"),
    (b"{}", "no digest"),
])  # fmt: skip
def test_what_is_no_artefact_is_refused(raw: bytes, says: str):
    with pytest.raises(EvidenceError, match=says):
        artefact.loads(raw)


def test_a_file_that_was_edited_by_hand_is_refused():
    told = json.loads(artefact.of(whole()).dumps())
    told["threshold"]["value"] = 0.9
    with pytest.raises(EvidenceError, match="it was changed"):
        artefact.loads(json.dumps(told).encode())


def test_a_file_that_is_not_there_is_an_error_in_words(tmp_path: Path):
    with pytest.raises(EvidenceError, match=r"nowhere\.json cannot be read .*install Salus again"):
        artefact.load(tmp_path / "nowhere.json")
