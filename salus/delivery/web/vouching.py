"""Signing in with an identity provider: off to it, and back again.

What was sent off with somebody is kept here for ten minutes, and taken once, from the browser that it was
sent with (OpenID Connect Core 3.1.2.7, RFC 9700 section 2.1).
"""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from anyio import from_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from salus.core.addresses import is_among, parted
from salus.core.errors import AwayError, RefusedError, UserError
from salus.core.roles import PATIENT
from salus.delivery.oidc import Oidc, Provider, Way, role_of
from salus.delivery.web.asking import SIGN_IN, next_path
from salus.delivery.web.pages.messages import Message
from salus.delivery.web.routing import ANYBODY, PageRoute
from salus.spine import sign_in
from salus.spine.accounts import Rights
from salus.spine.vouched import Vouched, sign_in_vouched

if TYPE_CHECKING:
    from salus.delivery.web.app import Pages

BACK = f"{SIGN_IN}/back"
_LASTS_S = 600
_MOST = 1000
_AGAIN = ((SIGN_IN, "Sign in again"),)
_PERSON = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Sent:
    way: Way
    browser: str
    next: str
    until: float


class Vouching:
    """The two pages by which somebody signs in with an identity provider."""

    def __init__(self, pages: Pages, how: Oidc) -> None:
        self._pages, self._how = pages, how
        self._provider = Provider(how)
        self._sent: OrderedDict[str, _Sent] = OrderedDict()
        self._lock = Lock()

    def routes(self) -> list[PageRoute]:
        """Return the routes."""
        return [
            PageRoute(self._pages, f"{SIGN_IN}/provider", self.leaves, access=ANYBODY),
            PageRoute(self._pages, BACK, self.comes_back, access=ANYBODY),
        ]

    def leaves(self, request: Request) -> Response:
        """Go to the identity provider."""
        there = next_path(request.query_params.get("next", "/"))
        if not self._pages.ours(request):
            # A link on another site must not sign anybody in who did not ask for it (ASVS 7.6.2).
            return RedirectResponse(SIGN_IN, 303)
        way, browser = Way.new(), secrets.token_urlsafe(32)
        try:
            address = from_thread.run(self._provider.address, way, self._back)
        except (AwayError, RefusedError) as error:
            return self._not(request, str(error), 503)
        response = RedirectResponse(address, 303)
        with self._lock:
            self._sent[way.state] = _Sent(way, browser, there, time.monotonic() + _LASTS_S)
            while len(self._sent) > _MOST:
                self._sent.popitem(last=False)
        how: dict[str, Any] = {"secure": self._pages.asking.secure, "httponly": True, "samesite": "lax"}
        response.set_cookie(self._cookie, browser, max_age=_LASTS_S, path="/", **how)
        return response

    def comes_back(self, request: Request) -> Response:
        """Begin the session that the identity provider vouches for."""
        answer = dict(request.query_params)
        sent = self._taken(answer.get("state", ""), request.cookies.get(self._cookie, ""))
        if sent is None:
            says = "It was begun in another browser, more than ten minutes ago, or is done already."
            return self._not(request, says)
        try:
            claims = self._claims(answer, sent.way)
            begun = sign_in_vouched(
                self._pages.site, self._said(claims), agent=request.headers.get("user-agent", "")[:400]
            )
        except (RefusedError, UserError) as error:
            return self._not(request, str(error))
        sign_in.sign_out(self._pages.site, self._pages.asking.token(request))
        response = self._pages.asking.begun(RedirectResponse(sent.next, 303), begun.token)
        response.delete_cookie(self._cookie, path="/", secure=self._pages.asking.secure, httponly=True)
        return response

    @property
    def _back(self) -> str:
        return self._pages.settings.url(BACK)

    @property
    def _cookie(self) -> str:
        return f"{self._pages.asking.cookie}-way"

    def _taken(self, state: str, browser: str) -> _Sent | None:
        """Return what was sent off under `state` by this browser, once."""
        with self._lock:
            found = self._sent.get(state)
            if found is None or not secrets.compare_digest(found.browser.encode(), browser.encode()):
                return None
            del self._sent[state]
        return found if time.monotonic() <= found.until else None

    def _said(self, claims: Mapping[str, Any]) -> Vouched:
        """Return what the provider's words mean here."""
        role, person = role_of(claims, self._how), _text(claims, self._how.person_claim)
        base, name = parted(person)
        # Another server's Patient/7 is somebody else, and of one that is not known nobody can say (0009).
        ours = not base or is_among(base, self._pages.site.servers)
        named = name if ours and _PERSON.fullmatch(name) else ""
        of = (named,) if role == PATIENT and named else ()
        rights = Rights(role, "" if role == PATIENT else named, of) if role else None
        called = _text(claims, "preferred_username")
        return Vouched(self._how.issuer, str(claims["sub"]), called, rights)

    def _claims(self, answer: Mapping[str, str], way: Way) -> Mapping[str, Any]:
        try:
            return from_thread.run(self._provider.claims, answer, way, self._back)
        except AwayError as error:
            # What is away is not the store, of which the pages would speak.
            raise RefusedError(error.outside or str(error)) from None

    def _not(self, request: Request, says: str, status: int = 403) -> Response:
        return self._pages.say(request, Message(status, "You are not signed in", (says,), _AGAIN))


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
