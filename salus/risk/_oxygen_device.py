"""Does what a patient breathes through deliver oxygen, as far as its name tells?

LOINC 107117-4, Method of oxygen delivery; SNOMED CT oxygen mask, nasal cannula and high-flow nasal cannula;
the words of intensive-care charts (MIMIC-IV, O2 Delivery Device). A ventilator, CPAP or a tracheostomy may
run on air.
"""

from __future__ import annotations

import re

DEVICE = "LOINC/107117-4"
_CODES = frozenset({"SNOMED/336602003", "SNOMED/336623009", "SNOMED/426854004"})
_AIR = re.compile(r"\b(room air|ra|no (supplemental |added )?(oxygen|o2))\b|^(air|none)$")
_OXYGEN = re.compile(
    r"\b(nasal (cannulae?|prongs?|spec(tacle)?s?)|high[- ]flow|hfn[co]|venturi|venti mask|non-?rebreath\w*|"
    r"reservoir|(face|oxygen|simple) mask|face tent|oxymi[sz]er|oxygen|o2)\b"
)
_TAKEN_OFF = re.compile(r"\b(no|off|without|not|removed|discontinued|weaned|stopped)\b")


def delivers_oxygen(said: str) -> bool | None:
    """Return whether the device `said`, by code or in words, delivers oxygen; None where that is not told."""
    words = said.strip().lower()
    air, oxygen = _AIR.search(words) is not None, said in _CODES or _OXYGEN.search(words) is not None
    if air:
        return None if _OXYGEN.search(_AIR.sub("", words)) else False
    return True if oxygen and not _TAKEN_OFF.search(words) else None
