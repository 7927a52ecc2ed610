"""What a hook must say of what it does not know: failed models, lists in part, gaps, strangers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from salus.core.insight import Insight
from salus.core.registry import models
from salus.delivery.app import Settings
from salus.spine.site import Site
from tests import doors
from tests.functional.test_hooks_prefetch import EhrServer, serving

VIEW = "/cds-services/salus-patient-view"
NEXT = [{"relation": "next", "url": "https://ehr.example/fhir/page2"}]


@pytest.fixture
def server() -> Iterator[EhrServer]:
    with serving() as opened:
        yield opened


def asked(ehr: httpx.Client) -> dict[str, str]:
    """Return the prefetch that patient-view asks for."""
    services = {one["hook"]: one for one in ehr.get("/cds-services").json()["services"]}
    prefetch: dict[str, str] = services["patient-view"]["prefetch"]
    return prefetch


def sent(ehr: httpx.Client, **changes: Any) -> dict[str, Any]:
    """Return a whole prefetch, its lists empty but for the vital signs, with `changes` on top."""
    empty = {key: doors.searchset([]) for key in asked(ehr)}
    return {**empty, **doors.call()["prefetch"], **changes}


def details(ehr: httpx.Client, prefetch: Any, **changes: Any) -> list[str]:
    """Return what each card says."""
    answer = ehr.post(VIEW, json=doors.call(prefetch=prefetch, **changes))
    assert answer.status_code == 200, answer.text
    return [card["detail"] for card in answer.json()["cards"]]


def broken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let one model fail as a model with a defect does."""

    def fail(*_: object) -> Insight:
        raise ZeroDivisionError("pulse 135")

    monkeypatch.setattr(type(models()[name]), "predict", fail)


def test_a_model_that_fails_is_named_on_a_card_and_to_the_operator(
    ehr: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, "news2")
    cards = ehr.post(VIEW, json=doors.call()).json()["cards"]
    (card,) = [one for one in cards if one["summary"].startswith("Could not answer")]
    assert "NEWS2" in card["summary"] and card["indicator"] == "info"
    assert "135" not in card["detail"]
    assert 'salus_answers_total{model="news2",why="not-available"}' in ehr.get("/metrics").text
    check = ehr.get("/healthz").json()["checks"]["models"]
    assert check["status"] == "failing" and "news2" in check["failed_seconds_ago"]


def test_a_model_that_fails_is_not_silent_where_one_orders(
    ehr: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, "cha2ds2-vasc")
    context = {
        "userId": "Practitioner/7",
        "patientId": "p1",
        "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": []},
    }
    prefetch = {key: doors.searchset([]) for key in asked(ehr)} | {"patient": doors.PATIENT}
    call = doors.call("order-sign", context=context, prefetch=prefetch)
    answer = ehr.post("/cds-services/salus-order-sign", json=call)
    assert answer.status_code == 200, answer.text
    assert any(one["summary"].startswith("Could not answer") for one in answer.json()["cards"])


@pytest.mark.parametrize("mark", [{"total": 3}, {"link": NEXT}, {"total": 3, "link": NEXT}])
def test_a_list_in_part_proves_no_absence(ehr: httpx.Client, mark: dict[str, Any]) -> None:
    whole = details(ehr, sent(ehr))
    assert not any("in part" in one or "completely" in one for one in whole)
    part = details(ehr, sent(ehr, condition={**doors.searchset([]), **mark}))
    assert all("Condition was not sent completely: 0 of" in one for one in part)
    assert any("was sent in part" in one and "what is not on it is not known" in one for one in part)


