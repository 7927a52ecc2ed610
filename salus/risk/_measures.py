"""Measurements that several models of this room read: their codes, unit and plausible range.

Ranges: MIMIC-Extract, resources/variable_ranges.csv (Wang S et al., CHIL 2020), columns VALID LOW and VALID
HIGH, unless said otherwise; outside them a value is an error of recording, not a patient.
"""

from __future__ import annotations

from salus.core.measures import Measure

_RANGES = "MIMIC-Extract variable_ranges.csv (Wang 2020)"
# MIMIC-Extract has no row, or one for any age: bounds for adults, wide enough that only a slip is outside.
_WIDE = "adult bounds, set wide: only an error of entry or of unit lies outside"

RESPIRATORY_RATE = Measure(
    "respiratory rate", ("LOINC/9279-1", "SNOMED/86290005"), "/min", 0, 300, source=_RANGES
)
PULSE = Measure(
    "pulse",
    ("LOINC/8867-4", "LOINC/8889-8", "SNOMED/78564009", "SNOMED/364075005"),
    "/min",
    0,
    350,
    source=_RANGES,
)
SYSTOLIC = Measure(
    "systolic blood pressure",
    ("LOINC/8480-6", "SNOMED/72313002", "SNOMED/271649006"),
    "mm[Hg]",
    0,
    375,
    source=_RANGES,
)
DIASTOLIC = Measure(
    "diastolic blood pressure",
    ("LOINC/8462-4", "SNOMED/271650006"),
    "mm[Hg]",
    0,
    375,
    source=_RANGES,
)
SPO2 = Measure(
    "oxygen saturation",
    (
        *("LOINC/59408-5", "LOINC/2708-6"),
        *("SNOMED/103228002", "SNOMED/431314004", "SNOMED/442476006"),
    ),
    "%",
    20,
    100,
    source=f"{_RANGES}; the floor is ours: below 20 % is a slip of the unit (0.97 sent as %), not a patient",
)
# Oral, core, rectal, tympanic and axillary readings are one measure: NEWS2 makes no difference by site.
TEMPERATURE = Measure(
    "temperature",
    (
        *("LOINC/8310-5", "LOINC/8331-1", "LOINC/8329-5", "LOINC/8332-9", "LOINC/8333-7", "LOINC/8328-7"),
        *("SNOMED/276885007", "SNOMED/386725007"),
    ),
    "Cel",
    26,
    45,
    source=_RANGES,
)
BMI = Measure(
    "body mass index",
    ("LOINC/39156-5", "SNOMED/60621009"),
    "kg/m2",
    7,
    200,
    source=_WIDE,
)
WEIGHT = Measure("weight", ("LOINC/29463-7", "LOINC/3141-9", "SNOMED/27113001"), "kg", 20, 700, source=_WIDE)
HEIGHT = Measure("height", ("LOINC/8302-2", "LOINC/3137-7", "SNOMED/50373000"), "cm", 90, 275, source=_WIDE)
WAIST = Measure("waist", ("LOINC/8280-0", "LOINC/56086-2", "SNOMED/276361009"), "cm", 40, 300, source=_WIDE)
EJECTION_FRACTION = Measure(
    "left ventricular ejection fraction",
    ("LOINC/10230-1", "LOINC/8806-2", "LOINC/18043-0"),
    "%",
    5,
    90,
    source=_WIDE,
)
