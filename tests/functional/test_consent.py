"""What a person permits holds at every door from the next request on; what is denied is told of as absent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus import spine
from salus.core.consent import MACHINE, QUALITY, TRAINING, Actor, Permit
from salus.core.errors import RefusedError, UserError
from salus.delivery.app import Settings
from salus.spine import permit
from salus.spine.chart import open_chart
from salus.spine.opening import Opening, permitted
from salus.spine.permit import Statement
from salus.spine.permits import permits
from salus.spine.share import Wanted, share_record
from salus.spine.site import Site
from tests import doors

ANNA, BERT, NOBODY = "Patient/anna", "Patient/bert", "Patient/nobody"
WHO = Actor("cli:test")
OPEN = Settings(insecure_no_jwt=True, base_url="http://salus.example")
SIGNS = (
    ("8867-4", 135.0, "/min"),
    ("9279-1", 28.0, "/min"),
    ("59408-5", 88.0, "%"),
    ("8480-6", 85.0, "mm[Hg]"),
)


def person(name: str, *more: dict[str, Any]) -> list[dict[str, Any]]:
    whose = {"subject": {"reference": f"Patient/{name}"}}
    signs = [
        {"resourceType": "Observation", "id": f"{name}-{code}", "status": "final", **whose,
         "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
         "effectiveDateTime": "2026-01-05T08:00:00Z",
         "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}}
        for code, value, unit in SIGNS
    ]  # fmt: skip
    hiv = {"resourceType": "Condition", "id": f"{name}-hiv", **whose, "recordedDate": "2026-01-03",
           "clinicalStatus": {"coding": [{"code": "active"}]},
           "verificationStatus": {"coding": [{"code": "confirmed"}]},
           "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "B20"}]}}  # fmt: skip
    who = {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1950-01-01",
           "name": [{"family": name.capitalize()}]}  # fmt: skip
    return [who, *signs, hiv, *more]


def read(site: Site, *resources: dict[str, Any]) -> None:
    place = site.path.parent / f"in-{len(list(site.path.parent.iterdir()))}.ndjson"
    place.write_text("\n".join(map(json.dumps, resources)))
    spine.read(site, str(place), actor=WHO)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    read(opened, *person("anna"), *person("bert"))
    yield opened
    opened.close()


def withdraw(site: Site, subject: str, *purposes: str, scope: tuple[str, ...] = ()) -> Permit:
    return permit.withdraw(site, subject, Statement(purposes, scope), actor=WHO)


def give(site: Site, subject: str, *purposes: str, scope: tuple[str, ...] = ()) -> Permit:
    return permit.give(site, subject, Statement(purposes, scope), actor=WHO)


def bare(text: str) -> str:
    """Return a page without what differs from one request to the next: the address, and a form's token."""
    return re.sub(r'/patients/\d+/open|name="token" value="[^"]+"', "", text)


def pages(client: httpx.Client) -> dict[str, str]:
    """Return what every door that tells of people says."""
    told = {"ward": client.get("/ward").text}
    for kind in (
        "RiskAssessment",
        "DetectedIssue",
        "Observation",
        "GuidanceResponse",
        "Provenance",
        "AuditEvent",
    ):
        every = client.get(f"/fhir/{kind}", params={"_count": "100"}).text
        mine = client.get(f"/fhir/{kind}", params={"patient": ANNA, "_count": "100"}).text
        total = client.get(f"/fhir/{kind}", params={"patient": ANNA, "_summary": "count"}).json().get("total")
        told |= {kind: every, f"{kind} of her": mine, f"{kind} count": str(total)}
    return told


def numbers(site: Site) -> dict[str, int]:
    return {subject: site.archive.number(subject) for subject in (ANNA, BERT)}


def test_after_care_is_withdrawn_no_door_shows_a_trace(site: Site) -> None:
    number = numbers(site)[ANNA]
    with doors.served(site, OPEN) as client:
        assert "Anna" in client.get("/ward").text
        assert "Anna" in client.get(f"/patients/{number}").text
        assert client.get(f"/patients/{number}/record").status_code == 200
        before = pages(client)
        assert "anna" in before["GuidanceResponse"] + before["DetectedIssue"] + before["RiskAssessment"]
        withdraw(site, ANNA, "care")
        after = pages(client)
        for door, told in after.items():
            if door != "AuditEvent":
                assert "anna" not in told.lower().replace("patient%2fanna", "").replace(
                    "patient/anna", "" if "of her" in door else "patient/anna"
                ), door
        assert "Patient/anna" not in after["AuditEvent"]
        assert {told for door, told in after.items() if door.endswith("count")} == {"0"}
        for path in (f"/patients/{number}", f"/patients/{number}/record"):
            assert client.get(path).status_code == client.get("/patients/1").status_code == 404
            assert bare(client.get(path).text) == bare(client.get("/patients/1").text)
        # What is said of others is as it was.
        assert "Bert" in after["ward"]
    assert BERT in {row.subject for row in spine.ward(site, actor=WHO)}
    assert ANNA not in {row.subject for row in spine.ward(site, actor=WHO)}


