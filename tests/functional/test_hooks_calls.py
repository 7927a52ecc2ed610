"""An EHR calls over CDS Hooks: what comes back, for sound calls, unsound ones and missing evidence."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus import spine
from salus.core.review import OVERRIDE_REASONS
from salus.delivery.answers import Busy, Workers
from salus.delivery.app import Settings
from salus.delivery.cds_hooks_check import check_response, check_services
from salus.spine.site import Site
from tests import doors

VIEW = "/cds-services/salus-patient-view"


def paths(answer: httpx.Response) -> list[str]:
    """Return where the OperationOutcome says that something is wrong."""
    document = answer.json()
    assert document["resourceType"] == "OperationOutcome"
    return [path for issue in document["issue"] for path in issue.get("expression", [])]


def test_discovery_lists_a_service_for_each_hook_with_prefetch(ehr: httpx.Client) -> None:
    document = ehr.get("/cds-services").json()
    assert check_services(document) == []
    services = {service["hook"]: service for service in document["services"]}
    assert services["patient-view"]["id"] == "salus-patient-view"
    prefetch = services["patient-view"]["prefetch"]
    assert prefetch["patient"] == "Patient/{{context.patientId}}"
    vitals = prefetch["vital-signs"]
    assert vitals.startswith("Observation?patient={{context.patientId}}&code=")
    assert "http://loinc.org|9279-1" in vitals
    assert vitals.endswith("&_sort=-date&_count=200")


def test_blood_pressure_is_asked_for_as_the_panel_that_it_comes_in(ehr: httpx.Client) -> None:
    services = ehr.get("/cds-services").json()["services"]
    query = next(
        query
        for service in services
        for query in service["prefetch"].values()
        if "http://loinc.org|8480-6" in query
    )
    assert "http://loinc.org|85354-9" in query


def test_nothing_is_offered_before_a_model_is_live(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "new")
    with doors.served(site) as ehr:
        assert ehr.get("/cds-services").json() == {"services": []}
        answer = ehr.post(VIEW, json=doors.call())
        assert (answer.status_code, answer.json()) == (200, {"cards": []})
        assert ehr.post(VIEW, json={}).status_code == 400
        assert ehr.post("/cds-services/salus-tea", json=doors.call()).status_code == 404
    site.close()


def test_prefetch_alone_gives_a_card_that_can_be_acted_on(ehr: httpx.Client) -> None:
    answer = ehr.post(VIEW, json=doors.call())
    assert answer.status_code == 200
    assert check_response(answer.json()) == []
    card = answer.json()["cards"][0]
    assert card["indicator"] == "critical"
    assert "NEWS2" in card["summary"]
    assert len(card["summary"]) < 140
    assert "Breathing 28 /min" in card["detail"]
    assert card["source"]["topic"]["code"] == "news2"
    assert [one["code"] for one in card["overrideReasons"]] == list(OVERRIDE_REASONS)


def test_every_card_is_short_and_sound(ehr: httpx.Client) -> None:
    for one in ehr.post(VIEW, json=doors.call()).json()["cards"]:
        assert len(one["summary"]) < 140


def test_a_call_writes_its_insights_and_its_look_to_the_ledger(ehr: httpx.Client, site: Site) -> None:
    before = site.store.head()[0]
    ehr.post(VIEW, json=doors.call())
    entries = list(site.store.entries(after=before))
    assert {entry.who for entry in entries} == {"Practitioner/7"}
    assert [entry.did for entry in entries].count("look") == 1
    assert site.store.counts()["insight"] > 0
    assert spine.verify(site).intact


def test_a_whole_bundle_as_prefetch_gives_the_same_answer(ehr: httpx.Client) -> None:
    bundle = doors.searchset([doors.PATIENT, *doors.deteriorating()])
    whole = ehr.post(VIEW, json=doors.call(prefetch=bundle)).json()["cards"]
    sent = {**doors.call()["prefetch"], "measurements": doors.searchset([])}
    keyed = ehr.post(VIEW, json=doors.call(prefetch=sent)).json()["cards"]
    assert [one["summary"] for one in whole] == [one["summary"] for one in keyed]


def test_resources_under_the_clients_own_keys_are_used(ehr: httpx.Client) -> None:
    own = {"item1": doors.PATIENT, "item2": doors.searchset(doors.deteriorating()), "item3": None}
    cards = ehr.post(VIEW, json=doors.call(prefetch=own)).json()["cards"]
    assert cards[0]["indicator"] == "critical"


def test_another_patients_evidence_is_never_used(ehr: httpx.Client) -> None:
    other = [{**one, "subject": {"reference": "Patient/p2"}} for one in doors.deteriorating()]
    prefetch = {"patient": doors.PATIENT, "vital-signs": doors.searchset(other)}
    cards = ehr.post(VIEW, json=doors.call(prefetch=prefetch)).json()["cards"]
    assert all(one["indicator"] == "info" for one in cards)
    stranger = {**doors.PATIENT, "id": "p2"}
    answer = ehr.post(VIEW, json=doors.call(prefetch={"patient": stranger}))
    assert answer.status_code == 412


def test_a_resource_that_cannot_be_read_costs_itself_and_is_said(ehr: httpx.Client) -> None:
    broken = {**doors.observation("x", "8867-4", 1, "/min"), "effectiveDateTime": "X2026"}
    vitals = doors.searchset([*doors.deteriorating(), broken])
    prefetch = {"patient": doors.PATIENT, "vital-signs": vitals}
    card = ehr.post(VIEW, json=doors.call(prefetch=prefetch)).json()["cards"][0]
    assert card["indicator"] == "critical"
    assert "1 of 7 resources that were sent could not be used" in card["detail"]


def test_a_quiet_patient_gives_no_alarm(ehr: httpx.Client) -> None:
    calm = [
        doors.observation("hr", "8867-4", 70, "/min"),
        doors.observation("rr", "9279-1", 15, "/min"),
        doors.observation("spo2", "59408-5", 98, "%"),
        doors.observation("temp", "8310-5", 37, "Cel"),
        doors.observation("sbp", "8480-6", 125, "mm[Hg]"),
    ]
    prefetch = {"patient": doors.PATIENT, "vital-signs": doors.searchset(calm)}
    cards = ehr.post(VIEW, json=doors.call(prefetch=prefetch)).json()["cards"]
    assert {one["indicator"] for one in cards} <= {"info", "warning"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hookInstance": "7"}, "CDSHooksRequest.hookInstance"),
        ({"context": {"userId": "Practitioner/7"}}, "CDSHooksRequest.context"),
        (
            {"context": {"userId": "Practitioner/7", "patientId": "Patient/p1"}},
            "CDSHooksRequest.context.patientId",
        ),
        ({"context": {"userId": "nobody", "patientId": "p1"}}, "CDSHooksRequest.context.userId"),
        ({"hook": "order-sign"}, "CDSHooksRequest.context"),
        ({"prefetch": {"patient": {"id": "p1"}}}, "CDSHooksRequest.prefetch[0].value"),
        ({"prefetch": [1]}, "CDSHooksRequest.prefetch"),
        ({"fhirAuthorization": {"access_token": "x"}}, "CDSHooksRequest.fhirAuthorization"),
    ],
)
def test_an_unsound_call_is_refused_with_the_path(
    ehr: httpx.Client, changes: dict[str, Any], path: str
) -> None:
    answer = ehr.post(VIEW, json=doors.call(**changes))
    assert answer.status_code == 400
    assert path in paths(answer)


def test_a_call_for_another_hook_is_refused(ehr: httpx.Client) -> None:
    answer = ehr.post(VIEW, json=doors.call("encounter-start"))
    assert answer.status_code == 400
    assert paths(answer) == ["CDSHooksRequest.hook"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"7", b"[" * 100_000, b'{"a":' * 5_000])
def test_a_body_that_is_no_call_is_refused(ehr: httpx.Client, body: bytes) -> None:
    answer = ehr.post(VIEW, content=body)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_an_unknown_service_is_not_found_and_the_nearest_is_named(ehr: httpx.Client) -> None:
    answer = ehr.post("/cds-services/salus-patient-viev", json=doors.call())
    assert answer.status_code == 404
    assert "salus-patient-view" in answer.text


SELECT = "/cds-services/salus-order-select"


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[httpx.Client]:
    """A site where only NEWS2 is live, which has nothing to say of orders."""
    site = spine.open_site(tmp_path / "quiet")
    spine.approve(site, "news2", by="Dr Test", because="test")
    with doors.served(site) as client:
        yield client
    site.close()


def test_a_hook_at_which_nobody_speaks_is_not_offered_and_answers_with_no_cards(quiet: httpx.Client) -> None:
    offered = {service["id"] for service in quiet.get("/cds-services").json()["services"]}
    assert offered == {"salus-patient-view", "salus-encounter-start"}
    context = {
        "userId": "Practitioner/7",
        "patientId": "p1",
        "selections": [],
        "draftOrders": {"resourceType": "Bundle", "type": "collection"},
    }
    answer = quiet.post(SELECT, json=doors.call("order-select", context=context))
    assert (answer.status_code, answer.json()) == (200, {"cards": []})


def test_a_hook_at_which_nobody_speaks_checks_the_call(quiet: httpx.Client) -> None:
    answer = quiet.post(SELECT, json=doors.call("order-select"))
    assert answer.status_code == 400
    assert "CDSHooksRequest.context" in paths(answer)


def test_while_every_worker_is_stuck_a_reader_is_told_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The envelope of the answer is the promised one, also where nothing can be begun."""
    monkeypatch.setattr(Workers, "run", always_busy)
    with doors.served(site, Settings(insecure_no_jwt=True)) as ehr:
        answer = ehr.post(VIEW, json=doors.call())
        ordering = ehr.post(SELECT, json=doors.call("order-select"))
    assert answer.status_code == 200
    assert "Salus is away" in answer.json()["cards"][0]["summary"]
    assert ordering.status_code == 503


