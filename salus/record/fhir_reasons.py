"""Why a resource is refused: in words that name elements and rules, and never what the bytes hold."""

from __future__ import annotations

import re

import msgspec

DELETED = "deleted where it came from"
ANOTHER_SERVERS = "another patient's: its id is of another server"
NOT_TEXT = "not UTF-8"
_PATH = re.compile(r"`(\$[^`]*)`")


def why_not(error: Exception) -> str:
    """Return in words why bytes are no resource; never what they hold."""
    if isinstance(error, msgspec.ValidationError):
        path = _PATH.search(str(error))
        if path is None and "Expected `object`" in str(error):
            return "not a JSON object"
        return f"wrong shape: {path[1] if path else '$'}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return NOT_TEXT
    if isinstance(error, msgspec.MsgspecError):
        return "not JSON"
    return str(error)


# How the reasons begin of what cannot be decoded: nobody knows what it would have said.
_BROKEN = ("wrong shape", "not JSON", "not a JSON", NOT_TEXT, "not a FHIR date", "nested too deeply")


def is_broken(reason: str) -> bool:
    """Whether `reason` says that bytes cannot be decoded; such a copy takes no other one's place."""
    return reason.startswith(_BROKEN)


def is_text(raw: bytes) -> bool:
    """Whether `raw` is UTF-8."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
