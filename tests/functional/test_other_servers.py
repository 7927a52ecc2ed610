"""Another server's Patient/1 is somebody else at every door: hooks, pages, FHIR, feedback, commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fhirkit
import httpx
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.errors import RefusedError, UserError
from salus.delivery.app import Settings
from salus.delivery.fhir import Fhir
from salus.spine.site import Site
from tests import doors

HOME, OTHER = "https://a.example/fhir", "https://b.example/fhir"
VIEW = "/cds-services/salus-patient-view"
WHO = Actor("Practitioner/7")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("servers")
    opened = doors.live_site(folder / "site")
    held = [doors.PATIENT, doors.observation("hr", "8867-4", 70, "/min")]
    entries = [{"fullUrl": f"{HOME}/{one['resourceType']}/{one['id']}", "resource": one} for one in held]
    whole = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (folder / "a.json").write_text(json.dumps(whole))
    spine.read(opened, str(folder / "a.json"), actor=WHO)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ehr(site: Site) -> Iterator[httpx.Client]:
    with doors.served(site, Settings(insecure_no_jwt=True, fhir_servers=(OTHER,))) as client:
        yield client


def shown(ehr: httpx.Client, **more: Any) -> list[dict[str, Any]]:
    answer = ehr.post(VIEW, json=doors.call(**more))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["cards"])


def found(ehr: httpx.Client, kind: str, patient: str) -> list[dict[str, Any]]:
    answer = ehr.get(f"/fhir/{kind}", params={"patient": patient, "_count": 200})
    assert answer.status_code == 200, answer.text
    assert [str(issue) for issue in fhirkit.validate(answer.json())] == []
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def test_the_records_own_ehr_speaks_of_the_records_own_patient(site: Site, ehr: httpx.Client) -> None:
    before = len(site.store.insights("Patient/p1"))
    cards = shown(ehr, fhirServer=f"{HOME}/")
    assert any("/patients/" in link["url"] for card in cards for link in card["links"])
    assert len(site.store.insights("Patient/p1")) > before
    assert shown(ehr) and site.store.insights(f"{HOME}/Patient/p1") == []


def test_another_ehrs_patient_is_not_the_records_of_the_same_id(site: Site, ehr: httpx.Client) -> None:
    before = len(site.store.insights("Patient/p1"))
    cards = shown(ehr, fhirServer=f"{OTHER}/")
    assert cards
    assert not any("/patients/" in link["url"] for card in cards for link in card.get("links", ()))
    assert len(site.store.insights("Patient/p1")) == before
    theirs = site.store.insights(f"{OTHER}/Patient/p1")
    assert theirs
    # What changes in the record touches nothing that was said of somebody else.
    with site.store.begin() as tx:
        tx.mark_stale(["Observation/hr"], site.now(), WHO.id)
    assert site.store.stale([one.id for one in theirs]) == {}
    with pytest.raises(UserError, match="No evidence"):
        spine.consult(site, actor=WHO, subject=f"{OTHER}/Patient/p1")
    assert spine.consult(site, actor=WHO, subject=f"{HOME}/Patient/p1")[0].subject == "Patient/p1"
    assert spine.verify(site).intact


def test_a_search_takes_both_forms_and_mixes_nobody(ehr: httpx.Client) -> None:
    shown(ehr, fhirServer=HOME)
    shown(ehr, fhirServer=OTHER)
    ours, theirs = found(ehr, "Observation", "p1"), found(ehr, "Observation", f"{OTHER}/Patient/p1")
    assert ours == found(ehr, "Observation", f"{HOME}/Patient/p1") == found(ehr, "Observation", "Patient/p1")
    assert {one["subject"]["reference"] for one in ours} == {f"{HOME}/Patient/p1"}
    assert {one["subject"]["reference"] for one in theirs} == {f"{OTHER}/Patient/p1"}
    derived = [one["reference"] for made in theirs for one in made.get("derivedFrom", ())]
    assert derived and all(one.startswith(f"{OTHER}/Observation/") for one in derived)
    events = found(ehr, "AuditEvent", f"{OTHER}/Patient/p1")
    assert {one["agent"][0]["who"].get("reference") for one in events} >= {f"{OTHER}/Practitioner/7"}
    unknown = ehr.get("/fhir/Observation", params={"patient": "https://c.example/Patient/p1"})
    assert unknown.status_code == 400


def test_a_review_from_another_ehr_is_by_its_own_user(site: Site, ehr: httpx.Client) -> None:
    def reviewers(server: str) -> list[str]:
        cards = [card["uuid"] for card in shown(ehr, fhirServer=server)]
        told = {"feedback": [doors.report(card) for card in cards]}
        assert ehr.post(f"{VIEW}/feedback", json=told).status_code == 200
        subject = site.name("Patient/p1", server)
        return [one.by for one in site.store.reviews(subject=subject)]

    assert set(reviewers(OTHER)) == {f"{OTHER}/Practitioner/7"}
    assert set(reviewers(HOME)) == {"Practitioner/7"}
    people = [one for one in found(ehr, "Provenance", "p1") if one.get("activity")]
    assert {one["agent"][0]["who"]["reference"] for one in people} == {f"{HOME}/Practitioner/7"}
    heard = Fhir(site, Settings(), None).hear(people[0])  # type: ignore[arg-type]
    assert heard.by == "Practitioner/7"


def test_where_the_records_do_not_say_the_first_ehr_that_calls_is_their_own(tmp_path: Path) -> None:
    site = doors.live_site(tmp_path / "site")
    assert site.name("Patient/p1", None) == "Patient/p1" and site.server == "" == site.caller
    (tmp_path / "in.ndjson").write_text(json.dumps(doors.PATIENT) + "\n")
    spine.read(site, str(tmp_path / "in.ndjson"), actor=WHO)
    with doors.served(site, Settings(insecure_no_jwt=True)) as ehr:
        shown(ehr)
        assert site.caller == ""
        assert any(
            "/patients/" in link["url"] for card in shown(ehr, fhirServer=HOME) for link in card["links"]
        )
        shown(ehr, fhirServer=OTHER)
    assert (site.caller, site.servers, site.server) == (HOME, (HOME,), "")
    assert site.store.insights("Patient/p1") and site.store.insights(f"{OTHER}/Patient/p1")
    # What was said under its ids must not become what is said of another server's patients.
    theirs = tmp_path / "b.json"
    entry = {"fullUrl": f"{OTHER}/Patient/p1", "resource": doors.PATIENT}
    theirs.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry]}))
    with pytest.raises(RefusedError, match=r"b\.example"):
        spine.read(site, str(theirs), actor=WHO)
    assert spine.verify(site).intact
    site.close()


def test_a_site_without_records_refers_to_the_server_of_its_ehr(tmp_path: Path) -> None:
    site = doors.live_site(tmp_path / "site")
    with doors.served(site, Settings(insecure_no_jwt=True)) as ehr:
        shown(ehr, fhirServer=HOME)
        (subject,) = {one["subject"]["reference"] for one in found(ehr, "Observation", "p1")}
        assert subject == f"{HOME}/Patient/p1"
        assert found(ehr, "Observation", subject)
    site.close()


def test_records_that_went_away_are_still_known_by_their_server(site: Site) -> None:
    assert site.server == HOME
    manifest = site.path / "archive.json"
    manifest.rename(manifest.with_suffix(".away"))
    try:
        assert site.name("Patient/p1", OTHER) == f"{OTHER}/Patient/p1"
    finally:
        manifest.with_suffix(".away").rename(manifest)
