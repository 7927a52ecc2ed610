"""The eighth question of the FINDRISC form: has a relative diabetes, and how near is that relative?

Source: Finnish Diabetes Association, Type 2 diabetes risk assessment form: no; yes: grandparent, aunt, uncle
or first cousin (3 points); yes: parent, brother, sister or own child (5 points).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from salus.core.codes import TEXT, ValueSet
from salus.core.evidence import Event
from salus.core.seams import View
from salus.risk._inputs import condition, placed
from salus.risk._points import Item
from salus.risk._terms import DIABETES, icd9, icd10, snomed
from salus.risk._words import spoken, understood

RELATIVE_POINTS, NEAR_RELATIVE_POINTS = 3, 5

FAMILY_DIABETES = ValueSet(
    "diabetes in the family",
    snomed("160303001"),
    icd10("Z833") + icd9("V180"),
    "ICD-10 Z83.3; ICD-9-CM V18.0; SNOMED CT 160303001",
)
NO_FAMILY_DIABETES = frozenset({"SNOMED/160274005"})
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode|"
# HL7 v3 RoleCode: parents, brothers and sisters, children; then grandparents, uncles, aunts, cousins.
_NEAR = "FTH MTH PRN NFTH NMTH NPRN BRO SIS SIB NBRO NSIS NSIB TWIN TWINBRO TWINSIS SON DAU CHILD SONC DAUC"
_FAR = (
    "GRPRN GRFTH GRMTH MGRPRN MGRFTH MGRMTH PGRPRN PGRFTH PGRMTH UNCLE AUNT MUNCLE PUNCLE MAUNT PAUNT COUSN"
)
NEAR_RELATIVES = frozenset(f"{_ROLE}{code}" for code in (*_NEAR.split(), "NCHILD"))
# SNOMED CT: mother, father, parent, brother, sister, sibling, son, daughter, child.
NEAR_SNOMED = snomed(
    *(
        "72705000",
        "66839005",
        "40683002",
        "70924004",
        "27733009",
        "375005",
        "65616008",
        "66089001",
        "67822003",
    )
)
RELATIVES = frozenset(f"{_ROLE}{code}" for code in (*_FAR.split(), "COUSN", "MCOUSN", "PCOUSN"))
# The same relatives in words. A step-, half- or foster relation, or one in law, is none of them.
_OWN = r"((natural|biological|full|own|older|elder|younger|twin|identical|fraternal) )*"
_SIDE = r"((maternal|paternal|first) )*"
_NEAR_WORDS = re.compile(_OWN + r"(mother|father|parent|sister|brother|sibling|twin|son|daughter|child)")
_FAR_WORDS = re.compile(_SIDE + r"(grand(mother|father|parent)|aunt|uncle|cousin)")
# FHIR R4 history-status: there is more to be told of this relative, or nothing is known of the relative.
_UNFINISHED = frozenset({"partial", "health-unknown"})
_NAME = "diabetes in the family"
_SAYS_NONE = "is taken as no: the family history on record names none."
_NONE_NEAR = f"Whether a parent, brother, sister or child has diabetes {_SAYS_NONE}"
_NONE = f"Diabetes in the family {_SAYS_NONE}"


def family(view: View) -> Item:
    """Return the item; a family history that was recorded and is not said to be partial is a whole one."""
    told = view.timeline.where(kind="FamilyMemberHistory").events
    diabetic = tuple(event for event in told if _diabetic(event))
    near = tuple(event for event in diabetic if _is(event, NEAR_RELATIVES | NEAR_SNOMED, _NEAR_WORDS))
    far = tuple(event for event in diabetic if _is(event, RELATIVES, _FAR_WORDS))
    coded = condition(view, FAMILY_DIABETES, ever=True)
    if near:
        says = "parent, brother, sister or child with diabetes"
        return Item(_NAME, (NEAR_RELATIVE_POINTS,), says, _sources(near))
    if far or coded.value:
        whole = bool(far) and not coded.value and set(diabetic) == set(far) and not _unfinished(told)
        return _far(_sources(far) or coded.sources, whole=whole)
    return _no_relative(view, told, diabetic)


def _far(sources: tuple[str, ...], *, whole: bool) -> Item:
    if whole:
        says = "grandparent, aunt, uncle or cousin with diabetes"
        return Item(_NAME, (RELATIVE_POINTS,), says, sources, limit=_NONE_NEAR)
    absent = f"{_NAME}: whether a parent, brother, sister or child is not recorded"
    return Item(_NAME, (RELATIVE_POINTS, NEAR_RELATIVE_POINTS), _NAME, sources, absent)


def _no_relative(view: View, told: tuple[Event, ...], diabetic: tuple[Event, ...]) -> Item:
    none = tuple(event for event in view.timeline if _says_none(event))
    if none:
        return Item(_NAME, (0,), "no diabetes in the family", _sources(none))
    if any(_counts(event) for event in told) and not diabetic and not _unfinished(told):
        return Item(_NAME, (0,), "no diabetes in the recorded family history", _sources(told), limit=_NONE)
    every = (0, RELATIVE_POINTS, NEAR_RELATIVE_POINTS)
    return Item(_NAME, every, _NAME, _sources(diabetic or told), _why_open(told, diabetic))


def _why_open(told: tuple[Event, ...], diabetic: tuple[Event, ...]) -> str:
    if diabetic:
        return f"{_NAME}: of a relative whom the form does not name, or not by a known code"
    return f"{_NAME}: the family history on record is not whole" if told else f"{_NAME} not recorded"


def _unfinished(told: Iterable[Event]) -> bool:
    """Whether more may be to tell: a relative told in part, or a disease by a code that is not known here."""
    return any(event.status in _UNFINISHED or _strange(event) for event in told)


def _strange(event: Event) -> bool:
    return isinstance(event.value, str) and not placed(event.value) and not understood(event.value.lower())


def _is(event: Event, codes: frozenset[str], words: re.Pattern[str]) -> bool:
    """Whether the relationship, which is the code of the event, is among these by code or in words."""
    return event.coded(codes) or any(words.fullmatch(said) for said in _relation(event))


def _counts(event: Event) -> bool:
    """Whether it tells of a relative whom the form asks for; a husband's history is no family history."""
    near = _is(event, NEAR_RELATIVES | NEAR_SNOMED, _NEAR_WORDS)
    return near or _is(event, RELATIVES, _FAR_WORDS)


def _relation(event: Event) -> tuple[str, ...]:
    """Return the relationship as it is worded: text, or a code of no system."""
    plain = (code.removeprefix(f"{TEXT}/") for code in event.codes if "|" not in code)
    return tuple(word.strip().lower() for word in plain if "/" not in word)


def _says_none(event: Event) -> bool:
    return event.value in NO_FAMILY_DIABETES or not NO_FAMILY_DIABETES.isdisjoint(event.codes)


def _diabetic(event: Event) -> bool:
    if not isinstance(event.value, str):
        return False
    words = event.value.lower()
    if "insipidus" in words or "gestational" in words:
        return False
    return DIABETES.has(replace(event, codes=(event.value,))) or spoken(words, DIABETES.words)


def _sources(events: tuple[Event, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event.source for event in events))
