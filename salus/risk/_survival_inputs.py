"""What is looked at on the third day of SUPPORT: the disease, what else somebody has, and the physiology.

Columns: https://hbiostat.org/data/repo/supportdesc; vital signs and laboratory as in intensive care.
"""

from __future__ import annotations

from collections.abc import Iterable

from salus.core.codes import short
from salus.core.measures import Measure
from salus.learning.features import EVER, Feature
from salus.learning.parameters import Category, Parameter
from salus.risk._icu_measures import (
    AGE_YEARS,
    ALBUMIN,
    ANY_MEAN,
    BILIRUBIN,
    BODY_TEMPERATURE,
    BREATHS,
    GLUCOSE,
    HEART_RATE,
    LEUCOCYTES,
    PH,
    SEX_LEVEL,
    SODIUM,
    UREA_NITROGEN,
)
from salus.risk._labs import CREATININE
from salus.risk._readmission_inputs import RACE
from salus.risk._survival_study import URI
from salus.risk._terms import icd9, icd10

_SET = "supportdesc, hbiostat.org"
_SCALE = f"{_SET}: the ends of the scale"


def _own(name: str, column: str, unit: str, most: float, source: str = _SCALE) -> Measure:
    return Measure(name, (short(URI, column),), unit, 0, most, unitless=True, step=1, source=source)


def _answers(name: str, column: str, levels: dict[str, str]) -> Category:
    return Category(name, (short(URI, column),), levels, source=_SET)


OXYGENATION = Measure(
    "PaO2/FiO2", ("LOINC/50984-4",), "mm[Hg]", 15, 900, source="Knaus 1995; above it FiO2 is below 0.21"
)
URINE_DAY = Measure(
    "urine of the day", ("LOINC/9192-6", "LOINC/3167-4"), "mL", 0, 20000, source="wider than any kidney's day"
)
COMA_SCORE = _own("SUPPORT coma score", "scoma", "{score}", 100)
COMORBIDITIES = _own("other diseases", "num.co", "1", 50)
DAY = _own("day in hospital at study entry", "hday", "d", 1000, "wider than any stay of the set")
SUPPORT_PHYSIOLOGY = _own("SUPPORT physiology score", "sps", "{score}", 500)
APACHE_PHYSIOLOGY = _own("APACHE III physiology score", "aps", "{score}", 252)
DISEASE = _answers("disease", "dzgroup", {
    "ARF/MOSF w/Sepsis": "lung or organ failure with sepsis", "MOSF w/Malig": "organ failure with cancer",
    "CHF": "heart failure", "COPD": "chronic obstructive lung disease", "Cirrhosis": "cirrhosis",
    "Coma": "coma", "Colon Cancer": "colon cancer", "Lung Cancer": "lung cancer",
})  # fmt: skip
CANCER = _answers("cancer", "ca", {"no": "no", "yes": "yes", "metastatic": "metastatic"})
INCOME = _answers("income", "income", {
    "under $11k": "under $11,000", "$11-$25k": "$11,000 to $25,000", "$25-$50k": "$25,000 to $50,000",
    ">$50k": "over $50,000",
})  # fmt: skip


def _has(name: str, code: str, nine: str, ten: str) -> Category:
    stems = (*icd9(*nine.split()), *icd10(*ten.split()))
    return Category(name, (code,), {}, lambda answer: "yes", "SNOMED CT; ICD-9-CM and ICD-10-CM", stems)


DIABETES = _has("diabetes", "SNOMED/73211009", "250", "E10 E11 E12 E13 E14")
DEMENTIA = _has("dementia", "SNOMED/52448006", "290 294 331", "F01 F02 F03 G30")
MEASURES = (
    AGE_YEARS, COMORBIDITIES, DAY, COMA_SCORE, ANY_MEAN, HEART_RATE, BREATHS, BODY_TEMPERATURE, OXYGENATION,
    PH, LEUCOCYTES, ALBUMIN, BILIRUBIN, CREATININE, UREA_NITROGEN, SODIUM, GLUCOSE, URINE_DAY,
)  # fmt: skip
SCORES = (SUPPORT_PHYSIOLOGY, APACHE_PHYSIOLOGY)
LEVELS = (SEX_LEVEL, DISEASE, CANCER, DIABETES, DEMENTIA)
# Race and income tell groups apart when the model is measured, and nothing else.
PARAMETERS: tuple[Parameter, ...] = (*MEASURES, *LEVELS, RACE, INCOME)
_RATIOS = (
    ("urea nitrogen/creatinine", UREA_NITROGEN.name, CREATININE.name),
    ("pulse over mean pressure", HEART_RATE.name, ANY_MEAN.name),
    ("breaths over PaO2/FiO2", BREATHS.name, OXYGENATION.name),
    ("bilirubin/albumin", BILIRUBIN.name, ALBUMIN.name),
)


def candidates(measures: Iterable[Measure]) -> tuple[Feature, ...]:
    """Return every candidate feature of `measures` and of the answers, operands first."""
    numbers = (Feature(one.name, "last", (one.name,), EVER) for one in measures)
    levels = (Feature(one.name, "level", (one.name,), EVER) for one in LEVELS)
    ratios = (Feature(name, "ratio", (one, other)) for name, one, other in _RATIOS)
    return (*numbers, *levels, *ratios)
