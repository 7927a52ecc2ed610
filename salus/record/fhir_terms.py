"""What CodeableConcepts, References and Quantities mean to an Event; remembered, since records repeat them.

Every function takes the element's bytes as they stand in the resource and forgives nothing it cannot read:
a wrong shape is an EvidenceError that names no value.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from salus.core import codes
from salus.core.errors import EvidenceError
from salus.core.evidence import Absence
from salus.core.spoken import names_any
from salus.core.units import contradict
from salus.record.fhir_types import MALFORMED, Identifier, Quantity, Reference

UCUM = "http://unitsofmeasure.org"
_REMEMBERED = 1 << 16

# FHIR R4 CodeSystem data-absent-reason: what each lets a reader conclude.
_ABSENT = {
    "masked": Absence.WITHHELD,
    "not-performed": Absence.NOT_MEASURED,
    "not-asked": Absence.NOT_MEASURED,
    "asked-declined": Absence.NOT_MEASURED,
    "not-permitted": Absence.WITHHELD,
    # There is a value, which stands elsewhere in words, is no number, or was lost on its way.
    "as-text": Absence.UNREADABLE,
    "error": Absence.UNREADABLE,
    "not-a-number": Absence.UNREADABLE,
    "negative-infinity": Absence.UNREADABLE,
    "positive-infinity": Absence.UNREADABLE,
    "NaN": Absence.UNREADABLE,  # of DSTU2 and STU3, as R4's not-a-number
}


class _Coding(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding] | None = None
    text: str | None = None
    # A bare Coding (Encounter.class, ImagingStudy.modality) has these two at the top.
    system: str | None = None
    code: str | None = None
    display: str | None = None


class _Named(msgspec.Struct, gc=False):
    display: str | None = None


class _Diagnosis(msgspec.Struct, gc=False):
    condition: _Named | None = None


class Concept(NamedTuple):
    """A CodeableConcept: its codings as ``SYSTEM/code``, its plain codes, its text.

    wording: the text of a concept without codes; evidence in words, and never a code. displays: what the
    codings themselves are called.
    """

    codes: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    text: str | None = None
    wording: str | None = None
    displays: tuple[str, ...] = ()


NO_CONCEPT = Concept()
# Systems that mean the same everywhere, by their short names or how their URIs begin: HL7's own, ICD-11 and
# ICD-10-GM. Any other is somebody's own.
_STANDARD = frozenset(codes.URIS)
_STANDARD_URIS = ("http://terminology.hl7.org/", "http://hl7.org/fhir/", "http://id.who.int/icd/",
                  "http://fhir.de/CodeSystem/bfarm/")  # fmt: skip
# What records themselves call a code: the first display met. Bounded: names are a courtesy to readers.
_NAMES: dict[str, str] = {}
_MOST_NAMES = 1 << 18
_one = msgspec.json.Decoder(_Concept).decode
_many = msgspec.json.Decoder(list[_Concept]).decode
_text = msgspec.json.Decoder(str).decode
_diagnoses = msgspec.json.Decoder(list[_Diagnosis] | None).decode
_references = msgspec.json.Decoder(Reference | list[Reference] | None).decode


@lru_cache(maxsize=_REMEMBERED)
def concept(raw: bytes) -> Concept:
    """Return what a CodeableConcept, a Coding, a list of either, or a bare code says."""
    if not raw or raw == b"null":
        return NO_CONCEPT
    try:
        if raw[:1] == b"[":
            return _joined(_many(raw))
        if raw[:1] == b'"':
            return Concept((), (_text(raw),))
        return _joined([_one(raw)])
    except MALFORMED:
        raise EvidenceError("wrong shape: a code is no CodeableConcept") from None


def _joined(found: list[_Concept]) -> Concept:
    codings: list[_Coding] = []
    for each in found:
        codings += each.coding or ()
        if each.code:
            codings.append(_Coding(each.system, each.code, each.display))
    kept: dict[str, _Coding] = {}
    for one in codings:
        if one.code:
            kept.setdefault(codes.short(one.system, one.code), one)
    chosen = list(kept.items())
    text = next((each.text for each in found if each.text), None)
    for code, one in chosen:
        if one.display and len(_NAMES) < _MOST_NAMES:
            _NAMES.setdefault(code, one.display)
    plain = tuple(one.code or "" for _, one in chosen)
    displays = tuple(one.display for one in codings if one.display)
    return Concept(tuple(code for code, _ in chosen), plain, text, None if chosen else text, displays)


@lru_cache(maxsize=_REMEMBERED)
def answer(raw: bytes) -> str | None:
    """Return a coded answer as ``SYSTEM/code``, or its words when it has no code.

    An Event holds one: the first of a standard system, wherever it stands among local ones, else the first. A
    code of no system is a word as it stands (``A`` for alert), unless it looks like a code of ours.
    """
    said = concept(raw)
    if not said.codes:
        return said.text
    chosen = next(filter(_is_standard, said.codes), said.codes[0])
    word = chosen.removeprefix("|")
    return chosen if "/" in word or "|" in word else word


def _is_standard(code: str) -> bool:
    return code.partition("/")[0] in _STANDARD or code.startswith(_STANDARD_URIS)


@lru_cache(maxsize=_REMEMBERED)
def drug(raw: bytes) -> tuple[str, ...]:
    """Return the codes of a drug or condition, and behind them how it is worded (``text/Warfarin 3 mg``)."""
    said = concept(raw)
    called = [said.text, *said.displays]
    return (*said.codes, *dict.fromkeys(f"{codes.TEXT}/{words}" for words in called if words))


@lru_cache(maxsize=_REMEMBERED)
def diagnosed(raw: bytes) -> tuple[str, ...]:
    """Return how the diagnoses of an encounter are worded, which are references (``text/Acute stroke``)."""
    try:
        found = _diagnoses(raw) if raw else None
    except MALFORMED:
        raise EvidenceError("wrong shape: a diagnosis of an encounter is no reference") from None
    worded = (one.condition.display for one in found or () if one.condition is not None)
    return tuple(dict.fromkeys(f"{codes.TEXT}/{words}" for words in worded if words))


@lru_cache(maxsize=_REMEMBERED)
def observed_as(raw: bytes, otherwise: str = "") -> tuple[str, ...]:
    """Return the codes of what was observed (else `otherwise`), and behind them how it is worded.

    Nothing where it has neither. The words stay only where they name what models ask for: nearly all others
    would be ballast.
    """
    said = concept(raw)
    if not (said.codes or otherwise):
        return ()
    spoken = [words for words in (said.text, *said.displays) if words and names_any(words)]
    return (*(said.codes or (otherwise,)), *dict.fromkeys(f"{codes.TEXT}/{words}" for words in spoken))


def referred(reference: str, display: str | None) -> tuple[str, ...]:
    """Return a reference to a Medication, and behind it what it is called where it is referred to."""
    return (reference, f"{codes.TEXT}/{display}") if display and not display.isspace() else (reference,)


def called(identifiers: Iterable[Identifier]) -> tuple[str, ...]:
    """Return the names among `identifiers`: MIMIC-IV on FHIR gives a Medication's name as one of them."""
    found = [codes.short(one.system, one.value) for one in identifiers if one.value]
    return tuple(code for code in found if code.startswith(f"{codes.TEXT}/"))


