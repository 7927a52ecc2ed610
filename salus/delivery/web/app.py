"""The pages as routes: who asks, which page, what happens when something is away.

Every handler runs in a thread, on behalf of whoever asks; none of them knows a template's insides.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from salus.core.addresses import parted
from salus.core.errors import AwayError, EvidenceError, RefusedError, SalusError, UserError
from salus.core.registry import models as known_models
from salus.core.registry import problems
from salus.core.review import OVERRIDE_REASONS, Review
from salus.core.roles import AUDIT, MODELS, WORKLIST
from salus.delivery.answers import log_away
from salus.delivery.tally import Tally
from salus.delivery.web import words
from salus.delivery.web.asking import NEEDS, Asking, home
from salus.delivery.web.desk import Desk, PatientSheet, WardSheet, numbers
from salus.delivery.web.entrance import Entrance
from salus.delivery.web.forms import (
    CHOICES,
    DONE,
    REVIEW,
    Draft,
    Tokens,
    is_called_here,
    read_draft,
    same_site,
)
from salus.delivery.web.glass import Glass, Told
from salus.delivery.web.pages import answers, messages
from salus.delivery.web.pages import audit as audit_page
from salus.delivery.web.pages import models as models_page
from salus.delivery.web.pages import patient as patient_page
from salus.delivery.web.pages import record as record_page
from salus.delivery.web.pages import ward as ward_page
from salus.delivery.web.render import ACCOUNTS, NAV, STATIC, Page, guard, render
from salus.delivery.web.roster import Roster
from salus.delivery.web.routing import STRANGERS_NAME, PageRoute, Serve, number_of
from salus.delivery.web.vouching import Vouching
from salus.spine.permits import may_ever

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.delivery.settings import Settings
    from salus.spine import Site
    from salus.spine.sign_in import Session

_log = logging.getLogger("salus.pages")


class Pages:
    """The pages of one site."""

    def __init__(self, site: Site, settings: Settings, tally: Tally | None = None) -> None:
        self.site, self.settings = site, settings
        self.desk = Desk(site, tally or Tally())
        self.tokens = Tokens()
        self.asking, self.glass = Asking(site, settings), Glass(self)

    def routes(self) -> list[BaseRoute]:
        """Return every page; static files are the only thing that a browser may keep."""
        return [
            PageRoute(self, "/", self.landing),
            PageRoute(self, "/ward", self.ward, needs=WORKLIST),
            PageRoute(self, "/patients/{number}", self.patient),
            PageRoute(self, "/patients/{number}/record", self.record),
            PageRoute(self, "/patients/{number}/reviews", self.review, "POST", form=REVIEW),
            *self.glass.routes(),
            PageRoute(self, "/models", self.models, needs=MODELS),
            PageRoute(self, "/models/{name}", self.model, needs=MODELS),
            PageRoute(self, "/audit", self.audit, needs=AUDIT),
            *self._entrance(),
            Mount("/static", _Kept(directory=STATIC), name="static"),
        ]

    def _entrance(self) -> list[PageRoute]:
        asked = self.settings.sign_in
        if asked is None:
            return []
        vouched = Vouching(self, asked.oidc).routes() if asked.oidc else []
        return [*Entrance(self).routes(), *Roster(self).routes(), *vouched]

    def actor(self, request: Request) -> Actor:
        """Return on whose behalf a page is asked for: of whoever is signed in, where that is asked here."""
        session = self.asking.session(request)
        return session.actor if session else self.settings.actor

    def holder(self, request: Request) -> str:
        """Return what the forms of a page are bound to: a session, where there are any, else the actor."""
        session = self.asking.session(request)
        return session.id if session else "" if self.settings.sign_in else self.settings.actor.id

    def ours(self, request: Request) -> bool:
        """Whether a form came from a page of this server, as far as the browser tells."""
        here = f"{request.url.scheme}://{request.url.netloc}"
        return same_site(request.headers, {here, self.settings.base_url.rstrip("/")})

    def token(self, request: Request, what: str) -> str:
        """Return the token of a form that does `what`."""
        return self.tokens.make(self.holder(request), what)

    def check(self, request: Request, form: Mapping[str, str], what: str) -> None:
        """Raise HTTPException 403 for a form that did not come from our own page, of who sends it."""
        if not self.ours(request) or not self.tokens.holds(form.get("token", ""), self.holder(request), what):
            raise HTTPException(403)

    def page(self, request: Request, here: str = "") -> Page:
        """Return what every page shows; asks nothing of the store, which may be what is away."""
        demonstration = self.desk.demonstration()
        if self.settings.sign_in is None:
            return Page(here, self.settings.actor.id, demonstration)
        session: Session | None = getattr(request.state, "session", None)
        if session is None or self.asking.owes(session):
            nav: Sequence[tuple[str, str, str]] = ()
        else:
            nav = tuple(one for one in (*NAV, ACCOUNTS) if may_ever(session.actor, NEEDS[one[0]]))
        out = self.tokens.make(session.id, "sign-out") if session else ""
        return Page(here, session.account.name if session else "", demonstration, nav, sign_out=out)

    def answer(self, serve: Serve, asks: tuple[str, str], request: Request, *extra: Any) -> Response:
        """Serve a page to who may open it, with every failure put in words that hold no patient's value."""
        try:
            access, needs = asks
            turned = self.asking.turned_away(request, access)
            if turned and extra and self.asking.session(request) is None:
                return self.say(
                    request, messages.signed_out(extra[0].get("note", ""), self.asking.again(request))
                )
            if turned is None and needs and not may_ever(self.actor(request), needs):
                raise HTTPException(404)
            return turned or serve(request, *extra)
        except HTTPException as error:
            return self.failed(request, error.status_code)
        except RefusedError as error:
            return self.say(request, messages.refused(str(error)))
        except (AwayError, EvidenceError, OSError, UserError) as error:
            return self._away(request, error)
        except Exception as error:
            # The text of a foreign error may hold a patient's value: only its type and place are logged.
            place = extract_tb(error.__traceback__)[-1]
            _log.error("page %s: %s in %s:%s", serve.__name__, type(error).__name__, place.name, place.lineno)
            return self.failed(request, 500)

    def _away(self, request: Request, error: Exception) -> Response:
        """Say what does not answer; of a request that was wrong, why, without a path of this server."""
        what = self._what_is_away(error)
        named = error.outside or str(self.site.path) in str(error) if isinstance(error, UserError) else True
        if not what and not named:
            return self.say(request, messages.wrong(str(error)))
        log_away("pages", error)
        return self.say(request, messages.away(what))

    def _what_is_away(self, error: Exception) -> str:
        """Return what does not answer; a store that can be looked at may still be locked for writing."""
        return self.desk.away() or ("store" if isinstance(error, AwayError) else "")

    def failed(self, request: Request, status: int) -> Response:
        """Return the page for an HTTP status that is no answer; a stranger's name gets no way on."""
        return self.say(request, messages.failed(status), Page(nav=()) if status == STRANGERS_NAME else None)

    def say(self, request: Request, message: messages.Message, page: Page | None = None) -> Response:
        """Return a page that holds a message and the ways on."""
        response = render("message.html", page or self.page(request), message.status, **message.values())
        if message.status == 503:
            response.headers["Retry-After"] = "10"
        return response

    def landing(self, request: Request) -> Response:
        """Go to where whoever asks works: the ward, where they have one."""
        return RedirectResponse(home(self.site, self.actor(request)), 307)

    def ward(self, request: Request) -> Response:
        """Who needs me first?"""
        try:
            sheet, away = self.desk.ward(self.actor(request)), None
        except (AwayError, EvidenceError, OSError, UserError) as error:
            log_away("pages", error)
            kept = self.desk.last_ward(self.actor(request))
            if kept is None:
                raise AwayError("Nothing was heard before the store or the record went away.") from None
            sheet, away = kept, messages.ward_away(self._what_is_away(error), kept.at, _now())
        return self._ward(request, sheet, away)

    def _ward(self, request: Request, sheet: WardSheet, away: Any) -> Response:
        names = sorted({insight.model.name for bed in sheet.beds for insight in bed.insights})
        choice = ward_page.read_choice(request.query_params, names)
        groups = ward_page.groups(sheet.beds, choice, _now())
        count, size = sum(group.count for group in groups), ward_page.PER_PAGE
        at = {"show": choice.show, "model": choice.model}
        return render(
            "ward.html",
            self.page(request, "ward"),
            total=len(sheet.beds),
            live=len(sheet.live),
            silent=sheet.silent,
            broken=len(problems()),
            failed=ward_page.failed(sheet.beds),
            read_at=sheet.at,
            away=away,
            groups=groups,
            choice=choice,
            names=names,
            shows=ward_page.SHOWS,
            tags=[tag for tag in words.TAGS if tag is not words.UNASKED],
            earlier=_link("/ward", at, choice.start - size) if choice.start else None,
            later=_link("/ward", at, choice.start + size) if choice.start + size < count else None,
        )

    def patient(self, request: Request) -> Response:
        """What is asked of this person, on what evidence, and what was decided?"""
        return self._patient(request, recorded=request.query_params.get("recorded", ""))

    def _patient(
        self,
        request: Request,
        recorded: str = "",
        drafts: Mapping[str, Draft] | None = None,
        status: int = 200,
    ) -> Response:
        number = number_of(request)
        try:
            sheet, away = self.desk.patient(number, self.actor(request)), None
        except (AwayError, EvidenceError, OSError, UserError) as error:
            log_away("pages", error)
            sheet = self.desk.last_patient(number, self.actor(request))
            if sheet is None:
                raise AwayError(
                    "Nothing was heard of them before the store or the record went away."
                ) from None
            away = messages.patient_away(self._what_is_away(error), sheet.at, _now())
        if sheet is None:
            return self.glass.shut(request, number)
        values = patient_page.laid_out(sheet, self._labels(sheet, bool(away)), _now())
        holder = self.holder(request)
        decidable = [*(answer.insight.id for answer in values["answers"]), *values["again"]]
        tokens = {insight: self.tokens.make(holder, insight) for insight in decidable}
        return render(
            "patient.html",
            self.page(request, "ward"),
            status,
            away=away,
            recorded=recorded,
            drafts=drafts or {},
            tokens=tokens,
            reasons=OVERRIDE_REASONS,
            choices=CHOICES,
            review_url=f"/patients/{number}/reviews",
            record_url=f"/patients/{number}/record",
            glass=Told() if away else self.glass.told(request, number, sheet.subject),
            **values,
        )

    def _labels(self, sheet: PatientSheet, away: bool) -> dict[str, str]:
        return {} if away else self.desk.labels(patient_page.shown_events(sheet))

    def record(self, request: Request) -> Response:
        """What does the whole record say?"""
        number = number_of(request)
        start = _start(request.query_params.get("from", "0"))
        found = self.desk.record(number, self.actor(request))
        if found is None:
            return self.glass.shut(request, number)
        values = record_page.paged(found, self.desk.labels, start)
        told = self.glass.told(request, number, found.subject)
        return render("record.html", self.page(request, "ward"), glass=told, **values)

    def review(self, request: Request, form: Mapping[str, str]) -> Response:
        """Record a decision: POST, then 303 to the page on which it can be seen."""
        number, holder, ours = number_of(request), self.holder(request), self.ours(request)
        draft = read_draft(form)
        if not ours or not self.tokens.holds(form.get("token", ""), holder, draft.insight):
            return self._kept(request, number, draft, messages.stranger(ours))
        if draft.problems:
            return self._patient(request, drafts={draft.insight: draft}, status=422)
        try:
            said = self._said(request, draft, form["token"])
            kept = self.desk.review(number, said, self.actor(request))
        except (AwayError, OSError):
            return self._kept(request, number, draft, messages.not_kept())
        return RedirectResponse(
            f"/patients/{number}?recorded={kept.insight}#{answers.key(kept.insight)}-review", 303
        )

    def _said(self, request: Request, draft: Draft, token: str) -> Review:
        """A form sent twice is one review, and sent again with another decision it is a second one."""
        said = Review(
            draft.insight,
            self.actor(request).id,
            draft.decision,
            draft.because,
            draft.note,
            told_patient=draft.told_patient,
        )
        written = (said.decision, said.because, said.note, str(said.told_patient))
        return replace(said, id=Tokens.once(token, *written))

    def _kept(self, request: Request, number: int, draft: Draft, message: messages.Message) -> Response:
        """Give what was written back, ready to be sent again."""
        if not draft.insight or draft.problems:
            return self.say(request, message)
        token = self.tokens.make(self.holder(request), draft.insight)
        again = {
            "insight": draft.insight,
            "token": token,
            "decision": draft.decision,
            "because": draft.because,
            "note": draft.note,
            "told_patient": "yes" if draft.told_patient else "",
        }
        told = f"You {DONE[draft.decision]}." + (f" “{draft.note}”" if draft.note else "")
        back = f"/patients/{number}"
        return self.say(request, message.keeping(again, f"{back}/reviews", told, back))

    def models(self, request: Request) -> Response:
        """Which models may speak here?"""
        return render("models.html", self.page(request, "models"), **models_page.listed(self.site))

    def model(self, request: Request) -> Response:
        """What is this model, for whom, and how does it do?"""
        name = request.path_params["name"]
        if name not in known_models():
            raise HTTPException(404)
        return render("model.html", self.page(request, "models"), **models_page.one(self.site, name))

    def audit(self, request: Request) -> Response:
        """Who did what, and is that still what was written?"""
        query = request.query_params
        return render(
            "audit.html", self.page(request, "audit"), **audit_page.laid_out(self.site, query, _now())
        )


