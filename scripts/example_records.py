"""Write the records of the worked examples of learnt models: people who never lived, as FHIR Bundles.

Usage: python scripts/example_records.py
Each is drawn up by hand, as a clinician would chart such a stay; no row of any data set went into it. What
the models say of them is written by ``write_examples.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "salus" / "risk" / "examples"
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
# Word of a chart -> LOINC code, its display, the unit.
MEASURED = {
    "pulse": ("8867-4", "Heart rate", "/min"),
    "breaths": ("9279-1", "Respiratory rate", "/min"),
    "SpO2": ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%"),
    "temperature": ("8310-5", "Body temperature", "Cel"),
    "GCS": ("9269-2", "Glasgow coma score total", "{score}"),
    "FiO2": ("3150-6", "Inhaled oxygen concentration", "1"),
    "urine": ("9187-6", "Urine output", "mL"),
    "pH": ("2744-1", "pH of Arterial blood", "[pH]"),
    "PaCO2": ("2019-8", "Carbon dioxide [Partial pressure] in Arterial blood", "mm[Hg]"),
    "PaO2": ("2703-7", "Oxygen [Partial pressure] in Arterial blood", "mm[Hg]"),
    "lactate": ("2524-7", "Lactate [Moles/volume] in Serum or Plasma", "mmol/L"),
    "urea nitrogen": ("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL"),
    "creatinine": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL"),
    "sodium": ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L"),
    "potassium": ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L"),
    "bicarbonate": ("1963-8", "Bicarbonate [Moles/volume] in Serum or Plasma", "mmol/L"),
    "glucose": ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL"),
    "magnesium": ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL"),
    "haematocrit": ("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "%"),
    "white cells": ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL"),
    "platelets": ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL"),
    "bilirubin": ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL"),
    "albumin": ("1751-7", "Albumin [Mass/volume] in Serum or Plasma", "g/dL"),
    "weight": ("29463-7", "Body weight", "kg"),
    "height": ("8302-2", "Body height", "cm"),
    "total cholesterol": ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL"),
    "HDL cholesterol": ("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL"),
    "HbA1c": ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%"),
}
# How a pressure was taken -> codes of the panel, of systolic, diastolic and mean.
PRESSURES = {
    "arterial pressure": ("85354-9", "76215-3", "76213-8", "76214-6"),
    "pressure": ("85354-9", "8480-6", "8462-4", "8478-0"),
}
Resource = dict[str, Any]


class Record:
    """One person's record, as it grows line by line."""

    def __init__(self, key: str, given: str, family: str, gender: str, born: str) -> None:
        name = [{"given": [given], "family": family}]
        person = {"resourceType": "Patient", "id": key, "name": name, "gender": gender, "birthDate": born}
        self.resources: list[Resource] = [person]
        self.added = 0
        self.whose = {"reference": f"Patient/{key}"}

    def add(self, kind: str, **said: Any) -> None:
        """Add a resource, called after its type and its place."""
        self.added += 1
        name = f"{kind.lower()}-{self.added}"
        self.resources.append({"resourceType": kind, "id": name, **said, "subject": self.whose})

    def visit(self, start: datetime, end: datetime | None = None, kind: str = "IMP", **said: Any) -> None:
        """Add an encounter of that class of HL7 ActCode; under way where it has no end."""
        over = {} if end is None else {"end": end.isoformat()}
        about = {"class": {"system": ACT, "code": kind}, "period": {"start": start.isoformat()} | over}
        self.add("Encounter", status="in-progress" if end is None else "finished", **about, **said)

    def intensive(self, start: datetime, end: datetime | None = None, **said: Any) -> None:
        """Add a stay in intensive care."""
        what = coded(SNOMED, "305351004", "Admission to intensive care unit")
        self.visit(start, end, "ACUTE", type=[what], **said)

    def observed(self, code: Resource, at: datetime, **value: Any) -> None:
        """Add an observation."""
        self.add("Observation", status="final", code=code, effectiveDateTime=at.isoformat(), **value)

    def measured(self, word: str, at: datetime, value: float) -> None:
        """Add a measurement of `MEASURED`."""
        code, display, unit = MEASURED[word]
        self.observed(coded(LOINC, code, display), at, valueQuantity=quantity(value, unit))

    def pressure(self, word: str, at: datetime, value: str) -> None:
        """Add a blood pressure, written as "120/80", with its mean."""
        high, low = map(int, value.split("/"))
        panel, *codes = PRESSURES[word]
        values = (high, low, round(low + (high - low) / 3))
        parts = [
            {"code": coded(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")}
            for code, value in zip(codes, values, strict=True)
        ]
        self.observed(coded(LOINC, panel, "Blood pressure panel"), at, component=parts)

    def has(self, code: str, display: str, since: datetime, **said: Any) -> None:
        """Add a diagnosis of SNOMED CT."""
        active = coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")
        onset = {"onsetDateTime": since.date().isoformat(), "recordedDate": since.date().isoformat()}
        told = {"clinicalStatus": active, "code": coded(SNOMED, code, display), **onset}
        self.add("Condition", **(told | said))

    def charted(self, start: datetime, rows: Mapping[str, str]) -> None:
        """Add a chart: of each word its values in order, from half an hour after `start`, every two hours; a
        dot where there is none.
        """
        for word, values in rows.items():
            for place, value in enumerate(values.split()):
                at = start + timedelta(hours=0.5 + 2 * place)
                if value != ".":
                    self._put(word, at, value)

    def timed(self, start: datetime, rows: Mapping[str, str]) -> None:
        """Add what is measured now and then: "1:2.4 6:3.1" is 2.4 in the first hour after `start`."""
        for word, values in rows.items():
            for each in values.split():
                hour, _, value = each.partition(":")
                self._put(word, start + timedelta(hours=float(hour)), value)

    def _put(self, word: str, at: datetime, value: str) -> None:
        if word in PRESSURES:
            self.pressure(word, at, value)
        elif word == "ventilated":
            what = coded(SNOMED, "40617009", "Artificial ventilation")
            self.observed(what, at, valueQuantity=quantity(1, "1"))
        elif value == "withheld":
            code, display, _ = MEASURED[word]
            self.observed(coded(LOINC, code, display), at, dataAbsentReason=coded(ABSENT, "masked"))
        elif value.endswith("?"):
            code, display, _ = MEASURED[word]
            self.observed(
                coded(LOINC, code, display), at, valueQuantity={"value": number(value[:-1]), "unit": "units"}
            )
        else:
            self.measured(word, at, number(value))

    def write(self, case: str) -> None:
        """Write the record of the example `case`, a resource a line."""
        place = EXAMPLES / case
        place.mkdir(exist_ok=True)
        lines = ",\n".join(json.dumps({"resource": one}, ensure_ascii=False) for one in self.resources)
        text = '{"resourceType": "Bundle", "type": "collection", "entry": [\n' + lines + "\n]}\n"
        (place / "record.json").write_text(text, encoding="utf-8")


def coded(system: str, code: str, display: str = "") -> Resource:
    """Return a CodeableConcept."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def quantity(value: float, unit: str) -> Resource:
    """Return a Quantity in a unit of UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def number(text: str) -> float:
    """Return a number as it was written: whole where it has no point."""
    return float(text) if "." in text else int(text)


def on(day: str, clock: str = "08:00") -> datetime:
    """Return a moment of a date."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)


def records() -> Iterator[tuple[str, Record]]:
    """Yield every example with its record."""
    from scripts import example_icu, example_practice

    for case, made in (example_icu.PEOPLE | example_practice.PEOPLE).items():
        yield case, made()


def main(cases: Iterable[tuple[str, Record]]) -> int:
    """Write every record."""
    for case, record in cases:
        record.write(case)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from scripts import example_records

    sys.exit(main(example_records.records()))
