"""What is being ordered while a hook is called: named as that, never as taken, and this patient's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from salus.spine.site import Site
from tests import doors

OLD = doors.PATIENT | {"birthDate": "1940-01-02"}
FIBRILLATES = {
    "resourceType": "Condition", "id": "af", "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "49436004"}]},
    "recordedDate": "2020-01-01",
}  # fmt: skip
NONE = "No oral anticoagulant"


def order(text: str, name: str = "m1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest", "id": name, "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": text}, **more,
    }  # fmt: skip


def ordering(
    ehr: httpx.Client,
    hook: str,
    drafts: list[dict[str, Any]],
    listed: tuple[dict[str, Any], ...] = (),
    **more: Any,
) -> list[dict[str, Any]]:
    """Return the cards of `hook` for somebody with atrial fibrillation."""
    context = {"userId": "Practitioner/7", "patientId": "p1"}
    if hook.startswith("order"):
        context |= {"draftOrders": doors.searchset(drafts) | {"type": "collection"}}
    if hook == "order-select":
        context |= {"selections": [f"MedicationRequest/{one['id']}" for one in drafts]}
    whole = doors.searchset([OLD, FIBRILLATES, order("aspirin", "asp", status="active"), *listed])
    call = doors.call(hook, context=context, prefetch=whole, **more)
    answer = ehr.post(f"/cds-services/salus-{hook}", json=call)
    assert answer.status_code == 200, answer.text
    cards: list[dict[str, Any]] = answer.json()["cards"]
    return cards


def said(cards: list[dict[str, Any]]) -> str:
    return " ".join(card["detail"] for card in cards)


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_anticoagulant_that_is_being_ordered_is_not_called_missing(ehr: httpx.Client, hook: str) -> None:
    assert NONE in said(ordering(ehr, hook, [order("aspirin")]))
    assert NONE not in said(ordering(ehr, hook, [order("apixaban 5 mg")]))


@pytest.mark.parametrize("hook", ["order-sign", "patient-view"])
def test_the_same_draft_in_the_list_is_one_too(ehr: httpx.Client, hook: str) -> None:
    now = datetime.now(UTC).isoformat()
    listed = order("warfarin 3 mg", authoredOn=now)
    cards = ordering(ehr, hook, [listed], (listed,))
    assert "An oral anticoagulant is on record" not in said(cards)
    if hook == "patient-view":
        assert "One is being ordered now (not signed yet): warfarin 3 mg" in said(cards)


def test_what_was_drafted_long_ago_is_not_being_ordered(ehr: httpx.Client) -> None:
    then = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    assert "being ordered" not in said(
        ordering(ehr, "patient-view", [], (order("warfarin", authoredOn=then),))
    )


def test_a_draft_is_not_taken_yet_whatever_status_it_has(ehr: httpx.Client, site: Site) -> None:
    ordering(ehr, "order-sign", [order("apixaban", status="active")])
    newest = site.store.insights(subject="Patient/p1", model="cha2ds2-vasc", newest=True)[0]
    told = newest.document.decode()
    assert "being ordered now" in told and "anticoagulant is on record" not in told


def test_a_draft_for_another_patient_is_left_out_and_said(ehr: httpx.Client) -> None:
    mine = order("aspirin")
    others = order("apixaban", "m2", subject={"reference": "Patient/other"})
    cards = ordering(ehr, "order-sign", [mine, others])
    assert NONE in said(cards) and "being ordered" not in said(cards)
    assert all("1 draft order of another patient was left out." in card["detail"] for card in cards)
    assert ordering(ehr, "order-sign", [others]) == [], "no drug is being ordered for this patient"


def test_evidence_of_another_servers_patient_is_another_patients(ehr: httpx.Client) -> None:
    foreign = order("warfarin", "w", status="active", authoredOn=datetime.now(UTC).isoformat())
    for base, is_mine in (("https://ehr.example/fhir", True), ("http://other.example/fhir", False)):
        named = foreign | {"subject": {"reference": f"{base}/Patient/p1"}}
        cards = ordering(ehr, "patient-view", [], (named,), fhirServer="https://ehr.example/fhir")
        assert ("An oral anticoagulant is on record" in said(cards)) is is_mine
        assert ("1 resource of another patient was left out." in said(cards)) is not is_mine


def test_another_servers_observation_takes_no_place_of_this_patients(ehr: httpx.Client) -> None:
    theirs = [
        one | {"subject": {"reference": "http://other.example/fhir/Patient/p1"}}
        for one in doors.deteriorating()
    ]
    sent = doors.searchset([doors.PATIENT, *doors.deteriorating(), *theirs])
    for vitals, indicator in ((sent, "critical"), (doors.searchset([doors.PATIENT, *theirs]), "info")):
        call = doors.call(prefetch=vitals, fhirServer="https://ehr.example/fhir")
        cards = ehr.post("/cds-services/salus-patient-view", json=call).json()["cards"]
        assert cards[0]["indicator"] == indicator
        assert "5 resources of another patient were left out." in cards[0]["detail"]


def drafting(*orders: dict[str, Any], hook: str = "order-sign", **context: Any) -> dict[str, Any]:
    """Return a call about somebody with atrial fibrillation who ought to have an anticoagulant."""
    ill = [
        {
            "resourceType": "Condition",
            "id": code,
            "subject": {"reference": "Patient/p1"},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]},
            "recordedDate": "2020-01-02",
        }
        for code in ("I48.91", "I50.9", "I10", "E11.9")
    ]
    drafts = {**doors.searchset(list(orders)), "type": "collection"}
    said = {"userId": "Practitioner/7", "patientId": "p1", "draftOrders": drafts, **context}
    return doors.call(hook, context=said, prefetch=doors.searchset([doors.PATIENT, *ill]))


ASPIRIN = {
    "resourceType": "MedicationRequest",
    "id": "aspirin",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": {"text": "aspirin"},
}
FILM = {"resourceType": "ServiceRequest", "id": "film", "status": "draft", "intent": "order"}
FILM |= {"subject": {"reference": "Patient/p1"}}


def test_who_signs_a_drug_hears_what_is_due_and_who_orders_a_film_does_not(ehr: httpx.Client) -> None:
    sign = "/cds-services/salus-order-sign"
    (card,) = ehr.post(sign, json=drafting(ASPIRIN, FILM)).json()["cards"]
    assert "anticoagulant" in card["summary"] + card["detail"]
    assert ehr.post(sign, json=drafting(FILM)).json()["cards"] == []


def test_while_orders_are_chosen_only_the_selected_one_counts(ehr: httpx.Client) -> None:
    select = "/cds-services/salus-order-select"
    chosen = {"selections": ["MedicationRequest/aspirin"]}
    assert ehr.post(select, json=drafting(ASPIRIN, FILM, hook="order-select", **chosen)).json()["cards"]
    chosen = {"selections": ["ServiceRequest/film"]}
    assert not ehr.post(select, json=drafting(ASPIRIN, FILM, hook="order-select", **chosen)).json()["cards"]


def test_a_drug_that_is_only_referred_to_is_read_as_it_is_called_there(ehr: httpx.Client) -> None:
    named = order("", "w", status="active", authoredOn=datetime.now(UTC).isoformat())
    del named["medicationCodeableConcept"]
    named["medicationReference"] = {"reference": "Medication/w", "display": "Warfarin 3 mg"}
    assert "An oral anticoagulant is on record" in said(ordering(ehr, "patient-view", [], (named,)))
