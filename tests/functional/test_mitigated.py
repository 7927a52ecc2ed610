"""A mitigation switched on: by a site's own cases, tested, adopted, asked; and at training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from salus.cli import main
from salus.core.errors import EvidenceError
from salus.learning import artefact
from salus.learning.learnt import Learnt
from salus.spine.adopt import learnt_at
from tests.onsets import exported, written

YEARS = (2010, 2012, 2019)
BASIS = ("--basis", "board 2026-31, Dr B answers for it")
WHO = ("--by", "Dr B", "--because", "read its evidence")
MANY = 700
Salus = Callable[..., tuple[int, str, str]]


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str]) -> Salus:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice in which more men fall ill than women of the same age and pressure."""
    chance, folder = Random(3), tmp_path_factory.mktemp("practice")
    people = [(str(n), chance.randint(1935, 1975), chance.uniform(105, 170)) for n in range(MANY)]
    men = [name for name, *_ in people if int(name) % 2]
    ill = [
        name
        for name, _, pressure in people
        if chance.random() < (0.55 if int(name) % 2 else 0.2) + (0.15 if pressure >= 140 else -0.1)
    ]
    export = exported(folder / "export", people, years=YEARS, ill=ill, men=men)
    assert main(["read", str(export), "--archive", str(folder / "site")]) == 0
    return folder / "site"


