"""Novelty: what was usual in training is plain numbers, and who is unlike it is told so by name."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from salus.core.errors import EvidenceError
from salus.learning.features import OPERATORS, WHOLE, Feature
from salus.learning.novelty import abstained, bounds, checked, judged, read_from, strange

NAN = float("nan")


def _columns(cases: int = 2_000) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(3)
    told = {f"m{at}": chance.normal(100, 10, cases) for at in range(20)}
    for column in told.values():
        column[chance.random(cases) < 0.2] = NAN
    told["unit"] = np.array(chance.choice(["medical", "surgical", None], cases), dtype=object)
    return told


PARAMETERS = {f"p{at}": [f"m{at}"] for at in range(20)}
COLUMNS = _columns()
NOVELTY = bounds(COLUMNS, PARAMETERS)
USUAL = {**{f"m{at}": 100.0 for at in range(20)}, "unit": "medical"}


def test_it_is_plain_json_and_can_be_used():
    assert json.loads(json.dumps(NOVELTY, allow_nan=False)) == NOVELTY
    checked(NOVELTY, set(COLUMNS), "model.json")


def test_the_percentiles_are_those_of_numpy_with_the_extremes():
    there = COLUMNS["m0"][~np.isnan(COLUMNS["m0"])]
    expected = [there.min(), *np.quantile(there, [0.001, 0.999]), there.max()]
    assert NOVELTY["features"]["m0"] == expected
    assert NOVELTY["levels"] == {"unit": ["medical", "surgical"]}


def test_a_usual_case_is_answered():
    told = judged(NOVELTY, USUAL)
    assert (told.outside, told.far, told.missing, told.why) == ((), (), (), "")


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_no_more_of_the_training_cases_than_said_are_abstained_from(share: float):
    made = bounds(COLUMNS, PARAMETERS, share)
    assert 0 < abstained(made, COLUMNS).mean() <= share


def test_one_value_far_outside_is_enough_and_is_never_shown():
    told = judged(NOVELTY, {**USUAL, "m3": 8_888.0})
    assert told.outside == told.far == ("m3",)
    assert told.why.startswith("m3: far outside") and "8888" not in told.why
    assert "2,000" in told.why


def test_one_value_that_is_only_unusual_is_not_enough():
    told = judged(NOVELTY, {**USUAL, "m3": NOVELTY["features"]["m3"][3] + 0.1})
    assert (told.outside, told.far, told.why) == (("m3",), (), "")


def test_many_unusual_values_are():
    odd = {f"m{at}": NOVELTY["features"][f"m{at}"][2] + 0.1 for at in range(NOVELTY["outside"] + 1)}
    told = judged(NOVELTY, {**USUAL, **odd})
    assert re.match(rf"{len(odd)} values \(m0, m1.*\) are outside", told.why)
    odd.popitem()
    assert judged(NOVELTY, {**USUAL, **odd}).why == ""


def test_a_level_never_seen_is_outside():
    assert strange(NOVELTY, {**USUAL, "unit": "neonatal"}) == ["unit"]
    assert strange(NOVELTY, {**USUAL, "unit": None}) == []


def test_too_little_that_was_measured_is_said_and_what_is_hidden_is_not_that():
    few = {**USUAL, **{f"m{at}": NAN for at in range(NOVELTY["missing"] + 1)}}
    told = judged(NOVELTY, few)
    assert f"{len(told.missing)} of 20 parameters were not measured (p0, p1, p2 and" in told.why
    assert judged(NOVELTY, few, hidden={"p0"}).why == ""


def test_a_feature_that_never_had_a_value_or_never_differed_is_never_far():
    made = bounds({"none": np.full(9, NAN), "one": np.ones(9)}, {})
    assert set(made["features"]) == {"one"}
    told = judged(made, {"none": 5.0, "one": 900.0})
    assert (told.outside, told.far) == (("one",), ())


def test_whole_numbers_are_numbers():
    made = bounds({"visits": np.arange(2_000)}, {"visits": ["visits"]})
    assert made["features"]["visits"] == pytest.approx([0, 1.999, 1997.001, 1999])
    assert judged(made, {"visits": 2.0}).why == "" and not abstained(made, {"visits": np.array([5])})[0]


def test_no_cases_at_all_set_no_limits():
    made = bounds({"one": np.array([], dtype=float)}, {"p": ["one"]})
    assert (made["n"], made["outside"], made["missing"], made["features"]) == (0, 0, 0, {})


def test_parameters_are_told_measured_by_what_is_there_only_then():
    features = (
        Feature("urea, last", "last", ("urea",), WHOLE),
        Feature("urea, count", "count", ("urea",), WHOLE),
        Feature("creatinine, last", "last", ("creatinine",), WHOLE),
        Feature("urea by creatinine", next(iter(OPERATORS)), ("urea, last", "creatinine, last")),
    )
    assert read_from(features) == {"urea": ["urea, last"], "creatinine": ["creatinine, last"]}


@pytest.mark.parametrize("change", [
    {"features": {"m0": [1.0, 0.0, 2.0, 3.0]}},
    {"features": {"m0": [0.0, 1.0, 2.0]}},
    {"features": {"m0": [0.0, 1.0, 2.0, float("inf")]}},
    {"features": {"another": [0.0, 1.0, 2.0, 3.0]}},
    {"features": [1]},
    {"levels": {"another": ["a"]}},
    {"parameters": {"p0": ["another"]}},
    {"outside": 1.5},
    {"missing": -1},
    {"far": None},
    {"more": 1},
])  # fmt: skip
def test_what_cannot_be_used_is_refused_by_place_and_remedy(change: dict[str, object]):
    with pytest.raises(EvidenceError, match=r"model\.json: novelty: .* Train the model again"):
        checked({**NOVELTY, **change}, set(COLUMNS), "model.json")
