"""The kidney model, whatever the record looks like: order, repetition, unit and company of events do not
matter, and a range holds every answer that a fuller record can give."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from salus.core.evidence import Event, Timeline
from salus.core.insight import Finding, Insight
from salus.risk._egfr import ckd_epi_2021
from salus.risk._kfre import kidney_failure
from salus.risk._kidney_stage import whole
from salus.risk.ckd import MODEL
from tests.risk_views import SUBJECT, has, person, seen, takes, view

CREATININE, ACR = "LOINC/2160-0", "LOINC/9318-7"


@st.composite
def records(draw) -> list[Event]:
    """Some creatinines and urine albumins over three years; at least one creatinine within the last two."""
    days = st.integers(0, 1000)
    values = [(draw(st.integers(5, 60)) / 10, draw(st.integers(1, 700)))]
    values += draw(st.lists(st.tuples(st.integers(5, 60).map(lambda tenth: tenth / 10), days), max_size=4))
    found = [
        seen(CREATININE, value, "mg/dL", before=timedelta(days=day, minutes=place), name=f"c{place}")
        for place, (value, day) in enumerate(values)
    ]
    for place, day in enumerate(draw(st.lists(days, max_size=3))):
        ratio = float(draw(st.integers(1, 3000)))
        found.append(seen(ACR, ratio, "mg/g", before=timedelta(days=day, minutes=place), name=f"a{place}"))
    return found


people = st.builds(person, st.integers(18, 100), st.sampled_from(["female", "male"]))


def ask(events) -> Insight:
    return MODEL.predict(view(*events))


@given(records(), people, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(record, who, chance):
    events = [*who, *record]
    again = events + events[: len(events) // 2]
    chance.shuffle(again)
    assert ask(again) == ask(events)


@given(records(), people)
def test_what_has_nothing_to_do_with_it_changes_nothing(record, who):
    listed = has("SNOMED/195967001")
    noise = [
        seen("LOINC/8867-4", 130.0, "/min"),
        seen("LOINC/2823-3", 9.0, "mmol/L"),
        seen(CREATININE, 30.0, "mg/dL", status="cancelled", name="cancelled"),
        takes("Ibuprofen"),
        has("SNOMED/38341003", name="noise"),
    ]
    assert ask([*who, *record, listed, *noise]) == ask([*who, *record, listed])


@given(records(), people)
def test_units_do_not_matter(record, who):
    factors = {CREATININE: (1000 / 11.312, "umol/L"), ACR: (0.11312, "mg/mmol")}
    other = [
        replace(event, value=event.value * factors[event.code][0], unit=factors[event.code][1])
        for event in record
    ]
    before, after = ask([*who, *record]), ask([*who, *other])
    assert (before.urgency, before.limits) == (after.urgency, after.limits)
    if isinstance(before.body, Finding):
        assert before.body.category == after.body.category
        assert abs(before.body.estimate.value - after.body.estimate.value) <= 0.11


@given(records(), st.integers(18, 100))
def test_without_sex_the_range_holds_both_answers(record, years):
    unknown = ask([*person(years, None), *record]).body
    for sex in ("female", "male"):
        known = ask([*person(years, sex), *record]).body
        assert isinstance(known, Finding)
        estimate = unknown.estimate
        assert estimate.low <= known.estimate.value <= estimate.high
        if isinstance(unknown, Finding):
            _risks_are_inside(unknown, known)


def _risks_are_inside(wide: Finding, point: Finding) -> None:
    exact = {(part.of, part.horizon): part.estimate.value for part in point.parts}
    for part in wide.parts:
        value = exact.get((part.of, part.horizon))
        if value is not None and part.estimate.value is None:
            assert part.estimate.low <= value <= part.estimate.high


@given(records(), people)
def test_without_albumin_the_urgency_is_that_of_the_worst_it_can_be(record, who):
    bare = [event for event in record if event.code == CREATININE]
    unknown = ask([*who, *bare])
    for ratio in (10.0, 100.0, 1000.0):
        known = ask([*who, *bare, seen(ACR, ratio, "mg/g")])
        assert unknown.urgency.rank <= known.urgency.rank


@given(records(), people)
def test_reasons_point_into_the_record_and_are_ordered(record, who):
    insight = ask([*who, *record])
    weights = [abs(reason.weight) for reason in insight.reasons]
    assert weights == sorted(weights, reverse=True)
    sources = {event.source for event in Timeline.of(SUBJECT, [*who, *record])}
    assert {source for reason in insight.reasons for source in reason.evidence} <= sources


creatinines = st.floats(0.1, 60)
ages = st.integers(18, 110)
sexes = st.sampled_from(["female", "male"])


@given(creatinines, creatinines, ages, sexes)
def test_filtration_falls_as_creatinine_rises(one, other, age, sex):
    low, high = sorted((one, other))
    assert ckd_epi_2021(low, age, sex) >= ckd_epi_2021(high, age, sex)


@given(st.floats(10, 59), st.floats(10, 59), st.floats(0.1, 25000), st.integers(18, 100), sexes)
def test_kidney_failure_is_likelier_with_less_filtration_and_sooner_than_later(one, other, acr, age, sex):
    low, high = sorted((one, other))
    assert kidney_failure(age, sex, low, acr, years=5) >= kidney_failure(age, sex, high, acr, years=5)
    assert kidney_failure(age, sex, low, acr, years=2) <= kidney_failure(age, sex, low, acr, years=5)
    assert 0 <= kidney_failure(age, sex, low, acr, years=2) <= 1


@given(st.floats(1, 250))
def test_whole_numbers_are_the_nearest(egfr):
    assert abs(whole(egfr) - egfr) <= 0.5
