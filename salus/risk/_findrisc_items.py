"""The eight questions of the FINDRISC form, each answered from a record as far as it goes.

Source: Finnish Diabetes Association, Type 2 diabetes risk assessment form (Tuomilehto, Lindström), after
Lindström J, Tuomilehto J. Diabetes Care 2003;26:725-31, table 2; family history was added by the form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import Any

from salus.core.codes import ValueSet
from salus.core.evidence import Event
from salus.core.measures import Measure, Reading, read
from salus.core.seams import View
from salus.core.spoken import names
from salus.risk import _words as words
from salus.risk._body import body_mass_index
from salus.risk._diabetes import LONG_TERM_DRUG
from salus.risk._elsewhere import named_alone
from salus.risk._ever import So, ever, heard
from salus.risk._findrisc_family import family
from salus.risk._inputs import Fact, age, condition, sex, worded
from salus.risk._labs import HBA1C
from salus.risk._measures import BMI, HEIGHT, WAIST, WEIGHT
from salus.risk._points import Item, amount, of_fact, on
from salus.risk._taken import DRUG_KINDS, drug
from salus.risk._terms import icd9, icd10, is_blood_pressure_drug, is_glucose_drug, snomed

# (where the band begins, whether that value itself is in it, points), ascending.
Steps = tuple[tuple[float, bool, int], ...]
AGE_POINTS: Steps = ((-inf, True, 0), (45, True, 2), (55, True, 3), (64, False, 4))
BMI_POINTS: Steps = ((-inf, True, 0), (25, True, 1), (30, False, 3))
WAIST_POINTS: dict[str, Steps] = {
    "male": ((-inf, True, 0), (94, True, 3), (102, False, 4)),
    "female": ((-inf, True, 0), (80, True, 3), (88, False, 4)),
}
INACTIVE_POINTS, NO_VEGETABLES_POINTS, DRUG_POINTS, GLUCOSE_POINTS = 2, 1, 2, 5

# How long a measurement of the body or an answer about habits stands: our choice, as the form has none.
STANDS = timedelta(days=730)

HIGH_GLUCOSE = ValueSet(
    "high blood glucose found before",
    # Prediabetes, hyperglycaemia, impaired fasting glycaemia and tolerance, diabetes of pregnancy.
    snomed("15777000", "714628002", "80394007", "390951007", "9414007", "11687002", "472971004"),
    icd10("R73", "O244", "O249", "O9981", "Z8632") + icd9("7902", "6488", "V1221"),
    "FINDRISC form: ever found, at a health examination, during an illness or in pregnancy",
    words.HIGH_GLUCOSE,
)
# C6H12O6 = 180.156 g/mol (NIST WebBook).
_GLUCOSE: dict[str, Any] = {"unit": "mmol/L", "low": 0.5, "high": 120.0, "molar_mass": 180.156}
# LOINC's "fasting glucose" and "glucose 8 (10) hours fasting": in serum or plasma, in blood of a vein or a
# finger, by laboratory or meter (as PCORnet's SUPREME-DM tables list them). In whole blood it is lower, and a
# high one is high all the more.
FASTING_GLUCOSE = Measure(
    "fasting glucose",
    (
        *("LOINC/1558-6", "LOINC/14771-0", "LOINC/1556-0", "LOINC/1557-8", "LOINC/14770-2", "LOINC/41604-0"),
        *("LOINC/76629-5", "LOINC/77145-1", "LOINC/35184-1", "LOINC/10450-5", "LOINC/17865-7"),
    ),
    **_GLUCOSE,
)
ANY_GLUCOSE = Measure(
    "glucose",
    (
        *("LOINC/2345-7", "LOINC/2339-0", "LOINC/15074-8", "LOINC/14749-6"),
        *("LOINC/2340-8", "LOINC/2341-6", "LOINC/41653-7", "LOINC/14743-9"),
    ),
    **_GLUCOSE,
)
TOLERANCE_GLUCOSE = Measure(
    "glucose 2 hours after a dose of it",
    ("LOINC/1518-0", "LOINC/14995-5", "LOINC/20436-2", "LOINC/1514-9"),  # 75 g, any dose, 100 g
    **_GLUCOSE,
)
# WHO 2006, Definition and diagnosis of diabetes mellitus: impaired fasting glucose from 6.1 mmol/L (110
# mg/dL), impaired tolerance from 7.8 mmol/L (140 mg/dL) two hours after glucose; a random 11.1 mmol/L (200
# mg/dL) is high whenever it was taken. The columns are rounded, and the lower one counts: 140 mg/dL, which is
# 7.771 mmol/L, is high, and a change of unit changes no answer.
FASTING_HIGH, RANDOM_HIGH, TOLERANCE_HIGH = 6.1, 11.1, 140 / 18.0156
# WHO 2011: HbA1c from which diabetes is diagnosed.
DIABETIC_HBA1C = 6.5


def _from(limit: float) -> So:
    """Return a test of whether a value reaches `limit`, less the dust that a change of unit leaves."""
    return lambda value: value >= limit - 1e-10


_TESTS = (
    (FASTING_GLUCOSE, _from(FASTING_HIGH)), (ANY_GLUCOSE, _from(RANDOM_HIGH)),
    (TOLERANCE_GLUCOSE, _from(TOLERANCE_HIGH)), (HBA1C, _from(DIABETIC_HBA1C)),
)  # fmt: skip

_FASTING = re.compile(r"fasting|n(ü|ue)chtern", re.IGNORECASE)
# Every kind of glucose by the one name that words give it.
TESTS = (
    replace(ANY_GLUCOSE, codes=(*FASTING_GLUCOSE.codes, *ANY_GLUCOSE.codes, *TOLERANCE_GLUCOSE.codes)),
    HBA1C,
)

# Exercise vital sign (LOINC, US Core): days a week, and minutes on such a day.
EXERCISE_DAYS = Measure("days of exercise", ("LOINC/89555-7",), "d/wk", 0, 7)
EXERCISE_MINUTES = Measure("minutes of exercise", ("LOINC/68516-4",), "min/d", 0, 1440)
SEDENTARY = ValueSet(
    "lack of physical activity",
    snomed("415510005"),
    icd10("Z723") + icd9("V690"),
    "ICD-10 Z72.3; ICD-9-CM V69.0; SNOMED CT 415510005 sedentary lifestyle",
)
VEGETABLES = Measure("vegetable servings", ("LOINC/80460-9",), "{score}", 0, 100, unitless=True)
FRUIT = Measure("fruit servings", ("LOINC/80458-3",), "{score}", 0, 100, unitless=True)

MEASURES = (
    *(BMI, WEIGHT, HEIGHT, WAIST, EXERCISE_DAYS, EXERCISE_MINUTES, VEGETABLES, FRUIT),
    *(FASTING_GLUCOSE, ANY_GLUCOSE, TOLERANCE_GLUCOSE, HBA1C),
)


def stepped(steps: Steps, low: float, high: float) -> tuple[int, ...]:
    """Return every number of points that values from `low` to `high` can give."""
    first, last = _step(steps, low), _step(steps, high)
    return tuple(sorted({points for _, _, points in steps[first : last + 1]}))


def _step(steps: Steps, value: float) -> int:
    # A billionth takes off the dust that a change of unit leaves.
    near = [value >= start - 1e-9 if included else value > start + 1e-9 for start, included, _ in steps]
    return max(index for index, inside in enumerate(near) if inside)


def items(view: View) -> tuple[Item, ...]:
    """Return the eight items in the order of the form."""
    return (
        _age(view),
        _body(view),
        _waist(view),
        _activity(view),
        _vegetables(view),
        _blood_pressure_drug(view),
        _high_glucose(view),
        family(view),
    )


def _measured(
    name: str, points: tuple[int, ...], found: Reading, unit: str, when: str, *tables: Steps
) -> Item:
    exactly = amount(found, unit, lambda value: [_step(table, value) for table in tables])
    says = f"{name} {exactly} {when}".strip()
    if not found.usable:
        return Item(name, points, says, found.sources, found.problem.rstrip("."))
    return Item(name, points, says, found.sources, limit=f"{found.problem}." if found.problem else "")


def _age(view: View) -> Item:
    found = age(view)
    item = _measured("age", stepped(AGE_POINTS, found.low, found.high), found, "years", "")
    # A date of birth of which only a part is known may lie on both sides of a step.
    return (
        item if len(item.points) == 1 or not found.usable else replace(item, absent=found.problem, limit="")
    )


def _body(view: View) -> Item:
    found = body_mass_index(view, STANDS)
    points = stepped(BMI_POINTS, found.low, found.high)
    return _measured("body mass index", points, found, "kg/m²", on(view, found.at), BMI_POINTS)


def _waist(view: View) -> Item:
    found = read(view.timeline, WAIST, view.as_of, STANDS)
    known, _ = sex(view)
    tables = [WAIST_POINTS[known]] if known else list(WAIST_POINTS.values())
    points = tuple(sorted({p for table in tables for p in stepped(table, found.low, found.high)}))
    item = _measured("waist", points, found, "cm", on(view, found.at), *tables)
    return (
        item
        if known or not found.usable
        else replace(item, limit="Sex is not known: both waist tables are allowed for.")
    )


def _activity(view: View) -> Item:
    return of_fact("physical activity", _active(view), lambda yes: 0 if yes else INACTIVE_POINTS)


def _active(view: View) -> Fact:
    """Every day half an hour is enough; less exercise is no proof of "no", as daily activity counts too."""
    idle = condition(view, SEDENTARY)
    if idle.value:
        return Fact("physical activity", False, idle.events, "lack of physical activity on record")
    days = read(view.timeline, EXERCISE_DAYS, view.as_of, STANDS)
    minutes = read(view.timeline, EXERCISE_MINUTES, view.as_of, STANDS)
    if days.usable and minutes.usable and days.low >= 7 and minutes.low >= 30:
        return Fact("physical activity", True, (*days.events, *minutes.events), "active 30 minutes every day")
    why = "exercise is recorded, but not half an hour every day; work and daily life count too"
    return _unanswered("physical activity", "(30 minutes every day)", (days, minutes), why)


def _unanswered(name: str, asked: str, found: Sequence[Reading], why: str) -> Fact:
    """Say why what is recorded does not answer; that nothing is recorded only where nothing is."""
    seen = [reading for reading in found if reading.events]
    events = tuple(event for reading in seen for event in reading.events)
    if not seen:
        return Fact(name, None, (), f"{name} {asked} not recorded")
    problems = [reading.problem.rstrip(".") for reading in seen if not reading.usable]
    return Fact(name, None, events, f"{name}: {'; '.join(problems) or why}")


def _vegetables(view: View) -> Item:
    return of_fact("fruit and vegetables", _eats(view), lambda yes: 0 if yes else NO_VEGETABLES_POINTS)


def _eats(view: View) -> Fact:
    found = [read(view.timeline, measure, view.as_of, STANDS) for measure in (VEGETABLES, FRUIT)]
    usable = [reading for reading in found if reading.usable]
    events = tuple(event for reading in usable for event in reading.events)
    if any(reading.low >= 1 for reading in usable):
        return Fact("fruit and vegetables", True, events, "fruit or vegetables in the last recorded 24 hours")
    if len(usable) == len(found) and all(reading.high < 1 for reading in usable):
        return Fact(
            "fruit and vegetables", False, events, "no fruit or vegetables in the last recorded 24 hours"
        )
    why = "none of the one, and the other is not recorded"
    return _unanswered("fruit and vegetables", "(every day)", found, why)


def _blood_pressure_drug(view: View) -> Item:
    fact = drug(view, "drug for high blood pressure", is_blood_pressure_drug)
    stopped = view.timeline.where(
        kind=DRUG_KINDS,
        test=lambda event: event.status in ("stopped", "on-hold") and is_blood_pressure_drug(event) is True,
    )
    if not fact.value and len(stopped):
        fact = Fact(fact.name, True, stopped.events, f"{fact.name}, stopped or on hold since")
    return of_fact("drug for high blood pressure", fact, lambda yes: DRUG_POINTS if yes else 0)


def _high_glucose(view: View) -> Item:
    fact = _glucose_was_high(view)
    return of_fact("high blood glucose before", fact, lambda yes: GLUCOSE_POINTS if yes else 0)


def _high_in_words(view: View) -> tuple[Event, ...]:
    """Return what only words call a glucose or an HbA1c, and what may be high."""
    return tuple(event for event in named_alone(view, *TESTS) if not ever((event,), *_test_of(event)).no)


def _test_of(event: Event) -> tuple[Measure, So]:
    said = worded(event)
    if names(HBA1C.name, said):
        return HBA1C, _from(DIABETIC_HBA1C)
    return ANY_GLUCOSE, _from(FASTING_HIGH if _FASTING.search(said) else RANDOM_HIGH)


def _glucose_was_high(view: View) -> Fact:
    told = condition(view, HIGH_GLUCOSE, ever=True)
    if told.value:
        return told
    tests = [ever(heard(view.timeline, measure.codes), measure, so) for measure, so in _TESTS]
    high = tuple(event for found in tests for event in found.sure)
    if high:
        return Fact(told.name, True, high[-1:], "high blood glucose or HbA1c measured")
    unread = (*(event for found in tests for event in found.maybe), *_high_in_words(view))
    if unread:
        says = "high blood glucose before: a glucose or HbA1c on record could not be read, or leaves it open"
        return Fact(told.name, None, unread, says)
    treated = drug(view, "drug that lowers glucose", is_glucose_drug)
    if treated.value:
        says = "high blood glucose before: not on record, though a drug that lowers glucose is"
        return Fact(told.name, None, treated.events, says)
    coded = condition(view, LONG_TERM_DRUG, ever=True)
    if coded.value:
        says = f"high blood glucose before: not on record, though {coded.name} is coded"
        return Fact(told.name, None, coded.events, says)
    return told
