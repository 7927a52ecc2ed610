"""FHIR R4: the door through which other systems read what was said, by what, who judged it and who looked.

Read and search under /fhir. Source: FHIR R4 4.0.1 (http, search, CapabilityStatement). Every look at a
patient's insights is itself written down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salus import __version__
from salus.core.addresses import is_among, parted
from salus.core.consent import Actor
from salus.core.errors import SalusError, UserError, printable
from salus.core.insight import Insight
from salus.core.review import DECISIONS, REASON_SYSTEM, Review
from salus.delivery.answers import FHIR_JSON, Answer, NotAcceptable, Workers, answered, read_body, refusal
from salus.delivery.auth import NOBODY_TRUSTED, Unauthorized
from salus.delivery.fhir_find import TYPES, Place, count, read, search, showing
from salus.delivery.fhir_outcome import one
from salus.delivery.fhir_resources import Resource, mark_demonstration, resources
from salus.delivery.fhir_search import MOST, NO_PATIENT, Search, parse
from salus.delivery.fhir_search import PATIENT as SUBJECT
from salus.delivery.fhir_trail import DECISION
from salus.delivery.settings import Settings
from salus.delivery.smart import check_scope
from salus.delivery.smart_scopes import READ, SEARCH
from salus.spine.look import look

if TYPE_CHECKING:
    from salus.spine.site import Site

PATH = "/fhir"
Given = list[tuple[str, str]]
_MOST_FORM = 64 * 1024
_LENIENT = re.compile(r"\bhandling\s*=\s*\"?lenient\b", re.IGNORECASE)
_JSON_FORMATS = ("json", "application/json", "application/fhir+json", "text/json", "application/fhir json")
# FHIR R4's own name of the date parameter, where it has one.
_SUBJECT = dict.fromkeys(("RiskAssessment", "Observation", "GuidanceResponse"), ("subject",))
_DATE_NAMES = {"DetectedIssue": "identified", "Provenance": "recorded"}


class Fhir:
    """The door, and a Channel: an insight goes out as resources, a Provenance comes back as a review."""

    def __init__(self, site: Site, settings: Settings, workers: Workers) -> None:
        self._site, self._settings, self._workers = site, settings, workers
        self._since = datetime.now(UTC).date().isoformat()

    def send(self, insight: Insight) -> list[Resource]:
        """Return `insight` as FHIR resources."""
        return self._marked(resources(insight, server=self._site.server))

    def hear(self, message: object) -> Review:
        """Return the review that a Provenance (as this door writes them) holds.

        Raises UserError when it holds none.
        """
        heard = _heard(message)
        base, name = parted(heard.by)
        return replace(heard, by=name) if base and is_among(base, self._site.servers) else heard

    def routes(self) -> list[Route]:
        """Return the metadata, and read and search of each type."""
        found = [Route(f"{PATH}/metadata", self.metadata, methods=["GET"])]
        for kind in TYPES:
            path = f"{PATH}/{kind}"
            found += [
                Route(path, self._searching(kind), methods=["GET"]),
                Route(f"{path}/_search", self._searching(kind), methods=["POST"]),
                Route(f"{path}/{{id}}", self._reading(kind), methods=["GET"]),
            ]
        return found

    async def metadata(self, request: Request) -> Response:
        """Say what can be asked here."""
        return Answer(200, self.capabilities(), media_type=FHIR_JSON).response()

    def _marked(self, made: Iterable[Resource]) -> list[Resource]:
        """Return what was made, tagged where this is a demonstration."""
        return [mark_demonstration(one) for one in made] if self._site.demonstrated else list(made)

    def capabilities(self) -> Resource:
        """Return the CapabilityStatement."""
        listed = [_capability(kind) for kind in TYPES]
        standing = ": a demonstration, not for care" if self._site.demonstrated else ""
        (statement,) = self._marked([self._statement(listed, f"Salus{standing}")])
        return statement

    def _statement(self, listed: list[Resource], description: str) -> Resource:
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": self._since,
            "kind": "instance",
            "software": {"name": "Salus", "version": __version__},
            "implementation": {"description": description, "url": self._settings.url(PATH)},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json"],
            "rest": [
                {
                    "mode": "server",
                    "documentation": _HANDLING,
                    "security": _SECURITY,
                    "resource": listed,
                    "searchParam": [
                        {"name": "_count", "type": "number", "documentation": f"At most {MOST}."},
                        {"name": "_summary", "type": "token", "documentation": "count or false."},
                    ],
                }
            ],
        }

    def _searching(self, kind: str) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            try:
                given = await _parameters(request)
            except SalusError as error:
                return refusal(error, FHIR_JSON).response()
            lenient = bool(_LENIENT.search(request.headers.get("prefer", "")))
            return await self._answer(
                request,
                given,
                (kind, SEARCH),
                lambda actor: self._search(kind, parse(self._local(given), lenient), actor),
            )

        endpoint.__doc__ = f"Search {kind} by patient, date and id."
        return endpoint

    def _reading(self, kind: str) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            wanted, given = str(request.path_params["id"]), request.query_params.multi_items()
            return await self._answer(
                request, given, (kind, READ), lambda actor: self._read(kind, wanted, actor)
            )

        endpoint.__doc__ = f"Read one {kind} by its id."
        return endpoint

    async def _answer(
        self, request: Request, given: Given, asked: tuple[str, str], work: Callable[[Actor], Answer]
    ) -> Response:
        try:
            actor = await self._actor(request.headers.get("authorization"), *asked)
            _check_format(given, request.headers.get("accept"))
        except SalusError as error:
            return refusal(error, FHIR_JSON).response()
        return await answered(self._workers, lambda: work(actor), FHIR_JSON, "fhir")

    def _local(self, given: Given) -> Given:
        """Return the parameters with the patients of this server, and of the records' own, by id.

        Where it is not known whose the records are, it is the servers that the site lists. Any other server's
        Patient/7 is somebody else: it stays absolute.
        """
        found: Given = []
        for name, value in given:
            about = name.partition(":")[0] in SUBJECT
            found.append((name, ",".join(map(self._by_id, value.split(","))) if about else value))
        return found

    def _by_id(self, value: str) -> str:
        base, name = parted(value)
        ours = (self._settings.url(PATH), *(self._site.servers or self._settings.fhir_servers))
        if not base or is_among(base, ours):
            return name
        if name.startswith("Patient/") and self._site.store.insights(f"{base}/{name}", limit=1):
            return f"{base}/{name}"
        raise UserError(NO_PATIENT)

    async def _actor(self, header: str | None, kind: str, act: str) -> Actor:
        """Return on whose behalf the call is made: a trusted client, by its issuer or the token it was given.

        Raises InsufficientScope where its token does not reach as far as `act` with resources of `kind`.
        """
        held = self._settings.smart.held(header) if self._settings.smart else None
        if held is not None:
            check_scope(held, kind, act)
            return Actor(f"client:{held.client}", "system")
        if self._settings.insecure_no_jwt:
            return self._settings.actor
        if self._settings.jwt is None:
            raise Unauthorized(_UNKNOWN_ACCESS if self._settings.smart else NOBODY_TRUSTED)
        return Actor(f"client:{await self._settings.jwt.check(header, [self._settings.url(PATH)])}", "system")

    def _read(self, kind: str, wanted: str, actor: Actor) -> Answer:
        found = read(showing(self._site, actor), kind, wanted)
        if found is None:
            return Answer(404, one("not-found", f"No {kind} has this id."), media_type=FHIR_JSON)
        resource, subject = found
        self._looked(actor, subject, kind, 1)
        return Answer(200, self._marked([resource])[0], media_type=FHIR_JSON)

    def _search(self, kind: str, asked: Search, actor: Actor) -> Answer:
        page: list[Resource] = []
        more: Place | None = None
        if asked.only_count:
            total = count(showing(self._site, actor), kind, asked)
            if total is None:
                return Answer(400, one("too-costly", _TOO_MANY), media_type=FHIR_JSON)
        else:
            listed, more = search(showing(self._site, actor), kind, asked)
            page = self._marked(listed)
            # Known without looking further where all of it is on this page.
            total = len(page) if more is None and asked.after == (0, -1) else None
        about = asked.subjects[0] if len(asked.subjects) == 1 else ""
        self._looked(actor, about, kind, total if total is not None else len(page))
        return Answer(200, self._bundle(kind, asked, page, more, total), media_type=FHIR_JSON)

    def _looked(self, actor: Actor, subject: str, kind: str, count: int) -> None:
        """The ledger about the ledger would never end: audit events are shown without another entry."""
        if kind != "AuditEvent":
            look(self._site, actor=actor, subject=subject, what=kind, count=count)

    def _bundle(
        self, kind: str, asked: Search, page: list[Resource], more: Place | None, total: int | None
    ) -> Resource:
        base = self._settings.url(f"{PATH}/{kind}")
        links = [{"relation": "self", "url": asked.link(base)}]
        if more is not None:
            links.append({"relation": "next", "url": asked.link(base, more)})
        entries = [
            {"fullUrl": f"{base}/{each['id']}", "resource": each, "search": {"mode": "match"}}
            for each in page
        ]
        if asked.passed_over:
            text = f"Not known here and passed over: {printable(', '.join(asked.passed_over), 200)}."
            warning = one("not-supported", text, severity="warning")
            entries.append({"resource": warning, "search": {"mode": "outcome"}})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
        bundle |= {"total": total} if total is not None else {}
        return bundle | ({"entry": entries} if entries else {})


_UNKNOWN_ACCESS = "No access token that was given here and still holds: ask for one at /auth/token."
_TOO_MANY = "Too many to count at once: name a patient, or leave out _summary and follow the pages."
_HANDLING = (
    "Parameters that are not known are refused; with Prefer: handling=lenient they are passed over and "
    "named, where a patient or an _id is given. Bundle.total is there where it is known at no cost, and with "
    "_summary=count. Resources are in the order in which they were written."
)
_SECURITY = {"description": "A JWT signed by a registered client, as in CDS Hooks 2.0; aud is this base URL."}


def _capability(kind: str) -> Resource:
    date = {"name": _DATE_NAMES.get(kind, "date"), "type": "date"}
    return {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [
            *({"name": name, "type": "reference"} for name in ("patient", *_SUBJECT.get(kind, ()))),
            date,
            {"name": "_id", "type": "token"},
        ],
    }


async def _parameters(request: Request) -> Given:
    """Return what a search asks for: in its address and, by POST, as a form (FHIR R4 3.1.1.1)."""
    given = request.query_params.multi_items()
    if request.method != "POST":
        return given
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, _MOST_FORM)
    if body and kind != "application/x-www-form-urlencoded":
        raise UserError("A search by POST is a form: send it as application/x-www-form-urlencoded.")
    try:
        return given + parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:
        raise UserError("The form cannot be read: send name=value pairs in UTF-8, joined by &.") from None


def _check_format(given: Given, accept: str | None) -> None:
    """Refuse a form that is not spoken here; `_format` stands above the header (FHIR R4 3.1.0.1.11)."""
    asked = dict(given).get("_format")
    if asked is None and accept and not any(map(_is_json, accept.lower().split(","))):
        raise NotAcceptable(f"Accept names nothing that is spoken here: this server speaks {FHIR_JSON} only.")
    if asked is not None and asked.split(";")[0] not in _JSON_FORMATS:
        raise UserError("_format must be json: this server speaks application/fhir+json only.")


def _is_json(one: str) -> bool:
    """Whether a media range of an Accept header takes JSON (RFC 9110 12.5.1: a weight of 0 takes nothing)."""
    kind, *more = (part.strip() for part in one.split(";"))
    refused = any(part.startswith("q=") and not part[2:].strip("0.") for part in more)
    return not refused and kind in ("*/*", "application/*", "text/*", *_JSON_FORMATS)


def _heard(message: object) -> Review:
    """Read a review's Provenance back."""
    try:
        assert isinstance(message, dict)
        decision = next(code["code"] for code in message["activity"]["coding"] if code["system"] == DECISION)
        insight = str(message["target"][0]["reference"]).rpartition("/")[2]
        who = message["agent"][0]["who"]
        by = who.get("reference") or who["identifier"]["value"]
        reason = (message.get("reason") or [{}])[0]
        codes = [code["code"] for code in reason.get("coding", ()) if code.get("system") == REASON_SYSTEM]
        at = datetime.fromisoformat(message["recorded"])
    except (AssertionError, AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        raise UserError("Not a Provenance of a review: see GET /fhir/Provenance for its form.") from None
    if decision not in DECISIONS:
        raise UserError(f"A review's activity must be one of: {', '.join(DECISIONS)}.")
    return Review(insight, str(by), decision, codes[0] if codes else "", str(reason.get("text", "")), at)
