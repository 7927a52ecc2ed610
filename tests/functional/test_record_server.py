"""A FHIR server with its faults: pages, pauses, circles, links elsewhere, refusals, and silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from salus.core.card import Need
from salus.core.errors import AwayError, EvidenceError, RefusedError
from salus.record.archive import Archive
from salus.record.server import Server, read_server

CAPABLE = {
    "resourceType": "CapabilityStatement",
    "rest": [{"resource": [{"type": "Patient"}, {"type": "Observation"}]}],
}


def bundle(*resources: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    links = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def observation(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": str(number), "status": "final",
        "subject": {"reference": "Patient/p"}, "valueInteger": number,
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    }  # fmt: skip


PATIENT = {"resourceType": "Patient", "id": "p", "gender": "male"}


@dataclass
class Fake:
    """Answers by path; a list is answered one after another, its last for ever."""

    answers: dict[str, list[tuple[int, Any, dict[str, str]]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    base: str = ""

    def says(self, path: str, *bodies: Any) -> None:
        self.answers[path] = [body if isinstance(body, tuple) else (200, body, {}) for body in bodies]


@pytest.fixture
def fake() -> Iterator[Fake]:
    told = Fake()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            path = self.path.partition("?")[0] if self.path not in told.answers else self.path
            queue = told.answers.get(path, [(404, {}, {})])
            status, body, headers = queue.pop(0) if len(queue) > 1 else queue[0]
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.base = f"http://127.0.0.1:{server.server_port}/fhir"
    told.says("/fhir/metadata", CAPABLE)
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def pages(fake: Fake, pauses: list[float] | None = None) -> list[bytes]:
    wait = (pauses if pauses is not None else []).append
    with Server.at(fake.base, pause=wait) as server:
        return [raw for page in server.search("Observation", {}) for raw in page.resources]


def test_pages_to_the_end_with_relative_and_whole_links(fake: Fake) -> None:
    fake.says("/fhir/Observation", bundle(observation(1), following=f"{fake.base}/page?n=2"))
    fake.says("/fhir/page?n=2", bundle(observation(2), following="page?n=3"))
    fake.says("/fhir/page?n=3", bundle(observation(3)))
    assert [json.loads(raw)["id"] for raw in pages(fake)] == ["1", "2", "3"]


def test_busy_servers_are_asked_again_after_as_long_as_they_ask(fake: Fake) -> None:
    busy, down = (429, {}, {"Retry-After": "7"}), (503, {}, {})
    fake.says("/fhir/Observation", busy, down, down, bundle(observation(1)))
    pauses: list[float] = []
    assert len(pages(fake, pauses)) == 1
    assert pauses == [7.0, 1.0, 2.0]


def test_a_server_that_stays_away_is_said_to_be(fake: Fake) -> None:
    fake.says("/fhir/Observation", (503, {}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    pauses: list[float] = []
    with pytest.raises(AwayError, match="HTTP 503"):
        pages(fake, pauses)
    assert pauses == [0.0] * 5


def test_nobody_there(free_port: int) -> None:
    with pytest.raises(AwayError, match="ConnectError"):
        Server.at(f"http://127.0.0.1:{free_port}/fhir", pause=lambda _: None)


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("http://elsewhere.example/fhir/page", "another server"),
        ("https://127.0.0.1/fhir/page", "another server"),
    ],
)
def test_links_to_other_servers_are_not_followed(fake: Fake, link: str, says: str) -> None:
    fake.says("/fhir/Observation", bundle(observation(1), following=link))
    with pytest.raises(EvidenceError, match=says):
        pages(fake)


def test_pages_in_a_circle_end(fake: Fake) -> None:
    fake.says("/fhir/Observation", bundle(observation(1), following="page"))
    fake.says("/fhir/page", bundle(observation(2), following="page"))
    with pytest.raises(EvidenceError, match="circle"):
        pages(fake)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((403, {}, {}), RefusedError, "refuses"),
        ((404, {}, {}), EvidenceError, "HTTP 404"),
        ((302, {}, {"Location": "http://elsewhere.example/"}), EvidenceError, "HTTP 302"),
        (b"<html>", EvidenceError, "no Bundle"),
    ],
)
def test_refusals_and_nonsense(fake: Fake, answer: Any, error: type[Exception], says: str) -> None:
    fake.says("/fhir/Observation", answer)
    with pytest.raises(error, match=says):
        pages(fake)


def test_what_is_no_fhir_server(fake: Fake) -> None:
    fake.says("/fhir/metadata", b"<html>")
    with pytest.raises(EvidenceError, match="not as a FHIR server"):
        Server.at(fake.base)


def test_searches_into_an_archive_for_what_models_need(fake: Fake, tmp_path: Path) -> None:
    fake.says("/fhir/Patient", bundle(PATIENT, {"resourceType": "Patient", "id": "../x"}))
    fake.says("/fhir/Observation", bundle(observation(1), observation(2)))
    needs = [Need("heart rate", "Observation", ("LOINC/8867-4",))]
    account = read_server(fake.base, tmp_path / "a", needs)
    assert account.as_events == {"Patient": 1, "Observation": 2}
    assert [one.reason for one in account.rejected] == ["wrong shape: $.id"]
    assert any("code=http%3A%2F%2Floinc.org%7C8867-4" in path and "patient=p" in path for path in fake.asked)
    assert len(Archive.open(tmp_path / "a").timeline("p")) == 3


def test_everything_where_it_is_offered(fake: Fake, tmp_path: Path) -> None:
    able = {"type": "Patient", "operation": [{"name": "everything"}]}
    fake.says("/fhir/metadata", {"resourceType": "CapabilityStatement", "rest": [{"resource": [able]}]})
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Patient/p/$everything", bundle(PATIENT, observation(1)))
    account = read_server(fake.base, tmp_path / "a")
    assert account.as_events == {"Patient": 2, "Observation": 1}
    assert len(Archive.open(tmp_path / "a").timeline("p")) == 2


EVERYTHING = {
    "resourceType": "CapabilityStatement",
    "rest": [{"resource": [{"type": "Patient", "operation": [{"name": "everything"}]},
                           {"type": "Observation"}, {"type": "MedicationRequest"}]}],
}  # fmt: skip
NEEDS = [Need("heart rate", "Observation", ("LOINC/8867-4",)), Need("drugs", "MedicationRequest")]
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def listing(*kinds: str) -> dict[str, Any]:
    return {"resourceType": "CapabilityStatement", "rest": [{"resource": [{"type": kind} for kind in kinds]}]}


def asked_for(fake: Fake, kind: str) -> int:
    return sum(path.partition("?")[0] == f"/fhir/{kind}" for path in fake.asked)


def test_a_type_that_is_not_listed_is_not_asked_for_and_is_noted(fake: Fake, tmp_path: Path) -> None:
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", bundle(observation(1)))
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.as_events == {"Patient": 1, "Observation": 1}
    assert account.notes == ["passed over: MedicationRequest (the server does not list it)"]
    assert asked_for(fake, "MedicationRequest") == 0


@pytest.mark.parametrize("status", [400, 404, 501])
def test_a_type_that_cannot_be_searched_is_passed_over_and_noted(
    fake: Fake, tmp_path: Path, status: int
) -> None:
    fake.says("/fhir/metadata", listing())
    fake.says("/fhir/Patient", bundle(PATIENT, PATIENT | {"id": "q"}))
    fake.says("/fhir/Observation", bundle(observation(1)))
    fake.says("/fhir/MedicationRequest", (status, {}, {}))
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.as_events["Observation"] == 2
    assert account.notes == [f"passed over: MedicationRequest (HTTP {status}; requests: 2)"]


def test_a_search_that_breaks_off_is_not_passed_over(fake: Fake, tmp_path: Path) -> None:
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", bundle(observation(1), following="gone"))
    with pytest.raises(EvidenceError, match="HTTP 404"):
        read_server(fake.base, tmp_path / "a", NEEDS)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_everything_that_is_offered_and_not_there_is_searched_for(
    fake: Fake, tmp_path: Path, status: int
) -> None:
    fake.says("/fhir/metadata", EVERYTHING)
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Patient/p/$everything", (status, {}, {}))
    fake.says("/fhir/Observation", bundle(observation(1)))
    fake.says("/fhir/MedicationRequest", bundle())
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.as_events == {"Patient": 1, "Observation": 1}
    assert account.notes == [f"passed over: Patient/$everything (HTTP {status}; requests: 1)"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_type_that_the_server_may_not_give_costs_itself_and_is_noted(
    fake: Fake, tmp_path: Path, status: int
) -> None:
    listed = [{"type": kind} for kind in ("Patient", "Observation", "MedicationRequest")]
    fake.says("/fhir/metadata", {"resourceType": "CapabilityStatement", "rest": [{"resource": listed}]})
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", bundle(observation(1)))
    fake.says("/fhir/MedicationRequest", (status, {}, {}))
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.as_events == {"Patient": 1, "Observation": 1}
    assert any(f"MedicationRequest (HTTP {status}" in note for note in account.notes), account.notes


@pytest.mark.parametrize("status", [404, 410])
def test_a_patient_who_is_gone_is_passed_over_and_noted(fake: Fake, tmp_path: Path, status: int) -> None:
    fake.says("/fhir/metadata", EVERYTHING)
    fake.says("/fhir/Patient", bundle(PATIENT, PATIENT | {"id": "q"}, PATIENT | {"id": "r"}))
    fake.says("/fhir/Patient/q/$everything", (status, {}, {}))
    for name, number in (("p", 1), ("r", 2)):
        fake.says(f"/fhir/Patient/{name}/$everything", bundle(observation(number)))
    account = read_server(fake.base, tmp_path / "a", NEEDS)
    assert account.as_events == {"Patient": 3, "Observation": 2}
    assert account.notes == [f"passed over: Patient/$everything (HTTP {status}; requests: 1)"]
    assert asked_for(fake, "Observation") == 0


RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
DRUG = {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": RXNORM, "code": "11289"}]}}
ORDER = {
    "resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order",
    "subject": {"reference": "Patient/p"}, "medicationReference": {"reference": "Medication/m"},
}  # fmt: skip


@pytest.mark.parametrize("way", ["included", "refused", "ignored", "everything"])
def test_the_drug_of_an_order_comes_with_it_or_is_asked_for(fake: Fake, tmp_path: Path, way: str) -> None:
    fake.says("/fhir/metadata", EVERYTHING if way == "everything" else listing())
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Patient/p/$everything", bundle(ORDER))
    asked = "/fhir/MedicationRequest?patient=p&_include=MedicationRequest%3Amedication&_count=200"
    fake.says("/fhir/MedicationRequest", bundle(ORDER))
    if way == "included":
        fake.says(asked, bundle(ORDER, DRUG))
    elif way == "refused":
        fake.says(asked, (400, {}, {}))
    if way != "included":
        fake.says("/fhir/Medication/m", DRUG)
    account = read_server(fake.base, tmp_path / "a", NEEDS[1:])
    assert account.notes == []
    assert "RxNorm/11289" in {event.code for event in Archive.open(tmp_path / "a").timeline("p")}
    assert (asked in fake.asked) == (way != "everything")


def test_a_drug_that_cannot_be_had_is_noted(fake: Fake, tmp_path: Path) -> None:
    fake.says("/fhir/metadata", listing())
    fake.says("/fhir/Patient", bundle(PATIENT))
    odd = [
        ORDER | {"id": "s", "medicationReference": {"reference": f"Medication/{name}"}}
        for name in ("..", "m?x")
    ]
    fake.says("/fhir/MedicationRequest", bundle(ORDER, *odd))
    account = read_server(fake.base, tmp_path / "a", NEEDS[1:])
    assert account.notes == ["passed over: Medication (HTTP 404; requests: 1)"]
    assert [path for path in fake.asked if "/Medication/" in path] == ["/fhir/Medication/m"]


@pytest.mark.parametrize("severity", ["error", "fatal"])
@pytest.mark.parametrize("alone", [True, False])
def test_an_error_in_place_of_evidence_is_refused_and_noted(
    fake: Fake, tmp_path: Path, severity: str, alone: bool
) -> None:
    failed = FAILED | {"issue": [{"severity": severity}]}
    answer = failed if alone else bundle(failed)
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", answer)
    account = read_server(fake.base, tmp_path / "a", NEEDS[:1])
    assert account.notes == ["passed over: Observation (an error in place of an answer; requests: 1)"]
    assert [one.reason.partition(":")[0] for one in account.rejected] == ["OperationOutcome"]
    assert account.unaccounted() == 0
    fake.says("/fhir/metadata", EVERYTHING)
    fake.says("/fhir/Patient/p/$everything", answer)
    account = read_server(fake.base, tmp_path / "b", NEEDS)
    assert account.notes == ["passed over: Patient/$everything (an error in place of an answer; requests: 1)"]


def test_a_warning_beside_evidence_is_context(fake: Fake, tmp_path: Path) -> None:
    told = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}
    fake.says("/fhir/Patient", bundle(PATIENT, told))
    fake.says("/fhir/Observation", bundle(observation(1), told))
    account = read_server(fake.base, tmp_path / "a", NEEDS[:1])
    assert (account.notes, account.rejected) == ([], [])
    assert account.as_context == {"OperationOutcome": 2}


@pytest.mark.parametrize("answer", [bundle(FAILED), FAILED])
def test_an_error_in_place_of_the_patients_ends_the_read(
    fake: Fake, tmp_path: Path, answer: dict[str, Any]
) -> None:
    fake.says("/fhir/Patient", answer)
    with pytest.raises(EvidenceError, match="an error"):
        read_server(fake.base, tmp_path / "a", NEEDS)


def test_a_server_that_breaks_off_changes_nothing(fake: Fake, tmp_path: Path) -> None:
    fake.says("/fhir/Patient", bundle(PATIENT, following="page"))
    fake.says("/fhir/page", (404, {}, {}))
    with pytest.raises(EvidenceError):
        read_server(fake.base, tmp_path / "a")
    assert not (tmp_path / "a" / "archive.json").exists()
