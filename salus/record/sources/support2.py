"""SUPPORT2: 9,105 critically ill adults of five US centres, 1989-1994 (Vanderbilt Biostatistics; UCI 880).

Columns and their meaning: https://hbiostat.org/data/repo/supportdesc; Knaus WA et al., Ann Intern Med
1995;122:191-203. Why these codes and times: docs/decisions/0010-learning-sources.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.codes import DEATH, SEX, short
from salus.record.population import Population
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

NAME = "support2"
FILE = "support2.csv"
URI = "https://hbiostat.org/data/repo/support2"
KEY = "sno"
# Column: code, unit, and from where to where it is a number of that kind. What was measured on study day 3.
_DAY_3 = {
    "scoma": ("", "{score}", 0, 100),
    "sps": ("", "{score}", 0, 500),
    "aps": ("", "{score}", 0, 500),
    "meanbp": ("LOINC/8478-0", "mm[Hg]", 0, 375),
    "wblc": ("LOINC/6690-2", "10*3/uL", 0, 1000),
    "hrt": ("LOINC/8867-4", "/min", 0, 350),
    "resp": ("LOINC/9279-1", "/min", 0, 300),
    "temp": ("LOINC/8310-5", "Cel", 14, 47),
    "pafi": ("LOINC/50984-4", "mm[Hg]", 0, 1000),
    "alb": ("LOINC/1751-7", "g/dL", 0, 60),
    "bili": ("LOINC/1975-2", "mg/dL", 0, 100),
    "crea": ("LOINC/2160-0", "mg/dL", 0, 60),
    "sod": ("LOINC/2951-2", "mmol/L", 50, 250),
    "ph": ("LOINC/2744-1", "[pH]", 6, 8.5),
    "glucose": ("LOINC/2345-7", "mg/dL", 0, 3000),
    "bun": ("LOINC/3094-0", "mg/dL", 0, 500),
    "urine": ("LOINC/9192-6", "mL", 0, 30000),
    "surv2m": ("", "1", 0, 1),
    "surv6m": ("", "1", 0, 1),
    "prg2m": ("", "1", 0, 1),
    "prg6m": ("", "1", 0, 1),
}
# What was known when the study began.
_AT_ENTRY = {
    "age": ("LOINC/30525-0", "a", 0, 125),
    "num.co": ("", "1", 0, 50),
    "edu": ("", "a", 0, 60),
    "hday": ("", "d", 1, 1000),
}
# What is known when the stay is over.
_AFTER = {
    "adlp": ("", "{score}", 0, 7),
    "adls": ("", "{score}", 0, 7),
    "adlsc": ("", "{score}", 0, 8),
    "avtisst": ("", "{score}", 0, 200),
    "charges": ("", "{USD}", 0, 1e8),
    "totcst": ("", "{USD}", -1e6, 1e8),
    "totmcst": ("", "{USD}", -1e6, 1e8),
}
_WORDS_AT_ENTRY = ("dzgroup", "dzclass", "income", "ca")
# The set's own answers; its file cuts some of them short.
_WORDS = {
    "dzgroup": ("ARF/MOSF w/Sepsis", "CHF", "COPD", "Cirrhosis", "Colon Cancer", "Coma", "Lung Cancer",
                "MOSF w/Malig"),
    "dzclass": ("ARF/MOSF", "COPD/CHF/Cirrhosis", "Cancer", "Coma"),
    "income": ("under $11k", "$11-$25k", "$25-$50k", ">$50k"),
    "ca": ("no", "yes", "metastatic"),
    "dnr": ("no dnr", "dnr before sadm", "dnr after sadm"),
    "sfdm2": ("no(M2 and SIP pres)", "adl>=4 (>=5 if sur)", "SIP>=30", "Coma or Intub", "<2 mo. follow-up"),
    "diabetes": ("0", "1"), "dementia": ("0", "1"), "death": ("0", "1"), "hospdead": ("0", "1"),
    "sex": ("male", "female"),
}  # fmt: skip
_DAYS = {"slos": (0, 10_000), "d.time": (0, 50_000), "dnrday": (-10_000, 10_000)}
COLUMNS = (
    "sno", "age", "death", "sex", "hospdead", "slos", "d.time", "dzgroup", "dzclass", "num.co", "edu",
    "income", "scoma", "charges", "totcst", "totmcst", "avtisst", "race", "sps", "aps", "surv2m", "surv6m",
    "hday", "diabetes", "dementia", "ca", "prg2m", "prg6m", "dnr", "dnrday", "meanbp", "wblc", "hrt", "resp",
    "temp", "pafi", "alb", "bili", "crea", "sod", "ph", "glucose", "bun", "urine", "adlp", "adls", "sfdm2",
    "adlsc",
)  # fmt: skip
# CDC Race and Ethnicity, the codes of US Core's race and ethnicity extensions.
_RACE = "urn:oid:2.16.840.1.113883.6.238"
_RACES = {"white": "2106-3", "black": "2054-5", "hispanic": "2135-2", "asian": "2028-9", "other": "2131-1"}
# Day 3 is the third day of the study: it is over 72 hours after the start of the first.
_MEASURED = 3
_TWO_MONTHS = 60

NOTES = (
    BEGINS,
    "The case begins on the day on which the person entered the study; what was measured on day 3 counts as "
    "known at the end of that day.",
    "A day of death is known when it is over.",
    "The physicians' estimates of survival and the SUPPORT model's are events of day 3.",
    "Who was still alive at the end of the follow-up has an event that says so, and nothing later is known.",
    "Activities of daily living were asked of patients and surrogates on days that are not told, and are "
    "missing where somebody died before: they count as known when the stay is over.",
    "Education and income were asked too, and count as known at the start.",
)


def recognises(place: Path) -> bool:
    """Whether `place` is a folder that holds this set."""
    return found(place, FILE) is not None


def population(place: Path) -> Population:
    """Return every patient of the set in the folder `place`.

    Raises EvidenceError when its file is away, broken off or another one.
    """
    import polars as pl

    table = read_table(place, FILE, COLUMNS, KEY, ())
    _checked(table)
    subject = pl.format("Patient/{}", pl.col(KEY)).alias("subject")
    case = pl.col(KEY).alias("case")
    subjects = table.rows.select(subject, case, case.alias("person"), pl.lit(NAME).alias("site"))
    return Population(
        NAME,
        "SUPPORT2: Study to Understand Prognoses and Preferences for Outcomes and Risks of Treatments",
        events(table, KEY, _facts()),
        subjects.sort("subject"),
        tuple(table.rejects),
        NOTES,
        table.digest,
        "Creative Commons Attribution 4.0 International (CC BY 4.0)",
        "Knaus WA, Harrell FE, Lynn J, et al. Ann Intern Med 1995;122:191-203",
    )


def read(place: Path) -> Iterator[Timeline]:
    """Yield the Timeline of each patient in `place`."""
    yield from timelines(population(place))


def _checked(table: Table) -> None:
    """Bring the fields into the form in which they become events; count and leave out what cannot be."""
    for name, (_, _, low, high) in {**_AT_ENTRY, **_DAY_3, **_AFTER}.items():
        table.number(name, low, high)
    for name, (first, last) in _DAYS.items():
        table.number(name, first, last)
    for name, known in _WORDS.items():
        table.among(name, {one: one for one in known})
    table.among("race", {name: short(_RACE, code) for name, code in _RACES.items()})


def _entry() -> pl.Expr:
    """Return the moment at which every case begins."""
    import polars as pl

    return pl.lit(START.replace(tzinfo=None))


def _day(name: str) -> pl.Expr:
    """Return the moment at which the day in column `name` begins."""
    import polars as pl

    return _entry() + pl.duration(days=pl.col(name))


def _over(name: str) -> pl.Expr:
    """Return the moment at which the day in column `name` is over."""
    import polars as pl

    return _day(name) + pl.duration(days=1)


def _source(name: str) -> str:
    return f"Observation/{{}}-{COLUMNS.index(name) + 1}"


def _told(name: str, at: pl.Expr, code: str = "", unit: str | None = None) -> Fact:
    """Return what the column `name` says, known at `at`, under `code` or the publisher's own."""
    import polars as pl

    own = short(URI, name)
    others = (own,) if code else ()
    return Fact(pl.col(name), code or own, _source(name), others, unit, None, at, None, at)


