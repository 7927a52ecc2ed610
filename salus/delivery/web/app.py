"""The pages as routes: who asks, which page, what happens when something is away.

Every handler runs in a thread, since the spine works synchronously; none of them knows a template's insides.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from salus.core.addresses import parted
from salus.core.errors import AwayError, EvidenceError, RefusedError, UserError
from salus.core.registry import models as known_models
from salus.core.registry import problems
from salus.core.review import OVERRIDE_REASONS, Review
from salus.delivery.answers import log_away
from salus.delivery.tally import Tally
from salus.delivery.web import words
from salus.delivery.web.desk import Desk, PatientSheet, WardSheet, numbers
from salus.delivery.web.forms import CHOICES, DONE, Draft, Tokens, is_called_here, read_draft, same_site
from salus.delivery.web.pages import answers, messages
from salus.delivery.web.pages import audit as audit_page
from salus.delivery.web.pages import models as models_page
from salus.delivery.web.pages import patient as patient_page
from salus.delivery.web.pages import record as record_page
from salus.delivery.web.pages import ward as ward_page
from salus.delivery.web.render import STATIC, Page, guard, render

if TYPE_CHECKING:
    from salus.delivery.settings import Settings
    from salus.spine import Site

# A review is a few words: more than this is no form of ours.
MAX_FORM = 64 * 1024
# Misdirected Request (RFC 9110 section 15.5.20).
_STRANGERS_NAME = 421
_log = logging.getLogger("salus.pages")
Endpoint = Callable[[Request], Awaitable[Response]]


class PageRoute(Route):
    """A route to a page; `pages` are those that it belongs to."""

    def __init__(self, pages: Pages, path: str, serve: Callable[..., Response], method: str = "GET") -> None:
        super().__init__(path, _endpoint(pages, serve), methods=[method], name=serve.__name__)
        self.pages = pages


class Pages:
    """The pages of one site."""

    def __init__(self, site: Site, settings: Settings, tally: Tally | None = None) -> None:
        self.site, self.settings = site, settings
        self.desk = Desk(site, tally or Tally())
        self.tokens = Tokens()

    def routes(self) -> list[BaseRoute]:
        """Return every page; static files are the only thing that a browser may keep."""
        return [
            PageRoute(self, "/", self.landing),
            PageRoute(self, "/ward", self.ward),
            PageRoute(self, "/patients/{number}", self.patient),
            PageRoute(self, "/patients/{number}/record", self.record),
            PageRoute(self, "/patients/{number}/reviews", self.review, "POST"),
            PageRoute(self, "/models", self.models),
            PageRoute(self, "/models/{name}", self.model),
            PageRoute(self, "/audit", self.audit),
            Mount("/static", _Kept(directory=STATIC), name="static"),
        ]

    def page(self, here: str = "") -> Page:
        """Return what every page shows."""
        return Page(here, self.settings.actor.id, self.desk.demonstration())

    def answer(self, serve: Callable[..., Response], request: Request, *extra: Any) -> Response:
        """Serve a page, with every failure put in words that hold no patient's value."""
        try:
            return serve(request, *extra)
        except HTTPException as error:
            return self.failed(error.status_code)
        except RefusedError as error:
            return self.say(messages.refused(str(error)))
        except (AwayError, EvidenceError, OSError, UserError) as error:
            return self._away(error)
        except Exception as error:
            # The text of a foreign error may hold a patient's value: only its type and place are logged.
            place = extract_tb(error.__traceback__)[-1]
            _log.error("page %s: %s in %s:%s", serve.__name__, type(error).__name__, place.name, place.lineno)
            return self.failed(500)

    def _away(self, error: Exception) -> Response:
        """Say what does not answer; of a request that was wrong, why, without a path of this server."""
        what = self._what_is_away(error)
        named = error.outside or str(self.site.path) in str(error) if isinstance(error, UserError) else True
        if not what and not named:
            return self.say(messages.wrong(str(error)))
        log_away("pages", error)
        return self.say(messages.away(what))

    def _what_is_away(self, error: Exception) -> str:
        """Return what does not answer; a store that can be looked at may still be locked for writing."""
        return self.desk.away() or ("store" if isinstance(error, AwayError) else "")

    def failed(self, status: int) -> Response:
        """Return the page for an HTTP status that is no answer; a stranger's name gets no way on."""
        return self.say(messages.failed(status), Page(nav=()) if status == _STRANGERS_NAME else None)

    def say(self, message: messages.Message, page: Page | None = None) -> Response:
        """Return a page that holds a message and the ways on."""
        response = render("message.html", page or self.page(), message.status, **message.values())
        if message.status == 503:
            response.headers["Retry-After"] = "10"
        return response

    def landing(self, request: Request) -> Response:
        """Go to the ward."""
        return RedirectResponse("/ward", 307)

    def ward(self, request: Request) -> Response:
        """Who needs me first?"""
        try:
            sheet, away = self.desk.ward(self.settings.actor), None
        except (AwayError, EvidenceError, OSError, UserError) as error:
            log_away("pages", error)
            kept = self.desk.last_ward()
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
            self.page("ward"),
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
        number = _number(request)
        try:
            sheet, away = self.desk.patient(number, self.settings.actor), None
        except (AwayError, EvidenceError, OSError, UserError) as error:
            log_away("pages", error)
            sheet = self.desk.last_patient(number)
            if sheet is None:
                raise AwayError(
                    "Nothing was heard of them before the store or the record went away."
                ) from None
            away = messages.patient_away(self._what_is_away(error), sheet.at, _now())
        if sheet is None:
            raise HTTPException(404)
        values = patient_page.laid_out(sheet, self._labels(sheet, bool(away)), _now())
        actor = self.settings.actor.id
        decidable = [*(answer.insight.id for answer in values["answers"]), *values["again"]]
        tokens = {insight: self.tokens.make(actor, insight) for insight in decidable}
        return render(
            "patient.html",
            self.page("ward"),
            status,
            away=away,
            recorded=recorded,
            drafts=drafts or {},
            tokens=tokens,
            reasons=OVERRIDE_REASONS,
            choices=CHOICES,
            review_url=f"/patients/{number}/reviews",
            record_url=f"/patients/{number}/record",
            **values,
        )

    def _labels(self, sheet: PatientSheet, away: bool) -> dict[str, str]:
        return {} if away else self.desk.labels(patient_page.shown_events(sheet))

    def record(self, request: Request) -> Response:
        """What does the whole record say?"""
        number = _number(request)
        start = _start(request.query_params.get("from", "0"))
        found = self.desk.record(number, self.settings.actor)
        if found is None:
            raise HTTPException(404)
        return render("record.html", self.page("ward"), **record_page.paged(found, self.desk.labels, start))

    def review(self, request: Request, form: Mapping[str, str]) -> Response:
        """Record a decision: POST, then 303 to the page on which it can be seen."""
        number, actor = _number(request), self.settings.actor.id
        draft = read_draft(form)
        here = f"{request.url.scheme}://{request.url.netloc}"
        ours = same_site(request.headers, {here, self.settings.base_url.rstrip("/")})
        if not ours or not self.tokens.holds(form.get("token", ""), actor, draft.insight):
            return self._kept(number, draft, messages.stranger(ours))
        if draft.problems:
            return self._patient(request, drafts={draft.insight: draft}, status=422)
        try:
            kept = self.desk.review(number, self._said(draft, form["token"]))
        except (AwayError, OSError):
            return self._kept(number, draft, messages.not_kept())
        return RedirectResponse(
            f"/patients/{number}?recorded={kept.insight}#{answers.key(kept.insight)}-review", 303
        )

    def _said(self, draft: Draft, token: str) -> Review:
        """A form sent twice is one review, and sent again with another decision it is a second one."""
        said = Review(
            draft.insight,
            self.settings.actor.id,
            draft.decision,
            draft.because,
            draft.note,
            told_patient=draft.told_patient,
        )
        written = (said.decision, said.because, said.note, str(said.told_patient))
        return replace(said, id=Tokens.once(token, *written))

    def _kept(self, number: int, draft: Draft, message: messages.Message) -> Response:
        """Give what was written back, ready to be sent again."""
        if not draft.insight or draft.problems:
            return self.say(message)
        token = self.tokens.make(self.settings.actor.id, draft.insight)
        again = {
            "insight": draft.insight,
            "token": token,
            "decision": draft.decision,
            "because": draft.because,
            "note": draft.note,
            "told_patient": "yes" if draft.told_patient else "",
        }
        told = f"You {DONE[draft.decision]}." + (f" “{draft.note}”" if draft.note else "")
        return self.say(message.keeping(again, f"/patients/{number}/reviews", told, f"/patients/{number}"))

    def models(self, request: Request) -> Response:
        """Which models may speak here?"""
        return render("models.html", self.page("models"), **models_page.listed(self.site))

    def model(self, request: Request) -> Response:
        """What is this model, for whom, and how does it do?"""
        name = request.path_params["name"]
        if name not in known_models():
            raise HTTPException(404)
        return render("model.html", self.page("models"), **models_page.one(self.site, name))

    def audit(self, request: Request) -> Response:
        """Who did what, and is that still what was written?"""
        query = request.query_params
        return render("audit.html", self.page("audit"), **audit_page.laid_out(self.site, query, _now()))


