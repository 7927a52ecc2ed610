"""Only a registered EHR gets in, with a fresh token of its own for the endpoint that it calls."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from joserfc.errors import SecurityWarning

from salus import spine
from salus.core.errors import AwayError, UserError
from salus.delivery.app import Settings
from salus.delivery.auth import JwksTrust, Unauthorized
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


def test_feedback_is_taken_from_the_client_to_which_the_card_was_sent(site: Site, tmp_path: Path) -> None:
    """Two EHRs are trusted, and both may have a Practitioner/7."""
    other = "https://other.example/"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    ours, theirs = Ehr(tmp_path / "a"), Ehr(tmp_path / "b")
    trust = JwksTrust({ISSUER: str(ours.jwks), other: str(theirs.jwks)})
    with doors.served(site, Settings(base_url=BASE, jwt=trust)) as client:
        call = doors.call(context={"userId": "Practitioner/two", "patientId": "p1"})
        shown = client.post(VIEW, json=call, headers=bearer(ours.token(HERE))).json()["cards"][0]["uuid"]
        look = site.store.newest("look")
        body = {"feedback": [doors.report(shown, "accepted")]}
        forged = client.post(VIEW + "/feedback", json=body, headers=bearer(theirs.token(HERE, iss=other)))
        assert forged.status_code == 404
        assert "sent to you" in forged.json()["issue"][0]["details"]["text"]
        assert not [one for one in site.store.reviews() if one.by == "Practitioner/two"]
        taken = client.post(VIEW + "/feedback", json=body, headers=bearer(ours.token(HERE)))
        assert taken.status_code == 200
    assert {one.decision for one in site.store.reviews() if one.by == "Practitioner/two"} == {"accepted"}
    assert look is not None
    assert (look[0].who, look[1]["client"]) == ("Practitioner/two", ISSUER), "the client beside the user"
    assert spine.verify(site).intact
    with doors.served(site) as reader:
        event = reader.get(f"/fhir/AuditEvent/{look[0].seq}").json()
        found = reader.get("/fhir/AuditEvent?patient=p1&_count=1000").json()["entry"]
        assert event in [one["resource"] for one in found]
        page = reader.get("/audit").text
    assert [agent["requestor"] for agent in event["agent"]] == [True, False]
    assert ISSUER in str(event["agent"][1]["who"])
    assert f"through {ISSUER}" in page


def test_a_card_of_a_known_client_takes_no_feedback_from_nobody(site: Site, keys: Ehr) -> None:
    trust = JwksTrust({ISSUER: str(keys.jwks)})
    with doors.served(site, Settings(base_url=BASE, jwt=trust)) as client:
        sent = client.post(VIEW, json=doors.call(), headers=bearer(keys.token(HERE))).json()["cards"][0]
    with doors.served(site) as anybody:
        body = {"feedback": [doors.report(sent["uuid"], "accepted")]}
        assert anybody.post(VIEW + "/feedback", json=body).status_code == 404


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
    assert anyio.run(trust.check, f"Bearer {keys.token(HERE)}", [HERE]) == ISSUER
    rotated = Ehr(tmp_path)
    rotated.key = type(rotated.key).generate_key("P-384", {"kid": "k2", "alg": "ES384", "use": "sig"})
    keys.jwks.write_text(json.dumps({"keys": [rotated.key.as_dict(private=False)]}))
    clock[0] += 61
    token = rotated.token(HERE, header={"kid": "k2"})
    assert anyio.run(trust.check, f"Bearer {token}", [HERE]) == ISSUER


@pytest.mark.parametrize(
    "pairs",
    [[], ["x"], ["=y"], ["x="], ["x=http://far.example/jwks"],
     ["x=http://127.0.0.1.evil.example/k.json"], ["x=http://localhost@evil.example/k.json"],
     ["x=https:///k.json"], ["x=HTTP://far.example/k.json"],
     ["x=http://[::1/k.json"], ["x=no/such/file.json"], ["x=pyproject.toml"]],
)  # fmt: skip
def test_trust_that_cannot_work_is_refused_at_once(pairs: list[str]) -> None:
    with pytest.raises(UserError):
        JwksTrust.of(pairs)


def test_a_key_set_of_this_machine_may_come_over_http(tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    for place in (str(keys.jwks), "http://127.0.0.1:8080/k.json", "http://localhost/k", "http://[::1]:1/k"):
        assert JwksTrust.of([f"{ISSUER}={place}"])


def test_keys_that_cannot_be_read_are_our_fault_not_the_clients(site: Site, tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    trust = JwksTrust({ISSUER: str(tmp_path / "gone.json")})
    with doors.served(site, Settings(base_url=BASE, jwt=trust)) as client:
        answer = client.post(VIEW, json=doors.call(), headers=bearer(keys.token(HERE)))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_a_slow_issuer_is_asked_once_and_holds_nobody_else_up(tmp_path: Path) -> None:
    """Forged tokens that name it must not delay whoever is known, nor cause a fetch each."""
    keys = Ehr(tmp_path)
    with silent() as slow:
        trust = JwksTrust({ISSUER: str(keys.jwks), "slow": slow.url})
        forged = [f"Bearer {keys.token(HERE, iss='slow')}" for _ in range(3)]
        sound = f"Bearer {keys.token(HERE)}"

        async def refused(token: str) -> None:
            with pytest.raises(AwayError):
                await trust.check(token, [HERE])

        async def all_at_once() -> float:
            async with anyio.create_task_group() as tasks:
                for token in forged[:2]:
                    tasks.start_soon(refused, token)
                await anyio.sleep(0.05)
                began = anyio.current_time()
                assert await trust.check(sound, [HERE]) == ISSUER
                took = anyio.current_time() - began
            await refused(forged[2])
            return took

        began = time.monotonic()
        assert anyio.run(all_at_once) < 1
        assert time.monotonic() - began < 3.5
    assert slow.asked == 1


def test_a_key_that_is_known_is_taken_while_its_set_cannot_be_fetched(tmp_path: Path) -> None:
    keys, clock = Ehr(tmp_path), [time.time()]
    trust = JwksTrust({ISSUER: str(keys.jwks)}, clock=lambda: clock[0])
    anyio.run(trust.check, f"Bearer {keys.token(HERE)}", [HERE])
    keys.jwks.unlink()
    clock[0] += 700
    now = int(clock[0])
    assert anyio.run(trust.check, f"Bearer {keys.token(HERE, iat=now, exp=now + 60)}", [HERE]) == ISSUER
    clock[0] += 3600
    with pytest.raises(AwayError):
        anyio.run(trust.check, f"Bearer {keys.token(HERE)}", [HERE])


def test_a_key_without_a_name_is_not_called_none(tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    nameless = {name: value for name, value in keys.key.as_dict(private=False).items() if name != "kid"}
    keys.jwks.write_text(json.dumps({"keys": [nameless]}))
    with pytest.raises(Unauthorized, match="kid"):
        check(keys, keys.token(HERE, header={"kid": "None"}))


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    """RFC 7518 section 3.3: 2048 bits or more."""
    keys = Ehr(tmp_path, "RS384")
    with pytest.warns(SecurityWarning):
        keys.key = type(keys.key).generate_key(1024, {"kid": "k1"})
    keys.jwks.write_text(json.dumps({"keys": [keys.key.as_dict(private=False)]}))
    with pytest.raises(Unauthorized, match="2048"):
        check(keys, keys.token(HERE))


def test_keys_elsewhere_are_refused_also_where_the_registered_ones_are_a_file(tmp_path: Path) -> None:
    keys = Ehr(tmp_path)
    with pytest.raises(Unauthorized, match="jku"):
        check(keys, keys.token(HERE, header={"jku": "https://evil.example/jwks"}))


def check(keys: Ehr, token: str) -> str:
    """Check `token` as the doors do."""
    return anyio.run(JwksTrust({ISSUER: str(keys.jwks)}).check, f"Bearer {token}", [HERE])


class Silent:
    """A server that takes connections and says nothing; counts them."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/jwks"
        self.asked = 0
        self._open: list[socket.socket] = []

    def run(self) -> None:
        with suppress(OSError):
            while True:
                self._open.append(self._socket.accept()[0])
                self.asked += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        for one in (self._socket, *self._open):
            one.close()


@contextmanager
def silent() -> Iterator[Silent]:
    server = Silent()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
