"""Permit: what the subject allows or forbids; Grant: what was opened all the same, and why; Actor: who asks.

What a set of Permits means: `docs/decisions/0018-permits.md`; it is done in `salus/privacy/permits.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from unicodedata import category

from salus.core.errors import EvidenceError

DIRECT_CARE, SECOND_OPINION, RESEARCH, SHARING = "direct-care", "second-opinion", "research", "sharing"
# Of a population: to learn a model from it, and to find out how good one is.
TRAINING, QUALITY = "model-training", "quality"
# Machine-made suggestions at all; asked beside another purpose.
MACHINE = "machine"
# What a person types -> what is written down: every purpose that there is.
PURPOSES = {
    "care": DIRECT_CARE, "second-opinion": SECOND_OPINION, "quality": QUALITY, "research": RESEARCH,
    "training": TRAINING, "sharing": SHARING, "machine": MACHINE,
}  # fmt: skip
# HL7 v3 ActReason, PurposeOfUse: treatment, healthcare operations, healthcare research. It has no code for
# the other purposes, which are ours.
ACT_REASON = {DIRECT_CARE: "TREAT", QUALITY: "HOPERAT", RESEARCH: "HRESCH"}
ACT_REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PURPOSE_SYSTEM = "urn:salus:purpose"

CLINICIAN, PATIENT, PROXY, RESEARCHER, OPERATOR = "clinician", "patient", "proxy", "researcher", "operator"
ETHICS_REVIEWER, PRIVACY_OFFICER, SYSTEM = "ethics-reviewer", "privacy-officer", "system"
ROLES = (CLINICIAN, PATIENT, PROXY, ETHICS_REVIEWER, RESEARCHER, PRIVACY_OFFICER, OPERATOR, SYSTEM)
ROLE_SYSTEM = "urn:salus:role"

# SILENT: it says nothing itself; only its exceptions speak.
PERMIT, DENY, SILENT = "permit", "deny", ""
ACTIVE = "active"
# What every View and every page says, whether or not anything is: nobody can tell which.
WITHHELD = "Some information may be withheld."
# Longer than this no glass stays broken.
LONGEST_GRANT = timedelta(hours=4)
Period = tuple[datetime | None, datetime | None]

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
    organisations: for which they work (``Organization/3``), as the sign-in says.
    """

    id: str
    role: str = CLINICIAN
    client: str = ""
    organisations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permit:
    """What `subject` allows or forbids (FHIR R4 Consent.provision); withdrawn by a later Permit.

    effect: ``permit``, ``deny``, or "" where only the exceptions speak. purposes: as in `PURPOSES`.
    actors: ids (``Practitioner/7``, ``Organization/3``) and ``role:clinician``.
    scope: ``class:Condition``, ``code:SYSTEM/code``, ``label:CODE``, ``data:Observation/123``.
    Each of these empty: every one.
    basis: the law or policy it rests on. data_period, valid_period: (from, to), both inside; either may be
    None. at: when it was said. id: of the Consent that it is a version of, "" where it is none's.
    recorded: the order in which Permits were written down. status: as FHIR's; only active counts.
    unknown: conditions that were stated and cannot be evaluated, by their names.
    standing: a denial that holds even where somebody breaks the glass.

    Raises EvidenceError for another effect, and for a moment without a time zone.
    """

    subject: str
    effect: str = PERMIT
    purposes: tuple[str, ...] = (DIRECT_CARE,)
    actors: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    data_period: Period = (None, None)
    valid_period: Period = (None, None)
    basis: str = ""
    given_by: str = ""
    at: datetime | None = None
    exceptions: tuple[Permit, ...] = ()
    id: str = ""
    recorded: int = 0
    status: str = ACTIVE
    unknown: tuple[str, ...] = ()
    standing: bool = False

    def __post_init__(self) -> None:
        if self.effect not in (PERMIT, DENY, SILENT):
            raise EvidenceError(
                "A permit's effect is 'permit' or 'deny', or empty where only exceptions speak."
            )
        if any(
            at is not None and at.tzinfo is None for at in (self.at, *self.data_period, *self.valid_period)
        ):
            raise EvidenceError("A permit's moments need a time zone: write 2026-01-31T08:00:00Z.")


@dataclass(frozen=True, slots=True)
class Grant:
    """That `actor` opened what is closed of `subject` (break-glass): why, from when, until when.

    It opens evidence for direct care, at most `LONGEST_GRANT` long, and makes no machine speak.
    Raises EvidenceError for a moment without a time zone, and without a reason.
    """

    actor: str
    subject: str
    reason: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise EvidenceError("A grant's moments need a time zone: write 2026-01-31T08:00:00Z.")
        if not self.reason.strip():
            raise EvidenceError("Why is this opened? Say the reason: the patient will read it.")

    def holds(self, now: datetime) -> bool:
        """Whether it is in force at `now`; its last instant is outside."""
        return self.since <= now < min(self.until, self.since + LONGEST_GRANT)
