"""What every page about a patient says of what may be withheld, and how a clinician opens it in an emergency.

The same line and the same form stand on each of them, whether anything is withheld or not, and also where
there is no such patient: nobody can tell from a page what is closed, nor that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from salus.core.consent import WITHHELD
from salus.core.errors import AwayError, UserError
from salus.core.roles import BREAK
from salus.delivery.web.pages import messages
from salus.delivery.web.render import render
from salus.delivery.web.routing import PageRoute, number_of
from salus.spine.permit import LONGEST_REASON, break_glass, reasoned
from salus.spine.permits import may_ever, permits

if TYPE_CHECKING:
    from salus.delivery.web.app import Pages

_FORM = {"token": {"type": "string"}, "because": {"type": "string", "maxLength": LONGEST_REASON}}


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says: its line, and the form for whoever may open what is closed.

    url, token: of the form; "" where there is none. until, reason: of what the actor opened before. problem,
    because: what was wrong with what was sent, and what was written.
    """

    url: str = ""
    token: str = ""
    until: datetime | None = None
    reason: str = ""
    problem: str = ""
    because: str = ""
    says: str = WITHHELD
    longest: int = LONGEST_REASON


class Glass:
    """The form by which a clinician opens what is closed of one patient, for four hours and with a reason."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._site = pages, pages.site

    def routes(self) -> list[PageRoute]:
        """Return the routes."""
        return [
            PageRoute(
                self._pages, "/patients/{number}/open", self.opens, "POST", needs=BREAK, form=_FORM
            )
        ]  # fmt: skip

    def told(self, request: Request, number: int, subject: str = "") -> Told:
        """Return what the page with this number says; subject: whose it is, "" where it is nobody's."""
        actor = self._pages.actor(request)
        if not may_ever(actor, BREAK):
            return Told()
        url, now = f"/patients/{number}/open", self._site.now()
        mine = [
            one
            for one in (permits(self._site).grants(subject) if subject else ())
            if one.actor == actor.id and one.holds(now)
        ]
        if mine:
            return Told(until=mine[-1].until, reason=mine[-1].reason)
        return Told(url, self._pages.token(request, url))

    def shut(self, request: Request, number: int) -> Response:
        """Return the page of a patient who is not here, or of whom nothing is open: it is the same one."""
        return self._said(request, 404, self.told(request, number))

    def opens(self, request: Request, form: Mapping[str, str]) -> Response:
        """Open what is closed: POST, then 303 to the patient's page."""
        number = number_of(request)
        told = self.told(request, number)
        self._pages.check(request, form, told.url)
        actor, because = self._pages.actor(request), form.get("because", "")
        try:
            # What is wrong with the reason is said before it is known whether there is such a patient.
            reasoned(because)
        except UserError as error:
            return self._said(request, 422, Told(told.url, told.token, problem=str(error), because=because))
        try:
            subject = self._pages.desk.named(number)
            if subject is None:
                return self.shut(request, number)
            break_glass(self._site, subject, because, actor=actor)
        except (AwayError, OSError):
            kept = {"token": told.token, "because": because}
            back = f"/patients/{number}"
            return self._pages.say(
                request, messages.not_opened().keeping(kept, told.url, f"“{because}”", back)
            )
        return RedirectResponse(f"/patients/{number}", 303)

    def _said(self, request: Request, status: int, told: Told) -> Response:
        return render("unavailable.html", self._pages.page(request, "ward"), status, glass=told)
