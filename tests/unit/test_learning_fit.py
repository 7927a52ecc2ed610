"""What is learnt from data of known truth: the shapes are found, and the file says what was fitted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from salus.core.errors import EvidenceError
from salus.learning import artefact, score
from salus.learning.artefact import Curve
from salus.learning.fit import Fitted, artefact_of, fitted
from salus.learning.measure import auroc
from salus.learning.select import twins
from salus.learning.shapes import is_rising
from salus.learning.stack import apart, folds, weights
from tests import truth

CASES = 4000


@pytest.fixture(scope="module")
def learnt() -> Fitted:
    return fitted(truth.task(), *truth.table(CASES))


@pytest.fixture(scope="module")
def model(learnt: Fitted) -> artefact.Artefact:
    frame, _, _ = truth.table(CASES)
    return artefact_of(truth.task(), learnt, frame, truth.made(), {"kind": frame["kind"].to_list()})


def _curve(model: artefact.Artefact, name: str) -> Curve:
    return next(
        term
        for term in model.terms
        if isinstance(term, Curve) and model.inputs[term.feature].name == f"{name}, last"
    )


def _at(model: artefact.Artefact, name: str, values: list[float]) -> np.ndarray:
    """Return what a feature's curve adds at some values, the others not measured."""
    nobody = {one.name: None for one in model.inputs}
    place = model.terms.index(_curve(model, name))
    return np.array(
        [score.score(model, {**nobody, f"{name}, last": value}).contributions[place][1] for value in values]
    )


def test_it_tells_new_people_apart_nearly_as_the_truth_does(model: artefact.Artefact):
    frame, y, _ = truth.table(8000, seed=2)
    _, logits = score.table(model, frame)
    assert auroc(y, logits) > auroc(y, truth.logit(frame)) - 0.015


def test_it_is_calibrated_for_new_people(model: artefact.Artefact):
    frame, y, _ = truth.table(8000, seed=3)
    risks, _ = score.table(model, frame)
    assert abs(risks.mean() - y.mean()) < 0.015


def test_it_finds_the_shapes(model: artefact.Artefact):
    u = _at(model, "bends", [-1.8, 0.0, 1.8])
    assert u[0] > u[1] + 0.7
    assert u[2] > u[1] + 0.7
    rise = _at(model, "rises", [-1.0, 0.0, 1.0, 2.0])
    assert rise[2] - rise[0] == pytest.approx(2.0, abs=0.5)
    assert rise[3] - rise[2] < 0.4


def test_the_pair_that_matters_is_the_pair_it_takes(model: artefact.Artefact):
    (pair,) = model.pairs
    assert {model.inputs[at].name for at in pair.features} == {"one, last", "other, last"}


def test_what_does_nothing_says_next_to_nothing(model: artefact.Artefact):
    little = np.ptp(_at(model, "nothing", [-1.5, -0.5, 0.5, 1.5]))
    assert little < 0.3
    assert little < np.ptp(_at(model, "rises", [-1.5, -0.5, 0.5, 1.5])) / 4


def test_what_is_known_to_rise_rises_and_missing_may_lie_where_it_will(model: artefact.Artefact):
    values = list(np.linspace(-4, 4, 400))
    found = _at(model, "rises", values)
    assert np.diff(found).min() >= -1e-9
    # Who has no value has the risk of those with a high one: far from the lowest, its neighbour in the file.
    curve = _curve(model, "rises")
    assert model.slope * curve.missing > found[0] + 1.0
    assert is_rising(curve.scores, 1)
    assert not is_rising(_curve(model, "bends").scores, 1)


def test_what_is_looked_up_is_what_was_fitted(learnt: Fitted, model: artefact.Artefact):
    frame, _, _ = truth.table(CASES)
    _, looked_up = score.table(artefact.loads(model.dumps()), frame)
    by_hand = learnt.slope * learnt.model.logits(learnt.table) + learnt.shift
    assert np.abs(looked_up - by_hand).max() < 1e-9
    first = {name: None if value != value else value for name, value in frame.row(0, named=True).items()}
    assert score.score(model, first).logit == pytest.approx(looked_up[0], abs=1e-9)


def test_the_same_seed_gives_the_same_bytes_and_another_other(model: artefact.Artefact):
    frame, y, persons = truth.table(CASES)
    groups = {"kind": frame["kind"].to_list()}

    def bytes_of(seed: int) -> bytes:
        again = fitted(truth.task(), frame, y, persons, seed=seed)
        return artefact_of(truth.task(), again, frame, truth.made(), groups).dumps()

    assert bytes_of(1) == model.dumps()
    assert bytes_of(2) != model.dumps()


def test_weights_are_never_negative_and_a_useless_member_has_none():
    chance = np.random.default_rng(1)
    good = chance.normal(size=3000)
    y = chance.random(3000) < 1 / (1 + np.exp(-good))
    _, found = weights(
        np.stack([good, -good + chance.normal(size=3000), chance.normal(size=3000)], axis=1), y
    )
    assert found[0] == pytest.approx(1.0, abs=0.15)
    assert found.min() >= 0
    assert found[1] == 0


def test_folds_keep_a_person_whole_and_outcomes_even():
    chance = np.random.default_rng(1)
    persons, y = chance.integers(0, 500, 2000), chance.random(2000) < 0.2
    found = folds(y, persons, 5, seed=1)
    assert all(len(set(found[persons == one])) <= 1 for one in range(500))
    shares = [y[found == one].mean() for one in range(5)]
    assert max(shares) - min(shares) < 0.08
    for one in range(5):
        apart(persons, found != one, found == one)


