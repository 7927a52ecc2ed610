"""`salus train` and `salus test`: as a data scientist and a governance lead use them."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

STAYS = 400


@pytest.fixture(scope="module")
def few_stays(data_set, tmp_path_factory) -> Path:
    """The first stays of the challenge's set b, in the shared format."""
    return _few(data_set("physionet2012"), tmp_path_factory.mktemp("stays"), "b", "b", STAYS)


def _few(source: Path, folder: Path, letter: str, called: str, many: int) -> Path:
    with gzip.open(source / f"Outcomes-{letter}.csv.gz", "rt") as lines:
        head, *rows = lines.read().splitlines()
    kept = {row.split(",")[0] for row in rows[:many]}
    with gzip.open(folder / f"Outcomes-{called}.csv.gz", "wt") as out:
        out.write("\n".join([head, *rows[:many]]) + "\n")
    whole, part = source / f"set-{letter}.csv.gz", folder / f"set-{called}.csv.gz"
    with gzip.open(whole, "rt") as lines, gzip.open(part, "wt") as out:
        out.writelines(line for number, line in enumerate(lines) if not number or line.split(",")[0] in kept)
    return folder


@pytest.fixture(scope="module")
def tested(few_stays, run_salus, tmp_path_factory):
    """The shipped model judged on them: what was printed, the predictions, the report."""
    folder = tmp_path_factory.mktemp("tested")
    done = run_salus(
        *("test", "icu-mortality", "--on", few_stays, "--predictions", folder / "said.csv"),
        *("--report", folder / "report", "--json"),
    )
    assert done.code == 0, done.err
    with (folder / "said.csv").open() as lines:
        return done.json(), list(csv.DictReader(lines)), folder / "report"


def _outcomes(folder: Path) -> dict[str, bool]:
    with gzip.open(folder / "Outcomes-b.csv.gz", "rt") as lines:
        return {row["RecordID"]: row["In-hospital_death"] == "1" for row in csv.DictReader(lines)}


def test_every_case_is_in_the_predictions_by_the_sets_own_key(tested, few_stays):
    told, said, _ = tested
    assert {row["id"] for row in said} == set(_outcomes(few_stays))
    assert told["n"] == len(said) == STAYS
    assert told["abstained"] == sum(row["abstained"] == "true" for row in said)


def test_the_figures_are_those_of_the_predictions(tested, few_stays):
    import numpy as np
    from sklearn.metrics import average_precision_score, roc_auc_score

    told, said, _ = tested
    outcomes = _outcomes(few_stays)
    y = np.array([outcomes[row["id"]] for row in said])
    p = np.array([float(row["probability"]) for row in said])
    assert told["events"] == y.sum()
    assert told["auroc"]["value"] == pytest.approx(roc_auc_score(y, p))
    assert told["auprc"]["value"] == pytest.approx(average_precision_score(y, p))
    flagged = p >= told["threshold"]["value"]
    assert told["event1"] == pytest.approx(min(flagged[y].mean(), y[flagged].mean()))
    assert told["auroc"]["low"] < told["auroc"]["value"] < told["auroc"]["high"]


def test_what_is_told_has_the_promised_shape(tested):
    told, _, report = tested
    assert {"n", "events", "auroc", "auprc", "calibration", "threshold", "groups", "abstained"} <= set(told)
    assert {"slope", "intercept", "ece"} <= set(told["calibration"])
    for group in told["groups"]:
        assert {"by", "group", "n", "events", "auroc", "observed_expected", "note"} <= set(group)
    assert {group["by"] for group in told["groups"]} >= {"sex", "age"}
    assert json.loads((report / "report.json").read_text())["n"] == told["n"]
    assert "<h1" in (report / "report.html").read_text()


def test_people_that_it_learnt_from_are_found_under_any_name(tested, data_set, run_salus, tmp_path):
    told, _, _ = tested
    assert not any("learnt from in everything" in limit for limit in told["limits"])
    place = _few(data_set("physionet2012"), tmp_path, "a", "c", 100)
    done = run_salus("test", "icu-mortality", "--on", place, "--report", tmp_path / "report", "--json")
    assert any("100 of these 100 cases equal one that it learnt from" in one for one in done.json()["limits"])


def test_what_is_too_few_is_said_to_be(tested):
    told, _, _ = tested
    few = [group for group in told["groups"] if group["events"] < 5]
    assert few
    assert all(group["auroc"] is None and "too few" in group["note"] for group in few)


