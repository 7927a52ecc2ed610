"""How an insight looks as a card."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.insight import Abstention, Estimate, Finding, Insight, ModelRef, Reason, Urgency
from salus.delivery.cds_hooks_cards import SUMMARY_LIMIT, Look, card, cards, orders_drugs, shortened
from salus.delivery.cds_hooks_check import check_response
from salus.delivery.settings import Settings
from salus.delivery.tally import Tally

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
LOOK = Look("patient-view", Settings(base_url="https://salus.example"), "https://salus.example/patients/7")
HIGH = Insight(
    "Patient/p1",
    ModelRef("news2", "1.0.0"),
    "How ill?",
    NOW,
    Finding("NEWS2", Estimate(9.0, "{score}"), says="NEWS2 9 (high risk)."),
    Urgency.NOW,
    (Reason(("Observation/rr",), 3.0, "Breathing 28 /min: 3 points"),),
    ("ACVPU not recorded.",),
    id="0" * 32,
)
UNABLE = replace(
    HIGH, body=Abstention("missing-evidence", "Not judged.", ("pulse",)), urgency=None, id="1" * 32
)


@pytest.mark.parametrize(
    ("urgency", "indicator"),
    [
        (Urgency.NOW, "critical"),
        (Urgency.TODAY, "warning"),
        (Urgency.THIS_WEEK, "info"),
        (Urgency.ROUTINE, "info"),
        (None, "info"),
    ],
)
def test_urgency_sets_the_indicator(urgency: Urgency | None, indicator: str) -> None:
    assert card(replace(HIGH, urgency=urgency), LOOK)["indicator"] == indicator


def test_a_card_leads_into_the_record_where_the_record_is_here() -> None:
    links = [{"label": "Open in Salus", "url": "https://salus.example/patients/7", "type": "absolute"}]
    assert card(HIGH, LOOK)["links"] == links
    assert "links" not in card(HIGH, replace(LOOK, page=None))


@pytest.mark.parametrize(("hook", "count"), [("patient-view", 3), ("encounter-start", 3), ("order-sign", 1)])
def test_who_reads_hears_all_and_who_orders_what_cannot_wait(hook: str, count: int) -> None:
    calm = replace(HIGH, urgency=Urgency.ROUTINE, id="2" * 32)
    sent = cards([HIGH, calm, UNABLE], replace(LOOK, hook=hook))
    assert len(sent) == count
    assert sent[0].insights == (HIGH.id,)


def test_that_a_model_does_not_fit_the_patient_is_no_news() -> None:
    child = replace(UNABLE, body=Abstention("not-eligible", "Under 16."))
    assert cards([child], LOOK) == []


OUTSIDE = replace(UNABLE, body=Abstention("out-of-distribution", "Made for 90 to 200 mm[Hg]."))


def test_a_value_outside_a_models_range_is_no_failure_of_the_model() -> None:
    (sent,) = cards([OUTSIDE], LOOK)
    assert str(sent.card["summary"]).startswith("Could not judge")
    tally = Tally()
    tally.note([OUTSIDE])
    assert tally.failing() == {}
    assert tally.counts() == {("news2", "out-of-distribution"): 1}


def test_what_could_not_be_judged_shares_one_card_that_says_what_is_missing() -> None:
    (sent,) = cards([UNABLE, replace(UNABLE, id="3" * 32)], LOOK)
    assert sent.insights == (UNABLE.id, "3" * 32)
    assert "- pulse" in str(sent.card["detail"])


@given(st.text(max_size=400))
def test_whatever_a_record_says_the_card_is_sound_and_shows_it_as_text(text: str) -> None:
    reasons = (Reason((), 1.0, text),)
    body = Finding("x", Estimate(1.0), says=text)
    made = card(replace(HIGH, body=body, reasons=reasons, limits=(text,)), LOOK)
    assert check_response({"cards": [made]}) == []
    assert len(str(made["summary"])) <= SUMMARY_LIMIT


def test_markup_in_a_record_stays_text() -> None:
    text = "[click](https://evil.example) <b>*now*</b>"
    detail = str(card(replace(HIGH, limits=(text,)), LOOK)["detail"])
    assert r"\[click\](https:\//evil.example) \<b\>\*now\*\</b\>" in detail


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_a_shortened_text_fits(text: str, limit: int) -> None:
    assert len(shortened(text, limit)) <= limit


def test_a_card_of_a_demonstration_says_so() -> None:
    label = card(HIGH, replace(LOOK, demonstration=True))["source"]["label"]
    assert label.startswith("Demonstration, not for care")
    assert "emonstration" not in str(card(HIGH, LOOK))


@pytest.mark.parametrize(
    "odd", [None, 7, [], {}, {"entry": None}, {"entry": 7}, {"entry": [7, {"resource": 7}]}]
)
def test_orders_of_any_shape_are_looked_through(odd: object) -> None:
    assert not orders_drugs({"draftOrders": odd})
