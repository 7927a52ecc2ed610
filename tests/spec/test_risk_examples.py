"""The worked examples of the risk room: a record, read as FHIR, gives the insight beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.write_examples import EXAMPLES, chosen, main, said

CASES = list(chosen([]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_record_gives_the_insight(case: Path) -> None:
    assert said(case) == json.loads((case / "insight.json").read_text(encoding="utf-8"))


def test_those_that_are_named_are_written_anew_and_what_is_right_stays(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, right = tmp_path / "news2-changed", tmp_path / "news2-right"
    for case in (changed, right):
        case.mkdir()
        for name in ("record.json", "insight.json"):
            (case / name).write_bytes((EXAMPLES / "news2-range" / name).read_bytes())
    expected = json.loads((right / "insight.json").read_text(encoding="utf-8"))
    (changed / "insight.json").write_text(json.dumps({**expected, "urgency": None}), encoding="utf-8")
    monkeypatch.setattr("scripts.write_examples.EXAMPLES", tmp_path)
    assert main(["ckd"]) == 0 and capsys.readouterr().out == ""
    assert main(["news2"]) == 0 and capsys.readouterr().out == "news2-changed\n"
    assert json.loads((changed / "insight.json").read_text(encoding="utf-8")) == expected
