"""What NEWS2 asks of the bedside in words: how awake the patient is, air or oxygen, which SpO2 scale.

Codes: the NHS NEWS2 profiles (nhsconnect FHIR-NEWS2, CareConnect-ACVPU-1: SNOMED CT UK), LOINC 67775-7 with
its answers, the US Core pulse oximetry profile (LOINC 3151-8 flow, 3150-6 concentration).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from unicodedata import normalize

from salus.core.errors import EvidenceError
from salus.core.evidence import Absence, Event
from salus.core.measures import (
    USABLE,
    Measure,
    ago,
    is_blank,
    last_readable,
    later_blank,
    latest_of,
    why_blank,
)
from salus.core.seams import View
from salus.risk._oxygen_device import DEVICE, delivers_oxygen

# LOINC 80288-4 Level of consciousness AVPU score, 67775-7 Level of responsiveness, 11454-6 Responsiveness at
# first encounter; SNOMED CT UK 1104441000000107 ACVPU scale score.
ACVPU_CODES = ("SNOMED/1104441000000107", "LOINC/80288-4", "LOINC/67775-7", "LOINC/11454-6")
ALERT, CONFUSED, VOICE, PAIN, UNRESPONSIVE = "alert", "new confusion", "voice", "pain", "unresponsive"
_ACVPU = {
    "SNOMED/248234008": ALERT, "LOINC/LA9340-6": ALERT, "a": ALERT, "alert": ALERT,
    "SNOMED/130987000": CONFUSED, "LOINC/LA6560-2": CONFUSED, "c": CONFUSED, "new confusion": CONFUSED,
    "SNOMED/300202002": VOICE, "SNOMED/255373000": VOICE, "LOINC/LA17108-4": VOICE, "v": VOICE,
    "voice": VOICE,
    "SNOMED/450847001": PAIN, "LOINC/LA17107-6": PAIN, "p": PAIN, "pain": PAIN,
    "SNOMED/422768004": UNRESPONSIVE, "LOINC/LA9343-0": UNRESPONSIVE, "u": UNRESPONSIVE,
    "unresponsive": UNRESPONSIVE,
}  # fmt: skip
GCS = Measure("Glasgow coma scale", ("LOINC/9269-2",), "{score}", 3, 15, unitless=True, step=1)
# Below 15 somebody's eyes, words or movements are not normal: not alert, or confused (RCP 2017, ACVPU).
GCS_LOW = "Glasgow coma scale below 15"

FLOW = Measure("oxygen flow", ("LOINC/3151-8",), "L/min", 0, 100)
# Room air holds 20.946 % (US Standard Atmosphere, 1976), which some devices write as 20.9 and charts as 21.
ROOM_AIR = (20.9, 21.0)
# MIMIC-Extract variable_ranges.csv (Wang 2020): 0.21 to 1.
FIO2 = Measure("inspired oxygen", ("LOINC/3150-6", "LOINC/19994-3"), "%", ROOM_AIR[0], 100)
AIR, OXYGEN = "air", "oxygen"
_ON_OXYGEN, _ON_AIR = "SNOMED/371825009", "SNOMED/722742002"
# NEWS2 "air or oxygen score": 0 or 2 points (SNOMED CT UK).
_OXYGEN_SCORE = "SNOMED/1104331000000105"
OXYGEN_CODES = (*FLOW.codes, *FIO2.codes, _ON_OXYGEN, _ON_AIR, _OXYGEN_SCORE, DEVICE)
_YES_NO = {
    _ON_AIR: AIR, _ON_OXYGEN: OXYGEN, True: OXYGEN, False: AIR,
    "SNOMED/373066001": OXYGEN, "SNOMED/373067005": AIR,
}  # fmt: skip

# NEWS2 "oxygen saturation scale 1 score" and "scale 2 score", target peripheral oxygen saturation (SNOMED CT
# UK): whoever records the scale 2 score, or a target of 88-92 %, has made the decision that the RCP asks for.
_SCALE_1, _SCALE_2 = "SNOMED/1104311000000102", "SNOMED/1104321000000108"
_TARGET = "SNOMED/852641000000103"
_SCALE = "SpO2 scale"
# A target is written in words ("SpO2 88-92 %"), or comes as a FHIR Range ("88.0..92.0"). Only a text that
# says the range and nothing else but these words is read: "not 88-92 %" is no plain target.
_GAS = re.compile(r"\b(?:s[ap])?o ?2(?!\d)")
_BESIDE = (
    r"(?:[\s:;,.()\[\]=]|[-–—](?=\s)|\b(?:target|goal|range|aim|for|of|at|is|keep|maintain|between|within|with|"
    r"sats?|saturations?|oxygen|peripheral|prescribed|risk|copd|hypercapni[ac]|respiratory|failure)\b)*"
)
_END = r"(?<!\d)(\d+(?:\.\d+)?)\s*(?:%|per ?cent\b)?"
_RANGE = re.compile(rf"{_BESIDE}(?<!\.){_END}\s*(?:-|–|—|\.\.|to|and)\s*{_END}{_BESIDE}")
# Oxygen saturation scale 2 is for a prescribed target of 88-92 %, scale 1 for the usual one of 94-98 % (Royal
# College of Physicians, National Early Warning Score (NEWS) 2, 2017).
_TARGETS: dict[tuple[float, ...], str] = {(88.0, 92.0): "2", (94.0, 98.0): "1"}
UNREAD_TARGET = "SpO2 target recorded, but not readable"
SCALE_CODES = (_SCALE_1, _SCALE_2, _TARGET)


@dataclass(frozen=True, slots=True)
class Answer:
    """What may still be true of what is asked under `name`; `absent` says why it is not known.

    blank: the moment of a later entry that holds no answer, where there is one. doubt: why more than one
    answer is left of what was recorded, in a sentence.
    """

    name: str
    options: tuple[str, ...]
    events: tuple[Event, ...] = ()
    at: datetime | None = None
    absent: str = ""
    blank: datetime | None = None
    doubt: str = ""

    @property
    def until(self) -> datetime | None:
        """The last moment that it may be of; `at` is the first. They differ where only a day is recorded."""
        return max((event.end or event.time for event in self.events if event.time), default=self.at)

    @property
    def sources(self) -> tuple[str, ...]:
        """The resources it points to."""
        return tuple(dict.fromkeys(event.source for event in self.events))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: its name in a list of gaps, the codes that answer it, how, and every answer.

    read: every answer that an event leaves possible; none for what does not tell.
    """

    name: str
    codes: tuple[str, ...]
    read: Callable[[Event], tuple[str, ...]]
    every: tuple[str, ...]


