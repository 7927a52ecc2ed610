"""Air or oxygen: what a concentration, a flow and the device say, and what comes after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.risk._bedside import AIR, ALERT, OXYGEN, consciousness, oxygen
from salus.risk._oxygen_device import delivers_oxygen
from tests.risk_views import seen, view

FLOW, FIO2, DEVICE = "LOINC/3151-8", "LOINC/3150-6", "LOINC/107117-4"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def breathes(*events: Event) -> tuple[str, ...]:
    return oxygen(view(*events), DAY).options


@pytest.mark.parametrize(("value", "unit", "gas"), [
    (20.9, "%", AIR), (20.95, "%", AIR), (21.0, "%", AIR), (0.209, "1", AIR), (0.21, "1", AIR),
    (22.0, "%", OXYGEN), (0.24, "1", OXYGEN), (100.0, "%", OXYGEN),
])  # fmt: skip
def test_room_air_is_air_however_it_is_rounded(value, unit, gas):
    assert breathes(seen(FIO2, value, unit)) == (gas,)


@pytest.mark.parametrize(("value", "unit"), [(0.209, "%"), (21.0, "1"), (18.0, "%")])
def test_a_concentration_that_nobody_breathes_leaves_it_open(value, unit):
    assert breathes(seen(FIO2, value, unit)) == (AIR, OXYGEN)


@pytest.mark.parametrize(("code", "value", "unit", "comparator", "options"), [
    (FIO2, 21.0, "%", ">", (OXYGEN,)), (FIO2, 21.0, "%", ">=", (AIR, OXYGEN)),
    (FIO2, 30.0, "%", ">=", (OXYGEN,)), (FIO2, 30.0, "%", "<", (AIR, OXYGEN)),
    (FLOW, 0.0, "L/min", ">", (OXYGEN,)), (FLOW, 1.0, "L/min", "<", (AIR, OXYGEN)),
    (FLOW, 0.0, "L/min", "<=", (AIR,)),
])  # fmt: skip
def test_a_bound_is_air_or_oxygen_only_where_it_is_sure(code, value, unit, comparator, options):
    assert breathes(replace(seen(code, value, unit), comparator=comparator)) == options


@pytest.mark.parametrize(("said", "options"), [
    ("Nasal cannula", (OXYGEN,)), ("SNOMED/336623009", (OXYGEN,)), ("Venturi 28 %", (OXYGEN,)),
    ("Room air", (AIR,)), ("None", (AIR,)), ("CPAP mask", (AIR, OXYGEN)), ("Other", (AIR, OXYGEN)),
])  # fmt: skip
def test_a_device_recorded_after_a_flow_of_nothing_is_what_counts(said, options):
    assert breathes(seen(FLOW, 0.0, "L/min", before=HOUR), seen(DEVICE, said)) == options


def test_a_device_and_a_flow_of_nothing_at_one_moment_are_both_allowed_for():
    assert set(breathes(seen(FLOW, 0.0, "L/min"), seen(DEVICE, "Nasal cannula"))) == {AIR, OXYGEN}


def test_a_device_that_does_not_tell_takes_nothing_from_a_concentration_beside_it():
    assert breathes(seen(FIO2, 40.0, "%"), seen(DEVICE, "CPAP mask")) == (OXYGEN,)


@pytest.mark.parametrize(("said", "oxygen"), [
    ("no oxygen", False), ("Room air via tracheostomy", False), ("High-flow nasal cannula", True),
    ("Nasal cannula removed", None), ("Room air / nasal cannula", None), ("Endotracheal tube", None),
    ("Non-rebreather", True), ("Trach mask", None), ("", None),
])  # fmt: skip
def test_words_of_devices(said, oxygen):
    assert delivers_oxygen(said) is oxygen


HIDDEN = [Absence.WITHHELD, Absence.UNREADABLE]
BLANK = [Absence.NOT_SENT, Absence.NOT_MEASURED]


@pytest.mark.parametrize("why", HIDDEN)
def test_what_is_hidden_at_the_moment_of_air_leaves_it_open(why):
    found = oxygen(view(seen(FIO2, 21.0, "%"), seen(FLOW, why)), DAY)
    assert found.options == (AIR, OXYGEN) and found.absent == "air or oxygen not available"


@pytest.mark.parametrize("why", HIDDEN)
def test_what_is_hidden_at_the_moment_of_alert_leaves_it_open(why):
    found = consciousness(view(seen("LOINC/80288-4", "A"), seen("LOINC/9269-2", why)), DAY)
    assert len(found.options) == 5 and found.absent == "ACVPU not available"


@pytest.mark.parametrize("why", BLANK)
def test_what_is_blank_at_that_moment_takes_nothing_back(why):
    assert breathes(seen(FIO2, 21.0, "%"), seen(FLOW, why)) == (AIR,)
    assert consciousness(view(seen("LOINC/80288-4", "A"), seen("LOINC/9269-2", why)), DAY).options == (ALERT,)
