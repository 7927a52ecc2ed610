"""The one decoder of FHIR R4: the bytes of a resource become rows of evidence, context, or a reason why not.

Every door goes through `read`: a Bundle, a prefetch, a server, a bulk export. Nothing here raises for what
is in a resource, and no reason repeats a patient's value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from salus.core.addresses import is_id, parted
from salus.core.errors import EvidenceError
from salus.record import fhir_types as t
from salus.record.fhir_certainty import ENTERED_IN_ERROR, certainty, is_error
from salus.record.fhir_effective import as_reported
from salus.record.fhir_kinds import (
    MEDICATED,
    MUST_NAME_PATIENT,
    MUST_SAY_STATUS,
    OF_NOBODY,
    OF_OTHERS,
    OF_PATIENTS,
)
from salus.record.fhir_reasons import ANOTHER_SERVERS, DELETED, is_broken, why_not
from salus.record.fhir_rows import OTHER, READERS, Row, Rows, understood
from salus.record.fhir_terms import called, canonical, drug, literal
from salus.record.fhir_types import MALFORMED, NOTHING
from salus.record.versions import NO_VERSION, Version, compared, is_said, version

_DELETES_WHAT = "a deletion that names no one resource: nobody knows what it takes back; see request.url"
_HOLDS_OTHERS = "Parameters with resources inside: send them as a Bundle"
_HOLDS = re.compile(rb'"resource"\s*:')

named = msgspec.json.Decoder(t.Named).decode
_whose = msgspec.json.Decoder(t.Whose).decode
_request = msgspec.json.Decoder(t.Request).decode
_stated = msgspec.json.Decoder(t.Stated).decode
_medication = msgspec.json.Decoder(t.Medication).decode
_DECODERS = {kind: (msgspec.json.Decoder(struct).decode, rows) for kind, (struct, rows) in READERS.items()}
_OTHER = (msgspec.json.Decoder(OTHER[0]).decode, OTHER[1])


# What one resource was: its type, ``Type/id``, the subject that it is evidence of ("": context), its rows,
# and why it was refused ("": it was not).
Plain = tuple[str, str, str, Sequence[Row], str]
_NO_ROWS: tuple[Row, ...] = ()


@dataclass(slots=True)
class Near:
    """What a resource may refer to: full URLs of its Bundle (to ``Type/id``) and the codes of medications.

    ours: whether ids of the server with a base URL are of the patients here. elsewhere: whether it is known
    to be another server than theirs. waits: a reference to a Medication stays one, since a newer copy of it
    may come.
    """

    urls: dict[str, str] = field(default_factory=dict)
    medications: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ours: Callable[[str], bool] = lambda _: True
    elsewhere: Callable[[str], bool] = lambda _: False
    waits: bool = False
    _versions: dict[str, Version] = field(default_factory=dict)

    def resolve(self, target: str) -> str:
        """Return ``Type/id`` of a reference that may be a Bundle's full URL; "" when it is not there."""
        return self.urls.get(target, "") if target.startswith("urn:") else target

    def named(self, target: str) -> str:
        """Return what `resolve` does, or the reference itself where it is not at hand."""
        return self.resolve(target) or target

    def called(self, address: str, source: str) -> str:
        """Return the name here of the resource ``Type/id`` at `address`: another server's is its address."""
        base, name = parted(address)
        return f"{base}/{name}" if base and name == source and self.elsewhere(base) else source

    def drug(self, target: str, words: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the codes of a Medication, or the reference and its own `words` where it is not at hand."""
        found = self.named(target)
        return (found, *words) if self.waits else self.medications.get(found, (found, *words))

    def announce(self, raw: bytes | Raw, url: str) -> str:
        """Learn a resource's name and which drug it is, before others refer to it; return its type."""
        try:
            who = named(raw)
            kind = who.resourceType or ""
            if url and kind:
                self.urls[url] = self.called(url, source_of(kind, who.id, raw, url))
            if kind == "Medication":
                self.keep(self.called(url, source_of(kind, who.id, raw, url)), raw)
        except (*MALFORMED, EvidenceError):
            return ""
        return kind

    def keep(self, source: str, raw: bytes | Raw) -> None:
        """Remember the codes and names of the Medication `source`, where no newer version told them."""
        try:
            read = _medication(raw)
            codes = (*drug(bytes(read.code)), *called(read.identifier or ()))
        except (*MALFORMED, EvidenceError):
            return
        said, stood = version(raw), self._versions.get(source, NO_VERSION)
        if codes and compared(said, stood) >= 0:
            self.medications[source] = codes
            self._versions[source] = said if is_said(said) else stood


def _refusal(error: Exception, raw: bytes | Raw) -> str:
    """Return why a resource is refused; one that takes itself back does, whatever else is wrong with it."""
    reason = why_not(error)
    return ENTERED_IN_ERROR if is_broken(reason) and _is_taken_back(raw) else reason


def _is_taken_back(raw: bytes | Raw) -> bool:
    try:
        said = _stated(raw)
        doubt = certainty(bytes(said.verificationStatus), b"")
    except (*MALFORMED, EvidenceError):
        return False
    return is_error(said.status) or is_error(doubt)


def guess(raw: bytes | Raw) -> str:
    """Return the type that `raw` says it is, "" when it says none; a hint for `read`, no more."""
    try:
        return named(raw).resourceType or ""
    except MALFORMED:
        return ""


def read(raw: bytes | Raw, hint: str, near: Near, url: str = "") -> Plain:
    """Return what the resource `raw` is; never raises for what is in it.

    hint: the type that it most likely has (saves a look). url: its full URL in a Bundle.
    """
    reader = _DECODERS.get(hint)
    if reader is not None:
        try:
            resource = reader[0](raw)
        except MALFORMED:
            return _dispatch(raw, near, url)
        if resource.resourceType == hint:
            return _read(resource, reader[1], raw, near, url)
    return _dispatch(raw, near, url)


def _dispatch(raw: bytes | Raw, near: Near, url: str) -> Plain:
    kind = source = ""
    try:
        who = named(raw)
        kind = who.resourceType or ""
        source = source_of(kind, who.id, raw, url) if kind else ""
        if kind in OF_NOBODY:
            source = near.called(url, source)
            if kind == "Medication":
                near.keep(source, raw)
            if kind == "Parameters" and _HOLDS.search(bytes(raw)):
                return kind, source, "", _NO_ROWS, _HOLDS_OTHERS
            return kind, source, "", _NO_ROWS, ""
        if not kind and who.request is not NOTHING:
            return _withdrawn(who.request, near)
        if kind not in OF_PATIENTS:
            return kind, source, "", _NO_ROWS, _unknown(kind)
        decoder, rows = _DECODERS.get(kind, _OTHER)
        return _read(decoder(raw), rows, raw, near, url)
    except (*MALFORMED, EvidenceError) as error:
        return kind, source, "", _NO_ROWS, _refusal(error, raw)


def _withdrawn(request: Raw, near: Near) -> Plain:
    """Return what stands for a deleted resource: a copy of it that is no evidence.

    Servers write its URL as FHIR R4 2.3.0.1 does any literal reference: from their base on or whole, with the
    version that the deletion is or without.
    """
    url = _request(request).url or ""
    gone = canonical(url.lstrip("/"))
    kind, _, given = gone.partition("/")
    if kind not in OF_PATIENTS | OF_NOBODY or not is_id(given):
        return "", "", "", _NO_ROWS, _DELETES_WHAT
    base, _ = parted(url)
    if base and not near.ours(base):
        return kind, gone, "", _NO_ROWS, ANOTHER_SERVERS
    return kind, gone, "", _NO_ROWS, DELETED


def _unknown(kind: str) -> str:
    if not kind:
        return "no resourceType"
    return "a Bundle inside" if kind == "Bundle" else "resourceType is not one of FHIR R4"


def source_of(kind: str, given: str | None, raw: bytes | Raw, url: str) -> str:
    """Return ``Type/id``; without an id the full URL's in its Bundle, else one made from the content.

    Raises EvidenceError when the id could not be part of a reference.
    """
    if given is None:
        given = _id_in(url, kind) or "x-" + hashlib.sha256(bytes(raw)).hexdigest()[:32]
    if not is_id(given):
        raise EvidenceError("wrong shape: $.id")
    return f"{kind}/{given}"


def _id_in(url: str, kind: str) -> str:
    """Return the id that a full URL gives a resource of type `kind`; "" where it gives none."""
    if url.startswith("urn:uuid:"):
        return url.rpartition(":")[2]
    told, _, found = (
        canonical(url).partition("/") if url.startswith(("http://", "https://")) else ("", "", "")
    )
    return found if told == kind and is_id(found) else ""


def _read(
    r: t.Resource, rows_of: Callable[[Any, str], Rows], raw: bytes | Raw, near: Near, url: str
) -> Plain:
    kind, given, source = r.resourceType, r.id, ""
    try:
        source = source_of(kind, given, raw, url)
        if r.modifierExtension is not NOTHING:
            understood(r.modifierExtension)
        if r.implicitRules is not None:
            raise EvidenceError("implicitRules: it is to be read by rules that Salus does not know")
        subject = source if kind == "Patient" else _subject(r, near)
        if not subject or (subject[0] == "#" and not r.contained):
            return kind, source, "", _NO_ROWS, "no patient named" if kind in MUST_NAME_PATIENT else ""
        rows = rows_of(r, source)
        status = rows[0][7]
        if status is None and kind in MUST_SAY_STATUS:
            raise EvidenceError("no status")
        if is_error(status):
            raise EvidenceError(ENTERED_IN_ERROR)
        if kind in MEDICATED:
            rows = _with_drug(rows, r, near)
        if r.contained:
            subject, rows = _with_contained(rows, r, (source, subject), near)
        return kind, source, subject, rows, ""
    except (*MALFORMED, EvidenceError) as error:
        return kind, source, "", _NO_ROWS, _refusal(error, raw)


def _subject(resource: t.Resource, near: Near) -> str:
    """Return ``Patient/<id>`` (or ``#id`` of a contained one); "" when no patient is named.

    Raises EvidenceError when what stands for the id could be none.
    """
    whose = resource.subject
    told = (whose.reference if whose.__class__ is t.Reference else _any_subject(resource)) or ""
    target = near.resolve(canonical(told))
    if target[:8] != "Patient/":
        return target if target[:1] == "#" else ""
    if not is_id(target[8:]):
        raise EvidenceError("wrong shape: the reference to the patient")
    if not patient_of(told, near):
        raise EvidenceError(ANOTHER_SERVERS)
    return target


def _names_somebody(raw: Raw) -> bool:
    """Whether a resource says of whom it is, in whichever way: a baby that is only called one, a group."""
    said = _whose(raw)
    return any(map(t.says, (said.subject, said.patient, said.beneficiary, said.individual, said.of)))


def patient_of(told: str, near: Near) -> str:
    """Return the ``Patient/<id>`` that a reference names, as it is written; "" where it names none here."""
    target = near.resolve(canonical(told))
    if target[:8] != "Patient/" or not is_id(target[8:]):
        return ""
    return target if told[:4].lower() != "http" or near.ours(parted(told)[0]) else ""


def _any_subject(resource: t.Resource) -> str:
    """Return the reference, as it is written, by which one of the other types names its patient."""
    if not isinstance(resource, t.Other):
        return ""
    told = (resource.subject, resource.patient, resource.beneficiary, resource.individual, resource.of)
    return next((literal(bytes(one)) for one in told if one is not NOTHING), "")


def _with_drug(rows: Rows, resource: t.Resource, near: Near) -> Rows:
    if isinstance(resource, t.Medicated) and drug(bytes(resource.medicationCodeableConcept)):
        # It says itself what it is, whatever its codes look like.
        return rows
    row = rows[0]
    target = row[0][0]
    if target[:4].lower() == "http":
        target = near.called(target, canonical(target))
        if target[:11] != "Medication/":
            return [(near.drug(target, row[0][1:]), *row[1:])]
    if target[:11] != "Medication/" and not target.startswith(("urn:", "#")):
        return rows
    if target.startswith("#"):
        inside = Near()
        for raw in resource.contained or ():
            inside.keep(f"#{named(raw).id}", raw)
        return [(inside.drug(target, row[0][1:]), *row[1:])]
    return [(near.drug(target, row[0][1:]), *row[1:])]


def _with_contained(rows: Rows, resource: t.Resource, held: tuple[str, str], near: Near) -> tuple[str, Rows]:
    """Add the evidence of contained resources, named after the one that `held` them: its name, its patient.

    One that names nobody is of its holder's patient, being part of it (FHIR R4 2.3, Contained Resources);
    unless the holder speaks of others, whose disease would become the patient's.
    """
    (source, subject), whose = held, held[1]
    prefix = source.replace("/", "-")
    if subject.startswith("#"):
        subject = f"Patient/{prefix}-{_inner_id(subject[1:])}"
    rows = list(rows)
    for raw in resource.contained or ():
        who = named(raw)
        _inner_id(who.id or "-")
        inner = f"{who.resourceType}/{prefix}-{who.id}"
        if who.resourceType in OF_PATIENTS and (who.resourceType != "Patient" or inner == subject):
            of_others = resource.resourceType in OF_OTHERS
            found = _contained(raw, (who.resourceType, inner), (whose, subject), of_others, near)
            is_result = (resource.resourceType, who.resourceType) == ("DiagnosticReport", "Observation")
            rows += as_reported(found, rows[0]) if is_result else found
    return subject, rows


def _inner_id(told: str) -> str:
    if not is_id(told):
        raise EvidenceError("wrong shape: $.contained.id")
    return told


def _contained(
    raw: Raw, called: tuple[str, str], whose: tuple[str, str], of_others: bool, near: Near
) -> Rows:
    """Return the rows of a contained resource; it is held to the rules of any other.

    called: its type and its name here. whose: how the resource that holds it names its patient, and who that
    is. of_others: it is evidence only where it names that patient itself.
    """
    kind, source = called
    decoder, rows_of = _DECODERS.get(kind, _OTHER)
    inside = decoder(raw)
    if inside.modifierExtension is not NOTHING:
        understood(inside.modifierExtension)
    if inside.implicitRules is not None:
        raise EvidenceError(f"contained {kind}: implicitRules")
    if kind != "Patient" and _subject(inside, near) not in whose:
        if of_others:
            return []
        if _names_somebody(raw):
            raise EvidenceError(f"contained {kind}: it names another patient")
    rows = rows_of(inside, source)
    if rows[0][7] is None and kind in MUST_SAY_STATUS:
        raise EvidenceError(f"contained {kind}: no status")
    return [row for row in rows if not is_error(row[7])]
