"""What of the record a model looked at and could not use, or not place: no model keeps silent about it.

Conditions coded in ways that are not known here must not pass for a "no" unsaid; values whose status forbids
their use, or that have no time, must not vanish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from salus.core.evidence import UNREADABLE, Event
from salus.core.measures import USABLE, Reading, ago
from salus.core.seams import View
from salus.risk import _af_terms as fibrillation
from salus.risk import _terms as terms
from salus.risk._arteries import VASCULAR_UNCLEAR
from salus.risk._findrisc_family import FAMILY_DIABETES
from salus.risk._findrisc_items import HIGH_GLUCOSE, SEDENTARY
from salus.risk._inputs import Fact, walkable
from salus.risk._prevent_prior import BRAIN_BLEEDING, CARDIAC_ARREST
from salus.risk._taken import DRUG_KINDS

_SETS = (
    *(terms.DIABETES, terms.HEART_FAILURE, terms.ATHEROSCLEROTIC_DISEASE, terms.DIALYSIS, terms.PREGNANCY),
    *(terms.KIDNEY_TRANSPLANT, terms.KIDNEY_FAILURE, terms.KIDNEY_DISEASE, terms.PREGNANCY_OVER),
    *(fibrillation.ATRIAL_FIBRILLATION, fibrillation.HYPERTENSION, fibrillation.STROKE),
    *(fibrillation.HEART_UNCLEAR, fibrillation.STROKE_UNCLEAR, VASCULAR_UNCLEAR),
    fibrillation.CIRCULATION_PAST,
    *(fibrillation.VASCULAR, fibrillation.MITRAL_STENOSIS, fibrillation.VALVE),
    *(fibrillation.BIOLOGICAL_VALVE, fibrillation.AMYLOIDOSIS, fibrillation.CARDIAC_AMYLOIDOSIS),
    *(fibrillation.ANTICOAGULATE_ANYWAY, HIGH_GLUCOSE, SEDENTARY, FAMILY_DIABETES),
    *(BRAIN_BLEEDING, CARDIAC_ARREST),
)
_KNOWN = frozenset().union(*(meaning.codes for meaning in _SETS))


def unplaced(view: View) -> tuple[str, ...]:
    """Say how many conditions no list of codes here holds; nothing where there are none."""
    listed = view.timeline.where(kind="Condition", test=lambda event: event.status != "entered-in-error")
    told = [event for event in listed if event.status != UNREADABLE]
    odd = {event.source for event in told if not walkable(event) and not event.coded(_KNOWN)}
    if not odd:
        return ()
    many = "1 condition on record is" if len(odd) == 1 else f"{len(odd)} conditions on record are"
    return (f"{many} coded in ways that are not known here: at most the words are read, in English.",)


_YEAR = timedelta(days=365)


def aged(view: View, *, drugs: bool) -> tuple[str, ...]:
    """Say how old the newest entry of a list is, where over a year, and what counts without any date."""
    listed = view.timeline.where(kind="Condition", test=lambda event: event.status != "entered-in-error")
    asked = [("condition", listed.events)]
    if drugs:
        asked.append(("medication", view.timeline.where(kind=DRUG_KINDS).events))
    said = [
        f"The newest {what} on record is {ago(view.as_of - newest)} old: what came since is not known."
        for what, events in asked
        if (newest := _newest(view, events)) is not None and view.as_of - newest > _YEAR
    ]
    dateless = (event for event in listed if event.time is None and event.known_at is None)
    undated = {event.source for event in dateless if _used(event)}
    if undated:
        said.append(f"Of {len(undated)} of the conditions that count the date is not recorded.")
    return tuple(said)


def _newest(view: View, events: Iterable[Event]) -> datetime | None:
    """Return the latest moment that an entry tells; None where no entry tells any."""
    moments = [moment for event in events for moment in (event.time, event.known_at) if moment is not None]
    return max((moment for moment in moments if moment <= view.as_of), default=None)


def _used(event: Event) -> bool:
    return event.status != UNREADABLE and any(meaning.has(event) for meaning in _SETS)


# What the record itself takes back is no value that was left out.
_TAKEN_BACK = frozenset({"entered-in-error", "cancelled"})


def left_out(view: View, readings: Iterable[Reading]) -> tuple[str, ...]:
    """Say of which measures a value is not final, was not used for its status, or has no time."""
    found = list(readings)
    said = (
        ("Preliminary, not final", [one for one in found if _preliminary(one)]),
        ("A later value that is not final was not used", [one for one in found if _later(view, one)]),
        ("Values without a time were not used", [one for one in found if _timeless(view, one)]),
    )
    sentences = tuple(
        f"{what}: {', '.join(dict.fromkeys(one.measure.name for one in those))}."
        for what, those in said
        if those
    )
    return (*sentences, *blanks(view, ((one.measure.name, one.at, one.blank) for one in found if one.usable)))


def blanks(view: View, found: Iterable[tuple[str, datetime | None, datetime | None]]) -> tuple[str, ...]:
    """Say what was last told before a blank entry: the name, when it was told, when it was left blank."""
    kept = [f"{name} of {ago(view.as_of - at)} before" for name, at, blank in found if at and blank]
    if not kept:
        return ()
    return (f"A later entry is blank, so the last value before it counts: {', '.join(dict.fromkeys(kept))}.",)


def blank_since(view: View, *facts: Fact) -> tuple[str, ...]:
    """Say which of `facts` were answered before a blank entry, as `blanks` does of measurements."""
    return blanks(view, ((fact.name, fact.at, fact.blank) for fact in facts if fact.value is not None))


def _preliminary(found: Reading) -> bool:
    return found.usable and any(event.status == "preliminary" for event in found.events)


def _later(view: View, found: Reading) -> bool:
    refused = (event for event in _measured(view, found) if event.status not in USABLE)
    return any(
        event.time is not None and (found.at is None or event.time > found.at)
        for event in refused
        if event.status not in _TAKEN_BACK
    )


def _timeless(view: View, found: Reading) -> bool:
    return any(event.time is None and event.status not in _TAKEN_BACK for event in _measured(view, found))


def _measured(view: View, found: Reading) -> Iterator[Event]:
    return (event for event in view.timeline.where(found.measure.codes).events if event.value is not None)
