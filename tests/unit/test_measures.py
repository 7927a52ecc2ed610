"""Reading a measure: the latest usable value as an interval, or plain words why there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from salus.core.evidence import Absence, Event, Timeline
from salus.core.measures import Measure, ago, read

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GLUCOSE = Measure("glucose", ("LOINC/2345-7", "LOINC/14749-6"), "mg/dL", 20, 2000, molar_mass=180.156)


def seen(value: object, unit: str | None = "mg/dL", hours: float = 1, **more: object) -> Event:
    source = f"Observation/{type(value).__name__}-{hours:g}h-{len(more)}-{unit}"
    return Event(
        ("LOINC/2345-7",), NOW - timedelta(hours=hours), value=value, unit=unit, source=source, **more
    )  # type: ignore[arg-type]


def reading(*events: Event, within: timedelta | None = None):  # type: ignore[no-untyped-def]
    return read(Timeline.of("Patient/1", events), GLUCOSE, NOW, within)


def test_a_problem_never_holds_the_value() -> None:
    assert "7.77" not in reading(seen(7.77)).problem
    assert "9999" not in reading(seen(9999.0)).problem


def test_the_latest_counts() -> None:
    found = reading(seen(90.0, hours=5), seen(110.0))
    assert (found.low, found.high, found.exact) == (110.0, 110.0, True)


def test_molar_and_mass_units_agree() -> None:
    assert reading(seen(5.0, "mmol/L")).low == pytest.approx(90.078)


def test_values_of_one_moment_that_disagree_are_an_interval() -> None:
    twin = seen(110.0)
    found = reading(seen(90.0), replace(twin, source="Observation/twin"))
    assert (found.low, found.high) == (90.0, 110.0)
    assert "disagree" in found.problem


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (seen(90.0, None), "no unit"),
        (seen(90.0, "furlong"), "not one that Salus knows"),
        (seen(5.0, "mg/dL"), "outside 20 to 2000"),
        (seen("high"), "not a number"),
        (seen(True), "not a number"),
        (seen(Absence.WITHHELD, None), "not available"),
    ],
)
def test_what_cannot_be_used_is_said_and_an_older_value_does_not_take_its_place(
    event: Event, says: str
) -> None:
    found = reading(seen(90.0, hours=9), event)
    assert not found.usable
    assert says in found.problem
    assert "(the last that can be read is of 9 hours before, not used)" in found.problem


@pytest.mark.parametrize("blank", [Absence.NOT_MEASURED, Absence.NOT_SENT])
def test_a_blank_entry_takes_back_no_value(blank: Absence) -> None:
    value, later = seen(90.0, hours=9), seen(blank, None)
    found = reading(value, later)
    assert (found.low, found.at, found.events, found.blank) == (90.0, value.time, (value,), later.time)
    assert reading(value).blank is None
    assert not reading(value, later, within=timedelta(hours=2)).usable
    assert "9 hours before" in reading(value, later, within=timedelta(hours=2)).problem


@pytest.mark.parametrize(
    ("blank", "says"), [(Absence.NOT_MEASURED, "not measured"), (Absence.NOT_SENT, "not available")]
)
def test_a_blank_entry_alone_is_no_value(blank: Absence, says: str) -> None:
    assert reading(seen(blank, None)).problem == f"glucose {says}"


@pytest.mark.parametrize("comparator", ["ad", "<>", "\u2264", "~"])
def test_a_comparator_that_nobody_defined_makes_no_exact_number(comparator: str) -> None:
    found = reading(seen(30.0, comparator=comparator))
    assert not found.usable
    assert "a comparator that FHIR does not know" in found.problem


@pytest.mark.parametrize(("comparator", "ends"), [("<", (20, 30.0)), (">=", (30.0, 2000))])
def test_a_bound_is_an_interval(comparator: str, ends: tuple[float, float]) -> None:
    found = reading(seen(30.0, comparator=comparator))
    assert (found.low, found.high) == ends


def test_too_old_is_absent_with_its_age() -> None:
    found = reading(seen(90.0, hours=50), within=timedelta(days=1))
    assert not found.usable
    assert "2 days before" in found.problem


def test_cancelled_results_are_no_evidence() -> None:
    assert reading(seen(90.0, status="cancelled")).problem == "glucose not recorded"


@pytest.mark.parametrize(
    ("span", "says"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=45), "45 days"),
        (timedelta(days=100), "3 months"),
        (timedelta(days=800), "2 years"),
    ],
)
def test_ago(span: timedelta, says: str) -> None:
    assert ago(span) == says


@pytest.mark.parametrize(("grams", "moles", "agree"), [
    (90.0, 5.0, True), (90.0, 4.9, False), (110.0, 6.1, True), (110.0, 6.2, False), (90.08, 5.0, True),
])  # fmt: skip
def test_one_value_in_two_units_is_no_disagreement(grams: float, moles: float, agree: bool) -> None:
    found = reading(seen(grams), seen(moles, "mmol/L"))
    assert ("disagree" not in found.problem) is agree
    assert found.low <= grams <= found.high
