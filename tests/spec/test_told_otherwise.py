"""What a list of conditions tells of weight and tobacco is not called absent; a contradiction is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Event
from salus.core.insight import Risk
from salus.core.registry import model
from salus.risk._body import body_mass_index
from salus.risk._smoking import smokes
from tests.risk_views import called, has, person, seen, takes, view

WITHIN = timedelta(days=730)
NEVER, FORMER = seen("LOINC/72166-2", "SNOMED/266919005"), seen("LOINC/72166-2", "SNOMED/8517006")
DAILY = seen("LOINC/72166-2", "SNOMED/449868002")
TOBACCO = [
    "ICD10CM/F17.210", "ICD10CM/F17.200", "ICD10CM/F17.290", "ICD10CM/Z72.0", "ICD9CM/305.1", "ICD10/F17.2",
    "SNOMED/56294008", "SNOMED/449868002",
]  # fmt: skip


def kilograms(value: float, days: float = 0.1) -> Event:
    return seen("LOINC/29463-7", value, "kg", before=timedelta(days=days))


def centimetres(value: float) -> Event:
    return seen("LOINC/8302-2", value, "cm")


def index(value: float, days: float = 0.1) -> Event:
    return seen("LOINC/39156-5", value, "kg/m2", before=timedelta(days=days))


@pytest.mark.parametrize("code", TOBACCO)
@pytest.mark.parametrize("status", [NEVER, FORMER])
def test_use_of_tobacco_beside_no_smoker_is_open_and_said(code: str, status: Event) -> None:
    fact = smokes(view(status, has(code)), WITHIN)
    assert fact.value is None and {status.source, f"Condition/{code}"} == set(fact.sources)
    assert fact.says.endswith("among the conditions, though the recorded status is that of no smoker")


@pytest.mark.parametrize("code", TOBACCO)
def test_use_of_tobacco_without_a_status_is_said(code: str) -> None:
    fact = smokes(view(has(code)), WITHIN)
    assert fact.value is None and fact.sources == (f"Condition/{code}",)
    assert fact.says == "smoking status: not on record; use of tobacco is among the conditions"
    assert smokes(view(has(code), DAILY), WITHIN).value is True


@pytest.mark.parametrize("event", [
    has("ICD10CM/F17.211"), has("ICD10CM/F17.220"), has("ICD10CM/Z87.891"), called("Ex-smoker"),
    has("ICD10CM/F17.210", status="resolved"), has("ICD10CM/F17.210", status="refuted"),
    called("Former smoker"), called("Non-smoker"),
])  # fmt: skip
def test_what_is_over_chewed_or_denied_contradicts_nothing(event: Event) -> None:
    assert smokes(view(NEVER, event), WITHIN).value is False


def test_the_words_of_a_condition_leave_it_open_too() -> None:
    assert smokes(view(NEVER, called("Tobacco use disorder")), WITHIN).value is None


def test_prevent_gives_both_answers_for_a_smoker_who_never_smoked() -> None:
    rest = (
        *person(55), seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
        seen("LOINC/8480-6", 130.0, "mm[Hg]"), seen("LOINC/2160-0", 1.0, "mg/dL"),
        takes("paracetamol 500 MG"),
    )  # fmt: skip
    risks = []
    for told in (
        (NEVER, has("ICD10CM/J45.909")),
        (DAILY, has("ICD10CM/J45.909")),
        (NEVER, has("ICD10CM/F17.210")),
    ):
        body = model("prevent").predict(view(*rest, *told)).body
        assert isinstance(body, Risk)
        risks.append(body.outcomes[0].estimate)
    assert (risks[2].low, risks[2].high) == (risks[0].value, risks[1].value)


def test_an_index_that_weight_and_height_contradict_is_a_range() -> None:
    found = body_mass_index(view(index(27.0), kilograms(120.0), centimetres(170.0)), WITHIN)
    assert (found.low, round(found.high, 1)) == (27.0, 41.5)
    assert "differ; both are allowed for" in found.problem and len(found.sources) == 3


@pytest.mark.parametrize("weight", [78.0, 77.0, 80.5])
def test_what_rounding_leaves_is_no_contradiction(weight: float) -> None:
    found = body_mass_index(view(index(27.0), kilograms(weight), centimetres(170.0)), WITHIN)
    assert (found.low, found.high, found.problem) == (27.0, 27.0, "")


def test_another_visit_contradicts_nothing() -> None:
    found = body_mass_index(view(index(27.0, days=30), kilograms(120.0), centimetres(170.0)), WITHIN)
    assert round(found.low, 1) == round(found.high, 1) == 41.5
    found = body_mass_index(view(index(27.0), kilograms(120.0, days=30), centimetres(170.0)), WITHIN)
    assert (found.low, found.high) == (27.0, 27.0)


SPANS = [
    ("ICD10CM/Z68.35", 35.0, 35.9), ("ICD10CM/Z68.20", 20.0, 20.9), ("ICD10CM/Z68.41", 40.0, 44.9),
    ("ICD10CM/Z68.1", 7.0, 19.9), ("ICD9CM/V85.35", 35.0, 35.9), ("ICD9CM/V85.21", 25.0, 25.9),
    ("ICD9CM/V85.4", 40.0, 200.0), ("ICD9CM/V85.41", 40.0, 44.9), ("ICD10CM/E66.9", 30.0, 200.0),
    ("ICD10CM/E66.3", 25.0, 29.9), ("ICD9CM/278.00", 30.0, 200.0), ("ICD9CM/278.02", 25.0, 29.9),
    ("SNOMED/162864005", 30.0, 200.0), ("SNOMED/408512008", 40.0, 200.0), ("ICD10CM/E66.812", 35.0, 39.9),
]  # fmt: skip


@pytest.mark.parametrize(("code", "low", "high"), SPANS)
def test_an_index_told_by_a_code_is_a_range(code: str, low: float, high: float) -> None:
    found = body_mass_index(view(has(code, years=1)), WITHIN)
    assert (found.usable, found.low, found.high) == (True, low, high)
    assert found.problem == "body mass index: told by a diagnosis, as a range"


def test_a_class_is_narrower_than_obesity_and_words_count() -> None:
    both = (has("ICD10CM/E66.9", years=1), has("ICD10CM/Z68.35", years=1))
    assert (body_mass_index(view(*both), WITHIN).low, body_mass_index(view(*both), WITHIN).high) == (
        35.0,
        35.9,
    )
    found = body_mass_index(view(called("Body Mass Index 35.0-35.9, adult")), WITHIN)
    assert (found.low, found.high) == (35.0, 35.9)


def test_a_measured_index_goes_before_a_code() -> None:
    assert body_mass_index(view(index(27.0), has("ICD10CM/Z68.35", years=1)), WITHIN).high == 27.0


@pytest.mark.parametrize(("event", "says"), [
    (has("ICD10CM/Z68.35", undated=True), "body mass index told by a diagnosis without a date, so not used"),
    (has("ICD10CM/Z68.35", years=5), "body mass index told by a diagnosis last 5 years before, so not used"),
    (centimetres(1.7), "body mass index not recorded, and height not usable: height outside 90 to 275 cm"),
])  # fmt: skip
def test_what_cannot_be_used_is_not_called_absent(event: Event, says: str) -> None:
    found = body_mass_index(view(event), WITHIN)
    assert not found.usable and found.problem.startswith(says) and found.sources == (event.source,)
    limits = model("findrisc").predict(view(*person(50), takes("paracetamol 500 MG"), event)).limits
    assert any(says.casefold() in limit.casefold() for limit in limits)


@pytest.mark.parametrize("status", ["refuted", "provisional"])
def test_a_diagnosis_in_doubt_tells_nothing(status: str) -> None:
    found = body_mass_index(view(replace(has("ICD10CM/Z68.35", years=1), status=status)), WITHIN)
    assert found.problem == "body mass index not recorded"
