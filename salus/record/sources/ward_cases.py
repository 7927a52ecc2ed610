"""Who is in the ward that ships: thirty invented people, each there to show one thing that records do.

For those who demonstrate, teach or test. No case is drawn from a real person; values are set so that the
published rules have something to decide, near their boundaries and away from them.
"""

from __future__ import annotations

from typing import Any

from salus.record.sources.ward_terms import NUMBERED, Case, Lab, Vitals

_WELL: dict[str, Any] = {
    "breaths": 16,
    "spo2": 97,
    "oxygen": 0,
    "bp": (124, 76),
    "pulse": 76,
    "mind": "A",
    "temperature": 36.8,
}


def _well(at: float = 1.0, **other: Any) -> Vitals:
    """Return an unremarkable set of observations but for `other`."""
    return Vitals(at, **{**_WELL, **other})


def _has(name: str, years: float, status: str = "active", verification: str = "confirmed") -> Any:
    return (name, years, status, verification)


def _observation(slug: str, at: float, code: tuple[str, str], **other: Any) -> dict[str, Any]:
    coding = {"system": "http://loinc.org", "code": code[0], "display": code[1]}
    return {
        "resourceType": "Observation",
        "id": "{id}-" + slug,
        "status": "final",
        "code": {"coding": [coding]},
        "subject": {"reference": "Patient/{id}"},
        "effectiveDateTime": "{at:" + str(at) + "}",
        **other,
    }


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def _parent_with_diabetes(relation: str, display: str) -> dict[str, Any]:
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    diabetes = {"system": "http://snomed.info/sct", "code": "44054006", "display": "Diabetes mellitus type 2"}
    return {
        "resourceType": "FamilyMemberHistory",
        "id": "{id}-family-" + relation.lower(),
        "status": "completed",
        "patient": {"reference": "Patient/{id}"},
        "relationship": {"coding": [{"system": role, "code": relation, "display": display}]},
        "condition": [{"code": {"coding": [diabetes]}}],
    }


_SCALE_2 = {
    "resourceType": "Observation",
    "id": "{id}-news2-recorded",
    "status": "final",
    "code": {
        "coding": [
            {
                "system": "http://snomed.info/sct",
                "code": "1104051000000101",
                "display": "Royal College of Physicians National Early Warning Score 2 - total score",
            }
        ]
    },
    "subject": {"reference": "Patient/{id}"},
    "effectiveDateTime": "{at:20}",
    "component": [
        {
            "code": {
                "coding": [
                    {
                        "system": "http://snomed.info/sct",
                        "code": "1104321000000108",
                        "display": "Royal College of Physicians National Early Warning Score 2 - "
                        "oxygen saturation scale 2 score",
                    }
                ]
            },
            "valueQuantity": _quantity(0, "{score}"),
        }
    ],
}

_OLDER_RECORD = {
    "resourceType": "Patient",
    "id": "{id}-old",
    "active": False,
    "identifier": [{"type": NUMBERED, "system": "urn:oid:2.999.1.1", "value": "{id}-OLD"}],
    "name": [{"family": "Lee", "given": ["Hanna"]}],
    "gender": "female",
    "birthDate": "1973-06-11",
    "link": [{"other": {"reference": "Patient/{id}"}, "type": "replaced-by"}],
}

ORDINARY = (
    Case(
        "ward-01", "nothing wrong, lists recorded as empty", "Amina", "Okafor", "female", "1992-04-18",
        (_well(1.0),),
        (Lab("creatinine", 1, 0.7), Lab("cholesterol", 1, 158), Lab("hdl", 1, 61), Lab("bmi", 1, 22.4)),
        no_problems=True, no_drugs=True, smokes="never",
    ),
    Case(
        "ward-02", "an ordinary recovery, every input there", "Piotr", "Kowalski", "male", "1968-09-02",
        (_well(1.5, breaths=14, bp=(132, 80)),),
        (
            Lab("creatinine", 1, 0.9), Lab("potassium", 1, 4.1), Lab("crp", 1, 18), Lab("uacr", 1, 8),
            Lab("cholesterol", 80, 182), Lab("hdl", 80, 55), Lab("bmi", 2, 24.6), Lab("waist", 2, 91),
            Lab("active-days", 2, 7), Lab("active-minutes", 2, 45), Lab("vegetables", 2, 2),
        ),
        (_has("appendicitis", 0.01), _has("asthma", 20)), ("salbutamol", "paracetamol"), "never",
    ),
    Case(
        "ward-03", "temperature in degrees Fahrenheit", "Mei-Ling", "Chen", "female", "1980-01-30",
        (_well(2.0, temperature=98.4, units={"temperature": "[degF]"}),),
        (Lab("cholesterol", 200, 176), Lab("hdl", 200, 62), Lab("creatinine", 200, 0.7), Lab("bmi", 2, 22.1)),
        (_has("hypothyroidism", 8),), ("levothyroxine",), "never",
    ),
)  # fmt: skip

