"""Diabetes 130-US hospitals, 1999-2008 (UCI 296): each stay of a person with diabetes is a subject.

Columns and their meaning: Strack B et al., BioMed Res Int 2014:781670, table 1; ids: the set's own
IDs_mapping.csv. Why these codes and times: docs/decisions/0010-learning-sources.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.codes import DISPOSITION, SEX, short
from salus.record.population import Population
from salus.record.sources.diabetes130_drugs import DRUGS
from salus.record.sources.tables import (
    BEGINS,
    START,
    Fact,
    Table,
    events,
    found,
    read_table,
    timelines,
)

if TYPE_CHECKING:
    import polars as pl

    from salus.core.evidence import Timeline

NAME = "diabetes130"
FILE = "diabetic_data.csv"
URI = "https://archive.ics.uci.edu/dataset/296"
KEY, PERSON = "encounter_id", "patient_nbr"
# Counts, and the most that one can be: of the year before the stay, and of the stay.
_BEFORE = {"number_outpatient": 1000, "number_emergency": 1000, "number_inpatient": 1000}
_COUNTED = {"num_lab_procedures": 500, "num_procedures": 100, "num_medications": 500, "number_diagnoses": 100}
_DIAGNOSES = ("diag_1", "diag_2", "diag_3")
# The stay's columns in the file's order: the number of a source (`Observation/<key>-<n>`) is the place here.
COLUMNS = (
    KEY, PERSON, "race", "gender", "age", "weight", "admission_type_id", "discharge_disposition_id",
    "admission_source_id", "time_in_hospital", "payer_code", "medical_specialty", "num_lab_procedures",
    "num_procedures", "num_medications", "number_outpatient", "number_emergency", "number_inpatient",
    *_DIAGNOSES, "number_diagnoses", "max_glu_serum", "A1Cresult", *DRUGS, "change", "diabetesMed",
    "readmitted",
)  # fmt: skip
# CDC Race and Ethnicity, the codes of US Core's race and ethnicity extensions.
_RACE = "urn:oid:2.16.840.1.113883.6.238"
_RACES = {
    "Caucasian": "2106-3", "AfricanAmerican": "2054-5", "Hispanic": "2135-2", "Asian": "2028-9",
    "Other": "2131-1",
}  # fmt: skip
_SEXES: dict[str, str | None] = {"Female": "female", "Male": "male", "Unknown/Invalid": None}
_AGES = {f"[{low}-{low + 10})": f"{low + 5}" for low in range(0, 100, 10)}
_WEIGHTS = {f"[{low}-{low + 25})": f"{low + 12.5}" for low in range(0, 200, 25)} | {">200": "200"}
# IDs_mapping.csv: what stands for Not Available, NULL, Not Mapped and Unknown/Invalid.
_UNKNOWN_IDS = {
    "admission_type_id": ("5", "6", "8"),
    "discharge_disposition_id": ("18", "25", "26"),
    "admission_source_id": ("9", "15", "17", "20", "21"),
}
_GLUCOSE = {"Norm": ("<", 200), ">200": (">", 200), ">300": (">", 300), "None": None}
_HBA1C = {"Norm": ("<", 7), ">7": (">", 7), ">8": (">", 8), "None": None}
_CHANGES = ("Steady", "Up", "Down", "No")
# An ICD-9-CM category, with or without what stands behind its dot.
_ICD9 = r"^(\d{1,3}|V\d{2}|E\d{3})(\.\d{1,2})?$"

NOTES = (
    BEGINS,
    "Each stay is a subject of its own: a person's stays share patient_nbr, which serves to split and is no "
    "evidence.",
    "An age is the middle of its ten years, a weight that of its 25 pounds, as no other is told.",
    "ICD-9-CM codes without their leading zeros have got them back (8 is 008).",
    "Diagnoses were coded after discharge, for billing; here they count as known at discharge.",
    "A drug that was not given leaves no event: the set tells of all 23 for every stay.",
    "It is not told when glucose and HbA1c were measured: they count as known at discharge.",
)


def recognises(place: Path) -> bool:
    """Whether `place` is a folder that holds this set."""
    return found(place, FILE) is not None


def population(place: Path) -> Population:
    """Return every stay of the set in the folder `place`.

    Raises EvidenceError when its file is away, broken off or another one.
    """
    import polars as pl

    table = read_table(place, FILE, COLUMNS, KEY, ("?",))
    _checked(table)
    subject = pl.format("Patient/{}", pl.col(KEY)).alias("subject")
    person = pl.col(PERSON).alias("person")
    subjects = table.rows.select(subject, pl.col(KEY).alias("case"), person, pl.lit(NAME).alias("site"))
    return Population(
        NAME,
        "Diabetes 130-US hospitals for years 1999-2008",
        events(table, KEY, _facts()),
        subjects.sort("subject"),
        tuple(table.rejects),
        NOTES,
        table.digest,
        "Creative Commons Attribution 4.0 International (CC BY 4.0)",
        "Strack B, DeShazo JP, Gennings C, et al. BioMed Res Int 2014:781670",
    )


def read(place: Path) -> Iterator[Timeline]:
    """Yield the Timeline of each stay in `place`."""
    yield from timelines(population(place))


def _checked(table: Table) -> None:
    """Bring the fields into the form in which they become events; count and leave out what cannot be."""
    table.refuse(table.rows[PERSON].is_null(), f"it has no {PERSON}")
    table.needed("time_in_hospital", 1, 366, "how long the stay was is not told")
    for name, most in {**_BEFORE, **_COUNTED}.items():
        table.number(name, 0, most)
    table.among("race", {name: short(_RACE, code) for name, code in _RACES.items()})
    table.among("gender", _SEXES)
    table.among("age", _AGES)
    table.among("weight", _WEIGHTS)
    for name in (*DRUGS, "change", "diabetesMed", "readmitted", "max_glu_serum", "A1Cresult"):
        table.among(name, {one: one for one in _answers(name)})
    for name, unknown in _UNKNOWN_IDS.items():
        table.among(name, {str(at): None if str(at) in unknown else str(at) for at in range(1, 31)})
    for name in _DIAGNOSES:
        _icd9(table, name)


def _answers(name: str) -> tuple[str, ...]:
    known = {
        "change": ("Ch", "No"), "diabetesMed": ("Yes", "No"), "readmitted": ("<30", ">30", "NO"),
        "max_glu_serum": tuple(_GLUCOSE), "A1Cresult": tuple(_HBA1C),
    }  # fmt: skip
    return known.get(name, _CHANGES)


def _icd9(table: Table, name: str) -> None:
    """Give the codes of a column of diagnoses their zeros back, and leave out what is no code of ICD-9-CM."""
    import polars as pl

    wrong = (~table.rows[name].str.contains(_ICD9)).fill_null(value=False)
    table.hide(name, wrong, f"{name} is no code of ICD-9-CM")
    whole, rest = pl.col(name).str.extract(r"^([^.]*)"), pl.col(name).str.extract(r"(\..*)$").fill_null("")
    code = pl.when(whole.str.contains(r"^\d")).then(whole.str.zfill(3)).otherwise(whole) + rest
    table.rows = table.rows.with_columns(pl.when(~wrong).then("ICD9CM/" + code).alias(name))


def _discharge(later: int = 0) -> pl.Expr:
    import polars as pl

    return pl.lit(START.replace(tzinfo=None)) + pl.duration(days=pl.col("time_in_hospital") + later)


def _source(name: str, kind: str = "Observation") -> str:
    return f"{kind}/{{}}-{COLUMNS.index(name) + 1}"


def _at_admission(name: str, *others: str, unit: str | None = None) -> Fact:
    """Return a fact under a standard code (the first of `others`), or the publisher's own."""
    import polars as pl

    first, *rest = (*others, short(URI, name))
    return Fact(pl.col(name), first, _source(name), tuple(rest), unit, time=START, known_at=START)


