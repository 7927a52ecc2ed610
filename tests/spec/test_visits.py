"""The reason of a visit: no proof of a disease, and no silence about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding
from salus.core.registry import model
from salus.record import fhir
from salus.record.archive import Archive
from salus.record.bulk import read_place
from tests.risk_views import SUBJECT, has, person, takes, view

ICD10CM, SNOMED = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
STROKE = {"coding": [{"system": ICD10CM, "code": "I63.9"}]}
RECORD = (*person(60), has("ICD10CM/I48.91"), has("ICD10CM/I10"), takes("paracetamol 500 MG"))


def encounter(*reasons: Any, **more: Any) -> dict[str, Any]:
    visit = {"resourceType": "Encounter", "id": "e", "status": "finished", "subject": {"reference": SUBJECT}}
    when = {"start": "2024-01-01T08:00:00Z", "end": "2024-01-03T08:00:00Z"}
    return (
        visit | {"class": {"system": ACT, "code": "IMP"}, "period": when, "reasonCode": list(reasons)} | more
    )


def read(one: dict[str, Any]) -> Event:
    timelines, account = fhir.bundle(json.dumps(one).encode(), "b")
    assert not account.rejected
    return timelines[0].events[0]


def stroke(*events: Event) -> tuple[float | None, float | None, float | None]:
    body = model("cha2ds2-vasc").predict(view(*RECORD, *events)).body
    assert isinstance(body, Finding)
    found = next(part.estimate for part in body.parts if part.of == "stroke")
    return found.value, found.low, found.high


@pytest.mark.parametrize("one", [
    encounter(STROKE), encounter({"text": "Acute stroke"}), encounter({"text": "cough"}, STROKE),
    {key: value for key, value in encounter(STROKE).items() if key != "class"},
    encounter(diagnosis=[{"condition": {"reference": "Condition/away", "display": "Cerebral infarction"}}]),
    encounter(STROKE, type=[{"coding": [{"system": SNOMED, "code": "185347001"}], "text": "visit"}]),
])  # fmt: skip
def test_why_a_visit_was_is_read_alike_by_both_ways(one: dict[str, Any], tmp_path: Path) -> None:
    place = tmp_path / "x.ndjson"
    place.write_text(json.dumps(one))
    read_place(str(place), tmp_path / "archive")
    assert Archive.open(tmp_path / "archive").timeline(SUBJECT).events == (read(one),)
    assert stroke(read(one)) == (None, 0, 2)
    if "class" in one:
        assert read(one).code == "ActCode/IMP"


def test_a_diagnosis_of_a_wrong_shape_is_refused_and_counted() -> None:
    one = encounter(diagnosis=[{"condition": "stroke"}])
    assert "diagnosis of an encounter" in fhir.bundle(json.dumps(one).encode(), "b")[1].rejected[0].reason


def test_it_is_said_and_proves_nothing() -> None:
    insight = model("cha2ds2-vasc").predict(view(*RECORD, read(encounter(STROKE))))
    why = "Stroke, TIA or arterial embolism: the reason of a visit, and not among the conditions"
    assert any(limit.startswith(why) for limit in insight.limits)
    assert stroke(read(encounter(STROKE)), has("ICD10CM/I63.9")) == (2, None, None)
    assert stroke(read(encounter(STROKE)), has("ICD10CM/I63.9", status="refuted")) == (0, None, None)
    assert stroke(read(encounter(STROKE)), has("ICD10CM/J45.909")) == (None, 0, 2)


def test_a_visit_for_fibrillation_leaves_open_whether_the_score_applies() -> None:
    visit = read(encounter({"coding": [{"system": ICD10CM, "code": "I48.91"}]}))
    body = model("cha2ds2-vasc").predict(view(*person(60), has("ICD10CM/I10"), visit)).body
    assert isinstance(body, Abstention) and body.why == "missing-evidence"


def test_prevent_says_what_a_visit_was_for() -> None:
    insight = model("prevent").predict(view(*person(60), has("ICD10CM/I10"), read(encounter(STROKE))))
    assert any("the reason of a visit" in limit for limit in insight.limits)


@pytest.mark.parametrize("one", [
    encounter(STROKE, status="planned"), encounter(STROKE, status="cancelled"), encounter({"text": "cough"}),
    encounter({"text": "family history of stroke"}), encounter(), encounter(diagnosis=[{}]),
])  # fmt: skip
def test_what_did_not_take_place_or_names_nothing_leaves_nothing_open(one: dict[str, Any]) -> None:
    assert stroke(read(one)) == (0, None, None)
