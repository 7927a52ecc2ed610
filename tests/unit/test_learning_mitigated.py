"""A mitigation switched on: each group set right, as many found in each, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from salus.core.errors import EvidenceError, UserError
from salus.learning import artefact as artefacts
from salus.learning import calibrate, mitigate
from salus.learning.artefact import Artefact
from salus.learning.mitigate import EVERYBODY, Known
from salus.learning.mitigated import FOLDS, Wanted, switched_on, wanted
from salus.learning.stack import folds
from tests.additive import document, feature

DRAWS = 60


def made() -> Artefact:
    curve = {"feature": 0, "edges": [60.0], "scores": [0.1, 0.4], "missing": 0.0, "counts": [1, 1, 1]}
    return artefacts.of(document([feature("pulse, last", "last", "pulse")], [curve]))


def cases(n: int = 6000, few: int = 30, seed: int = 1) -> Known:
    """Of group b the log-odds are 0.9 too low and too steep; c is a handful; of some it is not known."""
    chance = np.random.default_rng(seed)
    logit = chance.normal(-1.5, 1.2, n)
    groups = np.where(np.arange(n) % 2 == 0, "a", "b").astype(object)
    true = np.where(groups == "a", logit, 0.5 * logit + 0.9)
    y = chance.random(n) < calibrate.expit(true)
    groups[:few] = "c"
    y[:few] = np.arange(few) < 5
    groups[few : 2 * few] = None
    return Known(y, logit, groups, np.arange(n))


def on(how: str, known: Known | None = None) -> Any:
    return switched_on(made(), known or cases(), Wanted(how, "sex"), "people who do not exist", draws=DRAWS)


def test_recalibrated_each_group_is_set_right_on_people_held_out():
    done = on("recalibration")
    own = {one.group: one for one in done.artefact.apart.groups}
    assert set(own) == {"a", "b"}
    assert done.artefact.apart.kept == ("c",)
    # On top of the artefact's own slope of 1.1 and intercept of 0.05.
    assert own["b"].slope == pytest.approx(0.5 * 1.1, abs=0.1)
    assert own["b"].shift == pytest.approx(0.5 * 0.05 + 0.9, abs=0.15)
    assert {one.threshold for one in own.values()} == {made().threshold}
    before, after, change = (done.row[end]["calibration_gap"] for end in ("before", "after", "change"))
    assert before["value"] > 0.4
    assert after["low"] < 0 < after["high"]
    assert change["high"] < -0.3
    assert done.row["change"]["ece"]["high"] < 0
    assert artefacts.loads(done.artefact.dumps()) == done.artefact


@pytest.mark.parametrize("how", ["threshold", "both"])
def test_with_a_threshold_each_as_many_are_found_and_no_more_flagged(how: str):
    known, done = cases(), on(how)
    before, after = done.row["before"], done.row["after"]
    assert abs(after["gap"]["value"]) < before["gap"]["value"] / 3
    assert after["flagged"] <= before["flagged"] * 1.03
    assert done.flags.sum() == after["flagged"]
    rates = [done.flags[known.y & (known.groups == name)].mean() for name in ("a", "b")]
    assert abs(rates[0] - rates[1]) < 0.06
    small = (known.groups == "c") | (known.groups == None)  # noqa: E711
    assert set(done.limits[small]) == {made().threshold}
    if how == "threshold":
        assert (done.logit == known.logit).all()
        assert done.row["change"]["auroc"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_nobodys_own_outcome_helps_what_is_measured_of_them():
    """Of each fold of people, what a group is told is by the line of the other folds alone."""
    known, done = cases(), on("recalibration")
    fold = folds(known.y, known.persons, FOLDS, 1)
    lines = set()
    for held in range(FOLDS):
        mine, others = ((known.groups == "b") & each for each in (fold == held, fold != held))
        line = calibrate.at_site(known.y[others], known.logit[others], enough=80)
        assert done.logit[mine] == pytest.approx(line.of(known.logit[mine]))
        lines.add(line.slope)
    assert len(lines) == FOLDS


def test_the_same_cases_make_the_same_bytes():
    assert on("both").artefact.dumps() == on("both").artefact.dumps()


def test_where_nothing_can_be_switched_on_it_is_said():
    known = cases(40, few=10)
    with pytest.raises(EvidenceError, match="No group by sex is large enough for thresholds by group: 100"):
        on("threshold", known)
    nobody = Known(known.y, known.logit - 50, known.groups)
    with pytest.raises(EvidenceError, match="nobody is flagged"):
        on("threshold", nobody)
    turned = cases()
    with pytest.raises(EvidenceError, match="Of the group 'a': Recalibration would turn the ranking round"):
        on("recalibration", Known(turned.y, -turned.logit, turned.groups, turned.persons))


def test_who_is_in_no_large_group_keeps_the_threshold_that_is_given():
    known = cases()
    risk = calibrate.expit(known.logit)
    found = mitigate.thresholds(known.y, risk, known.groups, 0.3, rest=0.2, among=["a"])
    assert set(found) == {"a", EVERYBODY}
    assert found[EVERYBODY] == 0.2
    assert mitigate.flagged(risk, known.groups, found).mean() <= 0.3


@pytest.mark.parametrize("told", ["", "sex", "luck:sex", "both:", ":sex"])
def test_words_that_name_no_mitigation_are_refused(told: str):
    with pytest.raises(UserError, match="such as recalibration:sex"):
        wanted(told)


def test_words_that_name_one():
    assert wanted("both:sex and age") == Wanted("both", "sex and age")
