"""The look-up, number by number: bins, knots, levels, pairs, shares, sets, and what would change it most."""

from __future__ import annotations

import math
from typing import Any

import pytest

from salus.core.errors import EvidenceError
from salus.learning import artefact, score
from salus.learning.artefact import Artefact, inputs_for, unit_of
from salus.learning.score import Value
from tests.additive import document, feature, operated
from tests.learnt_views import TASK

PULSE, LACTATE = feature("pulse, last", "last", "pulse"), feature("lactate, last", "last", "lactate")
SEX = feature("sex", "level", "sex")
RATIO = operated("pulse by lactate", "ratio", PULSE, LACTATE)
STEPS = {
    "feature": 0,
    "edges": [60.0, 100.0],
    "scores": [1.0, 2.0, 4.0],
    "missing": 8.0,
    "counts": [1, 2, 3, 4],
}


def made(*terms: dict[str, Any], **more: Any) -> Artefact:
    whole = {"intercept": 0.0, "calibration": {"slope": 1.0, "intercept": 0.0}, **more}
    return artefact.of(document([PULSE, LACTATE, SEX, RATIO], list(terms), **whole))


def added(term: dict[str, Any], values: dict[str, Value]) -> float:
    ((_, found),) = score.score(made(term), values).contributions
    return found


@pytest.mark.parametrize(("value", "expected"), [
    (None, 8.0), (math.nan, 8.0), (-math.inf, 1.0), (59.999, 1.0), (60.0, 2.0), (99.0, 2.0), (100.0, 4.0),
    (100, 4.0), (math.inf, 4.0),
])  # fmt: skip
def test_a_number_on_an_edge_belongs_to_the_right(value: Value, expected: float):
    assert added(STEPS, {"pulse, last": value}) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (None, 8.0), (-math.inf, 1.0 + 10), (50.0, 1.0 + 10), (59.0, 1.0 + 10 + 0.9 * 20), (60.0, 2.0 + 30),
    (70.0, 2.0 + 20), (80.0, 2.0 + 10), (1e300, 4.0 + 10),
])  # fmt: skip
def test_a_line_is_added_to_the_step_and_level_beyond_its_ends(value: Value, expected: float):
    line = {"knots": [50.0, 60.0, 80.0], "heights": [10.0, 30.0, 10.0]}
    assert added({**STEPS, **line}, {"pulse, last": value}) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "expected"), [
    ("female", 1.0), ("male", 2.0), ("Female", 4.0), ("", 4.0), (None, 8.0), (math.nan, 8.0)
])  # fmt: skip
def test_a_level_that_is_not_listed_is_another(value: Value, expected: float):
    levels = {"feature": 2, "levels": ["female", "male"], "scores": [1.0, 2.0], "other": 4.0, "missing": 8.0,
              "counts": [0, 0, 0, 0]}  # fmt: skip
    assert added(levels, {"sex": value}) == expected


@pytest.mark.parametrize(("pulse", "sex", "expected"), [
    (None, None, 0.0), (None, "female", 1.0), (None, "male", 2.0), (50.0, None, 3.0), (50.0, "female", 4.0),
    (60.0, "male", 8.0), (60.0, None, 6.0),
])  # fmt: skip
def test_a_pair_is_a_table(pulse: Value, sex: Value, expected: float):
    pair = {"features": [0, 2], "edges": [[60.0], ["female"]],
            "scores": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]}  # fmt: skip
    assert added(pair, {"pulse, last": pulse, "sex": sex}) == expected


def test_calibration_scales_what_each_term_adds():
    calibrated = made(STEPS, intercept=3.0, calibration={"slope": 0.5, "intercept": -1.0})
    found = score.score(calibrated, {"pulse, last": 110.0})
    assert (found.base, found.contributions, found.logit) == (0.5, ((0, 2.0),), 2.5)
    assert found.probability == 1 / (1 + math.exp(-2.5))


def test_a_pair_goes_half_to_each_and_a_ratio_in_equal_parts():
    pair = {"features": [0, 3], "edges": [[], []], "scores": [[0.0, 0.0], [0.0, 8.0]]}
    both = made(STEPS, pair)
    values: dict[str, Value] = {"pulse, last": 110.0, "pulse by lactate": 10.0}
    # 4 of the steps, half of 8, and half of the other half; the rest is of lactate.
    assert dict(score.by_parameter(both, score.score(both, values))) == {"pulse": 10.0, "lactate": 2.0}


