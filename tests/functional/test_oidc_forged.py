"""A provider that answers otherwise than it should: nothing of it lets anybody in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import anyio
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from salus.core.errors import AwayError, RefusedError, SalusError
from salus.delivery.oidc import Oidc, Provider, Way

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
WAY = Way("state", "the-nonce", "verifier")
Answers = dict[str, Any]


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Serve what the test puts into the dictionary: by path, a JSON value or bytes."""
    told: Answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = told.get(self.path)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(404 if found is None else told.get("status", 200))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    issuer = f"http://127.0.0.1:{server.server_port}"
    told["issuer"] = issuer
    told["/.well-known/openid-configuration"] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/auth",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
    }
    told["/jwks"] = {"keys": [KEY.as_dict(private=False)]}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def claims(answers: Answers, **other: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": answers["issuer"], "aud": "salus", "sub": "248289", "nonce": "the-nonce", "iat": now,
        "exp": now + 300, "groups": ["clinicians"],
    }  # fmt: skip
    return {name: value for name, value in {**told, **other}.items() if value is not None}


def signed(said: Mapping[str, Any], key: Any = KEY, **head: Any) -> str:
    header = {"alg": "RS256", "kid": "one", **head}
    return jwt.encode(header, dict(said), key, algorithms=[header["alg"]])


def asked(answers: Answers, token: object, **how: Any) -> Mapping[str, Any]:
    answers["/token"] = {"access_token": "x", "token_type": "Bearer", "id_token": token}
    at = Provider(Oidc(answers["issuer"], "salus", (("clinicians", "clinician"),), **how))
    return anyio.run(at.claims, {"code": "c", "state": "state"}, WAY, "http://127.0.0.1:8000/sign-in/back")


def test_a_token_that_holds_is_taken(answers: Answers) -> None:
    assert asked(answers, signed(claims(answers)))["sub"] == "248289"
    assert asked(answers, signed(claims(answers, aud=["salus", "x"], azp="salus")))["sub"] == "248289"
    assert asked(answers, signed(claims(answers, acr="mfa")), acr=("mfa",))["acr"] == "mfa"


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"iss": "https://evil.example"}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"aud": "another"}, "somebody else"),
        ({"aud": ["salus", "x"]}, "somebody else"),
        ({"aud": ["salus"], "azp": "x"}, "somebody else"),
        ({"aud": 7}, "somebody else"),
        ({"exp": 1}, "not of now"),
        ({"exp": None}, "not of now"),
        ({"exp": True}, "not of now"),
        ({"iat": 4_000_000_000}, "not of now"),
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": ["the-nonce"]}, "another sign-in"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 7}, "names nobody"),
    ],
)
def test_a_claim_that_does_not_hold_lets_nobody_in(
    answers: Answers, other: dict[str, Any], says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        asked(answers, signed(claims(answers, **other)))


def test_a_weaker_way_than_is_asked_for_lets_nobody_in(answers: Answers) -> None:
    for acr in (None, "pwd"):
        with pytest.raises(RefusedError, match="weaker"):
            asked(answers, signed(claims(answers, acr=acr)), acr=("mfa",))


FORGED: dict[str, Callable[[Answers], object]] = {
    "unsigned": lambda told: signed(claims(told), OctKey.import_key("x" * 32), alg="HS256"),
    "by another key of the same id": lambda told: signed(claims(told), OTHER),
    "by a key that nobody published": lambda told: signed(claims(told), OTHER, kid="two"),
    "by the public key as a secret": lambda told: signed(
        claims(told), OctKey.import_key(str(KEY.as_dict(private=False)["n"])), alg="HS256"
    ),
    "of another kind than the key": lambda told: signed(
        claims(told), ECKey.generate_key("P-256", {"kid": "one"}), alg="ES256"
    ),
    "changed": lambda told: signed(claims(told))[:-8] + "AAAAAAAA",
    "none at all": lambda told: None,
    "no text": lambda told: 7,
    "no token": lambda told: "x.y.z",
    "alg none": lambda told: (
        "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0." + signed(claims(told)).split(".")[1] + "."
    ),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_token_that_is_not_the_providers_lets_nobody_in(answers: Answers, how: str) -> None:
    with pytest.raises(RefusedError, match="does not prove"):
        asked(answers, FORGED[how](answers))


@pytest.mark.parametrize("body", [b"", b"[]", b"x" * 2_000_000, b"\xff", b"[" * 100_000, b"null"])
def test_an_answer_that_is_none_is_away(answers: Answers, body: bytes) -> None:
    for path in ("/.well-known/openid-configuration", "/token"):
        kept = answers.get(path)
        answers[path] = body
        with pytest.raises(SalusError) as error:
            at = Provider(Oidc(answers["issuer"], "salus", ()))
            anyio.run(at.claims, {"code": "c"}, WAY, "http://127.0.0.1:8000/sign-in/back")
        assert isinstance(error.value, AwayError)
        answers[path] = kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://another.example"),
        ("token_endpoint", "http://evil.example/token"),
        ("jwks_uri", "/etc/passwd"),
        ("jwks_uri", None),
        ("authorization_endpoint", "javascript:alert(1)"),
    ],
)
def test_a_provider_that_names_odd_places_is_not_followed(answers: Answers, name: str, value: object) -> None:
    answers["/.well-known/openid-configuration"][name] = value
    with pytest.raises(SalusError):
        anyio.run(Provider(Oidc(answers["issuer"], "salus", ())).address, WAY, "http://127.0.0.1:8000/back")
