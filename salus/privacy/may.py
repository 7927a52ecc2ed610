"""Who may do what: the one decision that every door asks before anything else.

A role and the relation to the person decide whether somebody may look at all; what the person permits
(`privacy.permits`) decides what is then seen. A denied thing is told of as an absent one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from salus.core.consent import SYSTEM, Actor
from salus.core.roles import (
    CLINICIAN,
    ETHICS_REVIEWER,
    OPERATOR,
    PATIENT,
    PRIVACY_OFFICER,
    PROXY,
    RESEARCHER,
)

# What somebody wants: to see what is held and said of a person; to decide on an insight; to say what the
# person permits; to take the record away; to open what is closed; to open a population; to see how models
# are and do; to see who did what; to keep accounts.
SEE, DECIDE, CONSENT, EXPORT, BREAK, POPULATION, MODELS, AUDIT, ACCOUNTS = (
    "see", "decide", "consent", "export", "break-glass", "population", "models", "audit", "accounts",
)  # fmt: skip
# What somebody is to the person: the person, whoever acts for them, whoever cares for them; anybody.
OWN, ACTS_FOR, CARES, ANYBODY = "own", "acts-for", "cares", "anybody"

_ANY, _THEIRS = frozenset({ANYBODY}), frozenset({OWN, ACTS_FOR})
_CARE = frozenset({CARES})
# Minimum necessary (45 CFR 164.502(b), GDPR Art. 5(1)(c)): what is not here, a role may not.
ROLES: Mapping[str, Mapping[str, frozenset[str]]] = {
    CLINICIAN: {SEE: _CARE, DECIDE: _CARE, CONSENT: _CARE, EXPORT: _CARE, BREAK: _ANY, MODELS: _ANY},
    PATIENT: {SEE: _THEIRS, CONSENT: _THEIRS, EXPORT: _THEIRS, MODELS: _ANY},
    PROXY: {SEE: _THEIRS, CONSENT: _THEIRS, EXPORT: _THEIRS, MODELS: _ANY},
    ETHICS_REVIEWER: {MODELS: _ANY},
    RESEARCHER: {POPULATION: _ANY, MODELS: _ANY},
    PRIVACY_OFFICER: {AUDIT: _ANY, MODELS: _ANY},
    OPERATOR: {ACCOUNTS: _ANY, MODELS: _ANY},
    # An EHR asks for the clinician in front of the patient, and says so.
    SYSTEM: {SEE: _ANY, DECIDE: _ANY, MODELS: _ANY, AUDIT: _ANY},
}


def may(actor: Actor, action: str, relations: Collection[str] = ()) -> bool:
    """Whether `actor` may do `action`, being `relations` to the person that it is about.

    Where nobody signs in (`Actor.about` is None) whoever the site lets in may do everything: the command
    line, and pages behind another login.
    """
    if actor.about is None:
        return True
    allowed = ROLES.get(actor.role, {}).get(action, frozenset())
    return not allowed.isdisjoint({*relations, ANYBODY})
