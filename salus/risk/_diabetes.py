"""Has the patient diabetes: a diagnosis counts; a drug for it or a diabetic HbA1c alone leaves it open.

By the list alone, an HbA1c does not open what a recorded list of conditions has closed: the caller says it.
"""

from __future__ import annotations

from datetime import timedelta

from salus.core.codes import ValueSet
from salus.core.evidence import Absence, Event
from salus.core.measures import Reading, read
from salus.core.seams import View
from salus.risk._elsewhere import named_alone
from salus.risk._ever import ever
from salus.risk._inputs import Fact, condition
from salus.risk._labs import HBA1C
from salus.risk._taken import drug
from salus.risk._terms import DIABETES, icd9, icd10, is_glucose_drug

# HbA1c from which diabetes is diagnosed (WHO 2011).
DIABETIC_HBA1C = 6.5
# An order counts as current for a year, the longest that a repeat prescription commonly runs; ours.
CURRENT = timedelta(days=365)


LONG_TERM_DRUG = ValueSet(
    "long-term use of a drug that lowers glucose",
    frozenset(),
    icd10("Z794", "Z7984", "Z7985") + icd9("V5867"),
    "ICD-10-CM Z79.4 (insulin), Z79.84 and Z79.85 (oral and other injected drugs); ICD-9-CM V58.67 (insulin)",
)


def diabetes(view: View, *, ever: bool = False, by_list: bool = False) -> Fact:
    """Return whether the patient has diabetes (`ever`: had it once; `by_list`: a recorded list decides)."""
    fact = condition(view, DIABETES, ever=ever)
    refuted = fact.value is False and fact.events
    if fact.value or refuted:
        return fact
    name = DIABETES.name
    once = fact if ever else condition(view, DIABETES, ever=True)
    if once.value:
        # In remission it is not gone (Riddle MC et al., Diabetes Care 2021;44:2438-44), and many a list is
        # closed when a visit ends.
        return Fact(name, None, once.events, f"{name}: on record as over; confirm or exclude it")
    treated = _treated(view)
    if treated is not None:
        return treated
    if by_list and fact.value is False:
        return fact
    return _by_sugar(view, fact)


def _by_sugar(view: View, fact: Fact) -> Fact:
    """Return `fact`, or that it is open where the last HbA1c is diabetic or cannot be read."""
    sugar = diabetic(view)
    if sugar is not None:
        says = f"{fact.name}: not diagnosed, though the last HbA1c is diabetic; confirm or exclude it"
        return Fact(fact.name, None, sugar.events, says)
    hidden = (*_hidden(view), *_in_words(view)) if fact.value is False else ()
    if hidden:
        return Fact(fact.name, None, hidden, f"{fact.name}: not diagnosed, and the last HbA1c cannot be read")
    return fact


def _in_words(view: View) -> tuple[Event, ...]:
    """Return what only words call an HbA1c, and what may be diabetic."""
    told = named_alone(view, HBA1C)
    return tuple(one for one in told if not ever((one,), HBA1C, lambda value: value >= DIABETIC_HBA1C).no)


def _hidden(view: View) -> tuple[Event, ...]:
    """Return the last HbA1c where it was withheld, not sent or cannot be read."""
    sugar = read(view.timeline, HBA1C, view.as_of)
    if sugar.usable or all(event.value is Absence.NOT_MEASURED for event in sugar.events):
        return ()
    return sugar.events


def _treated(view: View) -> Fact | None:
    """Return that it is open where a drug that lowers glucose is taken, or may be, or is coded as taken."""
    name = DIABETES.name
    taken = drug(view, "treatment", is_glucose_drug, view.as_of - CURRENT)
    if taken.value is not False and any(is_glucose_drug(event) for event in taken.events):
        says = f"{name}: not diagnosed on record, though a drug that lowers glucose is; confirm or exclude it"
        return Fact(name, None, taken.events, says)
    coded = condition(view, LONG_TERM_DRUG)
    if coded.value:
        says = f"{name}: not diagnosed on record, though {coded.name} is coded; confirm or exclude it"
        return Fact(name, None, coded.events, says)
    return None


def diabetic(view: View) -> Reading | None:
    """Return the last HbA1c where it is, or may be, in the diabetic range."""
    sugar = read(view.timeline, HBA1C, view.as_of)
    return sugar if sugar.usable and sugar.high >= DIABETIC_HBA1C else None
