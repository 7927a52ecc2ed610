"""Which of two copies of a resource is the newer, where one read brings both (a history, newest first).

Source: FHIR R4 Resource.meta: `lastUpdated` grows with every version; `versionId` is compared where both are
numbers. A copy that says neither stands by its place: what comes later is newer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cmp_to_key
from typing import NamedTuple

import msgspec


class _Meta(msgspec.Struct, gc=False):
    lastUpdated: str | None = None
    versionId: str | None = None


class _Versioned(msgspec.Struct, gc=False):
    meta: _Meta | None = None


class Version(NamedTuple):
    """What a resource says of its own version; None where it says nothing."""

    updated: datetime | None
    number: int | None


_read = msgspec.json.Decoder(_Versioned).decode


def version(raw: bytes | msgspec.Raw) -> Version:
    """Return the version that the resource `raw` says it is."""
    try:
        meta = _read(raw).meta or _Meta()
    except (msgspec.MsgspecError, RecursionError):
        return Version(None, None)
    number = meta.versionId or ""
    return Version(
        _instant(meta.lastUpdated), int(number) if number.isdecimal() and len(number) < 19 else None
    )


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def compared(one: Version, other: Version) -> int:
    """Return -1, 0 or 1: `one` is older, of the same standing, or newer."""
    if one.updated and other.updated and one.updated != other.updated:
        return 1 if one.updated > other.updated else -1
    if one.number is not None and other.number is not None:
        return (one.number > other.number) - (one.number < other.number)
    return 0


def oldest_first(copies: list[tuple[int, Version]]) -> list[int]:
    """Return the places of copies (each with its version, in order of reading), oldest first."""
    by_version = cmp_to_key(compared)
    return [place for place, _ in sorted(copies, key=lambda copy: by_version(copy[1]))]