def test_no_terms_leave_the_base():
    found = score.score(made(intercept=-3.0), {})
    assert (found.logit, found.base, found.contributions) == (-3.0, -3.0, ())


@pytest.mark.parametrize(
    ("logit", "expected"), [(0.0, 0.5), (1e6, 1.0), (-1e6, 0.0), (-800.0, 0.0), (750.0, 1.0)]
)
def test_probabilities_of_far_logits(logit: float, expected: float):
    assert score.probability(logit) == expected


@pytest.mark.parametrize(("chance", "expected"), [
    (0.1, ("no",)), (0.3, ("no",)), (0.31, ()), (0.4, ("yes",)), (0.9, ("yes",))
])  # fmt: skip
def test_sets_hold_what_is_not_too_strange(chance: float, expected: tuple[str, ...]):
    sets = {"alpha": 0.1, "quantiles": {"no": 0.3, "yes": 0.6}}
    assert score.conformal(made(conformal=sets), chance) == expected


@pytest.mark.parametrize(("values", "says"), [
    ({}, "Feature 'pulse, last' was not given: give None where it was not measured"),
    ({"pulse, last": "110"}, "Feature 'pulse, last' has to be a number"),
    ({"pulse, last": True}, "Feature 'pulse, last' has to be a number"),
])  # fmt: skip
def test_what_is_not_given_is_no_gap(values: dict[str, Value], says: str):
    with pytest.raises(EvidenceError, match=says):
        score.score(made(STEPS), values)


def test_a_number_is_no_level():
    levels = {
        "feature": 2,
        "levels": ["1"],
        "scores": [1.0],
        "other": 4.0,
        "missing": 8.0,
        "counts": [0, 0, 0],
    }
    with pytest.raises(EvidenceError, match="has to be a level"):
        score.score(made(levels), {"sex": 1.0})


def test_what_is_hidden_may_be_any_of_its_scores():
    line = {"knots": [90.0, 120.0], "heights": [0.0, 6.0]}
    hidden = score.spans(made({**STEPS, **line}), {"pulse, last": 70.0}, {"pulse"})
    # From the lowest step to the highest with the whole line, or missing: 1, 10, 8.
    assert hidden == (score.probability(1.0), score.probability(10.0))


def test_half_a_pair_is_hidden():
    pair = {"features": [0, 2], "edges": [[60.0], ["female"]],
            "scores": [[0.0, 1.0, 2.0], [3.0, -4.0, 5.0], [6.0, 7.0, 8.0]]}  # fmt: skip
    values: dict[str, Value] = {"pulse, last": 50.0, "sex": "female"}
    of = made(pair)
    assert score.spans(of, values, {"sex"}) == (score.probability(-4.0), score.probability(5.0))
    assert score.spans(of, values, {"pulse"}) == (score.probability(-4.0), score.probability(7.0))
    assert score.spans(of, values, {"pulse", "sex"}) == (score.probability(-4.0), score.probability(8.0))


def test_what_would_change_the_answer_is_weighed_by_what_people_had():
    """Of 10 with a value 1 had the first bin, 1 the second and 8 the third: from 8 to 1, 2 or 4."""
    common = {**STEPS, "counts": [90, 1, 1, 8]}
    ((name, moved),) = score.would_change(made(common), {"pulse, last": None})
    assert name == "pulse"
    assert moved == pytest.approx((7 * 2 + 6 * 1 + 4 * 13) / 16, abs=0.2)
    assert score.would_change(made(common), {"pulse, last": 70.0}) == ()


def test_a_ratio_changes_only_where_the_other_half_is_there():
    ratio = {"feature": 3, "edges": [20.0], "scores": [5.0, 5.0], "missing": 0.0, "counts": [0, 1, 1]}
    of = made({**STEPS, "missing": 2.0, "scores": [2.0, 2.0, 2.0]}, ratio)
    known: dict[str, Value] = {"pulse, last": 80.0, "pulse by lactate": None}
    assert score.would_change(of, known) == (("lactate", 5.0),)
    assert score.would_change(of, {"pulse, last": None, "pulse by lactate": None}) == ()