def test_other_outcomes_or_none_give_the_same_probabilities(tested, few_stays, run_salus, tmp_path):
    """Nothing of how a stay ended, nor of SAPS-I, SOFA or its length, reaches a feature."""
    _, said, _ = tested
    with gzip.open(few_stays / "Outcomes-b.csv.gz", "rt") as lines:
        head, *rows = lines.read().splitlines()
    ends = [row.split(",", 1)[1] for row in rows]
    keys = [row.split(",")[0] for row in rows]
    shifted = [f"{key},{end}" for key, end in zip(keys, ends[7:] + ends[:7], strict=True)]
    with gzip.open(tmp_path / "Outcomes-b.csv.gz", "wt") as out:
        # Of three nobody says how it ended: they are answered, and counted in no measure.
        out.write("\n".join([head, *shifted[3:]]) + "\n")
    (tmp_path / "set-b.csv.gz").symlink_to(few_stays / "set-b.csv.gz")
    done = run_salus(
        *("test", "icu-mortality", "--on", tmp_path, "--predictions", tmp_path / "again.csv"),
        *("--report", tmp_path / "report", "--json"),
    )
    assert done.code == 0, done.err
    with (tmp_path / "again.csv").open() as lines:
        again = {row["id"]: row["probability"] for row in csv.DictReader(lines)}
    assert again == {row["id"]: row["probability"] for row in said}
    assert done.json()["n"] == STAYS - 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("train news2 --on {place} --out {out}", 2, "nothing is learnt for it"),
        ("train no-such --on {place} --out {out}", 2, "icu-mortality"),
        ("test no-such --on {place}", 2, "news2"),
        ("test icu-mortality --on {out}/nowhere", 2, "is no folder"),
        ("test icu-mortality --on {out}", 2, "no published set"),
        ("test icu-mortality --on {place} --part z", 2, "has no part 'z'"),
        ("test news2 --on {place}", 2, "judged on an archive"),
        ("test icu-mortality --on {place} --predictions {out}", 2, "cannot be a file"),
        ("test {out}/none.json --on {place}", 4, "cannot be read"),
        ("test cvd-onset --on {place}", 4, "salus train cvd-onset"),
        ("test icu-mortality --on {place} --seed -1", 2, "a whole number from 0"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_way_out(words, code, says, few_stays, run_salus, tmp_path):
    done = run_salus(*words.format(place=few_stays, out=tmp_path).split(), cwd=tmp_path, check=False)
    assert done.code == code, done.err
    assert says in done.err


def test_where_all_ended_alike_nothing_is_compared(few_stays, run_salus, tmp_path):
    with (
        gzip.open(few_stays / "Outcomes-b.csv.gz", "rt") as lines,
        gzip.open(tmp_path / "Outcomes-b.csv.gz", "wt") as out,
    ):
        out.writelines(
            line if line.startswith("RecordID") else f"{line.rpartition(',')[0]},0\n" for line in lines
        )
    (tmp_path / "set-b.csv.gz").symlink_to(few_stays / "set-b.csv.gz")
    done = run_salus("test", "icu-mortality", "--on", tmp_path, cwd=tmp_path, check=False)
    assert done.code == 4
    assert f"of {STAYS} cases none had the outcome (death in hospital)" in done.err


def test_values_in_another_unit_are_counted_and_told(few_stays, run_salus, tmp_path):
    """Degrees Fahrenheit under a code of Celsius: never dropped in silence."""
    with gzip.open(few_stays / "set-b.csv.gz", "rt") as lines:
        rows = [line.split(",") for line in lines.read().splitlines()]
    warm = [[*row[:3], f"{float(row[3]) * 1.8 + 32:.1f}"] if row[2] == "Temp" else row for row in rows]
    many = sum(row[2] == "Temp" and not 14 <= float(row[3]) <= 47 for row in warm)
    with gzip.open(tmp_path / "set-b.csv.gz", "wt") as out:
        out.writelines(",".join(row) + "\n" for row in warm)
    (tmp_path / "Outcomes-b.csv.gz").write_bytes((few_stays / "Outcomes-b.csv.gz").read_bytes())
    asked = ("test", "icu-mortality", "--on", tmp_path, "--report", tmp_path / "report")
    told = run_salus(*asked, "--json").json()
    (says,) = told["unused"]
    assert many > 1000
    assert re.search(r"impossible.* ([\d,]+) of temperature", says)[1].replace(",", "") == str(many)
    assert says in run_salus(*asked).out


def test_stays_of_which_nothing_is_known_and_a_column_too_many_are_still_scored(
    few_stays, run_salus, tmp_path
):
    """All have one risk: what divides by how far risks differ is not known, and all else is told."""
    with gzip.open(few_stays / "set-b.csv.gz", "rt") as lines:
        rows = [f"{line.rstrip()},more\n" for line in lines if ",RecordID," in line or "Parameter" in line]
    with gzip.open(tmp_path / "set-b.csv.gz", "wt") as out:
        out.writelines(rows)
    (tmp_path / "Outcomes-b.csv.gz").write_bytes((few_stays / "Outcomes-b.csv.gz").read_bytes())
    asked = ("--predictions", tmp_path / "said.csv", "--report", tmp_path / "report", "--json")
    told = run_salus("test", "icu-mortality", "--on", tmp_path, *asked).json()
    assert (told["n"], told["event2"], told["auroc"]["value"]) == (STAYS, None, 0.5)
    assert (told["unused"], told["abstained"]) == ([], STAYS)


def test_without_any_physicians_estimate_the_model_is_judged_alone(data_set, run_salus, tmp_path):
    with gzip.open(data_set("support2") / "support2.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))[:400]
    with (tmp_path / "support2.csv").open("w") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "prg2m": "", "prg6m": ""} for row in rows)
    asked = ("test", "survival-180d", "--on", tmp_path, "--report", tmp_path / "report", "--json")
    told = run_salus(*asked).json()
    assert [told[name] for name in ("physician", "together", "difference")] == [None] * 3
    assert told["auroc"]["value"] > 0.6
    # The SUPPORT model's estimates are still there, and are compared with.
    (row,) = told["beside"]
    assert (row["by"], row["alone"]["n"] > 300) == ("the SUPPORT model", True)
    assert "physician" not in row


