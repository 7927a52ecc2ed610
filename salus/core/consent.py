"""Permit: what the subject allows or forbids; and Actor, on whose behalf every call is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from unicodedata import category

DIRECT_CARE = "direct-care"
# Of a population: to learn a model from it, and to find out how good one is.
TRAINING, QUALITY = "model-training", "quality"

# Unicode letters and symbols that are drawn as nothing: Hangul fillers and the empty braille pattern.
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Joiners, with which Persian and Indian names are written; every other unseen character hides something.
_JOINERS = frozenset("\u200c\u200d")


def names_somebody(name: object) -> bool:
    """Whether `name` can stand for somebody in particular: it is seen, all of it, on one line.

    Blanks and unseen characters alone are nobody; a control character inside, or one that is not drawn or
    turns the direction of writing (Unicode categories Cc, Cf, Cs, Zl, Zp), would pass for somebody else.
    """
    if not isinstance(name, str):
        return False
    kinds = [category(one) for one in name if one not in _JOINERS]
    seen = (one for one in name if category(one)[0] not in "CZM" and one not in _UNSEEN)
    return any(seen) and not {"Cc", "Cf", "Cs", "Zl", "Zp"}.intersection(kinds)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a stable identifier (``Practitioner/7``, ``cli:maria``) and a role (``clinician``).

    client: the system through which they ask, by the issuer of its tokens; "" where none is known.
    """

    id: str
    role: str = "clinician"
    client: str = ""


@dataclass(frozen=True, slots=True)
class Permit:
    """What `subject` allows or forbids (FHIR R4 Consent.provision); withdrawn by a later Permit.

    effect: ``permit`` or ``deny``. purposes, actors, scope: empty means every one of them.
    basis: the law or policy it rests on. data_period, valid_period: (from, to), either may be None.
    """

    subject: str
    effect: str = "permit"
    purposes: tuple[str, ...] = (DIRECT_CARE,)
    actors: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    data_period: tuple[datetime | None, datetime | None] = (None, None)
    valid_period: tuple[datetime | None, datetime | None] = (None, None)
    basis: str = ""
    given_by: str = ""
    at: datetime | None = None
    exceptions: tuple[Permit, ...] = ()
