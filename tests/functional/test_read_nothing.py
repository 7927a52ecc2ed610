"""A read that finds nothing to read makes nothing: no archive, no ledger and no key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from salus.cli import main

CAPABLE = {"resourceType": "CapabilityStatement", "rest": [{"resource": [{"type": "Patient"}]}]}


@pytest.fixture(name="here")
def here_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    monkeypatch.delenv("SALUS_STORE", raising=False)
    monkeypatch.setattr("salus.record.server._TRIES", 1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="closed_server")
def closed_server_fixture() -> Iterator[str]:
    """A server that says what it can do, and shows nobody its patients."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            open_to_all = self.path == "/fhir/metadata"
            raw = json.dumps(CAPABLE if open_to_all else {}).encode()
            self.send_response(200 if open_to_all else 401)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/fhir"
    server.shutdown()
    server.server_close()


PLACES = [
    ("nope", 2),
    ("empty", 2),
    (".", 2),
    ("http://127.0.0.1:9/fhir", 5),
    ("http://127.0.0.1:9/fhir?a=1", 2),
]


@pytest.mark.parametrize("verb", ["read", "demo"])
@pytest.mark.parametrize(("place", "code"), PLACES)
def test_where_nothing_can_be_read_nothing_is_made(here: Path, verb: str, place: str, code: int) -> None:
    (here / "empty").mkdir()
    (here / "x.ndjson").write_text("{}\n")
    words = ["read", place] if verb == "read" else ["demo", "--no-serve", "--from", place]
    assert main([*words, "--archive", "a1"]) == code
    assert sorted(path.name for path in here.rglob("*")) == ["empty", "x.ndjson"]


def test_a_server_that_refuses_leaves_nothing_either(here: Path, closed_server: str) -> None:
    assert main(["read", closed_server, "--archive", "a1"]) == 3
    assert list(here.iterdir()) == []


def test_a_place_that_can_be_read_still_is(here: Path) -> None:
    (here / "x.ndjson").write_text('{"resourceType": "Patient", "id": "m1"}\n')
    assert main(["read", "x.ndjson", "--archive", "a1"]) == 0
    assert main(["read", "nope", "--archive", "a1"]) == 2
    assert main(["audit", "verify", "--archive", "a1"]) == 0
