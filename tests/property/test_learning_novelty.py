"""Novelty: the many and the one are judged alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from salus.learning.novelty import abstained, bounds, judged

NUMBERS = st.none() | st.floats(-1e3, 1e3)
LEVELS = st.none() | st.sampled_from("abcd")
CASES = st.lists(st.tuples(NUMBERS, NUMBERS, LEVELS), min_size=1, max_size=30)
PARAMETERS = {"p": ["x"], "q": ["x", "y"], "r": ["z"]}


def _columns(cases):
    x, y, z = zip(*cases, strict=True)
    return {
        "x": np.array(x, dtype=float),
        "y": np.array(y, dtype=float),
        "z": np.array(z, dtype=object),
    }


@given(CASES, CASES, st.sampled_from([0.01, 0.3]))
def test_many_at_once_are_judged_as_each_alone(trained, asked, share):
    novelty, columns = bounds(_columns(trained), PARAMETERS, share), _columns(asked)
    each = [
        bool(judged(novelty, {name: column[at] for name, column in columns.items()}).why)
        for at in range(len(asked))
    ]
    assert abstained(novelty, columns).tolist() == each


@given(CASES, st.randoms())
def test_the_order_of_the_cases_does_not_matter(trained, chance):
    shuffled = chance.sample(trained, len(trained))
    assert bounds(_columns(trained), PARAMETERS) == bounds(_columns(shuffled), PARAMETERS)
