"""Writes a Permit as a FHIR R4 (4.0.1) Consent; `consent_fhir.permit_of` reads all of it back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from salus.core import codes
from salus.core.consent import PERMIT, RESEARCH, ROLE_SYSTEM, SILENT, Period, Permit
from salus.privacy import consent_terms as t
from salus.privacy.permit_match import UNKNOWN
from salus.privacy.permit_words import sentence

Told = dict[str, Any]


def consent_of(permit: Permit) -> Told:
    """Return `permit` as a Consent resource, with what it says in one sentence as its text."""
    scope = t.RESEARCH_SCOPE if permit.purposes == (RESEARCH,) else t.PRIVACY
    rule: Told = {"text": permit.basis} if permit.basis else {}
    rule["coding"] = [
        {"system": t.ACT_CODE, "code": t.POLICY_OF[permit.effect]}
        if permit.effect
        else {"system": "urn:salus:policy", "code": "only-exceptions"}
    ]
    return _filled({
        "resourceType": "Consent",
        "id": permit.id,
        "text": {"status": "generated", "div": _div(sentence(permit))},
        "status": permit.status,
        "scope": {"coding": [{"system": t.SCOPE_SYSTEM, "code": scope}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": permit.subject},
        "dateTime": _at(permit.at),
        "performer": [{"reference": permit.given_by}] if permit.given_by else [],
        "policyRule": rule,
        "provision": _provision(permit, is_root=True),
    })  # fmt: skip


def _div(said: str) -> str:
    for mark, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(mark, safe)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{said}</div>'


def _filled(told: Told) -> Told:
    """Return `told` without what is empty: FHIR has no empty elements."""
    return {name: value for name, value in told.items() if value not in ("", [], {}, None)}


def _provision(permit: Permit, *, is_root: bool = False) -> Told:
    by_kind: dict[str, list[str]] = {"class": [], "code": [], "label": [], "data": []}
    odd = [(t.UNKNOWN_CONDITION, word) for word in permit.unknown]
    for word in permit.scope:
        kind, _, rest = word.partition(":")
        if kind in by_kind:
            by_kind[kind].append(rest)
        else:
            odd.append((t.UNKNOWN_SCOPE, word))
    odd += [(t.UNKNOWN_ACTOR, word) for word in permit.actors if word.startswith(UNKNOWN)]
    return _filled({
        "extension": list(_marks(permit, is_root=is_root)),
        "modifierExtension": [{"url": url, "valueString": word} for url, word in odd],
        "type": None if is_root else permit.effect,
        "period": _period(permit.valid_period),
        "actor": [_actor(word) for word in permit.actors if not word.startswith(UNKNOWN)],
        "securityLabel": [t.coding(*codes.labelled(word)) for word in by_kind["label"]],
        "purpose": [t.purpose_coding(word) for word in permit.purposes],
        "class": [_class(word) for word in by_kind["class"]],
        "code": [{"coding": [t.code_coding(word)]} for word in by_kind["code"]],
        "dataPeriod": _period(permit.data_period),
        "data": [{"meaning": "instance", "reference": {"reference": word}} for word in by_kind["data"]],
        "provision": [_provision(one) for one in permit.exceptions],
    })  # fmt: skip


def _marks(permit: Permit, *, is_root: bool) -> Iterable[Told]:
    if permit.standing:
        yield {"url": t.STANDING, "valueBoolean": True}
    if permit.effect == PERMIT and not permit.purposes:
        yield {"url": t.EVERY_PURPOSE, "valueBoolean": True}
    if permit.effect == SILENT and not is_root:
        yield {"url": t.ONLY_EXCEPTIONS, "valueBoolean": True}


def _actor(word: str) -> Told:
    if word.startswith("role:"):
        role = word.removeprefix("role:")
        return {"role": {"coding": [{"system": ROLE_SYSTEM, "code": role}]}, "reference": {"display": role}}
    if t.is_reference(word):
        return {"role": t.RECIPIENT, "reference": {"reference": word}}
    return {
        "role": t.RECIPIENT,
        "reference": {"identifier": {"system": t.ACTOR_SYSTEM, "value": word}},
    }


def _class(word: str) -> Told:
    system, bar, code = word.rpartition("|")
    return t.coding(system, code) if bar else {"system": t.TYPE_SYSTEM, "code": word}


def _period(period: Period) -> Told:
    since, until = period
    return _filled({"start": _at(since), "end": _at(until)})


def _at(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
