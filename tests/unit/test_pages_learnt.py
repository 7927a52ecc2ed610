"""What the pages show of a learnt model: measures by group, reasons as odds, people like this one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from salus.core.card import Action, Card, Measured
from salus.core.evidence import Event
from salus.core.insight import Estimate, Insight, ModelRef, Outcome, Risk
from salus.core.registry import models as known
from salus.delivery.web.pages import answers, models
from salus.delivery.web.render import Page, written
from salus.governance.standing import ModelStatus
from tests import learnt_views

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SOURCE = "PhysioNet/CinC Challenge 2012, set-a, each case held out once when it was trained"
GROUPS = ("everybody", "sex: female", "sex: male", "age: 65 to under 80", "age: 80 and over")
MEASURES = tuple(
    Measured(group, measure, value, value - 0.02, value + 0.02, 4000 - place, SOURCE, "cases")
    for place, group in enumerate(GROUPS)
    for measure, value in (("AUROC", 0.86), ("observed by expected", 1.01))
)
CARD = replace(
    known()["news2"].card,
    name="icu-mortality",
    measures=MEASURES,
    notes=(
        "Trained on 2026-11-26 by salus 0.2.0.",
        "Threshold: 9.1 %. One death missed for ten false alarms.",
    ),
)


def shown(*events: Event) -> answers.Answer:
    """Return the answer of a learnt model that nobody trained, about a woman of 70, as its page has it."""
    asked = learnt_views.asked(*learnt_views.patient(), learnt_views.stay(), *events)
    return answers.answer(asked, learnt_views.model().card, "female", (), stale=False)


def page(card: Card) -> str:
    values = {
        "card": card,
        "status": ModelStatus("icu-mortality", "1", "Will she?", "live"),
        "demonstrated": False,
        "measured": [answers.measured(row) for row in card.measures],
        "tables": models.by_group(card.measures),
    }
    return written("model.html", page=Page("models"), **values)


def test_a_risk_is_told_of_people_and_its_reasons_as_odds() -> None:
    answer = shown()
    assert re.fullmatch(r"About \d+ in 100", answer.headline)
    assert answer.lead == "patients like this: death in hospital"
    labels = {why.says: why.bar.label for why in answer.weighs if why.bar}
    assert labels["Age: 70 years"] == "odds ×1.2"
    assert labels["Sex: female"] == "odds ×0.9"


def test_what_was_not_measured_weighs_and_is_said_once() -> None:
    answer = shown()
    bars = {why.says: why.bar for why in answer.why}
    assert bars["Pulse was not recorded"] is not None
    assert bars["Pulse was not recorded"].told == "raises it: odds ×1.3"
    assert not [why.says for why in answer.unknown if why.says == "Pulse was not recorded"]
    assert any(why.says.startswith("Not recorded, and would change") for why in answer.unknown)


def test_how_it_does_in_people_like_this_one_stands_under_that_heading_once() -> None:
    answer = shown()
    assert answer.measured[0].startswith("Of two of whom one had the outcome, it gave that one the")
    assert answer.measured[1].startswith("For each 100 with the outcome that it expected among them")
    assert answer.measured[2].startswith("Too few to judge in people like this one: ")
    assert "like this one" not in " ".join(why.says for why in answer.unknown)
    assert answer.measured_by == ("People who do not exist, each case held out once when it was trained",)


def test_a_model_that_says_nothing_of_groups_is_told_by_its_card() -> None:
    body = Risk((Outcome("death in hospital", Estimate(0.123)),))
    plain = Insight("Patient/1", ModelRef("icu-mortality", "1"), "Will she?", NOW, body)
    assert answers.answer(plain, CARD, "female", (), stale=False).measured[0] == (
        "everybody: AUROC 0.86 (0.84 to 0.88), 4,000 cases"
    )


def test_measures_by_group_are_a_table_with_their_source() -> None:
    text = page(CARD)
    table = re.search(r"<table.*?</table>", text[text.index("How does it do?") :], flags=re.S)
    assert table is not None
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)", row) for row in table[0].split("<tr")[2:]]
    assert [row[0] for row in rows] == list(GROUPS)
    assert rows[1] == ["sex: female", "3,999 cases", "0.86 (0.84 to 0.88)", "1.01 (0.99 to 1.03)"]
    assert text.count(SOURCE) == 1
    assert "report.css" in text
    for note in CARD.notes:
        assert f"<li>{note}</li>" in text


def test_a_measure_that_a_group_lacks_is_not_measured() -> None:
    (made,) = models.by_group(MEASURES[:-1])
    assert made.rows[-1][2:] == ("0.86 (0.84 to 0.88)", "not measured")


@pytest.mark.parametrize(
    "measures", [(), MEASURES[:6], tuple(replace(row, group=str(n)) for n, row in enumerate(MEASURES))]
)
def test_a_few_measures_stay_a_list(measures: tuple[Measured, ...]) -> None:
    assert models.by_group(measures) == []
    assert page(replace(CARD, measures=measures)).count("<table") == 2


def test_groups_in_which_two_meet_are_folded_away() -> None:
    meeting = tuple(replace(row, group="sex and age: female, 80 and over") for row in MEASURES[:2])
    single, met = models.by_group((*MEASURES, *meeting))
    assert [row[0] for row in single.rows] == list(GROUPS)
    assert [row[0] for row in met.rows] == ["sex and age: female, 80 and over"]
    text = page(replace(CARD, measures=(*MEASURES, *meeting)))
    assert "<details><summary>Where groups meet (1 row)</summary>" in text


def test_a_threshold_of_risk_is_told_of_a_hundred() -> None:
    text = page(replace(CARD, actions=(Action(0.0, None, "calm"), Action(1 / 3, None, "look again"))))
    assert '<th scope="row">33.33 in 100</th>' in text
    assert '<th scope="row">0</th>' in text
    assert '<th scope="row">5</th>' in page(CARD)
