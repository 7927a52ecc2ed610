"""Measures: what holds whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from salus.learning.intervals import observed_expected, wilson
from salus.learning.measure import Counts, auprc, auroc, event2, natural

SCORES = st.integers(0, 12).map(lambda at: at / 12)
CASES = st.lists(st.tuples(st.booleans(), SCORES), min_size=2, max_size=60)


def _of(cases) -> tuple[np.ndarray, np.ndarray]:
    y, p = (np.array(column) for column in zip(*cases, strict=True))
    assume(y.any() and not y.all())
    return y, p


@given(CASES)
def test_auroc_is_the_share_of_pairs_in_the_right_order(cases):
    y, p = _of(cases)
    pairs = [(high > low) + (high == low) / 2 for high in p[y] for low in p[~y]]
    assert auroc(y, p) == pytest.approx(sum(pairs) / len(pairs))


@given(CASES)
def test_turning_scores_and_outcomes_round_changes_nothing(cases):
    y, p = _of(cases)
    assert auroc(y, p) == pytest.approx(1 - auroc(y, -p)) == pytest.approx(auroc(~y, -p))


@given(CASES)
def test_average_precision_lies_between_its_ends(cases):
    y, p = _of(cases)
    assert 0 < auprc(y, p) <= 1 + 1e-12


@given(CASES, st.randoms())
def test_the_order_of_cases_never_matters(cases, chance):
    y, p = _of(cases)
    turned = np.array(chance.sample(range(len(y)), len(y)))
    if len(y) >= 10 and len(set(p)) > 4:
        assert event2(y[turned], p[turned]) == pytest.approx(event2(y, p), rel=1e-9)
    assert auprc(y[turned], p[turned]) == pytest.approx(auprc(y, p))


@given(CASES)
def test_observed_by_expected_holds_its_value(cases):
    y, p = _of(cases)
    assume(p.sum() > 0)
    told = observed_expected(y, np.clip(p, 0.01, 0.99))
    assert 0 <= told["low"] <= told["value"] <= told["high"]


@given(st.integers(0, 500), st.integers(1, 500), st.floats(1, 9))
def test_wilson_holds_its_share_and_widens_with_clustering(part, more, design):
    of = part + more
    low, high = wilson(part, of, design)
    inner = wilson(part, of)
    assert 0 <= low <= part / of <= high <= 1
    assert low <= inner[0] + 1e-12 and inner[1] <= high + 1e-12


@given(*[st.integers(0, 9_999)] * 3, st.integers(1, 9_999))
def test_natural_frequencies_always_add_up(true, false, missed, left):
    told = natural(Counts(true, false, missed, left))
    assert told["alerts"] == told["true_alerts"] + told["false_alarms"]
    assert told["events"] == told["true_alerts"] + told["misses"]
    assert 0 <= told["alerts"] + told["misses"] <= 1002
