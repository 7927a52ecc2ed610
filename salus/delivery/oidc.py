"""Who is that, by the word of an identity provider: OpenID Connect, as the relying party.

For the pages' sign-in. Sources: OpenID Connect Core 1.0 (with errata set 2) sections 3.1.2 and 3.1.3; OpenID
Connect Discovery 1.0 section 4; RFC 7636 (PKCE, S256); RFC 9207 (`iss` in the answer); RFC 9700 (best current
practice). Signatures: joserfc; the cache of keys is the one of the CDS Hooks door.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import anyio
import msgspec
from msgspec import Struct

from salus.core.errors import AwayError, RefusedError, UserError, choices
from salus.core.roles import PROXY, ROLES
from salus.delivery.auth import CLOCK_SKEW_S, KeySet, Unauthorized, check_place, unverified, verify

if TYPE_CHECKING:
    import httpx

# What providers sign ID tokens with; all asymmetric, so that nobody who can check one can make one.
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512")
_METADATA_LIVES_S = 3600
_PATIENCE_S = 5.0
_LARGEST = 2**20
_NOT_PROVED = "What the identity provider answered does not prove who you are"


@dataclass(frozen=True, slots=True)
class Oidc:
    """A provider, and what its words mean here.

    roles: a value of the claim `role_claim` -> a role; the first that fits is taken. person_claim: the claim
    that names who that is in the records (``Practitioner/7``). acr: of which strengths of sign-in (the claim
    ``acr``) one must be; empty asks for none. label: what people call the provider.
    """

    issuer: str
    client_id: str
    roles: tuple[tuple[str, str], ...]
    client_secret: str = field(default="", repr=False)
    role_claim: str = "groups"
    person_claim: str = "fhirUser"
    scope: str = "openid profile"
    acr: tuple[str, ...] = ()
    label: str = "your organisation"


@dataclass(frozen=True, slots=True)
class Way:
    """What was sent off with somebody, against which their return is held."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def new(cls) -> Way:
        """Return one that nobody can guess."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))


class Provider:
    """One identity provider, asked over https."""

    def __init__(self, how: Oidc, clock: Callable[[], float] = time.time) -> None:
        check_place(how.issuer)
        self.how = how
        self._clock = clock
        self._known: Mapping[str, Any] = {}
        self._at = float("-inf")
        self._keys: KeySet | None = None

    async def address(self, way: Way, redirect_uri: str) -> str:
        """Return where somebody is sent to sign in; raises AwayError where the provider does not answer."""
        told = await self._metadata()
        asked = {
            "response_type": "code",
            "client_id": self.how.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.how.scope,
            "state": way.state,
            "nonce": way.nonce,
            "code_challenge": _challenge(way.verifier),
            "code_challenge_method": "S256",
            **({"acr_values": " ".join(self.how.acr)} if self.how.acr else {}),
        }
        at = told["authorization_endpoint"]
        return f"{at}{'&' if '?' in at else '?'}{urlencode(asked)}"

    async def claims(self, answer: Mapping[str, str], way: Way, redirect_uri: str) -> Mapping[str, Any]:
        """Return what the provider says of who came back with `answer`, proved.

        Raises RefusedError where it proves nothing, AwayError where the provider does not answer.
        """
        told = await self._metadata()
        _check_answer(answer, told, self.how.issuer)
        asked = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": way.verifier,
        }
        given = await self._token(told["token_endpoint"], asked)
        token = given.get("id_token")
        if not isinstance(token, str):
            raise RefusedError(f"{_NOT_PROVED}: it holds no ID token.")
        claims = await self._proved(token, way.nonce)
        return await self._with_role(claims, told, given.get("access_token"))

    async def _metadata(self) -> Mapping[str, Any]:
        """Return what the provider says of itself (Discovery 4.3: it must name itself as it was asked)."""
        if self._clock() - self._at > _METADATA_LIVES_S:
            place = self.how.issuer.rstrip("/") + "/.well-known/openid-configuration"
            told = await _asked("GET", place)
            if told.get("issuer") != self.how.issuer:
                raise RefusedError("The identity provider calls itself otherwise than it is called here.")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                check_place(str(told.get(name, "")))
                if not str(told.get(name, "")).startswith(("https://", "http://")):
                    raise AwayError(f"The identity provider does not say its {name}.")
            if self._keys is None or self._keys.place != told["jwks_uri"]:
                self._keys = KeySet(told["jwks_uri"])
            self._known, self._at = told, self._clock()
        return self._known

    async def _token(self, place: str, asked: dict[str, str]) -> Mapping[str, Any]:
        if not self.how.client_secret:
            return await _asked("POST", place, data={**asked, "client_id": self.how.client_id})
        # RFC 6749 section 2.3.1: both are form-encoded before they are a user's name and password.
        login = (quote(self.how.client_id, safe=""), quote(self.how.client_secret, safe=""))
        return await _asked("POST", place, data=asked, auth=login)

    async def _proved(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims of an ID token once all of Core 3.1.3.7 holds."""
        try:
            head, claims = unverified(token)
            if head.get("alg") not in ALGORITHMS or not isinstance(head.get("kid"), str):
                raise Unauthorized("it is not signed in a way that is taken here.")
            key = await self._keys.get(head["kid"], self._clock()) if self._keys else None
            if key is None:
                raise Unauthorized("it is signed by a key that the provider does not publish.")
            verify(token, key, ALGORITHMS)
        except Unauthorized as error:
            raise RefusedError(f"{_NOT_PROVED}: {error}") from None
        wrong = _wrong(claims, self.how, nonce, self._clock())
        if wrong:
            raise RefusedError(f"{_NOT_PROVED}: {wrong}")
        return claims

    async def _with_role(
        self, claims: Mapping[str, Any], told: Mapping[str, Any], access: object
    ) -> Mapping[str, Any]:
        """Return the claims, with those of the provider's userinfo where the role is told there alone."""
        place = told.get("userinfo_endpoint")
        if self.how.role_claim in claims or not isinstance(access, str) or not isinstance(place, str):
            return claims
        more = await _asked("GET", place, headers={"Authorization": f"Bearer {access}"})
        # Core 5.3.2: of another subject it must not be used.
        return {**more, **claims} if more.get("sub") == claims["sub"] else claims


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


