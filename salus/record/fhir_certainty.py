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


@lru_cache(maxsize=1 << 10)
def certainty(verification: bytes, clinical: bytes, abated: bool = False) -> str | None:
    """Return how sure and how present a condition is: doubt where recorded, else the clinical status.

    abated: it says that it is over, by an age or in words (Condition.abatement[x], invariant con-4).
    """
    doubts = [code for code in _DOUBTED if code in _codes(verification)]
    if doubts:
        return doubts[0]
    return next(iter(_codes(clinical)), "resolved" if abated else None)
