"""What counts once it was found, by every code that means it; what only its words name is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Event
from salus.core.insight import Finding, Insight
from salus.core.registry import model
from salus.core.spoken import names
from salus.risk import _findrisc_items as form
from salus.risk._measures import DIASTOLIC, EJECTION_FRACTION
from salus.risk.cha2ds2_vasc import items
from tests.risk_views import has, person, seen, takes, view

RECORD = (*person(50), takes("paracetamol 500 MG"), has("ICD10CM/I48.91"))


def ask(name: str, *events: Event) -> Insight:
    return model(name).predict(view(*RECORD, *events))


def points(insight: Insight, name: str) -> float | None:
    assert isinstance(insight.body, Finding)
    return next(part.estimate.value for part in insight.body.parts if part.of == name)


@pytest.mark.parametrize("code", DIASTOLIC.codes)
def test_a_diastolic_pressure_counts_by_every_code(code: str) -> None:
    high = [seen(code, 105.0, "mm[Hg]", before=timedelta(days=day), name=f"d{day}") for day in (3, 5)]
    assert points(ask("cha2ds2-vasc", *high), "hypertension") == 1


@pytest.mark.parametrize("code", EJECTION_FRACTION.codes)
def test_an_ejection_fraction_counts_by_every_code(code: str) -> None:
    assert points(ask("cha2ds2-vasc", seen(code, 25.0, "%")), "heart failure") == 1


@pytest.mark.parametrize("code", form.FASTING_GLUCOSE.codes)
def test_a_fasting_glucose_counts_by_every_code(code: str) -> None:
    item = next(one for one in form.items(view(*RECORD, seen(code, 7.0, "mmol/L"))) if "glucose" in one.name)
    assert item.points == (5,)


@pytest.mark.parametrize("codes", [DIASTOLIC.codes, EJECTION_FRACTION.codes, form.FASTING_GLUCOSE.codes])
def test_no_code_of_another_thing_is_among_them(codes: tuple[str, ...]) -> None:
    """Systolic and mean pressure, the right ventricle, glucose in urine and after a dose."""
    others = {"LOINC/8480-6", "LOINC/8478-0", "LOINC/8815-3", "LOINC/8818-7", "LOINC/14769-4", "LOINC/1518-0"}
    assert others.isdisjoint(codes)


def local(words: str, value: float | str, unit: str | None) -> Event:
    return replace(seen("urn:ward|7", value, unit, name="odd"), codes=("urn:ward|7", f"text/{words}"))


@pytest.mark.parametrize(("name", "event", "what"), [
    ("cha2ds2-vasc", local("Left ventricular Ejection fraction by MRI", 25.0, "%"), "ejection fraction"),
    ("cha2ds2-vasc", local("Diastolic blood pressure", 105.0, "mm[Hg]"), "diastolic blood pressure"),
    ("cha2ds2-vasc", local("HbA1c (IFCC)", 80.0, "mmol/mol"), "HbA1c"),
    ("prevent", local("LVEF", 25.0, "%"), "ejection fraction"),
    ("findrisc", local("Glucose, capillary", 15.0, "mmol/L"), "glucose"),
    ("findrisc", local("Blutzucker nüchtern", "> 10", "mmol/L"), "glucose"),
])  # fmt: skip
def test_what_only_words_name_is_said(name: str, event: Event, what: str) -> None:
    (limit,) = [limit for limit in ask(name, event).limits if limit.startswith("What may be a value of")]
    assert what in limit and limit.endswith("gave no points (Observation/odd).")


@pytest.mark.parametrize(("words", "value", "unit", "options"), [
    ("LVEF", 25.0, "%", (0, 1)), ("LVEF", 25.0, None, (0, 1)), ("LVEF", "30-35", "%", (0, 1)),
    ("LVEF", 60.0, "%", (0, 0)), ("RVEF", 25.0, "%", (0, 0)),
])  # fmt: skip
def test_a_low_ejection_fraction_in_words_leaves_heart_failure_open(
    words: str, value: float | str, unit: str | None, options: tuple[int, int]
) -> None:
    event = local(words, value, unit)
    item = next(one for one in items(view(*RECORD, event)) if one.name == "heart failure")
    assert (item.low, item.high) == options
    unsure = any("Whether the patient has" in limit for limit in ask("prevent", event).limits)
    assert unsure is (options == (0, 1))


@pytest.mark.parametrize(("words", "value", "unit", "points"), [
    ("Glucose", 15.0, "mmol/L", (0, 5)), ("Glucose", 7.0, "mmol/L", (0,)), ("Glucose", 15.0, None, (0, 5)),
    ("Nüchternglukose", 7.0, "mmol/L", (0, 5)), ("HbA1c", 7.0, "%", (0, 5)), ("HbA1c", 5.5, "%", (0,)),
    ("Glucose in urine", 15.0, "mmol/L", (0,)),
])  # fmt: skip
def test_a_high_glucose_in_words_leaves_it_open(
    words: str, value: float, unit: str | None, points: tuple[int, ...]
) -> None:
    asked = view(*RECORD, local(words, value, unit))
    assert next(one for one in form.items(asked) if "glucose" in one.name).points == points


@pytest.mark.parametrize("words", [
    "Right ventricular ejection fraction", "Gallbladder ejection fraction", "Diastolic dysfunction",
    "Left ventricular end-diastolic volume", "Estimated average glucose", "Glucose in urine",
    "Glucose-6-phosphate dehydrogenase",
])  # fmt: skip
def test_words_of_another_thing_are_not(words: str) -> None:
    measures = (*form.TESTS, DIASTOLIC, EJECTION_FRACTION)
    assert not any(names(measure.name, words) for measure in measures)