def _check_answer(answer: Mapping[str, str], told: Mapping[str, Any], issuer: str) -> None:
    if "error" in answer or not answer.get("code"):
        raise RefusedError("The identity provider did not let you in.")
    named = answer.get("iss")
    if named != issuer and (named is not None or told.get("authorization_response_iss_parameter_supported")):
        raise RefusedError(f"{_NOT_PROVED}: it came from another provider.")


def _wrong(claims: Mapping[str, Any], how: Oidc, nonce: str, now: float) -> str:
    """Say what is wrong with an ID token's claims; "" where nothing is."""
    meant = claims.get("aud")
    audience = [meant] if isinstance(meant, str) else meant if isinstance(meant, list) else []
    until, since = _moment(claims, "exp"), _moment(claims, "iat")
    # Core 3.1.3.7, 4 and 5: where several may read it, `azp` says for whom it was made.
    for_us = how.client_id in audience and claims.get("azp", how.client_id) == how.client_id
    nonce_fits = hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
    named = claims.get("sub")
    strong = not how.acr or claims.get("acr") in how.acr
    told = {
        "it is of another provider.": claims.get("iss") == how.issuer,
        "it is meant for somebody else.": for_us and (len(audience) == 1 or "azp" in claims),
        "it is not of now.": until > now - CLOCK_SKEW_S and 0 < since <= now + CLOCK_SKEW_S,
        "it was made for another sign-in.": nonce_fits,
        "it names nobody.": isinstance(named, str) and 0 < len(named) <= 255,
        "you signed in there in a weaker way than is asked here.": strong,
    }
    return next((says for says, holds in told.items() if not holds), "")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """Return a claim in seconds since 1970; 0 for what is none."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def role_of(claims: Mapping[str, Any], how: Oidc) -> str:
    """Return the role that the provider's words give somebody here; "" for none."""
    said = claims.get(how.role_claim)
    values: Iterable[object] = said if isinstance(said, list) else [said]
    held = {value for value in values if isinstance(value, str)}
    return next((role for value, role in how.roles if value in held), "")


async def _asked(method: str, place: str, **how: Any) -> Mapping[str, Any]:
    """Return the JSON object that a provider answers with; follows no redirect, reads a megabyte at most."""
    import httpx

    # All of it has one limit; one of httpx's would begin anew with each byte.
    client = httpx.AsyncClient(timeout=None)  # noqa: S113
    try:
        with anyio.fail_after(_PATIENCE_S):
            async with client, client.stream(method, place, **how) as answer:
                found = json.loads(await _body(answer))
    except (httpx.HTTPError, OSError, ValueError, RecursionError):
        raise _away() from None
    if answer.status_code in (400, 401, 403):
        raise RefusedError("The identity provider did not take what was sent to it: begin again.")
    if answer.status_code != 200 or not isinstance(found, dict):
        raise _away()
    return found


async def _body(answer: httpx.Response) -> bytes:
    text = b""
    async for part in answer.aiter_bytes():
        text += part
        if len(text) > _LARGEST:
            raise OSError("too large")
    return text


def _away() -> AwayError:
    error = AwayError("The identity provider does not answer as it should: try again.")
    error.outside = str(error)
    return error


class _File(Struct, forbid_unknown_fields=True):
    """What a file says of a provider."""

    issuer: str
    client_id: str
    roles: dict[str, str]
    client_secret_file: str = ""
    role_claim: str = "groups"
    person_claim: str = "fhirUser"
    scope: str = "openid profile"
    acr: list[str] = []
    label: str = "your organisation"


def read_oidc(place: str) -> Oidc:
    """Read the file that `--oidc` names; raises UserError for one that cannot be meant."""
    try:
        told = msgspec.json.decode(Path(place).read_bytes(), type=_File)
        secret = Path(told.client_secret_file).read_text("utf-8").strip() if told.client_secret_file else ""
    except OSError as error:
        raise UserError(f"--oidc: '{error.filename}' cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise UserError(f"--oidc: '{place}' does not say what is asked: {error}.") from None
    wrong = sorted(set(told.roles.values()) - set(ROLES) | {PROXY} & set(told.roles.values()))
    if wrong:
        given = choices(wrong[0], set(ROLES) - {PROXY})
        raise UserError(f"--oidc: no provider can give the role '{wrong[0][:40]}'. Choose one of: {given}.")
    if not told.issuer.startswith(("https://", "http://")):
        raise UserError(f"--oidc: the issuer '{told.issuer[:200]}' is no URL: write https://login.example.")
    check_place(told.issuer)
    return Oidc(
        told.issuer,
        told.client_id,
        tuple(told.roles.items()),
        secret,
        told.role_claim,
        told.person_claim,
        told.scope,
        tuple(told.acr),
        told.label,
    )
