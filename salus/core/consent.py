"""Permit: what the subject allows or forbids; and Actor, on whose behalf every call is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

DIRECT_CARE = "direct-care"


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