async def always_busy(*_: object) -> None:
    raise Busy("Too many calls wait here.")


def test_a_body_over_the_limit_is_refused_before_it_is_read(site: Site) -> None:
    with doors.served(site, Settings(insecure_no_jwt=True, max_body=1000)) as ehr:
        assert ehr.post(VIEW, json=doors.call()).status_code == 413
        parts = (b" " * 600 for _ in range(3))
        assert ehr.post(VIEW, content=parts).status_code == 413


@pytest.mark.parametrize("prefetch", [None, {}, {"patient": None}, {"patient": doors.PATIENT}])
def test_missing_prefetch_and_no_server_is_412(ehr: httpx.Client, prefetch: Any) -> None:
    answer = ehr.post(VIEW, json=doors.call(prefetch=prefetch))
    assert answer.status_code == 412
    assert "vital-signs" in answer.text


def test_missing_prefetch_and_an_unreachable_server_is_412(site: Site, free_port: int) -> None:
    gone = f"http://127.0.0.1:{free_port}/fhir"
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(gone,))) as ehr:
        answer = ehr.post(VIEW, json=doors.call(prefetch={}, fhirServer=gone))
    assert answer.status_code == 412
    assert "did not answer" in answer.text


def test_a_server_that_the_site_did_not_list_is_never_called(ehr: httpx.Client, free_port: int) -> None:
    other = f"http://127.0.0.1:{free_port}/"
    answer = ehr.post(VIEW, json=doors.call(prefetch={}, fhirServer=other))
    assert answer.status_code == 412
    assert "not one that this site calls" in answer.text


