"""What the ward that ships is written in: the codes, and the shapes of a case, for those who read or add one.

LOINC and SNOMED CT codes as in HL7's vital signs profiles, US Core and UK Core (ACVPU); RxNorm and ATC name
ingredients; every code here is one that real senders use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
# Identifier.type: the hospital's own number (HL7 v2 table 0203).
NUMBERED = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}

# name: (LOINC code, display, UCUM unit)
LABS = {
    "creatinine": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL"),
    "creatinine-molar": ("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L"),
    "egfr": ("98979-8", "GFR/1.73 sq M.predicted by CKD-EPI 2021", "mL/min/{1.73_m2}"),
    "uacr": ("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "mg/g"),
    "uacr-molar": ("32294-1", "Albumin/Creatinine [Ratio] in Urine", "mg/mmol"),
    "hba1c": ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%"),
    "hba1c-molar": ("59261-8", "Hemoglobin A1c/Hemoglobin.total in Blood by IFCC", "mmol/mol"),
    "glucose": ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL"),
    "cholesterol": ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL"),
    "cholesterol-molar": ("14647-2", "Cholesterol [Moles/volume] in Serum or Plasma", "mmol/L"),
    "hdl": ("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL"),
    "hdl-molar": ("14646-4", "Cholesterol in HDL [Moles/volume] in Serum or Plasma", "mmol/L"),
    "potassium": ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L"),
    "lactate": ("2524-7", "Lactate [Moles/volume] in Serum or Plasma", "mmol/L"),
    "crp": ("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/L"),
    "height": ("8302-2", "Body height", "cm"),
    "weight": ("29463-7", "Body weight", "kg"),
    "bmi": ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2"),
    "waist": ("8280-0", "Waist Circumference at umbilicus by Tape measure", "cm"),
    "active-days": ("89555-7", "Days per week of moderate to strenuous activity", "d/wk"),
    "active-minutes": ("68516-4", "Minutes per day of moderate to strenuous activity", "min/d"),
    "vegetables": ("80460-9", "Vegetable servings a day", "{servings}"),
}
BODY = frozenset({"height", "weight", "bmi", "waist"})
HABITS = frozenset({"active-days", "active-minutes", "vegetables"})
LIPIDS = ("57698-3", "Lipid panel with direct LDL - Serum or Plasma")

# One sign of a set of observations: (LOINC code, display, UCUM unit).
SIGNS = {
    "breaths": ("9279-1", "Respiratory rate", "/min"),
    "spo2": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%"),
    "oxygen": ("3151-8", "Inhaled oxygen flow rate", "L/min"),
    "pulse": ("8867-4", "Heart rate", "/min"),
    "temperature": ("8310-5", "Body temperature", "Cel"),
}

# UK Core value set ACVPU 2.1.0; 1104441000000107 is the observable of the UK edition of SNOMED CT.
CONSCIOUSNESS = ("80288-4", "Level of consciousness AVPU score", "1104441000000107")
ACVPU = {
    "A": ("248234008", "Mentally alert"),
    "C": ("130987000", "Acute confusion"),
    "V": ("300202002", "Responds to voice"),
    "P": ("450847001", "Responds to pain"),
    "U": ("422768004", "Unresponsive"),
}

# NEWS2 as a nurse recorded it; the component says that SpO2 scale 2 is the one prescribed for this patient
# (HL7 UK value set CareConnect-SaturatedOxygenSp02Scale).
NEWS2_TOTAL = ("1104051000000101", "Royal College of Physicians National Early Warning Score 2 - total score")
NEWS2_SCALE_2 = (
    "1104321000000108",
    "Royal College of Physicians National Early Warning Score 2 - oxygen saturation scale 2 score",
)

SMOKING = ("72166-2", "Tobacco smoking status")
SMOKES = {
    "never": ("266919005", "Never smoked tobacco"),
    "daily": ("449868002", "Smokes tobacco daily"),
    "former": ("8517006", "Ex-smoker"),
}

# name: (SNOMED CT code, display, ICD-10-CM code)
CONDITIONS = {
    "sepsis": ("91302008", "Sepsis", "A41.9"),
    "pneumonia": ("385093006", "Community acquired pneumonia", "J18.9"),
    "urinary infection": ("68566005", "Urinary tract infectious disease", "N39.0"),
    "copd": ("13645005", "Chronic obstructive pulmonary disease", "J44.9"),
    "asthma": ("195967001", "Asthma", "J45.909"),
    "diabetes": ("44054006", "Diabetes mellitus type 2", "E11.9"),
    "hypertension": ("38341003", "Hypertensive disorder", "I10"),
    "atrial fibrillation": ("49436004", "Atrial fibrillation", "I48.91"),
    "stroke": ("422504002", "Ischemic stroke", "I63.9"),
    "heart failure": ("84114007", "Heart failure", "I50.9"),
    "peripheral arterial disease": ("399957001", "Peripheral arterial occlusive disease", "I73.9"),
    "high cholesterol": ("13644009", "Hypercholesterolemia", "E78.00"),
    "kidney disease": ("709044004", "Chronic kidney disease", "N18.9"),
    "kidney injury": ("14669001", "Acute renal failure syndrome", "N17.9"),
    "appendicitis": ("74400008", "Appendicitis", "K37"),
    "hypothyroidism": ("40930008", "Hypothyroidism", "E03.9"),
    "hip fracture": ("5913000", "Fracture of neck of femur", "S72.009A"),
    "pregnancy": ("77386006", "Pregnancy", "Z33.1"),
}

# name: (RxNorm ingredient, ATC code, as it is written)
DRUGS = {
    "metformin": ("6809", "A10BA02", "Metformin 500 mg oral tablet"),
    "empagliflozin": ("1545653", "A10BK03", "Empagliflozin 10 mg oral tablet"),
    "apixaban": ("1364430", "B01AF02", "Apixaban 5 mg oral tablet"),
    "amlodipine": ("17767", "C08CA01", "Amlodipine 5 mg oral tablet"),
    "ramipril": ("35296", "C09AA05", "Ramipril 5 mg oral capsule"),
    "losartan": ("52175", "C09CA01", "Losartan 50 mg oral tablet"),
    "bisoprolol": ("19484", "C07AB07", "Bisoprolol 2.5 mg oral tablet"),
    "furosemide": ("4603", "C03CA01", "Furosemide 40 mg oral tablet"),
    "atorvastatin": ("83367", "C10AA05", "Atorvastatin 40 mg oral tablet"),
    "salbutamol": ("435", "R03AC02", "Salbutamol 100 microgram inhaler"),
    "levothyroxine": ("10582", "H03AA01", "Levothyroxine 75 microgram oral tablet"),
    "paracetamol": ("161", "N02BE01", "Paracetamol 1 g oral tablet"),
    "ceftriaxone": ("2193", "J01DD04", "Ceftriaxone 2 g intravenous"),
}


@dataclass(frozen=True, slots=True)
class Vitals:
    """One set of observations, `at` hours before the ward's instant; None: not taken.

    oxygen: litres a minute, 0 on air. mind: a letter of ACVPU. units, absent: by sign, what the sender
    wrote instead of the UCUM unit, and the data-absent-reason instead of a value.
    """

    at: float
    breaths: float | None = None
    spo2: float | None = None
    oxygen: float | None = None
    bp: tuple[int, int] | None = None
    pulse: float | None = None
    mind: str | None = None
    temperature: float | None = None
    units: dict[str, str | None] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lab:
    """One result, `days` before the ward's instant; a key of LABS. status and note as FHIR has them."""

    name: str
    days: float
    value: float
    status: str = "final"
    comparator: str = ""
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One patient of the ward: who, why they are in it (`shows`), and what is on record.

    born: as FHIR writes it, so that only a year can be given. conditions: (name, years before, clinical
    status, verification). extra: whole resources that no field here can say; {id} and {at:N} are filled in.
    """

    id: str
    shows: str
    given: str
    family: str
    sex: str
    born: str
    vitals: tuple[Vitals, ...] = ()
    labs: tuple[Lab, ...] = ()
    conditions: tuple[tuple[str, float, str, str], ...] = ()
    drugs: tuple[str, ...] = ()
    smokes: str = ""
    no_problems: bool = False
    no_drugs: bool = False
    admitted: float = 2.0
    extra: tuple[dict[str, Any], ...] = ()
