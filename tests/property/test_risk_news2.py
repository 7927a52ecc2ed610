"""NEWS2 whatever the record looks like: order, repetition, units, unrelated facts never change the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Event
from salus.core.insight import Abstention, Estimate, Finding, Insight
from salus.core.units import convert
from salus.risk.news2 import MODEL
from tests.risk_views import NOW, has, person, seen, takes, view

ADULT = person(60)
OTHER_UNIT = {"/min": "/h", "mm[Hg]": "kPa", "%": "1", "Cel": "[degF]", "L/min": "mL/s"}
UNRELATED = (
    seen("LOINC/2160-0", 1.1, "mg/dL"),
    seen("LOINC/8462-4", 70.0, "mm[Hg]"),
    has("SNOMED/444814009"),
    has("ICD10CM/J449"),
    takes("oxycodone 5 MG"),
)


def _reading(code: str, unit: str, low: int, high: int) -> st.SearchStrategy[Event]:
    ages = st.integers(0, 300)
    return st.builds(
        lambda value, age: seen(code, float(value), unit, before=timedelta(minutes=age)),
        st.integers(low, high),
        ages,
    )


COMPLETE = st.tuples(
    _reading("LOINC/9279-1", "/min", 4, 40),
    _reading("LOINC/59408-5", "%", 78, 100),
    _reading("LOINC/3151-8", "L/min", 0, 4),
    _reading("LOINC/8480-6", "mm[Hg]", 70, 240),
    _reading("LOINC/8867-4", "/min", 30, 150),
    st.sampled_from("ACVPU").map(lambda state: seen("SNOMED/1104441000000107", state)),
    st.integers(340, 400).map(lambda tenths: seen("LOINC/8310-5", tenths / 10, "Cel")),
)
SCALE = st.sampled_from([(), (seen("SNOMED/1104321000000108", 0.0, before=timedelta(days=2)),)])


def ask(*events: Event) -> Insight:
    return MODEL.predict(view(*ADULT, *events))


def number(insight: Insight) -> Estimate:
    assert isinstance(insight.body, Finding | Abstention)
    assert insight.body.estimate is not None
    return insight.body.estimate


@given(COMPLETE, SCALE, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(
    record: tuple[Event, ...], scale: tuple[Event, ...], random: object
) -> None:
    events = [*record, *scale]
    again = events * 2
    random.shuffle(again)  # type: ignore[attr-defined]
    assert ask(*again) == ask(*events)


@given(COMPLETE, SCALE)
def test_units_do_not_matter(record: tuple[Event, ...], scale: tuple[Event, ...]) -> None:
    other = [
        replace(
            event, value=convert(event.value, event.unit, OTHER_UNIT[event.unit]), unit=OTHER_UNIT[event.unit]
        )
        if event.unit and isinstance(event.value, float)
        else event
        for event in record
    ]
    before, after = ask(*record, *scale), ask(*other, *scale)
    assert (number(after), after.urgency) == (number(before), before.urgency)
    assert isinstance(before.body, Finding)
    assert isinstance(after.body, Finding)
    assert (after.body.parts, after.body.category) == (before.body.parts, before.body.category)


@given(COMPLETE, st.sets(st.sampled_from(UNRELATED)))
def test_unrelated_facts_do_not_matter(record: tuple[Event, ...], more: set[Event]) -> None:
    assert ask(*record, *more) == ask(*record)


@given(COMPLETE, SCALE, st.sets(st.integers(0, 6)))
def test_the_range_holds_every_answer_that_filling_the_gaps_gives(
    record: tuple[Event, ...], scale: tuple[Event, ...], gone: set[int]
) -> None:
    exact = number(ask(*record, *scale)).value
    assert exact is not None
    left = number(ask(*(event for index, event in enumerate(record) if index not in gone), *scale))
    low = left.value if left.low is None else left.low
    high = left.value if left.high is None else left.high
    assert low is not None and high is not None
    assert low <= exact <= high


@given(COMPLETE, SCALE, st.sets(st.integers(0, 6)))
def test_a_gap_never_makes_it_look_less_urgent(
    record: tuple[Event, ...], scale: tuple[Event, ...], gone: set[int]
) -> None:
    whole = ask(*record, *scale)
    gappy = ask(*(event for index, event in enumerate(record) if index not in gone), *scale)
    assert whole.urgency is not None
    assert isinstance(gappy.body, Abstention) or (
        gappy.urgency is not None and gappy.urgency.rank <= whole.urgency.rank
    )


@given(COMPLETE, SCALE)
def test_reasons_add_up_and_point_into_the_view(record: tuple[Event, ...], scale: tuple[Event, ...]) -> None:
    insight = ask(*record, *scale)
    assert sum(reason.weight for reason in insight.reasons) == number(insight).value
    inside = {event.source for event in (*ADULT, *record, *scale)}
    assert {source for reason in insight.reasons for source in reason.evidence} <= inside


@given(COMPLETE)
def test_what_was_known_later_is_not_used(record: tuple[Event, ...]) -> None:
    later = seen("LOINC/8480-6", 60.0, "mm[Hg]", before=timedelta(hours=-1), name="later")
    assert ask(*record, later) == ask(*record)
    assert all(event.time is not None and event.time <= NOW for event in record)
