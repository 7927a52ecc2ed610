"""The suite that ships for authors of rooms, run on the house's own models and on models that break it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from salus.core.insight import Abstention, Insight, ModelRef, Reason
from salus.core.registry import models
from salus.record.fhir import bundle
from salus.record.sources.ward import WARD_INSTANT, ward_resources
from salus.testing.conformance import check_card, check_model, check_source

NAMES = sorted(models())


@pytest.fixture(scope="module")
def ward():
    entries = [{"resource": resource} for resource in ward_resources()]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    return bundle(raw, "ward")[0]


@pytest.mark.parametrize("name", NAMES)
def test_model_keeps_its_promises_about_the_whole_ward(name, ward):
    said = check_model(models()[name], ward, WARD_INSTANT)
    assert len(said) == len(ward) + 1


def test_between_them_they_judge_somebody_at_every_urgency(ward):
    every = [insight for name in NAMES for insight in check_model(models()[name], ward, WARD_INSTANT)]
    assert {insight.urgency.value for insight in every if insight.urgency} >= {"now", "today", "routine"}
    assert any(isinstance(insight.body, Abstention) for insight in every)


def test_the_fixture_that_ships_gives_the_models(salus_models):
    assert sorted(salus_models) == NAMES


def test_source_of_the_ward(ward):
    class Shelf:
        def read(self, place):
            return ward

    assert check_source(Shelf(), "ward") == ward


@dataclass
class Broken:
    """A model that answers with whatever it is given."""

    says: object
    card = models()["news2"].card

    def predict(self, view):
        return self.says(view) if callable(self.says) else self.says


def _insight(view, **other):
    ref = ModelRef("news2", "0")
    plain = Insight(view.subject, ref, "?", view.as_of, Abstention("missing-evidence", "cannot judge"))
    return replace(plain, **other)


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        (None, "an answer is an Insight"),
        (lambda view: _insight(view, body="sick"), "none of the six kinds"),
        (lambda view: _insight(view, subject="Patient/other"), "another moment or subject"),
        (lambda view: _insight(view, model=ModelRef("other", "0")), "another name"),
        (
            lambda view: _insight(view, reasons=(Reason(("Observation/made-up",), 1, "so"),)),
            "outside the view",
        ),
        (lambda view: _insight(view, limits=(str(len(CALLS)), CALLS.append(1))), "got another answer"),
    ],
)
def test_a_model_that_breaks_a_promise_is_told_which(says, complaint, ward):
    with pytest.raises(AssertionError, match=complaint):
        check_model(Broken(says), ward[:1], WARD_INSTANT)


CALLS: list[int] = []


def test_a_card_that_says_too_little_is_told_what():
    with pytest.raises(AssertionError, match="nothing for not_for"):
        check_card(replace(models()["news2"].card, not_for=" "))
