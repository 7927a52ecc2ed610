"""How sure and how present a condition is, and what the record itself takes back, however it is spelt.

FHIR R4 ConditionVerificationStatus, AllergyIntoleranceVerificationStatus, ConditionClinicalStatusCodes.
Systems write the display in place of the code, or other capitals; an entry in error must not pass for that.
"""

from __future__ import annotations

from functools import lru_cache

from salus.record.fhir_terms import concept

ENTERED_IN_ERROR = "entered-in-error"
# The gravest first: whichever of its codings says so, what was entered in error is no evidence.
_DOUBTED = (ENTERED_IN_ERROR, "refuted", "unconfirmed", "provisional", "differential")
CONFIRMED, UNCONFIRMED = "confirmed", "unconfirmed"
# What other systems and words say of it: SNOMED CT's finding context values (attribute 408729009), and as
# people write. Whatever is said and is not known here is no confirmation.
_MEANT = {
    "410515003": CONFIRMED,  # known present
    "410591008": CONFIRMED,  # definitely present
    "410605003": CONFIRMED,  # confirmed present
    "410516002": "refuted",  # known absent
    "410594000": "refuted",  # definitely not present
    **dict.fromkeys(("known-present", "present", "definite", "established", "gesichert"), CONFIRMED),
    **dict.fromkeys(
        ("ruled-out", "known-absent", "absent", "not-present", "excluded", "negative"), "refuted"
    ),
    **dict.fromkeys(("no", "none", "disproved", "disproven", "ausgeschlossen"), "refuted"),
}
_CLINICAL = ("resolved", "remission", "inactive", "relapse", "recurrence", "active")
_KNOWN = frozenset((*_DOUBTED, *_CLINICAL))


@lru_cache(maxsize=1 << 10)
def spelt(status: str) -> str:
    """Return a status in the standard's own spelling: ``Entered in Error`` is ``entered-in-error``."""
    return "-".join(status.lower().replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1 << 10)
def is_error(status: str | None) -> bool:
    """Whether a status takes the resource back."""
    return status is not None and spelt(status) == ENTERED_IN_ERROR


def _codes(raw: bytes) -> list[str]:
    """Return every code of a status, what is known here first; its words count where they are known."""
    said = concept(raw)
    worded = [spelt(words) for words in (*said.displays, said.text or "")]
    found = [*map(spelt, said.plain), *(word for word in worded if word in _KNOWN)]
    if not found and said.text:
        found = [said.text.strip().lower()]
    return sorted(found, key=lambda code: code not in _KNOWN)


def _verified(raw: bytes) -> str | None:
    """Return what a verification status says; None where it says nothing."""
    said = concept(raw)
    told = [spelt(words) for words in (*said.plain, *said.displays, said.text or "") if words.strip()]
    meant = [_MEANT.get(each, each) for each in told]
    known = (each for each in (*_DOUBTED, CONFIRMED) if each in meant)
    return next(known, UNCONFIRMED if told else None)


@lru_cache(maxsize=1 << 10)
def certainty(verification: bytes, clinical: bytes, abated: bool = False) -> str | None:
    """Return how sure and how present a condition is: doubt where recorded, else the clinical status.

    A verification status that is not known here is a doubt: "unconfirmed", and never a confirmation.
    abated: it says that it is over, by an age or in words (Condition.abatement[x], invariant con-4).
    """
    verified = _verified(verification)
    if verified not in (None, CONFIRMED):
        return verified
    return next(iter(_codes(clinical)), "resolved" if abated else None)
