"""FHIR R4 at the point of care: a Bundle or a CDS Hooks prefetch becomes Timelines, and an account.

No database in the way; the same decoder as for bulk exports (`fhir_decode`). Bad evidence never raises: it
is counted with its reason and place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from typing import NamedTuple

import msgspec
from msgspec import Raw

from salus.core.addresses import is_among, tidy
from salus.core.errors import EvidenceError
from salus.core.evidence import Event, Timeline
from salus.record.account import Account
from salus.record.columns import Vocabulary
from salus.record.fhir_bundle import entries, fields
from salus.record.fhir_decode import Near, Plain, patient_of, read
from salus.record.fhir_reasons import ANOTHER_SERVERS, NOT_TEXT, is_broken, is_text, why_not
from salus.record.fhir_rows import Row
from salus.record.fhir_terms import canonical
from salus.record.fhir_types import MALFORMED
from salus.record.homes import home
from salus.record.marked import labels_in, marked
from salus.record.refused import Refused, refused
from salus.record.sheets import NOT_PLAIN, Words, sheet
from salus.record.versions import compared, is_said, version

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ANOTHERS = "another patient's"
DRAFT = "draft"
# What CDS Hooks 2.0 lists as draftOrders, and the statuses and intents in which one is being ordered: what
# ends or forbids something is no order for it.
_ORDERS = frozenset(
    {"MedicationRequest", "ServiceRequest", "DeviceRequest", "NutritionOrder", "VisionPrescription"}
)
_ORDERING = frozenset({DRAFT, "active", "on-hold", "unknown", "proposal", "plan", "option", None})


class _Instants(dict[int, datetime]):
    """The aware datetimes (UTC) of microseconds since 1970 that were asked for lately."""

    def __missing__(self, micros: int) -> datetime:
        if len(self) > 1 << 12:
            self.clear()
        self[micros] = found = _EPOCH + timedelta(0, 0, micros)
        return found


_instants = _Instants()


def event(row: Row) -> Event:
    """Return the Event of a row."""
    codes, time, end, known, value, unit, comparator, status, source = row
    at = None if time is None else _instants[time]
    seen = at if known == time else None if known is None else _instants[known]
    over = None if end is None else _instants[end]
    return Event(codes, at, over, seen, value, unit, comparator, status, source)


def timeline(subject: str, rows: Sequence[Row]) -> Timeline:
    """Return the Timeline of `rows`: the same as `Timeline.of`, without its cost where no two rows tie."""
    keys = [_order(row) for row in rows]
    places = sorted(range(len(rows)), key=keys.__getitem__)
    events = tuple([event(rows[at]) for at in places])
    ties = any(keys[one] == keys[two] for one, two in pairwise(places))
    return Timeline.of(subject, events) if ties else Timeline(subject, events)


def _order(row: Row) -> tuple[float, str, tuple[str, ...]]:
    return (float("-inf") if row[1] is None else row[1] / 10**6, row[8], row[0])


class Drafts(NamedTuple):
    """Orders that are being written while the hook is called, as bytes, and the moment of the call."""

    raw: bytes
    at: datetime


class _Patients(dict[str, int]):
    """The number of the patient that a reference names, -1 where it names none here; `names` by number."""

    def __init__(self, near: Near) -> None:
        self.names: list[str] = []
        self._near = near

    def __missing__(self, told: str) -> int:
        name = patient_of(told, self._near)
        self[told] = number = len(self.names) if name else -1
        self.names += [name] if number >= 0 else []
        return number


def _is_elsewhere(base: str, servers: tuple[str, ...]) -> bool:
    """Whether `base` is of another server than `servers`, as far as both are known."""
    return bool(base and servers) and not is_among(base, servers)


def _at_once(raws: list[bytes], near: Near) -> dict[int, Plain]:
    """Return by place what the plain Observations among `raws` are: a prefetch has them by the hundred."""
    at = [place for place, raw in enumerate(raws) if b'"Observation"' in raw]
    words, patients = Vocabulary(), _Patients(near)
    try:
        taken = sheet("Observation", [raws[place] for place in at], Words(words), patients)
    except NOT_PLAIN:
        return {}
    made, codes, sources = taken.made, list(words), taken.sources
    rows: list[list[Row]] = [[] for _ in sources]
    columns = zip(made.codes, made.time, made.end, made.known, made.values, made.status, made.of, strict=True)
    for code, time, end, known, said, status, of in columns:
        rows[of].append((codes[code], time, end, known, *said, status, sources[of]))
    found = zip(taken.places, sources, taken.owners, rows, strict=True)
    return {
        at[place]: ("Observation", source, patients.names[owner], mine, "")
        for place, source, owner, mine in found
    }


def _differ(one: bytes, other: bytes) -> bool:
    """Whether two copies say something else, and not only in another order or spacing."""
    if one == other:
        return False
    try:
        return bool(msgspec.json.decode(one) != msgspec.json.decode(other))
    except MALFORMED:
        return True


def _told_of(replaced: list[str]) -> list[str]:
    """Say in words what stands no more because another resource has its id."""
    if not replaced:
        return []
    first, many = ", ".join([*dict.fromkeys(replaced)][:3]), len(replaced)
    share, were = ("s share their", "were") if many > 1 else (" shares its", "was")
    return [f"{many} resource{share} id with a later one that differs, and {were} not used: {first}."]


class _Gathered:
    """Resources of one Bundle or prefetch; of several copies of a resource one stands, as in an archive."""

    __slots__ = ("_broken", "_copies", "_homes", "_replaced", "account", "labels", "near", "read", "refused")

    def __init__(self, servers: tuple[str, ...] = ()) -> None:
        self.account = Account()
        self._homes = servers
        self.near = Near(
            ours=lambda base: not _is_elsewhere(base, servers),
            elsewhere=lambda base: _is_elsewhere(base, self._homes),
        )
        # What stands, by ``Type/id``: its subject and its rows.
        self.read: dict[str, tuple[str, Sequence[Row]]] = {}
        # What stands and was refused, by ``Type/id``.
        self.refused: dict[str, Refused] = {}
        # Security labels of what stands, by resource and by what it contains.
        self.labels: dict[str, tuple[str, ...]] = {}
        # The last copy of each that was not older than those before it, and that may name its version.
        self._copies: dict[str, bytes] = {}
        # The last copy of each that cannot be decoded.
        self._broken: dict[str, bytes] = {}
        # What differs from another under its id, where neither is said to be the newer one.
        self._replaced: list[str] = []

    def add(self, entries: list[tuple[Raw | bytes, str, str, int]], only: str = "") -> None:
        """Decode (resource, full URL, place, line); `only` one patient's are taken when it is given."""
        raws = [bytes(raw) for raw, _, _, _ in entries]
        # Its own pages may call the server otherwise than the call does.
        found = home((raw, url) for raw, url, _, _ in entries)
        self._homes = (found,) if found else self._homes
        plain, kind = _at_once(raws, self.near), ""
        for at, (_, url, _, _) in enumerate(entries):
            # Only these two are ever referred to by what they are called; a look at every line costs a third.
            if url.startswith("urn:") or (at not in plain and b"Medication" in raws[at]):
                self.near.announce(raws[at], url)
        for at, (_, url, place, line) in enumerate(entries):
            kind, source, subject, rows, reason = (
                plain.get(at) or read(raws[at], kind, self.near, url)
                if is_text(raws[at])
                else (kind, "", "", (), NOT_TEXT)
            )
            if only and subject and subject != only:
                reason = ANOTHERS
            self._count(kind, subject, reason, place, line)
            if reason == ANOTHER_SERVERS:
                continue
            left = refused(raws[at], reason, self.near, url) if reason else None
            if reason and is_broken(reason):
                source = source or (left.source if left else "")
                stands = self._is_no_older(source, raws[at])
            else:
                stands = not source or self._is_newest(source, raws[at])
                if source and stands:
                    self.read[source] = (subject, () if reason else rows)
            if stands:
                self._mark(raws[at], source or (left.source if left else ""), rows)
                self._settle(source, raws[at])
                if left is not None and only in ("", left.subject):
                    self.refused[left.source] = left

    def _mark(self, raw: bytes, source: str, rows: Sequence[Row]) -> None:
        """Note the security labels of a resource that stands, or that it has none any more."""
        found = labels_in(raw)
        for one in {source, *(row[8] for row in rows)}:
            if found:
                self.labels[one] = found
            else:
                self.labels.pop(one, None)

    def draft(self, entries: list[tuple[Raw | bytes, str, str, int]], only: str, at: datetime) -> None:
        """Take the orders for `only` among `entries` as being written at `at`, beside what is there."""
        moment = (at - _EPOCH) // timedelta(microseconds=1)
        for raw, url, _, _ in entries:
            self.near.announce(raw, url)
        for raw, url, place, line in entries:
            kind, source, subject, rows, reason = read(bytes(raw), "", self.near, url)
            if subject and subject != only:
                reason = ANOTHERS
            self._count(f"{DRAFT} {kind}", subject, reason, place, line)
            if not reason and kind in _ORDERS:
                stood = [row for row in self.read.get(source, ("", ()))[1] if row[7] != DRAFT]
                written = [
                    (row[0], moment, None, moment, *row[4:7], DRAFT, row[8])
                    for row in rows
                    if row[7] in _ORDERING
                ]
                self.read[source] = (only, [*stood, *written])

    def _is_no_older(self, source: str, raw: bytes) -> bool:
        """Whether a copy that cannot be decoded may be newer than the one that stands."""
        before = self._copies.get(source)
        others = [one for one in (before, self._broken.get(source)) if one is not None]
        if any(compared(version(raw), version(one)) < 0 for one in others):
            return False
        self._broken[source] = raw
        return True

    def _settle(self, source: str, raw: bytes) -> None:
        """Forget what was refused under this name before, but for a newer copy that cannot be decoded."""
        broken = self._broken.get(source)
        if broken is None or compared(version(raw), version(broken)) >= 0:
            self.refused.pop(source, None)

    def _is_newest(self, source: str, raw: bytes) -> bool:
        """Whether this copy replaces the one before; versions are read only where there are two."""
        before = self._copies.get(source)
        if before is not None:
            said, stood = version(raw), version(before)
            newer = compared(said, stood)
            if newer < 0:
                return False
            if newer == 0 and _differ(raw, before):
                self._replaced.append(source)
            # What names no version takes the place of the one before, and what is older than that stays old.
            raw = raw if is_said(said) else before
        self._copies[source] = raw
        return True

    def _count(self, kind: str, subject: str, reason: str, place: str, line: int) -> None:
        account = self.account
        if reason:
            account.reject(place, line, reason)
        else:
            account.resources += 1
            (account.as_events if subject else account.as_context)[kind] += 1

    def close(self, began: float) -> dict[str, list[Row]]:
        """Return the rows by subject and finish the account."""
        self.account.notes += _told_of(self._replaced)
        by_subject: dict[str, list[Row]] = {}
        for subject, rows in self.read.values():
            if rows:
                by_subject.setdefault(subject, []).extend(rows)
        self.account.events = sum(map(len, by_subject.values()))
        self.account.subjects = len(by_subject)
        for left in self.refused.values():
            if left.subject in by_subject:
                by_subject[left.subject] += left.rows
        self.account.cpu_seconds = process_time() - began
        return by_subject


