"""Who may do what: the one decision that every door asks before anything else.

A role and the relation to the person decide whether somebody may look at all; what the person permits
(`privacy.permits`) decides what is then seen. A denied thing is told of as an absent one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from salus.core.consent import SYSTEM, Actor
from salus.core.roles import (
    ACCOUNTS,
    AUDIT,
    BREAK,
    CLINICIAN,
    CONSENT,
    DECIDE,
    ETHICS_REVIEWER,
    EXPORT,
    MODELS,
    OPERATOR,
    PATIENT,
    POPULATION,
    PRIVACY_OFFICER,
    PROXY,
    RESEARCHER,
    SEE,
    WORKLIST,
)

# What somebody is to the person: the person, whoever acts for them, whoever cares for them; anybody.
OWN, ACTS_FOR, CARES, ANYBODY = "own", "acts-for", "cares", "anybody"

_ANY, _THEIRS = frozenset({ANYBODY}), frozenset({OWN, ACTS_FOR})
_CARE = frozenset({CARES})
# Minimum necessary (45 CFR 164.502(b), GDPR Art. 5(1)(c)): what is not here, a role may not.
ROLES: Mapping[str, Mapping[str, frozenset[str]]] = {
    CLINICIAN: {
        WORKLIST: _ANY,
        SEE: _CARE,
        DECIDE: _CARE,
        CONSENT: _CARE,
        EXPORT: _CARE,
        BREAK: _ANY,
        MODELS: _ANY,
    },
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
