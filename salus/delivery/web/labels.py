"""What a resource calls its codes: the displays that the record itself carries, for people who read it.

Source: FHIR R4 Coding.display and CodeableConcept.text; nothing is looked up in a terminology.
"""

from __future__ import annotations

import re
from typing import Any

from salus.core.codes import TEXT, URIS, short

# LOINC long names are for machines; these are what a ward calls the commonest of them.
COMMON = {
    "MEDS_BIRTH": "Born",
    "MEDS_DEATH": "Died",
    "LOINC/46098-0": "Sex",
    "LOINC/85354-9": "Blood pressure",
    "LOINC/8480-6": "Systolic pressure",
    "LOINC/8867-4": "Pulse",
    "LOINC/9279-1": "Breathing",
    "LOINC/8310-5": "Temperature",
    "LOINC/59408-5": "Oxygen saturation",
    "LOINC/2708-6": "Oxygen saturation",
    "LOINC/3151-8": "Oxygen given",
    "LOINC/3150-6": "Oxygen given",
    "LOINC/80288-4": "Consciousness",
    # Models ask for these along with another thing (height and weight with the body mass index), by whose
    # name they must not go.
    "LOINC/9269-2": "Glasgow coma scale",
    **dict.fromkeys(
        (
            *(
                "LOINC/8462-4",
                "LOINC/8453-3",
                "LOINC/8454-1",
                "LOINC/8455-8",
                "LOINC/11377-9",
                "LOINC/75995-1",
            ),
            *("LOINC/76213-8", "LOINC/76535-4", "SNOMED/271650006"),
            *("SNOMED/400975005", "SNOMED/407555005", "SNOMED/407557002"),
        ),
        "Diastolic pressure",
    ),
    **dict.fromkeys(("LOINC/29463-7", "LOINC/3141-9", "SNOMED/27113001"), "Weight"),
    **dict.fromkeys(("LOINC/8302-2", "LOINC/3137-7", "SNOMED/50373000"), "Height"),
    **dict.fromkeys(("LOINC/11778-8", "LOINC/11779-6"), "Delivery expected"),
}
# Where a resource says what it is; the first that is there.
_NAMED_BY = ("code", "medicationCodeableConcept", "vaccineCode", "type", "class", "category")

_ADDRESS = re.compile(r"(https?://|urn:)\S+$", re.I)


def _text(concept: Any) -> str:
    """Return what a CodeableConcept or Coding (or the first of several) calls itself, or ""."""
    if isinstance(concept, list):
        return _text(concept[0]) if concept else ""
    if not isinstance(concept, dict):
        return ""
    displays = [one.get("display") for one in concept.get("coding") or () if isinstance(one, dict)]
    found = concept.get("text") or next((one for one in displays if one), None) or concept.get("display")
    return found if isinstance(found, str) else ""


def read_labels(resource: Any, source: str, found: dict[str, str]) -> None:
    """Add to `found` the display of every code in `resource`, and under `source` what it is called."""
    named = next((text for key in _NAMED_BY if (text := _text(resource.get(key)))), "")
    if named:
        found[source] = named
    _walk(resource, found)


def spelled(code: str) -> tuple[str, str]:
    """Return what to call a code that nobody names, and its system: words as they are, another's bare code.

    A known system stands before its code (``LOINC 8867-4``), and is not said again.
    """
    system, bar, foreign = code.rpartition("|")
    if bar and foreign and _ADDRESS.match(system):
        return foreign, system
    known, slash, rest = code.partition("/")
    if slash and rest and known in (TEXT, *URIS):
        return (rest, "") if known == TEXT else (f"{known} {rest}", "")
    return code, ""


def _walk(node: Any, found: dict[str, str]) -> None:
    if isinstance(node, list):
        for part in node:
            _walk(part, found)
    elif isinstance(node, dict):
        system, code, display = node.get("system"), node.get("code"), node.get("display")
        if isinstance(code, str) and isinstance(display, str) and isinstance(system, str | None):
            found.setdefault(short(system, code), display)
        for part in node.values():
            _walk(part, found)