def display_names() -> dict[str, str]:
    """Return what records called the codes that were met."""
    return _NAMES


@lru_cache(maxsize=_REMEMBERED)
def literal(raw: bytes) -> str:
    """Return a Reference (or the first of a list) as it is written; "" when it points nowhere."""
    try:
        found = _references(raw) if raw else None
    except MALFORMED:
        raise EvidenceError("wrong shape: a reference is no Reference") from None
    if isinstance(found, list):
        found = found[0] if found else None
    return found.reference or "" if found is not None else ""


def reference(raw: bytes) -> str:
    """Return a Reference (or the first of a list) as `canonical` does; "" when it points nowhere."""
    return canonical(literal(raw))


@lru_cache(maxsize=_REMEMBERED)
def canonical(text: str) -> str:
    """Return ``Type/id`` of a relative or absolute literal reference, without its version."""
    if text.startswith(("#", "urn:")):
        return text
    parts = text.partition("/_history/")[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


@lru_cache(maxsize=4096)
def absence(raw: bytes) -> Absence:
    """Return which kind of absence a dataAbsentReason means; an unknown one is "not sent"."""
    return next((_ABSENT[code] for code in concept(raw).plain if code in _ABSENT), Absence.NOT_SENT)


def unit(quantity: Quantity) -> str | None:
    """Return the UCUM code when the quantity gives one, else the unit as it is written.

    Where the two contradict each other (mmol/L, written mg/dL) both stand in it, and no value can be read.
    """
    code, written = quantity.code, quantity.unit
    if code and written and code != written:
        return _either(code, written, ucum=quantity.system == UCUM)
    return code or written or None


@lru_cache(maxsize=4096)
def _either(code: str, written: str, *, ucum: bool) -> str:
    if contradict(code, written):
        return f"{code} (written {written})"
    return code if ucum else written
