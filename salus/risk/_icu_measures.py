"""What is measured in intensive care: codes of every usual way to measure it, unit, and plausible range.

The first code of each is that of the 2012 challenge's set; the others are the same quantity as other
hospitals code it (LOINC, the same component and system; mass and molar forms alike). Where the method is not
said, a blood pressure counts as taken by cuff. What another assay measures on another scale (high-sensitivity
troponin) and what may be of a vein (a gas "in blood") is not taken for it.

Ranges: MIMIC-Extract, resources/variable_ranges.csv (Wang S et al., CHIL 2020), between its limits of what is
valid and of what is an outlier; otherwise as said at the measure.
"""

from __future__ import annotations

from salus.core.codes import SEX
from salus.core.measures import Measure
from salus.learning.features import AGE
from salus.learning.parameters import Category, Parameter
from salus.risk._bedside import GCS
from salus.risk._labs import CREATININE, TOTAL_CHOLESTEROL
from salus.risk._measures import (
    DIASTOLIC,
    HEIGHT,
    PULSE,
    RESPIRATORY_RATE,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    WEIGHT,
)

_RANGES = "MIMIC-Extract variable_ranges.csv (Wang 2020)"
# A transducer that is open to the air, a cuff or a lead that is off: zeros are no measurements.
_NO_ZERO = f"{_RANGES}; below the floor a device is off, or nobody is alive"
_WIDER = f"{_RANGES}, wider: liver failure goes beyond its ends"
_PUBLISHER = "https://physionet.org/content/challenge-2012"


def _loinc(*codes: str) -> tuple[str, ...]:
    return tuple(f"LOINC/{code}" for code in codes)


def _but(codes: tuple[str, ...], *others: str) -> tuple[str, ...]:
    return tuple(code for code in codes if code not in others)


_INVASIVE = _loinc("76213-8", "76214-6", "76215-3")
AGE_YEARS = Measure("age", (AGE,), "a", 0, 130, source="the oldest age that was ever proved is 122")
BODY_WEIGHT = Measure("weight", WEIGHT.codes, "kg", 20, 400, source="adults; wider is a slip of the unit")
BODY_HEIGHT = Measure("height", HEIGHT.codes, "cm", 120, 230, source="adults; 431 cm is inches taken twice")

HEART_RATE = Measure("heart rate", PULSE.codes, "/min", 10, 350, source=_NO_ZERO)
BREATHS = Measure("respiratory rate", RESPIRATORY_RATE.codes, "/min", 1, 100, source=_NO_ZERO)
BODY_TEMPERATURE = Measure("temperature", TEMPERATURE.codes, "Cel", 26, 45, source=TEMPERATURE.source)
SATURATION = Measure("oxygen saturation", SPO2.codes, "%", 20, 100, source=SPO2.source)
COMA = Measure("GCS", (*GCS.codes,), "{score}", 3, 15, unitless=True, step=1, source="the ends of the scale")
CUFF_SYSTOLIC = Measure(
    "systolic pressure by cuff", _but(SYSTOLIC.codes, *_INVASIVE), "mm[Hg]", 20, 375, source=_NO_ZERO
)
CUFF_DIASTOLIC = Measure(
    "diastolic pressure by cuff", _but(DIASTOLIC.codes, *_INVASIVE), "mm[Hg]", 10, 375, source=_NO_ZERO
)
CUFF_MEAN = Measure("mean pressure by cuff", _loinc("76536-2", "8478-0"), "mm[Hg]", 15, 330, source=_NO_ZERO)
ARTERIAL_SYSTOLIC = Measure(
    "arterial systolic pressure", _loinc("76215-3"), "mm[Hg]", 20, 375, source=_NO_ZERO
)
ARTERIAL_DIASTOLIC = Measure(
    "arterial diastolic pressure", _loinc("76213-8"), "mm[Hg]", 10, 375, source=_NO_ZERO
)
ARTERIAL_MEAN = Measure("arterial mean pressure", _loinc("76214-6"), "mm[Hg]", 15, 330, source=_NO_ZERO)
ANY_SYSTOLIC = Measure("systolic pressure", SYSTOLIC.codes, "mm[Hg]", 20, 375, source=_NO_ZERO)
ANY_DIASTOLIC = Measure("diastolic pressure", DIASTOLIC.codes, "mm[Hg]", 10, 375, source=_NO_ZERO)
ANY_MEAN = Measure(
    "mean pressure", (*CUFF_MEAN.codes, *ARTERIAL_MEAN.codes), "mm[Hg]", 15, 330, source=_NO_ZERO
)

