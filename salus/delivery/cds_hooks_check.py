"""Is this a CDS Hooks 2.0 request, response, services document or feedback? Every problem, with its path.

For the CDS Hooks door, for those who connect an EHR, and for the conformance tests. Source: CDS Hooks 2.0
and its logical models (CDSHooksRequest, CDSHooksResponse, CDSHooksServices, CDSHooksFeedback), whose
constraint keys stand in the messages; severities, codes and paths are those of HL7's validator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from salus.delivery.cds_hooks_resources import ID, TYPED_ID, check_resource
from salus.delivery.fhir_outcome import Issue

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)
_UTC = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+\Z")

# Extensions that the logical model CDSHooksExtensions names (from the Da Vinci CRD guide).
_REQUEST_EXTENSIONS = frozenset({"davinci-crd.configuration"})
_SERVICE_EXTENSIONS = frozenset({"davinci-crd.configuration-options"})

Check = Callable[[Any, str], Iterable[Issue]]


@dataclass(frozen=True, slots=True)
class _Field:
    """One element: how to check it, and whether it must be there."""

    check: Check
    needed: bool = False


def _wrong(path: str, text: str, code: str = "invalid") -> Iterator[Issue]:
    yield Issue("error", code, path, text)


def _text(value: Any, path: str) -> Iterator[Issue]:
    if not isinstance(value, str) or not value.strip():
        yield from _wrong(path, "Must be a string that is not empty")


def _boolean(value: Any, path: str) -> Iterator[Issue]:
    if not isinstance(value, bool):
        yield from _wrong(path, "Must be true or false")


def _integer(value: Any, path: str) -> Iterator[Issue]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield from _wrong(path, "Must be an integer")


def _matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: Any, path: str) -> Iterator[Issue]:
        if not isinstance(value, str) or not pattern.match(value):
            yield from _wrong(path, f"Not a valid {what}")

    return check


def _among(*codes: str) -> Check:
    def check(value: Any, path: str) -> Iterator[Issue]:
        if value not in codes:
            yield from _wrong(path, f"Must be one of: {', '.join(codes)}", "code-invalid")

    return check


def _each(check: Check) -> Check:
    def checks(value: Any, path: str) -> Iterator[Issue]:
        if not isinstance(value, list):
            yield from _wrong(path, "Must be an array", "structure")
            return
        for index, part in enumerate(value):
            yield from check(part, f"{path}[{index}]")

    return checks


def _object(fields: dict[str, _Field], name: str = "", open_ended: bool = False) -> Check:
    """Check an object: no unknown element, every needed one, each by its own check.

    name: as the logical model names it in messages ("CDSHooksResponse.cards.source").
    """

    def check(value: Any, path: str) -> Iterator[Issue]:
        if not isinstance(value, dict):
            yield from _wrong(path, "Must be an object", "structure")
            return
        if not value and not open_ended:
            yield from _wrong(path, "Object must have some content")
        for key in [key for key in value if key not in fields and not open_ended]:
            yield Issue("error", "structure", path, f"Unrecognized property '{key[:64]}'", tolerated=True)
        for key, field in fields.items():
            if value.get(key) is not None:
                yield from field.check(value[key], f"{path}.{key}")
            elif field.needed:
                text = f"{name}.{key}: minimum required = 1, but only found 0"
                yield from _wrong(path, text, "structure")

    return check


def _extensions(known: frozenset[str]) -> Check:
    def check(value: Any, path: str) -> Iterator[Issue]:
        if not isinstance(value, dict):
            yield Issue("error", "structure", path, "Must be an object", tolerated=True)
            return
        for key in value:
            if key not in known:
                yield Issue("error", "structure", path, f"Unrecognized property '{key[:64]}'", tolerated=True)

    return check


def _prefetch(value: Any, path: str) -> Iterator[Issue]:
    """Each value is a resource or null; some clients send a whole Bundle in place of the map.

    What is wrong inside a prefetched resource is tolerated: the record leaves it out and says so.
    """
    if not isinstance(value, dict):
        yield from _wrong(path, "Must be an object of FHIR resources by prefetch key", "structure")
        return
    if value.get("resourceType") == "Bundle":
        return
    for index, part in enumerate(value.values()):
        for issue in check_resource(part, f"{path}[{index}].value") if part is not None else ():
            inside = issue.path != f"{path}[{index}].value"
            yield Issue(issue.severity, issue.code, issue.path, issue.message, tolerated=inside)


def _templates(value: Any, path: str) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield from _wrong(path, "Must be an object of FHIR queries by key", "structure")
        return
    for index, query in enumerate(value.values()):
        yield from _text(query, f"{path}[{index}].value")


def _selections(value: Any, path: str) -> Iterator[Issue]:
    for index, part in enumerate(value if isinstance(value, list) else ()):
        if not isinstance(part, str) or not TYPED_ID.match(part):
            text = "Constraint failed: ord-1: 'Must be in the format {type}/{id}'"
            yield from _wrong(f"{path}[{index}]", text, "invariant")
    if not isinstance(value, list):
        yield from _wrong(path, "Must be an array", "structure")


_id = _matching(ID, "id: letters, digits, '-' and '.' only, without the resource's type")
_user = _matching(TYPED_ID, "user: must be in the format {type}/{id}")
_uuid = _matching(_UUID, "uuid")
_url = _matching(_URL, "url")
_coding = _object({}, open_ended=True)

_PATIENT_CONTEXT = {
    "userId": _Field(_user, needed=True),
    "patientId": _Field(_id, needed=True),
    "encounterId": _Field(_id),
}
_ORDERS = {"draftOrders": _Field(check_resource, needed=True)}
_CONTEXTS = {
    "patient-view": ("CDSHookPatientViewContext", _PATIENT_CONTEXT),
    "encounter-start": (
        "CDSHookEncounterStartContext",
        _PATIENT_CONTEXT | {"encounterId": _Field(_id, needed=True)},
    ),
    "order-select": (
        "CDSHookOrderSelectContext",
        _PATIENT_CONTEXT | {"selections": _Field(_selections, needed=True)} | _ORDERS,
    ),
    "order-sign": ("CDSHookOrderSignContext", _PATIENT_CONTEXT | _ORDERS),
}
HOOKS = tuple(_CONTEXTS)

_AUTHORIZATION = {
    "access_token": _Field(_text, needed=True),
    "token_type": _Field(_among("Bearer"), needed=True),
    "expires_in": _Field(_integer, needed=True),
    "scope": _Field(_text, needed=True),
    "subject": _Field(_text, needed=True),
    "patient": _Field(_id),
}


def check_request(document: Any) -> list[Issue]:
    """Return every issue of a service call's body; only those that are not tolerated refuse it."""
    return _run(_request, document, "CDSHooksRequest")


