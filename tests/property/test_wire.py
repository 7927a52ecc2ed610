"""What passes to a model in a process of its own and back arrives as it was, whatever it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.card import Action, Card, Measured, Need
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Absence, Event, Timeline
from salus.core.insight import (
    Abstention,
    Advice,
    Draft,
    Estimate,
    Finding,
    Insight,
    ModelRef,
    Outcome,
    Reason,
    Risk,
    Signal,
    Urgency,
)
from salus.core.registry import models
from salus.core.wire import LENGTH, frame, insight_in, noun_in, out, timeline_in, unframed, view_out
from salus.privacy.gate import open_view

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES)
# Any text, the halves of a surrogate pair too, which some record may hold.
TEXTS = st.text(st.characters(), max_size=20)
NUMBERS = st.floats(allow_nan=False)
VALUES = st.one_of(NUMBERS, TEXTS, st.booleans(), st.sampled_from(Absence), st.none(), st.integers())
EVENTS = st.builds(
    Event,
    codes=st.lists(TEXTS, max_size=3).map(tuple),
    time=st.none() | MOMENTS,
    end=st.none() | MOMENTS,
    known_at=st.none() | MOMENTS,
    value=VALUES,
    unit=st.none() | TEXTS,
    comparator=st.none() | st.sampled_from(["<", "<=", ">=", ">"]),
    status=st.none() | TEXTS,
    source=TEXTS,
)


def sent(message: Any) -> dict[str, Any]:
    """Return `message` as it arrives at the other end."""
    told = frame(message)
    assert LENGTH.unpack(told[: LENGTH.size]) == (len(told) - LENGTH.size,)
    return unframed(told[LENGTH.size :])


@given(st.lists(EVENTS, max_size=6), TEXTS)
def test_a_view_arrives_as_it_was(events: list[Event], subject: str) -> None:
    timeline = Timeline.of(subject, events)
    view = open_view(timeline, Actor("me"), DIRECT_CARE, datetime(2200, 1, 1, tzinfo=UTC))
    told = sent(view_out(view))
    arrived = timeline_in(told)
    assert arrived == view.timeline
    assert [_kinds(event) for event in arrived] == [_kinds(event) for event in view.timeline]
    assert datetime.fromisoformat(told["as_of"]) == view.as_of
    assert (told["subject"], told["purpose"], told["permit"]) == (subject, view.purpose, view.permit)
    assert set(told) == {"subject", "as_of", "purpose", "permit", "events"}, "and nothing else is handed over"


def _kinds(event: Event) -> tuple[object, ...]:
    """Equality takes True for 1, an Absence for its word, and one zone for another."""
    moments = (event.time, event.end, event.known_at)
    return (type(event.value), *(each and each.utcoffset() for each in moments))


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MANY_WORDS = st.lists(WORDS, max_size=3).map(tuple)
ESTIMATES = st.builds(
    Estimate, st.none() | NUMBERS, WORDS, st.none() | NUMBERS, st.none() | NUMBERS, st.just("sampling")
)
OUTCOMES = st.builds(Outcome, WORDS, ESTIMATES, WORDS)
MANY_OUTCOMES = st.lists(OUTCOMES, max_size=2).map(tuple)
BODIES = st.one_of(
    st.builds(Risk, MANY_OUTCOMES, WORDS),
    st.builds(Finding, WORDS, ESTIMATES, WORDS, WORDS, MANY_OUTCOMES),
    st.builds(Advice, WORDS, MANY_WORDS),
    st.builds(Signal, WORDS, st.none() | ESTIMATES),
    st.builds(Draft, WORDS, WORDS),
    st.builds(Abstention, WORDS, WORDS, MANY_WORDS, st.none() | ESTIMATES),
)
INSIGHTS = st.builds(
    Insight,
    subject=WORDS,
    model=st.builds(ModelRef, WORDS, WORDS),
    asks=WORDS,
    as_of=MOMENTS,
    body=BODIES,
    urgency=st.none() | st.sampled_from(Urgency),
    reasons=st.lists(st.builds(Reason, MANY_WORDS, NUMBERS, WORDS, WORDS, st.none() | WORDS), max_size=2).map(
        tuple
    ),
    limits=MANY_WORDS,
    permit=WORDS,
)


@given(INSIGHTS)
def test_an_insight_arrives_as_it_was(insight: Insight) -> None:
    assert insight_in(sent({"insight": out(insight)})["insight"]) == insight


def test_every_card_arrives_as_it_was() -> None:
    odd = Card(
        "odd", "1", "?", "", "", (Need("x", "Observation"),), (Action(float("-inf"), None, ""),), "", (),
        measures=(Measured("all", "AUROC", 0.7, n=3),), hooks=(),
    )  # fmt: skip
    for card in (odd, *(model.card for model in models().values())):
        assert noun_in(Card, sent({"card": out(card)})["card"]) == card


GOOD = out(
    Insight("Patient/1", ModelRef("a", "1"), "?", datetime(2026, 1, 1, tzinfo=UTC), Advice("rest"), None)
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": None},
        {"subject": 7},
        {"subject": "\ud800"},
        {"as_of": "2026-01-01"},
        {"as_of": 5},
        {"urgency": "at once"},
        {"urgency": True},
        {"body": None},
        {"body": "ill"},
        {"body": {"is": "Advice", "says": "rest", "alternatives": "abc", "kind": "advice"}},
        {"body": {"is": "Advice", "says": "rest", "kind": "abstention"}},
        {"body": {"is": "Card", "says": "rest"}},
        {"body": {"is": "Finding", "of": "x", "estimate": {"is": "Estimate", "value": float("nan")}}},
        {"body": {"is": "Finding", "of": "x", "estimate": {"is": "Estimate", "value": 10**400}}},
        {"body": {"is": "Finding", "of": "x", "estimate": {"is": "Estimate", "value": "3"}}},
        {"reasons": {}},
        {"reasons": [{"is": "Reason"}]},
        {"limits": [None]},
        {"more": "than there is"},
        {"is": "Card"},
    ],
)
def test_what_is_no_insight_is_refused(wrong: dict[str, Any]) -> None:
    assert insight_in(GOOD).subject == "Patient/1"
    with pytest.raises(ValueError):
        insight_in({**GOOD, **wrong})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, min_size=1))
def test_anything_is_an_insight_or_is_refused(parts: dict[str, Any]) -> None:
    try:
        told = insight_in({**GOOD, **parts})
    except ValueError:
        return
    assert out(told) is not None and told.subject.encode() is not None


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        unframed(text)
