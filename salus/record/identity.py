"""Who a patient is: names and identifiers as the record gives them, and which records are of one person.

FHIR R4 Patient.link joins records by the types that `link-type` lists, and by no other. The join is made when
a timeline is read and never written into the evidence, so that an unmerge (a Patient without the link) parts
them again and neither history is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from salus.core.addresses import is_among, parted
from salus.record.fhir_terms import canonical
from salus.record.fhir_types import MALFORMED, NOTHING, Reference, says

if TYPE_CHECKING:
    import polars as pl

# HL7 v2 table 0203 "Identifier type", which FHIR R4 binds Identifier.type to; DSTU2 named it otherwise.
_KINDS_OF = ("http://terminology.hl7.org/CodeSystem/v2-0203", "http://hl7.org/fhir/v2/0203")
_REPLACED = "replaced-by"
# FHIR R4 ValueSet link-type (required binding): each says that both records are of one person.
_JOINS = frozenset({_REPLACED, "replaces", "refer", "seealso"})
_USES = ("official", "usual", None, "nickname", "anonymous", "temp", "maiden", "old")


class _Name(Struct, gc=False):
    use: str | None = None
    text: str | None = None
    family: str | None = None
    given: list[str | None] | None = None


class _Identifier(Struct, gc=False):
    system: str | None = None
    value: str | None = None
    # A wrong shape here costs the kind alone, and not who the patient is.
    type: Any = None


class _Link(Struct, gc=False):
    other: Reference | None = None
    type: str | None = None
    modifierExtension: Raw = NOTHING


class _Patient(Struct, gc=False):
    name: list[_Name] | None = None
    birthDate: str | None = None
    gender: str | None = None
    identifier: list[_Identifier] | None = None
    link: list[_Link] | None = None


_decode = msgspec.json.Decoder(_Patient).decode


@dataclass(frozen=True, slots=True)
class Person:
    """What a page shows of a patient. identifiers: ``system|value``. links: (how, ``Patient/<id>``, or the
    whole address where the record gives one).

    kinds: of each identifier what it is, by HL7 v2-0203 (``MR``) or else in the record's words; "" where it
    does not say. Empty for what was read before kinds were kept.
    """

    subject: str
    name: str = ""
    birth_date: str = ""
    sex: str = "unknown"
    identifiers: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    kinds: tuple[str, ...] = ()


def person(subject: str, raw: bytes, resolve: Callable[[str], str]) -> Person:
    """Return who the Patient resource `raw` says that `subject` is; what is misshapen is left out.

    resolve: gives ``Type/id`` for a reference to an entry of its Bundle, and any other reference back.
    """
    try:
        found = _decode(raw)
    except MALFORMED:
        return Person(subject)
    links = tuple(
        (link.type or "", _linked(link.other.reference, resolve))
        for link in found.link or ()
        if link.other is not None and link.other.reference and not says(link.modifierExtension)
    )
    valued = [one for one in found.identifier or () if one.value]
    known = tuple(f"{one.system or ''}|{one.value}" for one in valued)
    kinds = tuple(_kind(one.type) for one in valued)
    born, sex = found.birthDate or "", found.gender or "unknown"
    return Person(subject, _called(found), born, sex, known, links, kinds)


def _linked(told: str, resolve: Callable[[str], str]) -> str:
    """Return the record that a link names; a whole address stays one, since its id holds on that server."""
    base, name = parted(told)
    return f"{base}/{name}" if base else resolve(canonical(told))


def _kind(type_: Any) -> str:
    """Return what an Identifier.type says: the code of HL7's own table, else its words."""
    if not isinstance(type_, dict):
        return ""
    codings = type_.get("coding")
    known = [one for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    told = [one.get("code") for one in known if one.get("system") in _KINDS_OF]
    told += [type_.get("text"), *(one.get("display") for one in known)]
    return next((one for one in told if one and isinstance(one, str)), "")


@dataclass(frozen=True, slots=True)
class Identity:
    """By what two copies of a Patient are compared. identifiers: (system, value), of those with a system.

    names: whole names, families: family names, both case-folded. "" and empty: not told.
    """

    birth: str = ""
    sex: str = ""
    identifiers: frozenset[tuple[str, str]] = frozenset()
    families: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def identity(raw: bytes) -> Identity:
    """Return by what the Patient `raw` can be told from another; nothing where it is misshapen."""
    try:
        found = _decode(raw)
    except MALFORMED:
        return Identity()
    told = [one for one in found.name or () if one.family or one.text]
    return Identity(
        found.birthDate or "",
        "" if found.gender in (None, "unknown") else str(found.gender),
        frozenset((one.system, one.value) for one in found.identifier or () if one.system and one.value),
        frozenset(family for one in told if (family := _family(one).casefold())),
        frozenset(_whole(one).casefold() for one in told),
    )


def _family(name: _Name) -> str:
    """Return the family name; of a name in words, what stands before its comma, else the last word."""
    if name.family or not name.text:
        return name.family or ""
    before, comma, _ = name.text.partition(",")
    return before.strip() if comma else (name.text.split() or [""])[-1]


def _whole(name: _Name) -> str:
    return name.text or " ".join(part for part in (*(name.given or ()), name.family) if part)


def _called(patient: _Patient) -> str:
    names = sorted(
        patient.name or (), key=lambda one: _USES.index(one.use) if one.use in _USES else len(_USES)
    )
    for one in names:
        if whole := _whole(one):
            return whole
    return ""


def people_columns(people: list[Person]) -> pl.DataFrame:
    """Return people as columns, the last one of each subject."""
    import polars as pl

    text = pl.List(pl.String)
    schema: dict[str, Any] = {
        "subject": pl.String, "name": pl.String, "birth_date": pl.String, "sex": pl.String,
        "identifiers": text, "links": text, "kinds": text,
    }  # fmt: skip
    rows = [
        (
            one.subject,
            one.name,
            one.birth_date,
            one.sex,
            list(one.identifiers),
            [f"{how} {to}" for how, to in one.links],
            list(one.kinds),
        )
        for one in people
    ]
    made = pl.DataFrame(rows, schema=schema, orient="row")
    return made.unique("subject", keep="last", maintain_order=True)


def person_of(row: dict[str, Any]) -> Person:
    """Return the Person of one row of `people_columns`."""
    links = tuple((how, to) for how, _, to in (link.partition(" ") for link in row["links"]))
    known, kinds = tuple(row["identifiers"]), tuple(row.get("kinds") or ())
    return Person(row["subject"], row["name"], row["birth_date"], row["sex"], known, links, kinds)


@dataclass(slots=True)
class Identities:
    """Which subjects are one person.

    links: (subject, how, other) as the current Patients say. known: the subjects of whom there is evidence; a
    record that nobody has brought still joins those that point at it. servers: those whose ids these are.
    """

    links: list[tuple[str, str, str]]
    known: frozenset[str]
    servers: tuple[str, ...] = ()
    _groups: dict[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        groups: dict[str, set[str]] = {}
        # What a record contains (``#old``) has its name inside that record alone.
        links = [
            (one, how, self._here(other))
            for one, how, other in self.links
            if how in _JOINS and not other.startswith("#")
        ]
        for one, _, other in links:
            joined = groups.get(one, {one}) | groups.get(other, {other})
            groups.update(dict.fromkeys(joined, joined))
        replaced = {one for one, how, _ in links if how == _REPLACED}
        replaced |= {other for _, how, other in links if how == "replaces"}
        self._groups = {
            one: tuple(sorted(group & self.known, key=lambda each: (each in replaced, each))) or (one,)
            for one, group in groups.items()
        }

    def _here(self, other: str) -> str:
        """Return ``Patient/<id>`` of an address on one of these servers, and any other reference back."""
        base, name = parted(other)
        return name if base and is_among(base, self.servers) else other

    def group(self, subject: str) -> tuple[str, ...]:
        """Return every subject that is this person, the one that stands for all of them first."""
        return self._groups.get(subject, (subject,))

    def canonical(self, subject: str) -> str:
        """Return the subject that stands for this person: one that no other replaces."""
        return self.group(subject)[0]
