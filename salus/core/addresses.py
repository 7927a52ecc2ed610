"""Where an id holds: the base URL of the FHIR server that gave it.

Source: FHIR R4 4.0.1, 2.26 (an id is unique among the resources of its type on one server) and 2.3.0.1 (what
a literal reference looks like).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LITERAL = re.compile(
    r"(https?://[^\s?#\x00-\x1f\x7f-\x9f]+)/([A-Z][A-Za-z]+/[^\s/#|?]{1,128})(?:/_history/[^\s/]+)?/?", re.I
)
_ID = re.compile(r"[^\s/#|?]{1,128}")
_USUAL_PORTS = (None, 80, 443)


def is_id(text: str) -> bool:
    """Whether `text` can be the id of a resource.

    FHIR R4 2.24.0.1 allows ``[A-Za-z0-9\\-\\.]{1,64}``. Servers write longer ones, and
    with other letters; but what nobody sees (control characters, marks of direction) makes no id.
    """
    return text.isprintable() and _ID.fullmatch(text) is not None


def parted(reference: str) -> tuple[str, str]:
    """Return (base, ``Type/id``) of an absolute reference to a resource; ("", `reference`) of any other."""
    found = _LITERAL.fullmatch(reference)
    return (tidy(found[1]), found[2]) if found else ("", reference)


def tidy(base: str) -> str:
    """Return a base URL without a login, a query or a slash at its end; "" where it is none."""
    try:
        parts = urlsplit(base.strip())
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            return ""
        netloc = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    return parts._replace(netloc=netloc, query="", fragment="").geturl().rstrip("/")


def is_same(one: str, other: str) -> bool:
    """Whether two base URLs are of one server: http or https, and its name in any case, say no more."""
    return _server(one) == _server(other)


def is_among(base: str, others: list[str] | tuple[str, ...]) -> bool:
    """Whether `base` is of one of the servers with the base URLs `others`."""
    return any(is_same(base, other) for other in others)


def _server(base: str) -> tuple[str | None, int | None, str]:
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError:
        return base, None, ""
    return parts.hostname, None if port in _USUAL_PORTS else port, parts.path.rstrip("/")
