"""What is refused, with a reason that names elements and rules and never a value; and doubt that is heard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from salus.record import fhir
from tests.unit.test_record_fhir import loinc, refused, resource

ERROR = {"coding": [{"code": "entered-in-error"}]}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (resource(status="entered-in-error"), "entered-in-error"),
        (resource("Condition", verificationStatus=ERROR), "entered-in-error"),
        (resource(status=None), "no status"),
        (resource(code=None), "no code"),
        (resource(subject=None), "no patient named"),
        (resource(subject={"display": "Mr X"}), "no patient named"),
        (resource(subject={"reference": "Group/1"}), "no patient named"),
        (resource(subject={"reference": "#inside"}), "no patient named"),
        *(
            (resource(subject={"reference": f"Patient/{odd}"}), "wrong shape: the reference to the patient")
            for odd in ("p1#x", "p1|2", "p1?x=1", "p1 ")
        ),
        (resource("Nonsense"), "resourceType is not one of FHIR R4"),
        ({"id": "1"}, "no resourceType"),
        (resource(id="a b"), "wrong shape: $.id"),
        (resource(valueQuantity={"value": "12"}), "wrong shape: $.valueQuantity.value"),
        (resource(valueQuantity={"value": 1}, status=3), "wrong shape: $.status"),
        (resource(code=[3]), "wrong shape: a code is no CodeableConcept"),
        (resource(implicitRules="x"), "implicitRules: it is to be read by rules that Salus does not know"),
        (resource(modifierExtension=[{"url": "http://x/not"}]),
         "modifierExtension that Salus does not know: it may reverse the meaning"),
        (resource(component=[{"code": loinc("1"), "modifierExtension": [{"url": "u"}]}]),
         "modifierExtension that Salus does not know: it may reverse the meaning"),
        (b'{"resourceType": "Observation", "id"', "not JSON"),
        (b'{"resourceType": "Observation", "valueInteger": NaN}', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"resourceType":"Observation","id":"1","status":"final","subject":{"reference":"Patient/p"},'
         b'"code":{"text":"x"},"valueQuantity":{"value":1e999}}', "wrong shape: $.valueQuantity.value"),
    ],
)  # fmt: skip
def test_refused_with_a_reason_that_repeats_nothing(one: Any, reason: str) -> None:
    assert refused(one) == reason


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (
            {"coding": [{"system": "urn:local", "code": "ERR"}, {"code": "entered-in-error"}]},
            "entered-in-error",
        ),
        ({"text": "entered-in-error"}, "entered-in-error"),
        ({"coding": [{"system": "urn:local", "code": "NO"}, {"code": "refuted"}]}, "refuted"),
        ({"coding": [{"code": "confirmed"}]}, "resolved"),
    ],
)
def test_doubt_is_heard_from_any_coding(status: dict[str, object], fate: str) -> None:
    said = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "49436004"}]},
        "verificationStatus": status,
        "clinicalStatus": {"coding": [{"system": "urn:local", "code": "x"}, {"code": "resolved"}]},
    }
    timelines, account = fhir.bundle(json.dumps(said).encode(), "x")
    if fate == "entered-in-error":
        assert [reject.reason for reject in account.rejected] == [fate]
        assert timelines == []
    else:
        assert [event.status for event in timelines[0]] == [fate]


def test_what_was_observed_on_somebody_else_is_refused() -> None:
    said = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "focus": [{"reference": "Patient/other"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "valueQuantity": {"value": 140, "unit": "/min"},
    }
    timelines, account = fhir.bundle(json.dumps(said).encode(), "x")
    assert timelines == []
    assert account.rejected[0].reason.startswith("focus")
