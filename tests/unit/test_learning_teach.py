"""What a teacher says of people it did not see, and how few tables tell it, on data of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from salus.learning.bins import Axis, Known, axis_of, binned
from salus.learning.fit import fitted
from salus.learning.measure import auroc
from salus.learning.recipe import Recipe, recipe_for, taught
from salus.learning.select import strongest
from salus.learning.teach import Trees, interactions, unseen
from tests import truth

CASES = 3000
QUICK = Trees(times=2, num_rounds=100, learning_rate=0.1, feature_fraction=0.5)


def _known(columns: dict[str, np.ndarray], y: np.ndarray, grows: int = 0) -> Known:
    frame = pl.DataFrame(columns)
    axes: list[Axis] = [axis_of(name, frame[name], grows) for name in frame.columns]
    return Known(binned(frame, axes), y, np.arange(len(y)), np.arange(len(y)))


@pytest.fixture(scope="module")
def crossed() -> Known:
    """Two numbers whose signs tell the outcome together and neither alone, among four that tell nothing."""
    chance = np.random.default_rng(1)
    columns = {f"feature {at}": chance.normal(size=CASES) for at in range(6)}
    logit = 2.0 * np.sign(columns["feature 1"] * columns["feature 4"])
    return _known(columns, chance.random(CASES) < 1 / (1 + np.exp(-logit)))


def test_trees_say_of_a_person_what_was_learnt_from_others(crossed: Known):
    """A number of each case that tells nothing of others is no news of it: in-sample it would tell all."""
    assert auroc(crossed.y, unseen(crossed, QUICK, 1)) > 0.8
    chance = np.random.default_rng(2)
    noise = _known({"noise": chance.normal(size=CASES)}, chance.random(CASES) < 0.3)
    assert auroc(noise.y, unseen(noise, QUICK, 1)) == pytest.approx(0.5, abs=0.04)


def test_the_other_cases_of_a_person_tell_the_trees_nothing():
    """Each is there five times with one number and one outcome: split by case, it would be read off."""
    chance = np.random.default_rng(3)
    number, had = chance.normal(size=600), chance.random(600) < 0.5
    known = _known({"number": np.repeat(number, 5)}, np.repeat(had, 5))
    fine = replace(QUICK, min_child_samples=5, num_leaves=64, num_rounds=200)
    assert auroc(known.y, unseen(known, fine, 1)) > 0.7
    known = replace(known, persons=np.repeat(np.arange(600), 5))
    assert auroc(known.y, unseen(known, fine, 1)) == pytest.approx(0.5, abs=0.06)


def test_the_pair_that_tells_is_found_and_no_more_than_asked_for(crossed: Known):
    left = 2.0 * np.sign(crossed.table.numbers[1] * crossed.table.numbers[4])
    (both,) = interactions(crossed, range(6), left, 1).pairs
    assert both == (1, 4)
    told = interactions(crossed, range(6), left, 3)
    assert len(told.pairs) == 3
    assert np.corrcoef(told.logits(crossed.table), left)[0, 1] > 0.8
    assert interactions(crossed, range(6), left, 0).pairs == {}
    assert interactions(crossed, [1], left, 3).pairs == {}
    assert len(interactions(crossed, [0, 1, 4], left, 10).pairs) == 3


def test_what_has_a_known_direction_is_in_no_pair(crossed: Known):
    left = np.sign(crossed.table.numbers[1] * crossed.table.numbers[4])
    axes = list(crossed.table.axes)
    axes[4] = replace(axes[4], grows=1)
    known = replace(crossed, table=replace(crossed.table, axes=tuple(axes)))
    assert all(4 not in both for both in interactions(known, range(6), left, 3).pairs)


def test_of_more_features_than_may_be_read_those_that_tell_are_taken():
    chance = np.random.default_rng(4)
    columns = {f"feature {at}": chance.normal(size=CASES) for at in range(6)}
    one, other = columns["feature 1"], columns["feature 4"]
    logit = one + other + 2.0 * np.sign(one * other)
    known = _known(columns, chance.random(CASES) < 1 / (1 + np.exp(-logit)))
    places, told = taught(known, Recipe(terms=3, pairs=1, trees=QUICK), 1)
    assert {1, 4} <= set(places)
    assert told.features <= set(places)
    assert set(told.pairs) == {(1, 4)}
    curves = replace(told, pairs={})
    assert auroc(known.y, told.logits(known.table)) > auroc(known.y, curves.logits(known.table)) + 0.05


def test_a_feature_counts_with_all_that_it_is_made_of(crossed: Known):
    target = 3.0 * crossed.table.numbers[0] + 2.0 * crossed.table.numbers[1] + crossed.table.numbers[2]
    made_of = {"feature 0": frozenset({"feature 0", "feature 3", "feature 4"})}

    def taken(most: int) -> list[int]:
        return strongest(crossed, target, most, Recipe(most, 0).telling, made_of, seed=1)

    assert taken(2) == [1, 2]
    assert 0 in taken(3) and {1, 2}.isdisjoint(taken(3))
    assert {0, 1, 3, 4} >= set(taken(4)) >= {0, 1}
    assert taken(6) == list(range(6))


def test_a_wide_table_is_told_in_few_terms():
    frame, y, persons = truth.table(2000)
    few = truth.task(terms=3, pairs=1)
    found = fitted(few, frame, y, persons, recipe=replace(recipe_for(few, 2000), trees=QUICK))
    assert found.shares["boosted"] == found.shares["pairs"] == 0.0
    assert len(found.model.features) <= 3
    assert auroc(y, found.logits) > auroc(y, truth.logit(frame)) - 0.1