FIO2 = Measure(
    "inspired oxygen fraction", _loinc("3150-6", "19994-3"), "1", 0.2, 1.0, source="room air holds 0.2095"
)
PH = Measure("pH", _loinc("2744-1", "33254-4"), "[pH]", 6.3, 8.4, unitless=True, source=_RANGES)
PACO2 = Measure("PaCO2", _loinc("2019-8", "32771-8"), "mm[Hg]", 5, 200, source=_NO_ZERO)
PAO2 = Measure("PaO2", _loinc("2703-7", "19255-9"), "mm[Hg]", 15, 700, source=_NO_ZERO)
VENTILATION = Measure(
    "mechanical ventilation", ("SNOMED/40617009",), "1", 0.5, 1.5, unitless=True,
    source="1 at every moment at which it was recorded",
)  # fmt: skip
# MIMIC-IV's own items of urine (mimic-code, urine_output.sql), but for what an irrigation moves.
_ITEMS = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-d-items"
_FROM = (226557, 226558, 226559, 226560, 226561, 226563, 226564, 226565, 226567, 226584)
URINE = Measure(
    "urine", (*_loinc("9187-6"), *(f"{_ITEMS}|{item}" for item in _FROM)), "mL", 0, 5000,
    source="the urine of several hours may be written down at once; MIMIC-Extract's limits are of an hour",
)  # fmt: skip

ALBUMIN = Measure("albumin", _loinc("1751-7", "61151-7", "61152-5", "2862-1"), "g/dL", 0.6, 7, source=_RANGES)
ALP = Measure("alkaline phosphatase", _loinc("6768-6", "1783-0"), "U/L", 5, 4000, source=_WIDER)
ALT = Measure("ALT", _loinc("1742-6", "1743-4", "1744-2", "76625-3"), "U/L", 1, 25000, source=_WIDER)
AST = Measure("AST", _loinc("1920-8", "30239-8", "88112-8"), "U/L", 1, 40000, source=_WIDER)
BILIRUBIN = Measure(
    "bilirubin", _loinc("1975-2", "14631-6", "42719-5"), "mg/dL", 0.05, 100, molar_mass=584.66, source=_WIDER
)
# Two atoms of nitrogen in a molecule of urea: 28.014 g/mol, so that mmol/L of urea are those of its nitrogen.
# Urea by its mass (LOINC 3091-6) is 2.14 times as much, and is not taken for it.
UREA_NITROGEN = Measure(
    "urea nitrogen",
    _loinc("3094-0", "6299-2", "14937-7", "22664-7"),
    "mg/dL", 1, 300, molar_mass=28.014, source=_RANGES,
)  # fmt: skip
CHOLESTEROL = TOTAL_CHOLESTEROL
GLUCOSE = Measure(
    "glucose",
    _loinc("2345-7", "2339-0", "2340-8", "41653-7", "14749-6", "15074-8", "2341-6", "32016-8"),
    "mg/dL", 10, 2200, molar_mass=180.156, source=_RANGES,
)  # fmt: skip
# Total carbon dioxide (LOINC 2028-9) is what most chemistry panels call bicarbonate, 1 to 2 mmol/L more.
BICARBONATE = Measure(
    "bicarbonate", _loinc("1963-8", "1959-6", "1960-4", "2028-9"), "mmol/L", 2, 66, source=_RANGES
)
HAEMATOCRIT = Measure("haematocrit", _loinc("4544-3", "20570-8", "4545-0"), "%", 5, 75, source=_RANGES)
POTASSIUM = Measure(
    "potassium", _loinc("2823-3", "6298-4", "32713-0", "39789-3"), "mmol/L", 1, 12, source=_RANGES
)
# Lactic acid, C3H6O3.
LACTATE = Measure(
    "lactate",
    _loinc("2524-7", "32693-4", "2518-9", "2519-7", "14118-4", "30242-2"),
    "mmol/L", 0.1, 33, molar_mass=90.08, source=_RANGES,
)  # fmt: skip
MAGNESIUM = Measure(
    "magnesium", _loinc("19123-9", "2601-3", "21377-7"), "mg/dL", 0.2, 20, molar_mass=24.305, source=_RANGES
)
SODIUM = Measure(
    "sodium", _loinc("2951-2", "2947-0", "32717-1", "39791-9"), "mmol/L", 50, 225, source=_RANGES
)
PLATELETS = Measure(
    "platelets", _loinc("777-3", "26515-7", "778-1", "49497-1"), "10*3/uL", 1, 2200, source=_RANGES
)
LEUCOCYTES = Measure(
    "white cells", _loinc("6690-2", "26464-8", "804-5", "49498-9"), "10*3/uL", 0.05, 1000, source=_RANGES
)
TROPONIN_I = Measure("troponin I", _loinc("10839-9", "42757-5", "49563-0"), "ug/L", 0, 500, source=_RANGES)
TROPONIN_T = Measure("troponin T", _loinc("6598-7", "6597-9", "48425-3"), "ug/L", 0, 100, source=_RANGES)