def _request(document: Any, path: str) -> Iterator[Issue]:
    fields = {
        "hook": _Field(_text, needed=True),
        "hookInstance": _Field(_uuid, needed=True),
        "fhirServer": _Field(_url),
        "fhirAuthorization": _Field(_object(_AUTHORIZATION, "CDSHooksRequest.fhirAuthorization")),
        "context": _Field(_object({}, open_ended=True), needed=True),
        "prefetch": _Field(_prefetch),
        "extension": _Field(_extensions(_REQUEST_EXTENSIONS)),
    }
    yield from _object(fields, "CDSHooksRequest")(document, path)
    if not isinstance(document, dict):
        return
    hook, context = document.get("hook"), document.get("context")
    if isinstance(hook, str) and hook in _CONTEXTS and isinstance(context, dict):
        name, elements = _CONTEXTS[hook]
        yield from _object(elements, name)(context, f"{path}.context")
    if document.get("fhirAuthorization") is not None and document.get("fhirServer") is None:
        text = "Constraint failed: cds-r-1: 'fhirServer is required where fhirAuthorization is given'"
        yield from _wrong(path, text, "invariant")


def _action(value: Any, path: str) -> Iterator[Issue]:
    fields = {
        "type": _Field(_among("create", "update", "delete"), needed=True),
        "description": _Field(_text),
        "resource": _Field(check_resource),
        "resourceId": _Field(_text),
    }
    yield from _object(fields, "CDSHooksResponse.cards.suggestions.actions")(value, path)
    resource = value.get("resource") if isinstance(value, dict) else None
    if isinstance(resource, dict) and "resourceType" in resource and not resource.get("id"):
        at = f"{path}.resource/*{resource['resourceType']}/null*/"
        yield from _wrong(at, "Resource requires an id, but none is present")


