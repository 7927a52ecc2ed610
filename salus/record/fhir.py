"""FHIR R4 in: a resource, a Bundle or a prefetch becomes Events, or is counted with the reason why not.

One decoder for every door: `decode` reads one resource; `bundle` and `prefetch` read many at the point of
care; `bulk` reads them by the hundred thousand. Nothing here raises for bad evidence: it is accounted for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import process_time
from typing import NamedTuple

import msgspec
from msgspec import Raw

from salus.core.errors import EvidenceError
from salus.core.evidence import Event, Timeline
from salus.record import fhir_types as t
from salus.record.account import Account
from salus.record.fhir_kinds import MEDICATED, MUST_NAME_PATIENT, MUST_SAY_STATUS, OF_NOBODY, OF_PATIENTS
from salus.record.fhir_rows import OTHER, READERS, Row, Rows, understood
from salus.record.fhir_terms import canonical, concept, reference
from salus.record.fhir_time import moment
from salus.record.fhir_types import NOTHING

ENTERED_IN_ERROR = "entered-in-error"
ANOTHERS = "another patient's"
_ID = re.compile(r"[^\s/#|?]{1,128}")
_PATH = re.compile(r"`(\$[^`]*)`")

_name = msgspec.json.Decoder(t.Named).decode
_medication = msgspec.json.Decoder(t.Medication).decode
_as_bundle = msgspec.json.Decoder(t.Bundle).decode
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_DECODERS = {kind: (msgspec.json.Decoder(struct).decode, rows) for kind, (struct, rows) in READERS.items()}
_OTHER = (msgspec.json.Decoder(OTHER[0]).decode, OTHER[1])


class Found(NamedTuple):
    """What one resource was: evidence of `subject` (rows), context (no subject) or refused (reason)."""

    kind: str
    source: str
    subject: str = ""
    rows: Sequence[Row] = ()
    reason: str = ""


@dataclass(slots=True)
class Near:
    """What a resource may refer to: full URLs of its Bundle (to ``Type/id``) and the codes of medications."""

    urls: dict[str, str] = field(default_factory=dict)
    medications: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def resolve(self, target: str) -> str:
        """Return ``Type/id`` of a reference that may be a Bundle's full URL; "" when it is not there."""
        return self.urls.get(target, "") if target.startswith("urn:") else target

    def drug(self, target: str) -> tuple[str, ...]:
        """Return the codes of a Medication, or the reference itself where it is not at hand."""
        found = self.resolve(target) or target
        return self.medications.get(found, (found,))

    def keep(self, source: str, raw: bytes | Raw) -> None:
        """Remember the codes of the Medication `source`."""
        try:
            code = _medication(raw).code
            codes = () if code is NOTHING else concept(bytes(code)).codes
        except (msgspec.MsgspecError, RecursionError, EvidenceError):
            return
        if codes:
            self.medications[source] = codes


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
        return "not UTF-8"
    if isinstance(error, msgspec.MsgspecError):
        return "not JSON"
    return str(error)


def decode(raw: bytes | Raw, hint: str = "", near: Near | None = None, url: str = "") -> Found:
    """Return what the resource `raw` is; never raises for what is in it.

    hint: the type that it most likely has (saves a look). url: its full URL in a Bundle.
    """
    around = near or _NOWHERE
    reader = _DECODERS.get(hint)
    if reader is not None:
        try:
            resource = reader[0](raw)
            if resource.resourceType == hint:
                return _read(resource, reader[1], raw, around, url)
        except (msgspec.MsgspecError, RecursionError):
            pass
    return _dispatch(raw, around, url)


_NOWHERE = Near()


def _dispatch(raw: bytes | Raw, near: Near, url: str) -> Found:
    kind = source = ""
    try:
        named = _name(raw)
        kind = named.resourceType or ""
        source = _source(kind, named.id, raw, url) if kind else ""
        if kind in OF_NOBODY:
            if kind == "Medication":
                near.keep(source, raw)
            return Found(kind, source)
        if kind not in OF_PATIENTS:
            return Found(kind, source, reason=_unknown(kind))
        decoder, rows = _DECODERS.get(kind, _OTHER)
        return _read(decoder(raw), rows, raw, near, url)
    except (msgspec.MsgspecError, RecursionError, EvidenceError) as error:
        return Found(kind, source, reason=why_not(error))