def test_errors_and_logs_hold_no_patients_value(ehr: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="salus")
    secret = "Zaphod-4711"
    context = {"userId": f"x {secret}", "patientId": f"x {secret}"}
    patient = {**doors.PATIENT, "name": [{"text": secret}], "birthDate": secret}
    answer = ehr.post(VIEW, json=doors.call(context=context, prefetch={"patient": patient}))
    assert answer.status_code == 400
    ehr.post(VIEW, json=doors.call(prefetch={"patient": patient}))
    ehr.get(f"/fhir/Observation/{secret}")
    told = [answer.text, *(json.dumps(record.__dict__, default=str) for record in caplog.records)]
    assert any("/cds-services/{id}" in line for line in told)
    assert not any(secret in line for line in told)


def test_a_browser_may_ask_first(ehr: httpx.Client) -> None:
    answer = ehr.options(
        VIEW, headers={"Origin": "https://ehr.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"


def draft(**more: Any) -> dict[str, Any]:
    """Return a call while aspirin is signed for atrial fibrillation, the draft as CDS Hooks 2.0 shows one."""
    order = {
        "resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order",
        "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "aspirin"}, **more,
    }  # fmt: skip
    orders = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    context = {"userId": "Practitioner/7", "patientId": "p1", "draftOrders": orders}
    codings = [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code} for code in ("I48.91", "I50.9")]
    ill = [
        {"resourceType": "Condition", "id": one["code"], "subject": {"reference": "Patient/p1"},
         "code": {"coding": [one]}, "recordedDate": "2020-01-02"}
        for one in codings
    ]  # fmt: skip
    return doors.call("order-sign", context=context, prefetch=doors.searchset([doors.PATIENT, *ill]))


def test_a_draft_needs_no_full_url(ehr: httpx.Client) -> None:
    answer = ehr.post("/cds-services/salus-order-sign", json=draft())
    assert answer.status_code == 200, answer.text
    assert answer.json()["cards"]


def test_what_is_wrong_with_a_draft_still_refuses_and_names_the_full_url_too(ehr: httpx.Client) -> None:
    answer = ehr.post("/cds-services/salus-order-sign", json=draft(status="Xactive"))
    assert answer.status_code == 400
    assert "CDSHooksRequest.context.draftOrders.entry[0]" in paths(answer)
    assert any(path.endswith("MedicationRequest/m1*/.status") for path in paths(answer))
