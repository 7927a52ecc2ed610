"""CHA2DS2-VA whatever the record looks like: order, repetition, unrelated facts never change the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Event
from salus.core.insight import Abstention, Estimate, Finding, Insight
from salus.risk.cha2ds2_vasc import MODEL
from tests.risk_views import NOW, has, person, seen, takes, view

AF = has("ICD10CM/I4891", name="af")
HISTORY = (
    *(has("ICD10CM/I5022", name="hf"), has("SNOMED/38341003", name="ht"), has("ICD9CM/25000", name="dm")),
    *(
        has("ICD10CM/I639", name="stroke"),
        has("SNOMED/53741008", name="cad"),
        has("ICD10CM/I700", name="plaque"),
    ),
    *(has("ICD9CM/438", name="late"), takes("ramipril"), takes("apixaban"), seen("LOINC/10230-1", 35.0, "%")),
)
UNRELATED = (has("SNOMED/444814009"), takes("paracetamol"), seen("LOINC/2160-0", 1.0, "mg/dL"))
PERSON = st.tuples(st.integers(18, 100), st.sampled_from(["male", "female"])).map(lambda who: person(*who))
RECORD = st.lists(st.sampled_from(HISTORY), unique=True)


def ask(*events: Event) -> Insight:
    return MODEL.predict(view(*events))


def number(insight: Insight) -> Estimate:
    assert isinstance(insight.body, Finding | Abstention)
    assert insight.body.estimate is not None
    return insight.body.estimate


def ends(estimate: Estimate) -> tuple[float, float]:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    assert low is not None and high is not None
    return low, high


@given(PERSON, RECORD, st.integers())
def test_order_and_repetition_do_not_matter(who: tuple[Event, ...], record: list[Event], seed: int) -> None:
    again = [*who, AF, *record] * 2
    Random(seed).shuffle(again)
    assert ask(*again) == ask(*who, AF, *record)


@given(PERSON, RECORD, st.sets(st.sampled_from(UNRELATED)))
def test_unrelated_facts_do_not_matter(who: tuple[Event, ...], record: list[Event], more: set[Event]) -> None:
    calm = takes("omeprazole")
    with_more, without = ask(*who, AF, calm, *record, *more), ask(*who, AF, calm, *record)
    # They stand in the list that a "no" rests on, and among what could not be placed; the answer is the same.
    assert (with_more.body, with_more.urgency) == (without.body, without.urgency)
    assert [(why.says, why.weight) for why in with_more.reasons] == [
        (why.says, why.weight) for why in without.reasons
    ]


@given(PERSON, RECORD)
def test_a_fraction_is_a_percentage(who: tuple[Event, ...], record: list[Event]) -> None:
    other = [replace(event, value=0.35, unit="1") if event.unit == "%" else event for event in record]
    assert number(ask(*who, AF, *other)) == number(ask(*who, AF, *record))


@given(PERSON, RECORD)
def test_suspicion_widens_the_range_around_both_answers(who: tuple[Event, ...], record: list[Event]) -> None:
    suspected = [
        replace(event, status="provisional") if event.kind == "Condition" else event for event in record
    ]
    low, high = ends(number(ask(*who, AF, *suspected)))
    certain = ends(number(ask(*who, AF, *record)))
    assert low <= certain[0]
    assert certain[1] <= high


@given(PERSON, RECORD)
def test_age_not_known_widens_the_range_around_every_age(who: tuple[Event, ...], record: list[Event]) -> None:
    low, high = ends(number(ask(who[1], AF, *record)))
    certain = ends(number(ask(*who, AF, *record)))
    assert low <= certain[0]
    assert certain[1] <= high


@given(PERSON, RECORD)
def test_what_was_known_later_is_not_used(who: tuple[Event, ...], record: list[Event]) -> None:
    later = replace(has("ICD10CM/I639", name="later"), known_at=NOW + timedelta(days=1))
    assert ask(*who, AF, *record, later) == ask(*who, AF, *record)


HOURS = st.lists(st.integers(1, 120), max_size=4, unique=True)


@given(PERSON, RECORD, HOURS, st.integers(-12, 14))
def test_the_clock_of_the_one_who_asks_changes_no_answer(
    who: tuple[Event, ...], record: list[Event], hours: list[int], zone: int
) -> None:
    high = [seen("LOINC/8480-6", 160.0, "mm[Hg]", before=timedelta(hours=n), name=f"b{n}") for n in hours]
    asked = NOW.astimezone(timezone(timedelta(hours=zone)))
    here, there = ask(*who, AF, *record, *high), MODEL.predict(view(*who, AF, *record, *high, as_of=asked))
    assert (number(there), there.urgency) == (number(here), here.urgency)


@given(PERSON, RECORD)
def test_reasons_point_into_the_view(who: tuple[Event, ...], record: list[Event]) -> None:
    inside = {event.source for event in (*who, AF, *record)}
    insight = ask(*who, AF, *record)
    assert {source for reason in insight.reasons for source in reason.evidence} <= inside
