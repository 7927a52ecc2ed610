"""Consents as they are published and as servers send them, and what Salus takes each for.

The shapes are those of the examples of HL7 FHIR R4 (opt-in, opt-out with exceptions, by recipient, by author,
by class, by period, nested); the resources are our own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from salus.core.consent import DIRECT_CARE, QUALITY, RESEARCH, SECOND_OPINION, TRAINING, Actor, Permit
from salus.core.errors import EvidenceError
from salus.core.evidence import Event
from salus.privacy.consent_fhir import UNNAMED, is_permit, permit_of
from salus.privacy.consent_fhir_write import consent_of
from salus.privacy.permits import rule
from salus.privacy.profiles import profile

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
DOCTOR = Actor("Practitioner/7")
HEART = Event(("LOINC/8867-4",), NOW, source="Observation/1")
ALCOHOL = Event(("ICD10CM/F10.20",), datetime(2020, 5, 1, tzinfo=UTC), source="Condition/2")
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
TREAT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}
SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
HRESCH = {**TREAT, "code": "HRESCH"}
CLASS = {"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}


def policy(code: str) -> dict[str, Any]:
    return {"coding": [{"system": ACT_CODE, "code": code}]}


def actor(who: str, role: str = "PRCP") -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
    return {"role": {"coding": [{"system": system, "code": role}]}, "reference": {"reference": who}}


def consent(provision: dict[str, Any] | None = None, base: str = "", **more: Any) -> dict[str, Any]:
    told = {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": {"coding": [{"system": SCOPES, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/1"},
        "dateTime": "2026-01-01",
    }  # fmt: skip
    if base:
        told["policyRule"] = policy(base)
    if provision is not None:
        told["provision"] = provision
    return {**told, **more}


def shows(
    told: dict[str, Any], event: Event = HEART, purpose: str = DIRECT_CARE, who: Actor = DOCTOR
) -> bool:
    return rule([permit_of(told)], [], profile("gdpr"), who, purpose, NOW).shows(event)


def test_an_opt_in_for_a_purpose():
    told = consent({"purpose": [HRESCH]}, "OPTIN")
    assert shows(told, purpose=RESEARCH)
    assert not shows(told, purpose=TRAINING)


def test_an_opt_in_without_a_purpose_is_for_care_and_not_for_teaching_models():
    told = consent({}, "OPTIN")
    assert {one for one in profile("gdpr").defaults if shows(told, purpose=one)} == {*UNNAMED, "machine"}
    assert shows(told, purpose=SECOND_OPINION)


def test_an_opt_out_with_exceptions():
    told = consent({"provision": [{"type": "permit", "actor": [actor("Practitioner/7")]}]}, "OPTOUTE")
    assert shows(told)
    assert not shows(told, who=Actor("Practitioner/8"))


def test_withheld_from_one_recipient():
    told = consent({"provision": [{"type": "deny", "actor": [actor("Practitioner/7")]}]}, "OPTIN")
    assert not shows(told)
    assert shows(told, who=Actor("Practitioner/8"))


def test_withheld_from_an_organisation():
    told = consent({"provision": [{"type": "deny", "actor": [actor("Organization/3")]}]}, "OPTIN")
    assert not shows(told, who=Actor("Practitioner/8", organisations=("Organization/3",)))
    assert shows(told)


def test_withheld_by_author_closes_all_since_no_entry_says_who_wrote_it():
    told = consent({"provision": [{"type": "deny", "actor": [actor("Organization/3", "CST")]}]}, "OPTIN")
    assert not shows(told)


def test_withheld_by_class_by_label_by_code_and_by_entry():
    label = {"system": ACT_CODE, "code": "SUD"}
    code = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F10.20"}]}
    entry = {"meaning": "instance", "reference": {"reference": "Condition/2"}}
    for said in ({"class": [CLASS]}, {"securityLabel": [label]}, {"code": [code]}, {"data": [entry]}):
        told = consent({"provision": [{"type": "deny", **said}]}, "OPTIN")
        assert not shows(told, ALCOHOL)
        assert shows(told, HEART)


def test_withheld_by_the_period_of_the_data():
    told = consent(
        {"provision": [{"type": "deny", "dataPeriod": {"start": "2020", "end": "2020-05-01"}}]}, "OPTIN"
    )
    assert not shows(told, ALCOHOL)
    assert shows(told, HEART)


def test_nested_provisions_turn_about():
    inner = {"type": "permit", "class": [CLASS], "actor": [actor("Practitioner/7")], "purpose": [TREAT]}
    told = consent({"provision": [{"type": "deny", "class": [CLASS], "provision": [inner]}]}, "OPTIN")
    assert shows(told, ALCOHOL)
    assert not shows(told, ALCOHOL, who=Actor("Practitioner/8"))


def test_a_type_in_the_root_is_read_although_r4_has_none_there():
    assert not shows(consent({"type": "deny"}))
    assert shows(consent({"type": "permit", "purpose": [HRESCH]}), purpose=RESEARCH)


def test_a_root_that_contradicts_its_policy_is_an_exception_of_it_where_it_has_conditions():
    told = consent({"type": "deny", "actor": [actor("Practitioner/7")]}, "OPTIN")
    assert not shows(told)
    assert shows(told, who=Actor("Practitioner/8"))
    assert not shows(consent({"type": "permit"}, "OPTOUT")), "in doubt it denies"
    assert shows(consent({"type": "permit", "purpose": [TREAT]}, "OPTOUT"))


def test_where_nothing_says_the_base_only_nested_provisions_speak():
    assert permit_of(consent({"purpose": [HRESCH]})).effect == ""
    assert not shows(consent({"purpose": [HRESCH]}), purpose=RESEARCH)
    assert not shows(consent({"provision": [{"type": "deny", "class": [CLASS]}]}), ALCOHOL)
    assert shows(consent(None))


def test_a_consent_to_research_is_to_research_alone():
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}
    told = consent({}, "OPTIN", scope=scope)
    assert shows(told, purpose=RESEARCH)
    assert not shows(told, purpose=QUALITY)


@pytest.mark.parametrize(
    "odd",
    [
        {"modifierExtension": [{"url": "http://x", "valueBoolean": True}]},
        {"expression": {"language": "text/cql"}},
        {"action": [{"coding": [{"code": "collect"}]}]},
        {"purpose": [{"system": "http://x", "code": "anything"}]},
        {"actor": [{**actor("Practitioner/7"), "modifierExtension": [{"url": "http://x"}]}]},
        {"actor": [{"role": {"text": "somebody"}, "reference": {"display": "somebody"}}]},
        {"class": [{"system": "urn:ietf:bcp:13", "code": "application/hl7-cda+xml"}]},
        {"code": [{"text": "the test of last May"}]},
        {"data": [{"meaning": "related", "reference": {"reference": "Encounter/1"}}]},
    ],
)
def test_what_is_not_understood_permits_nothing_and_denies_more(odd: dict[str, Any]):
    assert not shows(consent({"type": "permit", "purpose": [HRESCH], **odd}), purpose=RESEARCH)
    assert not shows(consent({"provision": [{"type": "deny", **odd}]}, "OPTIN"))


def test_a_modifier_or_rules_of_the_whole_void_what_it_permits():
    for odd in ({"modifierExtension": [{"url": "http://x"}]}, {"implicitRules": "http://x"}):
        assert not shows(consent({"purpose": [HRESCH]}, "OPTIN", **odd), purpose=RESEARCH)
    strange = {"coding": [{"system": "http://x", "code": "odd"}]}
    assert not shows(consent({"purpose": [HRESCH]}, "OPTIN", scope=strange), purpose=RESEARCH)


def test_a_day_alone_is_its_end_for_a_denial_and_its_start_for_a_permission():
    assert permit_of(consent({}, "OPTOUT")).at == datetime(2026, 1, 1, 23, 59, 59, 999999, UTC)
    assert permit_of(consent({"purpose": [TREAT]}, "OPTIN")).at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_directive_of_another_kind_is_no_permit():
    scope = {"coding": [{"code": "adr"}]}
    assert not is_permit(consent({"type": "deny"}, scope=scope))
    with pytest.raises(EvidenceError, match="an advance directive and no permit"):
        permit_of(consent({"type": "deny"}, scope=scope))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"resourceType": "Patient"}, "This is no Consent"),
        ([], "This is no Consent"),
        (consent(status="activ"), r"Consent\.status: there is: active"),
        (consent(patient={}), r"Consent\.patient\.reference: name the patient"),
        (consent([{"type": "deny"}]), r"Consent\.provision: .* FHIR R5"),  # type: ignore[arg-type]
        (
            consent({"provision": [{"class": [CLASS]}]}),
            r"Consent\.provision\.provision\[0\]\.type: write 'permit'",
        ),
        (
            consent({"period": {"start": "soon"}}),
            r"Consent\.provision\.period\.start: this is no FHIR dateTime",
        ),
        (consent({"actor": {}}), r"Consent\.provision\.actor: a list belongs here"),
        (consent({"actor": ["x"]}), r"Consent\.provision\.actor\[0\]: an object belongs here"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(told: object, says: str):
    with pytest.raises(EvidenceError, match=says):
        permit_of(told)


def test_a_consent_that_is_written_is_fhir_r4():
    at = datetime(2026, 1, 1, 8, tzinfo=UTC)
    said = Permit("Patient/1", "deny", (TRAINING,), scope=("label:R",), at=at, id="c1", basis="GDPR Art. 21")
    told = consent_of(said)
    assert told["policyRule"]["coding"][0]["code"] == "OPTOUT"
    assert "type" not in told["provision"]
    assert told["provision"]["purpose"] == [{"system": "urn:salus:purpose", "code": "model-training"}]
    assert told["provision"]["securityLabel"][0]["system"].endswith("v3-Confidentiality")
    assert "may not use" in told["text"]["div"]
    assert permit_of(told) == said
