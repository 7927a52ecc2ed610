"""Measurements that several models of this room read: their codes, unit and plausible range.

Ranges: MIMIC-Extract, resources/variable_ranges.csv (Wang S et al., CHIL 2020), columns VALID LOW and VALID
HIGH, unless said otherwise; outside them a value is an error of recording, not a patient.
"""

from __future__ import annotations

from salus.core.measures import Measure

_RANGES = "MIMIC-Extract variable_ranges.csv (Wang 2020)"
# MIMIC-Extract has no row, or one for any age: bounds for adults, wide enough that only a slip is outside.
_WIDE = "adult bounds, set wide: only an error of entry or of unit lies outside"

# The codes of a vital sign are those of HL7's value sets observation-vitalsign-resprate, -heartrate and
# -systolicbp (FHIR R6 ballot, LOINC 2.81: one moment, one patient, no fetus) and of the value sets of the
# CMS eCQMs, 2025-05-08 (2.16.840.1.113762.1.4.1045.130, .151, .152 and .163; 2.16.840.1.113883.3.526.3.1176),
# without what is measured under exercise or anaesthesia, and without what a ventilator does.
RESPIRATORY_RATE = Measure(
    "respiratory rate",
    (
        *("LOINC/9279-1", "LOINC/9303-9", "LOINC/11291-2", "LOINC/76170-0", "LOINC/76171-8"),
        *("LOINC/76172-6", "LOINC/76173-4", "LOINC/76174-2", "LOINC/76270-8", "SNOMED/86290005"),
    ),
    "/min",
    0,
    300,
    source=_RANGES,
)
PULSE = Measure(
    "pulse",
    (
        *("LOINC/8867-4", "LOINC/8889-8", "LOINC/8890-6", "LOINC/8891-4", "LOINC/8892-2", "LOINC/8893-0"),
        *("LOINC/40443-4", "LOINC/60978-4", "LOINC/67129-7", "LOINC/68999-2", "LOINC/69000-8"),
        *("LOINC/69001-6", "LOINC/73795-7", "LOINC/73799-9", "LOINC/76476-1", "LOINC/76477-9"),
        # From beat to beat, by ECG: what bedside monitors send (AmsterdamUMCdb's dictionary).
        *("LOINC/11328-2", "LOINC/76282-3"),
        *("SNOMED/78564009", "SNOMED/364075005"),
    ),
    "/min",
    0,
    350,
    source=_RANGES,
)
# SNOMED CT standing, sitting and lying: NHS England, blood pressure in GP Connect (triples of codes).
SYSTOLIC = Measure(
    "systolic blood pressure",
    (
        *("LOINC/8480-6", "LOINC/8459-0", "LOINC/8460-8", "LOINC/8461-6", "LOINC/8479-8", "LOINC/11378-7"),
        *("LOINC/75997-7", "LOINC/76215-3", "LOINC/76534-7", "LOINC/89268-7"),
        *("SNOMED/72313002", "SNOMED/271649006"),
        *("SNOMED/400974009", "SNOMED/407554009", "SNOMED/407556006"),
    ),
    "mm[Hg]",
    0,
    375,
    source=_RANGES,
)
DIASTOLIC = Measure(
    "diastolic blood pressure",
    (
        *("LOINC/8462-4", "LOINC/8453-3", "LOINC/8454-1", "LOINC/8455-8", "LOINC/11377-9", "LOINC/75995-1"),
        *("LOINC/76213-8", "LOINC/76535-4", "SNOMED/271650006"),
        *("SNOMED/400975005", "SNOMED/407555005", "SNOMED/407557002"),
    ),
    "mm[Hg]",
    0,
    375,
    source=_RANGES,
)
# Arterial or by pulse oximetry. "In blood" (20564-1) may be of a vein, and is not taken for it.
SPO2 = Measure(
    "oxygen saturation",
    (
        *("LOINC/59408-5", "LOINC/2708-6", "LOINC/59407-7", "LOINC/59410-1", "LOINC/59414-3"),
        *("LOINC/59415-0", "LOINC/59416-8", "LOINC/59417-6"),
        *("SNOMED/103228002", "SNOMED/431314004", "SNOMED/442476006"),
    ),
    "%",
    20,
    100,
    source=f"{_RANGES}; the floor is ours: below 20 % is a slip of the unit (0.97 sent as %), not a patient",
)
# Oral, core, rectal, tympanic and axillary readings are one measure: NEWS2 makes no difference by site. What
# is of the skin, of a finger, a hand or a foot is no temperature of the body.
TEMPERATURE = Measure(
    "temperature",
    (
        *("LOINC/8310-5", "LOINC/8331-1", "LOINC/8329-5", "LOINC/8332-9", "LOINC/8333-7", "LOINC/8328-7"),
        *("LOINC/8330-3", "LOINC/8334-5", "LOINC/11289-6", "LOINC/60836-4", "LOINC/60838-0"),
        *("LOINC/75539-7", "LOINC/76010-8", "LOINC/76011-6", "LOINC/91371-5", "LOINC/104063-3"),
        # In blood: gematik, ISiK Vitalparameter, codes of the body's temperature.
        "LOINC/60834-9",
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
# By echo, angiography, CT, MR and nuclear imaging: LOINC 8806-2 to 8812-0 (DICOM CID 3467 and 3833 name
# 8808-8, 8810-4 and 8811-2; the right ventricle's are 8813-8 to 8819-5), and 77889-4 by M-mode.
EJECTION_FRACTION = Measure(
    "left ventricular ejection fraction",
    (
        *("LOINC/10230-1", "LOINC/8806-2", "LOINC/18043-0"),
        # By other methods (estimated by eye, two planes, nuclear), as public lists of LVEF codes have them.
        *("LOINC/8807-0", "LOINC/8808-8", "LOINC/8809-6", "LOINC/8810-4", "LOINC/8811-2", "LOINC/8812-0"),
        *("LOINC/18045-5", "LOINC/77889-4", "LOINC/79991-6"),
    ),
    "%",
    5,
    90,
    source=_WIDE,
)