def same(wrong: Callable[[str], object]) -> None:
    """Assert that a denied person and nobody at all are refused in the same words."""
    said = []
    for subject in (ANNA, NOBODY):
        with pytest.raises((UserError, RefusedError)) as told:
            wrong(subject)
        said.append((type(told.value), str(told.value).replace(subject, "X")))
    assert said[0] == said[1]


def taken_away(site: Site, subject: str, purpose: str) -> None:
    share_record(site, Wanted(site.path.parent / "out", cases=(subject,), purpose=purpose), actor=WHO)


def test_the_denied_and_the_unknown_are_refused_alike(site: Site) -> None:
    withdraw(site, ANNA, "care")
    same(lambda subject: spine.consult(site, actor=WHO, subject=subject, asks=["news2"]))
    same(lambda subject: open_chart(site, subject, actor=WHO))
    for purpose in ("direct-care", "research", "sharing"):
        same(lambda subject, p=purpose: taken_away(site, subject, p))
    assert not (site.path.parent / "out").exists()


def test_who_wants_a_human_only_is_asked_about_by_no_machine_and_seen_by_a_person(site: Site) -> None:
    (before,) = [row for row in spine.ward(site, actor=WHO) if row.subject == ANNA]
    assert before.insights
    withdraw(site, ANNA, "machine")
    (after,) = [row for row in spine.ward(site, actor=WHO) if row.subject == ANNA]
    assert after.insights == after.kept == ()
    assert len(open_chart(site, ANNA, actor=WHO).timeline) > 4
    (named,) = spine.consult(site, actor=WHO, subject=ANNA, asks=["news2"])
    assert (named.judged, named.body.says, named.reasons) == (False, "Not available.", ())
    assert not any(row.id == named.id for row in site.store.insights(ANNA))
    with doors.served(site, OPEN) as client:
        for kind in ("RiskAssessment", "DetectedIssue", "GuidanceResponse"):
            assert "entry" not in client.get(f"/fhir/{kind}", params={"patient": ANNA}).json()
    give(site, ANNA, "machine")
    (again,) = [row for row in spine.ward(site, actor=WHO) if row.subject == ANNA]
    assert [one.id for one in again.insights] == [one.id for one in before.insights]


def test_a_part_that_is_closed_is_absent_from_every_view(site: Site) -> None:
    told = {event.source for event in open_chart(site, ANNA, actor=WHO).timeline}
    assert "Condition/anna-hiv" in told
    withdraw(site, ANNA, "care", scope=("label:HIV",))
    left = {event.source for event in open_chart(site, ANNA, actor=WHO).timeline}
    assert told - left == {"Condition/anna-hiv"}
    other = {event.source for event in open_chart(site, BERT, actor=WHO).timeline}
    assert {one.replace("bert", "anna") for one in other} == told
    with doors.served(site, OPEN) as client:
        assert "hiv" not in client.get(f"/patients/{numbers(site)[ANNA]}/record").text.lower()


def test_an_insight_that_was_made_from_more_than_is_open_now_is_not_shown(site: Site) -> None:
    whole = {one.id for one in spine.consult(site, actor=WHO, subject=ANNA)}
    withdraw(site, ANNA, "care", scope=("code:LOINC/9279-1",))
    cut = {one.id for one in spine.consult(site, actor=WHO, subject=ANNA)}
    assert not whole & cut
    with doors.served(site, OPEN) as client:
        kinds = ("RiskAssessment", "DetectedIssue", "GuidanceResponse", "Observation")
        shown = "".join(client.get(f"/fhir/{kind}", params={"patient": ANNA}).text for kind in kinds)
    assert any(one in shown for one in cut) and not any(one in shown for one in whole)


@pytest.mark.parametrize("purpose", [TRAINING, QUALITY])
def test_a_population_lacks_whoever_said_no_whatever_the_basis(site: Site, purpose: str) -> None:
    from salus.record.population import of_archive

    def there(basis: str = "board 2026-31") -> set[str]:
        whole = of_archive(site.archive, lambda _: True)
        found = permitted(whole, str(site.path), Opening(WHO, purpose, basis))
        assert set(found.events["subject"]) <= set(found.subjects["subject"])
        return set(found.subjects["subject"])

    assert there() == {ANNA, BERT}
    withdraw(site, ANNA, "training", "quality")
    assert there() == {BERT}
    permit.set_profile(site, "opt-in", actor=WHO, because="the board decided")
    assert there() == set()
    give(site, ANNA, "training", "quality")
    assert there() == {ANNA}


def test_what_the_record_says_counts_and_its_correction_too(site: Site) -> None:
    consent = {"resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": ANNA},
               "scope": {"coding": [{"code": "patient-privacy"}]}, "dateTime": "2026-01-04",
               "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
               "policyRule": {"coding": [{"code": "OPTOUT"}]}}  # fmt: skip
    read(site, consent)
    assert not permits(site).rule(ANNA, WHO, "direct-care").constant
    assert permits(site).rule(BERT, WHO, "direct-care").constant
    read(site, consent | {"status": "inactive"})
    assert permits(site).rule(ANNA, WHO, "direct-care").constant


