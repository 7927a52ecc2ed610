"""What a client did not send is fetched from its server, where the site lists that server; and only there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from salus.core.card import Card, Need
from salus.delivery.app import Settings
from salus.delivery.cds_hooks_prefetch import missing, nothing_to_go_on, queries
from salus.spine.site import Site
from tests import doors

VIEW = "/cds-services/salus-patient-view"


class EhrServer(ThreadingHTTPServer):
    """An EHR's FHIR server with one patient; remembers what it was asked, and by whom."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[str, str | None]] = []
        self.base = f"http://127.0.0.1:{self.server_address[1]}/fhir"
        self.page_size, self.elsewhere = 100, ""
        self.drips, self.instead = False, b""


class _Asked(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, EhrServer)
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        body = self.server.instead or json.dumps(self.found()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        while self.server.drips:
            try:
                self.wfile.write(b" ")
            except OSError:
                return
            time.sleep(0.1)
        self.wfile.write(body)

    def found(self) -> dict[str, Any]:
        target = urlsplit(self.path)
        if target.path == "/fhir/Patient/p1":
            return doors.PATIENT
        codes = parse_qs(target.query).get("code", [""])[0]
        every = doors.deteriorating() if target.path.endswith("/Observation") else []
        return self.page([one for one in every if one["code"]["coding"][0]["code"] in codes], target.query)

    def page(self, every: list[dict[str, Any]], query: str) -> dict[str, Any]:
        """Return the page that is asked for, with its link to the next one."""
        assert isinstance(self.server, EhrServer)
        start = int(parse_qs(query).get("_start", ["0"])[0])
        end = start + self.server.page_size
        bundle = doors.searchset(every[start:end]) | {"total": len(every)}
        if end < len(every):
            said = self.path.removeprefix("/fhir").split("&_start=")[0]
            url = f"{self.server.elsewhere or self.server.base}{said}&_start={end}"
            bundle["link"] = [{"relation": "next", "url": url}]
        return bundle

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[EhrServer]:
    """Run an EHR's FHIR server in a thread."""
    opened = EhrServer()
    thread = threading.Thread(target=opened.serve_forever)
    thread.start()
    yield opened
    opened.shutdown()
    thread.join()
    opened.server_close()


@pytest.fixture
def server() -> Iterator[EhrServer]:
    with serving() as opened:
        yield opened


def test_what_is_missing_is_fetched_with_the_clients_token(site: Site, server: EhrServer) -> None:
    token = {"access_token": "abc", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
    call = doors.call(prefetch={"patient": doors.PATIENT}, fhirServer=server.base, fhirAuthorization=token)
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        cards = ehr.post(VIEW, json=call).json()["cards"]
    assert cards[0]["indicator"] == "critical"
    assert {who for _, who in server.asked} == {"Bearer abc"}
    assert not any(path.startswith("/fhir/Patient/") for path, _ in server.asked)


def test_a_token_that_no_header_can_carry_costs_what_was_to_be_fetched_alone(
    site: Site, server: EhrServer
) -> None:
    token = {
        "access_token": "tok\u2019n",
        "token_type": "Bearer",
        "expires_in": 9,
        "scope": "x",
        "subject": "y",
    }
    # What is named here is missing, and Salus would ask the server for it.
    call = doors.call(fhirServer=server.base, fhirAuthorization=token)
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        answer = ehr.post(VIEW, json=call)
    assert (answer.status_code, answer.json()["cards"][0]["indicator"]) == (200, "critical")
    assert server.asked == []


def test_a_prefetch_that_suffices_asks_nobody(site: Site, server: EhrServer) -> None:
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        offered = {one["hook"]: one for one in ehr.get("/cds-services").json()["services"]}
        keys = offered["patient-view"]["prefetch"]
        whole = {key: doors.searchset([]) for key in keys} | doors.call()["prefetch"]
        answer = ehr.post(VIEW, json=doors.call(prefetch=whole, fhirServer=server.base))
    assert answer.json()["cards"][0]["indicator"] == "critical"
    assert server.asked == []


def test_a_server_that_is_not_listed_is_not_called(site: Site, server: EhrServer) -> None:
    with doors.served(site) as ehr:
        answer = ehr.post(VIEW, json=doors.call(prefetch={}, fhirServer=server.base))
    assert answer.status_code == 412
    assert server.asked == []


def test_a_server_that_drips_costs_two_seconds_and_not_the_card(site: Site, server: EhrServer) -> None:
    """A time limit for each byte would never end."""
    server.drips = True
    began = time.monotonic()
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        cards = ehr.post(VIEW, json=doors.call(fhirServer=server.base)).json()["cards"]
        took = time.monotonic() - began
    server.drips = False
    assert cards[0]["indicator"] == "critical"
    assert took < 3


def test_calls_that_wait_for_a_slow_server_hold_no_other_call_up(site: Site, server: EhrServer) -> None:
    server.drips = True
    settings = Settings(insecure_no_jwt=True, fhir_servers=(server.base,))
    with doors.served(site, settings) as ehr, ThreadPoolExecutor(6) as pool:
        slow = [pool.submit(ehr.post, VIEW, json=doors.call(fhirServer=server.base)) for _ in range(6)]
        time.sleep(0.4)
        began = time.monotonic()
        assert ehr.get("/cds-services").status_code == 200
        took = time.monotonic() - began
        assert took < 1
        assert all(one.result().json()["cards"][0]["indicator"] == "critical" for one in slow)
    server.drips = False


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"{", b"{}", b'{"resourceType":"Basic"}'])
def test_a_body_that_is_no_answer_counts_as_none(site: Site, server: EhrServer, body: bytes) -> None:
    server.instead = body
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(server.base,))) as ehr:
        part = ehr.post(VIEW, json=doors.call(fhirServer=server.base)).json()["cards"]
        none = ehr.post(VIEW, json=doors.call(prefetch={}, fhirServer=server.base))
    assert "Not sent by the EHR: condition" in part[0]["detail"]
    assert none.status_code == 412


