"""Which copy of a resource stands, whether one read brings them all (a history, newest first) or several.

Source: FHIR R4 Resource.meta: `lastUpdated` grows with every version; `versionId` is compared where both are
numbers. A copy that says neither stands by its place: what comes later is newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
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


NO_VERSION = Version(None, None)
_read = msgspec.json.Decoder(_Versioned).decode


def version(raw: bytes | msgspec.Raw) -> Version:
    """Return the version that the resource `raw` says it is."""
    try:
        meta = _read(raw).meta or _Meta()
    except (msgspec.MsgspecError, RecursionError):
        return NO_VERSION
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


class Copy(NamedTuple):
    """One copy of a resource: where it stands, the sum of its bytes, and whether it could not be decoded."""

    place: int
    total: int
    version: Version
    broken: bool


def standing(copies: Sequence[Copy]) -> Copy:
    """Return the copy that stands, of copies in the order in which they were read.

    A copy that cannot be decoded costs itself alone: it stands only where there is no other.
    """
    found = copies[0]
    for copy in copies[1:]:
        older = copy.broken == found.broken and compared(copy.version, found.version) < 0
        if older or (copy.broken and not found.broken):
            continue
        # One that names no version takes the place of the one before, and what is older than that stays old.
        found = copy if is_said(copy.version) or found.broken else copy._replace(version=found.version)
    return found


def is_said(said: Version) -> bool:
    """Whether a resource says anything of its version."""
    return said != NO_VERSION
