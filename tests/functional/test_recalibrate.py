"""`salus recalibrate`: a practice where more fall ill than the model says sets its risks right."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from salus.cli import main
from salus.learning import artefact
from salus.spine.site import open_site
from tests.onsets import exported, written

YEARS = (2010, 2012, 2019)
BASIS = ("--basis", "board 2026-31, Dr B answers for it")
Salus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str]) -> Salus:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def place(salus: Salus, tmp_path: Path) -> Path:
    """A practice of 160, of whom about three in ten fall ill, more of those with a high pressure."""
    chance = Random(3)
    people = [(str(n), chance.randint(1935, 1975), chance.uniform(105, 170)) for n in range(160)]
    ill = [name for name, _, pressure in people if chance.random() < (0.5 if pressure >= 140 else 0.15)]
    export = exported(tmp_path / "export", people, years=YEARS, ill=ill)
    assert salus("read", export, "--archive", tmp_path / "site")[0] == 0
    return tmp_path / "site"


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    return written(tmp_path / "trained.json")


def test_risks_are_set_right_and_the_practice_takes_them(
    salus: Salus, place: Path, learnt: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own"
    code, said, err = salus("recalibrate", learnt, "--on", place, "--out", out, *BASIS, "--json")
    assert code == 0, err
    told = json.loads(said)
    assert told["before"]["observed_expected"]["low"] > 1.2
    after = told["after"]["observed_expected"]
    assert after["low"] < 1 < after["high"]
    assert abs(after["value"] - 1) < 0.15
    assert told["line"]["slope"] == 1
    assert "intercept alone" in told["how"]
    old, new = artefact.load(learnt), artefact.load(out / "artefact.json")
    assert (new.terms, new.threshold, new.version) == (old.terms, old.threshold, old.version)
    assert "A practice" in new.made.data.title
    assert "A practice" in new.shapes_of
    assert new.made.data.title != old.made.data.title
    who = ("--archive", place, "--by", "Dr B", "--because", "it said too little")
    salus("models", "adopt", learnt, *who)
    before = _asked(salus, place)
    assert salus("models", "adopt", out, *who)[0] == 0
    now = _asked(salus, place)
    assert _risk(now) > _risk(before)
    digest = sha256((out / "artefact.json").read_bytes()).hexdigest()
    assert now["model"]["version"] == f"1.0.0+{digest[:8]}"


def _asked(salus: Salus, place: Path) -> Any:
    about = ("--about", "1", "--archive", place, "--as-of", "2012-06-01", "--json")
    _, said, _ = salus("ask", "cvd-onset", *about)
    return json.loads(said)


def _risk(said: Any) -> float:
    return float(said["body"]["outcomes"][0]["estimate"]["value"])


def test_it_is_written_down_before_a_record_is_opened(
    salus: Salus, place: Path, learnt: Path, tmp_path: Path
) -> None:
    code, _, err = salus("recalibrate", learnt, "--on", place, "--out", tmp_path / "own")
    assert code == 3, err
    assert not (tmp_path / "own" / "artefact.json").exists()
    assert salus("recalibrate", learnt, "--on", place, "--out", tmp_path / "own", *BASIS)[0] == 0
    site = open_site(place)
    entry, kept = site.store.newest("train") or (None, {})
    assert entry is not None
    assert (kept["task"], kept["how"], kept["basis"]) == ("cvd-onset", "recalibration", BASIS[1])
    site.close()


def test_tested_on_the_people_it_was_calibrated_by_it_says_so(
    salus: Salus, place: Path, learnt: Path, tmp_path: Path
) -> None:
    salus("recalibrate", learnt, "--on", place, "--out", tmp_path / "own", *BASIS)
    report = ("--report", tmp_path / "report")
    code, said, err = salus("test", tmp_path / "own", "--on", place, *BASIS, *report, "--json")
    assert code == 0, err
    assert any("very people" in limit for limit in json.loads(said)["limits"])
    again = ("recalibrate", tmp_path / "own", "--on", place, "--out", tmp_path / "twice", *BASIS)
    assert "the very people that the model was made from" in salus(*again)[1]


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ("news2", 2, "nothing is recalibrated"),
        ("no-such", 2, "No model is named"),
        ("cvd-onset", 4, "salus train cvd-onset"),
        ("none.json", 4, "cannot be read"),
    ],
)
def test_what_cannot_be_recalibrated_is_said(
    salus: Salus, tmp_path: Path, model: str, code: int, says: str
) -> None:
    got, out, err = salus("recalibrate", model, "--on", tmp_path, "--out", tmp_path / "own", "--json")
    assert (got, json.loads(out)["code"]) == (code, code)
    assert says in err


def test_too_few_cases_change_nothing(salus: Salus, learnt: Path, tmp_path: Path) -> None:
    people = [(str(n), 1950, 150.0) for n in range(20)]
    export = exported(tmp_path / "few", people, years=YEARS, ill=["1", "2", "3"])
    assert salus("read", export, "--archive", tmp_path / "site")[0] == 0
    got, _, err = salus("recalibrate", learnt, "--on", tmp_path / "site", "--out", tmp_path / "own", *BASIS)
    assert got == 4
    assert "3 cases of the rarer outcome are too few" in err
    assert not (tmp_path / "own" / "artefact.json").exists()
