"""The rows of the 2012 challenge: what each parameter is in standard codes and units, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from salus.core.codes import SEX
from salus.record.account import Reject
from salus.record.columns import NUMBER, TEXT
from salus.record.sources.packed import refused, table, unreadable

if TYPE_CHECKING:
    import polars as pl

# The set dates nothing: every stay begins at the same moment (UTC).
BEGINS = datetime(2000, 1, 1)
PUBLISHER = "https://physionet.org/content/challenge-2012"
ICU_TYPE = f"{PUBLISHER}|ICUType"
# Parameter -> its LOINC or SNOMED CT code and its UCUM unit (the challenge's page names the units).
PARAMETERS: dict[str, tuple[str, str]] = {
    "Age": ("LOINC/30525-0", "a"),
    "Albumin": ("LOINC/1751-7", "g/dL"),
    "ALP": ("LOINC/6768-6", "U/L"),
    "ALT": ("LOINC/1742-6", "U/L"),
    "AST": ("LOINC/1920-8", "U/L"),
    "Bilirubin": ("LOINC/1975-2", "mg/dL"),
    "BUN": ("LOINC/3094-0", "mg/dL"),
    "Cholesterol": ("LOINC/2093-3", "mg/dL"),
    "Creatinine": ("LOINC/2160-0", "mg/dL"),
    "DiasABP": ("LOINC/76213-8", "mm[Hg]"),
    "FiO2": ("LOINC/3150-6", "1"),
    "GCS": ("LOINC/9269-2", "{score}"),
    "Glucose": ("LOINC/2345-7", "mg/dL"),
    "HCO3": ("LOINC/1963-8", "mmol/L"),
    "HCT": ("LOINC/4544-3", "%"),
    "Height": ("LOINC/8302-2", "cm"),
    "HR": ("LOINC/8867-4", "/min"),
    "K": ("LOINC/2823-3", "mmol/L"),
    "Lactate": ("LOINC/2524-7", "mmol/L"),
    "MAP": ("LOINC/76214-6", "mm[Hg]"),
    # "Artificial ventilation": 1 at every moment at which the patient was ventilated, and nothing else.
    "MechVent": ("SNOMED/40617009", "1"),
    # The challenge's page says mmol/L; the numbers (half of them 1.8 to 2.2) are those of mg/dL, in which
    # most of people's are 1.7 to 2.4; in mmol/L that is 0.7 to 1.0.
    "Mg": ("LOINC/19123-9", "mg/dL"),
    "Na": ("LOINC/2951-2", "mmol/L"),
    "NIDiasABP": ("LOINC/76535-4", "mm[Hg]"),
    "NIMAP": ("LOINC/76536-2", "mm[Hg]"),
    "NISysABP": ("LOINC/76534-7", "mm[Hg]"),
    "PaCO2": ("LOINC/2019-8", "mm[Hg]"),
    "PaO2": ("LOINC/2703-7", "mm[Hg]"),
    "pH": ("LOINC/2744-1", "[pH]"),
    "Platelets": ("LOINC/777-3", "10*3/uL"),
    "RespRate": ("LOINC/9279-1", "/min"),
    "SaO2": ("LOINC/2708-6", "%"),
    "SysABP": ("LOINC/76215-3", "mm[Hg]"),
    "Temp": ("LOINC/8310-5", "Cel"),
    "TroponinI": ("LOINC/10839-9", "ug/L"),
    "TroponinT": ("LOINC/6598-7", "ug/L"),
    "Urine": ("LOINC/9187-6", "mL"),
    "WBC": ("LOINC/6690-2", "10*3/uL"),
    "Weight": ("LOINC/29463-7", "kg"),
}
# Parameters whose numbers stand for words, and the words.
ANSWERS: dict[str, dict[float, str]] = {
    "Gender": {0.0: "female", 1.0: "male"},
    "ICUType": {float(each): f"{PUBLISHER}/ICUType|{each}" for each in (1, 2, 3, 4)},
}
_CODES = {name: code for name, (code, _) in PARAMETERS.items()} | {"Gender": SEX, "ICUType": ICU_TYPE}
_UNITS = {name: unit for name, (_, unit) in PARAMETERS.items()}
_KEY = "RecordID"
_HEADER = (_KEY, "Time", "Parameter", "Value")
# Hours and minutes since the admission to the ICU.
_CLOCK = re.compile(r"(\d{2,3}):([0-5]\d)", re.ASCII)
_NOT_KNOWN = -1.0
_NO_NUMBER, _NO_ANSWER = "Value is no number", "Value is none of its answers"


class Part(NamedTuple):
    """One set-* file.

    rows: what it says, a row a value, but for the sex. stays: `subject`, `case`, `site`, and `sex`. rejects:
    what was refused. unknown: how many values are said not to be known.
    """

    rows: pl.DataFrame
    stays: pl.DataFrame
    rejects: list[Reject]
    unknown: int


def read_part(path: Path, taken: Sequence[Part]) -> Part:
    """Return what is in one set-* file, but for stays that one of the files before (`taken`) has too.

    Raises EvidenceError as `packed.table` does.
    """
    import polars as pl

    told = _judged(table(path, _HEADER))
    stays, twice = _stays(path, told, taken)
    told = told.join(twice.select("case"), on="case", how="anti", maintain_order="left")
    bad = told.filter(pl.col("reason").is_not_null())
    good = told.filter(pl.col("reason").is_null() & (pl.col("Parameter") != _KEY))
    known = good.filter(pl.col("value") != _NOT_KNOWN)
    sexes, unclear = _sexes(known.filter(pl.col("Parameter") == "Gender"))
    stays = stays.join(sexes, on="case", how="left", maintain_order="left")
    again = _reasons(twice, "a stay of this RecordID is in another set too: that one was taken")
    lines = refused(path, pl.concat([bad.select("line", "reason"), again, unclear]).sort("line"))
    measured = pl.concat([_rows(known.filter(pl.col("Parameter") != "Gender")), _unreadable(bad)])
    return Part(measured, stays, lines, good.height - known.height)


def _judged(read: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with their `case`, `minutes` and `value`, and the reason why one cannot be used."""
    import polars as pl

    known, coded = [*_UNITS, *ANSWERS], pl.col("Parameter").is_in([*ANSWERS])
    allowed = pl.any_horizontal(
        (pl.col("Parameter") == name) & pl.col("value").is_in(list(said)) for name, said in ANSWERS.items()
    )
    told = read.with_columns(
        pl.col(_KEY).alias("case"),
        _mapped(read["Time"], _minutes(read["Time"]), pl.Int64).alias("minutes"),
        pl.col("Value").cast(pl.Float64, strict=False).alias("value"),
    )
    whole = pl.col(_KEY).str.contains(r"^\d{1,18}$").fill_null(value=False)
    number = pl.col("value").is_finite().fill_null(value=False)
    reason = (
        pl.when(~whole).then(pl.lit("RecordID is no number"))
        .when(pl.col("Parameter") == _KEY).then(None)
        .when(pl.col("beyond") != 0).then(pl.lit("not as many fields as the first line"))
        .when(pl.col("Parameter").fill_null("") == "").then(pl.lit("no Parameter"))
        .when(~pl.col("Parameter").is_in(known)).then(pl.lit("a Parameter that the set does not define"))
        .when(pl.col("minutes").is_null()).then(pl.lit("Time is not hours and minutes"))
        .when(~number).then(pl.lit(_NO_NUMBER))
        .when(coded & ~allowed & (pl.col("value") != _NOT_KNOWN)).then(pl.lit(_NO_ANSWER))
    )  # fmt: skip
    return told.with_columns(reason.alias("reason"), pl.when(whole).then("case").alias("case"))


