"""What is looked at before somebody with diabetes goes home: the stay, what came before it, drugs, diagnoses.

The counts and the answers of admission and discharge are the publisher's own (UCI 296, Strack B et al.,
BioMed Res Int 2014:781670, table 1; IDs_mapping.csv); a hospital that runs the task on its own records has to
send them under these codes, and has diagnoses, drugs, age and sex under everybody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from salus.core.codes import DISPOSITION, short
from salus.core.measures import Measure
from salus.learning.features import EVER, Feature
from salus.learning.parameters import Category, Parameter
from salus.risk._icu_measures import AGE_YEARS, SEX_LEVEL
from salus.risk._readmission_icd9 import AMONG, PRIMARY_DIAGNOSIS
from salus.risk._readmission_stays import URI

_SOURCE = "Strack 2014, table 1"
_CDC = "urn:oid:2.16.840.1.113883.6.238"
_HL7 = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_YEAR = "a year holds no more visits than this, whoever counts"
_STAY = "wider than any stay of the set"


def _count(name: str, column: str, most: float, source: str) -> Measure:
    return Measure(name, (short(URI, column),), "1", 0, most, unitless=True, step=1, source=source)


def _ids(column: str, levels: Mapping[str, str]) -> dict[str, str]:
    """Return the level of each id of the publisher's list `column`, given as ``ids: level``."""
    return {f"{URI}/{column}|{one}": level for ids, level in levels.items() for one in ids.split()}


