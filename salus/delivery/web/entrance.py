"""The way in and out: signing in, the first operator, and what everybody may see and change of their own
account. All of it works without JavaScript, by a password manager and by paste (ASVS 6.2.6, 6.2.7).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from salus.core.errors import RefusedError, UserError
from salus.delivery.web.asking import ACCOUNT, SIGN_IN, next_path
from salus.delivery.web.render import Page, render
from salus.delivery.web.routing import ANYBODY, HALFWAY, PageRoute
from salus.spine import accounts, sign_in
from salus.spine.sign_in import Session, TooManyTries

if TYPE_CHECKING:
    from salus.delivery.web.app import Pages

_TEXT = {"type": "string", "maxLength": 1000}
_DONE = {
    "password": "Your password is changed. You were signed out everywhere else.",
    "factor": "The second factor is taken off.",
    "sessions": "You are signed out everywhere else.",
}
_TOO_OLD = "This page was open for too long. Try again."
Form = Mapping[str, str]


class Entrance:
    """The pages by which somebody gets in and out, and looks after their own account."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._site, self._asking = pages, pages.site, pages.asking

    def routes(self) -> list[PageRoute]:
        """Return the routes."""
        own, told = {"token": _TEXT, "password": _TEXT}, {"token": _TEXT, "code": _TEXT}
        name = {"name": _TEXT, "password": _TEXT, "token": _TEXT}
        posts = [
            (SIGN_IN, self.signs_in, ANYBODY, {**name, "code": _TEXT, "next": _TEXT}),
            ("/sign-out", self.signs_out, ANYBODY, {"token": _TEXT}),
            ("/welcome", self.begins, ANYBODY, {**name, "setup": _TEXT}),
            (f"{ACCOUNT}/password", self.changes_password, HALFWAY, {**own, "chosen": _TEXT, "again": _TEXT}),
            (f"{ACCOUNT}/factor", self.offers_factor, HALFWAY, own),
            (f"{ACCOUNT}/factor/confirm", self.confirms_factor, HALFWAY, told),
            (f"{ACCOUNT}/factor/remove", self.removes_factor, HALFWAY, {**own, **told}),
            (f"{ACCOUNT}/sessions", self.ends_others, HALFWAY, own),
        ]
        return [
            PageRoute(self._pages, SIGN_IN, self.sign_in, access=ANYBODY),
            PageRoute(self._pages, "/welcome", self.welcome, access=ANYBODY),
            PageRoute(self._pages, ACCOUNT, self.account, access=HALFWAY),
            *(
                PageRoute(self._pages, path, serve, "POST", access=access, form=form)
                for path, serve, access, form in posts
            ),
        ]

    def sign_in(self, request: Request) -> Response:
        """Who are you?"""
        if self._asking.session(request):
            return RedirectResponse(next_path(request.query_params.get("next", "/")), 303)
        if self._is_new():
            return RedirectResponse("/welcome", 303)
        return self._sign_in(request, {"next": request.query_params.get("next", "/")})

    def signs_in(self, request: Request, form: Form) -> Response:
        """Begin a session, and go to the page that was asked for."""
        if not self._pages.ours(request) or not self._pages.tokens.holds(form.get("token", ""), "", SIGN_IN):
            return self._sign_in(request, form, _TOO_OLD)
        try:
            begun = sign_in.sign_in(
                self._site, form.get("name", "")[:200], form.get("password", ""), form.get("code", "")[:100],
                address=_address(request), agent=_agent(request),
            )  # fmt: skip
        except RefusedError as error:
            return self._sign_in(request, form, str(error), _wait(error))
        self._end_before(request)
        there = RedirectResponse(next_path(form.get("next", "/")), 303)
        return self._asking.begun(there, begun.token)

    def _sign_in(self, request: Request, form: Form, problem: str = "", wait: int = 0) -> Response:
        response = render(
            "sign_in.html",
            Page(demonstration=self._pages.desk.demonstration(), nav=()),
            (429 if wait else 422) if problem else 200,
            problem=problem,
            name=form.get("name", "")[:200],
            next=next_path(form.get("next", "/")),
            token=self._pages.tokens.make("", SIGN_IN),
            provider=self._provider(),
        )
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response

    def _provider(self) -> str:
        """Return what people call the identity provider; "" without one."""
        asked = self._pages.settings.sign_in
        return asked.oidc.label if asked and asked.oidc else ""

    def _end_before(self, request: Request) -> None:
        """End the session that the browser had before (ASVS 7.2.4)."""
        sign_in.sign_out(self._site, self._asking.token(request))

    def signs_out(self, request: Request, form: Form) -> Response:
        """End the session."""
        session = self._asking.session(request)
        if session:
            self._pages.check(request, form, "sign-out")
            sign_in.sign_out(self._site, self._asking.token(request))
        return self._asking.ended(request, RedirectResponse(SIGN_IN, 303))

    def _is_new(self) -> bool:
        """Whether nobody has an account here yet, and a setup code was told to whoever started the server."""
        asked = self._pages.settings.sign_in
        return bool(asked and asked.setup) and not self._site.store.accounts.any()

    def welcome(self, request: Request) -> Response:
        """Who looks after this server?"""
        if not self._is_new():
            raise HTTPException(404)
        return self._welcome(request, {})

    def begins(self, request: Request, form: Form) -> Response:
        """Make the first operator, who is signed in at once."""
        asked = self._pages.settings.sign_in
        if not self._is_new() or asked is None:
            raise HTTPException(404)
        if not self._pages.ours(request) or not self._pages.tokens.holds(
            form.get("token", ""), "", "welcome"
        ):
            return self._welcome(request, form, _TOO_OLD)
        told = sha256(form.get("setup", "").strip().encode()).hexdigest()
        if not hmac.compare_digest(told, asked.setup):
            return self._welcome(request, form, "That is not the code that the server printed at its start.")
        try:
            accounts.add_first(self._site, form.get("name", ""), form.get("password", ""))
        except UserError as error:
            return self._welcome(request, form, str(error))
        begun = sign_in.sign_in(
            self._site, form["name"], form["password"], address=_address(request), agent=_agent(request)
        )
        return self._asking.begun(RedirectResponse(ACCOUNT, 303), begun.token)

    def _welcome(self, request: Request, form: Form, problem: str = "") -> Response:
        return render(
            "welcome.html",
            Page(demonstration=self._pages.desk.demonstration(), nav=()),
            422 if problem else 200,
            problem=problem,
            setup=form.get("setup", "")[:100],
            name=form.get("name", "")[:200],
            token=self._pages.tokens.make("", "welcome"),
            shortest=accounts.SHORTEST,
        )

    def account(self, request: Request) -> Response:
        """What is my account, and where am I signed in?"""
        return self._account(request, done=_DONE.get(request.query_params.get("done", ""), ""))

    def _account(
        self, request: Request, problem: tuple[str, str] = ("", ""), status: int = 200, done: str = ""
    ) -> Response:
        """Return the account's page; `problem` is which form is to be set right, and what is wrong."""
        session = self._session(request)
        offered = None if session.account.has_factor else sign_in.offered_factor(self._site, session)
        values: dict[str, Any] = {
            "account": session.account,
            "owes": self._asking.owes(session),
            "problem": dict([problem]),
            "done": done,
            "sessions": sign_in.sessions(self._site, session),
            "here": session.id,
            "left": self._site.store.accounts.recovery_codes(session.account.name),
            "offered": offered,
            "tokens": {
                what: self._pages.token(request, what)
                for what in ("password", "factor", "confirm", "remove", "sessions")
            },
            "shortest": accounts.SHORTEST,
            "longest": accounts.LONGEST,
        }
        return render("account.html", self._pages.page(request, "account"), status, **values)

    def _session(self, request: Request) -> Session:
        found = self._asking.session(request)
        if found is None:
            raise HTTPException(403)
        return found

    def changes_password(self, request: Request, form: Form) -> Response:
        """Put another password in place of the one before."""
        self._pages.check(request, form, "password")
        if form.get("chosen", "") != form.get("again", ""):
            return self._account(request, ("password", "The new password was typed in two ways."), 422)
        try:
            begun = sign_in.change_password(
                self._site, self._session(request), form.get("password", ""), form.get("chosen", ""),
                address=_address(request),
            )  # fmt: skip
        except (UserError, RefusedError) as error:
            return self._wrong(request, "password", error)
        return self._asking.begun(RedirectResponse(f"{ACCOUNT}?done=password", 303), begun.token)

    def offers_factor(self, request: Request, form: Form) -> Response:
        """Show the seed for an authenticator app."""
        self._pages.check(request, form, "factor")
        try:
            sign_in.enrol_factor(
                self._site, self._session(request), form.get("password", ""), address=_address(request)
            )
        except (UserError, RefusedError) as error:
            return self._wrong(request, "factor", error)
        return RedirectResponse(f"{ACCOUNT}#second", 303)

    def confirms_factor(self, request: Request, form: Form) -> Response:
        """Take the app as second factor, and show the recovery codes once."""
        self._pages.check(request, form, "confirm")
        try:
            begun, codes = sign_in.confirm_factor(
                self._site, self._session(request), form.get("code", "")[:100]
            )
        except (UserError, RefusedError) as error:
            return self._wrong(request, "confirm", error)
        request.state.session = begun.session
        shown = render(
            "shown_once.html",
            self._pages.page(request, "account"),
            heading="Write these recovery codes down",
            says=(
                "Your second factor is set up. Each of these codes lets you in once, should you lose the "
                "device: type one in place of the six digits.",
                "They are shown this once. Keep them on paper or in a password manager, not on that device.",
            ),
            codes=codes,
            way=(ACCOUNT, "I have written them down"),
        )
        return self._asking.begun(shown, begun.token)

    def removes_factor(self, request: Request, form: Form) -> Response:
        """Take the second factor off."""
        self._pages.check(request, form, "remove")
        try:
            begun = sign_in.remove_factor(
                self._site, self._session(request), form.get("password", ""), form.get("code", "")[:100],
                address=_address(request),
            )  # fmt: skip
        except (UserError, RefusedError) as error:
            return self._wrong(request, "remove", error)
        return self._asking.begun(RedirectResponse(f"{ACCOUNT}?done=factor", 303), begun.token)

    def ends_others(self, request: Request, form: Form) -> Response:
        """Sign out everywhere else."""
        self._pages.check(request, form, "sessions")
        try:
            sign_in.end_others(
                self._site, self._session(request), form.get("password", ""), address=_address(request)
            )
        except (UserError, RefusedError) as error:
            return self._wrong(request, "sessions", error)
        return RedirectResponse(f"{ACCOUNT}?done=sessions", 303)

    def _wrong(self, request: Request, form: str, error: Exception) -> Response:
        wait = _wait(error)
        response = self._account(request, (form, str(error)), 429 if wait else 422)
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response


def _wait(error: Exception) -> int:
    return error.wait_s if isinstance(error, TooManyTries) else 0


def _address(request: Request) -> str:
    """Return from where a request came; behind a proxy on this machine the server is told by it."""
    return request.client.host if request.client else ""


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")[:400]
