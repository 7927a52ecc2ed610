"""How eGFR is found, and what past measurements of the kidneys say, one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence
from salus.risk._egfr import ckd_epi_2021, is_reported, kidney_function
from salus.risk._kidney_history import filtration, jump, values
from salus.risk._kidney_inputs import gather
from salus.risk._kidney_stage import joined, whole
from salus.risk._labs import CREATININE
from tests.risk_views import person, seen, view

WOMAN = person(70, "female")
CR, EGFR = "LOINC/2160-0", "LOINC/98979-8"


def cr(value, days=1.0, name="", unit="mg/dL", status="final"):
    return seen(CR, value, unit, before=timedelta(days=days), name=name or f"cr-{days}", status=status)


def reported(value, days=1.0):
    return seen(EGFR, value, "mL/min/{1.73_m2}", before=timedelta(days=days), name=f"egfr-{days}")


def test_creatinine_goes_before_a_reported_egfr():
    reading = kidney_function(view(*WOMAN, cr(1.2), reported(33, 1.1)))
    assert reading.low == ckd_epi_2021(1.2, 70, "female") and not is_reported(reading)


@pytest.mark.parametrize(("creatinine_days", "reported_days", "which"), [
    (600, 0.1, "report"), (2, 1, "report"), (1, 1, "creatinine"), (1, 30, "creatinine"), (1.1, 1, "creatinine"),
])  # fmt: skip
def test_the_latest_counts_and_of_one_day_the_creatinine(creatinine_days, reported_days, which):
    reading = kidney_function(view(*WOMAN, cr(0.8, creatinine_days), reported(22, reported_days)))
    assert is_reported(reading) == (which == "report")


def test_a_newer_report_that_cannot_be_read_is_not_passed_over():
    newest = seen(EGFR, 22.0, "arb", before=timedelta(days=1))
    reading = kidney_function(view(*WOMAN, cr(0.8, 600), newest))
    assert not reading.usable and "eGFR not usable" in reading.problem


def test_a_rise_before_a_new_report_is_still_said():
    events = (cr(0.9, 3), cr(2.4, 1.5), reported(25, 0.1))
    assert gather(view(*WOMAN, *events)).jump is not None


def test_reported_egfr_where_there_is_no_creatinine():
    reading = kidney_function(view(*WOMAN, reported(33)))
    assert (reading.low, reading.high) == (33, 33) and is_reported(reading)


def test_a_newer_creatinine_that_cannot_be_read_is_not_passed_over():
    reading = kidney_function(view(*WOMAN, cr(1.2, 1, unit="arb"), reported(33, 100)))
    assert not reading.usable and "creatinine" in reading.problem


def test_an_older_creatinine_that_cannot_be_read_gives_way_to_a_newer_report():
    assert kidney_function(view(*WOMAN, cr(1.2, 100, unit="arb"), reported(33, 1))).low == 33


def test_without_age_only_a_reported_egfr_counts():
    assert not kidney_function(view(cr(1.2))).usable
    assert kidney_function(view(cr(1.2), reported(33))).low == 33


def test_bounds_and_contradictions_are_ranges():
    below = replace(cr(0.5), comparator="<")
    reading = kidney_function(view(*WOMAN, below))
    assert reading.low == ckd_epi_2021(0.5, 70, "female") < reading.high
    both = kidney_function(view(*WOMAN, cr(1.2, name="a"), cr(1.4, name="b")))
    assert both.low == ckd_epi_2021(1.4, 70, "female") and both.high == ckd_epi_2021(1.2, 70, "female")


def test_past_values_are_those_that_can_be_read():
    events = [cr(1.0, 5), cr(9.0, 4, status="cancelled"), cr(1.1, 3, unit="arb"), cr(Absence.NOT_SENT, 2)]
    events.append(replace(cr(1.2, 1), comparator=">"))
    assert [past.low for past in values(view(*WOMAN, *events), CREATININE)] == [1.0]


def test_past_filtration_uses_the_age_of_that_day():
    past = filtration(view(*WOMAN, cr(1.2, 3653)))
    assert past[0].low == ckd_epi_2021(1.2, 60, "female")


def test_report_and_creatinine_of_one_moment_count_once():
    past = filtration(view(*WOMAN, cr(1.2, 5), reported(33, 5), reported(44, 9)))
    assert [round(each.low) for each in past] == [44, round(ckd_epi_2021(1.2, 70, "female"))]


def test_the_lowest_value_before_a_rise_is_the_one_named():
    found = jump(view(*WOMAN, cr(0.8, 3), cr(0.7, 2), cr(1.3, 1)))
    assert found is not None and found.rising and found.before.low == 0.7


def test_no_past_no_jump():
    assert jump(view(*WOMAN)) is None and jump(view(*WOMAN, cr(1.2))) is None


@pytest.mark.parametrize(("egfr", "said"), [(59.49, 59), (59.5, 60), (0.4, 0)])
def test_whole_numbers(egfr, said):
    assert whole(egfr) == said


def test_joined():
    assert joined(("G2",)) == "G2" and joined(("G2", "G3a", "G3b")) == "G2 to G3b"
