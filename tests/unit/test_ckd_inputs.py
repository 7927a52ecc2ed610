"""How eGFR is found, and what past measurements of the kidneys say, one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence
from salus.risk._egfr import ckd_epi_2021, is_reported, kidney_function, made_by
from salus.risk._kidney_change import change
from salus.risk._kidney_history import (
    albuminuria_since,
    filtration,
    low_filtration_since,
    values,
)
from salus.risk._kidney_inputs import gather
from salus.risk._kidney_stage import joined, whole
from salus.risk._labs import CREATININE
from salus.risk.ckd import MODEL
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
    (600, 0.1, "report"), (2, 1, "report"), (1, 1, "creatinine"), (1, 30, "creatinine"),
    (1.1, 1, "creatinine"),
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


def test_past_values_that_cannot_be_read_may_be_anything():
    events = [cr(1.0, 5), cr(9.0, 4, status="cancelled"), cr(Absence.NOT_MEASURED, 3.5)]
    events += [cr(1.1, 3, unit="arb"), cr(Absence.WITHHELD, 2), replace(cr(1.2, 1), comparator=">=")]
    ends = [(past.low, past.high) for past in values(view(*WOMAN, *events), CREATININE)]
    assert ends == [(1.0, 1.0), (0.1, 60.0), (0.1, 60.0), (1.2, 60.0)]


def report(value, days, comparator=None, unit="mL/min/{1.73_m2}"):
    event = seen(EGFR, value, unit, before=timedelta(days=days), name=f"egfr-{days}-{value}")
    return replace(event, comparator=comparator)


def ratio(value, days, comparator=None, unit="mg/g"):
    event = seen("LOINC/9318-7", value, unit, before=timedelta(days=days), name=f"acr-{days}-{value}")
    return replace(event, comparator=comparator)


LOW = report(50.0, 1), report(52.0, 200)
WET = ratio(80.0, 1), ratio(60.0, 200)
# (between two low values 199 days apart, whether chronic, whether that one is named as the doubt)
BETWEEN = [
    (report(60.0, 90, ">"), False, False), (report(60.0, 90, ">="), False, False),
    (report(59.0, 90, ">"), False, False), (report(90.0, 90, ">"), False, False),
    (report(60.0, 90, "<"), True, False), (report(59.0, 90, "<="), True, False),
    (report(15.0, 90, "<"), True, False), (report(60.0, 90, "<="), False, True),
    (report(30.0, 90, ">"), False, True), (report(70.0, 90, "<"), False, True),
    (report(55.0, 90, unit="arb"), False, True), (report(95.0, 90, unit=None), False, True),
    (report("see text", 90, unit=None), False, True), (report(Absence.NOT_SENT, 90), False, True),
    (report(Absence.NOT_MEASURED, 90), True, False), (replace(cr(0.4, 90), comparator="<"), False, False),
    (replace(cr(4.0, 90), comparator=">"), True, False), (cr(0.7, 90, unit="arb"), False, True),
]  # fmt: skip


@pytest.mark.parametrize(("middle", "chronic", "doubtful"), BETWEEN)
def test_what_stands_between_two_low_filtrations(middle, chronic, doubtful):
    run = low_filtration_since(view(*WOMAN, *LOW, middle))
    assert run.chronic is chronic
    assert (run.doubt is not None and run.doubt.event == middle) is doubtful


BETWEEN_ALBUMIN = [
    (ratio(5.0, 90, "<"), False, False), (ratio(30.0, 90, "<"), False, False),
    (ratio(30.0, 90, ">="), True, False), (ratio(300.0, 90, ">"), True, False),
    (ratio(30.0, 90, "<="), False, True), (ratio(10.0, 90, ">"), False, True),
    (ratio(40.0, 90, unit="arb"), False, True),
]  # fmt: skip


@pytest.mark.parametrize(("middle", "chronic", "doubtful"), BETWEEN_ALBUMIN)
def test_what_stands_between_two_albuminurias(middle, chronic, doubtful):
    run = albuminuria_since(view(*WOMAN, *WET, middle))
    assert run.chronic is chronic
    assert (run.doubt is not None and run.doubt.event == middle) is doubtful


def test_a_doubt_before_three_proven_months_changes_nothing():
    run = low_filtration_since(view(*WOMAN, *LOW, report(50.0, 400, unit="arb")))
    assert run.chronic


def test_a_creatinine_that_cannot_be_read_gives_way_to_the_report_of_its_moment():
    run = low_filtration_since(view(*WOMAN, *LOW, cr(1.1, 200, unit="arb")))
    assert run.chronic


def test_the_doubt_is_said():
    insight = MODEL.predict(view(*WOMAN, *LOW, report(30.0, 90, ">")))
    said = [limit for limit in insight.limits if limit.startswith("Chronicity unproven")]
    assert len(said) == 1 and "eGFR of 2025-12-14 is only a bound or cannot be read" in said[0]
    assert not any("at every measurement" in reason.says for reason in insight.reasons)


def test_past_filtration_uses_the_age_of_that_day():
    (past,) = filtration(view(*WOMAN, cr(1.2, 3653)))
    assert past.low == ckd_epi_2021(1.2, 60, "female")


def test_report_and_creatinine_of_one_moment_count_once():
    past = filtration(view(*WOMAN, cr(1.2, 5), reported(33, 5), reported(44, 9)))
    assert [round(each.low) for each in past] == [round(ckd_epi_2021(1.2, 70, "female")), 44]


def test_the_lowest_value_before_a_rise_is_the_one_named():
    found = change(view(*WOMAN, cr(0.8, 3), cr(0.7, 2), cr(1.3, 1)))
    assert found is not None and found.rising and found.before.low == 0.7


def test_no_past_no_jump():
    assert change(view(*WOMAN)) is None and change(view(*WOMAN, cr(1.2))) is None


EGFR_UNITS = [
    *(
        "mL/min/{1.73_m2}",
        "mL/min/1.73m2",
        "ml/min/1.73m2",
        "mL/min/1.73m²",
        "mL/min/1.73 m2",
        "ml/min/1.73 m²",
    ),
    *("mL/min/{1.73m2}", "mL/min/1.73m^2", "mL/min/1.73_m2", "mL/min/{1.73_m2} "),
]


@pytest.mark.parametrize("unit", EGFR_UNITS)
def test_units_of_a_reported_egfr(unit):
    assert kidney_function(view(*WOMAN, seen(EGFR, 33.0, unit))).low == 33


EQUATIONS = [
    ("98979-8", "as reported, by CKD-EPI 2021"), ("62238-1", "as reported, by CKD-EPI 2009"),
    ("88294-4", "as reported, by CKD-EPI 2009"), ("33914-3", "as reported, by MDRD"),
    ("77147-7", "as reported, by MDRD"), ("48642-3", "as reported, by MDRD"),
    ("88293-6", "as reported, by CKD-EPI 2009 with a coefficient for race"),
    ("48643-1", "as reported, by MDRD with a coefficient for race"),
    ("50044-7", "as reported, by MDRD"), ("70969-1", "as reported, by MDRD"),
    ("76633-7", "as reported, by MDRD"),
    ("69405-9", "as reported, equation not told"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said"), EQUATIONS)
def test_a_reported_egfr_is_told_by_its_equation(code, said):
    event = seen(f"LOINC/{code}", 33.0, "mL/min/{1.73_m2}")
    assert made_by(kidney_function(view(*WOMAN, event))) == said
    insight = MODEL.predict(view(*WOMAN, event))
    assert said in insight.reasons[0].says and any(said in limit for limit in insight.limits)


@pytest.mark.parametrize(("egfr", "said"), [(59.49, 59), (59.5, 60), (0.4, 0)])
def test_whole_numbers(egfr, said):
    assert whole(egfr) == said


def test_joined():
    assert joined(("G2",)) == "G2" and joined(("G2", "G3a", "G3b")) == "G2 to G3b"
