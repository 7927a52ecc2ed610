"""In which forms the doors are spoken to and speak, and that the description says the same."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from salus.delivery.fhir_search import MOST
from salus.spine.site import Site
from tests import doors

VIEW = "/cds-services/salus-patient-view"
ASKED = "/fhir/RiskAssessment?patient=p1"


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site) as opened:
        yield opened


@pytest.mark.parametrize(
    "accept", ["application/fhir+xml", "application/xml;q=0.9, text/html", "application/fhir+json;q=0"]
)
def test_who_takes_no_json_is_told_that_nothing_else_is_spoken(client: httpx.Client, accept: str) -> None:
    answer = client.get(ASKED, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["issue"][0]["code"] == "not-supported"
    assert client.get(f"{ASKED}&_format=json", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/fhir+json; fhirVersion=4.0",
        "text/html, application/json;q=0.5",
        "application/*",
    ],
)
def test_who_takes_json_among_others_is_answered(client: httpx.Client, accept: str) -> None:
    assert client.get(ASKED, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("path", [VIEW, f"{VIEW}/feedback", "/fhir/RiskAssessment/_search"])
def test_a_compressed_body_is_refused_as_that(client: httpx.Client, path: str) -> None:
    body = gzip.compress(json.dumps(doors.call()).encode())
    answer = client.post(path, content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "compressed" in answer.text


def test_search_parameters_are_described_as_they_are_taken(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/fhir/RiskAssessment"]["get"]
    schemas = {one["name"]: one["schema"] for one in described["parameters"]}
    for count in (MOST, MOST + 1, schemas["_count"]["maximum"]):
        assert client.get(f"{ASKED}&_count={count}").status_code == 200
    assert client.get(f"{ASKED}&_count={schemas['_count']['maximum'] + 1}").status_code == 400
    for after in ("1-1", "123456789012345678-1234"):
        assert re.search(schemas["_after"]["pattern"], after)
        assert client.get(f"{ASKED}&_after={after}").status_code == 200
    for after in ("1234567890123456789-1", "1-12345"):
        assert not re.search(schemas["_after"]["pattern"], after)
        assert client.get(f"{ASKED}&_after={after}").status_code == 400
    assert re.search(schemas["_id"]["pattern"], "a,b-1")
    assert {"406", "400"} <= set(described["responses"])