def _facts() -> list[Fact]:
    import polars as pl

    entry, day_3 = _entry(), _entry() + pl.duration(days=_MEASURED)
    stay = Fact(pl.lit("x"), "ActCode/IMP", "Encounter/{}", time=_day_of_admission(), end=_over("slos"),
                known_at=entry, status="finished", bare=True)  # fmt: skip
    study = Fact(pl.lit("x"), short(URI, "study-entry"), "ResearchSubject/{}", time=entry, known_at=entry,
                 status="on-study", bare=True)  # fmt: skip
    return [
        *(stay, study),
        Fact(pl.col("sex"), SEX, "Patient/{}", status=None),
        Fact(pl.col("race"), "LOINC/32624-9", "Patient/{}", (short(URI, "race"),), status=None),
        *(_told(name, entry, code, unit) for name, (code, unit, _, _) in _AT_ENTRY.items()),
        *(_told(name, entry) for name in _WORDS_AT_ENTRY),
        *_had("diabetes", "SNOMED/73211009"),
        *_had("dementia", "SNOMED/52448006"),
        *(_told(name, day_3, code, unit) for name, (code, unit, _, _) in _DAY_3.items()),
        *_dnr(),
        *(_told(name, _over("slos"), "", unit) for name, (_, unit, _, _) in _AFTER.items()),
        *(_told(name, _over("slos"), "", "d" if name == "slos" else None) for name in ("slos", "hospdead")),
        _told("sfdm2", entry + pl.duration(days=_TWO_MONTHS)),
        *_end(),
    ]  # fmt: skip


