"""Vital signs under other codes: the newest counts, and what may be newer is never unsaid."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Event
from salus.core.insight import Finding, Insight
from salus.core.spoken import names
from salus.privacy.gate import open_view
from salus.risk._elsewhere import newer
from salus.risk._measures import PULSE, RESPIRATORY_RATE, SPO2, SYSTOLIC, TEMPERATURE
from salus.risk.news2 import MODEL
from salus.spine.bring import bring
from tests.risk_views import NOW, person, seen, view

HOUR = timedelta(hours=1)
OLD = (
    seen("LOINC/9279-1", 16.0, "/min", before=HOUR), seen("LOINC/59408-5", 97.0, "%", before=HOUR),
    seen("LOINC/8480-6", 120.0, "mm[Hg]", before=HOUR), seen("LOINC/8867-4", 70.0, "/min", before=HOUR),
    seen("LOINC/8310-5", 37.0, "Cel", before=HOUR), seen("LOINC/3151-8", 0.0, "L/min", before=HOUR),
    seen("LOINC/80288-4", "A", before=HOUR),
)  # fmt: skip
# (what is measured, its codes, a value that scores 3, its unit)
NEWER = [
    ("systolic blood pressure", SYSTOLIC, 80.0, "mm[Hg]"), ("pulse", PULSE, 140.0, "/min"),
    ("temperature", TEMPERATURE, 34.0, "Cel"), ("respiratory rate", RESPIRATORY_RATE, 30.0, "/min"),
    ("oxygen saturation", SPO2, 88.0, "%"),
]  # fmt: skip


def ask(*events: Event) -> Insight:
    return MODEL.predict(view(*person(60), *OLD, *events))


def points(insight: Insight) -> dict[str, float | None]:
    assert isinstance(insight.body, Finding)
    return {part.of: part.estimate.value for part in insight.body.parts}


def said(insight: Insight) -> list[str]:
    return [limit for limit in insight.limits if limit.startswith("What may be a newer")]


@pytest.mark.parametrize(("name", "code", "value", "unit"), [
    (name, code, value, unit) for name, measure, value, unit in NEWER for code in measure.codes
])  # fmt: skip
def test_the_newest_is_scored_by_whatever_code_it_comes(name, code, value, unit):
    insight = ask(seen(code, value, unit))
    assert points(insight)[name] == 3 and said(insight) == []


NOT_THIS = [
    "LOINC/8462-4", "LOINC/8478-0", "LOINC/55283-6", "LOINC/8884-9", "LOINC/8496-2", "LOINC/8485-5",
    "LOINC/89273-7", "LOINC/87739-9", "LOINC/86908-1", "LOINC/2711-0", "LOINC/28642-7", "LOINC/89276-0",
]  # fmt: skip


@pytest.mark.parametrize("code", NOT_THIS)
def test_what_is_another_thing_is_scored_for_none(code):
    """Diastolic, mean, fetal, of a day, under exercise, a goal, of a vein, of a cord."""
    assert all(code not in measure.codes for _, measure, _, _ in NEWER)


@pytest.mark.parametrize(("code", "name"), [
    ("LOINC/20564-1", "oxygen saturation"), ("LOINC/60830-7", "temperature"),
    ("LOINC/33438-3", "respiratory rate"),
])  # fmt: skip
def test_a_code_of_the_family_is_said_and_not_scored(code, name):
    insight = ask(seen(code, 88.0, "%"))
    assert points(insight)[name] == 0
    assert len(said(insight)) == 1 and name in said(insight)[0] and "07:50" in said(insight)[0]


def local(words: str, value: float | str = 80.0, unit: str | None = "mm[Hg]") -> Event:
    return replace(seen("urn:ward|7", value, unit, name="o"), codes=("urn:ward|7", f"text/{words}"))


@pytest.mark.parametrize(("words", "name"), [
    ("Systolic BP", "systolic blood pressure"), ("NIBP", "systolic blood pressure"),
    ("Non Invasive Blood Pressure systolic", "systolic blood pressure"), ("Pulse", "pulse"),
    ("Blutdruck systolisch", "systolic blood pressure"), ("Heart Rate", "pulse"),
    ("Heart rate by Pulse oximetry", "pulse"), ("Temperature Fahrenheit", "temperature"),
    ("Resp. rate", "respiratory rate"), ("Atemfrequenz", "respiratory rate"),
    ("O2 saturation pulseoxymetry", "oxygen saturation"), ("SpO2", "oxygen saturation"),
])  # fmt: skip
def test_what_only_words_name_is_said_and_not_scored(words, name):
    insight = ask(local(words))
    assert points(insight)[name] == 0
    (limit,) = said(insight)
    assert limit.startswith(f"What may be a newer {name} is recorded at 07:50") and limit.endswith(
        "(Observation/o)."
    )


@pytest.mark.parametrize("words", [
    "Diastolic blood pressure", "Fetal heart rate", "Heart Rate Alarm - High", "Blood pressure goal",
    "Respiratory Rate (Set)", "Mixed venous saturation", "Iron saturation", "Room temperature",
    "Mean blood pressure", "NEWS2 pulse score", "Pulse pressure", "Heart rate rhythm", "Pain severity",
    "24 hour systolic blood pressure",
])  # fmt: skip
def test_words_of_another_thing_say_nothing(words):
    assert said(ask(local(words))) == []


def test_what_is_no_newer_or_no_number_says_nothing():
    assert said(ask(replace(local("Pulse"), time=NOW - 2 * HOUR))) == []
    assert said(ask(local("Pulse", "SNOMED/271636001"), local("Pulse", "regular"))) == []
    assert said(ask(replace(local("Pulse"), status="cancelled"))) == []
    assert len(said(ask(local("Blood pressure", "80/50 mmHg", None)))) == 1


def test_what_is_too_old_to_be_scored_is_not_said_either():
    old = view(*person(60), replace(local("Pulse"), time=NOW - timedelta(days=2)))
    assert newer(old, reading_of_none(), timedelta(hours=24)) == ()


def reading_of_none():
    from salus.core.measures import read

    return read(view().timeline, PULSE, NOW)


def test_words_of_the_record_reach_the_model_and_others_do_not():
    """The words of an Observation stay with it where they name what a model asks for."""
    tagged = [
        ({"coding": [{"system": "urn:ward", "code": "1", "display": "Puls"}]}, ("urn:ward|1", "text/Puls")),
        ({"text": "BP systolic"}, ("Observation", "text/BP systolic")),
        (
            {"coding": [{"system": "urn:ward", "code": "2", "display": "Mood"}], "text": "Mood"},
            ("urn:ward|2",),
        ),
    ]
    for code, codes in tagged:
        found = _brought(code)
        assert [event.codes for event in found if event.kind == "Observation"] == [codes]
    limits = MODEL.predict(open_view(_timeline(tagged[0][0]), Actor("dr"), DIRECT_CARE, NOW)).limits
    assert any("newer pulse" in limit for limit in limits)


def _brought(code: dict) -> list[Event]:
    return list(_timeline(code))


def _timeline(code: dict):
    about = {"reference": "Patient/p"}
    when = (NOW - timedelta(minutes=5)).isoformat()
    resources = [
        {"resourceType": "Patient", "id": "p", "birthDate": "1960-01-15"},
        {"resourceType": "Observation", "id": "o", "status": "final", "code": code, "subject": about,
         "effectiveDateTime": when, "valueQuantity": {"value": 140, "unit": "/min"}},
    ]  # fmt: skip
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in resources],
    }
    return bring(json.dumps(bundle).encode(), "Patient/p", "t")[0]


@pytest.mark.parametrize(("words", "measure"), [
    ("Creatinine, serum", "creatinine"), ("eGFR (cystatin C)", "eGFR"),
    ("Glomeruläre Filtrationsrate", "eGFR"),
])  # fmt: skip
def test_words_of_kidneys(words, measure):
    assert names(measure, words)


@pytest.mark.parametrize("words", [
    "Urine creatinine", "Albumin/Creatinine ratio", "Creatinine clearance", "Creatine kinase", "eGFR stage",
])  # fmt: skip
def test_words_of_other_kidney_things(words):
    assert not names("creatinine", words) and not names("eGFR", words)
