"""Calibration: equal to scikit-learn's logistic regression, set right by little, and the ranking kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit as scipy_expit
from sklearn.linear_model import LogisticRegression

from salus.core.errors import EvidenceError
from salus.learning.calibrate import (
    ENOUGH_FOR_BOTH,
    ENOUGH_FOR_ONE,
    Affine,
    applied,
    at_site,
    by_group,
    ece,
    ece_by_chance,
    expit,
    in_the_large,
    logit_of,
    recalibrated,
    reliability,
    slope_and_intercept,
    statistics,
)
from salus.learning.intervals import by_rows, drawn, persons_of, wilson
from salus.learning.measure import auroc

CHANCE = np.random.default_rng(5)
LOGIT = CHANCE.normal(-2, 1.2, 4_000)
SEEN = CHANCE.random(4_000) < scipy_expit(0.7 * LOGIT + 0.4)
TRUE = CHANCE.random(4_000) < scipy_expit(LOGIT)


def test_slope_and_intercept_are_those_of_scikit_learn():
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(LOGIT[:, None], SEEN)
    slope, intercept = slope_and_intercept(SEEN, LOGIT)
    assert slope == pytest.approx(oracle.coef_[0, 0], abs=1e-6)
    assert intercept == pytest.approx(oracle.intercept_[0], abs=1e-6)


def test_they_are_where_the_likelihood_is_flat():
    slope, intercept = slope_and_intercept(SEEN, LOGIT)
    rest = SEEN - scipy_expit(slope * LOGIT + intercept)
    assert [rest.sum(), rest @ LOGIT] == pytest.approx([0, 0], abs=1e-8)


def test_calibration_in_the_large_makes_expected_what_was_observed():
    moved = LOGIT + in_the_large(SEEN, LOGIT)
    assert scipy_expit(moved).sum() == pytest.approx(SEEN.sum())
    assert in_the_large(TRUE, LOGIT) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("far", [1e-3, 30.0, 200.0])
def test_they_are_found_from_far_away(far: float):
    slope, intercept = slope_and_intercept(SEEN, far * LOGIT + far)
    known = slope_and_intercept(SEEN, LOGIT)
    assert slope * far == pytest.approx(known[0], rel=1e-6)
    assert intercept + slope * far == pytest.approx(known[1], abs=1e-6)
    assert in_the_large(SEEN, LOGIT + far) == pytest.approx(in_the_large(SEEN, LOGIT) - far, abs=1e-6)


def test_expit_is_scipy_s_and_logit_turns_it_round():
    at = np.array([-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0])
    assert expit(at) == pytest.approx(scipy_expit(at), rel=1e-15, abs=0)
    assert logit_of(expit(LOGIT)) == pytest.approx(LOGIT, rel=1e-9)
    assert np.isfinite(logit_of(np.array([0.0, 1.0]))).all()


def test_recalibration_sets_right_and_keeps_the_ranking():
    made = recalibrated(SEEN, LOGIT)
    after = made.of(LOGIT)
    assert slope_and_intercept(SEEN, after) == pytest.approx((1, 0), abs=1e-9)
    assert auroc(SEEN, after) == auroc(SEEN, LOGIT)
    assert (np.argsort(after) == np.argsort(LOGIT)).all()


def test_one_recalibration_after_another_is_one():
    first, second = Affine(0.8, 0.3), Affine(1.5, -0.2)
    assert second.after(first).of(LOGIT) == pytest.approx(second.of(first.of(LOGIT)))


def test_a_ranking_that_would_be_turned_round_is_refused():
    with pytest.raises(EvidenceError, match="turn the ranking round"):
        recalibrated(SEEN, -LOGIT)
    with pytest.raises(EvidenceError, match="turn the ranking round"):
        at_site(SEEN, -LOGIT)
    with pytest.raises(EvidenceError, match="turn the ranking round"):
        Affine(slope=float("nan"))


def _few(events: int, without: int = 900) -> tuple[np.ndarray, np.ndarray]:
    rows = np.r_[np.flatnonzero(SEEN)[:events], np.flatnonzero(~SEEN)[:without]]
    return SEEN[rows], LOGIT[rows]


def test_a_new_site_changes_as_much_as_its_cases_carry():
    none = at_site(*_few(ENOUGH_FOR_ONE - 1))
    assert (none.slope, none.intercept) == (1.0, 0.0) and "unchanged: 9 cases" in none.how
    one = at_site(*_few(ENOUGH_FOR_BOTH - 1))
    assert one.slope == 1.0 and one.intercept != 0 and "intercept alone" in one.how and "99" in one.how
    both = at_site(*_few(ENOUGH_FOR_BOTH))
    assert both.slope != 1.0 and both.how.startswith("slope and intercept, by 1000 cases")


def test_what_is_estimated_is_shrunk_towards_no_change():
    y, odds = _few(ENOUGH_FOR_BOTH)
    assert slope_and_intercept(y, odds)[0] < at_site(y, odds).slope < 1
    y, odds = _few(40)
    assert 0 < at_site(y, odds).intercept / in_the_large(y, odds) < 1


def test_a_site_where_nothing_departs_is_left_alone():
    """The mean of the risks is made the observed one: the likelihood ratio is 0, and so is what is kept."""
    y, odds = _few(60)
    odds = odds + in_the_large(y, odds)
    made = at_site(y, odds)
    assert (made.slope, made.intercept) == (1.0, 0.0)


def test_a_site_without_the_outcome_is_left_alone():
    assert at_site(np.zeros(50, dtype=bool), LOGIT[:50]).intercept == 0.0


def test_each_group_is_set_right_by_itself():
    groups = np.array(["a", "b", None, "few"], dtype=object)[
        CHANCE.choice(4, 4_000, p=[0.5, 0.4, 0.09, 0.01])
    ]
    shift = np.where(groups == "b", 0.8, 0.0)
    seen = CHANCE.random(4_000) < expit(LOGIT + shift)
    made = by_group(seen, LOGIT, groups)
    after = applied(LOGIT, groups, made)
    assert set(made) == {"a", "b", "few"} and made["few"].how.startswith("unchanged")
    for name in "ab":
        inside = groups == name
        assert in_the_large(seen[inside], after[inside]) == pytest.approx(0, abs=1e-6)
    assert made["b"].intercept > made["a"].intercept + 0.4
    for kept in (groups == "few", groups == None):  # noqa: E711 - of an array, each
        assert (after[kept] == LOGIT[kept]).all()


def test_ece_by_hand():
    """Two bins of two: 0.1 and 0.3 with one outcome, 0.6 and 0.8 with both: (|0.5-0.2| + |1-0.7|) / 2."""
    assert ece([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2) == pytest.approx(0.3)


def test_ece_is_the_mean_distance_of_the_table():
    rows = reliability(SEEN, expit(LOGIT))
    apart = sum(row["n"] * abs(row["observed"] - row["predicted"]) for row in rows) / 4_000
    assert ece(SEEN, expit(LOGIT)) == pytest.approx(apart)
    assert [row["n"] for row in rows] == [400] * 10
    assert sum(row["observed"] * row["n"] for row in rows) == pytest.approx(SEEN.sum())
    for row in rows:
        expected = wilson(row["observed"] * row["n"], row["n"])
        assert (row["observed_low"], row["observed_high"]) == pytest.approx(expected)
        assert row["low"] <= row["predicted"] <= row["high"]


def test_the_order_of_cases_with_one_risk_does_not_matter():
    risk, turned = expit(LOGIT).round(1), np.arange(4_000)[::-1]
    assert ece(SEEN, risk) == pytest.approx(ece(SEEN[turned], risk[turned]))
    for row, other in zip(reliability(SEEN, risk), reliability(SEEN[turned], risk[turned]), strict=True):
        assert row == pytest.approx(other)


def test_fewer_cases_than_bins_are_a_table_still():
    assert [row["n"] for row in reliability([1, 0, 1], [0.5, 0.2, 0.7])] == [1, 1, 1]


def test_a_calibrated_model_shows_the_ece_of_chance():
    told = ece_by_chance(expit(LOGIT))
    assert 0 < told["value"] < told["high"] < 0.03
    assert ece(TRUE, expit(LOGIT)) < told["high"] < ece(SEEN, expit(LOGIT))


def test_one_step_is_as_good_as_the_whole_bootstrap():
    rows = slice(0, 1_000)
    y, odds = SEEN[rows], LOGIT[rows]
    whole = {
        "slope": by_rows(lambda rows: slope_and_intercept(y[rows], odds[rows])[0]),
        "intercept": by_rows(lambda rows: in_the_large(y[rows], odds[rows])),
    }
    everybody, made = persons_of(None, 1_000), statistics(y, odds)
    slow = drawn(whole, everybody, draws=200)
    fast = drawn({name: made[name] for name in whole}, everybody, draws=200)
    for name in whole:
        apart = np.sqrt(((fast[name] - slow[name]) ** 2).mean())
        assert apart < slow[name].std() / 10
        assert fast[name].std() == pytest.approx(slow[name].std(), rel=0.06)


def test_a_draw_of_everybody_once_is_the_sample_itself():
    made = statistics(SEEN, LOGIT)
    once = np.ones((1, 4_000))
    assert made["slope"](once)[0] == pytest.approx(slope_and_intercept(SEEN, LOGIT)[0])
    assert made["intercept"](once)[0] == pytest.approx(in_the_large(SEEN, LOGIT))
    assert made["ece"](once)[0] == pytest.approx(ece(SEEN, expit(LOGIT)))


@pytest.mark.parametrize(("y", "logit", "says"), [
    ([1, 1, 1], [0.1, 0.2, 0.3], "all of these had it"),
    ([0, 1, 1], [0.1, 0.1, 0.1], "All cases have the same risk"),
    ([0, 0, 1, 1], [-1.0, 0.0, 0.5, 1.0], "without a fault"),
    ([1, 1, 0, 0], [-1.0, 0.0, 0.0, 1.0], "without a fault"),
    ([0, 1, 1], [0.1, float("nan"), 0.1], "Case 2 has no log-odds"),
])  # fmt: skip
def test_where_there_is_no_slope_it_is_said(y: list, logit: list, says: str):
    with pytest.raises(EvidenceError, match=says):
        slope_and_intercept(y, logit)
