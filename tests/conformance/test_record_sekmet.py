"""A real FHIR R4 server of someone else's (sekmet-fhir): what is written to it is read from it, all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus.core.card import Need
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.server import Server, read_server
from salus.record.sources.ward import ward_resources, write_ward
from tests.conformance.peers import sekmet

PATIENTS = 6


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sekmet")


@pytest.fixture(scope="module")
def base(here: Path) -> Iterator[str]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with sekmet(here, port) as url:
        _send(url, _some())
        yield url


def _some() -> list[dict[str, Any]]:
    """The first patients of the ward that ships, with all that is about them."""
    every = ward_resources(7)
    first = [f"Patient/{one['id']}" for one in every if one["resourceType"] == "Patient"][:PATIENTS]

    def about(one: dict[str, Any]) -> bool:
        whose = (
            one.get("subject") or one.get("patient") or {"reference": f"{one['resourceType']}/{one['id']}"}
        )
        return whose["reference"] in first or not whose["reference"].startswith("Patient/")

    return [one for one in every if about(one)]


def _send(url: str, resources: list[dict[str, Any]]) -> None:
    for start in range(0, len(resources), 100):
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources[start : start + 100]
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = httpx.post(url, json=bundle, headers={"Content-Type": "application/fhir+json"}, timeout=60)
        assert answer.status_code == 200, answer.text[:2000]


def _evidence(archive: Archive, subjects: list[str]) -> dict[str, Any]:
    # List is none of the 53 types that this server keeps.
    kept = {
        subject: archive.timeline(subject).where(test=lambda event: event.kind != "List")
        for subject in subjects
    }
    assert all(len(timeline) > 50 for timeline in kept.values())
    return kept


def test_everything_about_everybody(base: str, here: Path) -> None:
    account = read_server(base, here / "a")
    assert account.unaccounted() == 0
    archive = Archive.open(here / "a")
    read_place(str(write_ward(here / "ward")), here / "b")
    local = Archive.open(here / "b")
    subjects = archive.subjects()
    assert len(subjects) >= PATIENTS - 1
    assert _evidence(archive, subjects) == _evidence(local, subjects)


def test_searches_where_everything_is_not_offered(base: str, here: Path) -> None:
    needs = [Need("heart rate", "Observation", ("LOINC/8867-4",)), Need("conditions", "Condition")]
    with Server.at(base) as server:
        assert server.everything
        searches = server.searches(needs)
        assert searches == [("Condition", ""), ("Observation", "http://loinc.org|8867-4")]
        patient = Archive.open(here / "a").subjects()[0].partition("/")[2]
        found = [raw for page in server.found(patient, searches) for raw in page.resources]
        paged = [page for page in server.search("Observation", {"patient": patient})]
    assert all(b'"8867-4"' in raw or b'"Condition"' in raw for raw in found)
    assert paged