def _answer(view: View, asked: _Question, within: timedelta) -> Answer:
    """Read the latest moment at which one of `codes` was recorded; several answers there stay possible."""
    dated = view.timeline.where(
        asked.codes, test=lambda event: event.status in USABLE and event.time is not None
    ).events
    if not dated:
        return Answer(asked.name, asked.every, absent=f"{asked.name} not recorded")
    told = [event for event in dated if not _blank(event)]
    seen = told or dated
    latest, moment = latest_of(seen), seen[-1].time
    assert moment is not None
    if view.as_of - moment > within:
        return _gap(asked, latest, f"last recorded {ago(view.as_of - moment)} before")
    if not told:
        return _gap(asked, latest, why_blank(latest))
    return replace(_told(view, asked, told), blank=later_blank(told, dated))


def _told(view: View, asked: _Question, told: Sequence[Event]) -> Answer:
    """Return the latest of `told`, none of which is blank."""
    latest = latest_of(told)
    if any(isinstance(event.value, Absence) for event in latest):
        return _gap(asked, latest, f"not available{last_readable(told, latest, asked.read, view.as_of)}")
    try:
        each = [found for event in latest if (found := asked.read(event))]
    except EvidenceError as error:
        before = last_readable(told, latest, asked.read, view.as_of)
        return _gap(asked, latest, f"not usable: {str(error).rstrip('.')}{before}")
    answers = tuple(dict.fromkeys(answer for found in each for answer in found))
    if not answers:
        return _gap(asked, latest, "not told by what is on record")
    return Answer(asked.name, answers, latest, told[-1].time, doubt=_doubt(asked.name, each))


def _doubt(name: str, each: Sequence[tuple[str, ...]]) -> str:
    """Say why more than one answer is left; "" where one is."""
    if len(set(each)) > 1:
        return f"{name}: recorded differently at the same moment; all of it is allowed for."
    return f"{name}: only a bound was recorded." if each and len(each[0]) > 1 else ""


def _gap(asked: _Question, latest: tuple[Event, ...], why: str) -> Answer:
    return Answer(asked.name, asked.every, latest, latest[-1].time, f"{asked.name} {why}")


def _blank(event: Event) -> bool:
    """Whether nothing was answered; some codes are the answer themselves."""
    return is_blank(event) and not (event.value is None and event.coded({_ON_OXYGEN, _ON_AIR}))


