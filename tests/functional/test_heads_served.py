"""A server publishes heads while the ledger grows and once more when it ends, also to a second site."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from salus.core.errors import AwayError
from salus.delivery.heads import poster
from salus.spine.audit import verify
from salus.spine.heads import publish_head
from salus.store.checkpoint import parse, split
from tests import doors
from tests.conftest import ROOT
from tests.ledgers import looks, opened


class _Second(BaseHTTPRequestHandler):
    """The second site: it keeps what it is sent, or answers as it is told."""

    taken: list[bytes]
    answer = 200

    def do_POST(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="second")
def second_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[_Second]]]:
    """A real HTTPS server on this machine, and what it was sent."""
    key, certificate = ec.generate_private_key(ec.SECP256R1()), tmp_path / "second.pem"
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate.write_bytes(private + made.public_bytes(pem))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    kind = type("_Taking", (_Second,), {"taken": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/heads", kind
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_head_is_sent_to_a_second_site(tmp_path: Path, second: tuple[str, type[_Second]]) -> None:
    url, kind = second
    with opened(tmp_path / "a") as site:
        looks(site, 3)
        head = publish_head(site, poster(url))
        assert head is not None and head.refused == ""
        assert kind.taken == [head.note]
        kind.answer = 500
        looks(site, 1)
        head = publish_head(site, poster(url))
        assert head is not None and head.fresh and "answered 500" in head.refused
        assert verify(site).heads == 2, "and the head is kept all the same"


def test_a_site_that_is_not_there_or_not_trusted_is_said(
    second: tuple[str, type[_Second]], monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    with pytest.raises(AwayError, match="does not answer"):
        poster(f"https://localhost:{free_port}/")(b"x")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(AwayError, match="does not answer"):
        poster(second[0])(b"x")
    assert second[1].taken == []


def wait_for(file: Path, size: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        notes = split(file.read_bytes())[0] if file.exists() else []
        if notes and parse(notes[-1]).size >= size:
            return
        time.sleep(0.05)
    raise AssertionError(f"no head of {size} entries came")


def test_a_server_publishes_while_it_runs_and_when_it_ends(
    tmp_path: Path, free_port: int, second: tuple[str, type[_Second]]
) -> None:
    place = tmp_path / "archive"
    words = ("serve", "--new", "--archive", place, "--port", free_port, "--heads-post", second[0])
    command = [sys.executable, "-m", "salus.cli", *map(str, words), "--heads-every", "0.2"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(place / "heads", 2)
        with opened(place) as site:
            looks(site, 5)
        wait_for(place / "heads", 7)
        page = httpx.get(f"http://127.0.0.1:{free_port}/audit", timeout=30).text
        assert "Last signed head: 7 entries" in page
        with opened(place) as site:
            looks(site, 5)
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    finally:
        server.kill()
        server.communicate()
    notes, rest = split((place / "heads").read_bytes())
    assert (parse(notes[-1]).size, rest) == (12, b"")
    assert second[1].taken[-1] == notes[-1]
    with opened(place) as site:
        assert verify(site).intact


def test_a_server_signs_nothing_beside_another_ledgers_heads_and_its_log_says_so(
    tmp_path: Path, free_port: int
) -> None:
    place = tmp_path / "archive"
    with opened(place) as site:
        looks(site, 3)
        publish_head(site)
    with opened(tmp_path / "other") as other:
        looks(other, 9)
        publish_head(other)
    before = (tmp_path / "other" / "heads").read_bytes()
    (place / "heads").write_bytes(before)
    words = ("serve", "--archive", place, "--port", free_port, "--heads-every", "0.2")
    command = [sys.executable, "-m", "salus.cli", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = next(line for line in server.stderr if "no head was published" in line)
        server.terminate()
        server.wait(60)
    assert '"level": "error"' in said and "is of another ledger" in said
    assert (place / "heads").read_bytes() == before


def test_the_audit_page_shows_the_last_head(tmp_path: Path) -> None:
    site = doors.live_site(tmp_path / "archive")
    with doors.served(site) as client:
        assert "No signed head was published yet." in client.get("/audit").text
        made = publish_head(site)
        assert made is not None
        assert f"Last signed head: {made.size} entries" in client.get("/audit").text
        site.heads.write_bytes(b"rubbish\n")
        page = client.get("/audit").text
        assert "is no head" in page and "The ledger is not intact" in page
    site.close()
