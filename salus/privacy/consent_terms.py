"""The words of a FHIR R4 Consent and those of a Permit, each way.

Source: HL7 FHIR R4 (4.0.1) Consent and its value sets; HL7 v3 ActReason, ActCode, ParticipationType.
"""

from __future__ import annotations

import re

from salus.core import codes
from salus.core.consent import ACT_REASON, ACT_REASON_SYSTEM, DENY, PERMIT, PURPOSE_SYSTEM, PURPOSES

SCOPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/consentscope"
TYPE_SYSTEM = "http://hl7.org/fhir/resource-types"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACTOR_SYSTEM = "urn:salus:actor"
# A code of ours that is none of a code system: what a record calls something in words.
CODE_SYSTEM = "urn:salus:code"
PRIVACY, RESEARCH_SCOPE = "patient-privacy", "research"
# Other directives than about who may see what: they are no permits.
NO_PERMIT = {"adr": "an advance directive", "treatment": "a consent to treatment"}
STATUSES = ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error")
# Consent.policyRule, v3 ActCode ActConsentDirective: what holds where no provision says otherwise.
POLICIES = {"OPTIN": PERMIT, "OPTINR": PERMIT, "OPTOUT": DENY, "OPTOUTE": DENY}
POLICY_OF = {PERMIT: "OPTIN", DENY: "OPTOUT"}
# Who an actor of a provision is where it is somebody who gets to see: recipients, and who was given a right.
# Any other role (custodian, author) is about whose data it is, which no evidence here says.
RECIPIENTS = frozenset({"PRCP", "IRCP", "GRANTEE", "DELEGATEE"})
RECIPIENT = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]
}
# A provision about reading holds for these actions; to correct or to collect is neither.
READING = frozenset({"access", "use", "disclose"})

_EXTENSION = "urn:salus:extension:"
# Of a permission without a purpose: it is meant for every one.
EVERY_PURPOSE = _EXTENSION + "every-purpose"
# Of a denial: it holds even where somebody breaks the glass.
STANDING = _EXTENSION + "standing"
# Of a nested provision without a type: only what is nested in it speaks.
ONLY_EXCEPTIONS = _EXTENSION + "only-exceptions"
# Modifiers, since whoever does not know them must not take the rest for the whole: what could not be read.
UNKNOWN_CONDITION = _EXTENSION + "unknown-condition"
UNKNOWN_ACTOR = _EXTENSION + "unknown-actor"
UNKNOWN_SCOPE = _EXTENSION + "unknown-scope"

_REASONS = {code: purpose for purpose, code in ACT_REASON.items()}
_REASON_SYSTEMS = frozenset(
    {ACT_REASON_SYSTEM, "http://hl7.org/fhir/v3/ActReason", "urn:oid:2.16.840.1.113883.5.8"}
)


def purpose(system: str, code: str) -> str:
    """Return the purpose of a Coding: one of ours, ``ActReason/CODE``, or an unknown ``SYSTEM|CODE``."""
    if system == PURPOSE_SYSTEM and code in PURPOSES.values():
        return code
    if system in _REASON_SYSTEMS:
        return _REASONS.get(code, f"ActReason/{code}")
    return f"{system}|{code}"


def purpose_coding(word: str) -> dict[str, str]:
    """Return the Coding of a purpose; the inverse of `purpose`."""
    if word in ACT_REASON:
        return {"system": ACT_REASON_SYSTEM, "code": ACT_REASON[word]}
    if word in PURPOSES.values():
        return {"system": PURPOSE_SYSTEM, "code": word}
    if word.startswith("ActReason/"):
        return {"system": ACT_REASON_SYSTEM, "code": word.removeprefix("ActReason/")}
    return coding(*word.rpartition("|")[::2])


def code(system: str, told: str) -> str:
    """Return a Coding as evidence carries it."""
    return told if system == CODE_SYSTEM else codes.short(system, told)


def code_coding(word: str) -> dict[str, str]:
    """Return the Coding of a code; the inverse of `code`."""
    system, told = codes.uri(word)
    return coding(system, told) if codes.short(system, told) == word else coding(CODE_SYSTEM, word)


_REFERENCE = re.compile(r"(https?://\S+/)?[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")


def is_reference(word: str) -> bool:
    """Whether an actor's id is a FHIR reference, and not an account's name."""
    return _REFERENCE.fullmatch(word) is not None


def coding(system: str, code: str) -> dict[str, str]:
    """Return a Coding, without a system where there is none."""
    return {"system": system, "code": code} if system else {"code": code}