RACE = Category(
    "race",
    ("LOINC/32624-9",),
    {f"{_CDC}|{code}": name for code, name in (("2106-3", "white"), ("2054-5", "black"), ("2028-9", "Asian"),
                                               ("2135-2", "Hispanic"), ("2131-1", "other"))},
    source="CDC Race and Ethnicity",
)  # fmt: skip
PAYER = Category(
    "payer",
    ("LOINC/76437-3",),
    {"MC": "Medicare", "MD": "Medicaid", "HM": "health maintenance organisation", "BC": "Blue Cross",
     "SP": "self-pay"},
    lambda answer: "other",
    "Strack 2014, table 1; the letters as they are read there",
)  # fmt: skip
LENGTH = Measure("days in hospital", (short(URI, "time_in_hospital"),), "d", 0, 366, source=_STAY)
COUNTS = (
    _count("laboratory tests", "num_lab_procedures", 500, _STAY),
    _count("procedures", "num_procedures", 100, _STAY),
    _count("medicines", "num_medications", 500, _STAY),
    _count("diagnoses entered", "number_diagnoses", 100, _STAY),
    _count("outpatient visits in the year before", "number_outpatient", 1000, _YEAR),
    _count("emergency visits in the year before", "number_emergency", 1000, _YEAR),
    _count("stays in the year before", "number_inpatient", 366, _YEAR),
)
COMING = Category(
    "kind of admission",
    (short(URI, "admission_type_id"),),
    _ids("admission_type_id", {"1 7": "emergency", "2": "urgent", "3": "elective", "4": "newborn"}),
    source="IDs_mapping.csv",
)
FROM = Category(
    "admitted from",
    (short(URI, "admission_source_id"),),
    _ids("admission_source_id", {
        "1 2": "physician or clinic", "3": "health maintenance organisation",
        "4 10 22 25": "another hospital",
        "5": "skilled nursing", "6 18 19 26": "other care", "7": "emergency room", "8": "court",
        "11 12 13 14 23 24": "birth",
    }),
    source="IDs_mapping.csv",
)  # fmt: skip
TO = Category(
    "discharged to",
    (DISPOSITION,),
    _ids("discharge_disposition_id", {
        "1": "home", "2 29": "another hospital", "3": "skilled nursing", "4": "intermediate care",
        "5": "other inpatient care", "6": "home with nursing", "7": "left against advice",
        "8": "home with infusions", "9 12": "not discharged",
        "10 16 17 27 30": "elsewhere", "15": "swing bed",
        "22": "rehabilitation", "23": "long-term hospital", "24": "nursing facility", "28": "psychiatric",
    }) | {f"{_HL7}|{code}": level for code, level in (
        ("home", "home"), ("snf", "skilled nursing"), ("rehab", "rehabilitation"), ("psy", "psychiatric"),
        ("long", "long-term hospital"), ("aadvice", "left against advice"), ("other-hcf", "another hospital"),
        ("alt-home", "elsewhere"), ("oth", "elsewhere"),
    )},
    source="IDs_mapping.csv; HL7 discharge-disposition",
)  # fmt: skip
# Of the 73 specialties of the set those that admit some eighty stays or more; the rest are one.
_SPECIALTIES = {
    "InternalMedicine": "internal medicine", "Emergency/Trauma": "emergency",
    "Family/GeneralPractice": "family practice", "Cardiology": "cardiology",
    "Surgery-General": "general surgery", "Nephrology": "nephrology", "Orthopedics": "orthopaedics",
    "Orthopedics-Reconstructive": "reconstructive orthopaedics", "Radiologist": "radiology",
    "Pulmonology": "chest medicine", "Psychiatry": "psychiatry",
    "ObstetricsandGynecology": "obstetrics and gynaecology", "Urology": "urology",
    "Surgery-Cardiovascular/Thoracic": "heart surgery", "Surgery-Cardiovascular": "heart surgery",
    "Surgery-Thoracic": "heart surgery", "Gastroenterology": "gastroenterology",
    "Surgery-Vascular": "vascular surgery", "Surgery-Neuro": "neurosurgery",
    "PhysicalMedicineandRehabilitation": "rehabilitation", "Oncology": "oncology",
    "Hematology/Oncology": "oncology", "Hematology": "oncology", "Pediatrics": "paediatrics",
    "Pediatrics-Endocrinology": "paediatrics", "Pediatrics-CriticalCare": "paediatrics",
    "Neurology": "neurology", "Otolaryngology": "ear, nose and throat", "Endocrinology": "endocrinology",
    "Podiatry": "podiatry", "Hospitalist": "hospital medicine",
}  # fmt: skip
SPECIALTY = Category(
    "admitting specialty",
    (short(URI, "medical_specialty"),),
    _SPECIALTIES,
    lambda answer: "other",
    _SOURCE,
)
GLUCOSE = Category(
    "highest glucose",
    (short(URI, "max_glu_serum"),),
    {"Norm": "to 200 mg/dL", ">200": "over 200 mg/dL", ">300": "over 300 mg/dL"},
    source=_SOURCE,
)
SUGAR = Category(
    "HbA1c",
    (short(URI, "A1Cresult"),),
    {"Norm": "to 7 %", ">7": "over 7 %", ">8": "over 8 %"},
    source=_SOURCE,
)
_DOSES = {"Steady": "given", "Up": "raised", "Down": "lowered"}
# Those that were given in a hundredth of the stays or more; an order that tells of no change counts as given.
_DRUGS = {
    "insulin": "RxNorm/5856", "metformin": "RxNorm/6809", "glipizide": "RxNorm/4821",
    "glyburide": "RxNorm/4815", "glimepiride": "RxNorm/25789", "pioglitazone": "RxNorm/33738",
    "rosiglitazone": "RxNorm/84108", "repaglinide": "RxNorm/73044",
}  # fmt: skip
DRUGS = tuple(
    Category(name, (short(URI, name), code), {**_DOSES, code: "given"}, source=f"{_SOURCE}; RxNorm")
    for name, code in _DRUGS.items()
)
CHANGED = Category(
    "change of diabetes drugs", (short(URI, "change"),), {"Ch": "yes", "No": "no"}, source=_SOURCE
)
TREATED = Category(
    "a diabetes drug", (short(URI, "diabetesMed"),), {"Yes": "yes", "No": "no"}, source=_SOURCE
)
LEVELS = (SEX_LEVEL, PRIMARY_DIAGNOSIS, COMING, FROM, TO, SPECIALTY, GLUCOSE, SUGAR, CHANGED, TREATED, *DRUGS)
# Race and who pays tell groups apart when the model is measured, and nothing else.
PARAMETERS: tuple[Parameter, ...] = (AGE_YEARS, LENGTH, *COUNTS, *LEVELS, *AMONG, RACE, PAYER)


def _per_day(name: str) -> Feature:
    return Feature(f"{name} a day", "ratio", (name, LENGTH.name))


def _every() -> Iterable[Feature]:
    for measure in (AGE_YEARS, LENGTH, *COUNTS):
        yield Feature(measure.name, "last", (measure.name,), EVER)
    for level in (*LEVELS, *AMONG):
        yield Feature(level.name, "level", (level.name,), EVER)
    for name in ("laboratory tests", "procedures", "medicines"):
        yield _per_day(name)


def candidates() -> tuple[Feature, ...]:
    """Return every candidate feature, operands before what is made of them."""
    return tuple(_every())
