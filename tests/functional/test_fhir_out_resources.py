"""Insights, reviews and the ledger as FHIR resources: each valid for an outside validator, and true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import fhirkit
import pytest

from salus.core.insight import (
    Abstention,
    Advice,
    Body,
    Estimate,
    Finding,
    Insight,
    ModelRef,
    Outcome,
    Reason,
    Risk,
    Signal,
    Urgency,
)
from salus.core.review import Entry, Review
from salus.core.seams import Channel
from salus.delivery.answers import Workers
from salus.delivery.app import Settings
from salus.delivery.fhir import Fhir
from salus.delivery.fhir_resources import resources
from salus.delivery.fhir_trail import audit_event, insight_provenance, review_provenance
from tests import doors

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
EHR = "https://ehr.example/r4"
ID = "0123456789abcdef0123456789abcdef"
RISK = Risk(
    (
        Outcome("total CVD", Estimate(0.0712, "1", 0.05, 0.11, "missing-inputs"), "10 years"),
        Outcome("stroke", Estimate(None, "1", 0.01, 0.04, "missing-inputs"), "30 years"),
    ),
    "About 7 in 100 patients like this.",
)
SCORE = Finding(
    "NEWS2",
    Estimate(None, "{score}", 3.0, 8.0, "missing-inputs"),
    "low to high",
    "Between 3 and 8.",
    (Outcome("pulse", Estimate(2.0, "{score}")),),
)
STAGE = Finding("eGFR", Estimate(47.123456789, "mL/min/{1.73_m2}"), "G3a")
UNSURE = Abstention("missing-evidence", "Cannot be judged.", ("creatinine", "age"))


def insight(body: Body, urgency: Urgency | None = None, **more: Any) -> Insight:
    reasons = (
        Reason(("Observation/hr", "Condition/af"), 2.0, "Pulse 118 /min: 2 points"),
        Reason((), 0.0, "ACVPU not recorded", absent="ACVPU"),
    )
    said = {"reasons": reasons, "limits": ("ACVPU not recorded.",), "permit": "direct care", "id": ID, **more}
    return Insight("Patient/p1", ModelRef("news2", "1.0.0"), "How ill?", NOW, body, urgency, **said)


def relative(name: str) -> dict[str, str]:
    """What stands for a resource of a server that nobody named."""
    return {"reference": name, "display": f"{name} in the record that was read"}


EVERY = [
    insight(RISK, Urgency.ROUTINE),
    insight(RISK, Urgency.NOW, reasons=(), limits=()),
    insight(SCORE, Urgency.TODAY),
    insight(STAGE, None),
    insight(Finding("x", Estimate(None))),
    insight(UNSURE),
    *(insight(Abstention(why, "No.")) for why in ("not-eligible", "not-available", "suspended")),
    insight(Advice("Consider it.", ("or not",)), Urgency.THIS_WEEK),
    insight(Signal("It departs."), None),
]


def problems(resource: dict[str, Any]) -> list[str]:
    return [str(issue) for issue in fhirkit.validate(resource)]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.body.kind}-{one.urgency}")
def test_every_resource_is_valid_and_says_that_a_machine_made_it(one: Insight) -> None:
    known = [*resources(one, server=EHR), insight_provenance(one, NOW, EHR)]
    made = [*resources(one), *resources(one, NOW), insight_provenance(one, NOW), *known]
    for resource in made:
        assert problems(resource) == []
        assert resource["meta"]["security"][0]["code"] == "AIAST"
        assert resource["id"] == ID


def test_a_risk_is_given_in_percent_with_its_interval() -> None:
    (made,) = resources(insight(RISK, Urgency.ROUTINE))
    first, second = made["prediction"]
    assert first["outcome"]["text"] == "total CVD, 10 years"
    assert first["probabilityDecimal"] == 7.12
    assert first["extension"][0]["valueRange"]["high"]["value"] == 11
    assert "probabilityDecimal" not in second
    assert second["probabilityRange"]["low"] == {
        "value": 1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%",
    }  # fmt: skip
    assert made["basis"] == [relative("Observation/hr"), relative("Condition/af")]
    assert {"text": "ACVPU not recorded."} in made["note"]


def test_a_score_is_an_observation_with_its_parts() -> None:
    made, issue = resources(insight(SCORE, Urgency.NOW))
    assert made["resourceType"] == "Observation"
    assert made["valueRange"]["high"]["value"] == 8
    assert made["component"][0]["valueQuantity"]["value"] == 2
    assert made["derivedFrom"] == [relative("Observation/hr")]
    assert (issue["resourceType"], issue["severity"]) == ("DetectedIssue", "high")
    assert issue["evidence"][0]["detail"][0] == {"reference": f"Observation/{ID}"}


def test_what_calls_for_nobody_is_no_issue() -> None:
    kinds = [one["resourceType"] for one in resources(insight(STAGE, Urgency.ROUTINE))]
    assert kinds == ["Observation"]


def test_an_abstention_is_a_guidance_response_that_says_what_is_missing() -> None:
    (made,) = resources(insight(UNSURE))
    assert made["status"] == "data-required"
    assert {"text": "Missing: creatinine"} in made["note"]


def test_what_leans_on_changed_evidence_says_so() -> None:
    (made,) = resources(insight(STAGE), NOW)
    assert made["meta"]["tag"][0]["code"] == "stale"


@pytest.mark.parametrize(
    ("said", "decided", "status"),
    [
        (SCORE, False, ["entered-in-error", "entered-in-error"]),
        (SCORE, True, ["cancelled", "cancelled"]),
        (UNSURE, False, ["entered-in-error"]),
        (UNSURE, True, ["entered-in-error"]),
    ],
)
def test_what_leans_on_changed_evidence_is_withdrawn(said: Any, decided: bool, status: list[str]) -> None:
    made = resources(insight(said, Urgency.NOW), NOW, decided=decided)
    assert [one["status"] for one in made] == status
    assert [str(issue) for one in made for issue in fhirkit.validate(one)] == []


REVIEW = Review(ID, "Practitioner/7", "overridden", "evidence-wrong", "old", NOW, id="f" * 32)


@pytest.mark.parametrize("by", ["Practitioner/7", "cli:maria"])
def test_a_review_is_a_provenance_of_a_person(by: str) -> None:
    made = review_provenance(insight(STAGE), Review(ID, by, "accepted", at=NOW, id="f" * 32))
    assert problems(made) == []
    assert "meta" not in made
    assert made["target"] == [{"reference": f"Observation/{ID}"}]


@pytest.mark.parametrize("did", ["read", "look", "insight", "review", "status", "permit"])
def test_a_ledger_entry_is_an_audit_event_without_values(did: str) -> None:
    entry = Entry(7, NOW, "cli:maria", did, "a" * 64, "b" * 64, "c" * 64)
    for about in ("", "Patient/p1", ID):
        made = audit_event(entry, about)
        assert problems(made) == []
        assert made["id"] == "7"
        assert problems(audit_event(entry, about, server=EHR)) == []


def referred(node: Any) -> list[str]:
    """Every literal reference in a resource, but to what it contains."""
    inside = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    own = [node["reference"]] if isinstance(node, dict) and isinstance(node.get("reference"), str) else []
    return [one for one in [*own, *(told for part in inside for told in referred(part))] if one[0] != "#"]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.body.kind}-{one.urgency}")
def test_what_lies_on_another_server_is_referred_to_by_its_whole_address(one: Insight) -> None:
    for made in [*resources(one, server=EHR), insight_provenance(one, NOW, EHR)]:
        for told in referred(made):
            assert told.startswith(f"{EHR}/") or told.endswith(f"/{ID}")
            assert not told.startswith(EHR) or "/" not in told.removeprefix(f"{EHR}/").partition("/")[2]
    elsewhere = replace(one, subject="https://other.example/fhir/Patient/p1")
    for made in resources(elsewhere, server=EHR):
        assert not any(told.startswith(EHR) for told in referred(made))
        assert "https://other.example/fhir/Patient/p1" in referred(made)


def test_the_ledger_names_subjects_and_people_of_the_ehr_by_their_addresses() -> None:
    entry = Entry(7, NOW, "Practitioner/7", "look", "a" * 64, "b" * 64, "c" * 64)
    assert referred(audit_event(entry, "Patient/p1", server=EHR)) == [
        f"{EHR}/Practitioner/7",
        f"{EHR}/Patient/p1",
    ]
    foreign = replace(entry, who="https://other.example/Practitioner/7")
    assert referred(audit_event(foreign, ID, server=EHR)) == ["https://other.example/Practitioner/7"]
    assert referred(audit_event(replace(entry, who="cli:maria"), ID, server=EHR)) == []


def test_the_door_is_a_channel_that_reads_its_own_reviews_back(tmp_path: Any) -> None:
    site = doors.live_site(tmp_path / "site")
    door = Fhir(site, Settings(), Workers(1, 1))
    assert isinstance(door, Channel)
    heard = door.hear(review_provenance(insight(STAGE), REVIEW))
    assert (heard.insight, heard.by, heard.decision) == (ID, "Practitioner/7", "overridden")
    assert (heard.because, heard.note, heard.at) == ("evidence-wrong", "old", NOW)
    assert problems(door.capabilities()) == []
    site.close()


def test_points_of_a_score_are_never_a_probability() -> None:
    """RiskAssessment.prediction.probability[x] is in percent: 14 points would read as 14 %."""
    body = Risk(
        (
            Outcome("type 2 diabetes", Estimate(0.17, "1"), "10 years"),
            Outcome("FINDRISC score", Estimate(14.0, "{score}")),
            Outcome("waist", Estimate(None, "{score}", 3.0, 4.0, "missing-inputs")),
        ),
        "FINDRISC 14.",
    )
    made = resources(insight(body))[0]
    assert [(one["outcome"]["text"], one["probabilityDecimal"]) for one in made["prediction"]] == [
        ("type 2 diabetes, 10 years", 17)
    ]
    notes = [one["text"] for one in made["note"]]
    assert {"FINDRISC 14.", "FINDRISC score: 14", "waist: between 3 and 4"} <= set(notes)
    assert "mitigation" not in made
    assert problems(made) == []
