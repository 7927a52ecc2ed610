"""Is the patient pregnant: a question that several models must ask before they answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from salus.core.evidence import Event
from salus.core.measures import USABLE, is_blank, later_blank
from salus.core.seams import View
from salus.risk._gestation import CARRIED, GESTATION, TESTS, hinted, lasts
from salus.risk._inputs import DONE, SUSPECTED, Fact, may_name, sex, walkable, worded
from salus.risk._terms import PREGNANCY, PREGNANCY_OVER
from salus.risk._words import BECAUSE, OF_PREGNANCY, PLAIN_PREGNANCY, is_no_pregnancy, spoken

# An observed status counts for 12 weeks, since the next visit would repeat it.
_OBSERVED = timedelta(weeks=12)
# WHO: the puerperium lasts six weeks; what holds in pregnancy alone is not sure to hold again before.
_PUERPERIUM = timedelta(weeks=6)
# LOINC pregnancy status, and as reported; delivery date estimated, and from the last menstrual period.
STATUS = ("LOINC/82810-3", "LOINC/11449-6")
DUE = ("LOINC/11778-8", "LOINC/11779-6")
CODES = (*STATUS, *DUE, *GESTATION.codes, *TESTS)
# These name the end, so they hold until then.
_LASTING = frozenset({*DUE, *GESTATION.codes})
_YES = frozenset({"SNOMED/77386006", "LOINC/LA15173-0", "pregnant"})
_NO = frozenset({"SNOMED/60001007", "LOINC/LA26683-5", "not pregnant"})
# A date due names the end of the 40th week; it may go to the end of the 42nd.
_TERM, _OVERDUE = timedelta(weeks=40), timedelta(weeks=2)
_GONE = frozenset({"resolved", "remission", "inactive", "refuted", "entered-in-error"})
_PRESENT = frozenset({"active", "recurrence", "relapse"})
_NAME = "pregnancy"


def pregnant(view: View) -> Fact:
    """Return whether the patient is pregnant at `as_of`, by conditions, deliveries, status and date due.

    In a record of a man it is open: either the sex or the pregnancy is wrong, or the record means another sex
    than that of birth.
    """
    found = _carrying(view)
    if sex(view)[0] != "male":
        return found
    if found.value:
        says = f"{_NAME}: on record for a man, so the record contradicts itself"
        return Fact(_NAME, None, found.events, says)
    return Fact(_NAME, None, (), f"{_NAME}: not on record")


def _carrying(view: View) -> Fact:
    over = _over(view)
    since = over[-1].time if over else None
    lasting = [event for event in view.timeline.where(kind="Condition") if _lasts(view, event, since)]
    carried = tuple(event for event in lasting if _sure(event, since))
    if carried:
        return Fact(_NAME, True, carried, "pregnant")
    named = _named(view, since)
    if named:
        return named
    if lasting:
        return Fact(_NAME, None, tuple(lasting), f"{_NAME}: on record, but not confirmed or not dated")
    told = _told(view, since)
    if told is not None and told.value is not False:
        return told
    past = (since, told.at if told else None, *_ends(view))
    denied = max((moment for moment in past if moment), default=None)
    return hinted(view, denied) or told or _ended(view, over)


def _ends(view: View) -> tuple[datetime, ...]:
    """Return when pregnancies on the list of conditions ended: what was told before is of those."""
    listed = view.timeline.where(kind="Condition", test=PREGNANCY.has)
    return tuple(event.end for event in listed if event.end and event.end <= view.as_of and _happened(event))


def _named(view: View, since: datetime | None) -> Fact | None:
    """Return that words plainly name a pregnancy of today, unless a status says otherwise."""
    named = tuple(event for event in view.timeline.where(kind="Condition") if _plain(view, event, since))
    observed = _observed(view, since)
    if not named or (observed is not None and observed.value is not True):
        return None
    return Fact(_NAME, True, named, "pregnant")


def _plain(view: View, event: Event, since: datetime | None) -> bool:
    """Whether an active condition is a pregnancy by its words, by whatever code."""
    said = BECAUSE.split(worded(event).lower())[0]
    if event.status not in _PRESENT or walkable(event) or not spoken(said, PREGNANCY.words):
        return False
    if not PLAIN_PREGNANCY.search(said) or OF_PREGNANCY.search(said) or is_no_pregnancy(said):
        return False
    return _of_today(view, event, since) and _sure(event, since)


def _told(view: View, since: datetime | None) -> Fact | None:
    """Return what an observed status or a condition in words says; a "no" does not outweigh the words."""
    observed = _observed(view, since)
    if observed is not None and observed.value is not False:
        return observed
    told = tuple(event for event in view.timeline.where(kind="Condition") if _worded(view, event, since))
    if told:
        return Fact(_NAME, None, told, f"{_NAME}: named in words, but not by a known code")
    return observed


def _ended(view: View, over: tuple[Event, ...]) -> Fact:
    since = over[-1].time if over else None
    if since is None or view.as_of - since > _OBSERVED:
        return Fact(_NAME, None, (), f"{_NAME}: not on record")
    if view.as_of - since <= _PUERPERIUM:
        return Fact(_NAME, None, over[-1:], f"{_NAME}: ended less than six weeks ago")
    return Fact(_NAME, False, over[-1:], f"{_NAME}: over")


def _over(view: View) -> tuple[Event, ...]:
    """Return the deliveries and miscarriages on record, in the order in which they happened."""
    found = view.timeline.where(kind=("Condition", "Procedure"), test=PREGNANCY_OVER.has)
    return tuple(event for event in found if event.time is not None and _happened(event))


def _happened(event: Event) -> bool:
    if event.kind == "Condition":
        return event.status not in SUSPECTED and event.status not in ("refuted", "entered-in-error")
    return event.kind == "Procedure" and event.status in DONE


def _observed(view: View, since: datetime | None) -> Fact | None:
    """Return what the latest observed status says; a later blank one takes nothing back."""
    codes = (*STATUS, *DUE, *GESTATION.codes)
    found = view.timeline.where(codes, test=lambda event: _tells(view, event, since)).events
    # However old: what was told before somebody said "no" was of another pregnancy, or of none.
    denials = view.timeline.where(
        STATUS, test=lambda event: event.status in USABLE and _answer(event) is False
    )
    last_no = max((event.time for event in denials if event.time is not None), default=None)
    found = tuple(event for event in found if last_no is None or (event.time and event.time >= last_no))
    told = [event for event in found if not is_blank(event)]
    if not found:
        return None
    if not told:
        return Fact(_NAME, None, found[-1:], f"{_NAME}: the recorded status is blank")
    return replace(_latest(view, told), blank=later_blank(told, found))


def _latest(view: View, told: list[Event]) -> Fact:
    """Return what the latest of `told` says; two answers at one moment leave it open."""
    last = told[-1]
    assert last.time is not None
    latest = tuple(event for event in told if event.time == last.time)
    said = {_answer(event) for event in latest}
    if len(said) > 1:
        return Fact(_NAME, None, latest, f"{_NAME}: recorded differently at one moment")
    answer = said.pop()
    if answer is None:
        return Fact(_NAME, None, latest, f"{_NAME}: the recorded status is neither yes nor no")
    if answer and view.as_of - last.time > _OBSERVED and not last.coded(_LASTING):
        return Fact(_NAME, None, latest, f"{_NAME}: recorded more than twelve weeks ago, its end is not")
    return Fact(_NAME, answer, latest, "pregnant" if answer else "not pregnant")


def _tells(view: View, event: Event, since: datetime | None) -> bool:
    """Whether an observed status or date due may still hold: "no" for weeks, the rest to the end."""
    if event.status not in USABLE or event.time is None or (since is not None and event.time <= since):
        return False
    old = view.as_of - event.time
    if event.coded(frozenset(GESTATION.codes)):
        return bool(lasts(view, event, since))
    if event.coded(frozenset(DUE)):
        due = _due(event)
        if due is None or (since is not None and due - _TERM <= since.astimezone(UTC).date()):
            return False
        return old <= CARRIED and view.as_of.astimezone(UTC).date() <= due + _OVERDUE
    return old <= (CARRIED if _answer(event) else _OBSERVED)


def _due(event: Event) -> date | None:
    try:
        return date.fromisoformat(str(event.value)[:10])
    except ValueError:
        return None


def _answer(event: Event) -> bool | None:
    if event.coded(_LASTING):
        return True
    said = event.value.strip() if isinstance(event.value, str) else event.value
    known = said if said in _YES | _NO or not isinstance(said, str) else said.lower()
    return True if known in _YES else False if known in _NO else None


def _lasts(view: View, event: Event, since: datetime | None) -> bool:
    """Whether it may be a pregnancy of today; one that began before the last delivery ended with it."""
    return PREGNANCY.has(event) and _of_today(view, event, since)


def _worded(view: View, event: Event, since: datetime | None) -> bool:
    """Whether words alone may mean a pregnancy of today."""
    if not may_name(event, PREGNANCY) or is_no_pregnancy(worded(event).lower()):
        return False
    return _of_today(view, event, since)


def _of_today(view: View, event: Event, since: datetime | None) -> bool:
    if PREGNANCY_OVER.has(event) or event.status in _GONE:
        return False
    if event.end is not None and event.end < view.as_of:
        return False
    moment = event.time or event.known_at
    if moment is None:
        return True
    return view.as_of - moment <= CARRIED and (since is None or moment > since)


def _sure(event: Event, since: datetime | None) -> bool:
    if event.status in SUSPECTED:
        return False
    return event.time is not None or (event.status in _PRESENT and since is None)
