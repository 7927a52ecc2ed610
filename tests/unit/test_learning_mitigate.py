"""Mitigation: each does what it says to the gap, its price in ranking is told, and fairlearn agrees."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import true_positive_rate_difference
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.base import BaseEstimator, ClassifierMixin

from salus.core.errors import EvidenceError, UserError
from salus.learning.calibrate import expit
from salus.learning.fair import RATE, RATIO, judged, top_share
from salus.learning.mitigate import (
    EVERYBODY,
    Known,
    compared,
    crossed,
    flagged,
    thresholds,
    tried,
    weights,
)

CHANCE = np.random.default_rng(31)


def _world(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, log-odds, group: of b the model says too little."""
    names = np.array(["a", "b"], dtype=object)[CHANCE.integers(2, size=n)]
    logit = CHANCE.normal(-1.5, 1.2, n)
    return (
        CHANCE.random(n) < expit(logit + np.where(names == "b", 0.9, 0.0)),
        logit - (names == "b") * 0.4,
        names,
    )


TRAINED, TESTED = _world(12_000), _world(12_000)
SHARE = 0.2


def _before():
    y, logit, _ = TESTED
    return judged(y, expit(logit), top_share(expit(logit), SHARE))


def test_reweighing_makes_outcome_and_group_independent():
    y, _, names = TRAINED
    found = weights(y, names)
    rates = [np.average(y[names == name], weights=found[names == name]) for name in "ab"]
    assert rates == pytest.approx([y.mean()] * 2)
    assert found.sum() == pytest.approx(len(y))
    for name in "ab":
        assert found[names == name].sum() == pytest.approx((names == name).sum())


def test_the_weights_of_the_paper_s_formula_by_hand():
    """Five a (three with), five b (one with): a with 5*4/(10*3), a without 5*6/(10*2), b with 5*4/(10*1)."""
    y = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
    found = weights(y, ["a"] * 5 + ["b"] * 5)
    assert found == pytest.approx([2 / 3] * 3 + [1.5] * 2 + [2.0] + [0.75] * 4)


def test_who_is_in_no_group_weighs_one():
    assert weights([True, False, True], ["a", "a", None]).tolist() == [1.0, 1.0, 1.0]


def test_thresholds_find_as_many_in_each_group_and_flag_no_more():
    y, logit, names = TRAINED
    made = thresholds(y, expit(logit), names, SHARE)
    raised = flagged(expit(logit), names, made)
    rates = [raised[y & (names == name)].mean() for name in "ab"]
    assert rates[0] == pytest.approx(rates[1], abs=0.002)
    assert SHARE - 0.002 < raised.mean() <= SHARE
    assert made["b"] < made[EVERYBODY] < made["a"]


class _Said(ClassifierMixin, BaseEstimator):
    """A model that says the probability that it is handed, for fairlearn."""

    def fit(self, x, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, x):
        return np.column_stack([1 - np.asarray(x)[:, 0], np.asarray(x)[:, 0]])

    def predict(self, x):
        return (self.predict_proba(x)[:, 1] >= 0.5).astype(int)


def test_the_gap_closes_as_far_as_with_fairlearn_which_draws_lots():
    (y, logit, names), (seen, odds, groups) = TRAINED, TESTED
    ours = flagged(expit(odds), groups, thresholds(y, expit(logit), names, SHARE))
    made = ThresholdOptimizer(
        estimator=_Said().fit(None, None), constraints="true_positive_rate_parity", prefit=True,
        predict_method="predict_proba", objective="balanced_accuracy_score",
    )  # fmt: skip
    made.fit(expit(logit)[:, None], y.astype(int), sensitive_features=names.astype(str))
    theirs = made.predict(expit(odds)[:, None], sensitive_features=groups.astype(str), random_state=1)
    told = [true_positive_rate_difference(seen, each, sensitive_features=groups) for each in (ours, theirs)]
    assert told[0] < 0.04 and told[1] < 0.04
    assert true_positive_rate_difference(seen, _before().flags, sensitive_features=groups) > 0.1


def test_a_small_group_and_none_have_everybody_s_threshold():
    y, logit, _ = TRAINED
    names = np.array(["many"] * 11_900 + ["few"] * 90 + [None] * 10, dtype=object)
    made = thresholds(y, expit(logit), names, SHARE)
    assert set(made) == {EVERYBODY, "many"}
    raised = flagged(expit(logit), names, made)
    assert (raised[-100:] == (expit(logit)[-100:] >= made[EVERYBODY])).all()


@pytest.fixture(scope="module")
def rows() -> dict[str, dict]:
    reweighed = TESTED[1] + np.where(TESTED[2] == "b", 0.9, 0.0)
    made = tried("group", Known(*TRAINED), Known(*TESTED), SHARE, reweighed)
    return {row["name"]: row for row in made}


