"""FHIR R4: the door through which other systems read what was said, by what, who judged it and who looked.

Read and search under /fhir. Source: FHIR R4 4.0.1 (http, search, CapabilityStatement). Every look at a
patient's insights is itself written down.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salus import __version__
from salus.core.consent import Actor
from salus.core.errors import UserError
from salus.core.insight import Insight
from salus.core.review import DECISIONS, REASON_SYSTEM, Review
from salus.delivery.answers import FHIR_JSON, Answer, Workers, answered
from salus.delivery.auth import NOBODY_TRUSTED, Unauthorized
from salus.delivery.fhir_find import TYPES, Place, live_here, read, search
from salus.delivery.fhir_outcome import one
from salus.delivery.fhir_resources import Resource, resources
from salus.delivery.fhir_search import Search, parse
from salus.delivery.fhir_trail import DECISION
from salus.delivery.settings import Settings
from salus.spine.look import look

if TYPE_CHECKING:
    from salus.spine.site import Site

PATH = "/fhir"
_JSON_FORMATS = ("json", "application/json", "application/fhir+json", "text/json", "application/fhir json")
# FHIR R4's own name of the date parameter, where it has one.
_DATE_NAMES = {"DetectedIssue": "identified", "Provenance": "recorded"}


class Fhir:
    """The door, and a Channel: an insight goes out as resources, a Provenance comes back as a review."""

    def __init__(self, site: Site, settings: Settings, workers: Workers) -> None:
        self._site, self._settings, self._workers = site, settings, workers
        self._since = datetime.now(UTC).date().isoformat()

    def send(self, insight: Insight) -> list[Resource]:
        """Return `insight` as FHIR resources."""
        return resources(insight)

    def hear(self, message: object) -> Review:
        """Return the review that a Provenance (as this door writes them) holds.

        Raises UserError when it holds none.
        """
        return _heard(message)

    def routes(self) -> list[Route]:
        """Return the metadata, and read and search of each type."""
        found = [Route(f"{PATH}/metadata", self.metadata, methods=["GET"])]
        for kind in TYPES:
            found.append(
                Route(f"{PATH}/{kind}", self._searching(kind), methods=["GET"], name=f"search {kind}")
            )
            path = f"{PATH}/{kind}/{{id}}"
            found.append(Route(path, self._reading(kind), methods=["GET"], name=f"read {kind}"))
        return found

    async def metadata(self, request: Request) -> Response:
        """Say what can be asked here."""
        return Answer(200, self.capabilities(), media_type=FHIR_JSON).response()

    def capabilities(self) -> Resource:
        """Return the CapabilityStatement."""
        listed = [_capability(kind) for kind in TYPES]
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": self._since,
            "kind": "instance",
            "software": {"name": "Salus", "version": __version__},
            "implementation": {"description": "Salus", "url": self._settings.url(PATH)},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json"],
            "rest": [{"mode": "server", "security": _SECURITY, "resource": listed}],
        }

    def _searching(self, kind: str) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            """Answer a search."""
            return await self._answer(request, lambda actor: self._search(kind, request, actor))

        return endpoint

    def _reading(self, kind: str) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            """Answer a read."""
            wanted = str(request.path_params["id"])
            return await self._answer(request, lambda actor: self._read(kind, wanted, actor))

        return endpoint

    async def _answer(self, request: Request, work: Callable[[Actor], Answer]) -> Response:
        header = request.headers.get("authorization")

        def admitted() -> Answer:
            _check_format(request)
            return work(self._actor(header))

        return await answered(self._workers, admitted, FHIR_JSON, "fhir")

    def _actor(self, header: str | None) -> Actor:
        """Return on whose behalf the call is made: a trusted client, by its issuer."""
        if self._settings.insecure_no_jwt:
            return self._settings.actor
        if self._settings.jwt is None:
            raise Unauthorized(NOBODY_TRUSTED)
        return Actor(f"client:{self._settings.jwt.check(header, [self._settings.url(PATH)])}", "system")

    def _read(self, kind: str, wanted: str, actor: Actor) -> Answer:
        found = read(self._site, kind, wanted, live_here(self._site))
        if found is None:
            return Answer(404, one("not-found", f"No {kind} has this id."), media_type=FHIR_JSON)
        resource, subject = found
        self._looked(actor, subject, kind, 1)
        return Answer(200, resource, media_type=FHIR_JSON)

    def _search(self, kind: str, request: Request, actor: Actor) -> Answer:
        asked = parse(request.query_params.multi_items())
        page, more = search(self._site, kind, asked, live_here(self._site))
        self._looked(actor, asked.subjects[0] if len(asked.subjects) == 1 else "", kind, len(page))
        return Answer(200, self._bundle(kind, asked, page, more), media_type=FHIR_JSON)

    def _looked(self, actor: Actor, subject: str, kind: str, count: int) -> None:
        """The ledger about the ledger would never end: audit events are shown without another entry."""
        if kind != "AuditEvent":
            look(self._site, actor=actor, subject=subject, what=kind, count=count)

    def _bundle(self, kind: str, asked: Search, page: list[Resource], more: Place | None) -> Resource:
        base = self._settings.url(f"{PATH}/{kind}")
        links = [{"relation": "self", "url": asked.link(base)}]
        if more is not None:
            links.append({"relation": "next", "url": asked.link(base, more)})
        entries = [
            {"fullUrl": f"{base}/{each['id']}", "resource": each, "search": {"mode": "match"}}
            for each in page
        ]
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
        return bundle | ({"entry": entries} if entries else {})


_SECURITY = {"description": "A JWT signed by a registered client, as in CDS Hooks 2.0; aud is this base URL."}


def _capability(kind: str) -> Resource:
    date = {"name": _DATE_NAMES.get(kind, "date"), "type": "date"}
    return {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [
            {"name": "patient", "type": "reference"},
            date,
            {"name": "_id", "type": "token"},
        ],
    }


def _check_format(request: Request) -> None:
    asked = request.query_params.get("_format")
    if asked is not None and asked.split(";")[0] not in _JSON_FORMATS:
        raise UserError("_format must be json: this server speaks application/fhir+json only.")


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
