"""Conformal sets: the finite-sample rule, the coverage that is promised, and too few told as everything."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import UserError
from salus.learning.conformal import covered, quantiles
from salus.learning.intervals import wilson

CHANCE = np.random.default_rng(9)


def held(told: dict, p: float) -> set[str]:
    return {name for name, apart in (("no", p), ("yes", 1 - p)) if apart <= told["quantiles"][name]}


def _world(cases: int) -> tuple[np.ndarray, np.ndarray]:
    risk = CHANCE.beta(1, 4, cases)
    return CHANCE.random(cases) < risk, risk


def test_the_quantile_is_the_kth_least_by_hand():
    """19 of a class at 90 %: k = ceil(20 * 0.9) = 18, the 18th least; 9 of a class: k = 9, the greatest."""
    risk = np.r_[np.arange(1, 20) / 100, 1 - np.arange(1, 10) / 100]
    told = quantiles(np.repeat([False, True], [19, 9]), risk)
    assert told["quantiles"] == pytest.approx({"no": 0.18, "yes": 0.09})


def test_too_few_of_a_class_are_in_every_set():
    """8 cases at 90 % would need the 9th of 8."""
    risk = np.r_[np.full(50, 0.1), np.full(8, 0.9)]
    told = quantiles(np.repeat([False, True], [50, 8]), risk)
    assert told["quantiles"]["yes"] == 1.0
    assert all("yes" in held(told, p) for p in (0.0, 0.3, 1.0))


def test_a_class_that_never_was_is_in_every_set():
    told = quantiles([False] * 30, [0.1] * 30)
    assert held(told, 0.99) == {"yes"} and held(told, 0.05) == {"no", "yes"}


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_coverage_is_what_was_promised_in_each_class(alpha: float):
    """Over 300 worlds of 300 + 2,000 cases: at least 1 - alpha on average, and not much more."""
    shares: dict[str, list[float]] = {"no": [], "yes": []}
    for _ in range(300):
        told = covered(quantiles(*_world(300), alpha), *_world(2_000))
        for name, each in told["coverage"].items():
            shares[name].append(each["value"])
    for name, found in shares.items():
        assert 1 - alpha - 0.006 <= np.mean(found) <= 1 - alpha + 0.03, name


def test_coverage_and_sets_are_counted():
    y, risk = np.array([0, 0, 0, 1, 1, 0]), np.array([0.1, 0.2, 0.6, 0.9, 0.1, 0.45])
    made = {"alpha": 0.1, "quantiles": {"no": 0.5, "yes": 0.6}}
    told = covered(made, y, risk)
    no, yes = told["coverage"]["no"], told["coverage"]["yes"]
    assert (no["value"], no["n"]) == (0.75, 4) and (yes["value"], yes["n"]) == (0.5, 2)
    assert (no["low"], no["high"]) == pytest.approx(wilson(3, 4))
    assert told["sets"] == {"one": 5, "both": 1, "none": 0}
    assert told["alpha"] == 0.1


def test_a_set_of_none_is_counted_as_such():
    made = {"alpha": 0.5, "quantiles": {"no": 0.2, "yes": 0.2}}
    assert covered(made, [0, 1], [0.5, 0.5])["sets"] == {"one": 0, "both": 0, "none": 2}


def test_a_class_without_a_case_has_no_coverage():
    made = {"alpha": 0.1, "quantiles": {"no": 0.5, "yes": 0.6}}
    assert covered(made, [0, 0], [0.5, 0.5])["coverage"]["yes"] is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40), st.floats(0, 1))
def test_a_surer_promise_never_makes_a_set_smaller(cases, p):
    y, risk = zip(*cases, strict=True)
    sets = [held(quantiles(y, risk, alpha), p) for alpha in (0.4, 0.2, 0.1, 0.01)]
    assert all(smaller <= larger for smaller, larger in pairwise(sets))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40))
def test_those_it_was_made_of_are_covered_as_said(cases):
    y, risk = zip(*cases, strict=True)
    told = covered(quantiles(y, risk, 0.2), y, risk)
    assert all(each is None or each["value"] >= 0.8 for each in told["coverage"].values())


def test_alpha_is_a_share():
    with pytest.raises(UserError, match="alpha"):
        quantiles([0, 1], [0.1, 0.2], 1.0)