def _minutes(times: pl.Series) -> dict[str, int]:
    """Return the minutes of every time among `times` that is one."""
    found = {time: _CLOCK.fullmatch(time) for time in times.unique().drop_nulls().to_list()}
    return {time: 60 * int(clock[1]) + int(clock[2]) for time, clock in found.items() if clock}


def _mapped(words: pl.Series, meaning: Mapping[str, Any], kind: Any = None) -> pl.Series:
    """Return the meaning of each word, null without one; kind: of the meanings (default: text)."""
    import polars as pl

    # Said outright: of a file without a row, or without a good one, there is nothing to tell it by.
    return words.replace_strict(
        list(meaning), list(meaning.values()), default=None, return_dtype=kind or pl.String
    )


def _stays(path: Path, told: pl.DataFrame, taken: Sequence[Part]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the stays of a file with their first lines, and those that another file has too."""
    import polars as pl

    letter = path.name.removeprefix("set-").removesuffix(".csv.gz")
    first = told.drop_nulls("case").group_by("case", maintain_order=True).agg(pl.col("line").first())
    stays = first.with_columns(subject=pl.lit("Patient/") + pl.col("case"), site=pl.lit(letter))
    before = pl.concat([stays.select("case").clear(), *(part.stays.select("case") for part in taken)])
    twice = stays.join(before, on="case", how="semi", maintain_order="left")
    return stays.join(before, on="case", how="anti", maintain_order="left"), twice


def _reasons(rows: pl.DataFrame, why: str) -> pl.DataFrame:
    import polars as pl

    return rows.select("line", reason=pl.lit(why, pl.String))


def _sexes(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the one sex of each stay, and the lines of those of whom two are recorded."""
    import polars as pl

    said = rows.with_columns(many=pl.col("value").n_unique().over("case"))
    one = said.filter(pl.col("many") == 1).unique("case", maintain_order=True)
    sexes = one.select("case", sex=pl.col("value").replace_strict(ANSWERS["Gender"], default=None))
    return sexes, _reasons(said.filter(pl.col("many") > 1), "Gender differs from another row of the stay")


def _unreadable(bad: pl.DataFrame) -> pl.DataFrame:
    """Return what was charted and cannot be read: it is there, and is never "not measured"."""
    import polars as pl

    mine = pl.col("reason").is_in([_NO_NUMBER, _NO_ANSWER]) & (pl.col("Parameter") != "Gender")
    return unreadable(_rows(bad.filter(mine.fill_null(value=False))))


def _rows(known: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as events: what FHIR calls an Observation, named by the line that it came from."""
    import polars as pl

    name, code = known["Parameter"], pl.col("case")
    time = pl.lit(BEGINS).cast(pl.Datetime("us")) + pl.duration(minutes=pl.col("minutes"))
    coded = pl.col("Parameter") == "ICUType"
    return known.select(
        (pl.lit("Patient/") + code).alias("subject"),
        _mapped(name, _CODES).alias("code"),
        time.alias("time"),
        time.alias("known_at"),
        pl.when(coded).then(TEXT).otherwise(NUMBER).cast(pl.UInt8).alias("value_kind"),
        pl.when(~coded).then("value").alias("value"),
        pl.when(coded)
        .then(pl.col("value").replace_strict(ANSWERS["ICUType"], default=None))
        .alias("text_value"),
        _mapped(name, _UNITS).alias("unit"),
        pl.lit("final").alias("status"),
        (pl.lit("Observation/") + code + "-" + pl.col("line").cast(pl.String)).alias("source"),
    )
