"""From a practice's own records to an answer about its patients: trained, tested, adopted, asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from salus.cli import main
from tests.onsets import exported

YEARS = (2010, 2012, 2019)
BASIS = ("--basis", "board 2026-31, Dr B answers for it")
WHO = ("--by", "Dr B", "--because", "read its evidence")
Salus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str]) -> Salus:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.mark.parametrize(("task", "disease"), [("cvd-onset", "22298006"), ("diabetes-onset", "44054006")])
def test_a_practice_learns_from_its_own_records_and_is_answered(
    salus: Salus, tmp_path: Path, task: str, disease: str
) -> None:
    chance = Random(3)
    people = [(str(n), chance.randint(1935, 1975), chance.uniform(105, 170)) for n in range(150)]
    ill = [name for name, _, pressure in people if chance.random() < (0.5 if pressure >= 140 else 0.15)]
    export = exported(tmp_path / "export", people, years=YEARS, ill=ill, disease=disease)
    place, own = tmp_path / "site", tmp_path / "own"
    assert salus("read", export, "--archive", place)[0] == 0
    code, out, err = salus("train", task, "--on", place, "--out", own, *BASIS, "--json")
    assert code == 0, err
    learnt = json.loads(out)
    assert learnt["out_of_fold"]["auroc"]["value"] > 0.55
    report = ("--report", tmp_path / "report")
    code, out, err = salus("test", own, "--on", place, *BASIS, *report, "--json")
    assert code == 0, err
    assert json.loads(out)["threshold"]["alerts_per_100_patient_days"] is None
    code, out, err = salus("models", "adopt", own, "--archive", place, *WHO, "--json")
    assert code == 0, err
    assert "generation 1 (150 cases)" in json.loads(out)["adopted"]
    assert salus("models", "approve", task, "--archive", place, *WHO)[0] == 0
    said = salus("ask", task, "--about", "1", "--archive", place, "--as-of", "2012-06-01", "--json")[1]
    answer = json.loads(said)
    assert (answer["body"]["kind"], answer["model"]["status"]) == ("risk", "live")
    kept = _adoption(place)
    assert kept["auroc"] == learnt["out_of_fold"]["auroc"], "as it did on people held out"
    assert (kept["n"], kept["events"]) == (150, len(ill))


def _adoption(place: Path) -> dict[str, object]:
    from salus.spine.site import open_site

    site = open_site(place)
    _, kept = site.store.newest("adopt") or (None, {})
    site.close()
    return kept
