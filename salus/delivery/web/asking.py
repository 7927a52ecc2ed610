"""Who asks for a page: the cookie, the session behind it, and where somebody is sent who has none.

The cookie holds a random token and nothing else. Sources: RFC 6265bis section 4.1.3 (`__Host-`), OWASP
Session Management Cheat Sheet, OWASP ASVS 5.0 V7.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from salus.core.errors import AwayError, EvidenceError
from salus.core.roles import ABOUT_SOMEBODY, AUDIT, MODELS, WORKLIST
from salus.core.roles import ACCOUNTS as KEEP_ACCOUNTS
from salus.delivery.web.render import ACCOUNTS, NAV
from salus.delivery.web.routing import ANYBODY, HALFWAY
from salus.spine import sign_in
from salus.spine.permits import may_ever, seen_by

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.delivery.settings import Settings
    from salus.spine import Site

# By page, what whoever opens it must be able to do.
NEEDS = {"ward": WORKLIST, "models": MODELS, "audit": AUDIT, "accounts": KEEP_ACCOUNTS}
SIGN_IN, ACCOUNT = "/sign-in", "/account"
# While the store is away, whoever was signed in a moment ago may go on reading what is still known.
_TRUSTED = timedelta(minutes=10)
_MOST_REMEMBERED = 1000
_LONGEST_NEXT = 500


class Asking:
    """Finds out on whose behalf a request is made; threads share it."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site, self._settings = site, settings
        self._seen: OrderedDict[str, sign_in.Session] = OrderedDict()
        self._lock = Lock()
        self.secure = urlsplit(settings.base_url).scheme == "https"

    @property
    def cookie(self) -> str:
        """The cookie's name: one that only this host can set, wherever browsers know it (over https)."""
        return "__Host-salus" if self.secure else "salus"

    def token(self, request: Request) -> str:
        """Return the token that the browser sent, or ""."""
        return request.cookies.get(self.cookie, "")[:200]

    def session(self, request: Request) -> sign_in.Session | None:
        """Return the session of a request, found once; None without one."""
        if self._settings.sign_in is None:
            return None
        if not hasattr(request.state, "session"):
            request.state.session = self._found(self.token(request))
        found: sign_in.Session | None = request.state.session
        return found

    def turned_away(self, request: Request, access: str) -> Response | None:
        """Return where somebody is sent who may not open a page (yet); None where they may."""
        if self._settings.sign_in is None or access == ANYBODY:
            return None
        session = self.session(request)
        if session is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(here, safe='')}", 303)
        if access != HALFWAY and self.owes(session):
            return RedirectResponse(ACCOUNT, 303)
        return None

    def again(self, request: Request) -> str:
        """Return the way to sign in and back to the page from which a form was sent."""
        came = urlsplit(request.headers.get("referer", ""))
        here = came.path if came.netloc == request.url.netloc else "/"
        return f"{SIGN_IN}?next={quote(next_path(here), safe='')}"

    def owes(self, session: sign_in.Session) -> str:
        """Return what an account must do before anything else: ``password``, ``factor`` or ""."""
        account, asked = session.account, self._settings.sign_in
        if account.first:
            return "password"
        wanted = asked is not None and account.role in asked.second_factor and not account.issuer
        return "factor" if wanted and not account.has_factor else ""

    def begun(self, response: Response, token: str) -> Response:
        """Hand the browser the token of a new session; scripts cannot read it, other sites cannot send it."""
        response.set_cookie(self.cookie, token, path="/", secure=self.secure, httponly=True, samesite="lax")
        return response

    def ended(self, request: Request, response: Response) -> Response:
        """Take the token back, and have the browser forget what it kept of these pages."""
        with self._lock:
            self._seen.pop(self.token(request), None)
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def _found(self, token: str) -> sign_in.Session | None:
        if not token:
            return None
        try:
            found = sign_in.session_of(self._site, token)
        except (AwayError, EvidenceError):
            return self._remembered(token)
        with self._lock:
            self._seen.pop(token, None)
            if found:
                self._seen[token] = found
                while len(self._seen) > _MOST_REMEMBERED:
                    self._seen.popitem(last=False)
        return found

    def _remembered(self, token: str) -> sign_in.Session | None:
        """Return a session that was good a moment before the store went away; raises AwayError else."""
        with self._lock:
            found = self._seen.get(token)
        now = self._site.now()
        if found and now - found.seen < _TRUSTED and now < found.until:
            return found
        raise AwayError("The store is away, and with it who is signed in.")


def home(site: Site, actor: Actor) -> str:
    """Return where somebody begins: at the first page of theirs; who is here for a record, at that record."""
    if actor.role in ABOUT_SOMEBODY and site.has_archive:
        for subject in actor.about or ():
            if seen_by(site, actor).subject(subject):
                return f"/patients/{site.archive.number(subject)}/record"
    return next((path for name, path, _ in (*NAV, ACCOUNTS) if may_ever(actor, NEEDS[name])), ACCOUNT)


def next_path(text: str) -> str:
    """Return the page of this server that somebody asked for before they signed in; "/" for anything else.

    A browser reads a backslash as a slash and passes over control characters, so neither may be there: the
    address would lead to another server.
    """
    plain = text.isprintable() and text.isascii() and "\\" not in text and len(text) <= _LONGEST_NEXT
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text if urlsplit(text).path not in (SIGN_IN, "/sign-out", "/welcome") else "/"
