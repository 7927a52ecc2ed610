"""What several entries of one moment say together: where they differ or one is hidden, the range says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention, Finding, Risk
from salus.core.registry import model
from tests.risk_views import NOW, has, person, seen, takes, view

SET = (
    *person(60), seen("LOINC/9279-1", 16.0, "/min"), seen("LOINC/59408-5", 97.0, "%"),
    seen("LOINC/8480-6", 120.0, "mm[Hg]"), seen("LOINC/8867-4", 70.0, "/min"),
    seen("LOINC/8310-5", 37.0, "Cel"),
)  # fmt: skip
AIR, ALERT = seen("LOINC/3150-6", 21.0, "%"), seen("LOINC/67775-7", "LOINC/LA9340-6")
DEVICE = seen("LOINC/3151-8", 2.0, "L/min")


def scored(*events: Event) -> tuple[tuple[float | None, float | None], tuple[str, ...]]:
    found = model("news2").predict(view(*SET, *events))
    assert isinstance(found.body, Finding)
    value = found.body.estimate
    span = (value.value, value.value) if value.value is not None else (value.low, value.high)
    return span, found.limits


def test_air_and_alert_are_nothing() -> None:
    assert scored(AIR, ALERT)[0] == (0, 0)


@pytest.mark.parametrize(("events", "span", "says"), [
    ((AIR, ALERT, DEVICE), (0, 2), "Air or oxygen: recorded differently at the same moment"),
    ((AIR, ALERT, seen("LOINC/9269-2", 13.0, "{score}")), (0, 3), "ACVPU: recorded differently at the same"),
    ((AIR, ALERT, replace(DEVICE, value=Absence.WITHHELD)), (0, 2), "Air or oxygen not available"),
    ((AIR, ALERT, seen("LOINC/9269-2", Absence.UNREADABLE)), (0, 3), "ACVPU not available"),
    ((ALERT, replace(DEVICE, comparator="<")), (0, 2), "Air or oxygen: only a bound was recorded"),
])  # fmt: skip
def test_what_differs_or_is_hidden_at_one_moment_is_a_range_that_says_why(
    events: tuple[Event, ...], span: tuple[float, float], says: str
) -> None:
    found, limits = scored(*events)
    assert found == span
    assert any(limit.startswith(says) for limit in limits), limits


LIST, TREATED = has("ICD10CM/I10"), takes("paracetamol")
MEASURED = (
    seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
    seen("LOINC/8480-6", 130.0, "mm[Hg]"), seen("LOINC/2160-0", 1.0, "mg/dL"),
)  # fmt: skip


@pytest.mark.parametrize("pumped", [
    seen("LOINC/10230-1", 25.0, "%"), seen("LOINC/10230-1", 35.0), seen("LOINC/10230-1", Absence.WITHHELD),
])  # fmt: skip
def test_prevent_does_not_take_heart_failure_as_no_beside_an_ejection_fraction(pumped: Event) -> None:
    found = model("prevent").predict(view(*person(60), LIST, TREATED, *MEASURED, pumped))
    assert isinstance(found.body, Risk | Abstention)
    assert any("an ejection fraction" in limit and "does not apply" in limit for limit in found.limits)
    assert not any(limit.startswith("Taken as no") and "heart failure" in limit for limit in found.limits)


def test_an_ejection_fraction_that_is_not_low_changes_nothing_in_prevent() -> None:
    limits = (
        model("prevent")
        .predict(view(*person(60), LIST, TREATED, *MEASURED, seen("LOINC/10230-1", 60.0, "%")))
        .limits
    )
    assert any(limit.startswith("Taken as no") and "heart failure" in limit for limit in limits)


@pytest.mark.parametrize("code", [
    "LOINC/8453-3", "LOINC/8454-1", "LOINC/8455-8", "LOINC/76535-4", "SNOMED/407555005",
])  # fmt: skip
def test_a_diastolic_pressure_counts_in_every_position(code: str) -> None:
    high = [replace(seen(code, 105.0, "mm[Hg]", name=f"{n}"), time=NOW - timedelta(days=n)) for n in (2, 4)]
    body = model("cha2ds2-vasc").predict(view(*person(50), has("SNOMED/49436004"), TREATED, *high)).body
    assert isinstance(body, Finding) and body.estimate.value == 1


@pytest.mark.parametrize("code", ["LOINC/8808-8", "LOINC/18045-5", "LOINC/77889-4"])
def test_an_ejection_fraction_counts_by_whatever_method(code: str) -> None:
    record = (*person(50), has("SNOMED/49436004"), TREATED, seen(code, 25.0, "%"))
    body = model("cha2ds2-vasc").predict(view(*record)).body
    assert isinstance(body, Finding) and body.estimate.value == 1


@pytest.mark.parametrize(("comparator", "value", "unit", "category"), [
    ("<", 3.0, "mg/mmol", "A1"), ("<=", 3.0, "mg/mmol", "A1 to A2"), ("<", 26.0, "mg/g", "A1"),
    ("<", 30.0, "mg/g", "A1 to A2"), ("<", 5.0, "mg/mmol", "A1 to A2"),
])  # fmt: skip
def test_an_albumin_below_a_limit_is_not_at_it(
    comparator: str, value: float, unit: str, category: str
) -> None:
    ratio = replace(seen("LOINC/9318-7", value, unit), comparator=comparator)
    found = model("ckd").predict(view(*person(60), seen("LOINC/98979-8", 98.0, "mL/min/{1.73_m2}"), ratio))
    assert isinstance(found.body, Finding) and category in found.body.category
    assert ("A2" in found.body.category) == ("A2" in category)
