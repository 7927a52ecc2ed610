"""PhysioNet/CinC Challenge 2012: the first 48 hours of intensive-care stays, and who died in hospital.

Source: Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Comput Cardiol 2012;39:245-248, and the challenge's page
(variables, units, -1 for what is not known). A folder holds set-*.csv.gz (RecordID,Time,Parameter,Value) and
Outcomes-*.csv.gz. SAPS-I, SOFA and Survival are not read at all; the length of stay dates the discharge.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.codes import DISPOSITION, SEX
from salus.core.errors import EvidenceError
from salus.core.evidence import Timeline
from salus.record.account import Reject
from salus.record.columns import NOTHING, NUMBER, TEXT
from salus.record.population import Population, timelines
from salus.record.sources.packed import digest, refused, table
from salus.record.sources.physionet2012_rows import BEGINS, read_part

if TYPE_CHECKING:
    import polars as pl

_DAY = timedelta(days=1)
# What is known only after the 48 hours is dated after them, however short the days say that a stay was.
_LEAST = timedelta(hours=48, minutes=1)
# HL7 v3 ActCode "inpatient acute", as MIMIC-IV on FHIR calls its ICU stays; SNOMED CT "Admission to intensive
# care unit".
_CLASS, _TYPE = "ActCode/ACUTE", "SNOMED/305351004"
# FHIR R4 encounter-discharge-disposition. Of those who left alive the set does not say where to.
_HOW = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_DIED, _LEFT = f"{_HOW}|exp", f"{_HOW}|oth"
# The set holds what was charted in the first 48 hours: so long each record is whole.
_WATCHED = timedelta(hours=48)
_ON_RECORD = "https://physionet.org/content/challenge-2012|hours-on-record"
_KEY, _DEATH, _DAYS = "RecordID", "In-hospital_death", "Length_of_stay"
_NOTES = (
    "The set has no dates: every stay begins at 2000-01-01T00:00Z.",
    "Its encounter is the whole stay in hospital from the admission to the ICU on: when the patient left the "
    "ICU is not in the set.",
)


def recognises(place: Path) -> bool:
    """Whether `place` is a folder in the shape of the set."""
    return place.is_dir() and bool(_sets(place)) and bool(_outcomes(place))


def _sets(place: Path) -> list[Path]:
    return sorted(place.glob("set-*.csv.gz"))


def _outcomes(place: Path) -> list[Path]:
    return sorted(place.glob("Outcomes-*.csv.gz"))


def population(place: Path) -> Population:
    """Return the stays of every set-* in `place`; rows that cannot be used are counted rejects.

    Raises EvidenceError for a file that is cut short or has other columns.
    """
    import polars as pl

    if not recognises(place):
        raise EvidenceError(f"'{place}' does not hold set-*.csv.gz and Outcomes-*.csv.gz: name their folder.")
    parts: list[Any] = []
    for path in _sets(place):
        parts.append(read_part(path, parts))
    stays = pl.concat([part.stays for part in parts])
    ends, rejects = _ends(_outcomes(place), stays)
    told = [part.rows for part in parts] + _about(stays.join(ends, on="case", how="left"))
    events = pl.concat([_whole(one) for one in told]).sort("subject", "time", "source")
    unknown = sum(part.unknown for part in parts)
    return Population(
        "physionet2012",
        "PhysioNet/CinC Challenge 2012: first 48 hours of ICU stays",
        events,
        stays.select("subject", "case", person="subject", site="site").sort("subject"),
        (*(reject for part in parts for reject in part.rejects), *rejects),
        (*_NOTES, f"{unknown} values are -1, which says that they are not known; they are no evidence."),
        digest([*_sets(place), *_outcomes(place)]),
        "Open Data Commons Attribution License v1.0 (ODC-By 1.0)",
        "Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Comput Cardiol 2012;39:245-248",
    )


def read(place: Path) -> Iterator[Timeline]:
    """Return the Timeline of every stay, from the same columns as `population`."""
    return timelines(population(place))


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with every column of a population's events."""
    import polars as pl

    instant = pl.Datetime("us")
    types: dict[str, Any] = {
        "subject": pl.String, "code": pl.String, "other_codes": pl.List(pl.String), "time": instant,
        "end": instant, "known_at": instant, "value_kind": pl.UInt8, "value": pl.Float64,
        "text_value": pl.String, "unit": pl.String, "comparator": pl.String, "status": pl.String,
        "source": pl.String,
    }  # fmt: skip
    there = set(rows.columns)
    return rows.select(
        pl.col(name).cast(of) if name in there else pl.lit(None, of).alias(name) for name, of in types.items()
    )


