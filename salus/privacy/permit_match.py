"""Whether a provision matches a request: yes, no, or nobody can tell.

What cannot be told fails safe: then a provision that permits does not match, and one that denies does.
Source: FHIR R4 Consent.provision (4.0.1); `docs/decisions/0018-permits.md` says where a choice was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

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


class Datum(NamedTuple):
    """What is asked for."""

    kind: str = ""
    codes: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    time: datetime | None = None
    source: str = ""


class Answer(NamedTuple):
    """What a statement says of a datum; `names`: the labels that were named on the way to a permission."""

    effect: str
    standing: bool = False
    names: frozenset[str] = frozenset()
    by_patient: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One provision, with all that does not turn on the datum already evaluated.

    sure: those conditions hold; else nobody can tell whether they do.
    scope: the words of each kind, which are alternatives; every kind must hold.
    """

    effect: str
    sure: bool
    scope: tuple[tuple[str, tuple[str, ...]], ...]
    period: Period
    standing: bool
    names: frozenset[str]
    by_patient: bool
    exceptions: tuple[Node, ...]

    def all(self) -> Iterator[Node]:
        """Yield it and every exception below it."""
        yield self
        for one in self.exceptions:
            yield from one.all()

    def sees(self) -> Iterator[str]:
        """Yield what of a datum it turns on."""
        yield from (kind for kind, _ in self.scope)
        if self.period != (None, None):
            yield "time"

    def sources(self) -> tuple[str, ...]:
        """Return the resources that it names."""
        return next((words for kind, words in self.scope if kind == "data"), ())


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


def compiled(permit: Permit, word: str, asked: Asked) -> Node | None:
    """Return the statement of `permit` for its purpose `word`; None where it says nothing of this request."""
    return _compiled(
        permit, is_purpose(word, asked.purpose), asked, frozenset(), permit.given_by == permit.subject
    )


def _compiled(
    permit: Permit, purpose: int, asked: Asked, named: frozenset[str], by_patient: bool
) -> Node | None:
    fixed = min(
        purpose,
        max((_is_actor(word, asked.actor) for word in permit.actors), default=_YES),
        _within(permit.valid_period, asked.now),
        _DOUBT if permit.unknown else _YES,
    )
    if fixed == _NO:
        return None
    names = named | _names(permit.scope)
    inner = (
        _compiled(
            one,
            max((is_purpose(word, asked.purpose) for word in one.purposes), default=_YES),
            asked,
            names,
            by_patient,
        )
        for one in permit.exceptions
    )
    return Node(
        permit.effect,
        fixed == _YES,
        _by_kind(permit.scope),
        permit.data_period,
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


def _within(period: Period, at: datetime) -> int:
    since, until = period
    return _YES if (since is None or since <= at) and (until is None or at <= until) else _NO


def _by_kind(scope: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, tuple[str, ...]] = {}
    for word in scope:
        kind, colon, rest = word.partition(":")
        name = kind if colon and kind in _MATCHES else "unknown"
        found[name] = (*found.get(name, ()), _folded(rest) if name == "code" else rest)
    return tuple(found.items())


def _names(scope: Iterable[str]) -> frozenset[str]:
    """Return the labels that a scope names; "*" where it names codes or resources one by one."""
    kinds = [word.partition(":") for word in scope]
    return frozenset(
        rest if kind == "label" else "*" for kind, _, rest in kinds if kind in ("label", "code", "data")
    )


def answer(node: Node, datum: Datum, sure: bool = True) -> Answer | None:
    """Return what `node` says of `datum`; None where it says nothing.

    Where it cannot be told whether a provision matches, nothing that it or its exceptions permit counts, and
    all that they deny does.
    """
    found = _matches(node, datum)
    if found == _NO:
        return None
    sure = sure and node.sure and found == _YES
    if node.exceptions:
        inner = [one for each in node.exceptions if (one := answer(each, datum, sure)) is not None]
        denied = [one for one in inner if one.effect == DENY]
        if denied:
            return Answer(DENY, any(one.standing for one in denied))
        if inner:
            names = frozenset(name for one in inner for name in one.names)
            return Answer(PERMIT, names=names, by_patient=node.by_patient)
    if node.effect == DENY:
        return Answer(DENY, node.standing)
    if node.effect == PERMIT and sure:
        return Answer(PERMIT, names=node.names, by_patient=node.by_patient)
    return None


def _matches(node: Node, datum: Datum) -> int:
    least = _YES
    for kind, words in node.scope:
        match = _MATCHES[kind]
        found = max(match(word, datum, node.effect) for word in words)
        if found < least:
            least = found
            if least == _NO:
                return _NO
    if node.period != (None, None):
        least = min(least, _DOUBT if datum.time is None else _within(node.period, datum.time))
    return least


def _is_class(word: str, datum: Datum, effect: str) -> int:
    if word == datum.kind:
        return _YES
    return _NO if _CLASS.fullmatch(word) else _DOUBT


def _is_code(word: str, datum: Datum, effect: str) -> int:
    return _YES if any(_folded(code) == word for code in datum.codes) else _NO


def _is_label(word: str, datum: Datum, effect: str) -> int:
    if word in CONFIDENTIALITY:
        # FHIR R4 Consent.provision.securityLabel: a permission is up to this level, a denial from it on.
        mine, said = level(datum.labels), CONFIDENTIALITY[word]
        return _YES if (mine >= said if effect == DENY else mine <= said) else _NO
    if word in datum.labels:
        return _YES
    return _DOUBT if "|" in word else _NO


def _is_source(word: str, datum: Datum, effect: str) -> int:
    if word == datum.source:
        return _YES
    # What it contains is named after it; whether this is that, its name alone cannot tell for certain.
    inside = datum.source.partition("/")[2].startswith(word.replace("/", "-") + "-")
    return _DOUBT if inside else _NO


def _nobody_knows(word: str, datum: Datum, effect: str) -> int:
    return _DOUBT


def _folded(code: str) -> str:
    return code.replace(".", "") if code.startswith(_DOTTED) else code


_MATCHES: dict[str, Callable[[str, Datum, str], int]] = {
    "class": _is_class,
    "code": _is_code,
    "label": _is_label,
    "data": _is_source,
    "unknown": _nobody_knows,
}