def _at_discharge(name: str, *others: str, unit: str | None = None) -> Fact:
    import polars as pl

    first, *rest = (*others, short(URI, name))
    at = _discharge()
    return Fact(pl.col(name), first, _source(name), tuple(rest), unit, time=at, known_at=at)


def _facts() -> list[Fact]:
    import polars as pl

    there = pl.lit("x")
    stay = Fact(there, "ActCode/IMP", "Encounter/{}", time=START, end=_discharge(), known_at=START,
                status="finished", bare=True)  # fmt: skip
    # Diabetes of any kind was among the diagnoses of every stay that was taken into the set.
    ill = Fact(there, "SNOMED/73211009", "Condition/{}", time=_discharge(), known_at=_discharge(),
               status="active", bare=True)  # fmt: skip
    # The resource that tells of sex and race is the person's own, which has no status.
    sex = Fact(pl.col("gender"), SEX, "Patient/{}", status=None)
    race = Fact(pl.col("race"), "LOINC/32624-9", "Patient/{}", (short(URI, "race"),), status=None)
    readmitted = Fact(pl.col("readmitted"), short(URI, "readmitted"), _source("readmitted"),
                      time=_discharge(30), known_at=_discharge(30))  # fmt: skip
    coming = [_id("admission_type_id"), _id("admission_source_id"), _going()]
    return [
        *(stay, ill, sex, race, *_bands(), *coming),
        _at_discharge("time_in_hospital", unit="d"),
        _at_admission("payer_code", "LOINC/76437-3"),
        _at_admission("medical_specialty"),
        *(_at_admission(name, unit="1") for name in _BEFORE),
        *(_at_discharge(name, unit="1") for name in _COUNTED),
        *_diagnoses(),
        *_results("max_glu_serum", "LOINC/2345-7", "mg/dL", _GLUCOSE),
        *_results("A1Cresult", "LOINC/4548-4", "%", _HBA1C),
        *(fact for name in DRUGS for fact in _drug(name)),
        *(_at_discharge("change"), _at_discharge("diabetesMed"), readmitted),
    ]  # fmt: skip


