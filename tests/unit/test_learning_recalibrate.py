"""Recalibration for a site: a shifted population is set right, the ranking stays, few cases say little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from salus.core.errors import EvidenceError
from salus.learning import artefact as artefacts
from salus.learning import calibrate, score
from salus.learning.artefact import Artefact, Made, TrainedOn
from salus.learning.calibrate import Affine
from salus.learning.recalibrate import SiteCases, recalibrated
from tests.additive import document, feature

DRAWS = 100
DATA = TrainedOn("st-example", "St Example's", "b" * 64, "own", "board 2026-31", 900, 200, 4)
SITE = Made("2026-05-06T00:00:00+00:00", "0.1.0", 7, {}, DATA)


def made() -> Artefact:
    features = [feature("pulse, last", "last", "pulse"), feature("lactate, last", "last", "lactate")]
    terms = [
        {"feature": 0, "edges": [60.0, 90.0, 120.0], "scores": [-0.6, 0.0, 0.5, 1.1], "missing": 0.1,
         "counts": [10, 200, 300, 300, 190], "knots": [40.0, 180.0], "heights": [0.0, 0.7]},
        {"feature": 1, "edges": [2.0, 4.0], "scores": [-0.4, 0.3, 1.2], "missing": -0.1,
         "counts": [400, 300, 200, 100]},
    ]  # fmt: skip
    return artefacts.of(document(features, terms))


def shifted(n: int, slope: float, shift: float, seed: int = 1) -> tuple[pl.DataFrame, Any, Any]:
    """A population in which the log-odds are slope times the model's, and `shift` more."""
    chance = np.random.default_rng(seed)
    lactate = np.where(chance.random(n) < 0.3, np.nan, chance.gamma(2.0, 1.2, n))
    frame = pl.DataFrame({"pulse, last": chance.normal(95, 30, n), "lactate, last": lactate})
    _, logit = score.table(made(), frame)
    return frame, logit, chance.random(n) < calibrate.expit(slope * logit + shift)


def site(n: int = 6000, slope: float = 0.6, shift: float = 1.0, seed: int = 1) -> tuple[Any, Any]:
    frame, logit, y = shifted(n, slope, shift, seed)
    groups = {"sex": ["female" if at % 2 else "male" for at in range(n)]}
    return frame, recalibrated(made(), SiteCases(y, logit, None, groups), SITE, draws=DRAWS)


def test_a_shifted_population_is_set_right_and_its_order_stays_as_it_was() -> None:
    frame, done = site()
    assert done.before["slope"]["high"] < 1
    assert done.before["observed_expected"]["low"] > 1
    for name, right in (("slope", 1), ("intercept", 0), ("observed_expected", 1)):
        assert done.after[name]["low"] < right < done.after[name]["high"], name
    assert done.after["ece"]["value"] < done.before["ece"]["value"] / 3
    _, before = score.table(made(), frame)
    _, after = score.table(done.artefact, frame)
    assert (np.argsort(before, kind="stable") == np.argsort(after, kind="stable")).all()
    assert done.artefact.terms == made().terms
    assert done.artefact.novelty == made().novelty
    assert (done.artefact.threshold, done.artefact.misses) == (made().threshold, made().misses)


def test_it_holds_on_people_who_had_no_part_in_it() -> None:
    _, done = site()
    frame, _, y = shifted(6000, 0.6, 1.0, seed=2)
    risk, logit = score.table(done.artefact, frame)
    slope, _ = calibrate.slope_and_intercept(y, logit)
    assert slope == pytest.approx(1, abs=0.12)
    assert calibrate.in_the_large(y, logit) == pytest.approx(0, abs=0.12)
    limits = done.artefact.quantiles
    assert (risk[~y] <= limits["no"]).mean() == pytest.approx(0.9, abs=0.02)
    assert (1 - risk[y] <= limits["yes"]).mean() == pytest.approx(0.9, abs=0.02)


def test_what_is_said_of_it_is_not_measured_on_the_cases_that_made_it() -> None:
    """With 12 events the calibration in the large of the very cases would be all but 0."""
    _, logit, _ = shifted(400, 1.0, 0.0)
    y = np.zeros(400, bool)
    y[np.argsort(logit)[-240::20]] = True
    done = recalibrated(made(), SiteCases(y, logit), SITE, draws=DRAWS)
    own = done.line.of(logit)
    assert calibrate.in_the_large(y, own) != pytest.approx(done.after["intercept"]["value"], abs=1e-4)


def test_few_events_move_the_intercept_alone_and_less_than_they_say() -> None:
    _, logit, y = shifted(250, 1.0, 0.8)
    many = int(y.sum())
    assert 10 <= many < 100
    done = recalibrated(made(), SiteCases(y, logit), SITE, draws=DRAWS)
    assert done.line.slope == 1
    assert 0 < done.line.intercept < calibrate.in_the_large(y, logit)
    assert "intercept alone" in done.line.how
    assert done.artefact.slope == pytest.approx(made().slope)


def test_too_few_are_refused_and_so_is_a_ranking_that_is_turned_round() -> None:
    _, logit, y = shifted(6000, 1.0, 0.0)
    rare = y & (np.cumsum(y) <= 9)
    with pytest.raises(EvidenceError, match="9 cases of the rarer outcome are too few"):
        recalibrated(made(), SiteCases(rare, logit), SITE, draws=DRAWS)
    with pytest.raises(EvidenceError, match="turn the ranking round"):
        recalibrated(made(), SiteCases(y, -logit), SITE, draws=DRAWS)
    # So few that the intercept alone would be estimated.
    some = y & (np.cumsum(y) <= 60)
    with pytest.raises(EvidenceError, match="turn the ranking round"):
        recalibrated(made(), SiteCases(some, -logit), SITE, draws=DRAWS)


def test_both_sets_are_named_and_it_reads_back_the_same() -> None:
    _, done = site()
    data = done.artefact.made.data
    for words in (data.title, done.artefact.shapes_of):
        assert "People who do not exist" in words
        assert "St Example's" in words
    assert data.digest.split() == ["0" * 64, "b" * 64]
    assert done.artefact.shapes_of.startswith(made().shapes_of)
    assert (data.n, done.artefact.made.seed) == (1000, 7)
    assert artefacts.loads(done.artefact.dumps()) == done.artefact
    whole, *groups = done.artefact.measures
    assert (whole.by, whole.n) == ("everyone", 6000)
    assert {one.group for one in groups} == {"female", "male"}


def test_recalibrated_twice_is_one_affine_map_of_the_scores() -> None:
    _, logit, y = shifted(6000, 0.6, 1.0)
    once_ = recalibrated(made(), SiteCases(y, logit), SITE, draws=DRAWS)
    first = Affine(made().slope, made().shift)
    told = once_.line.after(first)
    assert (once_.artefact.slope, once_.artefact.shift) == (told.slope, told.intercept)
    again = recalibrated(once_.artefact, SiteCases(y, once_.line.of(logit)), SITE, draws=DRAWS)
    assert again.artefact.slope == pytest.approx(once_.artefact.slope, rel=0.02)
    assert replace(again.artefact, slope=1.0, shift=0.0).terms == made().terms


def test_the_same_cases_and_seed_make_the_same_bytes() -> None:
    assert site()[1].artefact.dumps() == site()[1].artefact.dumps()