def test_what_is_not_on_a_list_in_part_is_no_no(ehr: httpx.Client) -> None:
    """An EHR sends its first page: the fibrillation may be on the next."""
    codes = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}
    listed = {"resourceType": "Condition", "id": "ht", "subject": {"reference": "Patient/p1"}, "code": codes,
              "clinicalStatus": {"coding": [{"code": "active"}]}, "recordedDate": "2020-01-01"}  # fmt: skip
    first_page = {**doors.searchset([listed]), "total": 900, "link": NEXT}
    whole, part = (
        " ".join(details(ehr, sent(ehr, condition=one))) for one in (doors.searchset([listed]), first_page)
    )
    told = "atrial fibrillation or flutter: only a part of the list of conditions came"
    assert told in part.lower() and told not in whole.lower()
    assert "Of the list of conditions only a part came." in part
    assert "coded in ways that are not known" not in part


def test_a_bundle_in_part_is_said_too(ehr: httpx.Client) -> None:
    bundle = doors.searchset([doors.PATIENT, *doors.deteriorating()]) | {"total": 9}
    said = details(ehr, bundle)
    assert all("6 of 9" in one for one in said)
    assert any("The list of conditions was sent in part" in one for one in said)


def test_included_entries_do_not_count_for_the_total(ehr: httpx.Client) -> None:
    vitals = doors.searchset(doors.deteriorating()) | {"total": 5}
    vitals["entry"][0]["search"] = {"mode": "include"}
    assert all("4 of 5" in one for one in details(ehr, sent(ehr, **{"vital-signs": vitals})))


def complaint(severity: str) -> dict[str, Any]:
    """Return an entry in which a server says something of the search."""
    issue = {"severity": severity, "code": "processing"}
    resource = {"resourceType": "OperationOutcome", "issue": [issue]}
    return {"resource": resource, "search": {"mode": "outcome"}}


def with_entries(*entries: Any) -> dict[str, Any]:
    """Return a search's Bundle that holds one condition and `entries`."""
    ill = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
    }
    bundle = doors.searchset([ill])
    return {**bundle, "entry": [*bundle["entry"], *entries]}


LOST = {
    "a server's error": with_entries(complaint("error")),
    "a server's warning": with_entries(complaint("warning")),
    "a complaint that is no outcome by its mode": with_entries({"resource": complaint("error")["resource"]}),
    "an entry that only refers": with_entries({"fullUrl": "https://ehr.example/fhir/Condition/9"}),
    "an entry of nothing": with_entries(
        {"fullUrl": "https://ehr.example/fhir/Condition/9", "resource": None}
    ),
    "a batch in which the search failed": {
        **with_entries({"response": {"status": "404"}}),
        "type": "batch-response",
    },
    "one resource and no list": with_entries()["entry"][0]["resource"],
}


@pytest.mark.parametrize("kind", LOST)
def test_a_list_that_lost_something_proves_no_absence(ehr: httpx.Client, kind: str) -> None:
    said = details(ehr, sent(ehr, condition=LOST[kind]))
    assert all("Condition was not sent completely: 1 of more." in one for one in said)
    assert any("The list of conditions was sent in part" in one for one in said)


def test_what_a_server_tells_for_information_is_no_loss(ehr: httpx.Client) -> None:
    said = details(ehr, sent(ehr, condition=with_entries(complaint("information"))))
    assert not any("completely" in one or "in part" in one for one in said)


@pytest.mark.parametrize("odd", [{"total": "9"}, {"link": 7}, {"link": [7]}, {"total": True}])
def test_odd_totals_and_links_do_not_stop_a_call(ehr: httpx.Client, odd: dict[str, Any]) -> None:
    vitals = doors.searchset(doors.deteriorating()) | odd
    assert details(ehr, sent(ehr, **{"vital-signs": vitals}))


@pytest.mark.parametrize("gap", [None, {"resourceType": "OperationOutcome", "issue": []}])
def test_what_was_not_sent_is_named(ehr: httpx.Client, gap: Any) -> None:
    said = details(ehr, sent(ehr, condition=gap))
    assert all("Not sent by the EHR: condition." in one for one in said)
    assert any("The list of conditions was not sent" in one for one in said)