SEX_LEVEL = Category("sex", (SEX,), {"female": "female", "male": "male"}, source="FHIR administrative gender")
# The publisher's answers, and CDC NHSN's codes of the same units (HSLOC), as other hospitals write them.
_HSLOC = "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html"
ICU_TYPE = Category(
    "ICU type",
    (f"{_PUBLISHER}|ICUType",),
    {
        f"{_PUBLISHER}/ICUType|1": "coronary",
        f"{_PUBLISHER}/ICUType|2": "cardiac surgery",
        f"{_PUBLISHER}/ICUType|3": "medical",
        f"{_PUBLISHER}/ICUType|4": "surgical",
        f"{_HSLOC}|1028-0": "coronary",
        f"{_HSLOC}|1032-2": "cardiac surgery",
        f"{_HSLOC}|1027-2": "medical",
        f"{_HSLOC}|1030-6": "surgical",
    },
    source="the challenge's page, ICUType; CDC NHSN locations",
)

VITALS = (
    HEART_RATE, BREATHS, BODY_TEMPERATURE, SATURATION, COMA, CUFF_SYSTOLIC, CUFF_DIASTOLIC, CUFF_MEAN,
    ARTERIAL_SYSTOLIC, ARTERIAL_DIASTOLIC, ARTERIAL_MEAN, ANY_SYSTOLIC, ANY_DIASTOLIC, ANY_MEAN, FIO2,
)  # fmt: skip
GASES = (PH, PACO2, PAO2)
LABS = (
    UREA_NITROGEN, CREATININE, SODIUM, POTASSIUM, BICARBONATE, GLUCOSE, MAGNESIUM, HAEMATOCRIT, LEUCOCYTES,
    PLATELETS, LACTATE,
)  # fmt: skip
RARE = (ALBUMIN, ALP, ALT, AST, BILIRUBIN, CHOLESTEROL, TROPONIN_I, TROPONIN_T)
PARAMETERS: tuple[Parameter, ...] = (
    AGE_YEARS, SEX_LEVEL, ICU_TYPE, BODY_WEIGHT, BODY_HEIGHT, *VITALS, *GASES, *LABS, *RARE, VENTILATION,
    URINE,
)  # fmt: skip
