"""What PREVENT and its neighbours read from a View, one input at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence
from salus.core.units import convert
from salus.risk._body import body_mass_index
from salus.risk._labs import HBA1C, TOTAL_CHOLESTEROL, URINE_ACR
from salus.risk._pregnancy import pregnant
from salus.risk._say import capital, number, percent, sentence, span
from salus.risk._smoking import smokes
from salus.risk._taken import drug
from salus.risk._terms import (
    ATHEROSCLEROTIC_DISEASE,
    DIABETES,
    DIALYSIS,
    HEART_FAILURE,
    PREGNANCY,
    is_blood_pressure_drug,
    is_statin,
)
from tests.risk_views import NOW, has, seen, takes, view

TWO_YEARS = timedelta(days=730)
SMOKES = "LOINC/72166-2"


def test_smoking_answers_at_one_moment_that_differ_say_nothing():
    one, other = seen(SMOKES, "SNOMED/449868002", name="a"), seen(SMOKES, "SNOMED/266919005", name="b")
    assert smokes(view(one, other), TWO_YEARS).value is None


def test_the_latest_smoking_status_counts():
    before = seen(SMOKES, "SNOMED/449868002", before=timedelta(days=300), name="before")
    assert smokes(view(before, seen(SMOKES, "SNOMED/8517006")), TWO_YEARS).value is False


def test_old_smoking_status_is_not_known_but_named():
    fact = smokes(view(seen(SMOKES, "SNOMED/8517006", before=timedelta(days=800))), TWO_YEARS)
    assert fact.value is None and "2 years before" in fact.says and fact.sources


@pytest.mark.parametrize("value", [Absence.NOT_SENT, None, "used to"])
def test_smoking_without_a_coded_answer_is_not_known(value):
    assert smokes(view(seen(SMOKES, value)), TWO_YEARS).value is None


@pytest.mark.parametrize("blank", [Absence.NOT_SENT, Absence.NOT_MEASURED, None])
def test_a_later_blank_smoking_status_takes_nothing_back(blank):
    told = seen(SMOKES, "SNOMED/266919005", before=timedelta(days=30), name="told")
    fact = smokes(view(told, seen(SMOKES, blank)), TWO_YEARS)
    assert fact.value is False and fact.blank is not None
    assert smokes(view(told, seen(SMOKES, Absence.WITHHELD)), TWO_YEARS).value is None


BMI, WEIGHT, HEIGHT = "LOINC/39156-5", "LOINC/29463-7", "LOINC/8302-2"


def test_newer_weight_goes_before_an_older_index():
    old = seen(BMI, 40.0, "kg/m2", before=timedelta(days=100))
    reading = body_mass_index(view(old, seen(WEIGHT, 80.0, "kg"), seen(HEIGHT, 200.0, "cm")), TWO_YEARS)
    assert (reading.low, reading.high) == (20.0, 20.0)
    assert reading.sources == (f"Observation/{WEIGHT[6:]}", f"Observation/{HEIGHT[6:]}")


def test_index_goes_before_an_older_weight():
    old = seen(WEIGHT, 120.0, "kg", before=timedelta(days=100))
    reading = body_mass_index(view(seen(BMI, 24.0, "kg/m2"), old, seen(HEIGHT, 200.0, "cm")), TWO_YEARS)
    assert reading.low == 24.0


def test_height_may_be_old_but_weight_may_not():
    height = seen(HEIGHT, 200.0, "cm", before=timedelta(days=6000))
    fresh = body_mass_index(view(seen(WEIGHT, 80.0, "kg"), height), TWO_YEARS)
    stale = seen(WEIGHT, 80.0, "kg", before=timedelta(days=1000))
    assert fresh.usable and not body_mass_index(view(stale, height), TWO_YEARS).usable


def test_pounds_and_inches():
    weight, height = seen(WEIGHT, 176.36981, "[lb_av]"), seen(HEIGHT, 78.740157, "[in_i]")
    assert body_mass_index(view(weight, height), TWO_YEARS).low == pytest.approx(20.0, abs=1e-5)


def test_weight_and_height_that_do_not_fit_are_no_index():
    reading = body_mass_index(view(seen(WEIGHT, 20.0, "kg"), seen(HEIGHT, 200.0, "cm")), TWO_YEARS)
    assert not reading.usable and "do not fit" in reading.problem


PREGNANT = [
    (has("SNOMED/72892002", years=0.5), True),
    (has("SNOMED/72892002", years=0.9), None),
    (has("SNOMED/72892002", years=0.5, status="resolved"), None),
    (has("ICD10CM/Z34.90", years=0.2), True),
    (has("ICD9CM/V221", years=0.2), True),
    (has("SNOMED/72892002", undated=True), True),
    (has("SNOMED/72892002", undated=True, status=""), None),
    (seen("LOINC/82810-3", "SNOMED/77386006"), True),
    (seen("LOINC/82810-3", "SNOMED/60001007"), False),
    (seen("LOINC/82810-3", "SNOMED/77386006", before=timedelta(weeks=13)), None),
    (seen("LOINC/82810-3", "LOINC/LA4489-6"), None),
]


@pytest.mark.parametrize(("event", "expected"), PREGNANT)
def test_pregnancy(event, expected):
    assert pregnant(view(event)).value is expected


def test_a_pregnancy_that_ended_is_over():
    event = has("SNOMED/72892002", years=0.5)
    assert pregnant(view(replace(event, end=NOW - timedelta(days=5)))).value is None


CODES = [
    (DIABETES, "ICD10CM/E11.9", True), (DIABETES, "ICD10CM/E1165", True), (DIABETES, "ICD9CM/25000", True),
    (DIABETES, "SNOMED/15777000", False), (DIABETES, "ICD10CM/O24.410", False),
    (HEART_FAILURE, "ICD10CM/I50.22", True), (HEART_FAILURE, "ICD9CM/4280", True),
    (HEART_FAILURE, "SNOMED/88805009", True), (HEART_FAILURE, "ICD10CM/I10", False),
    (ATHEROSCLEROTIC_DISEASE, "ICD10CM/I25.10", True), (ATHEROSCLEROTIC_DISEASE, "ICD9CM/4111", True),
    (ATHEROSCLEROTIC_DISEASE, "ICD10CM/Z95.5", True), (ATHEROSCLEROTIC_DISEASE, "ICD10CM/G45.4", False),
    (ATHEROSCLEROTIC_DISEASE, "SNOMED/38341003", False), (ATHEROSCLEROTIC_DISEASE, "ICD10CM/I48.91", False),
    (DIALYSIS, "ICD10CM/Z99.2", True), (DIALYSIS, "ICD9CM/V4511", True), (DIALYSIS, "ICD10CM/N18.3", False),
    (PREGNANCY, "ICD10CM/O80", True), (PREGNANCY, "ICD9CM/650", True), (PREGNANCY, "ICD9CM/V2220", True),
    (PREGNANCY, "ICD10CM/Z32.02", False),
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "code", "expected"), CODES)
def test_value_sets_with_and_without_dots(meaning, code, expected):
    assert meaning.has(has(code)) is expected


DRUGS = [
    (is_statin, "C10AA05", True), (is_statin, "C10BA05", True), (is_statin, "C10BA10", False),
    (is_statin, "C10AX09", False), (is_blood_pressure_drug, "C09AA03", True),
    (is_blood_pressure_drug, "C08CA01", True), (is_blood_pressure_drug, "C10AA05", False),
]  # fmt: skip


@pytest.mark.parametrize(("is_one", "atc", "expected"), DRUGS)
def test_drugs_by_atc(is_one, atc, expected):
    event = replace(takes("x"), codes=(f"ATC/{atc}",), value=None)
    assert is_one(event) is expected


def test_a_drug_without_words_or_atc_cannot_be_told():
    event = replace(takes("x"), codes=("RxNorm/1",), value=None)
    assert is_statin(event) is None and is_statin(replace(event, codes=("RxNorm/83367",))) is True


@pytest.mark.parametrize(
    "status", ["stopped", "cancelled", "not-taken", "do-not-perform", "entered-in-error"]
)
def test_what_is_not_taken_is_no_treatment(status):
    events = [takes("Omeprazole"), takes("Simvastatin", status=status)]
    assert drug(view(*events), "statin", is_statin).value is False


UNITS = [
    (TOTAL_CHOLESTEROL, 5.172, "mmol/L", 200.0),
    (HBA1C, 53.0, "mmol/mol", 7.0),
    (HBA1C, 7.0, "%", 7.0),
    (URINE_ACR, 3.0, "mg/mmol", 26.5),
    (URINE_ACR, 30.0, "ug/mg", 30.0),
]


@pytest.mark.parametrize(("measure", "value", "unit", "expected"), UNITS)
def test_units_of_the_laboratory(measure, value, unit, expected):
    event = seen(measure.codes[0], value, unit)
    assert measure.read(event) == pytest.approx(expected, abs=0.05)


IFCC = [
    "mmol/mol", "mmol/mol{Hb}", "mmol/mol{HbA1c}", "mmol/mol{total}", "mmol/mol ", " mmol/mol", "mmol/mol Hb",
    "mmol / mol", "mmol/mol{hemoglobin}", "mmol{HbA1c}/mol{Hb}", "umol/mmol",
]  # fmt: skip


@pytest.mark.parametrize("unit", IFCC)
def test_hba1c_by_ifcc_in_any_spelling(unit):
    assert HBA1C.read(seen(HBA1C.codes[0], 77.0, unit)) == pytest.approx(9.2, abs=0.05)


@pytest.mark.parametrize("unit", ["%", "% ", "%{Hb}", "%{total}", "percent"])
def test_hba1c_in_percent_in_any_spelling(unit):
    assert HBA1C.read(seen(HBA1C.codes[0], 9.2, unit)) == 9.2


@pytest.mark.parametrize(
    "unit", ["1", "g/g", "µmol/mmol", "mmol.mol-1", "10*-3", "{ratio}", "[ppm]", "mmol/L"]
)
def test_hba1c_in_any_other_unit_is_not_guessed(unit):
    with pytest.raises(EvidenceError, match=r"in another unit .* % or mmol/mol"):
        HBA1C.read(seen(HBA1C.codes[0], 0.077, unit))


def test_cholesterol_turns_into_millimoles_by_the_factor_of_the_equations():
    assert convert(200, "mg/dL", "mmol/L", TOTAL_CHOLESTEROL.molar_mass) == pytest.approx(5.172, abs=1e-9)


def test_words():
    assert capital("eGFR 50") == "eGFR 50" and capital("smoking") == "Smoking"
    assert sentence("not known") == "Not known." and sentence("Done.") == "Done."
    assert span(4, 4) == "4" and span(4.24, 5.06) == "4.2 to 5.1"
    assert percent(0.05, 0.123) == "5 to 12.3 %"
    reading = body_mass_index(view(seen(BMI, 24.06, "kg/m2")), TWO_YEARS)
    assert number(reading) == "24.1 kg/m²"
