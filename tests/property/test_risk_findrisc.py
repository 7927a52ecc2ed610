"""FINDRISC whatever the record looks like: order, repetition, units, unrelated facts never change it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Event
from salus.core.insight import Abstention, Estimate, Insight, Risk
from salus.core.units import convert
from salus.risk.findrisc import MODEL
from tests.risk_views import NOW, has, person, seen, takes, view

OTHER_UNIT = {"cm": "[in_i]", "kg/m2": "g/m2", "mmol/L": "mg/dL", "min/d": "h/d"}
GLUCOSE_GRAMS = 180.156
UNRELATED = (seen("LOINC/8867-4", 80.0, "/min"), has("SNOMED/444814009", name="cold"), takes("paracetamol"))


def _family(role: str | None) -> Event:
    if role is None:
        return has("SNOMED/160274005", name="none")
    codes = (f"http://terminology.hl7.org/CodeSystem/v3-RoleCode|{role}",)
    return Event(codes, NOW, None, NOW, "SNOMED/44054006", None, None, "completed", "FamilyMemberHistory/f")


# One answer to each question, and what a full record needs: lists of conditions and of medications.
COMPLETE = st.tuples(
    st.integers(170, 450).map(lambda tenths: seen("LOINC/39156-5", tenths / 10, "kg/m2")),
    st.integers(600, 1400).map(lambda tenths: seen("LOINC/8280-0", tenths / 10, "cm")),
    st.sampled_from([has("ICD10CM/Z723", name="idle"), seen("LOINC/89555-7", 7.0, "d/wk")]),
    st.integers(30, 120).map(lambda minutes: seen("LOINC/68516-4", float(minutes), "min/d")),
    st.integers(1, 9).map(lambda number: seen("LOINC/80460-9", float(number))),
    st.sampled_from([takes("ramipril 5 MG", name="m"), takes("omeprazole", name="m")]),
    st.sampled_from([has("SNOMED/15777000", name="c"), has("SNOMED/40055000", name="c")]),
    st.sampled_from(["FTH", "SIS", None]).map(_family),
)
PERSON = st.tuples(st.integers(18, 90), st.sampled_from(["male", "female"])).map(lambda who: person(*who))


def ask(*events: Event) -> Insight:
    return MODEL.predict(view(*events))


def number(insight: Insight) -> Estimate:
    assert isinstance(insight.body, Risk | Abstention)
    found = insight.body.outcomes[1].estimate if isinstance(insight.body, Risk) else insight.body.estimate
    assert found is not None
    return found


@given(PERSON, COMPLETE, st.integers())
def test_order_and_repetition_do_not_matter(
    who: tuple[Event, ...], record: tuple[Event, ...], seed: int
) -> None:
    again = [*who, *record] * 2
    Random(seed).shuffle(again)
    assert ask(*again) == ask(*who, *record)


@given(PERSON, COMPLETE, st.integers(40, 120))
def test_units_do_not_matter(who: tuple[Event, ...], record: tuple[Event, ...], tenths: int) -> None:
    events = (*record, seen("LOINC/1558-6", tenths / 10, "mmol/L"))
    other = [
        replace(event, value=convert(event.value, event.unit, to, GLUCOSE_GRAMS), unit=to)
        if isinstance(event.value, float) and event.unit and (to := OTHER_UNIT.get(event.unit))
        else event
        for event in events
    ]
    before, after = ask(*who, *events), ask(*who, *other)
    assert (number(after), after.urgency) == (number(before), before.urgency)


@given(PERSON, COMPLETE, st.sets(st.sampled_from(UNRELATED)))
def test_unrelated_facts_do_not_matter(
    who: tuple[Event, ...], record: tuple[Event, ...], more: set[Event]
) -> None:
    with_more, without = ask(*who, *record, *more), ask(*who, *record)
    # They stand in the list that a "no" rests on, and among what could not be placed; the answer is the same.
    assert (with_more.body, with_more.urgency) == (without.body, without.urgency)
    assert [(why.says, why.weight) for why in with_more.reasons] == [
        (why.says, why.weight) for why in without.reasons
    ]


@given(PERSON, COMPLETE, st.sets(st.sampled_from([0, 1, 3, 4, 7])))
def test_the_range_holds_every_answer_that_filling_the_gaps_gives(
    who: tuple[Event, ...], record: tuple[Event, ...], gone: set[int]
) -> None:
    exact = ask(*who, *record)
    left = ask(*who, *(event for index, event in enumerate(record) if index not in gone))
    assert _ends(left)[0] <= _ends(exact)[0]
    assert _ends(exact)[1] <= _ends(left)[1]


def _ends(insight: Insight) -> tuple[float, float]:
    found = number(insight)
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    assert low is not None and high is not None
    return low, high


@given(PERSON, COMPLETE)
def test_without_any_list_nothing_is_taken_as_no(who: tuple[Event, ...], record: tuple[Event, ...]) -> None:
    exact = ask(*who, *record)
    left = ask(*who, *(event for event in record if event.kind not in ("Condition", "MedicationRequest")))
    assert _ends(left)[0] <= _ends(exact)[0]
    assert _ends(exact)[1] <= _ends(left)[1]


@given(PERSON, COMPLETE)
def test_reasons_add_up_and_point_into_the_view(who: tuple[Event, ...], record: tuple[Event, ...]) -> None:
    insight = ask(*who, *record)
    lowest, highest = _ends(insight)
    assert lowest <= sum(reason.weight for reason in insight.reasons) <= highest
    inside = {event.source for event in (*who, *record)}
    assert {source for reason in insight.reasons for source in reason.evidence} <= inside
