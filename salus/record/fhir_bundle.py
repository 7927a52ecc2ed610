"""What a Bundle holds: resources with their full URLs, and what it says was deleted.

Source: HL7 FHIR R4 Bundle. A history is newest first. A batch answers a search with a Bundle inside, which is
opened. An entry without a resource that asks for DELETE takes back what an earlier copy said, and is of the
version that its response names: an older copy that is read later does not come back. An entry that cannot be
read costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from salus.core.errors import EvidenceError
from salus.record import fhir_types as t
from salus.record.fhir_reasons import why_not
from salus.record.fhir_types import MALFORMED, NOTHING

# Deeper than a batch of searches nobody nests; what is deeper is refused as "a Bundle inside".
_DEEPEST = 4
_A_VERSION = re.compile(r".*/_history/([^/]+)/?")
# RFC 9110 section 8.8.3; FHIR R4 Bundle.entry.response.etag writes a version in it: W/"3".
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')

T = TypeVar("T")
Entries = list[tuple[Raw | bytes, str]]


class _Loose(msgspec.Struct):
    """A Bundle of which some entry has a wrong shape."""

    resourceType: Any = None
    type: Any = None
    entry: list[Raw] | None = None


class _Resource(msgspec.Struct):
    resource: Raw = NOTHING


# RFC 8259 section 7: a string, and in it what may stand (a pair of surrogates, another escape) or may not.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ODD = re.compile(
    rb"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    rb'|(?P<escape>\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))'
    rb"|\\.|[\x00-\x1f]",
    re.DOTALL,
)

_as_bundle = msgspec.json.Decoder(t.Bundle).decode
_as_loose = msgspec.json.Decoder(_Loose).decode
_as_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_as_list = msgspec.json.Decoder(list[Raw]).decode
_as_entry = msgspec.json.Decoder(t.Entry).decode
_as_resource = msgspec.json.Decoder(_Resource).decode
_as_request = msgspec.json.Decoder(t.Request).decode
_as_response = msgspec.json.Decoder(t.Response).decode


def entries(raw: bytes | Raw, depth: int = 0) -> Entries | None:
    """Return (resource, full URL) of each entry of a Bundle, oldest first; None when it is no Bundle.

    A JSON array of resources is taken for a Bundle of these. What was deleted stands as ``{"request": …}``,
    with the `meta` of that version where it is told. Raises EvidenceError when it is a Bundle that cannot be
    read.
    """
    if bytes(raw)[:1] == b"[":
        return _listed(raw, depth)
    try:
        read = _as_bundle(raw)
    except MALFORMED as error:
        return _entries_that_can_be_read(raw, depth, error)
    if read.resourceType != "Bundle":
        return None
    return _in_order(read.type, [one for entry in read.entry or () for one in _opened(entry, depth)])


def _listed(raw: bytes, depth: int) -> Entries | None:
    """Return what an array holds; None when it is no array."""
    try:
        found, text = loosened(_as_list, raw)
    except MALFORMED:
        return None
    return [each for one in _of(raw, text, found) for each in _opened(t.Entry(resource=one), depth)]


def _in_order(kind: Any, found: Entries) -> Entries:
    return found[::-1] if kind == "history" else found


def _entries_that_can_be_read(raw: bytes | Raw, depth: int, error: Exception) -> Entries | None:
    if b"Bundle" not in bytes(raw):
        return None
    raw = bytes(raw)
    try:
        read, text = loosened(_as_loose, raw)
    except MALFORMED:
        raise EvidenceError(f"Bundle cannot be read: {why_not(error)}") from None
    if read.resourceType != "Bundle":
        return None
    return _in_order(
        read.type, [one for entry in _of(raw, text, read.entry) for one in _loosely(entry, depth)]
    )


def loosened(decode: Callable[[bytes], T], raw: bytes) -> tuple[T, bytes]:
    """Return what `raw` holds, and the text in which it was found: `raw` itself or its plain form.

    Raises what `decode` does where neither can be read.
    """
    try:
        return decode(raw), raw
    except MALFORMED:
        text = plain(raw)
        return decode(text), text


def fields(raw: bytes | Raw) -> dict[str, Raw]:
    """Return the values of a JSON object by name, each as it came, whatever stands in their strings.

    Raises msgspec.DecodeError when it is none.
    """
    found, text = loosened(_as_fields, bytes(raw))
    if text is raw:
        return found
    try:
        return dict(zip(found, _of(bytes(raw), text, found.values()), strict=True))
    except ValueError:
        # A name that stands twice: which of the two is meant, nobody knows.
        raise msgspec.DecodeError("a name stands twice") from None


def plain(raw: bytes) -> bytes:
    """Return `raw` with all that JSON forbids in a string made plain, each byte in its place.

    So the rest of a Bundle can be read beside an entry in which a character is cut in two.
    """
    return _STRING.sub(lambda text: _ODD.sub(_dotted, text[0]), raw)


def _dotted(odd: re.Match[bytes]) -> bytes:
    return odd[0] if odd.lastgroup else b"." * len(odd[0])


def _of(raw: bytes, text: bytes, parts: Iterable[Raw] | None) -> Iterator[Raw]:
    """Yield what stands in `raw` where consecutive parts of `text`, as long as it is, were found."""
    at = 0
    for part in map(bytes, parts or ()):
        at = text.index(part, at)
        yield Raw(raw[at : at + len(part)])
        at += len(part)


def _loosely(entry: Raw, depth: int) -> Iterator[tuple[Raw | bytes, str]]:
    try:
        yield from _opened(_as_entry(entry), depth)
        return
    except MALFORMED:
        pass
    try:
        resource = _as_resource(entry).resource
    except MALFORMED:
        resource = NOTHING
    # Without its resource the entry itself is what is refused, and counted.
    yield (entry if resource is NOTHING else resource), ""


def _opened(entry: t.Entry, depth: int) -> Iterator[tuple[Raw | bytes, str]]:
    gone = entry.request is not NOTHING and _deleted(entry)
    if gone:
        yield gone, ""
    elif entry.resource is not NOTHING:
        inside = _inside(entry.resource, depth)
        if inside is None or (not inside and not _found_none(entry.resource)):
            yield entry.resource, entry.fullUrl or ""
        else:
            yield from inside


def _inside(resource: Raw, depth: int) -> Entries | None:
    if depth >= _DEEPEST or b'"Bundle"' not in bytes(resource):
        return None
    try:
        return entries(resource, depth + 1)
    except EvidenceError:
        return None


def _found_none(empty: Raw) -> bool:
    """Whether a Bundle without entries is a search's answer; any other would vanish uncounted."""
    return _as_loose(empty).type in ("searchset", "history")


def _deleted(entry: t.Entry) -> bytes:
    """Return what stands for a deleted resource; b"" where nothing is deleted."""
    if b"DELETE" not in bytes(entry.request).upper():
        return b""
    try:
        asked = _as_request(entry.request)
    except MALFORMED:
        # Nobody knows what it takes back: it is counted, and refused.
        asked = t.Request("DELETE")
    if (asked.method or "").upper() != "DELETE":
        return b""
    url = asked.url or ""
    meta = _version(entry.response, url)
    said = {"request": {"method": "DELETE", "url": url}}
    return msgspec.json.encode(said | {"meta": meta} if meta else said)


def _version(response: Raw, url: str) -> dict[str, str]:
    """Return as `Resource.meta` which version a deletion is; {} where neither response nor URL says."""
    try:
        told = _as_response(response)
    except MALFORMED:
        told = t.Response()
    tag = _ETAG.fullmatch(told.etag or "") or _A_VERSION.fullmatch(url)
    meta = {"lastUpdated": told.lastModified, "versionId": tag and tag[1]}
    return {name: text for name, text in meta.items() if text}
