"""Who made it, who judged it, who looked: insights, reviews and the ledger as Provenance and AuditEvent.

For the FHIR door. Source: FHIR R4 4.0.1 Provenance and AuditEvent; event types from DICOM PS3.15 A.5 (DCM).
A ledger entry holds a salted commitment and no patient's value, and so does its AuditEvent.
"""

from __future__ import annotations

import re
from datetime import datetime

from salus.core.addresses import parted
from salus.core.insight import Insight
from salus.core.review import OVERRIDE_REASONS, REASON_SYSTEM, Entry, Review
from salus.delivery.fhir_resources import (
    AIAST,
    Resource,
    device,
    evidence,
    reference,
    referring,
    resources,
    to_itself,
)
from salus.spine.shape import instant

_TYPED_ID = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
DECISION, LEDGER, ACTOR = "urn:salus:decision", "urn:salus:ledger", "urn:salus:actor"
# What an entry says was done -> (DICOM audit event, FHIR action).
_DID = {
    "begin": (("110107", "Import"), "E"),
    "read": (("110107", "Import"), "C"),
    "abandon": (("110107", "Import"), "E"),
    "look": (("110110", "Patient Record"), "R"),
    "card": (("110110", "Patient Record"), "R"),
    "insight": (("110110", "Patient Record"), "C"),
    "review": (("110110", "Patient Record"), "U"),
    "export": (("110106", "Export"), "R"),
    "sign-in": (("110114", "User Authentication"), "E"),
    "sign-out": (("110114", "User Authentication"), "E"),
    "refused-sign-in": (("110114", "User Authentication"), "E"),
    "break-glass": (("110127", "Emergency Override Started"), "E"),
    "account": (("110113", "Security Alert"), "U"),
    "password": (("110113", "Security Alert"), "U"),
    "factor": (("110113", "Security Alert"), "U"),
    "backup": (("110106", "Export"), "R"),
}
_OTHER = (("110100", "Application Activity"), "E")


def who(actor: str, server: str = "") -> Resource:
    """Return an actor's id as a Reference: a resource of the EHR where it is one, else an identifier.

    server: the base URL of the records' own FHIR server; "" where it is not known.
    """
    if _TYPED_ID.match(parted(actor)[1]):
        return reference(actor, server) if server else {"reference": actor}
    return {"identifier": {"system": ACTOR, "value": actor}, "display": actor}


def _targets(insight: Insight) -> list[Resource]:
    return list(map(to_itself, resources(insight)))


def insight_provenance(insight: Insight, recorded: datetime, server: str = "") -> Resource:
    """Return who made `insight`, from what of the record of `server`."""
    refer = referring(insight, server)
    sources = [{"role": "source", "what": refer(source)} for source in evidence(insight)]
    return {
        "resourceType": "Provenance",
        "id": insight.id,
        "meta": {"security": [AIAST]},
        "contained": [device(insight)],
        "target": _targets(insight),
        "occurredDateTime": instant(insight.as_of),
        "recorded": instant(recorded),
        "agent": [{"type": _participant("assembler"), "who": {"reference": "#model"}}],
        **({"policy": [f"urn:salus:basis:{_slug(insight.permit)}"]} if insight.permit else {}),
        **({"entity": sources} if sources else {}),
    }


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:120]


def _participant(code: str) -> Resource:
    return {"coding": [{"system": _PARTICIPANT, "code": code}]}


def review_id(review: Review) -> str:
    """Return the id of a review's Provenance: it begins with the insight's, and fits FHIR's 64 characters."""
    return f"{review.insight}.{review.id[:31]}"


def review_provenance(insight: Insight, review: Review, server: str = "") -> Resource:
    """Return what a person, known to `server` where it is one of its own, decided on `insight`."""
    assert review.at is not None
    return {
        "resourceType": "Provenance",
        "id": review_id(review),
        "target": _targets(insight),
        "recorded": instant(review.at),
        "activity": {"coding": [{"system": DECISION, "code": review.decision}]},
        "agent": [{"type": _participant("verifier"), "who": who(review.by, server)}],
        **({"reason": [_reason(review)]} if review.because or review.note else {}),
    }


def _reason(review: Review) -> Resource:
    found: Resource = {}
    if review.because:
        display = OVERRIDE_REASONS.get(review.because, review.because)
        found["coding"] = [{"system": REASON_SYSTEM, "code": review.because, "display": display}]
    return found | ({"text": review.note} if review.note else {})


def audit_event(entry: Entry, about: str, client: str = "", server: str = "") -> Resource:
    """Return a line of the ledger. about: the record that it is of (a subject, an insight's id …), or "".

    client: the system through which it was done, an agent beside the user. server: the base URL of the FHIR
    server of the subjects; "" where it is not known.
    """
    (code, display), action = _DID.get(entry.did, _OTHER)
    return {
        "resourceType": "AuditEvent",
        "id": str(entry.seq),
        "type": {"system": _DCM, "code": code, "display": display},
        "subtype": [{"system": LEDGER, "code": entry.did}],
        "action": action,
        "recorded": instant(entry.at),
        # AuditEventOutcome (FHIR R4): 4 is a minor failure.
        "outcome": "4" if entry.did == "abandon" else "0",
        "agent": [
            {"who": who(entry.who, server), "requestor": True},
            *([{"who": who(f"client:{client}", server), "requestor": False}] if client else []),
        ],
        "source": {"observer": {"display": "Salus"}},
        "entity": [_entity(entry, about, server)],
    }


def _entity(entry: Entry, about: str, server: str) -> Resource:
    marks = (("commitment", entry.what), ("previous", entry.previous), ("digest", entry.digest))
    detail = [{"type": name, "valueString": value} for name, value in marks]
    if not about:
        return {"detail": detail}
    if _TYPED_ID.match(parted(about)[1]):
        return {"what": reference(about, server), "detail": detail}
    return {"what": {"identifier": {"system": f"urn:salus:{entry.did}", "value": about}}, "detail": detail}
