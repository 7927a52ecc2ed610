"""What an operator sees: is it up, how is it doing, what did it do; and never a patient."""

from __future__ import annotations

import json
import logging
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import anyio
import httpx
import pytest

from salus import spine
from salus.delivery.answers import Busy, Workers
from salus.delivery.operations import Metrics, Watch, log_as_json
from salus.spine.site import Site
from tests import doors

# Prometheus text exposition format 0.0.4: a sample's line.
SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [0-9.eE+-]+\Z')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def server(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site) as client:
        yield client


def test_health_says_what_is_there(server: httpx.Client) -> None:
    answer = server.get("/healthz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok"
    assert set(body["checks"]) == {"store", "models", "records"}
    assert "news2" in body["checks"]["models"]["live"]


def test_health_says_what_is_away_and_the_process_still_lives(server: httpx.Client, site: Site) -> None:
    site.store.close()
    database = site.path / "salus.db"
    database.rename(site.path / "gone.db")
    answer = server.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["store"]["status"] == "away"
    assert server.get("/healthz/live").status_code == 200
    assert "salus_store_up 0" in server.get("/metrics").text
    assert server.get("/fhir/Observation").status_code == 503
    (site.path / "gone.db").rename(database)


def test_while_every_worker_is_stuck_the_probes_answer_plainly(
    server: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise Busy("Too many calls wait here.")

    monkeypatch.setattr(Workers, "run", busy)
    health, metrics = server.get("/healthz"), server.get("/metrics")
    assert (health.status_code, health.json()["status"]) == (503, "busy")
    assert metrics.status_code == 200
    assert "salus_http_requests_total" in metrics.text and "salus_busy 1" in metrics.text
    assert "salus_store_up" not in metrics.text


def test_metrics_are_in_prometheus_form(server: httpx.Client) -> None:
    server.post("/cds-services/salus-patient-view", json=doors.call())
    server.get("/fhir/Observation/secret-4711")
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert all(SAMPLE.match(line) for line in lines if not line.startswith("#"))
    assert 'salus_http_requests_total{route="/cds-services/{id}",method="POST",status="200"} 1' in lines
    assert "secret" not in answer.text
    assert any(line.startswith("salus_insights ") and not line.endswith(" 0") for line in lines)


def test_a_histogram_counts_up_to_its_total() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.03, 0.2, 9.0):
        metrics.observe("/x", "GET", 200, seconds, False)
    buckets = [line for line in metrics.lines() if "_bucket" in line]
    counts = [int(line.rsplit(" ", 1)[1]) for line in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == 4
    assert buckets[-1].startswith('salus_http_request_seconds_bucket{route="/x",le="+Inf"}')


def test_an_error_that_nobody_expected_leaks_nothing(
    server: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("Zaphod-4711")

    monkeypatch.setattr(type(site.store), "insights", fails)
    caplog.set_level(logging.INFO, logger="salus")
    answer = server.get("/fhir/Observation?patient=p1")
    assert answer.status_code == 500
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert 'salus_errors_total{type="ValueError"} 1' in server.get("/metrics").text
    told = [answer.text, *(str(record.__dict__) for record in caplog.records)]
    assert any("ValueError" in line for line in told)
    assert not any("Zaphod" in line for line in told)


def test_a_path_that_nobody_serves(server: httpx.Client) -> None:
    for path in ("/fhir/Nothing", "/cds-services/x/y/z", "/healthz/x"):
        answer = server.get(path)
        assert answer.status_code == 404
        assert answer.json()["issue"][0]["code"] == "not-found"
    assert server.put("/cds-services").status_code == 405
    assert server.get("/no-such-page").headers["content-type"].startswith("text/html")


def test_every_door_is_described(server: httpx.Client) -> None:
    document = server.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = set(document["paths"])
    assert {"/cds-services", "/cds-services/{id}", "/cds-services/{id}/feedback"} <= paths
    assert {"/fhir/metadata", "/fhir/Observation", "/fhir/Observation/{id}", "/healthz"} <= paths
    assert {"/ward", "/patients/{number}", "/patients/{number}/reviews", "/audit", "/openapi.json"} <= paths
    given = {path: set(next(iter(found.values()))["responses"]) for path, found in document["paths"].items()}
    assert {"412", "413", "503", "405"} <= given["/cds-services/{id}"]
    assert {"400", "413", "503"} <= given["/fhir/Observation/_search"]
    assert {"421", "411", "422", "303"} <= given["/patients/{number}/reviews"]
    operations = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(operations)) == len(operations)


def test_logs_are_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("salus.test-logs")
    log_as_json(["salus.test-logs"])
    logger.info("call", extra={"said": {"route": "/fhir/{id}", "status": 200}})
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["route"], line["status"]) == ("call", "/fhir/{id}", 200)


def test_an_error_line_keeps_its_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("salus.http")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", False)
    log_as_json(["salus.http"])
    failing = Watch(fails, Metrics(), {})
    scope = {"type": "http", "method": "GET", "path": "/x"}

    async def send(message: object) -> None:
        """Take it."""

    anyio.run(failing, scope, None, send)
    line = next(json.loads(one) for one in capsys.readouterr().err.splitlines() if '"failed"' in one)
    assert re.match(r"\d{4}-\d\d-\d\dT", line["at"])
    assert line["place"].startswith("fails:")


async def fails(*_: object) -> None:
    raise ValueError("x")


SERVE = "import sys; from salus.cli import main; sys.exit(main())"


def test_a_server_of_its_own_logs_calls_by_template_and_stops_when_told(
    tmp_path: Path, free_port: int
) -> None:
    doors.live_site(tmp_path / "site").close()
    said = ["serve", "--archive", str(tmp_path / "site"), "--port", str(free_port), "--dev-no-jwt"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *said], stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{free_port}") as client:
            answered(client, process)
            client.get("/fhir/Observation/secret-4711?patient=secret-4712")
    finally:
        process.terminate()
        _, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert "/fhir/Observation/{id}" in {line.get("route") for line in lines}
    assert "secret" not in told
    site = spine.open_site(tmp_path / "site")
    assert spine.verify(site).intact
    site.close()


def test_a_site_for_hooks_alone_begins_empty_and_says_what_it_lacks(tmp_path: Path, free_port: int) -> None:
    said = ["serve", "--new", "--archive", str(tmp_path / "site"), "--port", str(free_port)]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *said], stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{free_port}") as client:
            answered(client, process)
            assert client.get("/cds-services").json() == {"services": []}
            assert client.get("/healthz").json()["checks"]["records"]["status"] == "none read"
    finally:
        process.terminate()
        _, told = process.communicate(timeout=60)
    for text in ("ask for no login", "No CDS Hooks client is trusted", "No model is live"):
        assert text in told