def test_what_is_another_patients_is_counted(ehr: httpx.Client) -> None:
    strange = doors.observation("x", "8867-4", 60, "/min") | {"subject": {"reference": "Patient/p2"}}
    vitals = doors.searchset([*doors.deteriorating(), strange])
    assert all("1 resource of another patient was left out." in one
               for one in details(ehr, sent(ehr, **{"vital-signs": vitals})))  # fmt: skip


def test_the_rest_of_a_list_is_fetched_page_by_page(site: Site, server: EhrServer) -> None:
    server.page_size = 2
    vitals = doors.searchset(doors.deteriorating()[:1]) | {"total": 5}
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        said = details(ehr, sent(ehr, **{"vital-signs": vitals}), fhirServer=server.base)
    assert any("88" in one for one in said)
    assert not any("completely" in one for one in said)
    assert len(server.asked) > 1


def test_a_next_page_elsewhere_is_not_asked_for(site: Site, server: EhrServer) -> None:
    server.page_size, server.elsewhere = 2, "http://127.0.0.1:9/fhir"
    vitals = doors.searchset(doors.deteriorating()[:1]) | {"total": 5}
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        said = details(ehr, sent(ehr, **{"vital-signs": vitals}), fhirServer=server.base)
    assert all("Vital signs was not sent completely: 1 of 5" in one for one in said)
    assert len(server.asked) == 1


def whole() -> dict[str, Any]:
    return doors.searchset([doors.PATIENT, *doors.deteriorating()])


