"""A Permit as JSON for the store, without loss, and in one sentence for a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from salus.core.consent import (
    ACTIVE,
    DENY,
    DIRECT_CARE,
    MACHINE,
    PERMIT,
    PURPOSES,
    QUALITY,
    RESEARCH,
    SECOND_OPINION,
    SHARING,
    TRAINING,
    Period,
    Permit,
)
from salus.core.errors import EvidenceError
from salus.privacy.labels import value_sets
from salus.privacy.permit_match import UNKNOWN

# What each purpose is to a person of twelve.
MEANS = {
    DIRECT_CARE: "for your care",
    SECOND_OPINION: "for a second opinion",
    QUALITY: "to check how good the care is",
    RESEARCH: "for research",
    TRAINING: "to teach computer models",
    SHARING: "outside this place",
    MACHINE: "to let computer models suggest something about you",
}
_ROLES = {
    "clinician": "clinicians", "patient": "you", "proxy": "people who act for you",
    "researcher": "researchers", "operator": "those who run the system", "system": "other computer systems",
    "ethics-reviewer": "ethics reviewers", "privacy-officer": "the privacy officer",
}  # fmt: skip
EVERYONE = "everyone whose work it is"
_KINDS = {
    "class": "entries of the type", "label": "what is about", "code": "what is coded", "data": "the entry",
}  # fmt: skip
_LISTS = ("purposes", "actors", "scope", "unknown")
_PERIODS = ("data_period", "valid_period")
_WORDS = ("subject", "effect", "basis", "given_by", "id", "status")
_FIELDS = frozenset({*_LISTS, *_PERIODS, *_WORDS, "at", "exceptions", "recorded", "standing"})


def spelled(permit: Permit) -> dict[str, Any]:
    """Return `permit` as JSON values; `permit_from` reads them back."""
    told: dict[str, Any] = {name: getattr(permit, name) for name in _WORDS}
    told |= {name: list(getattr(permit, name)) for name in _LISTS}
    told |= {name: [_iso(at) for at in getattr(permit, name)] for name in _PERIODS}
    return {
        **told,
        "at": _iso(permit.at),
        "recorded": permit.recorded,
        "standing": permit.standing,
        "exceptions": [spelled(one) for one in permit.exceptions],
    }


def permit_from(told: object) -> Permit:
    """Return the Permit that `spelled` wrote; raises EvidenceError for anything else."""
    try:
        return _read(told)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise EvidenceError(f"What is kept as a permit is none ({type(error).__name__}).") from None


def _read(told: Any) -> Permit:
    if told.keys() != _FIELDS or not all(isinstance(told[name], str) for name in _WORDS):
        raise ValueError
    if type(told["recorded"]) is not int or type(told["standing"]) is not bool:
        raise ValueError
    plain: dict[str, Any] = {name: told[name] for name in _WORDS}
    return Permit(
        **plain | {name: _texts(told[name]) for name in _LISTS},
        data_period=_period(told["data_period"]),
        valid_period=_period(told["valid_period"]),
        at=_moment(told["at"]),
        recorded=told["recorded"],
        standing=told["standing"],
        exceptions=tuple(_read(one) for one in told["exceptions"]),
    )


def _texts(told: Any) -> tuple[str, ...]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise ValueError
    return tuple(told)


def _period(told: Any) -> Period:
    since, until = told
    return _moment(since), _moment(until)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _moment(told: Any) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


def sentence(permit: Permit) -> str:
    """Return what `permit` says, as one sentence to the patient."""
    if permit.status != ACTIVE:
        return "This no longer counts: it was withdrawn or never took effect."
    if not permit.effect:
        said = "; ".join(_clause(one) for one in permit.exceptions) or "nothing is said"
        return f"{said[:1].upper()}{said[1:]}."
    said = _clause(permit)
    return f"{said[:1].upper()}{said[1:]}{_but(permit.exceptions)}."


def _but(exceptions: Iterable[Permit]) -> str:
    said = [_clause(one, inner=True) + _but(one.exceptions) for one in exceptions]
    return f", but {'; and '.join(said)}" if said else ""


def _clause(permit: Permit, *, inner: bool = False) -> str:
    who = _listed(map(_who, permit.actors)) if permit.actors else "they" if inner else EVERYONE
    may, either = ("may use", "and") if permit.effect == PERMIT else ("may not use", "or")
    # An exception without purposes is for those of the sentence that it is a part of.
    why = "" if inner and not permit.purposes else _purposes(permit, either)
    parts = (who, may, _what(permit.scope), _times(permit.data_period, "dated"), why)
    counts = _times(permit.valid_period, "this counts")
    return " ".join(part for part in parts if part) + (f" ({counts})" if counts else "") + _more(permit)


def _more(permit: Permit) -> str:
    said = ", not even in an emergency" if permit.standing and permit.effect == DENY else ""
    if permit.unknown or any(word.startswith(UNKNOWN) for word in (*permit.actors, *permit.scope)):
        said += " (with a condition that this system cannot read: it is taken in the stricter way)"
    return said


def _who(actor: str) -> str:
    if actor.startswith(UNKNOWN):
        return "somebody this system cannot name"
    role = actor.removeprefix("role:")
    return _ROLES.get(role, f"people in the role {role}") if role != actor else actor


def _purposes(permit: Permit, either: str) -> str:
    known = [one for one in permit.purposes if one in MEANS]
    if not permit.purposes or set(known) == set(PURPOSES.values()):
        return "for any purpose"
    others = ["for a purpose that this system does not know"] if len(known) < len(permit.purposes) else []
    return _listed([MEANS[one] for one in known] + others, either)


def _what(scope: Iterable[str]) -> str:
    titles = value_sets().titles
    kinds: dict[str, list[str]] = {}
    for word in scope:
        kind, _, rest = word.partition(":")
        kinds.setdefault(kind, []).append(titles.get(rest, rest) if kind == "label" else rest)
    said = [f"{name} {_listed(kinds[kind], 'or')}" for kind, name in _KINDS.items() if kind in kinds]
    others = ["some other part of it"] if kinds.keys() - _KINDS.keys() else []
    return ", where it is also ".join(said + others) or "what is held about you"


def _times(period: Period, verb: str) -> str:
    since, until = (None if at is None else f"{at.astimezone(UTC):%Y-%m-%d}" for at in period)
    if since and until:
        return f"{verb} from {since} to {until}"
    if since:
        return f"{verb} from {since} on"
    return f"{verb} until {until}" if until else ""


def _listed(words: Iterable[str], last: str = "and") -> str:
    *first, end = dict.fromkeys(words)
    return f"{', '.join(first)} {last} {end}" if first else end
