"""What can be asked over HTTP, as OpenAPI 3.1: made from the routes that answer and the types they take."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from salus import __version__
from salus.delivery import cds_hooks, fhir
from salus.delivery.answers import FHIR_JSON, Answer
from salus.delivery.cds_hooks_check import HOOKS
from salus.delivery.fhir_search import KNOWN, MOST
from salus.delivery.openapi_answers import ref, responses
from salus.delivery.settings import Settings
from salus.delivery.smart import ASSERTION_TYPE, CONFIGURATION_PATH, TOKEN_PATH
from salus.delivery.web.routing import PageRoute

PATH = "/openapi.json"
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_ID = "^[A-Za-z0-9.-]{1,64}$"
_IDS = "^[A-Za-z0-9.-]{1,64}(,[A-Za-z0-9.-]{1,64})*$"
_REFERENCE = "^[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}$"

Id = Annotated[str, Meta(pattern=_ID)]
Uuid = Annotated[str, Meta(pattern=_UUID)]


class Context(Struct, omit_defaults=True):
    """CDS Hooks 2.0: who looks at whom; with orders at order-select and order-sign."""

    userId: Annotated[str, Meta(pattern=_REFERENCE)]
    patientId: Id
    encounterId: Id | None = None
    selections: list[Annotated[str, Meta(pattern=_REFERENCE)]] | None = None
    draftOrders: dict[str, Any] | None = None


class HookRequest(Struct, omit_defaults=True):
    """CDS Hooks 2.0: a call of a service."""

    hook: Annotated[str, Meta(examples=list(HOOKS))]
    hookInstance: Uuid
    context: Context
    fhirServer: str | None = None
    fhirAuthorization: dict[str, Any] | None = None
    prefetch: dict[str, Any] | None = None


class Card(Struct, omit_defaults=True):
    """CDS Hooks 2.0: one card."""

    summary: Annotated[str, Meta(max_length=140)]
    indicator: Literal["info", "warning", "critical"]
    source: dict[str, Any]
    uuid: Uuid
    detail: str = ""
    links: list[dict[str, Any]] = []
    overrideReasons: list[dict[str, Any]] = []


class HookResponse(Struct):
    """CDS Hooks 2.0: the cards, none where there is nothing to say."""

    cards: list[Card]


class Service(Struct):
    """CDS Hooks 2.0: a service, and what it must be sent."""

    id: str
    hook: str
    title: str
    description: str
    usageRequirements: str
    prefetch: dict[str, str]


class Services(Struct):
    """CDS Hooks 2.0: discovery."""

    services: list[Service]


class Report(Struct, omit_defaults=True):
    """CDS Hooks 2.0: what became of one card."""

    card: Uuid
    outcome: Literal["accepted", "overridden"]
    outcomeTimestamp: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
        ),
    ]
    overrideReason: dict[str, Any] | None = None
    acceptedSuggestions: list[dict[str, Any]] | None = None


class Feedback(Struct):
    """CDS Hooks 2.0: what became of cards."""

    feedback: list[Report]


class Issue(Struct, omit_defaults=True):
    """FHIR R4: one problem."""

    severity: str
    code: str
    details: dict[str, str] = {}
    expression: list[str] = []


class OperationOutcome(Struct):
    """FHIR R4: what was wrong, and where."""

    resourceType: Literal["OperationOutcome"]
    issue: list[Issue]


class Health(Struct, omit_defaults=True):
    """Whether the server can do its work."""

    status: str
    version: str
    checks: dict[str, dict[str, Any]] = {}


_TYPES = (HookRequest, HookResponse, Services, Feedback, OperationOutcome, Health)
_PARAMETERS = {
    "_count": (
        {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        f"How many at once, {MOST} at most.",
    ),
    "_summary": ({"type": "string", "enum": ["count", "false"]}, "How many there are, and none of them."),
    "_format": ({"type": "string", "enum": ["json", FHIR_JSON]}, "JSON only."),
    "_after": ({"type": "string", "pattern": r"^[0-9]{1,18}-[0-9]{1,4}$"}, "From a 'next' link."),
    "_id": ({"type": "string", "pattern": _IDS}, "The resource's own id, or several joined by commas."),
}
_DATE = ({"type": "string", "examples": ["ge2026-01-01"]}, "A date with a prefix (eq, ge, le, gt, lt …).")
_ABOUT = ({"type": "string", "examples": ["Patient/7"]}, "Patient/id, or the id alone.")

# Doors that ask for no token: they name no patient, or, as the pages, rely on a login in front of them.
_OPEN = (cds_hooks.PATH, f"{fhir.PATH}/metadata", "/healthz", "/healthz/live", "/metrics", PATH,
         CONFIGURATION_PATH, TOKEN_PATH)  # fmt: skip


class OpenApi:
    """The description of every door: for machines, for people, and itself."""

    def __init__(self, settings: Settings, doors: Iterable[BaseRoute]) -> None:
        own = Route(PATH, self.describe, methods=["GET"])
        self._settings, self._own = settings, own
        self._doors = (*(door for door in doors if isinstance(door, Route)), own)

    def routes(self) -> list[Route]:
        """Return the description's own route."""
        return [self._own]

    async def describe(self, request: Request) -> Response:
        """Give the description."""
        return Answer(200, self.document, media_type="application/json").response()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
        paths: dict[str, dict[str, Any]] = {}
        for route in self._doors:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(route.path, {})[method.lower()] = _operation(route, method)
        return {
            "openapi": "3.1.0",
            "info": {"title": "Salus", "version": __version__, "license": {"name": "Apache-2.0"}},
            "servers": [{"url": self._settings.base_url}],
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": {"jwt": _JWT}},
            "security": [] if self._settings.insecure_no_jwt else [{"jwt": []}],
        }


