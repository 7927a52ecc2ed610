"""The accounts of a site, for its operators: who may sign in, a new account or one-time password, the end.

To everybody else these pages are not there. An operator never chooses nor sees anybody's lasting password
(ASVS 6.4.6): what is shown here once has to be changed at its first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from salus.core.errors import UserError
from salus.core.roles import OPERATOR, ROLES
from salus.delivery.web.render import render
from salus.delivery.web.routing import PageRoute
from salus.spine import accounts

if TYPE_CHECKING:
    from salus.delivery.web.app import Pages
    from salus.spine.sign_in import Session

PATH = "/accounts"
_TEXT = {"type": "string", "maxLength": 1000}
_FIELDS = ("name", "role", "person", "subject", "since", "until")
Form = Mapping[str, str]


class Roster:
    """The pages by which an operator looks after accounts."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._site = pages, pages.site

    def routes(self) -> list[PageRoute]:
        """Return the routes."""
        one, token = f"{PATH}/{{name}}", {"token": _TEXT}
        reset = {**token, "lost_factor": {"type": "string", "enum": ["", "yes"]}}
        return [
            PageRoute(self._pages, PATH, self.accounts),
            PageRoute(self._pages, PATH, self.adds, "POST", form={**token, **dict.fromkeys(_FIELDS, _TEXT)}),
            PageRoute(self._pages, f"{one}/reset", self.resets, "POST", form=reset),
            PageRoute(self._pages, f"{one}/close", self.closes, "POST", form=token),
        ]

    def accounts(self, request: Request) -> Response:
        """Who may sign in here?"""
        self._operator(request)
        return self._accounts(request, {}, done=request.query_params.get("done", ""))

    def adds(self, request: Request, form: Form) -> Response:
        """Make an account, and show its one-time password."""
        by = self._checked(request, form, "add")
        try:
            made, first = accounts.add(self._site, form.get("name", ""), _rights(form), by=by.actor.id)
        except UserError as error:
            return self._accounts(request, form, str(error), 422)
        return self._shown(request, made.name, first)

    def resets(self, request: Request, form: Form) -> Response:
        """Give an account another one-time password, and end its sessions."""
        name = request.path_params["name"]
        by, lost = self._checked(request, form, f"reset {name}"), form.get("lost_factor") == "yes"
        try:
            first = accounts.reset(self._site, name, by=by.actor.id, lost_factor=lost)
        except UserError as error:
            return self._accounts(request, {}, str(error), 422)
        return self._shown(request, name, first)

    def closes(self, request: Request, form: Form) -> Response:
        """Close an account for good."""
        name = request.path_params["name"]
        by = self._checked(request, form, f"close {name}")
        if by.account.name == name:
            says = "Your own account is closed by another operator: somebody has to be left who can."
            return self._accounts(request, {}, says, 422)
        try:
            accounts.close(self._site, name, by=by.actor.id)
        except UserError as error:
            return self._accounts(request, {}, str(error), 422)
        return RedirectResponse(f"{PATH}?done=closed", 303)

    def _operator(self, request: Request) -> Session:
        """Return the operator's session; to anybody else there is no such page."""
        found = self._pages.asking.session(request)
        if found is None or found.account.role != OPERATOR:
            raise HTTPException(404)
        return found

    def _checked(self, request: Request, form: Form, what: str) -> Session:
        found = self._operator(request)
        self._pages.check(request, form, what)
        return found

    def _accounts(
        self, request: Request, form: Form, problem: str = "", status: int = 200, done: str = ""
    ) -> Response:
        every = accounts.accounts(self._site)
        names = [one.name for one in every if not one.closed_at]
        values: dict[str, Any] = {
            "open": [one for one in every if not one.closed_at],
            "closed": [one for one in every if one.closed_at],
            "own": self._operator(request).account.name,
            "roles": ROLES,
            "problem": problem,
            "done": "The account is closed, and its sessions are ended." if done == "closed" else "",
            "form": {field: form.get(field, "")[:200] for field in _FIELDS},
            "token": self._pages.token(request, "add"),
            "resets": {name: self._pages.token(request, f"reset {name}") for name in names},
            "closes": {name: self._pages.token(request, f"close {name}") for name in names},
        }
        return render("accounts.html", self._pages.page(request, "accounts"), status, **values)

    def _shown(self, request: Request, name: str, first: str) -> Response:
        hours = round(accounts.FIRST_PASSWORD_LIVES.total_seconds() / 3600)
        return render(
            "shown_once.html",
            self._pages.page(request, "accounts"),
            heading=f"The one-time password of {name}",
            says=(
                f"It is shown this once, and taken for {hours} hours. Hand it over in person or by phone.",
                "At the first sign-in another one has to be chosen, which nobody else sees.",
            ),
            codes=(first,),
            way=(PATH, "Back to the accounts"),
        )


def _rights(form: Form) -> accounts.Rights:
    """Read what an account is made for; a period has both its days whole, in UTC."""
    since, until = (_day(form.get(field, "")) for field in ("since", "until"))
    return accounts.Rights(
        form.get("role", ""),
        form.get("person", "").strip(),
        tuple(form.get("subject", "").split()),
        datetime.combine(since, time.min, UTC) if since else None,
        datetime.combine(until, time.max, UTC) if until else None,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise UserError("A day is written like 2026-01-31.") from None