DETERIORATING = (
    Case(
        "ward-04", "sepsis: NEWS2 rises over nine hours", "Rajesh", "Iyer", "male", "1959-07-23",
        (
            Vitals(9.5, 18, 96, 0, (124, 74), 88, "A", 37.6),
            Vitals(6.0, 21, 95, 0, (112, 68), 98, "A", 38.2),
            Vitals(3.0, 24, 93, 0, (102, 60), 112, "A", 38.9),
            Vitals(0.4, 27, 90, 4, (88, 50), 128, "C", 39.3),
        ),
        (Lab("lactate", 0.05, 4.2), Lab("crp", 0.3, 212), Lab("creatinine", 0.3, 1.5)),
        (_has("pneumonia", 0.005), _has("hypertension", 9)), ("ramipril", "ceftriaxone"), "former",
    ),
    Case(
        "ward-05", "early sepsis: moderate and rising", "Fatima", "Al-Sayed", "female", "1954-02-11",
        (
            Vitals(8.0, 17, 97, 0, (128, 72), 84, "A", 37.4),
            Vitals(4.0, 20, 96, 0, (116, 66), 94, "A", 38.1),
            Vitals(0.7, 22, 95, 0, (108, 62), 104, "A", 38.4),
        ),
        (Lab("crp", 0.2, 96),), (_has("urinary infection", 0.003), _has("diabetes", 6)), ("metformin",),
        "never",
    ),
    Case(
        "ward-06", "one sign alone in the red", "Joaquín", "Herrera", "male", "1997-05-05",
        (_well(0.6, pulse=134, breaths=18),), (), (_has("asthma", 12),), ("salbutamol",), "never",
    ),
)  # fmt: skip

BREATHING = (
    Case(
        "ward-07", "SpO2 scale 2 prescribed, on air", "Margaret", "O'Connor", "female", "1952-10-09",
        (_well(1.0, spo2=89, breaths=19),), (), (_has("copd", 14),), ("salbutamol",), "former",
        extra=(_SCALE_2,),
    ),
    Case(
        "ward-08", "SpO2 scale 2 prescribed, too much oxygen", "Tāmati", "Ngata", "male", "1957-03-27",
        (_well(0.8, spo2=97, oxygen=3, breaths=21),), (), (_has("copd", 9),), ("salbutamol",), "daily",
        extra=(_SCALE_2,),
    ),
    Case(
        "ward-09", "COPD, but nobody recorded which SpO2 scale", "Ingrid", "Svensson", "female", "1955-12-01",
        (_well(1.2, spo2=90, breaths=20),), (), (_has("copd", 5),), ("salbutamol",), "former",
    ),
)  # fmt: skip

DIABETIC = (
    Case(
        "ward-10", "diabetes: HbA1c in per cent, lipids in mg/dL",
        "Luis Fernando", "García", "male", "1971-08-14",
        (_well(1.4, bp=(146, 88)),),
        (
            Lab("hba1c", 20, 8.1), Lab("cholesterol", 20, 214), Lab("hdl", 20, 41),
            Lab("creatinine", 20, 1.0),
            Lab("uacr", 20, 48), Lab("height", 2, 172), Lab("weight", 2, 91),
        ),
        (_has("diabetes", 7), _has("hypertension", 4)), ("metformin", "losartan"), "former",
    ),
    Case(
        "ward-11", "the same in mmol/mol, mmol/L and mg/mmol", "Siobhán", "Byrne", "female", "1965-11-20",
        (_well(1.1, bp=(138, 82)),),
        (
            Lab("hba1c-molar", 35, 58), Lab("cholesterol-molar", 35, 5.2), Lab("hdl-molar", 35, 1.3),
            Lab("creatinine-molar", 35, 71), Lab("uacr-molar", 35, 2.1), Lab("bmi", 2, 31.2),
        ),
        (_has("diabetes", 3),), ("metformin", "atorvastatin"), "never",
    ),
    Case(
        "ward-12", "risk of diabetes: waist, family, tablets", "Kwame", "Mensah", "male", "1977-02-28",
        (_well(1.8, bp=(136, 84)),),
        (
            Lab("waist", 2, 104), Lab("bmi", 2, 29.4), Lab("glucose", 40, 112), Lab("creatinine", 40, 1.1),
            Lab("cholesterol", 40, 201), Lab("hdl", 40, 44), Lab("vegetables", 2, 3),
            Lab("active-days", 2, 7), Lab("active-minutes", 2, 40),
        ),
        (_has("hypertension", 2),), ("amlodipine",), "never",
        extra=(_parent_with_diabetes("MTH", "mother"),),
    ),
)  # fmt: skip