def _day_of_admission() -> pl.Expr:
    """Return when the stay began: the study was entered on its day `hday`."""
    import polars as pl

    return _entry() - pl.duration(days=pl.col("hday").fill_null(1) - 1)


def _had(name: str, code: str) -> list[Fact]:
    """Return a comorbidity as a Condition, refuted where the set says that there is none."""
    import polars as pl

    said, at = pl.col(name), _entry()
    source, own = _source(name).replace("Observation", "Condition"), (short(URI, name),)
    return [
        Fact(
            pl.when(said == answer).then(said),
            code,
            source,
            own,
            time=at,
            known_at=at,
            status=status,
            bare=True,
        )
        for answer, status in (("1", "active"), ("0", "refuted"))
    ]


def _dnr() -> list[Fact]:
    """Return an order not to resuscitate on its day, and that there was none when the stay is over."""
    import polars as pl

    said, own, over = pl.col("dnr"), short(URI, "dnr"), _over("dnrday")
    ordered, none = pl.when(said != "no dnr").then(said), pl.when(said == "no dnr").then(said)
    on, day = _day("dnrday"), pl.when(said != "no dnr").then(pl.col("dnrday"))
    return [
        Fact(ordered, "SNOMED/304253006", _source("dnr"), (own,), time=on, known_at=over),
        Fact(none, own, _source("dnr"), time=_over("slos"), known_at=_over("slos")),
        Fact(day, short(URI, "dnrday"), _source("dnrday"), unit="d", time=on, known_at=over),
    ]


def _end() -> list[Fact]:
    """Return the death, or until when the person is known to have lived; and the days as they are told."""
    import polars as pl

    died = pl.when(pl.col("death") == "1").then(pl.lit("x"))
    lived = pl.when(pl.col("death") == "0").then(pl.col("d.time"))
    return [
        Fact(died, DEATH, "Patient/{}", time=_day("d.time"), end=_over("d.time"), known_at=_over("d.time"),
             status=None, bare=True),
        Fact(lived, short(URI, "d.time"), _source("d.time"), unit="d", time=_day("d.time"),
             known_at=_over("d.time")),
    ]  # fmt: skip