ENOUGH = {**STEPS, "counts": [30, 20, 30, 40]}
RARE = {**STEPS, "counts": [29, 20, 30, 40]}
LEVELS = {"feature": 2, "levels": ["female", "male"], "scores": [1.0, 2.0], "other": 4.0, "missing": 8.0}


@pytest.mark.parametrize(("terms", "values", "expected"), [
    ([RARE], {"pulse, last": None}, {"pulse"}),
    ([RARE], {"pulse, last": math.nan}, {"pulse"}),
    ([RARE], {"pulse, last": 70.0}, set()),
    ([ENOUGH], {"pulse, last": None}, set()),
    # Of whose cases nothing is told: it is left open.
    ([{**STEPS, "counts": [0, 0, 0, 0]}], {"pulse, last": None}, set()),
    ([{**LEVELS, "counts": [50, 50, 50, 29]}], {"sex": "neither"}, {"sex"}),
    ([{**LEVELS, "counts": [50, 50, 50, 29]}], {"sex": None}, set()),
    ([{**LEVELS, "counts": [50, 50, 50, 30]}], {"sex": "neither"}, set()),
    ([{**LEVELS, "counts": [29, 50, 50, 50]}], {"sex": None}, {"sex"}),
    ([{**LEVELS, "counts": [29, 50, 50, 50]}], {"sex": "neither"}, set()),
    # What is made of two: the one that is there is known.
    ([ENOUGH, {**RARE, "feature": 3}], {"pulse, last": 70.0, "pulse by lactate": None}, {"lactate"}),
])  # fmt: skip
def test_what_nearly_nobody_lacked_may_be_anything(
    terms: list[dict[str, Any]], values: dict[str, Value], expected: set[str]
) -> None:
    found = made(*terms)
    assert score.unlearnt(found, values) == expected
    frame = {name: [value] for name, value in values.items()}
    assert score.unlearnt_rows(found, frame).tolist() == [bool(expected)]


def test_the_features_that_are_needed_come_with_what_they_are_made_of():
    found = inputs_for(TASK, ["pulse by lactate", "sex"])
    assert [one.name for one in found] == ["pulse, last", "lactate, highest", "pulse by lactate", "sex"]
    assert [one.unit for one in found] == ["/min", "mmol/L", "", ""]
    assert found[2].parameters == ("pulse", "lactate")


def test_units_follow_what_is_counted():
    told = {one.name: unit_of(one, TASK) for one in TASK.features}
    assert (told["pulse, how often"], told["age, last"], told["diabetes"]) == ("", "a", "")


def test_what_moves_the_answer_most_is_measured_on_people_with_lines_and_all():
    line = {"knots": [50.0, 60.0, 80.0], "heights": [10.0, 30.0, 10.0]}
    same = {"feature": 1, "edges": [2.0], "scores": [5.0, 5.0], "missing": 5.0, "counts": [0, 1, 1]}
    made_of = made({**STEPS, **line}, same, calibration={"slope": 2.0, "intercept": 0.0})
    people = [(55.0, 1.0), (70.0, 3.0), (None, 2.0), (120.0, None)]
    frame = {"pulse, last": [math.nan if one is None else one for one, _ in people],
             "lactate, last": [math.nan if one is None else one for _, one in people]}  # fmt: skip
    added_to = [2 * added({**STEPS, **line}, {"pulse, last": one}) for one, _ in people]
    mean = math.fsum(added_to) / 4
    terms, parameters = score.weights(made_of, frame)
    assert terms == pytest.approx([math.fsum(abs(one - mean) for one in added_to) / 4, 0.0])
    assert parameters == pytest.approx({"pulse": terms[0], "lactate": 0.0})


def test_a_ratio_moves_both_that_it_is_made_of():
    term = {"feature": 3, "edges": [1.0], "scores": [-1.0, 1.0], "missing": 0.0, "counts": [0, 1, 1]}
    _, parameters = score.weights(made(term), {"pulse by lactate": [0.5, 2.0]})
    assert parameters == pytest.approx({"pulse": 0.5, "lactate": 0.5})