_JWT = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def _operation(route: Route, method: str) -> dict[str, Any]:
    page = isinstance(route, PageRoute)
    summary = (inspect.getdoc(route.endpoint) or route.path).splitlines()[0]
    found: dict[str, Any] = {"summary": summary, "operationId": _name(route.path, method)}
    if page or method == "OPTIONS" or route.path in _OPEN:
        found["security"] = []
    parameters = [_path_parameter(name) for name in route.param_convertors]
    if route.path.startswith(fhir.PATH) and not parameters and route.path not in _OPEN:
        parameters = [_query_parameter(name) for name in KNOWN]
    if parameters and method == "POST" and route.path.endswith("/_search"):
        found["requestBody"] = _form({each["name"]: each["schema"] for each in parameters})
        parameters = []
    elif method == "POST":
        found["requestBody"] = {
            "required": True,
            **(_form(route.form) if isinstance(route, PageRoute) else _message(route.path)),
        }
    if parameters:
        found["parameters"] = parameters
    return found | {"responses": responses(route.path, method, page=page)}


def _form(fields: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields}
    return {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}


_TOKEN = {
    "grant_type": {"type": "string", "enum": ["client_credentials"]},
    "scope": {"type": "string", "examples": ["system/*.rs"]},
    "client_assertion_type": {"type": "string", "enum": [ASSERTION_TYPE]},
    "client_assertion": {"type": "string"},
}


def _message(path: str) -> dict[str, Any]:
    if path == TOKEN_PATH:
        return _form(_TOKEN)
    taken = Feedback if path.endswith("/feedback") else HookRequest
    return {"content": {"application/json": {"schema": ref(taken.__name__)}}}


def _name(path: str, method: str) -> str:
    words = [word for word in path.replace("{", "").replace("}", "").split("/") if word]
    return "-".join([method.lower(), *words])


def _path_parameter(name: str) -> dict[str, Any]:
    pattern = "^[0-9]{1,19}$" if name == "number" else _ID
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}


def _query_parameter(name: str) -> dict[str, Any]:
    schema, says = _PARAMETERS.get(name) or (_ABOUT if name in ("patient", "subject") else _DATE)
    return {"name": name, "in": "query", "description": says, "schema": schema}
