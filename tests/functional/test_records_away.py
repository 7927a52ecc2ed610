"""What is away is named, and nothing else: prefetch suffices without records, and no path goes out."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.registry import models
from salus.delivery.app import Settings
from salus.delivery.auth import JwksTrust
from salus.spine.site import Site, open_site
from tests import doors
from tests.doors import Ehr, bearer

VIEW = "/cds-services/salus-patient-view"


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path) -> Iterator[Site]:
    """A site with records of the patient of the calls, opened anew: nothing of them is in memory."""
    record = tmp_path / "record.json"
    record.write_text(json.dumps(doors.PATIENT))
    with closing(doors.live_site(tmp_path / "site")) as made:
        spine.read(made, str(record), actor=Actor("maria"))
    opened = open_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture(name="server")
def server_fixture(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site) as client:
        yield client


def lose(site: Site, what: str) -> None:
    if what == "the generation":
        shutil.rmtree(site.path / "gen-0001")
    elif what == "a file":
        (site.path / "gen-0001" / "metadata" / "subjects.parquet").unlink()
    elif what == "a damaged list":
        (site.path / "archive.json").write_text("{")
    else:
        (site.path / "archive.json").unlink()


LOST = ["the generation", "a file", "a damaged list", "the list"]


@pytest.mark.parametrize("what", LOST)
def test_prefetch_alone_suffices_while_the_records_are_away(
    server: httpx.Client, site: Site, what: str
) -> None:
    def links() -> list[str]:
        answer = server.post(VIEW, json=doors.call())
        assert (answer.status_code, "x-salus-away" in answer.headers) == (200, False)
        card = answer.json()["cards"][0]
        assert "NEWS2" in card["summary"]
        return [link["url"] for link in card.get("links", []) if "/patients/" in link["url"]]

    lose(site, what)
    assert links() == [], "only the link to the page of the record is lost"


def test_with_its_records_a_card_leads_to_the_patients_page(server: httpx.Client) -> None:
    card = server.post(VIEW, json=doors.call()).json()["cards"][0]
    assert any("/patients/" in link["url"] for link in card["links"])


@pytest.mark.parametrize("what", LOST)
def test_health_blames_the_records_alone(server: httpx.Client, site: Site, what: str) -> None:
    server.get("/healthz")
    lose(site, what)
    answer = server.get("/healthz")
    stands = {name: check["status"] for name, check in answer.json()["checks"].items()}
    assert (answer.status_code, stands) == (503, {"store": "ok", "models": "ok", "records": "away"})
    metrics = server.get("/metrics").text
    assert "\nsalus_store_up 1\n" in metrics and f"\nsalus_models_live {len(models())}\n" in metrics
    assert str(site.path) not in answer.text + metrics


def test_a_store_that_is_locked_is_readable_and_not_up(server: httpx.Client, site: Site) -> None:
    with closing(sqlite3.connect(site.path / "salus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        metrics = server.get("/metrics").text
        other.execute("ROLLBACK")
    assert "\nsalus_store_up 0\n" in metrics
    assert "\nsalus_store_readable 1\n" in metrics and "\nsalus_insights 0\n" in metrics
    assert "\nsalus_store_up 1\n" in server.get("/metrics").text


ASKED = ["/healthz", "/fhir/Observation?patient=p1", "/cds-services", "/ward", "/audit", "/models"]


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_no_path_of_this_machine_goes_out(server: httpx.Client, site: Site, how: str) -> None:
    card = server.post(VIEW, json=doors.call()).json()["cards"][0]["uuid"]
    store = site.path / "salus.db"
    if how == "gone":
        store.rename(site.path / "other.db")
    else:
        site.store.close()
        store.write_bytes(b"no database at all" * 400)
        for beside in site.path.glob("salus.db-*"):
            beside.unlink()
    answers = [server.get(path) for path in ASKED]
    answers.append(server.post(VIEW + "/feedback", json={"feedback": [doors.report(card)]}))
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": []}
    context = {"userId": "Practitioner/7", "patientId": "p1", "draftOrders": drafts}
    signed = doors.call("order-sign", context=context)
    answers.append(server.post(VIEW.replace("patient-view", "order-sign"), json=signed))
    for answer in answers:
        assert answer.status_code == 503, answer.url
        assert str(site.path) not in answer.text and "salus.db" not in answer.text, answer.text
    assert "The store " in answers[0].text


def test_nor_the_path_of_a_clients_keys(site: Site, tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    trust = JwksTrust({doors.ISSUER: str(keys.jwks)})
    keys.jwks.unlink()
    with doors.served(site, Settings(base_url="https://salus.example", jwt=trust)) as client:
        answer = client.post(VIEW, json={}, headers=bearer(keys.token("https://salus.example" + VIEW)))
    assert answer.status_code == 503
    assert "JWK Set of this issuer" in answer.text and str(tmp_path) not in answer.text


@pytest.mark.parametrize("path", ["/ward", "/patients/1", "/models", "/audit", "/"])
def test_a_method_that_a_page_does_not_take_is_told_which_it_does(server: httpx.Client, path: str) -> None:
    answer = server.put(path)
    assert answer.status_code == 405
    assert answer.headers["content-type"].startswith("text/html")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert server.get("/patients/1/reviews").headers["allow"] == "POST"