def card(name: str, *needs: Need) -> Card:
    return Card(name, "1", "?", "", "", needs, (), "", ())


PULSE = Need("pulse", "Observation", ("LOINC/8867-4",), "P1D")
HBA1C = Need("HbA1c", "Observation", ("LOINC/4548-4", "LOINC/59261-8"))
SUGAR = Need("glycated haemoglobin", "Observation", ("LOINC/59261-8",))
DRUGS = Need("statin", "MedicationRequest", ("RxNorm/83367",), required=True)


def test_a_code_is_asked_for_once() -> None:
    found = queries((card("a", PULSE, HBA1C), card("b", SUGAR)))
    codes = "".join(query.template for query in found)
    assert codes.count("59261-8") == 1
    assert [query.key for query in found] == ["patient", "vital-signs", "hba1c"]


def test_lists_are_asked_for_whole() -> None:
    """Absent is "no" only where the list itself is known."""
    found = {query.key: query.template for query in queries((card("a", DRUGS),))}
    orders = (
        "MedicationRequest?patient={{context.patientId}}&_count=500&_include=MedicationRequest:medication"
    )
    assert found["medication-request"] == orders


@pytest.mark.parametrize(
    ("sent", "stops"),
    [
        ({"patient", "vital-signs", "hba1c"}, False),
        ({"patient", "vital-signs"}, False),
        ({"patient"}, True),
        ({"vital-signs", "hba1c"}, True),
        (set(), True),
    ],
)
def test_what_must_be_there(sent: set[str], stops: bool) -> None:
    asked = queries((card("a", PULSE), card("b", HBA1C)))
    lacking = missing(asked, dict.fromkeys(sent, True))
    assert nothing_to_go_on(asked, lacking, ["a", "b"]) is stops


def test_a_model_without_needs_asks_for_nothing() -> None:
    assert queries((card("a"),)) == ()