def _bands() -> list[Fact]:
    import polars as pl

    age = Fact(pl.col("age").cast(pl.Float64), "LOINC/30525-0", _source("age"), unit="a", time=START,
               known_at=START)  # fmt: skip
    weight = pl.col("weight").cast(pl.Float64)
    above = pl.when(weight == 200).then(pl.lit(">"))
    return [age, Fact(weight, "LOINC/29463-7", _source("weight"), (), "[lb_av]", above, START, None, START)]


def _coded(name: str) -> pl.Expr:
    """Return the answer as a code of the publisher's list `name`."""
    import polars as pl

    return pl.format(f"{URI}/{name}|{{}}", pl.col(name))


def _id(name: str) -> Fact:
    return Fact(_coded(name), short(URI, name), _source(name), time=START, known_at=START)


def _going() -> Fact:
    name = "discharge_disposition_id"
    at = _discharge()
    own = (short(URI, name),)
    return Fact(_coded(name), DISPOSITION, "Encounter/{}", own, time=at, known_at=at, status="finished")


def _diagnoses() -> list[Fact]:
    """Return each diagnosis as what the person has, and as the answer to which one was named where."""
    import polars as pl

    at, made = _discharge(), []
    for name in _DIAGNOSES:
        said = pl.col(name)
        rank = "LOINC/86255-7" if name == "diag_1" else "LOINC/81885-6"
        had = Fact(said, said, _source(name, "Condition"), time=at, known_at=at, status="active", bare=True)
        made += [had, Fact(said, rank, _source(name), (short(URI, name),), time=at, known_at=at)]
    return made


def _results(name: str, code: str, unit: str, known: dict[str, tuple[str, int] | None]) -> list[Fact]:
    """Return a laboratory result as the bound that it is, and as the set's own answer."""
    import polars as pl

    there = {answer: bound for answer, bound in known.items() if bound}
    bounds = {answer: float(bound) for answer, (_, bound) in there.items()}
    signs = {answer: sign for answer, (sign, _) in there.items()}
    said = pl.col(name)
    number = said.replace_strict(bounds, default=None, return_dtype=pl.Float64)
    sign = said.replace_strict(signs, default=None, return_dtype=pl.String)
    at, own = _discharge(), pl.when(said != "None").then(said)
    return [
        Fact(number, code, _source(name), (), unit, sign, at, known_at=at),
        Fact(own, short(URI, name), f"{_source(name)}-said", time=at, known_at=at),
    ]


def _drug(name: str) -> list[Fact]:
    """Return a drug as an order of that stay, and what became of its dose."""
    import polars as pl

    given = pl.when(pl.col(name) != "No").then(pl.col(name))
    at = _discharge()
    first, *rest = (*DRUGS[name], f"text/{name}")
    order = Fact(given, first, _source(name, "MedicationRequest"), tuple(rest), time=START, end=at,
                 known_at=at, status="completed", bare=True)  # fmt: skip
    return [order, Fact(given, short(URI, name), _source(name), time=at, known_at=at)]
