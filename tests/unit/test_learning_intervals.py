"""Intervals: equal to scipy's and to formulas, wider where people come again, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import roc_auc_score

from salus.core.errors import EvidenceError, UserError
from salus.learning.intervals import (
    auroc_told,
    by_rows,
    design_effect,
    difference,
    drawn,
    observed_expected,
    percentiles,
    persons_of,
    share_told,
    weights_of,
    wilson,
)
from salus.learning.measure import areas_of, precisions_of, ratio

CHANCE = np.random.default_rng(11)
N = 400
RISK = CHANCE.random(N)
SEEN = CHANCE.random(N) < RISK
BLUR = RISK + CHANCE.normal(0, 0.5, N)


@pytest.mark.parametrize(("part", "of"), [(0, 10), (10, 10), (3, 10), (50, 1000), (1, 1)])
def test_wilson_is_that_of_scipy(part: int, of: int):
    expected = binomtest(part, of).proportion_ci(0.95, "wilson")
    assert wilson(part, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_holds_the_share_itself_and_everything_where_there_is_nothing():
    for part in range(8):
        low, high = wilson(part, 7)
        assert low <= part / 7 <= high
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_percentile_bootstrap_is_that_of_scipy():
    """Another generator draws other samples; the limits agree to the noise of 4,000 draws."""
    ours = auroc_told(SEEN, BLUR, draws=4_000)
    theirs = bootstrap((SEEN, BLUR), roc_auc_score, paired=True, vectorized=False, n_resamples=1_000,
                       method="percentile", rng=3).confidence_interval  # fmt: skip
    assert ours["value"] == pytest.approx(roc_auc_score(SEEN, BLUR))
    assert (ours["low"], ours["high"]) == pytest.approx((theirs.low, theirs.high), abs=0.006)


@pytest.mark.parametrize("score", [BLUR, BLUR.round(1)], ids=["plain", "ties"])
def test_weighing_is_repeating(score: np.ndarray):
    """The swift way (weights) gives what the obvious way (rows, repeated) gives, draw by draw."""
    slow = by_rows(lambda rows: roc_auc_score(SEEN[rows], score[rows]))
    both = {"fast": areas_of(SEEN, score), "slow": slow}
    found = drawn(both, persons_of(None, N), draws=50)
    assert found["fast"] == pytest.approx(found["slow"], abs=1e-12)


def test_weighing_average_precision_is_repeating():
    from sklearn.metrics import average_precision_score

    score = BLUR.round(1)
    slow = by_rows(lambda rows: average_precision_score(SEEN[rows], score[rows]))
    both = {"fast": precisions_of(SEEN, score), "slow": slow}
    found = drawn(both, persons_of(None, N), draws=50)
    assert found["fast"] == pytest.approx(found["slow"], abs=1e-12)


def test_a_draw_takes_all_cases_of_a_person():
    persons = persons_of(np.array(["a", "b", "a", "c", "a", "c"]), 6)
    for weights in weights_of(persons, draws=40):
        assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 0] == weights[:, 4]).all()
        assert (weights[:, 3] == weights[:, 5]).all()
        assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all(), "as many people as there are"


def test_people_who_come_again_make_it_wider():
    """Each person four times over: as sure as one in four, by bootstrap, Wilson and O/E alike."""
    persons = np.repeat(np.arange(N), 4)
    seen, risk = np.repeat(SEEN, 4), np.repeat(RISK, 4)
    for of in (auroc_told, observed_expected):
        once, again, alone = of(SEEN, RISK), of(seen, risk, persons), of(seen, risk)
        width = [each["high"] - each["low"] for each in (once, again, alone)]
        assert width[1] == pytest.approx(width[0], rel=0.05)
        assert width[2] == pytest.approx(width[0] / 2, rel=0.1)
    assert share_told(seen, persons) == pytest.approx(share_told(SEEN))


def test_the_seed_alone_decides():
    assert auroc_told(SEEN, RISK, seed=5) == auroc_told(SEEN, RISK, seed=5)
    assert auroc_told(SEEN, RISK, seed=5) != auroc_told(SEEN, RISK, seed=6)


def test_how_many_are_drawn_at_once_does_not_matter(monkeypatch: pytest.MonkeyPatch):
    before = auroc_told(SEEN, RISK, draws=100)
    monkeypatch.setattr("salus.learning.intervals._AT_ONCE", 7 * N)
    assert auroc_told(SEEN, RISK, draws=100) == before


def test_a_paired_difference_is_surer_than_two_intervals():
    told = difference(SEEN, RISK, BLUR)
    assert told["value"] == pytest.approx(roc_auc_score(SEEN, RISK) - roc_auc_score(SEEN, BLUR))
    assert 0 < told["low"] < told["value"] < told["high"]
    apart = [auroc_told(SEEN, each) for each in (RISK, BLUR)]
    assert told["high"] - told["low"] < sum(each["high"] - each["low"] for each in apart)
    assert difference(SEEN, RISK, 2 * RISK + 1) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_observed_by_expected_is_wilson_s_where_all_risks_are_equal():
    told = observed_expected(SEEN, np.full(N, 0.25))
    assert told["value"] == pytest.approx(SEEN.sum() / (N * 0.25))
    expected = [limit / 0.25 for limit in wilson(SEEN.sum(), N)]
    assert [told["low"], told["high"]] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seen", [0, 20])
def test_observed_by_expected_holds_where_all_or_none_had_it(seen: int):
    told = observed_expected(np.full(20, seen > 0), np.full(20, 0.25))
    assert (told["low"], told["high"]) == pytest.approx(
        [limit / 0.25 for limit in wilson(seen, 20)], abs=1e-9
    )


def test_observed_by_expected_holds_the_truth_as_often_as_it_says():
    """Risks that differ, 18 expected events in 200 people; a thousand worlds in which they are true."""
    chance = np.random.default_rng(2)
    risk = chance.beta(0.5, 5, 200)
    held = 0
    for _ in range(1_000):
        told = observed_expected(chance.random(200) < risk, risk)
        held += told["low"] <= 1 <= told["high"]
    assert 930 <= held <= 975


def test_the_design_effect_of_independent_cases_is_one_at_least():
    assert design_effect(np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 0, 1, 1])) == 1.0
    assert design_effect(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1])) == 2.0
    assert design_effect(np.zeros(3), np.arange(3)) == 1.0


def test_draws_without_a_value_are_left_out_unless_they_are_half():
    assert percentiles(np.array([1.0, 2.0, np.nan])) == pytest.approx((1.025, 1.975))
    assert percentiles(np.array([1.0, np.nan])) is None


def test_a_statistic_of_ratios_has_no_value_where_nothing_is_below():
    assert np.isnan(ratio(np.array([1.0]), np.array([0.0]))[0])


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(UserError, match="2 persons for 400 cases"):
        auroc_told(SEEN, RISK, np.array([1, 2]))
    with pytest.raises(EvidenceError, match="none of these had it"):
        auroc_told(np.zeros(N, dtype=bool), RISK)
    with pytest.raises(UserError, match="expected number"):
        observed_expected(SEEN, np.zeros(N))
    assert share_told(np.array([], dtype=bool)) is None