def bundle(raw: bytes, place: str) -> tuple[list[Timeline], Account]:
    """Return one Timeline a subject and the Account of a Bundle (or of a single resource).

    Lines of the account are entries, from 1.
    """
    began, gathered = process_time(), _Gathered()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    gathered.add(list(_opened(raw, place, gathered.account)))
    by_subject = gathered.close(began)
    made = [marked(timeline(subject, rows), gathered.labels) for subject, rows in sorted(by_subject.items())]
    return made, gathered.account


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
    raw: bytes | Raw | Mapping[str, bytes | Raw],
    subject: str,
    place: str,
    drafts: Drafts | None = None,
    servers: tuple[str, ...] = (),
) -> tuple[Timeline, Account]:
    """Return the Timeline of `subject` (``Patient/<id>``) from a CDS Hooks prefetch, and its Account.

    raw: the prefetch object, or its values by key; a value may be a resource, a Bundle, null or an
    OperationOutcome, and the whole may itself be one Bundle. Another patient's resources are refused.
    drafts: what is being ordered; it counts as ``draft``, at that moment, and never as ordered already.
    servers: base URLs of the servers whose id `subject` is; a patient of another one is another patient.
    Raises EvidenceError when the prefetch is no JSON object.
    """
    began, gathered = process_time(), _Gathered(tuple(filter(None, map(tidy, servers))))
    subject = canonical(subject if "/" in subject else f"Patient/{subject}")
    found: list[tuple[Raw | bytes, str, str, int]] = []
    values = raw if isinstance(raw, Mapping) else _values(raw)
    if "resourceType" in values and not isinstance(raw, Mapping):
        values = {"": raw}
    for key, value in values.items():
        if bytes(value) != b"null":
            found += _opened(value, f"{place}#{key}" if key else place, gathered.account)
    gathered.add(found, only=subject)
    if drafts is not None:
        written = list(_opened(drafts.raw, f"{place}.{DRAFT}Orders", gathered.account))
        gathered.draft(written, subject, drafts.at)
    made = marked(timeline(subject, gathered.close(began).get(subject, [])), gathered.labels)
    gathered.account.cpu_seconds = process_time() - began
    return made, gathered.account


def _values(raw: bytes | Raw) -> Mapping[str, bytes | Raw]:
    try:
        return fields(raw)
    except MALFORMED as error:
        raise EvidenceError(f"prefetch cannot be read: {why_not(error)}") from None