def _unknown(kind: str) -> str:
    if not kind:
        return "no resourceType"
    return "a Bundle inside" if kind == "Bundle" else "resourceType is not one of FHIR R4"


def _source(kind: str, given: str | None, raw: bytes | Raw, url: str) -> str:
    """Return ``Type/id``; without an id the Bundle's UUID, else one made from the content."""
    if given is None:
        by_url = url.rpartition(":")[2] if url.startswith("urn:uuid:") else ""
        given = by_url or "x-" + hashlib.sha256(bytes(raw)).hexdigest()[:32]
    if _ID.fullmatch(given) is None:
        raise EvidenceError("wrong shape: $.id")
    return f"{kind}/{given}"


def _read(resource: t.Observation, rows_of: object, raw: bytes | Raw, near: Near, url: str) -> Found:
    kind, source = resource.resourceType, ""
    try:
        source = _source(kind, resource.id, raw, url)
        if resource.modifierExtension is not NOTHING:
            understood(resource.modifierExtension)
        if resource.implicitRules is not None:
            raise EvidenceError("implicitRules: it is to be read by rules that Salus does not know")
        subject = source if kind == "Patient" else _subject(resource, near)
        if not subject:
            return Found(kind, source, reason="no patient named" if kind in MUST_NAME_PATIENT else "")
        rows: Rows = rows_of(resource, source)  # type: ignore[operator]
        status = rows[0][7]
        if status is None and kind in MUST_SAY_STATUS:
            raise EvidenceError("no status")
        if status == ENTERED_IN_ERROR:
            raise EvidenceError(ENTERED_IN_ERROR)
        if kind in MEDICATED:
            rows = _with_drug(rows, resource, near)
        if resource.contained:
            subject, rows = _with_contained(rows, resource, source, subject, near)
        return Found(kind, source, subject, rows)
    except EvidenceError as error:
        return Found(kind, source, reason=str(error))


def _subject(resource: t.Observation, near: Near) -> str:
    """Return ``Patient/<id>`` (or ``#id`` of a contained one); "" when no patient is named."""
    target = "" if resource.subject is NOTHING else reference(bytes(resource.subject))
    if target.startswith("Patient/"):
        return target
    if not target and isinstance(resource, t.Other):
        others = (resource.patient, resource.beneficiary, resource.individual, resource.of)
        target = next((reference(bytes(one)) for one in others if one is not NOTHING), "")
    target = near.resolve(target)
    return target if target.startswith(("Patient/", "#")) else ""


def _with_drug(rows: Rows, resource: t.Observation, near: Near) -> Rows:
    row = rows[0]
    target = row[0][0]
    if not target.startswith(("Medication/", "urn:", "#")):
        return rows
    if target.startswith("#"):
        inside = Near()
        for raw in resource.contained or ():
            inside.keep(f"#{_name(raw).id}", raw)
        return [(inside.drug(target), *row[1:])]
    return [(near.drug(target), *row[1:])]


def _with_contained(
    rows: Rows, resource: t.Observation, source: str, subject: str, near: Near
) -> tuple[str, Rows]:
    """Add the evidence of contained resources, named after the one that holds them."""
    prefix = source.replace("/", "-")
    if subject.startswith("#"):
        subject = f"Patient/{prefix}-{subject[1:]}"
    rows = list(rows)
    for raw in resource.contained or ():
        named = _name(raw)
        if named.resourceType not in OF_PATIENTS:
            continue
        decoder, rows_of = _DECODERS.get(named.resourceType, _OTHER)
        inner = f"{named.resourceType}/{prefix}-{named.id}"
        if named.resourceType == "Patient" and inner != subject:
            continue
        rows += [row for row in rows_of(decoder(raw), inner) if row[7] != ENTERED_IN_ERROR]
    return subject, rows


