"""Which client is calling? The JWT that CDS Hooks 2.0 ("Trusting CDS Clients") sends with every call.

For the CDS Hooks and FHIR doors. Keys come only from the JWK Sets that the site configured for each issuer,
never from where a token points to. Signatures: joserfc; algorithms: ES384 and RS384, as the specification has
it.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from salus.core.errors import AwayError, RefusedError, UserError

ALGORITHMS = ("ES384", "RS384")
# CDS Hooks 2.0 asks for a short life (five minutes in its examples); ten leaves room for clocks.
LONGEST_LIFE_S = 600
CLOCK_SKEW_S = 60
NOBODY_TRUSTED = "No client is trusted here: the site has to register it, with its JWK Set."
# How long a fetched JWK Set is used before it is fetched again; how long its keys are still taken where that
# fails; and how soon after an attempt, whether it failed or not, an issuer is asked again.
_KEYS_LIVE_S, _KEYS_KEPT_S, _ASK_AGAIN_S = 600, 3600, 60
_PATIENCE_S = 2.0
_LARGEST = 2**20
# RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used".
_LEAST_RSA_BITS = 2048


class Unauthorized(RefusedError):
    """The call does not prove which client makes it; says why."""


class KeySet:
    """The JWK Set of one issuer, fetched when needed and kept for a while.

    Whoever names a key that is known is answered from what is kept, also while a fetch is under way.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._found: dict[str, Mapping[str, Any]] = {}
        self._at = self._tried = float("-inf")
        self._fetching = anyio.Lock()
        self._failed = False

    async def get(self, kid: str, now: float) -> Mapping[str, Any] | None:
        """Return the key, or None; raises AwayError where the keys cannot be had."""
        known = self._known(kid, now)
        if known is None or (now - self._at > _KEYS_LIVE_S and not self._fetching.locked()):
            async with self._fetching:
                if now - self._tried > _ASK_AGAIN_S:
                    await self._fetch(now)
            known = self._known(kid, now)
        if known is None and self._failed:
            away = AwayError(
                f"The JWK Set at '{self.place}' cannot be read: check that it is there and holds keys."
            )
            away.outside = "The JWK Set of this issuer cannot be read: check that it is there and holds keys."
            raise away
        return known

    def _known(self, kid: str, now: float) -> Mapping[str, Any] | None:
        return self._found.get(kid) if now - self._at <= _KEYS_KEPT_S else None

    async def _fetch(self, now: float) -> None:
        """Fetch the set; a failure is remembered too, or each forged token would cause another wait."""
        self._tried, self._failed = now, True
        try:
            with anyio.fail_after(_PATIENCE_S):
                self._found = _named(await fetched(self.place))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        self._at, self._failed = now, False


def _named(text: bytes) -> dict[str, Mapping[str, Any]]:
    """Return the usable keys of a JWK Set by their ids; a key without one cannot be named by a token."""
    keys = [key for key in json.loads(text)["keys"] if key.get("kty") in ("EC", "RSA")]
    return {key["kid"]: key for key in keys if isinstance(key.get("kid"), str)}


async def fetched(place: str) -> bytes:
    """Return a JWK Set's text: of a file, or an https URL (http for this machine only)."""
    if not place.startswith(("http://", "https://")):
        return await anyio.to_thread.run_sync(Path(place).read_bytes, abandon_on_cancel=True)
    import httpx

    parts, size = [], 0
    # The caller's time limit holds for all of it; one of httpx's would begin anew with each byte.
    how: dict[str, Any] = {"timeout": None}
    try:
        async with httpx.AsyncClient(**how) as client, client.stream("GET", place) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > _LARGEST:
                    raise OSError("too large")
    except httpx.HTTPError as error:
        raise OSError(type(error).__name__) from None
    return b"".join(parts)


class UsedOnce:
    """Token ids that were used, until they expire by themselves: a token opens the door once."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def first_time(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Whether this id of this issuer was not used before; it is from now on."""
        with self._lock:
            if len(self._until) % 1024 == 1023:
                self._until = {key: end for key, end in self._until.items() if end > now}
            if (issuer, jti) in self._until:
                return False
            self._until[issuer, jti] = until
            return True


