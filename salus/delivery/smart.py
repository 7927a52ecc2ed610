"""Access tokens for machines: SMART Backend Services, by a JWT that the client signs with a registered key.

Source: SMART App Launch 2.2.0, "Backend Services" and "Client Authentication: Asymmetric (public key)"; RFC
6749 sections 4.4 and 5; RFC 7523. A token is 256 random bits of which this process keeps the hash, for five
minutes: after a restart a client asks for another.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salus.core.errors import AwayError, RefusedError, SalusError, UserError
from salus.delivery.answers import RETRY_AFTER_S, Answer, Workers, read_body
from salus.delivery.auth import (
    ALGORITHMS,
    CLOCK_SKEW_S,
    KeySet,
    Unauthorized,
    UsedOnce,
    check_key_file,
    check_place,
    unverified,
    verify,
)
from salus.delivery.fhir_find import TYPES
from salus.delivery.smart_scopes import Scope, allowed_scopes, granted, parse_scopes, permits
from salus.spine.vouched import admit_client

if TYPE_CHECKING:
    from salus.delivery.settings import Settings
    from salus.spine.site import Site

TOKEN_PATH = "/auth/token"  # noqa: S105  a path
CONFIGURATION_PATH = "/fhir/.well-known/smart-configuration"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Backend Services: "no more than five minutes in the future", and the same for what it is exchanged for.
LIVES_S = 300
_MOST_FORM, _MOST_TOKENS = 64 * 1024, 10_000
_CLIENT_ID = re.compile(r"[!-~]{1,255}")


class InvalidClient(Unauthorized):
    """The assertion does not prove which client asks (RFC 6749: invalid_client)."""


class InsufficientScope(RefusedError):
    """The token is good, and not for this (RFC 6750: insufficient_scope)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a token lets its client do, until when."""

    client: str
    scopes: tuple[Scope, ...]
    until: float


class _Client(Struct, forbid_unknown_fields=True):
    """A registered client: where its keys are, and the most that it may ask for."""

    jwks: str
    scope: str


class SmartClients:
    """The clients of a site that act for no user, and the tokens that they hold; threads share it."""

    def __init__(
        self, clients: Mapping[str, tuple[str, str]], clock: Callable[[], float] = time.time
    ) -> None:
        for name, (place, _) in clients.items():
            check_place(place)
            if not _CLIENT_ID.fullmatch(name):
                raise UserError("A client's id has up to 255 visible ASCII characters (RFC 6749 A.1).")
        self._keys = {name: KeySet(place) for name, (place, _) in clients.items()}
        self._allowed = {name: allowed_scopes(scope, name) for name, (_, scope) in clients.items()}
        self._clock = clock
        self._used = UsedOnce()
        self._held: dict[str, Held] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, place: str) -> SmartClients:
        """Read the file that `--clients` names; raises UserError for one that cannot be meant."""
        try:
            told = msgspec.json.decode(Path(place).read_bytes(), type=dict[str, _Client])
        except OSError as error:
            raise UserError(f"--clients: '{place}' cannot be read: {error.strerror}.") from None
        except (msgspec.DecodeError, ValueError) as error:
            raise UserError(f"--clients: '{place}' does not say what is asked: {error}.") from None
        found = cls({name: (one.jwks, one.scope) for name, one in told.items()})
        for one in told.values():
            check_key_file(one.jwks, "--clients")
        return found

    async def proved(self, assertion: str, token_url: str) -> str:
        """Return the client that signed `assertion`; raises InvalidClient with the reason."""
        try:
            head, claims = unverified(assertion)
            name = claims.get("iss")
            if not isinstance(name, str) or name not in self._keys or claims.get("sub") != name:
                raise InvalidClient("iss and sub must both be the id of a client that is registered here.")
            if head.get("alg") not in ALGORITHMS or not isinstance(head.get("kid"), str):
                raise InvalidClient(f"The assertion must name its kid, and alg {' or '.join(ALGORITHMS)}.")
            if head.get("jku", self._keys[name].place) != self._keys[name].place:
                raise InvalidClient("jku is not the JWK Set that was registered for this client.")
            key = await self._keys[name].get(head["kid"], self._clock())
            if key is None:
                raise InvalidClient("kid names no key in the client's JWK Set.")
            verify(assertion, key)
        except Unauthorized as error:
            raise error if isinstance(error, InvalidClient) else InvalidClient(str(error)) from None
        self._check(name, claims, token_url)
        return name

    def _check(self, name: str, claims: Mapping[str, Any], token_url: str) -> None:
        now, until, jti = self._clock(), claims.get("exp"), claims.get("jti")
        meant = claims.get("aud")
        if token_url not in (meant if isinstance(meant, list) else [meant]):
            raise InvalidClient(f"aud must be {token_url}.")
        if isinstance(until, bool) or not isinstance(until, int | float):
            raise InvalidClient("exp is missing, or no number of seconds.")
        if not now - CLOCK_SKEW_S < until <= now + LIVES_S + CLOCK_SKEW_S:
            raise InvalidClient("exp must lie ahead, by five minutes at most.")
        if not isinstance(jti, str) or not 0 < len(jti) <= 256:
            raise InvalidClient("jti is missing, or no string of up to 256 characters.")
        if not self._used.first_time(name, jti, until + CLOCK_SKEW_S, now):
            raise InvalidClient("jti was used before: sign a new assertion for each token.")

    def scopes(self, client: str, asked: str) -> tuple[Scope, ...]:
        """Return what a client is given of the scopes that it asks for."""
        return granted(parse_scopes(asked), self._allowed[client])

    def token(self, client: str, scopes: tuple[Scope, ...]) -> str:
        """Return a new access token."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            if len(self._held) >= _MOST_TOKENS:
                self._held = {key: held for key, held in self._held.items() if held.until > now}
            if len(self._held) >= _MOST_TOKENS:
                raise AwayError("More tokens are held than can be kept: try again in a minute.")
            self._held[_digest(token)] = Held(client, scopes, now + LIVES_S)
        return token

    def held(self, header: str | None) -> Held | None:
        """Return what the bearer token of a call lets its client do; None for one that was not given here."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        with self._lock:
            found = self._held.get(_digest(token.strip()))
        return found if found and found.until > self._clock() else None


def check_scope(held: Held, kind: str, act: str) -> None:
    """Raise InsufficientScope where a token does not reach as far as `act` with resources of `kind`."""
    if not permits(held.scopes, kind, act):
        raise InsufficientScope(f"The token has no scope for this: ask for system/{kind}.{act}.")


class Smart:
    """The doors at which a client learns how to ask, and is given a token."""

    def __init__(self, site: Site, settings: Settings, workers: Workers) -> None:
        self._site, self._settings, self._workers = site, settings, workers

    def routes(self) -> list[Route]:
        """Return the configuration, and the token endpoint; nothing without a registered client."""
        if self._settings.smart is None:
            return []
        return [
            Route(CONFIGURATION_PATH, self.configuration, methods=["GET"]),
            Route(TOKEN_PATH, self.token, methods=["POST"]),
        ]

    async def configuration(self, request: Request) -> Response:
        """Say how a client gets a token (SMART configuration)."""
        kinds = ("*", *TYPES)
        told = {
            "token_endpoint": self._settings.url(TOKEN_PATH),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "scopes_supported": [f"system/{kind}.rs" for kind in kinds],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        }
        return Answer(200, told).response()

    async def token(self, request: Request) -> Response:
        """Give a client an access token (client credentials)."""
        smart = self._settings.smart
        assert smart is not None
        try:
            form = await _form(request)
            refused = _refused(form)
            if refused:
                return refused.response()
            client = await smart.proved(form["client_assertion"], self._settings.url(TOKEN_PATH))
            scopes = smart.scopes(client, form.get("scope", ""))
            if not scopes:
                return _error("invalid_scope", "Nothing of this scope is open to this client.").response()
            said = " ".join(map(str, scopes))
            await self._workers.run(lambda: admit_client(self._site, client, said), _PATIENCE_S)
            given = {"token_type": "bearer", "expires_in": LIVES_S, "scope": said}
            return Answer(200, {"access_token": smart.token(client, scopes), **given}, _KEPT).response()
        except InvalidClient as error:
            return _error("invalid_client", str(error), 401).response()
        except AwayError:
            says = "Something that is needed does not answer: try again."
            return _error("temporarily_unavailable", says, 503).response()
        except SalusError:
            return _error("invalid_request", "The form cannot be read.").response()


_PATIENCE_S = 5.0
_KEPT = {"Pragma": "no-cache"}


def _refused(form: Mapping[str, str]) -> Answer | None:
    if form.get("grant_type") != "client_credentials":
        return _error("unsupported_grant_type", "grant_type must be client_credentials.")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        return _error("invalid_request", f"client_assertion is missing, or its type is not {ASSERTION_TYPE}.")
    return None


def _error(code: str, says: str, status: int = 400) -> Answer:
    """Return an error as RFC 6749 section 5.2 has it."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": RETRY_AFTER_S}}.get(status, {})
    return Answer(status, {"error": code, "error_description": says}, {**_KEPT, **headers})


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, _MOST_FORM)
    if kind != "application/x-www-form-urlencoded":
        raise UserError("Not a form.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise UserError("Not a form.") from None
    if len(dict(pairs)) != len(pairs):
        # RFC 6749 section 3.2: parameters must not be included more than once.
        raise UserError("A parameter is there twice.")
    return dict(pairs)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
