"""What HL7's validator says of FHIR resources inside a CDS Hooks message, without a terminology server.

For the CDS Hooks door and its conformance tests. Source: FHIR R4 4.0.1 (datatypes, bundle, references) and
the outcomes of HL7's validator cases for CDS Hooks. Values that identify nobody (a code, an id) stay out of
messages too: the path says which element is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from salus.delivery.fhir_outcome import Issue

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")
TYPED_ID = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")

# FHIR R4 2.24.0.1 "Primitive Types": the regular expressions of date, dateTime and instant.
_DAY = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?"
_CLOCK = (
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
DATE = re.compile(_DAY + r"\Z")
DATE_TIME = re.compile(rf"{_DAY}({_CLOCK})?\Z")
INSTANT = re.compile(rf"[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]){_CLOCK}\Z")

# Element name -> (type, pattern), for the dates that orders and prefetched evidence carry.
_DATES = {
    "birthDate": ("date", DATE),
    "recordedDate": ("dateTime", DATE_TIME),
    "authoredOn": ("dateTime", DATE_TIME),
    "start": ("dateTime", DATE_TIME),
    "end": ("dateTime", DATE_TIME),
    "issued": ("instant", INSTANT),
    "lastUpdated": ("instant", INSTANT),
} | {
    f"{stem}DateTime": ("dateTime", DATE_TIME)
    for stem in ("effective", "onset", "abatement", "performed", "occurrence", "deceased", "value")
}

_REQUEST = {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
_EVENT = {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error"}
# FHIR R4: the required value sets behind `status`, by resource type.
_STATUS = {
    "MedicationRequest": {
        "active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown",
    },
    "ServiceRequest": _REQUEST,
    "DeviceRequest": _REQUEST,
    "NutritionOrder": _REQUEST,
    "VisionPrescription": {"active", "cancelled", "draft", "entered-in-error"},
    "Procedure": _EVENT | {"unknown"},
    "Observation": {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error",
        "unknown",
    },
}  # fmt: skip

# Extensions of HL7's own guides; every other one is unknown to a validator without that guide.
_KNOWN_EXTENSIONS = ("http://hl7.org/fhir/", "http://terminology.hl7.org/", "http://cds-hooks.hl7.org/")


def check_resource(resource: Any, path: str) -> Iterator[Issue]:
    """Yield the issues of one resource (or Bundle) that stands at `path`."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        yield Issue("fatal", "invalid", path, "Unable to find resourceType property")
        return
    here = _named(resource, path)
    if resource["resourceType"] == "Bundle":
        yield from _bundle(resource, path, here)
    else:
        yield from _contents(resource, here)


def _named(resource: dict[str, Any], path: str) -> str:
    """Return the path with the resource named as HL7's validator does: ``value/*Patient/7*/``."""
    return f"{path}/*{resource['resourceType']}/{resource.get('id') or 'null'}*/"


def _contents(resource: dict[str, Any], here: str) -> Iterator[Issue]:
    yield from _status(resource, here)
    yield from _walk(resource, here)


def _status(resource: dict[str, Any], here: str) -> Iterator[Issue]:
    allowed = _STATUS.get(resource["resourceType"])
    status = resource.get("status")
    if allowed is None or status is None or status in allowed:
        return
    text = f"Not a code of {resource['resourceType']}.status; choose one of: {', '.join(sorted(allowed))}"
    yield Issue("error", "not-found", f"{here}.status", text)
    yield Issue("error", "code-invalid", f"{here}.status", text)


def _walk(node: Any, path: str) -> Iterator[Issue]:
    """Yield what is wrong with dates and extensions anywhere below `node`."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key in _DATES and isinstance(value, str):
            kind, pattern = _DATES[key]
            if not pattern.match(value):
                yield Issue("error", "invalid", f"{path}.{key}", f"Not a valid {kind} format")
        elif key == "extension":
            yield from _extensions(value, path)
        else:
            yield from _below(value, f"{path}.{key}")


def _below(value: Any, path: str) -> Iterator[Issue]:
    if isinstance(value, dict):
        yield from _walk(value, path)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _below(part, f"{path}[{index}]")


def _extensions(value: Any, path: str) -> Iterator[Issue]:
    """Unknown extensions are named but tolerated: FHIR R4 2.4.0 forbids refusing a resource for one."""
    for index, extension in enumerate(value if isinstance(value, list) else ()):
        url = extension.get("url") if isinstance(extension, dict) else None
        if not isinstance(url, str) or not url.startswith(_KNOWN_EXTENSIONS):
            text = "The extension could not be found so is not allowed here"
            yield Issue("error", "structure", f"{path}.extension[{index}]", text, tolerated=True)


def _bundle(bundle: dict[str, Any], path: str, here: str) -> Iterator[Issue]:
    """FHIR R4 2.36.4.1: who an entry is, and how its references resolve, hangs on its fullUrl.

    One without is named and tolerated: Bundle.entry.fullUrl is 0..1, none of the constraints bdl-1 to bdl-12
    asks for it, a draft that is on no server has no address, and the draftOrders that CDS Hooks 2.0 itself
    shows have none. HL7's validator is stricter.
    """
    entries = bundle.get("entry")
    named_elsewhere = bundle.get("type") in ("transaction", "batch")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            yield Issue("error", "structure", f"{here}.entry[{index}]", "Must be an object")
            continue
        resource, at = entry.get("resource"), f"{here}.entry[{index}]"
        nameless = not named_elsewhere and not entry.get("fullUrl")
        if nameless:
            yield Issue(
                "error", "invalid", at,
                "Except for transactions and batches, each entry in a Bundle must have a fullUrl "
                "which is the identity of the resource in the entry", tolerated=True,
            )  # fmt: skip
            text = "Bundle entry missing fullUrl"
            yield Issue("error", "required", f"{path}.entry[{index}]", text, tolerated=True)
        if resource is not None:
            yield from check_resource(resource, f"{at}.resource")
            if nameless and isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                yield from _loose(resource, _named(resource, f"{at}.resource"))


def _loose(node: Any, path: str) -> Iterator[Issue]:
    """Yield relative references that nothing anchors."""
    if isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str) and TYPED_ID.match(reference):
            text = "Relative Reference appears inside Bundle whose entry is missing a fullUrl"
            yield Issue("error", "required", path, text, tolerated=True)
        for key, value in node.items():
            yield from _loose(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _loose(value, f"{path}[{index}]")
