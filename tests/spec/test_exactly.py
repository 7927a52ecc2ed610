"""What a reason shows is what was compared: no rounded number stands beside the points of another."""

from __future__ import annotations

import pytest

from salus.core.evidence import Event
from salus.core.registry import model
from tests.kidney_views import albumin, creatinine
from tests.kidney_views import ask as staged
from tests.risk_views import person, seen, view


def shown(name: str, of: str, *events: Event) -> str:
    insight = model(name).predict(view(*person(60), *events))
    return next(why.says for why in insight.reasons if why.says.startswith(of))


@pytest.mark.parametrize(("value", "says"), [
    (38.0, "38 °C"), (38.04, "38 °C"), (38.05, "38.05 °C"), (38.06, "38.1 °C"),
    (35.05, "35.05 °C"), (36.66, "36.7 °C"),
])  # fmt: skip
def test_temperature(value: float, says: str) -> None:
    assert says in shown("news2", "Temperature", seen("LOINC/8310-5", value, "Cel"))


@pytest.mark.parametrize(("value", "says"), [
    (24.96, "24.96 kg/m²"), (24.9996, "24.9996 kg/m²"), (25.0, "25 kg/m²"), (30.04, "30.04 kg/m²"),
    (27.123, "27.1 kg/m²"),
])  # fmt: skip
def test_body_mass_index(value: float, says: str) -> None:
    assert says in shown("findrisc", "Body mass index", seen("LOINC/39156-5", value, "kg/m2"))


def test_waist() -> None:
    assert "93.96 cm" in shown("findrisc", "Waist", seen("LOINC/8280-0", 93.96, "cm"))


@pytest.mark.parametrize(("value", "says"), [(300.4, "300.4 mg/g"), (29.7, "29.7 mg/g"), (120.4, "120 mg/g")])
def test_urine_albumin(value: float, says: str) -> None:
    insight = staged(creatinine(1.9), albumin(value))
    assert any(f"Urine albumin {says}" in why.says for why in insight.reasons)


def test_one_temperature_in_two_units_is_one() -> None:
    both = seen("LOINC/8310-5", 36.6, "Cel"), seen("LOINC/8310-5", 97.9, "[degF]", name="fahrenheit")
    assert "Temperature 36.6 °C" in shown("news2", "Temperature", *both)
    limits = model("news2").predict(view(*person(60), *both)).limits
    assert not any("disagree" in limit for limit in limits)


def test_a_saturation_is_not_written_as_one_of_other_points() -> None:
    """On scale 1 91 % has three points and 92 % two; 91.46 % is charted as 91 %."""
    told = model("news2").predict(view(*person(60), seen("LOINC/59408-5", 91.46, "%"))).reasons
    assert any("91.46 %" in reason.says for reason in told), told
