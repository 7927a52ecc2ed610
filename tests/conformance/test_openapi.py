"""schemathesis over /openapi.json: whatever it sends, no server error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from salus.delivery.app import Settings
from salus.spine.site import Site
from tests import doors
from tests.people import ALONE, enter, signed_in

EXAMPLES = "1000" if os.environ.get("SALUS_SOAK") else "15"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


def test_no_server_error_for_anything_that_is_sent(site: Site, tmp_path: Path) -> None:
    with doors.served(site) as client:
        client.post("/cds-services/salus-patient-view", json=doors.call())
        done = subprocess.run(command(client), cwd=tmp_path, capture_output=True, text=True, check=False)
        metrics = client.get("/metrics").text
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "salus_errors_total{" not in metrics
    assert 'status="5' not in metrics


def test_no_server_error_for_an_operator_who_is_signed_in(site: Site, tmp_path: Path) -> None:
    enter(site, "root-op", "operator")
    with doors.served(site, Settings(insecure_no_jwt=True, sign_in=ALONE)) as client:
        signed_in(client, "root-op")
        session = f"Cookie: salus={client.cookies['salus']}"
        more = ["--header", session, "--include-path-regex", "/(sign|account|welcome|ward|audit)"]
        done = subprocess.run(
            [*command(client), *more], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert client.get("/accounts").status_code == 200, "none of it ended the session"
        metrics = client.get("/metrics").text
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert 'status="5' not in metrics


def command(client: httpx.Client) -> list[str]:
    """Return the command that runs schemathesis against `client`'s server."""
    url = str(client.base_url)
    script = Path(sys.executable).with_name("schemathesis")
    return [
        *(str(script), "run", f"{url}/openapi.json", "--url", url),
        *("--checks", "not_a_server_error,content_type_conformance,status_code_conformance"),
        *("--max-examples", EXAMPLES, "--generation-deterministic", "--no-color"),
        *("--phases", "examples,coverage,fuzzing"),
    ]


def test_answers_are_what_the_description_says(site: Site) -> None:
    with doors.served(site) as client:
        described = client.get("/openapi.json").json()["components"]["schemas"]["Card"]
        card = client.post("/cds-services/salus-patient-view", json=doors.call()).json()["cards"][0]
    assert set(described["required"]) <= set(card)
    assert set(card) <= set(described["properties"])
    assert json.dumps(card)