class _Kept(StaticFiles):
    """Static files carry a digest in their address: a browser may keep them for good."""

    def file_response(self, *args: Any, **how: Any) -> Response:
        response = super().file_response(*args, **how)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _endpoint(pages: Pages, serve: Callable[..., Response]) -> Endpoint:
    """Read the form if there is one, work in a thread, guard what comes out."""

    async def endpoint(request: Request) -> Response:
        try:
            if not is_called_here(request.url.hostname, pages.settings.base_url):
                raise HTTPException(_STRANGERS_NAME)
            extra = (await _form(request),) if request.method == "POST" else ()
        except HTTPException as error:
            response = await run_in_threadpool(pages.failed, error.status_code)
        else:
            response = await run_in_threadpool(pages.answer, serve, request, *extra)
        return guard(response, pages.settings.frame_ancestors)

    endpoint.__doc__ = serve.__doc__
    return endpoint


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
        status = _STRANGERS_NAME
    return guard(pages.failed(status), pages.settings.frame_ancestors)


def _now() -> datetime:
    return datetime.now(UTC)


def _link(path: str, query: Mapping[str, str], start: int) -> str:
    chosen = {**{key: value for key, value in query.items() if value}, "from": str(max(start, 0))}
    return f"{path}?{urlencode(chosen)}"


def _number(request: Request) -> int:
    """Return the patient's number from the path; what cannot be one is nobody's page."""
    text = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise HTTPException(404)
    return int(text)


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


async def _form(request: Request) -> dict[str, str]:
    """Return the text fields of a posted form, the last of each name; files are none of ours."""
    size = request.headers.get("content-length", "")
    if not size.isdigit() or int(size) > MAX_FORM:
        raise HTTPException(413 if size.isdigit() else 411)
    try:
        form = await request.form(max_files=0, max_fields=20, max_part_size=MAX_FORM)
    except (HTTPException, ValueError):
        raise HTTPException(400) from None
    return {name: value for name, value in form.items() if isinstance(value, str)}