@pytest.fixture(scope="module")
def mitigated(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A model recalibrated there with a calibration for each sex."""
    folder = tmp_path_factory.mktemp("own")
    learnt = written(folder / "trained.json")
    asked = ["recalibrate", learnt, "--on", place, "--out", folder / "own", "--by", "sex", *BASIS]
    assert main([str(word) for word in asked]) == 0
    return folder / "own", json.loads((folder / "own" / "artefact.json").read_text())


def test_each_sex_is_set_right_and_what_that_does_is_told(salus: Salus, place: Path, tmp_path: Path) -> None:
    at = {"value": 0.45, "misses": 4.0, "chosen": "by hand"}
    learnt, out = written(tmp_path / "trained.json", threshold=at), tmp_path / "own"
    asked = ("recalibrate", learnt, "--on", place, "--out", out, "--by", "sex", "--mitigate", "both", *BASIS)
    code, said, err = salus(*asked, "--json")
    assert code == 0, err
    told = json.loads(said)
    (row,) = told["mitigation"]
    for end in ("before", "after"):
        assert {"auroc", "ece", "gap", "calibration_gap", "flagged"} <= set(row[end])
        for what in ("auroc", "ece", "calibration_gap"):
            assert row[end][what]["low"] <= row[end][what]["value"] <= row[end][what]["high"]
        assert row[end]["gap"] is None, "too few women fell ill to tell how many of them are found"
    assert row["before"]["calibration_gap"]["value"] > 0.5
    assert row["after"]["calibration_gap"]["value"] < 0.15
    assert row["change"]["calibration_gap"]["high"] < 0
    assert row["change"]["auroc"]["low"] > 0.05
    apart = told["apart"]
    assert (apart["by"], apart["how"], apart["kept"]) == ("sex", "both", [])
    # The women who fell ill are too few for a threshold of their own.
    assert {one["group"]: "threshold by" in one["how"] for one in apart["groups"]} == {
        "female": False,
        "male": True,
    }
    made = artefact.load(out / "artefact.json")
    assert made.apart is not None
    assert made.apart.as_json() == apart
    code, said, _ = salus(*asked)
    assert code == 0
    assert "gap in the true-positive rate: too few to judge" in said
    assert "gap in happened over said: 0." in said
    assert "male: " in said


def test_what_is_tested_is_what_is_asked(
    salus: Salus, place: Path, mitigated: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Case by case, to 1e-9: the same calibration for the same person, at the bedside and in the evidence."""
    own, document = mitigated
    asked = ("test", own, "--on", place, *BASIS, "--predictions", tmp_path / "said.csv")
    code, said, err = salus(*asked, "--report", tmp_path / "report", "--json")
    assert code == 0, err
    told = json.loads(said)
    on = told["mitigation_on"]
    assert on["by"] == "sex"
    assert abs(on["after"]["calibration_gap"]["value"]) < on["before"]["calibration_gap"]["value"] / 3
    assert on["after"]["auroc"]["value"] == pytest.approx(told["auroc"]["value"])
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Switched on in this model: group recalibration by sex" in page
    assert salus("models", "adopt", own, "--archive", place, *WHO)[0] == 0
    with (tmp_path / "said.csv").open() as lines:
        rows = {row["id"]: float(row["probability"]) for row in csv.DictReader(lines)}
    assert len(rows) >= MANY
    slopes = {one["group"]: one["calibration"] for one in document["apart"]["groups"]}
    assert slopes["female"] != slopes["male"]
    for name in ("0", "1", "2", "3", "50", "51"):
        about = ("--about", name, "--archive", place, "--as-of", "2012-06-01", "--json")
        answer = json.loads(salus("ask", "cvd-onset", *about)[1])
        (key,) = [one for one in rows if one.split("/")[-1] == f"{name}-2012"]
        assert answer["body"]["outcomes"][0]["estimate"]["value"] == pytest.approx(rows[key], abs=1e-9)
        sex = "male" if int(name) % 2 else "female"
        (says,) = [one for one in answer["limits"] if "own group" in one]
        assert f"The calibration of this person's own group (sex: {sex}) is used, so that" in says
    assert salus("models", "adopt", "cvd-onset", "--shipped", "--archive", place, *WHO)[0] == 0


def test_recalibrated_again_each_group_moves_with_the_whole(
    salus: Salus, place: Path, mitigated: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    own, document = mitigated
    assert salus("recalibrate", own, "--on", place, "--out", tmp_path / "again", *BASIS)[0] == 0
    again = json.loads((tmp_path / "again" / "artefact.json").read_text())
    lines = [(document["calibration"], again["calibration"])]
    lines += [
        (one["calibration"], other["calibration"])
        for one, other in zip(document["apart"]["groups"], again["apart"]["groups"], strict=True)
    ]
    slope = {after["slope"] / before["slope"] for before, after in lines}
    assert max(slope) == pytest.approx(min(slope))


def test_a_practice_trains_with_a_mitigation_on(salus: Salus, place: Path, tmp_path: Path) -> None:
    asked = ("train", "cvd-onset", "--on", place, "--out", tmp_path / "own", *BASIS)
    code, said, err = salus(*asked, "--reweigh", "sex", "--mitigate", "recalibration:sex", "--json")
    assert code == 0, err
    told = json.loads(said)
    assert [row["name"] for row in told["mitigation"]] == ["reweighing", "group recalibration"]
    assert told["n"] == MANY, "who was drawn twice is one case"
    for row in told["mitigation"]:
        assert row["before"]["ece"]["low"] <= row["before"]["ece"]["value"]
        assert row["after"]["auroc"]["value"] > 0.5
    kept = json.loads((tmp_path / "own" / "training.json").read_text())
    assert kept["mitigation"] == told["mitigation"]
    report = ("--report", tmp_path / "report", "--json")
    tested = json.loads(salus("test", tmp_path / "own", "--on", place, *BASIS, *report)[1])
    assert tested["stability"]["mitigated"] == told["mitigation"]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "What was switched on in training, on cases held out" in page


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("recalibrate {model} --by shoes", 2, "Nobody is told apart by 'shoes': "),
        ("recalibrate {model} --mitigate both", 2, "such as --by sex"),
        ("recalibrate {model} --by sex --mitigate luck", 2, "write one of recalibration, threshold, both"),
        ("train cvd-onset --mitigate sex", 2, "such as recalibration:sex"),
        ("train cvd-onset --mitigate threshold:shoes", 2, "Nobody is told apart by 'shoes': "),
        ("train cvd-onset --reweigh shoes", 2, "Nobody is told apart by 'shoes': "),
    ],
)
def test_what_cannot_be_switched_on_is_said(
    salus: Salus, place: Path, tmp_path: Path, words: str, code: int, says: str
) -> None:
    model = written(tmp_path / "trained.json")
    asked = words.format(model=model).split()
    got, _, err = salus(*asked, "--on", place, "--out", tmp_path / "own", *BASIS)
    assert (got, says in err) == (code, True), err
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"by": "shoes"}, "apart.by: nobody is told apart by 'shoes'"),
        ({"group": "men"}, r"apart.groups\[0\].group: the task has no group 'men'"),
    ],
)
def test_groups_that_the_task_does_not_have_are_refused(
    mitigated: tuple[Path, dict[str, Any]], tmp_path: Path, change: dict[str, str], says: str
) -> None:
    document = json.loads(json.dumps(mitigated[1]))
    document.pop("digest")
    (document["apart"]["groups"][0] if "group" in change else document["apart"]).update(change)
    (tmp_path / "x.json").write_bytes(artefact.sealed(document))
    with pytest.raises(EvidenceError, match=says):
        learnt_at(str(tmp_path / "x.json"))


def test_the_card_says_what_is_on(mitigated: tuple[Path, dict[str, Any]]) -> None:
    model, _ = learnt_at(str(mitigated[0]))
    assert isinstance(model, Learnt)
    (says,) = [note for note in model.card.notes if note.startswith("By sex each group has its own")]
    assert "learnt from" in says
    assert "female (" in says