def test_a_consent_that_cannot_be_read_closes_all_but_care(site: Site) -> None:
    privacy = {"coding": [{"code": "patient-privacy"}]}
    broken = {"resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": ANNA}}
    read(site, broken | {"scope": privacy, "provision": {"type": "perhaps"}})
    said = permits(site)
    assert said.rule(ANNA, WHO, "direct-care").constant and said.rule(ANNA, WHO, MACHINE).constant
    assert said.rule(ANNA, WHO, TRAINING, "board 2026-31").constant is False
    assert said.rule(BERT, WHO, TRAINING, "board 2026-31").constant


def test_the_glass_opens_for_who_broke_it_and_for_a_while(site: Site) -> None:
    withdraw(site, ANNA, "care")
    clinician, other = Actor("Practitioner/7"), Actor("Practitioner/8")
    permit.break_glass(site, ANNA, "unconscious, no history", actor=clinician)
    assert len(open_chart(site, ANNA, actor=clinician).timeline) > 4
    with pytest.raises(UserError):
        open_chart(site, ANNA, actor=other)
    told = permit.show(site, ANNA, actor=WHO)
    assert [(one["by"], one["because"]) for one in told["opened"]] == [
        ("Practitioner/7", "unconscious, no history")
    ]
    withdraw(site, ANNA, "machine")
    assert spine.consult(site, actor=clinician, subject=ANNA) == []


def test_withdrawing_names_what_left_and_is_in_the_ledger(site: Site, run_salus: Any) -> None:
    out = site.path.parent / "out"
    share_record(site, Wanted(out, cases=(ANNA,), purpose="care"), actor=WHO)
    where = ("--archive", site.path, "--json")
    told = run_salus(
        "consent", "withdraw", "anna", "--purpose", "sharing", "--purpose", "training", *where
    ).json()
    assert (told["subject"], told["effect"], told["purposes"]) == (ANNA, "deny", ["sharing", "training"])
    assert [(one["to"], one["purpose"]) for one in told["gone"]] == [(str(out), "direct-care")]
    shown = run_salus("consent", "show", "anna", *where).json()
    effects = {word: one["effect"] for word, one in shown["purposes"].items()}
    assert effects == {
        "care": "permit", "second-opinion": "deny", "quality": "deny", "research": "deny", "training": "deny",
        "sharing": "deny", "machine": "permit",
    }  # fmt: skip
    run_salus("consent", "give", "anna", "--purpose", "research", "--scope", "class:Observation", *where)
    shown = run_salus("consent", "show", "anna", *where).json()
    assert shown["purposes"]["research"]["effect"] == "part"
    entries = [entry.did for entry in site.store.entries() if entry.did == "permit"]
    assert len(entries) == 2 and spine.verify(site).intact
    assert run_salus("consent", "withdraw", "anna", "--purpose", "fun", *where, check=False).code == 2
    assert run_salus("consent", "give", "zoe", "--purpose", "care", *where, check=False).code == 2
    assert (
        run_salus("consent", "give", "anna", "--purpose", "care", "--scope", "hiv", *where, check=False).code
        == 2
    )


def test_what_was_changed_in_the_database_permits_nothing(site: Site) -> None:
    import sqlite3
    from contextlib import closing

    said = withdraw(site, ANNA, "training")
    with closing(sqlite3.connect(site.path / "salus.db")) as base, base:
        base.execute(
            "UPDATE opening SET content = replace(content, 'deny', 'permit') WHERE seq = ?", (said.recorded,)
        )
    site._permits = None
    assert permits(site).rule(ANNA, WHO, TRAINING, "board 2026-31").constant is False
    assert not spine.verify(site).intact


def test_a_period_opens_and_closes_by_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    until = datetime(2026, 3, 1, tzinfo=UTC)
    permit.withdraw(site, ANNA, Statement(("care",), valid=(None, until)), actor=WHO)
    moments = [datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)]
    found = []
    for at in moments:
        monkeypatch.setattr(Site, "now", lambda self, at=at: at)
        found.append(ANNA in {row.subject for row in spine.ward(site, actor=WHO)})
    assert found == [False, True]


@pytest.mark.parametrize("purpose", ["care", "machine"])
def test_an_ehr_gets_no_card_about_who_said_no(tmp_path: Path, purpose: str) -> None:
    site = doors.live_site(tmp_path / "bare")
    with doors.served(site, OPEN) as client:
        path = "/cds-services/salus-patient-view"
        before = client.post(path, json=doors.call()).json()["cards"]
        assert before
        permit.withdraw(site, "Patient/p1", Statement((purpose,)), actor=WHO)
        kept = len(site.store.insights("Patient/p1"))
        assert client.post(
            path, json=doors.call(hookInstance="359cf767-4b52-4e14-a741-04da147a430f")
        ).json() == {"cards": []}
        assert len(site.store.insights("Patient/p1")) == kept
    site.close()