class _Kept(StaticFiles):
    """Static files carry a digest in their address: a browser may keep them for good."""

    def file_response(self, *args: Any, **how: Any) -> Response:
        response = super().file_response(*args, **how)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def routes(site: Site, settings: Settings, tally: Tally | None = None) -> list[BaseRoute]:
    """Return the pages as routes, to be mounted beside the other doors."""
    return Pages(site, settings, tally).routes()


def patient_path(site: Site, subject: str) -> str | None:
    """Return the path of the page about `subject`, or None where the record is not here.

    Another server's patient, who is named by a whole address, has none.
    """
    if not site.has_archive or parted(subject)[0]:
        return None
    number = site.archive.number(subject)
    return f"/patients/{number}" if number in numbers(site) else None


def refused(request: Request, status: int) -> Response:
    """Return the page for a path that nobody serves, or a method that a page does not take."""
    (pages, *_) = [route.pages for route in request.app.routes if isinstance(route, PageRoute)]
    if not is_called_here(request.url.hostname, pages.settings.base_url):
        status = STRANGERS_NAME
    with suppress(SalusError):
        pages.asking.session(request)
    return guard(pages.failed(request, status), pages.settings.frame_ancestors)


def _now() -> datetime:
    return datetime.now(UTC)


def _link(path: str, query: Mapping[str, str], start: int) -> str:
    chosen = {**{key: value for key, value in query.items() if value}, "from": str(max(start, 0))}
    return f"{path}?{urlencode(chosen)}"


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
