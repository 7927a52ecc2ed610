"""What the model of intensive care reads, in whatever code and unit it came; and what it never reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from salus.core.codes import DEATH, DISPOSITION, SEX
from salus.core.evidence import Absence, Event, Timeline
from salus.core.measures import Measure
from salus.core.units import parse
from salus.learning.features import OPERATORS, Vector, measured
from salus.learning.parameters import HIDDEN_VALUE, Category, read
from salus.record.sources.physionet2012_rows import ICU_TYPE, PARAMETERS
from salus.risk.icu_mortality import TASK

START = datetime(2026, 1, 1, tzinfo=UTC)
BY_NAME = {one.name: one for one in TASK.parameters}


def event(code: str, value: object, unit: str | None, hours: float = 1, status: str = "final") -> Event:
    at = START + timedelta(hours=hours)
    return Event((code,), at, None, at, value, unit, status=status, source="Observation/1")  # type: ignore[arg-type]


def features(*events: Event) -> Vector:
    timeline = Timeline.of("Patient/p", events)
    return measured(timeline, START, START + timedelta(hours=48), TASK.parameters, TASK.features)


@pytest.mark.parametrize(("name", "coded"), PARAMETERS.items(), ids=PARAMETERS)
def test_every_parameter_of_the_set_is_read_as_it_stands_there(name: str, coded: tuple[str, str]) -> None:
    code, unit = coded
    found = [one for one in TASK.parameters if code in one.codes]
    assert found
    for measure in found:
        assert isinstance(measure, Measure)
        assert measure.unit == unit
        assert read(measure, event(code, measure.high, unit)) == measure.high


def test_sex_and_the_type_of_unit_are_read_too() -> None:
    assert read(BY_NAME["sex"], Event((SEX,), value="female", source="Patient/p")) == "female"
    assert read(BY_NAME["sex"], Event((SEX,), value="unknown", source="Patient/p")) is None
    told = [
        read(BY_NAME["ICU type"], event(ICU_TYPE, f"{ICU_TYPE.replace('|', '/')}|{n}", None))
        for n in (1, 2, 3, 4)
    ]
    assert told == ["coronary", "cardiac surgery", "medical", "surgical"]


@pytest.mark.parametrize(
    ("name", "code", "value", "unit", "expected"),
    [
        ("creatinine", "14682-9", 88.4, "umol/L", 1.0),
        # One molecule of urea holds two of nitrogen: 1 mmol/L is 2.8014 mg/dL of it.
        ("urea nitrogen", "22664-7", 10, "mmol/L", 28.014),
        ("urea nitrogen", "3094-0", 10, "mmol/L", 28.014),
        ("glucose", "15074-8", 5, "mmol/L", 90.078),
        ("glucose", "2339-0", 90, "mg/dL", 90),
        ("bilirubin", "14631-6", 17.1, "umol/L", 0.99977),
        ("lactate", "14118-4", 9.008, "mg/dL", 1.0),
        ("magnesium", "2601-3", 1, "mmol/L", 2.4305),
        ("albumin", "1751-7", 30, "g/L", 3.0),
        ("inspired oxygen fraction", "19994-3", 50, "%", 0.5),
        ("inspired oxygen fraction", "3150-6", 0.5, "1", 0.5),
        ("haematocrit", "20570-8", 0.3, "1", 30),
        ("temperature", "8310-5", 98.6, "[degF]", 37),
        ("temperature", "8310-5", 310.15, "K", 37),
        ("PaO2", "2703-7", 10, "kPa", 75.0061683),
        ("PaCO2", "2019-8", 5, "kPa", 37.5030841),
        ("weight", "29463-7", 176.37, "[lb_av]", 80.0),
        ("height", "8302-2", 1.8, "m", 180),
        ("platelets", "777-3", 150, "10*9/L", 150),
        ("white cells", "6690-2", 8000, "/uL", 8),
        ("troponin T", "6598-7", 50, "ng/L", 0.05),
        ("AST", "1920-8", 1, "ukat/L", 60),
        ("sodium", "2951-2", 140, "meq/L", 140),
        ("urine", "9187-6", 0.25, "L", 250),
        ("GCS", "9269-2", 15, None, 15),
        ("pH", "2744-1", 7.4, None, 7.4),
        ("systolic pressure by cuff", "8480-6", 120, "mm[Hg]", 120),
        ("oxygen saturation", "59408-5", 97, "%", 97),
    ],
)
def test_other_units_and_codes_give_the_same_number(
    name: str, code: str, value: float, unit: str | None, expected: float
) -> None:
    found = read(BY_NAME[name], event(f"LOINC/{code}", value, unit))
    assert found == pytest.approx(expected, rel=2e-4)


def test_a_change_of_unit_changes_no_feature() -> None:
    one = features(*(event("LOINC/2160-0", mg, "mg/dL", at) for at, mg in enumerate((1.0, 2.5, 1.25))))
    grams = ((1.0, "mg/dL"), (0.025, "g/L"), (12.5, "mg/L"))
    other = features(*(event("LOINC/2160-0", mg, unit, at) for at, (mg, unit) in enumerate(grams)))
    assert repr(one.values) == repr(other.values)


def test_what_is_another_quantity_is_not_taken_for_it() -> None:
    told = [code for one in TASK.parameters for code in one.codes]
    # Urea by its mass; high-sensitivity troponins; a gas in blood of any vessel; urine in 24 hours.
    for code in ("3091-6", "89579-7", "67151-1", "11556-8", "11557-6", "9192-6", "3167-4"):
        assert f"LOINC/{code}" not in told


@pytest.mark.parametrize(
    "broken",
    [
        event("LOINC/2160-0", 1.0, "kcal"),
        event("LOINC/2160-0", 1.0, None),
        event("LOINC/2160-0", Absence.WITHHELD, None),
        event("LOINC/2160-0", Absence.NOT_SENT, None),
        event("LOINC/2160-0", None, None, status="unreadable"),
        event("LOINC/2160-0", "one", None),
    ],
)
def test_what_is_there_and_not_shown_is_hidden_and_not_unmeasured(broken: Event) -> None:
    assert read(BY_NAME["creatinine"], broken) is HIDDEN_VALUE
    assert features(broken).hidden == {"creatinine"}


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("LOINC/76215-3", 0.0, "mm[Hg]"),
        ("LOINC/8310-5", -17.8, "Cel"),
        ("LOINC/2744-1", 735.0, "[pH]"),
        ("LOINC/3150-6", 50.0, "1"),
        ("LOINC/8302-2", 431.8, "cm"),
        ("LOINC/29463-7", 0.0, "kg"),
        ("LOINC/2823-3", 22.9, "mmol/L"),
    ],
)
def test_an_impossible_number_is_passed_over(code: str, value: float, unit: str) -> None:
    found = features(event(code, value, unit))
    # It was charted, and wrongly: what it was is not known, and that is no "not measured".
    assert found.hidden == found.impossible != frozenset()
    assert repr(found.values) == repr(features().values)
    one = BY_NAME[min(found.hidden)]
    charted = features(event(code, value, unit), event(code, (one.low + one.high) / 2, unit))
    assert (charted.hidden, charted.impossible) == (frozenset(), found.impossible)


def test_nothing_of_the_outcome_is_read() -> None:
    read_by = TASK.codes
    assert {DEATH, DISPOSITION} <= TASK.leaks
    assert not TASK.leaks & read_by
    over = event(DISPOSITION, "http://terminology.hl7.org/CodeSystem/discharge-disposition|exp", None)
    assert repr(features(over, Event((DEATH,), START, source="Patient/p")).values) == repr(features().values)


def test_nothing_after_the_moment_is_read() -> None:
    late = event("LOINC/8867-4", 80.0, "/min", hours=48.02)
    assert repr(features(late).values) == repr(features().values)
    assert features(event("LOINC/8867-4", 80.0, "/min", hours=48)).values["heart rate, last"] == 80.0


def test_the_order_of_rows_within_a_minute_cannot_matter() -> None:
    rates = [(2, 80.0), (2, 95.0), (2, 91.0), (3, 60.0)]
    one = features(*(event("LOINC/8867-4", rate, "/min", at) for at, rate in rates))
    other = features(*(event("LOINC/8867-4", rate, "/min", at) for at, rate in reversed(rates)))
    assert repr(one.values) == repr(other.values)
    assert one.values["heart rate, how often"] == 2.0
    assert one.values["heart rate, first"] == pytest.approx(266 / 3)


def test_every_unit_is_one_of_ucum_and_every_range_has_a_source() -> None:
    for one in TASK.parameters:
        assert one.source
        if isinstance(one, Measure):
            parse(one.unit)
            assert one.low < one.high


def test_features_are_many_readable_and_their_directions_have_a_source() -> None:
    assert 500 <= len(TASK.features) <= 850
    for one in TASK.features:
        assert bool(one.grows) == bool(one.because)
        assert len(one.name) <= 70
        assert one.name == one.name.strip()
        if one.how in OPERATORS:
            assert one.window is None
    assert {group.by for group in TASK.groups} == {"sex", "age", "ICU type"}
    assert {one.name for one in TASK.parameters if isinstance(one, Category)} == {"sex", "ICU type"}