CARDIAC = (
    Case(
        "ward-13", "atrial fibrillation after a stroke, no anticoagulant",
        "Elisabeth", "Müller", "female", "1948-06-30",
        (_well(1.0, pulse=92, bp=(150, 84)),), (Lab("creatinine", 3, 0.9),),
        (
            _has("atrial fibrillation", 1), _has("hypertension", 15), _has("diabetes", 10),
            _has("stroke", 2, "resolved"),
        ),
        ("bisoprolol", "ramipril", "metformin"), "never",
    ),
    Case(
        "ward-14", "atrial fibrillation, nothing else", "Haruto", "Tanaka", "male", "1974-09-17",
        (_well(0.9, pulse=84),),
        (Lab("creatinine", 15, 1.0), Lab("cholesterol", 15, 188), Lab("hdl", 15, 49), Lab("bmi", 2, 23.8)),
        (_has("atrial fibrillation", 0.5),), ("bisoprolol",), "never",
    ),
    Case(
        "ward-15", "atrial fibrillation on an anticoagulant", "Zainab", "Hussain", "female", "1957-04-04",
        (_well(1.6, pulse=80),), (Lab("creatinine", 8, 0.9), Lab("uacr", 8, 12)),
        (_has("atrial fibrillation", 4), _has("heart failure", 2)),
        ("apixaban", "furosemide", "bisoprolol"), "former",
    ),
    Case(
        "ward-16", "every input of PREVENT; smokes", "David", "Thompson", "male", "1969-01-12",
        (_well(1.3, bp=(152, 90)),),
        (
            Lab("cholesterol", 60, 228), Lab("hdl", 60, 39), Lab("creatinine", 60, 1.1), Lab("bmi", 2, 28.7),
        ),
        (_has("hypertension", 6),), ("amlodipine",), "daily",
    ),
    Case(
        "ward-17", "lipids in mmol/L; on a statin", "Thị Hoa", "Nguyễn", "female", "1960-03-08",
        (_well(1.7, bp=(134, 78)),),
        (
            Lab("cholesterol-molar", 90, 6.1), Lab("hdl-molar", 90, 1.6), Lab("creatinine-molar", 90, 62),
            Lab("bmi", 2, 23.1),
        ),
        (_has("high cholesterol", 5), _has("peripheral arterial disease", 2, "active", "refuted")),
        ("atorvastatin",), "never",
    ),
)  # fmt: skip

RENAL = (
    Case(
        "ward-18", "kidney disease proven over months; UACR in mg/g",
        "Samuel", "Adeyemi", "male", "1963-05-19",
        (_well(2.2, bp=(142, 86)),),
        (
            Lab("creatinine", 260, 1.9), Lab("creatinine", 140, 2.0), Lab("creatinine", 12, 2.1),
            Lab("uacr", 12, 180), Lab("cholesterol", 140, 190), Lab("hdl", 140, 42), Lab("bmi", 12, 27.3),
        ),
        (_has("kidney disease", 3), _has("hypertension", 11)), ("losartan",), "never",
    ),
    Case(
        "ward-19", "one low eGFR: chronicity unproven", "Anahera", "Walker", "female", "1968-08-08",
        (_well(2.5),), (Lab("creatinine", 1, 1.3),), (_has("hip fracture", 0.01),), ("paracetamol",),
        "former",
    ),
    Case(
        "ward-20", "creatinine doubles in thirty hours", "Giovanni", "Rossi", "male", "1956-10-31",
        (_well(0.9, bp=(104, 60), pulse=98),),
        (Lab("creatinine-molar", 90, 84), Lab("creatinine-molar", 1.3, 92),
        Lab("creatinine-molar", 0.1, 196)),
        (_has("heart failure", 4),), ("furosemide", "ramipril"), "former",
    ),
    Case(
        "ward-21", "advanced kidney disease; UACR in mg/mmol", "Lakshmi", "Narayanan", "female", "1958-12-25",
        (_well(2.1, bp=(148, 82)),),
        (
            Lab("creatinine-molar", 200, 205), Lab("creatinine-molar", 95, 214),
            Lab("creatinine-molar", 6, 221),
            Lab("uacr-molar", 6, 62),
        ),
        (_has("kidney disease", 5), _has("diabetes", 18)), ("empagliflozin", "atorvastatin"), "never",
    ),
)  # fmt: skip

