"""Body mass index as diagnoses tell it: a class of one unit or five, or that it is obesity.

ICD-10-CM Z68 and ICD-9-CM V85 (body mass index of adults), E66 and 278.0 (WHO Technical Report 894, 2000,
table 2.1: overweight from 25, obesity from 30 kg/m2). Only what is recorded with a date and lately enough is
of today.
"""

from __future__ import annotations

import re
from datetime import timedelta

from salus.core.evidence import Event
from salus.core.measures import Reading, ago
from salus.core.seams import View
from salus.risk._inputs import SUSPECTED, worded
from salus.risk._measures import BMI
from salus.risk._taken import recorded

Span = tuple[float, float]
OBESE: Span = (30.0, BMI.high)
OVERWEIGHT: Span = (25.0, 29.9)
_ABOVE_40 = {
    "1": (40.0, 44.9),
    "2": (45.0, 49.9),
    "3": (50.0, 59.9),
    "4": (60.0, 69.9),
    "5": (70.0, BMI.high),
}
# The longest beginning of a code decides. Of V85.4 the years before 2010 said no more than 40 and over.
_SPANS: dict[str, Span] = {
    **{f"ICD10CM/Z68{whole}": (float(whole), whole + 0.9) for whole in range(20, 40)},
    **{f"ICD9CM/V85{whole}": (float(whole), whole + 0.9) for whole in range(30, 40)},
    **{f"ICD9CM/V852{part}": (24.0 + part, 24.9 + part) for part in range(1, 6)},
    **{f"ICD10CM/Z684{part}": span for part, span in _ABOVE_40.items()},
    **{f"ICD9CM/V854{part}": span for part, span in _ABOVE_40.items()},
    **{"ICD10CM/Z681": (BMI.low, 19.9), "ICD9CM/V850": (BMI.low, 18.9), "ICD9CM/V851": (19.0, 24.9)},
    **{"ICD9CM/V854": (40.0, BMI.high), "ICD9CM/2780": OBESE, "ICD9CM/27802": OVERWEIGHT},
    **{f"{system}/E66": OBESE for system in ("ICD10", "ICD10CM")},
    **{"ICD10CM/E663": OVERWEIGHT, "ICD10CM/E66811": (30.0, 34.9), "ICD10CM/E66812": (35.0, 39.9)},
    **{"ICD10CM/E66813": (40.0, BMI.high)},
    **{"SNOMED/414916001": OBESE, "SNOMED/162864005": OBESE, "SNOMED/238136002": OBESE},  # obesity, morbid
    **{"SNOMED/408512008": (40.0, BMI.high), "SNOMED/162863004": OVERWEIGHT, "SNOMED/238131007": OVERWEIGHT},
}  # fmt: skip
_WORDS = re.compile(r"\b(?:body mass index|bmi)\b\D{0,12}(\d\d(?:\.\d)?) ?(?:-|–|to) ?(\d\d(?:\.\d)?)\b")


def coded(view: View, within: timedelta) -> Reading | None:
    """Return the index as the latest diagnoses tell it, unusable where none is of now; None without any."""
    found = [(event, span) for event in view.timeline.where(kind="Condition") if (span := _told(event))]
    dated = [(moment, event, span) for event, span in found if (moment := recorded(event)) is not None]
    if not found:
        return None
    if not dated:
        events = tuple(event for event, _ in found)
        return _unusable(events, "told by a diagnosis without a date, so not used")
    last = max(moment for moment, _, _ in dated)
    events = tuple(event for moment, event, _ in dated if moment == last)
    if view.as_of - last > within:
        return _unusable(events, f"told by a diagnosis last {ago(view.as_of - last)} before, so not used")
    spans = [span for moment, _, span in dated if moment == last]
    low, high = max(low for low, _ in spans), min(high for _, high in spans)
    if low > high:
        low, high = min(low for low, _ in spans), max(high for _, high in spans)
    return Reading(BMI, low, high, last, events, f"{BMI.name}: told by a diagnosis, as a range")


def _unusable(events: tuple[Event, ...], why: str) -> Reading:
    return Reading(BMI, BMI.low, BMI.high, None, events, f"{BMI.name} {why}", usable=False)


def _told(event: Event) -> Span | None:
    """Return from where to where the index lies by the codes of a condition, or by its words."""
    if event.status in SUSPECTED or event.status in ("refuted", "entered-in-error"):
        return None
    bare = [code.replace(".", "").upper() for code in event.codes]
    stems = [(len(stem), span) for stem, span in _SPANS.items() if any(_is(code, stem) for code in bare)]
    if stems:
        return max(stems)[1]
    said = _WORDS.search(worded(event).lower())
    return (float(said[1]), float(said[2])) if said else None


def _is(code: str, stem: str) -> bool:
    return code == stem if stem.startswith("SNOMED/") else code.startswith(stem)
