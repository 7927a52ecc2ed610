"""The look-up explains itself exactly, equals its vectorised form, and does not depend on an order."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.learning import artefact, score
from salus.learning.artefact import Artefact
from salus.learning.score import Value
from tests.additive import any_document, any_values

SEEDS = st.integers(0, 2**32 - 1)
Drawn = tuple[Artefact, list[dict[str, Value]], random.Random]


def _drawn(seed: int, cases: int = 5) -> Drawn:
    rng = random.Random(seed)
    made = artefact.of(any_document(rng))
    return made, [any_values(rng, made) for _ in range(cases)], rng


@given(SEEDS)
def test_contributions_add_up_to_the_logit(seed: int):
    made, cases, _ = _drawn(seed)
    for values in cases:
        found = score.score(made, values)
        by_parameter = score.by_parameter(made, found)
        assert math.isclose(found.base + sum(one for _, one in found.contributions), found.logit,
                            rel_tol=0, abs_tol=1e-9)  # fmt: skip
        assert math.isclose(found.base + sum(one for _, one in by_parameter), found.logit,
                            rel_tol=0, abs_tol=1e-9)  # fmt: skip


@given(SEEDS)
def test_a_table_says_what_the_look_up_says(seed: int):
    made, cases, _ = _drawn(seed, 20)
    schema = {one.name: pl.String if one.is_level else pl.Float64 for one in made.inputs}
    chances, logits = score.table(made, pl.DataFrame(cases, schema=schema))
    for values, chance, logit in zip(cases, chances, logits, strict=True):
        found = score.score(made, values)
        assert abs(found.probability - chance) <= 1e-12
        assert math.isclose(found.logit, logit, rel_tol=1e-12, abs_tol=1e-12)


@given(SEEDS)
def test_the_order_of_terms_does_not_matter(seed: int):
    made, cases, rng = _drawn(seed)
    document = made.as_json()
    terms = list(made.terms)
    rng.shuffle(terms)
    shuffled = artefact.of({**document, "terms": [term.as_json() for term in terms]})
    for values in cases:
        assert score.score(shuffled, values).logit == score.score(made, values).logit
        assert score.spans(shuffled, values, {"pulse"}) == score.spans(made, values, {"pulse"})


@given(SEEDS)
def test_whatever_is_hidden_the_answer_lies_in_the_span(seed: int):
    """Any value of the hidden parameters, whatever it is, gives an answer inside."""
    made, cases, rng = _drawn(seed, 8)
    hidden = set(rng.sample(("pulse", "lactate", "sex", "unit"), 2))
    first, *others = cases
    low, high = score.spans(made, first, hidden)
    for other in others:
        mixed = {
            one.name: (first if hidden.isdisjoint(one.parameters) else other)[one.name] for one in made.inputs
        }
        assert low - 1e-12 <= score.score(made, mixed).probability <= high + 1e-12


@given(SEEDS)
def test_nothing_hidden_leaves_no_span(seed: int):
    made, (values,), _ = _drawn(seed, 1)
    chance = score.score(made, values).probability
    assert score.spans(made, values, frozenset()) == pytest.approx((chance, chance), abs=1e-12)


@given(SEEDS)
def test_only_what_was_not_measured_would_change_the_answer(seed: int):
    made, (values,), _ = _drawn(seed, 1)
    measured = {
        name
        for one in made.inputs
        if one.feature.how != "count" and not _is_missing(values[one.name])
        for name in one.parameters
    }
    found = score.would_change(made, values)
    used = {name for name in made.parameters()}
    assert {name for name, _ in found} <= used - {name for name in measured if _is_used(made, name, values)}
    assert all(moved > 0 for _, moved in found)
    assert [moved for _, moved in found] == sorted((moved for _, moved in found), reverse=True)


def _is_missing(value: Value) -> bool:
    return value is None or value != value


def _is_used(made: Artefact, name: str, values: dict[str, Value]) -> bool:
    used = {at for term in made.terms for at in term.features}
    return any(
        name in one.parameters and one.feature.how != "count" and not _is_missing(values[one.name])
        for at, one in enumerate(made.inputs)
        if at in used
    )