def _about(stays: pl.DataFrame) -> list[pl.DataFrame]:
    """Return who each stay is of, the stay itself, and how it ended where that is known."""
    import polars as pl

    start, encounter = pl.lit(BEGINS).alias("time"), pl.lit("Encounter/") + pl.col("case")
    people = stays.select(
        "subject", code=pl.lit(SEX), value_kind=pl.lit(TEXT), text_value=pl.col("sex").fill_null("unknown"),
        source="subject",
    )  # fmt: skip
    visits = stays.select(
        "subject", start, "end", code=pl.lit(_CLASS), other_codes=pl.concat_list(pl.lit(_TYPE)),
        known_at=pl.lit(BEGINS), value_kind=pl.lit(NOTHING), source=encounter,
        status=pl.when(pl.col("end").is_null()).then(pl.lit("unknown")).otherwise(pl.lit("finished")),
    )  # fmt: skip
    ended = stays.drop_nulls("died").select(
        "subject", code=pl.lit(DISPOSITION), time="end", known_at="end", value_kind=pl.lit(TEXT),
        text_value=pl.when("died").then(pl.lit(_DIED)).otherwise(pl.lit(_LEFT)),
        status=pl.lit("finished"), source=encounter,
    )  # fmt: skip
    until = pl.lit(BEGINS + _WATCHED).cast(pl.Datetime("us"))
    watched = stays.select(
        "subject", code=pl.lit(_ON_RECORD), time=until, known_at=until, value_kind=pl.lit(NUMBER),
        value=pl.lit(_WATCHED.total_seconds() / 3600), unit=pl.lit("h"), status=pl.lit("final"),
        source=pl.lit("Observation/") + pl.col("case") + pl.lit("-on-record"),
    )  # fmt: skip
    return [people, visits, watched, ended]


def _ends(paths: list[Path], stays: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
    """Return when each stay ended and whether by death (`case`, `end`, `died`), and the rows refused."""
    import polars as pl

    rejects: list[Reject] = []
    told = []
    for path in paths:
        rows = _judged(table(path, (_KEY, _DEATH, _DAYS)), stays)
        rejects += refused(path, rows.drop_nulls("reason"))
        told.append(rows.filter(pl.col("died").is_not_null() | pl.col("days").is_not_null()))
    every = pl.concat(told).group_by(pl.col(_KEY).alias("case"), maintain_order=True)
    # Two outcomes of one stay that differ tell neither.
    one = [pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()) for name in ("died", "days")]
    ends = every.agg(*(each.alias(name) for each, name in zip(one, ("died", "days"), strict=True)))
    least, days = pl.lit(_LEAST), pl.duration(days=pl.col("days").fill_null(0))
    span = pl.when(days > least).then(days).otherwise(least)
    return ends.select("case", "died", (pl.lit(BEGINS) + span).cast(pl.Datetime("us")).alias("end")), rejects


def _judged(read: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return outcomes with `died` and `days`, null where they are not known, and why a row is refused."""
    import polars as pl

    died, days = (pl.col(name).cast(pl.Float64, strict=False) for name in (_DEATH, _DAYS))
    told = read.with_columns(
        died=pl.when(died == 1).then(True).when(died == 0).then(False),
        days=pl.when(days.is_between(0, 10_000)).then(days),
    )
    stay = pl.col(_KEY).is_in(stays["case"].to_list())
    twice = pl.col(_KEY).count().over(_KEY) > 1
    return told.with_columns(
        reason=pl.when(~stay.fill_null(value=False)).then(pl.lit("an outcome of a stay that is in no set"))
        .when(twice & (pl.col("died").n_unique().over(_KEY) > 1))
        .then(pl.lit("another outcome of the stay differs"))
        .when(pl.col("died").is_null()).then(pl.lit("In-hospital_death is not known"))
    )  # fmt: skip
