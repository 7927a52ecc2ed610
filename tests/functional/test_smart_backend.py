"""SMART Backend Services: a machine proves itself with its key, and reads as far as its scope reaches."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from salus import spine
from salus.core.errors import UserError
from salus.delivery.app import Settings
from salus.delivery.smart import ASSERTION_TYPE, SmartClients
from salus.spine.site import Site
from tests import doors

EC, RSA = ECKey.generate_key("P-384", {"kid": "ec"}), RSAKey.generate_key(2048, {"kid": "rsa"})
STRANGER = ECKey.generate_key("P-384", {"kid": "ec"})
BASE = "https://salus.example"
TOKEN = f"{BASE}/auth/token"
ALL, SOME = "quality-dashboard", "risk-reader"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([EC, RSA]).as_dict(private=False)))
    file = tmp_path / "clients.json"
    told = {
        ALL: {"jwks": str(keys), "scope": "system/*.rs"},
        SOME: {"jwks": str(keys), "scope": "system/RiskAssessment.rs system/Provenance.r"},
    }
    file.write_text(json.dumps(told))
    return file


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = doors.live_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def client(site: Site, place: Path) -> Iterator[httpx.Client]:
    with doors.served(site, Settings(BASE, smart=SmartClients.of(str(place)))) as found:
        yield found


def assertion(name: str, key: Any = EC, head: dict[str, Any] | None = None, **other: Any) -> str:
    told = {"iss": name, "sub": name, "aud": TOKEN, "exp": int(time.time()) + 240, "jti": str(uuid4())}
    header = {
        "alg": "ES384" if key.key_type == "EC" else "RS384",
        "kid": key.kid,
        "typ": "JWT",
        **(head or {}),
    }
    claims = {name: value for name, value in {**told, **other}.items() if value is not None}
    return jwt.encode(header, claims, key, algorithms=["ES384", "RS384"])


def asked(client: httpx.Client, signed: str, scope: str = "system/*.rs", **other: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials", "scope": scope, "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed, **other,
    }  # fmt: skip
    return client.post("/auth/token", data=form)


def with_token(client: httpx.Client, name: str, scope: str = "system/*.rs") -> dict[str, str]:
    return {"authorization": f"Bearer {asked(client, assertion(name), scope).json()['access_token']}"}


def test_a_client_finds_out_how_gets_a_token_and_reads(site: Site, client: httpx.Client) -> None:
    told = client.get("/fhir/.well-known/smart-configuration").json()
    assert told["token_endpoint"] == TOKEN
    assert told["grant_types_supported"] == ["client_credentials"]
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(told["capabilities"])
    for key in (EC, RSA):
        given = asked(client, assertion(ALL, key))
        assert given.status_code == 200, given.text
        assert given.headers["cache-control"] == "no-store"
        body = given.json()
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 300, "system/*.rs")
        held = {"authorization": f"Bearer {body['access_token']}"}
        assert client.get("/fhir/RiskAssessment?patient=p1", headers=held).status_code == 200
    told_of = [(entry.who, entry.did) for entry in site.store.entries()]
    assert told_of[-2:] == [(f"client:{ALL}", "sign-in"), (f"client:{ALL}", "look")]
    assert spine.verify(site).intact


NOTHING = (
    "", "system/Observation.rs", "patient/RiskAssessment.rs", "system/RiskAssessment.read",
    "system/RiskAssessment.sr", "system/RiskAssessment.rs?patient=1", "system/Provenance.s",
)  # fmt: skip


def test_a_scope_is_granted_as_far_as_the_client_is_registered_and_no_further(client: httpx.Client) -> None:
    for wanted, got in (
        ("system/*.rs", "system/Provenance.r system/RiskAssessment.rs"),
        ("system/RiskAssessment.cruds", "system/RiskAssessment.rs"),
        ("system/Provenance.rs launch openid", "system/Provenance.r"),
        ("system/RiskAssessment.s", "system/RiskAssessment.s"),
    ):
        assert asked(client, assertion(SOME), wanted).json()["scope"] == got
    for nothing in NOTHING:
        sent = asked(client, assertion(SOME), nothing)
        assert (sent.status_code, sent.json()["error"]) == (400, "invalid_scope"), nothing


def test_a_token_opens_what_its_scope_says_and_nothing_else(client: httpx.Client) -> None:
    held = with_token(client, SOME)
    kinds = ("RiskAssessment", "DetectedIssue", "Observation", "GuidanceResponse", "Provenance", "AuditEvent")
    found = {}
    for kind in kinds:
        searched = client.get(f"/fhir/{kind}?patient=p1", headers=held).status_code
        posted = client.post(f"/fhir/{kind}/_search", data={"patient": "p1"}, headers=held).status_code
        found[kind] = (searched, posted, client.get(f"/fhir/{kind}/x", headers=held).status_code)
    assert found == {
        "RiskAssessment": (200, 200, 404),
        "Provenance": (403, 403, 404),
        **dict.fromkeys(("DetectedIssue", "Observation", "GuidanceResponse", "AuditEvent"), (403, 403, 403)),
    }
    for header in ("", "Bearer x", "Basic x", held["authorization"] + "x", held["authorization"][7:]):
        assert client.get("/fhir/RiskAssessment", headers={"authorization": header}).status_code == 401
    assert client.post("/cds-services/salus-patient-view", json=doors.call(), headers=held).status_code == 401


def test_a_token_ends_after_five_minutes(site: Site, place: Path) -> None:
    at = [time.time()]
    told = json.loads(place.read_text())
    smart = SmartClients({name: (one["jwks"], one["scope"]) for name, one in told.items()}, lambda: at[0])
    with doors.served(site, Settings(BASE, smart=smart)) as client:
        held = with_token(client, ALL)
        at[0] += 299
        assert client.get("/fhir/RiskAssessment", headers=held).status_code == 200
        at[0] += 2
        assert client.get("/fhir/RiskAssessment", headers=held).status_code == 401


WRONG: dict[str, dict[str, Any]] = {
    "another client's key": {"key": STRANGER},
    "sub of another": {"sub": ALL},
    "nobody known": {"iss": "x", "sub": "x"},
    "another audience": {"aud": f"{BASE}/fhir"},
    "no audience": {"aud": None},
    "past": {"exp": 1},
    "too long": {"exp": int(time.time()) + 3600},
    "no end": {"exp": None},
    "no id": {"jti": None},
    "a number for an id": {"jti": 7},
    "keys elsewhere": {"head": {"jku": "https://evil.example/keys.json"}},
    "another key's name": {"head": {"kid": "two"}},
}


@pytest.mark.parametrize("what", WRONG)
def test_an_assertion_that_does_not_hold_gives_no_token(client: httpx.Client, what: str) -> None:
    sent = asked(client, assertion(SOME, **WRONG[what]))
    assert (sent.status_code, sent.json()["error"]) == (401, "invalid_client"), what
    assert "access_token" not in sent.text


def test_an_assertion_is_taken_once(client: httpx.Client) -> None:
    signed = assertion(ALL)
    assert [asked(client, signed).status_code for _ in range(2)] == [200, 401]


def test_a_form_that_is_no_request_for_a_token_is_named_as_the_standard_does(client: httpx.Client) -> None:
    assert asked(client, "x.y.z").json()["error"] == "invalid_client"
    assert asked(client, assertion(ALL), grant_type="password").json()["error"] == "unsupported_grant_type"
    for wrong in ({"client_assertion_type": "x"}, {"client_assertion": ""}):
        assert asked(client, assertion(ALL), **wrong).json()["error"] == "invalid_request"
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body, headers in ((twice, form), ("{}", {"content-type": "application/json"}), (b"\xff", form)):
        sent = client.post("/auth/token", content=body, headers=headers)
        assert (sent.status_code, sent.json()["error"]) == (400, "invalid_request")


def test_without_a_registered_client_there_is_no_such_door(site: Site) -> None:
    with doors.served(site) as client:
        assert client.get("/fhir/.well-known/smart-configuration").status_code == 404
        assert client.post("/auth/token").status_code == 404


def test_a_file_of_clients_that_cannot_be_meant_is_refused(place: Path) -> None:
    told = json.loads(place.read_text())
    for wrong in (
        {"scope": "system/*.read"},
        {"scope": ""},
        {"scope": "system/*.rs system/*.x"},
        {"jwks": "http://evil.example/keys"},
        {"jwks": "/no/such/file"},
        {"more": 1},
    ):
        place.write_text(json.dumps({ALL: {**told[ALL], **wrong}}))
        with pytest.raises(UserError):
            SmartClients.of(str(place))
    for bad in ("", "[]", '{"a b": {"jwks": "x", "scope": "system/*.rs"}}'):
        place.write_text(bad)
        with pytest.raises(UserError):
            SmartClients.of(str(place))


def test_the_doors_are_described(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths["/auth/token"]["post"]["responses"]) >= {"200", "400", "401", "503"}
    assert "parameters" not in paths["/fhir/.well-known/smart-configuration"]["get"]
