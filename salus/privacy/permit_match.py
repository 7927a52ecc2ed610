"""Whether a provision matches a request: yes, no, or nobody can tell.

What cannot be told fails safe: then a provision that permits does not match, and one that denies does. What
turns on the datum is taken apart into conditions, each of them two bits of a number (it holds; nobody can
tell), so that provisions are compared with a datum by a few operations on whole numbers.
Source: FHIR R4 Consent.provision (4.0.1); `docs/decisions/0018-permits.md` says where a choice was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from salus.core.consent import DENY, PERMIT, PURPOSES, ROLES, Actor, Period, Permit
from salus.privacy.labels import CONFIDENTIALITY, level

_NO, _DOUBT, _YES = range(3)
# A condition that was stated and that this project has no word for.
UNKNOWN = "unknown:"
# HL7 v3 ActReason: purposes that are narrower than one of ours. Whether a request is of the narrower kind
# nobody can tell; what is in neither table is a purpose that nobody knows.
NARROWER = {
    f"ActReason/{code}": purpose
    for purpose, codes in {
        "direct-care": "CAREMGT COC ETREAT BTG ERTREAT POPHLTH",
        "quality": "HACCRED HQUALIMP HOUTCOMS PATSFTY PERFMSR",
        "research": "BIORCH CLINTRCH CLINTRCHNPC CLINTRCHPC DSRCH POARCH PRECLINTRCH TRANSRCH",
    }.items()
    for code in codes.split()
}
# Purposes that none of ours is: payment, marketing, what patient or family ask for, public health.
OTHERS = frozenset(
    f"ActReason/{code}"
    for code in (
        "HPAYMT",
        "CLMATTCH",
        "COVAUTH",
        "COVERAGE",
        "ELIGDTRM",
        "ELIGVER",
        "ENROLLM",
        "MILDCRG",
        "REMITADV",
        "HMARKT",
        "PATRQT",
        "FAMRQT",
        "PWATRNY",
        "SUPNWK",
        "PUBHLTH",
        "DISASTER",
        "THREAT",
    )
)
_CLASS = re.compile(r"[A-Z][A-Za-z]+")
# MIMIC and older feeds write ICD without its dot.
_DOTTED = ("ICD10CM/", "ICD10/", "ICD9CM/", "ICD9PROC/")


class Asked(NamedTuple):
    """Who asks, what for, and when."""

    actor: Actor
    purpose: str
    now: datetime


class Answer(NamedTuple):
    """What a statement says of a datum; `names`: the closed labels that a permission names."""

    effect: str
    standing: bool = False
    names: int = 0
    by_patient: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One provision, with all that does not turn on the datum already evaluated.

    sure: those conditions hold; else nobody can tell whether they do. groups: of each kind of condition the
    bits of its words, which are alternatives; every group must hold.
    """

    effect: str
    sure: bool
    groups: tuple[int, ...]
    standing: bool
    names: int
    by_patient: bool
    exceptions: tuple[Node, ...]

    def all(self) -> Iterator[Node]:
        """Yield it and every exception below it."""
        yield self
        for one in self.exceptions:
            yield from one.all()


# Of each condition the even bit says that it holds, the odd one above it that nobody can tell.
_DOUBTFUL = 1


