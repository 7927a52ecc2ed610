"""Codes that public value sets list (VSAC): each changes the answer that it should."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.codes import short
from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding
from salus.core.registry import model
from salus.risk import _af_terms as fibrillation
from salus.risk import _operations as operations
from salus.risk import _terms as terms
from salus.risk._labs import CREATININE, HBA1C, URINE_ACR
from salus.risk._smoking import smokes
from tests.risk_views import NOW, has, person, seen, takes, view

MAN = person(60)
NOTHING = takes("paracetamol 500 MG")
KIDNEYS = (seen("LOINC/2160-0", 2.0, "mg/dL"), seen("LOINC/9318-7", 300.0, "mg/g"))


def done(code: str, status: str = "completed", years: float = 4) -> Event:
    when = NOW - timedelta(days=365 * years)
    return Event((code,), when, None, when, status=status, source=f"Procedure/{code}")


TRANSPLANTED = ("SNOMED/70536003", "SNOMED/175902000", "CPT/50360", "ICD10PCS/0TY00Z0")


@pytest.mark.parametrize("code", TRANSPLANTED)
def test_a_transplant_that_is_only_an_operation_counts(code):
    prevent = model("prevent").predict(view(*MAN, NOTHING, done(code))).body
    assert isinstance(prevent, Abstention) and "kidney transplant" in prevent.says
    limits = model("ckd").predict(view(*MAN, *KIDNEYS, done(code))).limits
    assert any("transplant is on record" in limit for limit in limits)


def test_a_transplant_that_was_not_done_does_not():
    prevent = model("prevent").predict(view(*MAN, NOTHING, done(TRANSPLANTED[0], "not-done"))).body
    assert "transplant" not in prevent.says


@pytest.mark.parametrize(("code", "given"), [
    ("SNOMED/433146000", True), ("ICD10CM/N18.5", True), ("ICD10CM/N18.6", False),
    ("SNOMED/46177005", False), ("SNOMED/236434000", False),
])  # fmt: skip
def test_kidney_failure_is_end_stage_disease_and_not_stage_5(code, given):
    body = model("ckd").predict(view(*MAN, *KIDNEYS, has(code))).body
    assert isinstance(body, Finding)
    assert any("kidney failure" in part.of for part in body.parts) is given


@pytest.mark.parametrize("code", ["SNOMED/236435004", "SNOMED/698074000", "ICD10CM/Z99.2"])
def test_dialysis_by_any_code_is_none_of_the_equations(code):
    assert isinstance(model("ckd").predict(view(*MAN, *KIDNEYS, has(code))).body, Abstention)


@pytest.mark.parametrize("code", ["SNOMED/233578004", "SNOMED/238318009", "SNOMED/895382009"])
def test_a_session_of_any_kind_is_dialysis(code):
    assert isinstance(model("ckd").predict(view(*MAN, *KIDNEYS, done(code, years=0.1))).body, Abstention)


@pytest.mark.parametrize(("value", "answer"), [
    ("SNOMED/59978006", True), ("SNOMED/160604004", True), ("SNOMED/281018007", False),
    ("SNOMED/702979003", False), ("SNOMED/77176002", None), ("SNOMED/81703003", None),
    ("SNOMED/722499006", None),
])  # fmt: skip
def test_what_burns_is_smoking_and_what_does_not_says_nothing(value, answer):
    fact = smokes(view(*MAN, seen("LOINC/72166-2", value)), timedelta(days=400))
    assert fact.value is answer


@pytest.mark.parametrize(("code", "points"), [
    ("SNOMED/426814001", 2.0), ("SNOMED/230696001", 2.0), ("SNOMED/840609007", 1.0),
    ("SNOMED/315348000", 1.0), ("SNOMED/371125006", 1.0), ("SNOMED/719216001", 1.0),
    ("SNOMED/703273002", 1.0), ("SNOMED/50570003", 0.0), ("SNOMED/34742003", 0.0),
])  # fmt: skip
def test_subtypes_score_like_what_they_are_a_kind_of(code, points):
    flutter = has("SNOMED/425615007")
    body = model("cha2ds2-vasc").predict(view(*MAN, NOTHING, flutter, has(code))).body
    assert isinstance(body, Finding) and body.estimate.value == points


@pytest.mark.parametrize("code", ["SNOMED/195165005", "SNOMED/95454007", "SNOMED/840609007"])
def test_a_bleeding_in_the_brain_and_an_infarction_are_known_disease(code):
    body = model("prevent").predict(view(*MAN, NOTHING, has(code))).body
    assert isinstance(body, Abstention) and body.why == "not-eligible"


@pytest.mark.parametrize(("measure", "code"), [
    (CREATININE, "35203-9"), (CREATININE, "77140-2"), (URINE_ACR, "76401-9"), (HBA1C, "17855-8"),
])  # fmt: skip
def test_codes_of_laboratories_are_read(measure, code):
    assert f"LOINC/{code}" in measure.codes


SETS = [value for module in (terms, fibrillation, operations) for value in vars(module).values()
        if isinstance(value, terms.ValueSet)]  # fmt: skip


@pytest.mark.parametrize("each", SETS, ids=lambda each: each.name)
def test_every_snomed_code_has_a_right_check_digit(each):
    """SNOMED CT identifiers end in a Verhoeff check digit (SNOMED CT editorial guide, SCTID)."""
    for code in each.codes:
        if code.startswith("SNOMED/"):
            assert verhoeff(code.removeprefix("SNOMED/")) == 0, code


def verhoeff(digits: str) -> int:
    """Return 0 for a number whose last digit checks the others (dihedral group of order 10)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total = times(total, permuted(int(digit), place % 8))
    return total


def times(one: int, other: int) -> int:
    turned = one % 5 + other % 5 if one < 5 else one % 5 - other % 5
    return turned % 5 + 5 * ((one < 5) == (other >= 5))


def permuted(digit: int, rounds: int) -> int:
    for _ in range(rounds):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


@pytest.mark.parametrize(("system", "name"), [
    ("http://terminology.hl7.org/CodeSystem/icd9cm", "ICD9CM"), ("urn:oid:2.16.840.1.113883.6.3", "ICD10"),
    ("urn:oid:2.16.840.1.113883.6.73", "ATC"), ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "ICD10"),
    ("http://fhir.de/CodeSystem/bfarm/atc", "ATC"),
])  # fmt: skip
def test_systems_by_their_other_names(system, name):
    assert short(system, "x") == f"{name}/x"
