"""Laboratory measurements that risk models read: LOINC codes (mass and molar forms), units and limits.

The limits say what is an error of recording and not a patient: the valid range of MIMIC-Extract (Wang et
al., CHIL 2020, resources/variable_ranges.csv) where it has one, else as named at the measure.
"""

from __future__ import annotations

from salus.core.measures import Measure

_MIMIC_EXTRACT = "MIMIC-Extract variable_ranges.csv (Wang et al., CHIL 2020)"

# C4H7N3O = 113.12 g/mol (NIST WebBook), so 1 mg/dL = 88.4017 umol/L; KDIGO and laboratories round it to 88.4.
CREATININE_GRAMS = 113.12
CREATININE = Measure(
    "creatinine",
    ("LOINC/2160-0", "LOINC/38483-4", "LOINC/14682-9", "LOINC/59826-8", "LOINC/35203-9", "LOINC/77140-2"),
    "mg/dL",
    0.1,
    60.0,
    molar_mass=CREATININE_GRAMS,
    source=_MIMIC_EXTRACT,
)
# What LOINC calls the equation of each code of an eGFR from creatinine; "" where it names none. A laboratory
# may have gone over to another equation and kept the code, so this is what the code says and no more.
_RACE = "with a coefficient for race"
# Names of the MDRD codes by sex: HL7 Switzerland, CH LAB-Report, ValueSet observation-code-mdrd-male-female.
# Names and members of the LOINC codes: CMS eCQM value sets, 2024 (creatinine 2.16.840.1.113883.3.666.5.2363,
# urine albumin 2.16.840.1.113883.3.6929.3.1007, HbA1c 2.16.840.1.113883.3.464.1003.198.12.1013) list them.
EGFR_EQUATIONS = {
    "LOINC/98979-8": "CKD-EPI 2021",
    "LOINC/62238-1": "CKD-EPI 2009",
    "LOINC/88293-6": f"CKD-EPI 2009 {_RACE}",  # among blacks
    "LOINC/88294-4": "CKD-EPI 2009",  # among non-blacks
    "LOINC/33914-3": "MDRD",
    "LOINC/77147-7": "MDRD",
    "LOINC/76633-7": "MDRD",  # in blood
    "LOINC/50044-7": "MDRD",  # among females
    "LOINC/70969-1": "MDRD",  # among males
    "LOINC/48643-1": f"MDRD {_RACE}",  # among blacks
    "LOINC/48642-3": "MDRD",  # among non-blacks
    "LOINC/69405-9": "",
}
EGFR = Measure(
    "eGFR",
    tuple(EGFR_EQUATIONS),
    "mL/min/{1.73_m2}",
    1.0,
    250.0,
    # LOINC gives all of these codes as a rate per 1.73 m2 (property ArVRat); KDIGO 2012, 1.4.3, wants it so.
    per="1.73",
    # Laboratories report it in whole numbers (KDIGO 2012, section 1.4.3), and so >59 is 60 or more.
    step=1.0,
    source="CKD-EPI 2021 at the limits of creatinine and age (Inker, N Engl J Med 2021;385:1737)",
)
# A ratio of 1 mg/mmol is 8.84 mg/g (KDIGO 2024, conversion table); in spot and in 24 h urine alike.
URINE_ACR = Measure(
    "urine albumin-to-creatinine ratio",
    (
        *("LOINC/9318-7", "LOINC/14959-1", "LOINC/32294-1", "LOINC/30000-4", "LOINC/77253-3"),
        *("LOINC/13705-9", "LOINC/14958-3", "LOINC/59159-4", "LOINC/77254-1", "LOINC/76401-9"),
    ),
    "mg/g",
    0.1,
    25000.0,
    molar_mass=CREATININE_GRAMS,
    # Finer than any laboratory reports, and coarser than the dust of a change of unit.
    step=1e-6,
    source="the range of AHA PREVENT (Khan, Circulation 2024;149:430), wider than any laboratory's",
)
# NGSP % = 0.09148 x IFCC mmol/mol + 2.152 (the NGSP master equation; Weykamp, Clin Chem 2008;54:240).
HBA1C = Measure(
    "HbA1c",
    ("LOINC/4548-4", "LOINC/17856-6", "LOINC/4549-2", "LOINC/71875-9", "LOINC/59261-8", "LOINC/17855-8"),
    "%",
    2.5,
    25.0,
    special={"mmol/mol": (0.09148, 2.152)},
    source="3 % and 20 % are the ends of what NGSP-certified methods report; a margin is left",
)
# PREVENT turns mg/dL into mmol/L by 0.02586 (its supplement, Table S25): 386.7 g/mol, not the 386.65 of pure
# cholesterol. Used both ways, so that a value sent in mmol/L reaches the equation as it was sent.
MMOL_PER_MG_CHOLESTEROL = 0.02586
TOTAL_CHOLESTEROL = Measure(
    "total cholesterol",
    ("LOINC/2093-3", "LOINC/14647-2"),
    "mg/dL",
    32.0,
    600.0,
    molar_mass=10 / MMOL_PER_MG_CHOLESTEROL,
    source=_MIMIC_EXTRACT,
)
HDL_CHOLESTEROL = Measure(
    "HDL cholesterol",
    ("LOINC/2085-9", "LOINC/14646-4"),
    "mg/dL",
    3.0,
    200.0,
    molar_mass=10 / MMOL_PER_MG_CHOLESTEROL,
    source="reportable range of homogeneous HDL assays (3 to 200 mg/dL)",
)