# --- one patient, or a Bundle of them ------------------------------------------------------------


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

    __slots__ = ("account", "near", "read")

    def __init__(self) -> None:
        self.account = Account()
        self.near = Near()
        self.read: dict[str, Found] = {}

    def add(self, entries: list[tuple[Raw | bytes, str, str, int]], only: str = "") -> None:
        """Decode (resource, full URL, place, line); `only` one patient's are taken when it is given."""
        named = [self._announce(raw, url) for raw, url, _, _ in entries]
        for (raw, url, place, line), kind in zip(entries, named, strict=True):
            found = decode(raw, kind, self.near, url)
            if only and found.subject and found.subject != only:
                found = found._replace(rows=[], reason=ANOTHERS)
            self._count(found, place, line)

    def _announce(self, raw: Raw | bytes, url: str) -> str:
        """Learn what a resource is called and which drug it is, before anything refers to it."""
        try:
            named = _name(raw)
            kind = named.resourceType or ""
            if url and kind:
                self.near.urls[url] = _source(kind, named.id, raw, url)
            if kind == "Medication":
                self.near.keep(_source(kind, named.id, raw, url), raw)
        except (msgspec.MsgspecError, RecursionError, EvidenceError):
            return ""
        return kind

    def _count(self, found: Found, place: str, line: int) -> None:
        account = self.account
        if found.reason:
            account.reject(place, line, found.reason)
        else:
            account.resources += 1
            (account.as_events if found.subject else account.as_context)[found.kind] += 1
        if found.source and found.reason != ANOTHERS:
            self.read[found.source] = found

    def rows(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """Yield (subject, rows) of every resource that stands."""
        return ((one.subject, one.rows) for one in self.read.values() if one.rows and not one.reason)

    def close(self, began: float) -> dict[str, Rows]:
        """Return the rows by subject and finish the account."""
        by_subject: dict[str, Rows] = {}
        for subject, rows in self.rows():
            by_subject.setdefault(subject, []).extend(rows)
        self.account.events = sum(map(len, by_subject.values()))
        self.account.subjects = len(by_subject)
        self.account.cpu_seconds = process_time() - began
        return by_subject


def entries(raw: bytes | Raw) -> list[tuple[Raw, str]]:
    """Return (resource, full URL) of each entry of a Bundle, oldest first where it is a history.

    Raises EvidenceError when it is no Bundle that can be read.
    """
    try:
        read = _as_bundle(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EvidenceError(f"Bundle cannot be read: {why_not(error)}") from None
    if read.resourceType != "Bundle":
        raise EvidenceError("Bundle expected")
    found = [(one.resource, one.fullUrl or "") for one in read.entry or () if one.resource is not NOTHING]
    return found[::-1] if read.type == "history" else found


def is_bundle(raw: bytes | Raw) -> bool:
    """Whether `raw` says that it is a Bundle."""
    try:
        return _name(raw).resourceType == "Bundle"
    except (msgspec.MsgspecError, RecursionError):
        return False


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
    if not is_bundle(raw):
        yield raw, "", place, 1
        return
    try:
        found = entries(raw)
    except EvidenceError as error:
        account.reject(place, 1, str(error))
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
    for key, value in _values(raw):
        if bytes(value[:4] if isinstance(value, bytes) else value)[:4] != b"null":
            found += _opened(value, f"{place}#{key}" if key else place, gathered.account)
    gathered.add(found, only=subject)
    rows = gathered.close(began).get(subject, [])
    made = timeline(subject, rows)
    gathered.account.cpu_seconds = process_time() - began
    return made, gathered.account


def _values(raw: bytes | Raw | Mapping[str, bytes | Raw]) -> list[tuple[str, bytes | Raw]]:
    if isinstance(raw, Mapping):
        return list(raw.items())
    if is_bundle(raw):
        return [("", raw)]
    try:
        return list(_object(raw).items())
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EvidenceError(f"prefetch cannot be read: {why_not(error)}") from None
