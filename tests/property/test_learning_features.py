"""The slow engine and the fast one give the same features, whatever a record holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.core.codes import BIRTH, SEX
from salus.core.evidence import Absence, Event, Timeline
from salus.core.measures import Measure
from salus.learning.columns import table
from salus.learning.features import AGE, EVER, OPERATORS, STATISTICS, WHOLE, Feature, Window, measured
from salus.learning.parameters import Category, Parameter
from tests.populations import columns_of

START = datetime(2000, 1, 1, tzinfo=UTC)
LENGTH = timedelta(hours=48)
CREATININE = Measure("creatinine", ("LOINC/2160-0", "LOINC/14682-9"), "mg/dL", 0.1, 60.0, molar_mass=113.12)
PRESSURE = Measure("pressure", ("LOINC/8480-6",), "mm[Hg]", 20.0, 300.0)
YEARS = Measure("age", (AGE,), "a", 0.0, 130.0)
WHO = Category("sex", (SEX,), {"male": "male", "female": "female"})
UNIT = Category("unit", ("urn:x|unit",), {"1": "coronary"}, group=lambda text: f"other {text[0]}")
HEART = Category("heart", ("SNOMED/84114007",), group=lambda code: "yes", stems=("ICD10CM/I50",))
PARAMETERS: tuple[Parameter, ...] = (CREATININE, PRESSURE, YEARS, WHO, UNIT, HEART)
WINDOWS = (WHOLE, EVER, Window("first 12 h", "start", 0, 12), Window("last 12 h", "moment", -12, 0))
NUMBERS = [
    Feature(f"{of.name}, {how}, {window.name}", how, (of.name,), window)
    for of in (CREATININE, PRESSURE, YEARS)
    for how in STATISTICS
    if how != "level"
    for window in WINDOWS
]
LEVELS = [
    Feature(f"{of.name}, {window.name}", "level", (of.name,), window)
    for of in (WHO, UNIT, HEART)
    for window in WINDOWS
]
OPERATED = [
    Feature(how, how, ("creatinine, last, whole stay", "pressure, mean, whole stay")) for how in OPERATORS
]


FEATURES = (*NUMBERS, *LEVELS, *OPERATED)
_codes = st.sampled_from(
    [
        ("LOINC/2160-0",), ("LOINC/14682-9",), ("LOINC/8480-6",), (AGE,), (SEX,), ("urn:x|unit",),
        ("urn:x|other",), ("ICD10CM/I50.2", "urn:y|local"), ("SNOMED/84114007",), ("ICD10CM/I5",),
        ("urn:y|local", "LOINC/2160-0"), ("LOINC/8480-6", "LOINC/2160-0"), (BIRTH,),
        ("urn:y|local", "ICD10CM/i501"),
    ]
)  # fmt: skip
_values = st.one_of(
    st.none(),
    st.sampled_from([-1.0, 0.0, 0.7, 1.0, 1.1, 54.0, 88.4, 120.0, 1e6]),
    st.floats(0.1, 200, allow_nan=False).map(lambda value: round(value, 3)),
    st.sampled_from(["1", "2", "male", "female", "other"]),
    st.booleans(),
    st.sampled_from(list(Absence)),
)
_minutes = st.one_of(st.none(), st.integers(-2000, 3000), st.sampled_from([0, 720, 2160, 2880]))
_events = st.builds(
    lambda codes, minutes, seconds, value, unit, comparator, status, kind, number: Event(
        codes,
        None if minutes is None else START + timedelta(minutes=minutes, seconds=seconds),
        value=value,
        unit=unit,
        comparator=comparator,
        status=status,
        source=f"{kind}/{number}",
    ),
    _codes,
    _minutes,
    st.sampled_from([0, 0, 30]),
    _values,
    st.sampled_from([None, "mg/dL", "umol/L", "mm[Hg]", "kPa", "a", "bananas"]),
    st.sampled_from([None, None, None, "<", ">="]),
    st.sampled_from([None, "final", "corrected", "cancelled", "unreadable", "active", "refuted"]),
    st.sampled_from(["Observation", "Patient", "Condition"]),
    st.integers(0, 99),
)


def both(events: list[Event]) -> tuple[dict, set, dict, set]:
    """Return the features and what is hidden, by the slow engine and by the fast one."""
    slow = measured(Timeline.of("Patient/1", events), START, START + LENGTH, PARAMETERS, FEATURES)
    cut = [event for event in events if event.time is None or event.time <= START + LENGTH]
    cases = pl.DataFrame({"start": [START], "moment": [START + LENGTH]}).select(
        pl.all().dt.replace_time_zone(None)
    )
    fast = table(
        columns_of({"Patient/1": cut}).with_columns(row=pl.lit(0, pl.UInt32)), cases, PARAMETERS, FEATURES
    )
    return dict(slow.values), set(slow.hidden), fast.values.row(0, named=True), set(fast.hidden["parameter"])


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=2e-9) or (math.isnan(one) and math.isnan(other))
    return one == other


@settings(max_examples=300, deadline=None)
@given(st.lists(_events, max_size=14))
def test_the_slow_engine_is_the_fast_one(events):
    slow, hidden, fast, hidden_fast = both(events)
    assert hidden == hidden_fast
    assert [name for name in slow if not same(slow[name], fast[name])] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(_events, max_size=10), st.randoms())
def test_the_order_of_rows_does_not_matter(events, random):
    mixed = list(events)
    random.shuffle(mixed)
    once, again = both(events), both(mixed)
    assert all(
        same(once[0][name], again[0][name]) and same(once[2][name], again[2][name]) for name in once[0]
    )


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 20), st.integers(0, 2880))
def test_the_unit_does_not_matter(value, minutes):
    at = START + timedelta(minutes=minutes)
    made = [
        both([Event(("LOINC/2160-0",), at, value=number, unit=unit, status="final", source="Observation/1")])[
            2
        ]
        for number, unit in ((value, "mg/dL"), (value / 113.12 * 1e4, "umol/L"), (value * 10, "mg/L"))
    ]
    assert all(same(made[0][name], one[name]) for one in made[1:] for name in made[0])
