"""Whom PREVENT was not made for: cardiovascular disease, pregnancy, dialysis and kidney transplant.

Known disease is coronary disease, stroke of any kind, peripheral arterial disease, their revascularisation,
and heart failure: the outcomes that PREVENT predicts (Khan, Circulation 2024;149:430), with the definitions
of Grundy, Circulation 2019;139:e1082, section 4.1, and of stroke by Sacco, Stroke 2013;44:2064 (bleeding
counts); and an arrest of the heart, after which prevention is secondary.
"""

from __future__ import annotations

from salus.core.codes import ValueSet
from salus.core.seams import View
from salus.risk import _snomed as listed
from salus.risk import _words as words
from salus.risk._af_measured import low_ejection_fraction
from salus.risk._af_terms import CIRCULATION_PAST, HEART_UNCLEAR, STROKE, STROKE_UNCLEAR, VASCULAR
from salus.risk._arteries import VASCULAR_UNCLEAR
from salus.risk._inputs import Fact, condition, with_unclear
from salus.risk._kidney_replacement import on_dialysis, transplanted
from salus.risk._operations import (
    ARTERY_NOT_TOLD,
    LEGS_REVASCULARISED,
    NECK_REVASCULARISED,
    REVASCULARISED,
    with_operations,
)
from salus.risk._pregnancy import pregnant
from salus.risk._terms import (
    ATHEROSCLEROTIC_DISEASE,
    HEART_FAILURE,
    icd9,
    icd10,
    snomed,
)

BRAIN_BLEEDING = ValueSet(
    "stroke by bleeding",
    snomed(
        "274100004",  # cerebral haemorrhage
        "21454007",  # subarachnoid haemorrhage
    )
    | listed.BRAIN_BLEEDING,
    icd10("I60", "I61", "I690", "I691") + icd9("430", "431"),
    "Sacco et al., Stroke 2013;44:2064: intracerebral and subarachnoid haemorrhage (I60, I61, I69.0, I69.1)",
)
# Circulation stopped once: whatever prevents the next time is no primary prevention.
CARDIAC_ARREST = ValueSet(
    "cardiac arrest",
    snomed("410429000", "429007001"),  # and its history
    icd10("I46", "Z8674") + icd9("4275", "V1253"),
    "ICD-10-CM I46, Z86.74 (history); ICD-9-CM 427.5, V12.53; secondary prevention by definition: Al-Khatib "
    "et al., Circulation 2018;138:e272, section 5.1",
    words.CARDIAC_ARREST,
)
_DISEASES = (ATHEROSCLEROTIC_DISEASE, STROKE, VASCULAR, BRAIN_BLEEDING, STROKE_UNCLEAR, CARDIAC_ARREST)
_OPERATIONS = (REVASCULARISED, LEGS_REVASCULARISED, NECK_REVASCULARISED)


def prior(view: View) -> tuple[Fact, ...]:
    """Return the facts of which any excludes: atherosclerotic disease and stroke, and heart failure."""
    return _atherosclerotic(view), _heart_failure(view)


def _heart_failure(view: View) -> Fact:
    """Return whether heart failure is there; a low ejection fraction alone leaves it open."""
    fact = with_unclear(view, condition(view, HEART_FAILURE, ever=True), HEART_UNCLEAR)
    pumped = low_ejection_fraction(view)
    if fact.value is not False or not (pumped.sure or pumped.maybe):
        return fact
    if pumped.sure:
        says = "heart failure: not diagnosed, though an ejection fraction of 40 % or less is on record"
        return Fact(fact.name, None, pumped.sure, says)
    says = "heart failure: an ejection fraction on record cannot be read, or leaves it open"
    return Fact(fact.name, None, pumped.maybe, says)


def _atherosclerotic(view: View) -> Fact:
    """Return the first that is true of the diseases and their operations; else not known; else none."""
    facts = [condition(view, each, ever=True) for each in _DISEASES]
    told = next((fact for fact in facts if fact.value), None)
    if told is not None:
        return told
    fact = next((fact for fact in facts if fact.value is None), facts[0])
    fact = with_operations(view, fact, _OPERATIONS, (ARTERY_NOT_TOLD,))
    fact = with_unclear(view, fact, CIRCULATION_PAST)
    return with_unclear(view, fact, VASCULAR_UNCLEAR)


def excluded(view: View) -> tuple[Fact, ...]:
    """Return the other facts of which any excludes: dialysis, a kidney transplant, pregnancy."""
    return on_dialysis(view), transplanted(view), pregnant(view)
