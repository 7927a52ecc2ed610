"""PREVENT, whatever the record looks like: the order, repetition, unit and company of events do not matter,
and a range for what is missing holds every answer that filling it in can give."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Estimate, Insight, Risk
from salus.risk._prevent_equation import HORIZONS, OUTCOMES, VARIANTS, Known, answer
from salus.risk.prevent import MODEL
from tests.risk_views import SUBJECT, has, person, seen, takes, view

TC, HDL, SBP, EGFR, BMI = "LOINC/2093-3", "LOINC/2085-9", "LOINC/8480-6", "LOINC/98979-8", "LOINC/39156-5"
SMOKES, HBA1C, ACR = "LOINC/72166-2", "LOINC/4548-4", "LOINC/9318-7"
NORMALISED = "mL/min/{1.73_m2}"


@st.composite
def records(draw) -> dict[str, Event]:
    """A record with every required input inside the limits of the equations, by what it is."""
    yes = st.booleans()
    found = {
        TC: seen(TC, float(draw(st.integers(130, 320))), "mg/dL"),
        HDL: seen(HDL, float(draw(st.integers(20, 100))), "mg/dL"),
        SBP: seen(SBP, float(draw(st.integers(90, 200))), "mm[Hg]"),
        EGFR: seen(EGFR, float(draw(st.integers(15, 140))), NORMALISED),
        BMI: seen(BMI, draw(st.integers(185, 399)) / 10, "kg/m2"),
        SMOKES: seen(SMOKES, "SNOMED/449868002" if draw(yes) else "SNOMED/266919005"),
        "condition": has("SNOMED/44054006", status="active" if draw(yes) else "refuted"),
        "drug 1": takes("Amlodipine" if draw(yes) else "Paracetamol"),
        "drug 2": takes("Atorvastatin" if draw(yes) else "Omeprazole"),
    }
    if draw(yes):
        found[HBA1C] = seen(HBA1C, draw(st.integers(45, 150)) / 10, "%")
    if draw(yes):
        found[ACR] = seen(ACR, float(draw(st.integers(1, 3000))), "mg/g")
    return found


people = st.builds(person, st.integers(30, 79), st.sampled_from(["female", "male"]))


def body(events) -> Risk | Abstention:
    return ask(events).body


def ask(events) -> Insight:
    return MODEL.predict(view(*events))


@given(records(), people, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(record, who, chance):
    events = [*who, *record.values()]
    again = events + events[: len(events) // 2]
    chance.shuffle(again)
    assert ask(again) == ask(events)


@given(records(), people)
def test_what_has_nothing_to_do_with_it_changes_nothing(record, who):
    noise = [
        seen("LOINC/8867-4", 130.0, "/min"),
        seen("LOINC/2823-3", 9.0, "mmol/L"),
        seen("LOINC/2093-3", 999.0, "mg/dL", status="cancelled", name="cancelled"),
        takes("Ibuprofen", name="noise"),
        has("SNOMED/38341003", name="noise"),
    ]
    assert ask([*who, *record.values(), *noise]) == ask([*who, *record.values()])


@given(records(), people)
def test_units_do_not_matter(record, who):
    other = dict(record)
    for code in (TC, HDL):
        other[code] = replace(record[code], value=record[code].value * 0.02586, unit="mmol/L")
    if HBA1C in record:
        percent = record[HBA1C].value
        other[HBA1C] = replace(record[HBA1C], value=(percent - 2.152) / 0.09148, unit="mmol/mol")
    if ACR in record:
        other[ACR] = replace(record[ACR], value=record[ACR].value * 0.11312, unit="mg/mmol")
    other[SBP] = replace(record[SBP], value=record[SBP].value * 0.133322387415, unit="kPa")
    before, after = body([*who, *record.values()]), body([*who, *other.values()])
    assert type(before) is type(after)
    if isinstance(before, Risk):
        pairs = zip(before.outcomes, after.outcomes, strict=True)
        # A figure that lies on the half may fall to either side when it went through another unit and back.
        assert all(abs(a.estimate.value - b.estimate.value) <= 0.0011 for a, b in pairs)


REQUIRED = [TC, HDL, SBP, EGFR, BMI, SMOKES]


@given(
    records(), people, st.sets(st.sampled_from([*REQUIRED, "conditions", "drugs"]), min_size=1, max_size=3)
)
def test_range_for_what_is_missing_holds_the_answer_that_filling_it_in_gives(record, who, missing):
    gone = {"conditions": {"condition"}, "drugs": {"drug 1", "drug 2"}}
    without = set().union(*(gone.get(name, {name}) for name in missing))
    whole = body([*who, *record.values()])
    part = body([*who, *(event for name, event in record.items() if name not in without)])
    assert isinstance(whole, Risk)
    assert all(_holds(_matching(part, outcome), outcome.estimate) for outcome in whole.outcomes)


def _matching(part: Risk | Abstention, outcome) -> Estimate | None:
    if isinstance(part, Abstention):
        return (
            part.estimate if (outcome.of, outcome.horizon) == ("cardiovascular disease", "10 years") else None
        )
    return next(o.estimate for o in part.outcomes if (o.of, o.horizon) == (outcome.of, outcome.horizon))


def _holds(span: Estimate | None, exact: Estimate) -> bool:
    if span is None:
        return True
    if span.value is not None:
        return span.value == exact.value
    return span.low <= exact.value <= span.high


@given(records(), people)
def test_reasons_point_into_the_record_and_are_ordered(record, who):
    events = [*who, *record.values()]
    insight = ask(events)
    weights = [abs(reason.weight) for reason in insight.reasons]
    assert weights == sorted(weights, reverse=True)
    sources = {event.source for event in Timeline.of(SUBJECT, events)}
    assert {source for reason in insight.reasons for source in reason.evidence} <= sources


spans = {
    "total_c": (130, 320), "hdl": (20, 100), "sbp": (90, 200), "bmi": (18.5, 40), "egfr": (15, 140),
    "hba1c": (3, 15), "acr": (0.1, 25000),
}  # fmt: skip


@st.composite
def boxes(draw) -> tuple[Known, Known]:
    """What is known as ranges, and one person inside them."""
    wide, point = {}, {}
    for name, (low, high) in spans.items():
        ends = sorted(draw(st.floats(low, high)) for _ in range(2))
        wide[name] = (ends[0], ends[1])
        value = draw(st.floats(ends[0], ends[1]))
        point[name] = (value, value)
    low, high = sorted(draw(st.integers(1, 10)) for _ in range(2))
    decile = draw(st.integers(low, high))
    wide["sdi"], point["sdi"] = (low, high), (decile, decile)
    for name in ("diabetes", "smoking", "bp_treated", "statin"):
        options = draw(st.sampled_from([(False,), (True,), (False, True)]))
        wide[name], point[name] = options, (draw(st.sampled_from(options)),)
    sex, age = draw(st.sampled_from(["female", "male"])), draw(st.integers(30, 79))
    return Known((sex,), (age,), **wide), Known((sex,), (age,), **point)


@given(boxes(), st.sampled_from(VARIANTS), st.sampled_from(OUTCOMES), st.sampled_from(HORIZONS))
def test_log_odds_of_anyone_inside_are_inside(box, variant, outcome, years):
    wide, point = (answer(known, variant, outcome, years) for known in box)
    assert wide.low - 1e-9 <= point.low <= wide.high + 1e-9
    assert point.low == point.high


@given(records(), people)
def test_a_bound_is_a_range_that_holds_the_values_below_it(record, who):
    assume(record[TC].value > 131)
    below = replace(record[TC], comparator="<")
    exact = body([*who, *(record | {TC: replace(record[TC], value=record[TC].value - 1)}).values()])
    bound = body([*who, *(record | {TC: below}).values()])
    assert isinstance(exact, Risk)
    assert _holds(_matching(bound, exact.outcomes[0]), exact.outcomes[0].estimate)