def test_the_physicians_and_the_support_model_stand_beside_it(data_set, run_salus, tmp_path):
    import math

    from sklearn.metrics import roc_auc_score

    place, report = data_set("support2"), tmp_path / "report"
    asked = ("test", "survival-180d", "--on", place, "--predictions", tmp_path / "said.csv")
    told = run_salus(*asked, "--report", report, "--json").json()
    physician, support = told["beside"]
    assert (physician["by"], support["by"]) == ("the physicians", "the SUPPORT model")
    assert physician["alone"] == told["physician"]
    assert physician["difference"] == told["difference"]
    with gzip.open(place / "support2.csv.gz", "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if row["surv6m"]]
    with (tmp_path / "said.csv").open() as lines:
        ours = {row["id"]: float(row["probability"]) for row in csv.DictReader(lines)}
    known = [row for row in rows if row["sno"] in ours and _followed(row)]
    y = [row["death"] == "1" and float(row["d.time"]) <= 180 for row in known]
    assert support["alone"]["n"] == len(known)
    alone = roc_auc_score(y, [1 - float(row["surv6m"]) for row in known])
    assert math.isclose(support["alone"]["value"], alone, abs_tol=2e-3)
    assert math.isclose(
        support["model_alone"]["value"], roc_auc_score(y, [ours[row["sno"]] for row in known])
    )
    page = (report / "report.html").read_text()
    assert "The SUPPORT model" in page
    assert "Both less it alone" in page


def _followed(row: dict[str, str]) -> bool:
    return row["death"] == "1" or float(row["d.time"]) >= 180


def test_cases_drawn_anew_make_group_and_outcome_independent():
    import numpy as np

    from salus.spine.learn import reweighed

    outcomes = [at % 4 == 0 for at in range(800)] + [at % 2 == 0 for at in range(800)]
    who = ["female"] * 800 + ["male"] * 800
    rows = np.array(reweighed(SimpleNamespace(outcomes=outcomes, groups={"sex": who}), "sex", 1))
    y, sex = np.array(outcomes)[rows], np.array(who)[rows]
    assert abs(y[sex == "female"].mean() - y[sex == "male"].mean()) < 0.03
    assert abs(len(rows) - 1600) < 40


def test_that_a_value_cannot_be_read_is_no_sign_of_the_outcome(data_set, run_salus, tmp_path):
    """Half of those who died have a creatinine that was haemolysed: of its absence nothing is learnt."""
    with gzip.open(data_set("support2") / "support2.csv.gz", "rt") as lines:
        head, *rows = list(csv.reader(lines))[:1500]
    crea, death = head.index("crea"), head.index("death")
    for at, row in enumerate(rows):
        row[crea] = "haemolysed" if row[death] == "1" and at % 2 else row[crea]
    with gzip.open(tmp_path / "support2.csv.gz", "wt", newline="") as out:
        csv.writer(out).writerows([head, *rows])
    done = run_salus("train", "survival-180d", "--on", tmp_path, "--out", tmp_path / "own", "--json")
    assert done.code == 0, done.err
    assert any("taught no shape" in note for note in done.json()["notes"])
    learnt = json.loads((tmp_path / "own" / "artefact.json").read_text())
    named = {place: one["name"] for place, one in enumerate(learnt["features"])}
    (of,) = [one for one in learnt["terms"] if "counts" in one and named[one["feature"]] == "creatinine"]
    assert (of["counts"][0], of["missing"]) == (0.0, 0.0)