_SUGGESTION = {
    "label": _Field(_text, needed=True),
    "uuid": _Field(_uuid),
    "isRecommended": _Field(_boolean),
    "actions": _Field(_each(_action)),
    "actionSelectionBehavior": _Field(_among("all", "any", "at-most-one")),
}
# links.type is 1..1 in CDS Hooks 2.0, but HL7's validator cases accept a link without one, and so do clients.
_LINK = {
    "label": _Field(_text, needed=True),
    "url": _Field(_url, needed=True),
    "type": _Field(_among("absolute", "smart")),
    "appContext": _Field(_text),
    "autolaunchable": _Field(_boolean),
}
_SOURCE = {
    "label": _Field(_text, needed=True),
    "url": _Field(_url),
    "icon": _Field(_url),
    "topic": _Field(_coding),
}
_CARD = {
    "uuid": _Field(_uuid),
    "summary": _Field(_text, needed=True),
    "detail": _Field(_text),
    "indicator": _Field(_among("info", "warning", "critical"), needed=True),
    "source": _Field(_object(_SOURCE, "CDSHooksResponse.cards.source"), needed=True),
    "suggestions": _Field(_each(_object(_SUGGESTION, "CDSHooksResponse.cards.suggestions"))),
    "selectionBehavior": _Field(_among("at-most-one", "any")),
    "overrideReasons": _Field(_each(_coding)),
    "links": _Field(_each(_object(_LINK, "CDSHooksResponse.cards.links"))),
    "extension": _Field(_extensions(frozenset())),
}


def _card(value: Any, path: str) -> Iterator[Issue]:
    yield from _object(_CARD, "CDSHooksResponse.cards")(value, path)
    if isinstance(value, dict) and value.get("suggestions") and not value.get("selectionBehavior"):
        text = "If suggestions are present, selectionBehavior MUST also be provided."
        yield from _wrong(path, f"Constraint failed: cds-resp-6: '{text}'", "invariant")


def check_response(document: Any) -> list[Issue]:
    """Return every issue of a service's response."""
    fields = {
        "cards": _Field(_each(_card)),
        "systemActions": _Field(_each(_action)),
        "extension": _Field(_extensions(frozenset())),
    }
    return _run(_object(fields, "CDSHooksResponse"), document, "CDSHooksResponse")


def check_services(document: Any) -> list[Issue]:
    """Return every issue of a discovery document."""
    service = {
        "hook": _Field(_text, needed=True),
        "title": _Field(_text),
        "id": _Field(_text, needed=True),
        "description": _Field(_text, needed=True),
        "usageRequirements": _Field(_text),
        "prefetch": _Field(_templates),
        "extension": _Field(_extensions(_SERVICE_EXTENSIONS)),
    }
    fields = {"services": _Field(_each(_object(service, "CDSHooksServices.services")), needed=True)}
    return _run(_object(fields, "CDSHooksServices"), document, "CDSHooksServices")


def _instant(value: Any, path: str) -> Iterator[Issue]:
    try:
        real = isinstance(value, str) and bool(_UTC.match(value)) and bool(datetime.fromisoformat(value))
    except ValueError:
        real = False
    if not real:
        text = "Not a valid RFC 3339 date and time: write 2026-01-31T08:00:00Z, with its zone"
        yield from _wrong(path, text)


# CDS Hooks 2.0 "Coding": a code is one within its system; without a code there is nothing to count.
_REASON = {"code": _Field(_text, needed=True), "system": _Field(_text), "display": _Field(_text)}


def _feedback(value: Any, path: str) -> Iterator[Issue]:
    coded = _object(_REASON, "CDSHooksFeedback.feedback.overrideReason.reason", open_ended=True)
    reason = {"reason": _Field(coded), "userComment": _Field(_text)}
    suggestion = _object({"id": _Field(_text, needed=True)}, "CDSHooksFeedback.feedback.acceptedSuggestions")
    fields = {
        "card": _Field(_uuid, needed=True),
        "outcome": _Field(_among("accepted", "overridden"), needed=True),
        "acceptedSuggestions": _Field(_each(suggestion)),
        "overrideReason": _Field(_object(reason, "CDSHooksFeedback.feedback.overrideReason")),
        "outcomeTimestamp": _Field(_instant, needed=True),
        "extension": _Field(_extensions(frozenset())),
    }
    yield from _object(fields, "CDSHooksFeedback.feedback")(value, path)


def check_feedback(document: Any) -> list[Issue]:
    """Return every issue of a feedback call's body.

    cds-fb-2 (accepted implies acceptedSuggestions) is not asked for: our cards have no suggestions.
    """
    fields = {"feedback": _Field(_each(_feedback), needed=True)}
    return _run(_object(fields, "CDSHooksFeedback"), document, "CDSHooksFeedback")


def _run(check: Check, document: Any, path: str) -> list[Issue]:
    try:
        return list(check(document, path))
    except RecursionError:
        return [Issue("error", "too-long", path, "Nested too deeply")]