class JwksTrust:
    """The clients that a site trusts: issuer → where its JWK Set is (file, or URL given at registration)."""

    def __init__(self, issuers: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        if not issuers:
            raise UserError(
                "No client is trusted: name at least one as ISSUER=JWKS (a file or an https URL)."
            )
        for place in issuers.values():
            check_place(place)
        self._keys = {issuer: KeySet(place) for issuer, place in issuers.items()}
        self._clock = clock
        self._seen = UsedOnce()

    @classmethod
    def of(cls, pairs: Iterable[str]) -> JwksTrust:
        """Read ``ISSUER=JWKS`` pairs, as the command line gives them.

        Raises UserError for a pair that is none.
        """
        issuers = {}
        for pair in pairs:
            issuer, equals, place = pair.rpartition("=")
            if not equals or not issuer or not place:
                raise UserError(f"'{pair}' is no ISSUER=JWKS pair: write https://ehr.example/=keys.json.")
            issuers[issuer] = place
        trust = cls(issuers)
        for place in issuers.values():
            check_key_file(place)
        return trust

    async def check(self, header: str | None, audience: Iterable[str]) -> str:
        """Return the issuer that signed the bearer token in `header` (the Authorization header).

        audience: the URLs that the token may be meant for. Raises Unauthorized with the reason, AwayError
        when the issuer's keys cannot be fetched.
        """
        token = _bearer(header)
        head, claims = unverified(token)
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self._keys:
            raise Unauthorized("iss is not a client that is trusted here: register it with its JWK Set.")
        keys = self._keys[issuer]
        _check_header(head, keys.place)
        verify(token, await self._key(keys, str(head["kid"])))
        self._check_claims(issuer, claims, frozenset(audience))
        return issuer

    async def _key(self, keys: KeySet, kid: str) -> Mapping[str, Any]:
        key = await keys.get(kid, self._clock())
        if key is None:
            raise Unauthorized(
                "kid names no key in the JWK Set of this issuer: publish the key, then sign again."
            )
        return key

    def _check_claims(self, issuer: str, claims: Mapping[str, Any], audience: frozenset[str]) -> None:
        now, meant = self._clock(), claims.get("aud")
        meant = [meant] if isinstance(meant, str) else meant
        if not isinstance(meant, list) or not any(one in audience for one in meant if isinstance(one, str)):
            raise Unauthorized(f"aud must be the called endpoint: {sorted(audience)[0]}.")
        until, since = _moment(claims, "exp"), _moment(claims, "iat")
        if until <= now - CLOCK_SKEW_S:
            raise Unauthorized("exp is past: sign a new token for each call.")
        if since > now + CLOCK_SKEW_S:
            raise Unauthorized("iat lies in the future: check the client's clock.")
        if "nbf" in claims and _moment(claims, "nbf") > now + CLOCK_SKEW_S:
            raise Unauthorized("nbf lies in the future: use the token when its time has come.")
        if until - since > LONGEST_LIFE_S:
            raise Unauthorized(f"exp lies more than {LONGEST_LIFE_S // 60} minutes after iat: sign for less.")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti or len(jti) > 256:
            raise Unauthorized(
                "jti is missing or no string of up to 256 characters: give each token its own."
            )
        if not self._seen.first_time(issuer, jti, until + CLOCK_SKEW_S, now):
            raise Unauthorized("jti was used before: sign a new token for each call.")


_LOCAL = ("127.0.0.1", "localhost", "::1")


def check_place(place: str) -> None:
    """Raise UserError where keys would be fetched from no place, or in the clear."""
    try:
        parts = urlsplit(place)
        host = parts.hostname
    except ValueError:
        raise UserError(f"'{place}' is no URL and no file that keys could be in.") from None
    if parts.scheme.lower() == "http" and host not in _LOCAL:
        raise UserError(f"'{place}': keys are fetched over https only. Use https, or a file.")
    if parts.scheme.lower() in ("http", "https") and not host:
        raise UserError(f"'{place}' names no host: write https://ehr.example/keys.json.")


def check_key_file(place: str, option: str = "--trust") -> None:
    """Refuse a file that holds no keys now: nobody could call, and only the first call would tell."""
    if place.startswith(("http://", "https://")):
        return
    try:
        found = _named(Path(place).read_bytes())
    except OSError as error:
        raise UserError(
            f"{option}: '{place}' cannot be read: {error.strerror}. Name the issuer's JWK Set."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        found = {}
    if not found:
        raise UserError(f"{option}: '{place}' is no JWK Set with a key that has a kid and is EC or RSA.")


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("No bearer token: send 'Authorization: Bearer JWT' (CDS Hooks 2.0, JWT).")
    return token.strip()


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and claims, only to know which key must have signed them."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        parts = jws.extract_compact(token.encode())
        claims = json.loads(parts.payload)
        head = parts.headers()
    except (JoseError, ValueError, RecursionError):
        raise Unauthorized("The bearer token is no JWT.") from None
    if not isinstance(claims, dict):
        raise Unauthorized("The bearer token holds no claims.")
    return head, claims


def _check_header(head: Mapping[str, Any], place: str) -> None:
    if head.get("alg") not in ALGORITHMS:
        raise Unauthorized(f"alg must be {' or '.join(ALGORITHMS)}.")
    if not isinstance(head.get("kid"), str) or not head["kid"]:
        raise Unauthorized("kid is missing from the header: name the key that signed.")
    jku = head.get("jku")
    if jku is not None and jku != place:
        raise Unauthorized("jku is not the JWK Set that was registered for this issuer.")


def verify(token: str, key: Mapping[str, Any], algorithms: Iterable[str] = ALGORITHMS) -> None:
    """Raise Unauthorized where the public JWK `key` did not sign `token` by one of `algorithms`."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if key.get("kty") == "RSA" and _bits(key.get("n")) < _LEAST_RSA_BITS:
        raise Unauthorized(f"The issuer's RSA key has fewer than {_LEAST_RSA_BITS} bits: make a longer one.")
    try:
        public = ECKey.import_key(dict(key)) if key.get("kty") == "EC" else RSAKey.import_key(dict(key))
        jwt.decode(token, public, algorithms=list(algorithms))
    except (JoseError, ValueError, TypeError, KeyError):
        raise Unauthorized("The signature does not match the issuer's key.") from None


def _bits(modulus: object) -> int:
    """Return the length of an RSA key from its JWK's `n` (RFC 7518 section 6.3.1.1)."""
    try:
        number = urlsafe_b64decode(f"{modulus}==")
    except ValueError:
        return 0
    return int.from_bytes(number, "big").bit_length()


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Unauthorized(f"{name} is missing or no number of seconds.")
    return float(value)
