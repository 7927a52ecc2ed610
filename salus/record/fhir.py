"""FHIR R4 at the point of care: a Bundle or a CDS Hooks prefetch becomes Timelines, and an account.

No database in the way; the same decoder as for bulk exports (`fhir_decode`). Bad evidence never raises: it
is counted with its reason and place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from time import process_time

import msgspec
from msgspec import Raw

from salus.core.errors import EvidenceError
from salus.core.evidence import Event, Timeline
from salus.record import fhir_types as t
from salus.record.account import Account
from salus.record.fhir_decode import Found, Near, decode, why_not
from salus.record.fhir_rows import Row
from salus.record.fhir_terms import canonical
from salus.record.fhir_time import moment
from salus.record.fhir_types import NOTHING
from salus.record.versions import compared, version

ANOTHERS = "another patient's"
_as_bundle = msgspec.json.Decoder(t.Bundle).decode
_object = msgspec.json.Decoder(dict[str, Raw]).decode


def event(row: Row) -> Event:
    """Return the Event of a row."""
    codes, time, end, known, value, unit, comparator, status, source = row
    return Event(
        codes,
        None if time is None else moment(time),
        None if end is None else moment(end),
        None if known is None else moment(known),
        value,
        unit,
        comparator,
        status,
        source,
    )


def timeline(subject: str, rows: Iterable[Row]) -> Timeline:
    """Return the Timeline of `rows`: the same as `Timeline.of`, without its cost where no two rows tie."""
    ordered = sorted(rows, key=_order)
    ties = any(_order(one) == _order(two) for one, two in pairwise(ordered))
    events = tuple(map(event, ordered))
    return Timeline.of(subject, events) if ties else Timeline(subject, events)


def _order(row: Row) -> tuple[float, str, tuple[str, ...]]:
    return (float("-inf") if row[1] is None else row[1] / 10**6, row[8], row[0])


class _Gathered:
    """Resources of one Bundle or prefetch: the later copy of a resource replaces the earlier one."""

    __slots__ = ("_copies", "account", "near", "read")

    def __init__(self) -> None:
        self.account = Account()
        self.near = Near()
        self.read: dict[str, Found] = {}
        self._copies: dict[str, Raw | bytes] = {}

    def add(self, entries: list[tuple[Raw | bytes, str, str, int]], only: str = "") -> None:
        """Decode (resource, full URL, place, line); `only` one patient's are taken when it is given."""
        for raw, url, _, _ in entries:
            # Only these two are ever referred to by what they are called; a look at every line costs a third.
            if url.startswith("urn:") or b"Medication" in bytes(raw):
                self.near.announce(raw, url)
        kind = ""
        for raw, url, place, line in entries:
            found = decode(raw, kind, self.near, url)
            kind = found.kind
            if only and found.subject and found.subject != only:
                found = found._replace(rows=[], reason=ANOTHERS)
            self._count(found, place, line)
            if found.source and found.reason != ANOTHERS and self._is_newest(found.source, raw):
                self.read[found.source] = found

    def _is_newest(self, source: str, raw: Raw | bytes) -> bool:
        """Whether this copy replaces the one before; versions are read only where there are two."""
        before = self._copies.get(source)
        if before is not None and compared(version(raw), version(before)) < 0:
            return False
        self._copies[source] = raw
        return True

    def _count(self, found: Found, place: str, line: int) -> None:
        account = self.account
        if found.reason:
            account.reject(place, line, found.reason)
        else:
            account.resources += 1
            (account.as_events if found.subject else account.as_context)[found.kind] += 1

    def rows(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """Yield (subject, rows) of every resource that stands."""
        return ((one.subject, one.rows) for one in self.read.values() if one.rows and not one.reason)

    def close(self, began: float) -> dict[str, list[Row]]:
        """Return the rows by subject and finish the account."""
        by_subject: dict[str, list[Row]] = {}
        for subject, rows in self.rows():
            by_subject.setdefault(subject, []).extend(rows)
        self.account.events = sum(map(len, by_subject.values()))
        self.account.subjects = len(by_subject)
        self.account.cpu_seconds = process_time() - began
        return by_subject


def entries(raw: bytes | Raw) -> list[tuple[Raw, str]] | None:
    """Return (resource, full URL) of each entry of a Bundle, oldest first; None when it is no Bundle.

    Raises EvidenceError when it is a Bundle that cannot be read.
    """
    try:
        read = _as_bundle(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        if b"Bundle" not in bytes(raw):
            return None
        raise EvidenceError(f"Bundle cannot be read: {why_not(error)}") from None
    if read.resourceType != "Bundle":
        return None
    found = [(one.resource, one.fullUrl or "") for one in read.entry or () if one.resource is not NOTHING]
    return found[::-1] if read.type == "history" else found


def bundle(raw: bytes, place: str) -> tuple[list[Timeline], Account]:
    """Return one Timeline a subject and the Account of a Bundle (or of a single resource).

    Lines of the account are entries, from 1.
    """
    began, gathered = process_time(), _Gathered()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    gathered.add(list(_opened(raw, place, gathered.account)))
    by_subject = gathered.close(began)
    return [timeline(subject, rows) for subject, rows in sorted(by_subject.items())], gathered.account


def _opened(raw: bytes | Raw, place: str, account: Account) -> Iterator[tuple[Raw | bytes, str, str, int]]:
    try:
        found = entries(raw)
    except EvidenceError as error:
        account.reject(place, 1, str(error))
        return
    if found is None:
        yield raw, "", place, 1
        return
    for line, (resource, url) in enumerate(found, 1):
        yield resource, url, place, line


def prefetch(
    raw: bytes | Raw | Mapping[str, bytes | Raw], subject: str, place: str
) -> tuple[Timeline, Account]:
    """Return the Timeline of `subject` (``Patient/<id>``) from a CDS Hooks prefetch, and its Account.

    raw: the prefetch object, or its values by key; a value may be a resource, a Bundle, null or an
    OperationOutcome, and the whole may itself be one Bundle. Another patient's resources are refused.
    Raises EvidenceError when the prefetch is no JSON object.
    """
    began, gathered = process_time(), _Gathered()
    subject = canonical(subject if "/" in subject else f"Patient/{subject}")
    found: list[tuple[Raw | bytes, str, str, int]] = []
    values = raw if isinstance(raw, Mapping) else _values(raw)
    if "resourceType" in values and not isinstance(raw, Mapping):
        values = {"": raw}
    for key, value in values.items():
        if bytes(value) != b"null":
            found += _opened(value, f"{place}#{key}" if key else place, gathered.account)
    gathered.add(found, only=subject)
    made = timeline(subject, gathered.close(began).get(subject, []))
    gathered.account.cpu_seconds = process_time() - began
    return made, gathered.account


def _values(raw: bytes | Raw) -> Mapping[str, bytes | Raw]:
    try:
        return _object(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EvidenceError(f"prefetch cannot be read: {why_not(error)}") from None
