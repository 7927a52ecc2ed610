"""How a stay ended: Encounter.hospitalization.dischargeDisposition, which is known when the stay is over.

Source: HL7 FHIR R4 Encounter. It is an event of its own, at the end of the period, since nobody who looks at
the stay before its end may see it; of a stay without an end it has no date.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from salus.core.errors import EvidenceError
from salus.record.fhir_terms import answer
from salus.record.fhir_types import MALFORMED, NOTHING, says


class _Hospitalization(Struct, gc=False):
    dischargeDisposition: Raw = NOTHING


_decode = msgspec.json.Decoder(_Hospitalization).decode


def disposition(hospitalization: Raw) -> str | None:
    """Return how a stay ended as ``SYSTEM/code``, or in words; None where nothing is said of it."""
    return _disposition(bytes(hospitalization)) if says(hospitalization) else None


@lru_cache(maxsize=4096)
def _disposition(raw: bytes) -> str | None:
    try:
        told = _decode(raw).dischargeDisposition
    except MALFORMED:
        raise EvidenceError("wrong shape: hospitalization is no object") from None
    return answer(bytes(told)) if says(told) else None