def test_a_person_on_both_sides_of_a_split_is_found():
    with pytest.raises(EvidenceError, match="1 people are both learnt from and judged"):
        apart(np.array(["a", "b", "b", "c"]), [0, 1], [2, 3])


def test_somebody_entered_twice_is_split_as_one_person():
    frame, y, persons = truth.table(1000)
    twice = pl.concat([frame, frame[:20]])
    again = fitted(
        truth.task(), twice, np.append(y, y[:20]), np.append(persons, [f"other{at}" for at in range(20)])
    )
    assert "40 cases equal another person's in every feature" in " ".join(again.notes)
    assert (again.persons[1000:] == again.persons[:20]).all()


def test_of_many_who_are_alike_those_told_of_in_detail_are_one_and_the_others_are_told_of():
    chance = np.random.default_rng(1)
    fine = pl.DataFrame({f"value {at}": chance.normal(size=900) for at in range(9)})
    persons, same, alike = twins(pl.concat([fine, fine[:300]]), np.arange(1200))
    assert (same, alike, len(set(persons))) == (600, 0, 900)
    assert (persons[900:] == persons[:300]).all()
    coarse = pl.DataFrame({"a": chance.integers(0, 5, 900), "b": chance.integers(0, 5, 900)})
    persons, same, alike = twins(coarse, np.arange(900))
    assert (same, alike, len(set(persons))) == (0, 900, 900)
    frame, y, people = truth.table(1000)
    alone = frame.select((pl.col("rises, last") > 0).cast(pl.Float64), "kind")
    assert "what is said of quality flatters" in " ".join(fitted(truth.task(), alone, y, people).notes)


@pytest.mark.parametrize("value", [True, False])
def test_one_outcome_alone_is_refused(value: bool):
    frame, _, persons = truth.table(200)
    says = "all had the outcome" if value else "none had the outcome"
    with pytest.raises(EvidenceError, match=says):
        fitted(truth.task(), frame, np.full(200, value), persons)


def test_few_are_learnt_from_and_said_to_be(learnt: Fitted):
    frame, y, persons = truth.table(400)
    few = fitted(truth.task(), frame, y, persons)
    assert f"Learnt from {len(set(persons[y]))} people with the outcome" in " ".join(few.notes)
    assert learnt.notes == ()


def test_nothing_is_learnt_of_a_value_that_hardly_anybody_lacked() -> None:
    frame, y, persons = truth.table(CASES)
    strong, kind = _strongest(frame, y), pl.col("kind")
    rows = np.flatnonzero(y)[:9]
    lacking = pl.int_range(pl.len()).is_in(rows)
    few = frame.with_columns(
        pl.when(lacking).then(None).otherwise(pl.col(strong).fill_nan(0.0)).alias(strong),
        pl.when(lacking).then(pl.lit("rare")).otherwise(kind).alias("kind"),
    )
    found = fitted(truth.task(), few, y, persons)
    model = artefact_of(truth.task(), found, few, truth.made())
    told = {model.inputs[term.features[0]].name: term for term in model.terms if len(term.features) == 1}
    assert (told[strong].counts[0], told[strong].missing) == (9, 0.0)
    assert score.unlearnt(model, dict(few.row(int(rows[0]), named=True))) >= {strong.partition(",")[0]}


def _strongest(frame: pl.DataFrame, y: np.ndarray) -> str:
    numbers = [name for name in frame.columns if name.endswith(", last")]
    return max(numbers, key=lambda name: abs(auroc(y, np.nan_to_num(frame[name].to_numpy())) - 0.5))


def test_too_few_are_refused():
    frame, _, persons = truth.table(200)
    with pytest.raises(EvidenceError, match="3 people with the outcome and 100 without are too few"):
        fitted(truth.task(), frame, np.isin(np.arange(200), [0, 2, 4]), persons)


def test_what_does_not_fit_is_refused():
    frame, y, persons = truth.table(200)
    with pytest.raises(EvidenceError, match="200 cases, 199 outcomes and 200 persons"):
        fitted(truth.task(), frame, y[1:], persons)


def test_a_constant_column_and_one_never_measured_are_left_out_and_told():
    frame, y, persons = truth.table(1000)
    spoilt = frame.with_columns(
        pl.lit(1.0).alias("one, last"), pl.lit(float("nan")).alias("other, last"),
        pl.lit(None, pl.String).alias("kind"),
    )  # fmt: skip
    found = fitted(truth.task(), spoilt, y, persons)
    told = " ".join(found.notes)
    assert "never measured in the training set: other, last, kind." in told
    assert "always the same in the training set: one, last." in told
    assert set(found.names()) <= {"rises, last", "bends, last", "nothing, last"}


def test_nothing_but_constants_is_refused():
    frame, y, persons = truth.table(200)
    constant = frame.with_columns(pl.lit(1.0).alias(name) for name in frame.columns if name != "kind")
    with pytest.raises(EvidenceError, match="No feature has two values"):
        fitted(truth.task(), constant.with_columns(pl.lit("a").alias("kind")), y, persons)


def test_no_more_terms_than_can_be_read():
    frame, y, persons = truth.table(2000)
    few = truth.task(terms=3, pairs=0)
    found = fitted(few, frame, y, persons)
    assert len(found.model.features) <= 3
    assert "rises, last" in found.names()
    assert "bends, last" in found.names()