def test_a_port_that_the_system_chose_is_told(tmp_path: Path) -> None:
    doors.live_site(tmp_path / "site").close()
    said = ["serve", "--archive", str(tmp_path / "site"), "--port", "0", "--dev-no-jwt"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *said], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        told = next(line for line in process.stderr if "http://127.0.0.1:" in line)
        address = told[told.index("http://") :].split()[0].rstrip(".,/")
        with httpx.Client(base_url=address) as client:
            answered(client, process)
            assert client.get("/healthz").status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)


def answered(client: httpx.Client, process: subprocess.Popen[str]) -> None:
    """Wait until the server is up."""
    while process.poll() is None:
        try:
            client.get("/healthz/live")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server ended")


def test_health_notices_a_store_that_another_program_holds(server: httpx.Client, site: Site) -> None:
    with closing(sqlite3.connect(site.path / "salus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = server.get("/healthz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["store"]["status"] == "away"
        other.execute("ROLLBACK")
    assert server.get("/healthz").status_code == 200


def test_a_client_that_hangs_up_is_no_failure_of_ours(server: httpx.Client) -> None:
    url = server.base_url
    with socket.create_connection((url.host, url.port)) as raw:
        raw.sendall(
            b"POST /cds-services/salus-patient-view HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
        )
    told = ""
    for _ in range(100):
        told = server.get("/metrics").text
        if 'status="499"' in told:
            break
        time.sleep(0.05)
    assert 'status="499"' in told
    assert 'status="500"' not in told