def consciousness(view: View, within: timedelta) -> Answer:
    """Return the latest level of consciousness, from ACVPU or from the Glasgow coma scale."""
    every = (ALERT, CONFUSED, VOICE, PAIN, UNRESPONSIVE)
    return _answer(view, _Question("ACVPU", (*ACVPU_CODES, *GCS.codes), _awake, every), within)


def _awake(event: Event) -> tuple[str, ...]:
    if event.coded(frozenset(GCS.codes)):
        least, most = GCS.allowed(event)
        return _possible((ALERT, most == GCS.high), (GCS_LOW, least < GCS.high))
    word = event.value if not isinstance(event.value, str) else event.value.strip()
    found = _ACVPU.get(str(word)) or _ACVPU.get(str(word).lower())
    if found is None:
        raise EvidenceError(f"the answer is none of A, C, V, P, U ({event.source})")
    return (found,)


def _possible(*answers: tuple[str, bool]) -> tuple[str, ...]:
    return tuple(answer for answer, may_be in answers if may_be)


def oxygen(view: View, within: timedelta) -> Answer:
    """Return whether the patient breathes air or supplemental oxygen."""
    return _answer(view, _Question("air or oxygen", OXYGEN_CODES, _breathes, (AIR, OXYGEN)), within)


def _breathes(event: Event) -> tuple[str, ...]:
    if event.coded(frozenset(FIO2.codes)):
        return _above(ROOM_AIR[1], FIO2, event)
    if event.coded({DEVICE}):
        return {True: (OXYGEN,), False: (AIR,), None: ()}[delivers_oxygen(str(event.value))]
    if event.coded({_OXYGEN_SCORE}) and isinstance(event.value, int | float):
        if event.comparator:
            return (AIR, OXYGEN)
        return (OXYGEN,) if event.value > 0 else (AIR,)
    if isinstance(event.value, int | float) and not isinstance(event.value, bool):
        return _above(0, FLOW, event)
    said = event.value if event.value is not None else event.code
    if event.coded({_ON_AIR}) and isinstance(said, bool):
        said = not said
    if said not in _YES_NO:
        raise EvidenceError(f"the answer is neither air nor oxygen ({event.source})")
    return (_YES_NO[said],)


def _above(air: float, measure: Measure, event: Event) -> tuple[str, ...]:
    """Return oxygen for what is above `air`, and both for a bound that allows both."""
    least, most = measure.allowed(event)
    return _possible((AIR, least <= air), (OXYGEN, most > air))


def scale(view: View) -> Answer:
    """Return which SpO2 scales (``1``, ``2``) may apply: 2 only where it was recorded for this patient."""
    found = view.timeline.where(
        SCALE_CODES, test=lambda event: event.status in USABLE and event.time is not None
    )
    read = [(event, _scale(event)) for event in found]
    known = [(event, which) for event, which in read if which]
    strange = tuple(event for event, which in read if not which and _is_target(event))
    if not known:
        return Answer(
            _SCALE, ("1",), strange, absent=UNREAD_TARGET if strange else "SpO2 scale 2 not recorded"
        )
    moment = known[-1][0].time
    last = [(event, which) for event, which in known if event.time == moment]
    options = tuple(dict.fromkeys(which for _, which in last))
    later = max(
        (event.time for event in strange if event.time and moment and event.time > moment), default=None
    )
    return Answer(_SCALE, options, tuple(event for event, _ in last), moment, blank=later)


def _is_target(event: Event) -> bool:
    return event.coded({_TARGET}) and not is_blank(event)


def _scale(event: Event) -> str:
    if event.coded({_SCALE_1, _SCALE_2}):
        return _recorded_scale(event)
    if isinstance(event.value, str) and event.unit in (None, "%"):
        return _targeted(event.value)
    return ""


def _targeted(text: str) -> str:
    """Return the scale for a target in words; "" for any other, and for words that say more than a target."""
    plain = _GAS.sub(" ", normalize("NFKC", text).casefold())
    found = _RANGE.fullmatch(plain)
    return _TARGETS.get(tuple(float(end) for end in found.groups()), "") if found else ""


def _recorded_scale(event: Event) -> str:
    """Return the scale whose score was recorded; "scale 2: no" is no record of scale 2."""
    if isinstance(event.value, Absence) or event.value is False or event.value == "SNOMED/373067005":
        return ""
    return "2" if event.coded({_SCALE_2}) else "1"
