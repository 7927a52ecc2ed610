"""Does the patient smoke now: the US Core smoking status (LOINC 72166-2) as true, false or not known.

A condition that tells of tobacco contradicts a status that does not, and leaves it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.core.measures import USABLE, ago, is_blank, later_blank
from salus.core.seams import View
from salus.learning.parameters import Category
from salus.risk import _snomed as listed
from salus.risk import _words as words
from salus.risk._inputs import Fact, condition, hinted
from salus.risk._terms import icd9, icd10, snomed

STATUS = frozenset({"LOINC/72166-2", "LOINC/39240-7", "SNOMED/229819007"})

# LOINC answer list LL2201-3 and the SNOMED CT codes of HL7 US Core's smoking status. "Smoker, current status
# unknown" (77176002 there, LA18979-7) and "unknown if ever smoked" say nothing of now.
_NOW = (
    frozenset(
        {
            *(
                "SNOMED/449868002",
                "SNOMED/428041000124106",
                "SNOMED/428071000124103",
                "SNOMED/428061000124105",
            ),
            *("SNOMED/65568007", "SNOMED/230063004", "SNOMED/230060001", "SNOMED/230059006"),
            *("LOINC/LA18976-3", "LOINC/LA18977-1", "LOINC/LA18981-3", "LOINC/LA18982-1"),
        }
    )
    | listed.SMOKERS
)
_NOT_NOW = (
    frozenset({"SNOMED/8517006", "SNOMED/266919005", "SNOMED/8392000", "LOINC/LA15920-4", "LOINC/LA18978-9"})
    | listed.NON_SMOKERS
)

SMOKING = Category(
    "smoking",
    tuple(sorted(STATUS)),
    {**dict.fromkeys(sorted(_NOW), "smokes"), **dict.fromkeys(sorted(_NOT_NOW), "does not smoke")},
)


# What a list of conditions tells of tobacco that is smoked, or may be: neither in remission nor chewed.
TOBACCO = ValueSet(
    "use of tobacco",
    snomed("89765005", "56294008", "110483000") | {code for code in _NOW if code.startswith("SNOMED/")},
    (
        *(f"ICD10CM/F172{product}{state}" for product in "019" for state in "0389"),
        *("ICD10/F171", "ICD10/F172"),
        *icd10("Z720"),
        *icd9("3051"),
    ),
    "ICD-10-CM F17.20, F17.21, F17.29 (nicotine dependence, not in remission), Z72.0; ICD-10 F17.1, F17.2; "
    "ICD-9-CM 305.1; SNOMED CT tobacco and nicotine dependence, user of tobacco, kinds of smokers",
    words.TOBACCO,
)


def smokes(view: View, within: timedelta) -> Fact:
    """Return whether the patient smokes; a former smoker does not. None when older than `within`.

    Use of tobacco among the conditions is no status: it leaves open what a status does not affirm.
    """
    said, listed_so = _status(view, within), condition(view, TOBACCO)
    if said.value or not (listed_so.value or hinted(listed_so, TOBACCO)):
        return said
    if said.value is False:
        says = (
            "smoking: use of tobacco is among the conditions, though the recorded status is that of no smoker"
        )
    else:
        says = f"{said.says}; use of tobacco is among the conditions"
    return replace(said, value=None, events=(*said.events, *listed_so.events), says=says, blank=None)


def _status(view: View, within: timedelta) -> Fact:
    """Return what the status says; a later entry that nobody asked or knew takes nothing back (`blank`)."""
    usable = view.timeline.where(STATUS, test=lambda event: event.status in USABLE and event.time is not None)
    dated = usable.events
    if not dated:
        return Fact("smoking", None, (), "smoking status: not on record")
    told = [event for event in dated if not is_blank(event)]
    if not told:
        return _last(view, dated, within)
    return replace(_last(view, told, within), blank=later_blank(told, dated))


def _last(view: View, known: Sequence[Event], within: timedelta) -> Fact:
    last = known[-1]
    assert last.time is not None
    events = tuple(event for event in known if event.time == last.time)
    if view.as_of - last.time > within:
        says = f"smoking status: last recorded {ago(view.as_of - last.time)} before"
        return Fact("smoking", None, events, says)
    answers = {_answer(event) for event in events}
    if len(answers) > 1 or None in answers:
        return Fact("smoking", None, events, "smoking status: what is recorded does not say")
    return Fact("smoking", answers.pop(), events, "current smoking")


def _answer(event: Event) -> bool | None:
    if event.value in _NOW:
        return True
    return False if event.value in _NOT_NOW else None
