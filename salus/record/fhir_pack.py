"""FHIR resources packed for somebody: as the files of a bulk export, as a Bundle, or as a CDS Hooks prefetch.

A resource is its type and its bytes; what came from elsewhere keeps its decimals. Source: HL7 FHIR R4 Bundle,
Bulk Data Access 2.0 (NDJSON by type), CDS Hooks 2.0 (prefetch).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from salus.core.codes import DEATH, DISPOSITION
from salus.core.evidence import Timeline
from salus.record.fhir_bundle import fields
from salus.record.fhir_write import written

# A resource's type, and the resource on one line of JSON.
Packed = tuple[str, bytes]
# Elements that tell how it ended, by type.
_OUTCOMES = {"Patient": ("deceasedBoolean", "deceasedDateTime"), "Encounter": ("hospitalization",)}
OUTCOME_CODES = frozenset({DEATH, DISPOSITION})


def made(timeline: Timeline, *, with_outcome: bool) -> list[Packed]:
    """Return what `fhir_write.written` makes of a Timeline."""
    found = written(timeline, with_outcome=with_outcome)
    return [(one["resourceType"], msgspec.json.encode(one)) for one in found]


def as_sent(source: str, raw: bytes, *, with_outcome: bool) -> Packed:
    """Return a resource as it came, on one line, without what tells how it ended unless that is asked for."""
    kind = source.partition("/")[0]
    dropped = () if with_outcome else _OUTCOMES.get(kind, ())
    if any(name.encode() in raw for name in dropped):
        kept = {name: value for name, value in fields(raw).items() if name not in dropped}
        raw = msgspec.json.encode({name: Raw(bytes(value)) for name, value in kept.items()})
    return kind, msgspec.json.format(raw, indent=-1)


def lines(resources: Iterable[Packed]) -> dict[str, bytes]:
    """Return the lines of each file of a bulk export (``Observation.ndjson``)."""
    found: dict[str, list[bytes]] = {}
    for kind, raw in resources:
        found.setdefault(f"{kind}.ndjson", []).append(raw)
    return {name: b"\n".join(every) + b"\n" for name, every in found.items()}


def bundle(resources: Iterable[Packed]) -> bytes:
    """Return resources as one Bundle of the type collection."""
    return msgspec.json.encode(_bundle("collection", (raw for _, raw in resources)))


def _bundle(kind: str, raws: Iterable[bytes]) -> Mapping[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": Raw(raw)} for raw in raws]}


def prefetch(resources: Iterable[Packed]) -> bytes:
    """Return resources as a CDS Hooks prefetch: the patient, and a searchset of each other type."""
    by_kind: dict[str, list[bytes]] = {}
    for kind, raw in resources:
        by_kind.setdefault(kind, []).append(raw)
    found: dict[str, Any] = {}
    for kind, raws in by_kind.items():
        found |= (
            {"patient": Raw(raws[0])} if kind == "Patient" else {kind.lower(): _bundle("searchset", raws)}
        )
    return msgspec.json.encode(found)
