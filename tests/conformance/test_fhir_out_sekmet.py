"""What Salus says, written into somebody else's FHIR R4 server (sekmet-fhir) and read back from it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx

from salus import spine
from salus.core.consent import Actor
from salus.delivery.fhir_resources import resources
from salus.record.sources.ward import ward_resources
from tests.conformance.peers import sekmet

FHIR = {"Content-Type": "application/fhir+json"}
# What the server itself adds to what it keeps.
OWN = ("versionId", "lastUpdated")


def transaction(url: str, written: list[dict[str, Any]]) -> None:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in written
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = httpx.post(url, json=bundle, headers=FHIR, timeout=60)
    assert answer.status_code == 200, answer.text[:2000]


def test_insights_are_kept_by_another_server(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    about = [one for one in ward_resources(7) if "ward-10" in str(one)]
    with sekmet(tmp_path, port) as url:
        transaction(url, about)
        site = spine.open_site(tmp_path / "site")
        spine.read(site, url, actor=Actor("Practitioner/7"))
        insights = spine.consult(
            site, actor=Actor("Practitioner/7"), subject="Patient/ward-10", live_only=False
        )
        site.close()
        said = [resource for insight in insights for resource in resources(insight)]
        assert {"RiskAssessment", "Observation"} <= {one["resourceType"] for one in said}
        kept = [one for one in said if one["resourceType"] in ("RiskAssessment", "Observation")]
        transaction(url, kept)
        for one in kept:
            back = httpx.get(f"{url}/{one['resourceType']}/{one['id']}", timeout=60).json()
            for name in OWN:
                back["meta"].pop(name, None)
            assert back == one
        labels = [label["code"] for one in kept for label in one["meta"]["security"]]
        assert set(labels) == {"AIAST"}