class Conditions:
    """The conditions on a datum that a rule knows, and which of them hold for one.

    closed: the labels that the profile closes; each has a bit as well.
    """

    def __init__(self, closed: Iterable[str]) -> None:
        self._bits: dict[tuple[str, object], int] = {}
        self._by_kind: dict[str, list[tuple[Any, str, int]]] = {}
        self._closed = {label: self._bit("closed", label) for label in closed}
        self.bounds: list[datetime] = []
        # What nobody can tell of anything.
        self.always = 0

    def _bit(self, kind: str, word: object, effect: str = "") -> int:
        key = (kind, (word, effect == DENY))
        if key not in self._bits:
            self._bits[key] = bit = 1 << 2 * len(self._bits)
            self._by_kind.setdefault(kind, []).append((word, effect, bit))
            if kind == "unknown":
                self.always |= bit << _DOUBTFUL
            if kind == "time":
                self.bounds = sorted({*self.bounds, *(at for at in word if at is not None)})  # type: ignore[attr-defined]
        return self._bits[key]

    def looks_at(self) -> frozenset[str]:
        """Return what of a datum turns any of them: class, code, label, data, time."""
        kinds = {"label" if kind == "closed" else kind for kind in self._by_kind}
        return frozenset(kinds - {"unknown"})

    def labels(self) -> frozenset[str]:
        """Return the labels that make a difference: where a level of confidentiality does, each of them."""
        found = {word for kind in ("closed", "label") for word, _, _ in self._by_kind.get(kind, ())}
        return frozenset(found.union(CONFIDENTIALITY) if found & CONFIDENTIALITY.keys() else found)

    def of_scope(self, permit: Permit) -> tuple[int, ...]:
        """Return the groups of a provision."""
        groups: dict[str, int] = {}
        for word in permit.scope:
            kind, colon, rest = word.partition(":")
            name = kind if colon and kind in ("class", "code", "label", "data") else "unknown"
            said = _folded(rest) if name == "code" else rest
            # Confidentiality alone is read otherwise where it denies.
            effect = permit.effect if name == "label" and said in CONFIDENTIALITY else ""
            groups[name] = groups.get(name, 0) | self._bit(name, said, effect)
        if permit.data_period != (None, None):
            groups["time"] = self._bit("time", permit.data_period)
        return tuple(groups.values())

    def named(self, scope: Iterable[str]) -> int:
        """Return the closed labels that a scope names; all where it names codes or resources one by one."""
        found = 0
        for word in scope:
            kind, _, rest = word.partition(":")
            if kind in ("code", "data"):
                return self.closed(self._closed)
            found |= self._closed.get(rest, 0) if kind == "label" else 0
        return found

    def closed(self, labels: Iterable[str]) -> int:
        """Return the bits of closed labels."""
        return sum(self._closed[one] for one in labels)

    def of_codes(self, codes: tuple[str, ...], labels: frozenset[str]) -> int:
        """Return what holds of these codes and labels."""
        found = 0
        for word, _, bit in self._by_kind.get("closed", ()):
            found |= bit if word in labels else 0
        for word, effect, bit in self._by_kind.get("label", ()):
            found |= _labelled(word, effect, labels, bit)
        coded = self._by_kind.get("code")
        if coded:
            plain = {_folded(code) for code in codes}
            found |= sum(bit for word, _, bit in coded if word in plain)
        return found

    def of_class(self, kind: str) -> int:
        """Return what holds of a resource type."""
        found = 0
        for word, _, bit in self._by_kind.get("class", ()):
            if word == kind:
                found |= bit
            elif not _CLASS.fullmatch(word):
                found |= bit << _DOUBTFUL
        return found

    def of_time(self, time: datetime | None) -> int:
        """Return what holds of a moment; of none nobody can tell."""
        found = 0
        for period, _, bit in self._by_kind.get("time", ()):
            if time is None:
                found |= bit << _DOUBTFUL
            elif _within(period, time):
                found |= bit
        return found

    def sources(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Return the resources that are named, and how the names of what they contain begin."""
        words = [word for word, _, _ in self._by_kind.get("data", ())]
        return frozenset(words), tuple(one.replace("/", "-") + "-" for one in words)

    def of_source(self, source: str) -> int:
        """Return what holds of a resource by its name."""
        found, name = 0, source.partition("/")[2]
        for word, _, bit in self._by_kind.get("data", ()):
            if word == source:
                found |= bit
            elif name.startswith(word.replace("/", "-") + "-"):
                # What it contains is named after it; whether this is that, its name alone cannot tell.
                found |= bit << _DOUBTFUL
        return found


def _labelled(word: str, effect: str, labels: frozenset[str], bit: int) -> int:
    if word in CONFIDENTIALITY:
        # FHIR R4 Consent.provision.securityLabel: a permission is up to this level, a denial from it on.
        mine, said = level(labels), CONFIDENTIALITY[word]
        return bit if (mine >= said if effect == DENY else mine <= said) else 0
    if word in labels:
        return bit
    return bit << _DOUBTFUL if "|" in word else 0


def words_of(permit: Permit, purpose: str) -> tuple[str, ...]:
    """Return the purposes of `permit` one by one; one for every purpose is also for `purpose`."""
    return permit.purposes or (purpose,)


def is_purpose(word: str, purpose: str) -> int:
    """Return whether `word` is `purpose`: 2 it is, 1 nobody can tell, 0 it is not."""
    if word == purpose:
        return _YES
    if word in PURPOSES.values() or word in OTHERS:
        return _NO
    return _DOUBT if NARROWER.get(word, purpose) == purpose else _NO


def compiled(permit: Permit, word: str, asked: Asked, conditions: Conditions) -> Node | None:
    """Return the statement of `permit` for its purpose `word`; None where it says nothing of this request."""
    by_patient = permit.given_by == permit.subject
    return _compiled(permit, is_purpose(word, asked.purpose), asked, conditions, (0, by_patient))


def _compiled(
    permit: Permit, purpose: int, asked: Asked, conditions: Conditions, above: tuple[int, bool]
) -> Node | None:
    fixed = min(
        purpose,
        max((_is_actor(word, asked.actor) for word in permit.actors), default=_YES),
        _YES if _within(permit.valid_period, asked.now) else _NO,
        _DOUBT if permit.unknown else _YES,
    )
    if fixed == _NO:
        return None
    names, by_patient = above[0] | conditions.named(permit.scope), above[1]
    inner = (
        _compiled(
            one,
            max((is_purpose(word, asked.purpose) for word in one.purposes), default=_YES),
            asked,
            conditions,
            (names, by_patient),
        )
        for one in permit.exceptions
    )
    return Node(
        permit.effect,
        fixed == _YES,
        conditions.of_scope(permit),
        permit.standing,
        names,
        by_patient,
        tuple(one for one in inner if one is not None),
    )


def _is_actor(word: str, actor: Actor) -> int:
    if word.startswith(UNKNOWN):
        return _DOUBT
    if word.startswith("role:"):
        role = word[5:]
        return _YES if role == actor.role else _NO if role in ROLES else _DOUBT
    return _YES if word == actor.id or word in actor.organisations else _NO


def _within(period: Period, at: datetime) -> bool:
    since, until = period
    return (since is None or since <= at) and (until is None or at <= until)


def answer(node: Node, found: int, sure: bool = True) -> Answer | None:
    """Return what `node` says of a datum for which the conditions `found` hold; None where it says nothing.

    Where it cannot be told whether a provision matches, nothing that it or its exceptions permit counts, and
    all that they deny does.
    """
    sure = sure and node.sure
    for group in node.groups:
        if not found & group:
            if not found >> _DOUBTFUL & group:
                return None
            sure = False
    if node.exceptions:
        inner = [one for each in node.exceptions if (one := answer(each, found, sure)) is not None]
        denied = [one for one in inner if one.effect == DENY]
        if denied:
            return Answer(DENY, any(one.standing for one in denied))
        if inner:
            names = 0
            for one in inner:
                names |= one.names
            return Answer(PERMIT, names=names, by_patient=node.by_patient)
    if node.effect == DENY:
        return Answer(DENY, node.standing)
    if node.effect == PERMIT and sure:
        return Answer(PERMIT, names=node.names, by_patient=node.by_patient)
    return None


def _folded(code: str) -> str:
    return code.replace(".", "") if code.startswith(_DOTTED) else code