def test_thresholds_before_and_after(rows: dict[str, dict]):
    row = rows["threshold by group"]
    assert row["before"]["gap"]["value"] > 0.1 > row["after"]["gap"]["value"]
    assert row["change"]["gap"]["high"] < 0
    assert row["gap"] == row["after"]["gap"] and row["auroc"] == row["after"]["auroc"]
    assert row["by"] == "group" and "equal true-positive rate" in row["how"]
    for end in ("before", "after"):
        ends = row[end]["auroc"]
        assert ends["low"] < ends["value"] < ends["high"]
        rates = [row[end][name][RATE]["value"] for name in "ab"]
        assert max(rates) - min(rates) == pytest.approx(row[end]["gap"]["value"])


def test_thresholds_tell_no_risk_so_none_is_compared_with_what_happened(rows: dict[str, dict]):
    for end in ("before", "after"):
        assert [RATIO in rows["threshold by group"][end][name] for name in "ab"] == [False, False]
        assert [RATIO in rows["group recalibration"][end][name] for name in "ab"] == [True, True]


@pytest.mark.parametrize("name", ["group recalibration", "reweighing"])
def test_other_risks_before_and_after(rows: dict[str, dict], name: str):
    row = rows[name]
    assert row["change"]["auroc"]["low"] > 0, "of two groups ranked together, the right levels rank better"
    assert row["after"]["flagged"] == row["before"]["flagged"] == SHARE * 12_000


def test_recalibration_makes_of_each_group_what_was_observed(rows: dict[str, dict]):
    row = rows["group recalibration"]
    assert abs(row["before"]["b"][RATIO]["value"] - 1) > 0.3
    for name in "ab":
        ends = row["after"][name][RATIO]
        assert ends["low"] <= 1 <= ends["high"]


def test_without_training_cases_people_are_learnt_from_in_turn(rows: dict[str, dict]):
    y, logit, names = TESTED
    persons = np.arange(12_000) // 2
    made = {row["name"]: row for row in crossed("group", Known(y, logit, names, persons), SHARE, draws=100)}
    assert set(made) == {"group recalibration", "threshold by group"}
    for name, row in made.items():
        assert "in turn" in row["how"] and row["by"] == "group"
        for what in ("auroc", "gap"):
            assert row[what]["value"] == pytest.approx(rows[name][what]["value"], abs=0.03)
    assert made["threshold by group"]["change"]["gap"]["high"] < 0
    again = crossed("group", Known(y, logit, names, persons), SHARE, draws=100)
    assert {row["name"]: row for row in again} == made


def test_in_turn_nobody_is_learnt_from_and_shown_at_once(monkeypatch: pytest.MonkeyPatch):
    shown: list[int] = []

    def looked(learnt: Known, others: Known, share: float) -> tuple[np.ndarray, np.ndarray]:
        assert not set(learnt.persons) & set(others.persons)
        assert len(learnt.y) + len(others.y) == 12_000
        shown.extend(others.persons)
        return others.logit, top_share(others.logit, share)

    monkeypatch.setattr("salus.learning.mitigate._MEANS", {"looked": ("on", looked)})
    persons = np.arange(12_000) // 2
    (row,) = crossed("group", Known(*TESTED, persons), SHARE, draws=20)
    assert sorted(shown) == persons.tolist()
    assert row["change"]["auroc"]["value"] == 0.0


def test_where_no_gap_can_be_judged_nothing_is_tried():
    y, logit, _ = TESTED
    assert crossed("group", Known(y, logit, ["one"] * 12_000), SHARE) == []


def test_what_could_not_be_done_is_a_row_that_says_so():
    y, logit, names = TRAINED
    made = tried("group", Known(y, -logit, names), Known(*TESTED), SHARE, draws=10)
    assert [row["name"] for row in made] == ["group recalibration", "threshold by group"]
    assert made[0]["how"].startswith("not done. Recalibration would turn the ranking round")
    assert (made[0]["auroc"], made[0]["gap"]) == (None, None)


def test_a_mitigation_that_changes_nothing_says_so():
    row = compared("none", TESTED[2], _before(), _before(), draws=50)
    assert row["change"]["auroc"] == row["change"]["gap"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_without_two_groups_there_is_no_gap():
    row = compared("none", ["one"] * 12_000, _before(), _before(), draws=20)
    assert (row["gap"], row["change"]["gap"], row["before"]["gap"]) == (None, None, None)
    assert row["auroc"]["value"] > 0.5


def test_what_cannot_be_done_is_said():
    y, logit, names = TESTED
    with pytest.raises(UserError, match="same cases"):
        compared("x", names, _before(), judged(~y, expit(logit), y))
    with pytest.raises(UserError, match="share that may be flagged"):
        thresholds(y, expit(logit), names, 0)
    with pytest.raises(EvidenceError, match="none of these had it"):
        thresholds(np.zeros_like(y), expit(logit), names, SHARE)
