"""Only a registered EHR gets in, with a fresh token of its own for the endpoint that it calls."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus.core.errors import UserError
from salus.delivery.app import Settings
from salus.delivery.auth import JwksTrust
from salus.spine.site import Site
from tests import doors
from tests.doors import ISSUER, Ehr, bearer

VIEW = "/cds-services/salus-patient-view"
BASE = "https://salus.example"
HERE = BASE + VIEW


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Ehr:
    return Ehr(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = doors.live_site(tmp_path_factory.mktemp("trust") / "site")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ehr(site: Site, keys: Ehr) -> Iterator[httpx.Client]:
    trust = JwksTrust({ISSUER: str(keys.jwks)})
    with doors.served(site, Settings(base_url=BASE, jwt=trust)) as client:
        yield client


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    return str(answer.json()["issue"][0]["details"]["text"])


def test_discovery_is_open_and_the_rest_is_not(ehr: httpx.Client) -> None:
    assert ehr.get("/cds-services").status_code == 200
    assert ehr.get("/fhir/metadata").status_code == 200
    assert "No bearer token" in refusal(ehr.post(VIEW, json=doors.call()))
    assert "No bearer token" in refusal(ehr.post(VIEW + "/feedback", json={}))
    assert "No bearer token" in refusal(ehr.get("/fhir/Observation"))


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_registered_ehr_gets_in(site: Site, tmp_path: Path, algorithm: str) -> None:
    keys = Ehr(tmp_path, algorithm)
    settings = Settings(base_url=BASE, jwt=JwksTrust({ISSUER: str(keys.jwks)}))
    with doors.served(site, settings) as client:
        answer = client.post(VIEW, json=doors.call(), headers=bearer(keys.token(HERE)))
        assert answer.status_code == 200
        audience = ["https://other.example", HERE]
        token = keys.token("", aud=audience)
        assert client.post(VIEW, json=doors.call(), headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": BASE}, "aud"),
        ({"aud": HERE + "/feedback"}, "aud"),
        ({"aud": None}, "aud"),
        ({"iss": "https://stranger.example/"}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": int(time.time()) + 86_400}, "exp"),
        ({"iat": int(time.time()) + 3_600, "exp": int(time.time()) + 3_700}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": int(time.time()) + 3_600}, "nbf"),
        ({"jti": None}, "jti"),
        ({"jti": "x" * 300}, "jti"),
    ],
)
def test_a_claim_that_does_not_hold_is_named(
    ehr: httpx.Client, keys: Ehr, claims: dict[str, Any], why: str
) -> None:
    token = keys.token(HERE, **claims)
    assert refusal(ehr.post(VIEW, json=doors.call(), headers=bearer(token))).startswith(why)


@pytest.mark.parametrize(
    ("header", "why"), [({"kid": None}, "kid"), ({"kid": "k2"}, "kid"), ({"alg": None}, "alg")]
)
def test_a_header_that_does_not_hold_is_named(
    ehr: httpx.Client, keys: Ehr, header: dict[str, Any], why: str
) -> None:
    if header == {"alg": None}:
        _, rest = keys.token(HERE).split(".", 1)
        token = "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ." + rest
    else:
        token = keys.token(HERE, header=header)
    assert refusal(ehr.post(VIEW, json=doors.call(), headers=bearer(token))).startswith(why)


def test_another_key_under_the_same_name_is_refused(ehr: httpx.Client, tmp_path: Path) -> None:
    forged = Ehr(tmp_path).token(HERE)
    assert "signature" in refusal(ehr.post(VIEW, json=doors.call(), headers=bearer(forged)))


def test_a_changed_token_is_refused(ehr: httpx.Client, keys: Ehr) -> None:
    head, _, signature = keys.token(HERE).split(".")
    other = keys.token(HERE).split(".")[1]
    said = refusal(ehr.post(VIEW, json=doors.call(), headers=bearer(f"{head}.{other}.{signature}")))
    assert "signature" in said
    assert "no JWT" in refusal(ehr.post(VIEW, json=doors.call(), headers=bearer("a.b.c")))


def test_a_weak_algorithm_is_refused(ehr: httpx.Client, tmp_path: Path) -> None:
    weak = Ehr(tmp_path, "RS384").token(HERE, header={"alg": "RS256"})
    assert refusal(ehr.post(VIEW, json=doors.call(), headers=bearer(weak))).startswith("alg")


def test_a_token_opens_the_door_once(ehr: httpx.Client, keys: Ehr) -> None:
    header = bearer(keys.token(HERE))
    assert ehr.post(VIEW, json=doors.call(), headers=header).status_code == 200
    assert refusal(ehr.post(VIEW, json=doors.call(), headers=header)).startswith("jti")


def test_feedback_takes_a_token_for_the_service_or_for_itself(ehr: httpx.Client, keys: Ehr) -> None:
    for audience in (HERE, HERE + "/feedback"):
        header = bearer(keys.token(audience))
        answer = ehr.post(VIEW + "/feedback", json={"feedback": []}, headers=header)
        assert answer.status_code == 200


def test_fhir_takes_a_token_for_its_base(ehr: httpx.Client, keys: Ehr, site: Site) -> None:
    answer = ehr.get("/fhir/Observation?patient=p1", headers=bearer(keys.token(BASE + "/fhir")))
    assert answer.status_code == 200
    last = list(site.store.entries(after=site.store.head()[0] - 1))[-1]
    assert (last.did, last.who) == ("look", f"client:{ISSUER}")


def test_a_site_that_trusts_nobody_lets_nobody_in(site: Site) -> None:
    with doors.served(site, Settings()) as client:
        assert "No client is trusted" in refusal(client.post(VIEW, json=doors.call()))


def test_a_new_key_is_fetched_when_it_is_first_used(site: Site, tmp_path: Path) -> None:
    keys, clock = Ehr(tmp_path), [time.time()]
    trust = JwksTrust({ISSUER: str(keys.jwks)}, clock=lambda: clock[0])
    assert trust.check(f"Bearer {keys.token(HERE)}", [HERE]) == ISSUER
    rotated = Ehr(tmp_path)
    rotated.key = type(rotated.key).generate_key("P-384", {"kid": "k2", "alg": "ES384", "use": "sig"})
    keys.jwks.write_text(json.dumps({"keys": [rotated.key.as_dict(private=False)]}))
    clock[0] += 31
    token = rotated.token(HERE, header={"kid": "k2"})
    assert trust.check(f"Bearer {token}", [HERE]) == ISSUER


@pytest.mark.parametrize("pairs", [[], ["x"], ["=y"], ["x="], ["x=http://far.example/jwks"]])
def test_trust_that_cannot_work_is_refused_at_once(pairs: list[str]) -> None:
    with pytest.raises(UserError):
        JwksTrust.of(pairs)


def test_keys_that_cannot_be_read_are_our_fault_not_the_clients(site: Site, tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    trust = JwksTrust({ISSUER: str(tmp_path / "gone.json")})
    with doors.served(site, Settings(base_url=BASE, jwt=trust)) as client:
        answer = client.post(VIEW, json=doors.call(), headers=bearer(keys.token(HERE)))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
