"""Which copy of a resource stands, whether one read brings them all (a history, newest first) or several.

Source: FHIR R4 Resource.meta: `lastUpdated` grows with every version; `versionId` is compared where both are
numbers. A copy that says neither stands by its place: what comes later is newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise, takewhile
from typing import NamedTuple

import msgspec

from salus.record.fhir_types import MALFORMED


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
    except MALFORMED:
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
    """One copy of a resource.

    place: its order of reading. total: the sum of its bytes. broken: whether it could not be decoded.
    whose: the number of the subject that it is evidence of; None: it is none. stood, fell: whether it stood
    at the end of the read before, or had lost its place by then; a new one did neither.
    """

    place: int
    version: Version
    total: int | None = None
    broken: bool = False
    whose: int | None = None
    stood: bool = False
    fell: bool = False


def ordered(copies: Sequence[Copy]) -> list[Copy]:
    """Return the copies from the oldest to the one that stands, of copies in the order of reading.

    A later copy moves none of those before it, so the order is the same whichever read brought them. A copy
    that cannot be decoded costs itself alone: it is left out unless there is no other.
    """
    every = [one for one in copies if not one.broken] or copies
    found: list[Copy] = []
    in_line, stood = _have_one_order(every), 0
    for copy in every:
        # Only while what stood is the last can one look tell on which side of it a copy that fell belongs.
        by_halves = in_line and (not copy.fell or not stood or (stood == 1 and found[-1].stood))
        at = _halved(copy, found) if by_halves else _scanned(copy, found)
        # One that names no version takes the place of the one before, and what is older than that stays old.
        lends = at > 0 and not is_said(copy.version)
        found.insert(at, copy._replace(version=found[at - 1].version) if lends else copy)
        in_line, stood = in_line and _is_in_line(found, at), stood + copy.stood
    return found


def _scanned(copy: Copy, found: list[Copy]) -> int:
    """Return where `copy` belongs: behind the last one that it is not before."""
    at = len(found)
    while at and _is_before(copy, found[at - 1]):
        at -= 1
    return at


def _halved(copy: Copy, found: list[Copy]) -> int:
    """Return what `_scanned` does, of copies in line: a history of thousands comes newest first."""
    low, high = 0, len(found)
    while low < high:
        middle = (low + high) // 2
        if _is_before(copy, found[middle]):
            high = middle
        else:
            low = middle + 1
    return low


def _have_one_order(copies: Sequence[Copy]) -> bool:
    """Whether all that say a version say it in the same way, so that any two of them can be compared."""
    said = {
        (one.version.updated is None, one.version.number is None) for one in copies if is_said(one.version)
    }
    return len(said) <= 1


def _is_in_line(found: list[Copy], at: int) -> bool:
    """Whether none beside place `at` is older than the one before it, or unlike it says no version."""
    pairs = pairwise(one.version for one in found[max(at - 1, 0) : at + 2])
    return all(compared(one, other) <= 0 and (is_said(other) or not is_said(one)) for one, other in pairs)


def _is_before(copy: Copy, other: Copy) -> bool:
    # What stood keeps its place among what was read with it: the evidence of the others may be gone.
    if copy.stood:
        return False
    return (copy.fell and other.stood) or compared(copy.version, other.version) < 0


def of_one_subject(line: Sequence[Copy]) -> list[Copy]:
    """Return the end of `line` (oldest first) that tells, without a break, of one and the same subject.

    What is older than a copy that was withdrawn, refused, or told of somebody else, was never so.
    """
    whose = line[-1].whose
    found = list(takewhile(lambda copy: whose is not None and copy.whose == whose, reversed(line)))
    return found[::-1]


def is_said(said: Version) -> bool:
    """Whether a resource says anything of its version."""
    return said != NO_VERSION
