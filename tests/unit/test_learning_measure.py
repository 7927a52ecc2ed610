"""Measures: equal to scikit-learn's, to the challenge's own formula and to what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_auc_score

from salus.core.errors import EvidenceError, UserError
from salus.learning.measure import (
    Counts,
    alerts_per_100_patient_days,
    auprc,
    auroc,
    bin_shares,
    brier,
    counted,
    event1,
    event2,
    flags_at,
    in_bins,
    natural,
    number_needed_to_evaluate,
    share,
)

CHANCE = np.random.default_rng(7)
RISK = CHANCE.random(700)
SEEN = CHANCE.random(700) < RISK
TIED = RISK.round(1)


@pytest.mark.parametrize("score", [RISK, TIED, -RISK, RISK > 0.5], ids=["plain", "ties", "worst", "binary"])
def test_discrimination_is_that_of_scikit_learn(score: np.ndarray):
    assert auroc(SEEN, score) == pytest.approx(roc_auc_score(SEEN, score), abs=1e-12)
    assert auprc(SEEN, score) == pytest.approx(average_precision_score(SEEN, score), abs=1e-12)


def test_a_constant_score_tells_nothing():
    assert auroc(SEEN, np.full(700, 0.3)) == 0.5
    assert auprc(SEEN, np.full(700, 0.3)) == pytest.approx(SEEN.mean())


def test_the_example_of_hanley_and_mcneil():
    """Their Table I (Radiology 1982;143:29-36): ratings 1 to 5 of 58 normal and 51 abnormal images; 0.893."""
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    ratings = np.repeat([*range(5), *range(5)], [*normal, *abnormal]).astype(float)
    assert auroc(np.repeat([False, True], [58, 51]), ratings) == pytest.approx(0.893, abs=5e-4)


def test_brier_is_that_of_scikit_learn():
    assert brier(SEEN, RISK) == pytest.approx(brier_score_loss(SEEN, RISK), abs=1e-12)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_counts_are_those_of_scikit_learn(threshold: float):
    told = counted(SEEN, flags_at(TIED, threshold))
    (left, false), (missed, true) = confusion_matrix(SEEN, threshold <= TIED, labels=[False, True])
    assert told == Counts(true, false, missed, left)
    assert (told.n, told.events, told.flagged) == (700, SEEN.sum(), (threshold <= TIED).sum())


def test_who_stands_at_the_threshold_is_flagged():
    assert flags_at(np.array([0.29, 0.3, 0.31]), 0.3).tolist() == [False, True, True]


def test_event_1_is_the_lesser_of_sensitivity_and_ppv():
    seen = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    risk = np.array([9, 8, 7, 1, 6, 2, 2, 1, 1, 0]) / 10
    assert event1(seen, risk, 0.7) == 0.75, "sensitivity 3/4, PPV 3/3"
    assert event1(seen, risk, 0.15) == 0.5, "sensitivity 3/4, PPV 3/6"
    assert event1(seen, risk, 0.95) == 0.0, "nobody is flagged"


def test_event_2_is_the_challenge_s_own_formula():
    """Each decile by itself, as the challenge writes it, on risks that all differ."""
    found, means = 0.0, []
    for cases in np.array_split(np.argsort(RISK), 10):
        n, mean, events = len(cases), RISK[cases].mean(), SEEN[cases].sum()
        found += (events - n * mean) ** 2 / (n * mean * (1 - mean) + 0.001)
        means.append(mean)
    assert event2(SEEN, RISK) == pytest.approx(found / (means[-1] - means[0]), rel=1e-12)


def test_event_2_by_hand():
    """Ten cases, a decile each, risks 0.05 to 0.95; the outcome in the upper five."""
    risk = np.arange(0.05, 1, 0.1)
    low = sum(pi**2 / (pi * (1 - pi) + 0.001) for pi in (0.05, 0.15, 0.25, 0.35, 0.45))
    assert event2(risk > 0.5, risk) == pytest.approx(2 * low / 0.9)


def test_the_order_of_cases_with_one_risk_does_not_matter():
    turned = np.arange(700)[::-1]
    assert event2(SEEN, TIED) == pytest.approx(event2(SEEN[turned], TIED[turned]), rel=1e-12)


def test_bins_are_equal_and_the_first_are_larger():
    assert np.bincount(in_bins(np.random.default_rng(1).random(23))).tolist() == [3, 3, 3] + [2] * 7


def test_cases_of_one_risk_that_bins_part_are_in_each_by_as_much_as_their_risk_is():
    parts = bin_shares(np.array([0.2, 0.2, 0.1, 0.2, 0.3]), bins=2)
    assert parts.tolist() == [[2 / 3, 1 / 3]] * 2 + [[1.0, 0.0]] + [[2 / 3, 1 / 3]] + [[0.0, 1.0]]
    assert bin_shares(RISK).sum(axis=0).tolist() == [70.0] * 10
    assert bin_shares(TIED).sum(axis=0) == pytest.approx([70.0] * 10)


def test_natural_frequencies_add_up():
    told = natural(Counts(33, 67, 17, 583))
    assert told == {"of": 1000, "events": 71, "alerts": 143, "true_alerts": 47, "misses": 24,
                    "false_alarms": 96}  # fmt: skip
    assert told["alerts"] == told["true_alerts"] + told["false_alarms"]
    assert told["events"] == told["true_alerts"] + told["misses"]


def test_the_burden_of_alerts():
    told = Counts(20, 80, 5, 895)
    assert number_needed_to_evaluate(told) == 5.0
    assert alerts_per_100_patient_days(told, 2_000) == 5.0
    assert alerts_per_100_patient_days(told, None) is None
    assert number_needed_to_evaluate(Counts(0, 4, 1, 5)) is None
    assert share(1, 0) is None


def test_patient_days_are_more_than_none():
    with pytest.raises(UserError, match="more than 0"):
        alerts_per_100_patient_days(Counts(1, 1, 1, 1), 0)


@pytest.mark.parametrize(("y", "score", "error", "says"), [
    ([True, False], [0.1], UserError, "2 outcomes and 1 of score"),
    ([], [], EvidenceError, "no cases"),
    ([True, False], [0.1, float("nan")], EvidenceError, "Case 2 has no score"),
    ([True, False], [0.1, float("inf")], EvidenceError, "Case 2 has no score"),
    ([True, None], [0.1, 0.2], EvidenceError, "neither yes nor no"),
    ([1.0, float("nan")], [0.1, 0.2], EvidenceError, "neither yes nor no"),
    ([2, 1], [0.1, 0.2], EvidenceError, "neither yes nor no"),
    ([True, True], [0.1, 0.2], EvidenceError, "all of these had it"),
    ([False, False], [0.1, 0.2], EvidenceError, "none of these had it"),
])  # fmt: skip
def test_what_cannot_be_measured_is_said(y: list, score: list, error: type, says: str):
    for measure in (auroc, auprc):
        with pytest.raises(error, match=says):
            measure(y, score)


def test_a_probability_is_between_0_and_1():
    with pytest.raises(EvidenceError, match="Case 3 has a probability that is not between 0 and 1") as told:
        brier([True, False, True], [0.1, 0.2, 1.25])
    assert "1.25" not in str(told.value)
    with pytest.raises(UserError, match="threshold"):
        flags_at(RISK, 1.5)


@pytest.mark.parametrize("risk", [[0.5] * 20, [0.1, 0.2]], ids=["constant", "few"])
def test_event_2_needs_deciles_that_differ(risk: list[float]):
    with pytest.raises(EvidenceError, match="Event 2"):
        event2([True, False] * (len(risk) // 2), risk)
