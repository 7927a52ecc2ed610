"""Reading and searching over FHIR: by patient and date, page by page, nothing twice and nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fhirkit
import httpx
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.evidence import Event, Timeline
from salus.core.review import Review
from salus.delivery.app import Settings
from salus.delivery.fhir_resources import resources
from salus.spine.site import Site
from tests import doors

TYPES = ["RiskAssessment", "DetectedIssue", "Observation", "GuidanceResponse", "Provenance", "AuditEvent"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def ill(patient: str, at: datetime) -> Timeline:
    """Return somebody with a high early-warning score at `at`."""
    subject = f"Patient/{patient}"
    signs = [("8867-4", 135.0, "/min"), ("9279-1", 28.0, "/min"), ("59408-5", 88.0, "%")]
    events = [
        Event((f"LOINC/{code}",), at, None, at, value, unit, None, "final", f"Observation/{patient}-{code}")
        for code, value, unit in signs
    ]
    born = Event(("MEDS_BIRTH",), datetime(1950, 1, 1, tzinfo=UTC), source=subject)
    return Timeline.of(subject, [born, *events])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = doors.live_site(tmp_path_factory.mktemp("fhir") / "site")
    for day in range(12):
        for patient in ("p1", "p2"):
            at = START + timedelta(days=day)
            spine.consult(opened, actor=Actor("cli:test"), evidence=ill(patient, at), as_of=at)
    first = opened.store.insights("Patient/p1")[0]
    spine.review(opened, Review(first.id, "Practitioner/7", "overridden", "already-done"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def fhir(site: Site) -> Iterator[httpx.Client]:
    settings = Settings(
        insecure_no_jwt=True, base_url="http://salus.example", fhir_servers=("https://ehr.example/r4",)
    )
    with doors.served(site, settings) as client:
        yield client


def found(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def pages(fhir: httpx.Client, url: str) -> Iterator[dict[str, Any]]:
    """Follow `next` as a client would."""
    while url:
        bundle = fhir.get(url).json()
        assert [str(issue) for issue in fhirkit.validate(bundle)] == []
        yield bundle
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        after = urlsplit(links.get("next", ""))
        url = f"{after.path}?{after.query}" if after.path else ""


@pytest.mark.parametrize("kind", TYPES)
def test_every_resource_is_valid_and_can_be_read_by_its_id(fhir: httpx.Client, kind: str) -> None:
    resources = found(fhir.get(f"/fhir/{kind}", params={"patient": "p1"}))
    assert resources or kind == "RiskAssessment"
    for resource in resources:
        assert resource["resourceType"] == kind
        assert [str(issue) for issue in fhirkit.validate(resource)] == []
        assert fhir.get(f"/fhir/{kind}/{resource['id']}").json() == resource


HERE = "http://salus.example/fhir/Patient/p1"


@pytest.mark.parametrize("patient", ["p1", "Patient/p1", HERE, "https://ehr.example/r4/Patient/p1"])
@pytest.mark.parametrize("name", ["patient", "subject"])
def test_search_by_patient(fhir: httpx.Client, name: str, patient: str) -> None:
    resources = found(fhir.get("/fhir/Observation", params={name: patient, "_count": 200}))
    assert resources
    assert {one["subject"]["reference"] for one in resources} == {"Patient/p1"}


@pytest.mark.parametrize("base", ["http://evil.example", "https://ehr.example/r4/x", "http://salus.example"])
def test_another_servers_patient_is_not_ours_of_the_same_id(fhir: httpx.Client, base: str) -> None:
    assert fhir.get("/fhir/Observation", params={"patient": f"{base}/Patient/p1"}).status_code == 400


def test_several_patients_and_nobody(fhir: httpx.Client) -> None:
    both = found(fhir.get("/fhir/Observation", params={"patient": "p1,p2", "_count": 200}))
    every = found(fhir.get("/fhir/Observation", params={"_count": 200}))
    assert both == every
    assert found(fhir.get("/fhir/Observation", params={"patient": "p9"})) == []
    assert found(fhir.get("/fhir/Observation?patient=p1&patient=p2")) == []


@pytest.mark.parametrize(
    ("date", "days"),
    [
        ("2026-01-03", {3}),
        ("eq2026-01-03", {3}),
        ("ge2026-01-10", {10, 11, 12}),
        ("gt2026-01-10", {11, 12}),
        ("le2026-01-03", {1, 2, 3}),
        ("lt2026-01-03", {1, 2}),
        ("sa2026-01-11", {12}),
        ("eb2026-01-02", {1}),
        ("2026-01", set(range(1, 13))),
        ("2026", set(range(1, 13))),
        ("ne2026", set()),
        ("2026-01-03T00:00:00Z", {3}),
        ("2026-01-02T23:00:00-01:00", {3}),
        ("gt2026-02", set()),
    ],
)
def test_dates_with_prefixes(fhir: httpx.Client, date: str, days: set[int]) -> None:
    params = {"patient": "p1", "date": date, "_count": "200"}
    resources = found(fhir.get("/fhir/Observation", params=params))
    assert {datetime.fromisoformat(one["effectiveDateTime"]).day for one in resources} == days


def test_two_dates_make_a_period(fhir: httpx.Client) -> None:
    resources = found(fhir.get("/fhir/Observation?patient=p1&date=ge2026-01-03&date=lt2026-01-05"))
    assert {one["effectiveDateTime"][:10] for one in resources} == {"2026-01-03", "2026-01-04"}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("who", ["", "&patient=p1", "&patient=p1,p2"])
@pytest.mark.parametrize("count", [3, 20])
def test_pages_hold_everything_once_in_the_same_order(
    fhir: httpx.Client, kind: str, who: str, count: int
) -> None:
    cut = "&date=lt2026-01-05" if kind in TYPES[:4] else ""
    count = 60 if kind == "AuditEvent" else count
    whole = [one["id"] for one in found(fhir.get(f"/fhir/{kind}?_count=200{who}{cut}"))]
    paged = []
    for bundle in pages(fhir, f"/fhir/{kind}?_count={count}{who}{cut}"):
        page = [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        assert len(page) <= count
        paged += page
    assert paged[: len(whole)] == whole
    assert len(set(paged)) == len(paged)


def test_a_review_shows_as_a_persons_provenance(fhir: httpx.Client) -> None:
    made = found(fhir.get("/fhir/Provenance?patient=p1&_count=200"))
    people = [one for one in made if one.get("activity")]
    assert [one["agent"][0]["who"] for one in people] == [{"reference": "Practitioner/7"}]
    assert "meta" not in people[0]


def test_a_look_over_fhir_is_in_the_ledger(fhir: httpx.Client, site: Site) -> None:
    before = site.store.head()[0]
    found(fhir.get("/fhir/Observation?patient=p1"))
    (entry,) = site.store.entries(after=before)
    assert entry.did == "look"
    audit = found(fhir.get(f"/fhir/AuditEvent?_id={entry.seq}"))
    assert [one["id"] for one in audit] == [str(entry.seq)]
    assert site.store.head()[0] == entry.seq


@pytest.mark.parametrize(
    "query",
    [
        "patient=a b", "patient=Group/1", "date=yesterday", "date=2026-13", "date=2026-02-30", "date=xx2026",
        "_count=many", "_count=-1", "_after=1", "_format=xml",
        "_summary=text",
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused(fhir: httpx.Client, query: str) -> None:
    answer = fhir.get(f"/fhir/Observation?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/fhir+json"
    assert [str(issue) for issue in fhirkit.validate(answer.json())] == []


@pytest.mark.parametrize("query", ["Patient=p1", "patient=p1&colour=red", "patient:missing=true"])
def test_unknown_parameters_are_refused(fhir: httpx.Client, query: str) -> None:
    """Passed over, a misspelt one would answer with everybody."""
    answer = fhir.get(f"/fhir/Observation?{query}")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


LENIENT = {"Prefer": "return=minimal, handling=lenient"}


def test_lenient_passes_over_what_is_not_known_and_names_it(fhir: httpx.Client) -> None:
    bundle = fhir.get("/fhir/Observation?patient=p1&_sort=-date&colour=red", headers=LENIENT).json()
    assert [str(issue) for issue in fhirkit.validate(bundle)] == []
    *matches, last = bundle["entry"]
    assert {entry["resource"]["subject"]["reference"] for entry in matches} == {"Patient/p1"}
    assert last["search"] == {"mode": "outcome"}
    assert "_sort, colour" in last["resource"]["issue"][0]["details"]["text"]
    assert bundle["link"][0]["url"].endswith("?patient=p1"), "what was passed over is not in `self`"


@pytest.mark.parametrize("query", ["_sort=date", "patientt=p1", "patient=p1&date:missing=true"])
def test_lenient_never_answers_with_everybody_and_takes_no_modifier(fhir: httpx.Client, query: str) -> None:
    assert fhir.get(f"/fhir/Observation?{query}", headers=LENIENT).status_code == 400


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("how", ["_summary=count", "_count=0"])
def test_the_count_is_that_of_all_pages(fhir: httpx.Client, kind: str, how: str) -> None:
    whole = [one for page in pages(fhir, f"/fhir/{kind}?patient=p1") for one in page.get("entry", [])]
    bundle = fhir.get(f"/fhir/{kind}?patient=p1&{how}").json()
    assert [str(issue) for issue in fhirkit.validate(bundle)] == []
    # What was looked at since is in the ledger, and so among its audit events.
    assert bundle["total"] >= len(whole) if kind == "AuditEvent" else bundle["total"] == len(whole)
    assert "entry" not in bundle


def test_a_total_stands_where_all_of_it_is_on_the_page(fhir: httpx.Client) -> None:
    whole = fhir.get("/fhir/Observation?patient=p1&_count=200").json()
    assert whole["total"] == len(whole["entry"])
    assert "total" not in fhir.get("/fhir/Observation?patient=p1&_count=2").json()


def test_too_many_to_count_is_said(fhir: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.delivery.fhir_find._SCAN", 5)
    answer = fhir.get("/fhir/Observation?_summary=count")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["code"] == "too-costly"


def test_many_ids_are_paged(fhir: httpx.Client) -> None:
    ids = [one["id"] for one in found(fhir.get("/fhir/Observation?patient=p1&_count=200"))]
    query = f"/fhir/Observation?_count=2&_id={','.join(ids[:5])}"
    each = [[entry["resource"]["id"] for entry in page.get("entry", [])] for page in pages(fhir, query)]
    assert each == [ids[0:2], ids[2:4], ids[4:5]]


def test_a_search_by_post_is_the_same_search(fhir: httpx.Client) -> None:
    query = {"patient": "p1", "date": "ge2026-01-10", "_count": "200"}
    got, posted = (
        fhir.get("/fhir/Observation", params=query),
        fhir.post("/fhir/Observation/_search", data=query),
    )
    assert got.json() == posted.json()
    both = fhir.post("/fhir/Observation/_search?patient=p1", data={"patient": "p2"})
    assert found(both) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"patient": "p1"}', "application/json", 400),
        (b"patient=%ff", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 2000, "application/x-www-form-urlencoded", 400),
        (b"patient=" + b"p" * 70000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(
    fhir: httpx.Client, body: bytes, kind: str, status: int
) -> None:
    answer = fhir.post("/fhir/Observation/_search", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert [str(issue) for issue in fhirkit.validate(answer.json())] == []


def test_what_a_model_that_is_not_live_said_is_not_there(tmp_path: Path) -> None:
    """Clinical doors show live models only."""
    site = spine.open_site(tmp_path / "new")
    insights = spine.consult(
        site, actor=Actor("cli:test"), evidence=ill("p1", START), as_of=START, live_only=False
    )
    said = {each["resourceType"]: each["id"] for insight in insights for each in resources(insight)}
    assert {"Observation", "GuidanceResponse"} <= set(said)
    with doors.served(site) as client:
        for kind, name in {**said, "Provenance": insights[0].id}.items():
            assert found(client.get(f"/fhir/{kind}?patient=p1")) == []
            assert found(client.get(f"/fhir/{kind}?_id={name}")) == []
            assert client.get(f"/fhir/{kind}/{name}").status_code == 404
        for model in spine.models(site):
            spine.approve(site, model.name, by="Dr Test", because="test")
        assert all(found(client.get(f"/fhir/{kind}?patient=p1")) for kind in said)
    site.close()


@pytest.mark.parametrize(
    "path", ["Observation/nothing", "AuditEvent/0", "AuditEvent/x", "Provenance/x.y", "Patient"]
)
def test_what_is_not_there_is_not_found(fhir: httpx.Client, path: str) -> None:
    answer = fhir.get(f"/fhir/{path}")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_capability_statement_says_what_is_true(fhir: httpx.Client) -> None:
    statement = fhir.get("/fhir/metadata").json()
    assert [str(issue) for issue in fhirkit.validate(statement)] == []
    listed = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert set(listed) == set(TYPES)
    for kind, one in listed.items():
        for parameter in one["searchParam"]:
            value = {"reference": "p1", "date": "ge2026", "token": "x"}[parameter["type"]]
            answer = fhir.get(f"/fhir/{kind}", params={parameter["name"]: value})
            assert answer.status_code == 200


def test_one_of_several_dates_will_do(fhir: httpx.Client) -> None:
    every = found(fhir.get("/fhir/Observation", params={"patient": "p1", "_count": 200}))
    days = {one["effectiveDateTime"][:10] for one in every}
    asked = ",".join(["1999-01-01", *days])
    assert (
        found(fhir.get("/fhir/Observation", params={"patient": "p1", "date": asked, "_count": 200})) == every
    )
    assert found(fhir.get("/fhir/Observation", params={"patient": "p1", "date": "1999-01-01,lt1990"})) == []
    assert fhir.get("/fhir/Observation", params={"patient": "p1", "date": "1999-01-01,x"}).status_code == 400


@pytest.mark.parametrize("name", ["patient", "subject"])
def test_the_type_that_a_patient_has_anyway_may_be_named(fhir: httpx.Client, name: str) -> None:
    plain = found(fhir.get("/fhir/Observation", params={name: "p1"}))
    assert plain
    assert found(fhir.get("/fhir/Observation", params={f"{name}:Patient": "p1"})) == plain
    assert fhir.get("/fhir/Observation", params={f"{name}:Group": "p1"}).status_code == 400