UNCERTAIN = (
    Case(
        "ward-22", "no consciousness and no oxygen recorded", "Olga", "Petrova", "female", "1962-07-07",
        (Vitals(1.0, 21, 95, None, (108, 64), 96, None, 37.9),), (), (_has("pneumonia", 0.01),),
        ("ceftriaxone",),
    ),
    Case(
        "ward-23", "almost nothing: declined, masked, unknown", "Mohamed", "Benali", "male", "1986-01-01",
        (
            Vitals(
                3.0, None, None, None, None, 82, None, None,
                absent={"breaths": "asked-declined", "spo2": "masked", "temperature": "unknown"},
            ),
        ),
    ),
    Case(
        "ward-24", "units wrong, unknown or missing", "Chidi", "Eze", "male", "1975-06-16",
        (
            Vitals(
                1.0, 18, 97, 0, (122, 78), 80, "A", 98.6,
                units={"breaths": None, "pulse": "bpm", "temperature": "Cel"},
            ),
        ),
        (Lab("creatinine", 2, 88, unit="mcg%"), Lab("cholesterol", 2, 5.1, unit="zz/L")),
        (_has("hypertension", 1),), ("amlodipine",), "never",
    ),
    Case(
        "ward-25", "two devices disagree at the same minute", "Aaliyah", "Johnson", "female", "1981-03-03",
        (_well(0.5, spo2=97, breaths=20),), (), (_has("asthma", 30),), ("salbutamol",), "never",
        extra=(
            _observation(
                "spo2-second-device", 0.5,
                ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
                valueQuantity=_quantity(90, "%"),
            ),
        ),
    ),
    Case(
        "ward-26", "a child: the adult scores do not apply", "Noah", "Williams", "male", "2017-05-21",
        (_well(1.0, breaths=24, pulse=112),), (), (_has("asthma", 3),), ("salbutamol",),
    ),
    Case(
        "ward-27", "pregnant: NEWS2 does not apply", "Priya", "Sharma", "female", "1995-09-09",
        (_well(1.1, pulse=94, bp=(112, 66)),), (), (_has("pregnancy", 0.55),), (), "never",
    ),
    Case(
        "ward-28", "a result entered in error, and one corrected", "Yusuf", "Demir", "male", "1966-11-02",
        (_well(1.2, bp=(128, 80)),),
        (
            Lab("potassium", 1, 9.9, status="entered-in-error"),
            Lab("creatinine", 1, 1.2, status="corrected", note="Corrected: the first named another tube."),
            Lab("crp", 1, 5, comparator="<"),
        ),
        (_has("hypertension", 3), _has("heart failure", 1, "active", "entered-in-error")),
        ("ramipril",), "former",
    ),
    Case(
        "ward-29", "one person, two records merged", "Hannah", "Lee", "female", "1973-06-11",
        (_well(1.0),),
        (Lab("creatinine", 30, 0.8), Lab("cholesterol", 30, 168), Lab("hdl", 30, 58)),
        (_has("high cholesterol", 2),), ("atorvastatin",), "never",
        extra=(
            _OLDER_RECORD,
            _observation(
                "bmi-old-record", 4000, ("39156-5", "Body mass index (BMI) [Ratio]"),
                subject={"reference": "Patient/{id}-old"}, valueQuantity=_quantity(24.5, "kg/m2"),
            ),
        ),
    ),
    Case(
        "ward-30", "only the year of birth; sex recorded as other", "Robin", "Larsson", "other", "1961",
        (_well(1.5, bp=(140, 85)),),
        (Lab("cholesterol", 50, 205), Lab("hdl", 50, 50), Lab("creatinine", 50, 0.95), Lab("bmi", 2, 26.0)),
        (_has("hypertension", 8),), ("ramipril",), "never",
    ),
)  # fmt: skip

CASES = (*ORDINARY, *DETERIORATING, *BREATHING, *DIABETIC, *CARDIAC, *RENAL, *UNCERTAIN)
