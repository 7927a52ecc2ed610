"""Reads a FHIR R4 (4.0.1) Consent as a Permit; what it does not know becomes a condition that fails safe.

The base is `policyRule` (opt-in, opt-out); many servers say it in `provision.type` of the root, where R4 has
none: both are read. Where neither says it, the root says nothing and only nested provisions speak.
Choices: `docs/decisions/0018-permits.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from salus.core import codes
from salus.core.consent import (
    DENY,
    DIRECT_CARE,
    PERMIT,
    RESEARCH,
    ROLE_SYSTEM,
    SECOND_OPINION,
    SILENT,
    Period,
    Permit,
)
from salus.core.errors import EvidenceError, choices, printable
from salus.privacy import consent_terms as t
from salus.privacy.consent_time import first_of, last_of
from salus.privacy.permit_match import UNKNOWN

# What a permission without any purpose is taken for: consent is given for specific purposes (GDPR Art. 4(11)
# and recital 32; 45 CFR 164.508(c)(1)(iv)), and nobody meant the teaching of models who did not say so.
UNNAMED = (DIRECT_CARE, SECOND_OPINION)
_OF_A_PROVISION = frozenset({
    "id", "extension", "modifierExtension", "type", "period", "actor", "action", "securityLabel", "purpose",
    "class", "code", "dataPeriod", "data", "provision",
})  # fmt: skip
# Deeper than this nobody nests a provision on purpose.
_DEEPEST = 16
Told = Mapping[str, Any]


class _Place(NamedTuple):
    """An object and where it stands, for what is said of it."""

    told: Told
    at: str

    def refuse(self, name: str, remedy: str) -> EvidenceError:
        return EvidenceError(f"{self.at}.{name}: {remedy}")

    def text(self, name: str) -> str:
        """Return a string, "" where there is none."""
        found = self.told.get(name)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise self.refuse(name, "a string belongs here.")
        return found

    def child(self, name: str) -> _Place:
        """Return the object `name`; an empty one where there is none."""
        found = self.told.get(name)
        if found is not None and not isinstance(found, Mapping):
            listed = " FHIR R5 has a list here; send the Consent as R4." if isinstance(found, list) else ""
            raise self.refuse(name, f"an object belongs here.{listed}")
        return _Place(found or {}, f"{self.at}.{name}")

    def children(self, name: str) -> list[_Place]:
        """Return the objects of the list `name`."""
        found = self.told.get(name)
        if found is None:
            return []
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self.refuse(name, "a list belongs here.")
        places = [_Place(one, f"{self.at}.{name}[{at}]") for at, one in enumerate(found)]
        for one in places:
            if not isinstance(one.told, Mapping):
                raise EvidenceError(f"{one.at}: an object belongs here.")
        return places

    def period(self, name: str) -> Period:
        found = self.child(name)
        since, until = found.text("start"), found.text("end")
        return (
            first_of(since, f"{found.at}.start") if since else None,
            last_of(until, f"{found.at}.end") if until else None,
        )


def is_permit(consent: Told) -> bool:
    """Whether a Consent is about who may see what, and not a directive of another kind."""
    return not any(one in t.NO_PERMIT for one in _scopes(_Place(consent, "Consent")))


def permit_of(consent: object) -> Permit:
    """Return the Permit that a FHIR R4 Consent says.

    Its `recorded` is 0: the order of writing down is the store's.
    Raises EvidenceError with the place and the remedy, never with a value, for what is no readable Consent.
    """
    if not isinstance(consent, Mapping) or consent.get("resourceType") != "Consent":
        raise EvidenceError("This is no Consent: send a FHIR R4 resource whose resourceType is 'Consent'.")
    place = _Place(consent, "Consent")
    status, scopes = place.text("status"), _scopes(place)
    if status not in t.STATUSES:
        raise place.refuse("status", f"there is: {choices(printable(status), t.STATUSES)}.")
    for one in scopes:
        if one in t.NO_PERMIT:
            raise place.refuse(
                "scope", f"this is {t.NO_PERMIT[one]} and no permit: it says nothing of privacy."
            )
    subject = place.child("patient").text("reference")
    if not subject:
        raise place.refuse("patient.reference", "name the patient: Patient/ID.")
    rule = place.child("policyRule")
    base = _base(rule)
    root = _root(place.child("provision"), base, _odd(place, scopes))
    if t.RESEARCH_SCOPE in scopes and not root.purposes:
        root = replace(root, purposes=(RESEARCH,))
    said = place.text("dateTime") or place.child("meta").text("lastUpdated")
    # Of a day alone: a denial counts from its end, a permission from its start, so that a doubt denies.
    moment = last_of if root.effect == DENY else first_of
    return replace(
        _of(subject, _named(root, named=False)),
        basis=rule.text("text") or next((one.text("uri") for one in place.children("policy")), ""),
        given_by=next((one.text("reference") for one in place.children("performer")), ""),
        at=moment(said, "Consent.dateTime") if said else None,
        id=place.text("id"),
        status=status,
    )


def _of(subject: str, permit: Permit) -> Permit:
    return replace(permit, subject=subject, exceptions=tuple(_of(subject, one) for one in permit.exceptions))


def _scopes(place: _Place) -> list[str]:
    return [one.text("code") for one in place.child("scope").children("coding")]


def _odd(place: _Place, scopes: list[str]) -> tuple[str, ...]:
    """Return what of the Consent as a whole could turn its meaning and is not understood."""
    odd = [name for name in ("modifierExtension", "implicitRules") if place.told.get(name)]
    if any(one not in (t.PRIVACY, t.RESEARCH_SCOPE) for one in scopes):
        odd.append("scope")
    return tuple(odd)


def _base(rule: _Place) -> str:
    found = {t.POLICIES[code] for one in rule.children("coding") if (code := one.text("code")) in t.POLICIES}
    return DENY if DENY in found else PERMIT if found else SILENT


def _root(place: _Place, base: str, odd: tuple[str, ...]) -> Permit:
    own = _type(place) if "type" in place.told else SILENT
    root = _provision(place, own or base, 0)
    root = replace(root, unknown=(*odd, *root.unknown))
    if not own or not base or own == base:
        return root
    # The base policy, and a root that says the opposite of it under its own conditions.
    if own == PERMIT and not (root.purposes or root.actors or root.scope or root.data_period != (None, None)):
        return replace(root, effect=DENY)
    return Permit("", base, (), exceptions=(root,), unknown=odd)


def _type(place: _Place) -> str:
    found = place.text("type")
    if found not in (PERMIT, DENY):
        raise place.refuse("type", "write 'permit' or 'deny'.")
    return found


def _nested(place: _Place, depth: int) -> Permit:
    if depth > _DEEPEST:
        raise EvidenceError(f"{place.at}: provisions are nested more than {_DEEPEST} deep; say it flatter.")
    silent = "type" not in place.told and _is_marked(place, t.ONLY_EXCEPTIONS)
    return _provision(place, SILENT if silent else _type(place), depth)


def _provision(place: _Place, effect: str, depth: int) -> Permit:
    unknown = [f"element {printable(name)}" for name in place.told if _is_odd(name)]
    actors, scope = list(_actors(place)), list(_scope(place))
    for one in place.children("modifierExtension"):
        url, word = one.text("url"), one.text("valueString")
        into = {t.UNKNOWN_CONDITION: unknown, t.UNKNOWN_ACTOR: actors, t.UNKNOWN_SCOPE: scope}.get(url)
        if into is None:
            unknown.append("modifierExtension")
        else:
            into.append(word)
    if not _is_about_reading(place):
        unknown.append("action")
    purposes = tuple(
        dict.fromkeys(t.purpose(one.text("system"), one.text("code")) for one in place.children("purpose"))
    )
    found = Permit(
        "",
        effect,
        purposes,
        tuple(dict.fromkeys(actors)),
        tuple(dict.fromkeys(scope)),
        place.period("dataPeriod"),
        place.period("period"),
        unknown=tuple(dict.fromkeys(unknown)),
        standing=_is_marked(place, t.STANDING),
        exceptions=tuple(_nested(one, depth + 1) for one in place.children("provision")),
    )
    # Marked, until `_named` has asked for it.
    return replace(found, basis=t.EVERY_PURPOSE) if _is_marked(place, t.EVERY_PURPOSE) else found


def _is_odd(name: str) -> bool:
    return name not in _OF_A_PROVISION and not name.startswith("_")


def _is_marked(place: _Place, url: str) -> bool:
    return any(
        one.told.get("valueBoolean") is True for one in place.children("extension") if one.text("url") == url
    )


def _actors(place: _Place) -> Iterator[str]:
    for one in place.children("actor"):
        roles = [(code.text("system"), code.text("code")) for code in one.child("role").children("coding")]
        own = [code for system, code in roles if system == ROLE_SYSTEM]
        if own:
            yield f"role:{own[0]}"
            continue
        is_recipient = not one.told.get("role") or any(code in t.RECIPIENTS for _, code in roles)
        who = _who(one.child("reference"))
        yield who if who and is_recipient and not one.told.get("modifierExtension") else f"{UNKNOWN}actor"


def _who(reference: _Place) -> str:
    found, identifier = reference.text("reference"), reference.child("identifier")
    if found:
        return "" if found.startswith(("#", "urn:")) else found
    return identifier.text("value") if identifier.text("system") == t.ACTOR_SYSTEM else ""


def _scope(place: _Place) -> Iterator[str]:
    for one in place.children("securityLabel"):
        yield f"label:{codes.label(one.text('system'), one.text('code'))}"
    for one in place.children("class"):
        system, code = one.text("system"), one.text("code")
        yield f"class:{code}" if system == t.TYPE_SYSTEM else f"class:{system}|{code}"
    for one in place.children("code"):
        found = one.children("coding")
        yield from (f"code:{t.code(each.text('system'), each.text('code'))}" for each in found)
        if not found:
            yield f"{UNKNOWN}code"
    for one in place.children("data"):
        named = one.child("reference").text("reference")
        plain = one.text("meaning") == "instance" and named and not one.told.get("modifierExtension")
        yield f"data:{named}" if plain else f"{UNKNOWN}data"


def _is_about_reading(place: _Place) -> bool:
    actions = place.children("action")
    known = {code.text("code") for one in actions for code in one.children("coding")}
    return not actions or bool(known & t.READING)


def _named(permit: Permit, *, named: bool) -> Permit:
    """Narrow permissions for which no purpose was named, on no level, to what they can be taken for."""
    every = permit.basis == t.EVERY_PURPOSE
    named = named or bool(permit.purposes) or every
    found = replace(permit, basis="", exceptions=tuple(_named(one, named=named) for one in permit.exceptions))
    if permit.effect != PERMIT or named:
        return found
    general = Permit("", PERMIT, UNNAMED)
    return replace(found, effect=SILENT, exceptions=(general, *found.exceptions))