@pytest.mark.parametrize(
    "prefetch",
    [
        {"patient": doors.PATIENT, "bundle": whole()},
        {"patient": doors.PATIENT, "everything": whole(), "condition": None},
        {
            "patient": doors.PATIENT,
            "observations": doors.searchset(doors.deteriorating()),
            "medications": None,
        },
        {
            "patient": doors.PATIENT,
            "condition": doors.searchset([]),
            "own": doors.searchset(doors.deteriorating()),
        },
        {
            "patient": doors.PATIENT,
            "own": {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": whole()}]},
        },
    ],
)
def test_what_came_under_a_key_of_the_clients_own_is_not_called_unsent(
    ehr: httpx.Client, prefetch: dict[str, Any]
) -> None:
    answer = ehr.post(VIEW, json=doors.call(prefetch=prefetch))
    assert answer.status_code == 200, answer.text
    card = answer.json()["cards"][0]
    assert card["indicator"] == "critical" and card["summary"].startswith("NEWS2")
    assert "vital signs" not in card["detail"].split("Not sent by the EHR")[-1]
    assert "creatinine" not in card["detail"].split("Not sent by the EHR")[-1]


def test_a_list_that_came_under_no_key_is_called_unsent(ehr: httpx.Client) -> None:
    said = details(ehr, {"patient": doors.PATIENT, "own": doors.searchset(doors.deteriorating())})
    assert all("Not sent by the EHR: condition" in one for one in said)


def test_a_patient_alone_is_412_under_any_key(ehr: httpx.Client) -> None:
    call = doors.call(prefetch={"patient": doors.PATIENT, "own": doors.searchset([doors.PATIENT])})
    assert ehr.post(VIEW, json=call).status_code == 412


def test_what_was_not_sent_is_not_called_not_recorded(ehr: httpx.Client) -> None:
    """An absence has three kinds: what nobody sent may be recorded."""
    whole_lists = sent(ehr, **{"vital-signs": doors.searchset(doors.deteriorating()[:4])})
    part = {key: value for key, value in whole_lists.items() if key != "vital-signs"}
    part["vital-signs"] = {**whole_lists["vital-signs"], "total": 9}
    for prefetch, words in ((whole_lists, False), (part, True)):
        call = doors.call(prefetch=prefetch)
        (card,) = [one for one in ehr.post(VIEW, json=call).json()["cards"] if "NEWS2" in one["summary"]]
        assert ("not sent or not recorded" in card["summary"]) is words, card["summary"]
        assert ("not sent or not recorded" in card["detail"]) is words
        assert "not recorded" in card["detail"]


def test_resources_that_share_an_id_are_not_lost_without_a_word(ehr: httpx.Client) -> None:
    one = [each | {"id": "same"} for each in doors.deteriorating()]
    said = details(ehr, sent(ehr, **{"vital-signs": doors.searchset(one)}))
    words = "4 resources share their id with a later one that differs, and were not used: Observation/same."
    assert all(words in each for each in said)


@pytest.mark.parametrize("meta", [{}, {"meta": {"versionId": "2"}}])
def test_copies_and_newer_versions_are_no_loss(ehr: httpx.Client, meta: dict[str, Any]) -> None:
    first = doors.observation("hr", "8867-4", 70, "/min") | ({"meta": {"versionId": "1"}} if meta else {})
    second = first if not meta else first | {"valueQuantity": {"value": 71, "unit": "/min"}, **meta}
    said = details(
        ehr, sent(ehr, **{"vital-signs": doors.searchset([*doors.deteriorating()[1:], first, second])})
    )
    assert not any("share" in each for each in said)


def test_a_letter_that_is_no_utf_8_stops_no_call(ehr: httpx.Client) -> None:
    """RFC 8259, section 8.1: JSON is UTF-8. Latin-1 costs what holds it, and no card."""
    raw = json.dumps(doors.call(prefetch=sent(ehr))).encode()
    told = {}
    for text in re.finditer(rb'"[^"\\]*"(?!:)', raw):
        odd = raw[: text.end() - 1] + b"\xb0" + raw[text.end() - 1 :]
        answer = ehr.post(VIEW, content=odd, headers={"content-type": "application/json"})
        told[text.start()] = answer.status_code
    assert len(told) > 40
    assert set(told.values()) <= {200, 400, 412}
    beats = raw.replace(b'"code": "/min"', b'"code": "/min\xb0"', 1)
    cards = ehr.post(VIEW, content=beats, headers={"content-type": "application/json"}).json()["cards"]
    assert any("NEWS2" in card["summary"] + card["detail"] for card in cards)
    assert any("could not be read" in card["detail"] for card in cards)


@pytest.mark.parametrize("own_way", [False, True])
@pytest.mark.parametrize("odd", [r"\ud83d", r"\x", "\t"])
def test_half_a_character_costs_its_resource_alone(ehr: httpx.Client, odd: str, own_way: bool) -> None:
    """RFC 8259, sections 7 and 8.2. Some senders cut a note in the middle of a character."""
    prefetch: Any = sent(ehr)
    listed = prefetch["vital-signs"]["entry"]
    listed.append({"resource": doors.observation("x", "8310-5", 39, "Cel") | {"note": [{"text": "here"}]}})
    if own_way:
        prefetch = doors.searchset([doors.PATIENT]) | {"type": "collection"}
        prefetch["entry"] += listed
    raw = json.dumps(doors.call(prefetch=prefetch)).replace('"here"', f'"{odd}"')
    answer = ehr.post(VIEW, content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    first = answer.json()["cards"][0]
    assert (first["indicator"], first["summary"][:5]) == ("critical", "NEWS2")
    assert "1 of 7 resources that were sent could not be used" in first["detail"]


def test_what_is_wrong_beside_the_prefetch_is_refused(ehr: httpx.Client) -> None:
    raw = json.dumps(doors.call()).replace('"Practitioner/7"', r'"Practitioner/\ud83d"')
    answer = ehr.post(VIEW, content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "not JSON" in answer.text


def test_values_of_no_usable_status_are_named(ehr: httpx.Client) -> None:
    unknown = [one | {"status": "unknown"} for one in doors.deteriorating()]
    said = " ".join(details(ehr, sent(ehr, **{"vital-signs": doors.searchset(unknown)})))
    assert "A later value that is not final was not used: respiratory rate" in said
