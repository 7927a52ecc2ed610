"""Which statuses each door can give, and in which form: the answers' part of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salus.delivery import cds_hooks, fhir
from salus.delivery.answers import FHIR_JSON
from salus.delivery.smart import CONFIGURATION_PATH, TOKEN_PATH

_SAYS = {
    200: "The answer.",
    204: "Yes: a browser may ask.",
    303: "Done, and the page on which it can be seen; or who asks has to sign in first.",
    307: "The ward.",
    400: "What was sent cannot be read, or does not fit; it is named.",
    401: "No token of a trusted client.",
    403: "Refused.",
    404: "Nothing of that name is here.",
    405: "This path takes another method.",
    406: "Asked for in a form that is not spoken here.",
    411: "The form has no length.",
    412: "Prefetch is missing and cannot be fetched.",
    413: "Larger than is taken here.",
    415: "The body is compressed.",
    421: "Asked for by a name that is not this server's.",
    422: "The form is not whole; it comes back with what is to be set right.",
    429: "Too many tries; when the next one is taken.",
    500: "Something went wrong here; the answer names the line of the log.",
    503: "Away or busy: nothing was changed, try again.",
}
_HEADERS = {401: "WWW-Authenticate", 405: "Allow", 303: "Location", 307: "Location", 429: "Retry-After"}
# What the router and the watch over all doors can give anywhere.
_ANY = frozenset({405, 500})


def responses(path: str, method: str, *, page: bool) -> dict[str, Any]:
    """Return every response of one operation, by its status."""
    given = sorted(_ANY | (_of_page(path, method) if page else _of_door(path, method)))
    return {str(status): _response(path, status, page) for status in given}


def _of_page(path: str, method: str) -> frozenset[int]:
    if method == "POST":
        given = {303, 400, 403, 404, 411, 413, 421, 422, 503}
        return frozenset(given if path.startswith("/patients/") else given | {200, 429})
    return frozenset({307 if path == "/" else 200, 303, 400, 403, 404, 421, 503})


def _of_door(path: str, method: str) -> frozenset[int]:
    if method == "OPTIONS":
        return frozenset({204})
    if path == TOKEN_PATH:
        return frozenset({200, 400, 401, 503})
    if path.startswith(fhir.PATH):
        return _of_fhir(path, method)
    if path.startswith(cds_hooks.PATH + "/"):
        more = set() if path.endswith("/feedback") else {412}
        return frozenset({200, 400, 401, 403, 404, 413, 415, 503} | more)
    return frozenset({200, 503} if path in (cds_hooks.PATH, "/healthz") else {200})


def _of_fhir(path: str, method: str) -> frozenset[int]:
    if path.endswith(("/metadata", CONFIGURATION_PATH)):
        return frozenset({200})
    more = {413, 415} if method == "POST" else {404} if path.endswith("/{id}") else set()
    return frozenset({200, 400, 401, 403, 406, 503} | more)


def _response(path: str, status: int, page: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"description": _SAYS[status]}
    if status in _HEADERS:
        found["headers"] = {_HEADERS[status]: {"schema": {"type": "string"}}}
    if page and status not in (303, 307):
        found["content"] = {"text/html": {"schema": {"type": "string"}}}
    elif status == 200 or (path.startswith("/healthz") and status == 503):
        found["content"] = _content(path)
    elif status in (400, 401, 503) and path == TOKEN_PATH:
        found["content"] = {"application/json": {"schema": {"type": "object", "required": ["error"]}}}
    elif status >= 400:
        media = FHIR_JSON if path.startswith(fhir.PATH) else "application/json"
        found["content"] = {media: {"schema": ref("OperationOutcome")}}
    return found


def ref(name: str) -> dict[str, str]:
    """Return a reference to the schema `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _content(path: str) -> Mapping[str, Any]:
    if path.startswith(fhir.PATH) and path != CONFIGURATION_PATH:
        return {FHIR_JSON: {"schema": {"type": "object", "required": ["resourceType"]}}}
    if path == "/metrics":
        return {"text/plain": {"schema": {"type": "string"}}}
    if path.startswith("/healthz"):
        return {"application/json": {"schema": ref("Health")}}
    if path == cds_hooks.PATH:
        return {"application/json": {"schema": ref("Services")}}
    if path.endswith("/feedback") or not path.startswith(cds_hooks.PATH):
        return {"application/json": {"schema": {"type": "object"}}}
    return {"application/json": {"schema": ref("HookResponse")}}
