"""Fairness and calibration: what holds whatever the groups are called and however the cases are ordered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.learning.calibrate import ece, expit, recalibrated, reliability, slope_and_intercept
from salus.learning.fair import AUROC, LEAST, RATE, RATIO, TOO_FEW, by_group, judged
from salus.learning.mitigate import EVERYBODY, flagged, thresholds, weights

SEEDS = st.integers(0, 2**32 - 1)


def _world(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    logit = chance.normal(-1, 1, n).round(1)
    names = chance.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).astype(object)
    y = chance.random(n) < expit(logit)
    y[:2] = [True, False]
    return y, logit, names


@given(SEEDS, st.integers(20, 600))
def test_a_number_stands_only_where_there_are_enough(seed, n):
    y, logit, names = _world(seed, n)
    for row in by_group(judged(y, expit(logit), logit > 0), {"by": names}, draws=5):
        few = min(row["events"], row["n"] - row["events"]) < LEAST
        assert (row["note"] == TOO_FEW) == few == (row[AUROC] is None) == (row[RATIO] is None)
        assert row[RATE] is None or row["events"] >= 100


@given(SEEDS, st.integers(20, 600))
def test_neither_names_nor_order_matter(seed, n):
    y, logit, names = _world(seed, n)
    turned = np.random.default_rng(seed).permutation(n)
    other = np.array([{"a": "x", "b": "y", "c": "z"}[name] for name in names], dtype=object)
    first = by_group(judged(y, expit(logit), logit > 0), {"by": names}, draws=5)
    second = by_group(
        judged(y[turned], expit(logit)[turned], (logit > 0)[turned]), {"by": other[turned]}, draws=5
    )
    for one, two in zip(first, second, strict=True):
        assert (one["n"], one["events"], one["note"]) == (two["n"], two["events"], two["note"])
        for measure in (AUROC, RATIO, RATE):
            assert (one[measure] is None) == (two[measure] is None)
            assert one[measure] is None or one[measure]["value"] == pytest.approx(two[measure]["value"])
        assert one[RATIO] == pytest.approx(two[RATIO])


@given(SEEDS, st.integers(200, 600), st.floats(0.3, 3), st.floats(-2, 2))
def test_recalibration_undoes_any_slope_and_intercept(seed, n, slope, intercept):
    y, logit, _ = _world(seed, n)
    wrong = slope * logit + intercept
    made = recalibrated(y, wrong)
    assert slope_and_intercept(y, made.of(wrong)) == pytest.approx((1, 0), abs=1e-6)
    assert made.of(wrong) == pytest.approx(recalibrated(y, logit).of(logit), abs=1e-6)


@given(SEEDS, st.integers(20, 600))
def test_calibration_does_not_depend_on_the_order_of_the_cases(seed, n):
    y, logit, _ = _world(seed, n)
    turned = np.random.default_rng(seed).permutation(n)
    assert ece(y, expit(logit)) == pytest.approx(ece(y[turned], expit(logit)[turned]))
    for one, two in zip(
        reliability(y, expit(logit)), reliability(y[turned], expit(logit)[turned]), strict=True
    ):
        assert one == pytest.approx(two)


@given(SEEDS, st.integers(20, 600))
def test_reweighing_makes_every_group_s_rate_that_of_all(seed, n):
    y, _, names = _world(seed, n)
    found = weights(y, names)
    for name in set(names):
        inside = names == name
        if y[inside].any() and not y[inside].all():
            assert np.average(y[inside], weights=found[inside]) == pytest.approx(y.mean())


@given(SEEDS, st.integers(700, 1_500), st.floats(0.05, 0.9))
def test_thresholds_never_flag_more_than_was_said(seed, n, share):
    y, logit, names = _world(seed, n)
    risk = expit(logit + np.random.default_rng(seed).normal(0, 1e-6, n))
    limits = thresholds(y, risk, names, share)
    assert EVERYBODY in limits
    assert flagged(risk, names, limits).mean() <= share + 1e-12
