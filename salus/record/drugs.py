"""Which drug an order meant, and when: the versions of a Medication that orders name by reference.

An order without a code of its own is called what its Medication is called. When that is corrected, the order
is called so too, and what it was called before is kept beside it as superseded evidence. A Medication has no
date of its own in FHIR R4; a version counts from its `meta.lastUpdated`, and one without for every instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from salus.core.errors import EvidenceError
from salus.record import rest, versions
from salus.record.fhir_decode import Near
from salus.record.fhir_kinds import MEDICATED
from salus.record.fhir_terms import canonical, drug
from salus.record.fhir_types import MALFORMED, NOTHING, Medicated
from salus.record.intake import CONTEXT, EVENTS, ORDER_BITS
from salus.record.versions import Copy

if TYPE_CHECKING:
    import polars as pl

    from salus.record.verbatim import Original

_FILE = "drugs.parquet"
_ALWAYS = datetime.min
_medicated = msgspec.json.Decoder(Medicated).decode


class Called(NamedTuple):
    """What a Medication was called from `start` until `end`; None: for ever."""

    codes: tuple[str, ...]
    start: datetime | None
    end: datetime | None


def history(rows: pl.DataFrame, first: int, original: Original) -> dict[str, list[Called]]:
    """Return what each Medication was called of which a copy was read, from order `first` on, unlike another.

    rows: one part of the index.
    """
    import polars as pl

    mine = rows.filter(pl.col("source").str.starts_with("Medication/") & (pl.col("fate") == CONTEXT))
    if not mine["source"].is_duplicated().any():
        return {}
    told = (pl.col("order") >= first).any().over("source") & (pl.len().over("source") > 1)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in mine.filter(told).sort("order").iter_rows(named=True):
        found.setdefault(row["source"], []).append(row)
    differ = {source: copies for source, copies in found.items() if _differ(copies, first, original)}
    lines = {source: _line(copies, source, original) for source, copies in differ.items()}
    return {source: line for source, line in lines.items() if line}


def _differ(copies: list[dict[str, Any]], first: int, original: Original) -> bool:
    """Whether any new copy is unlike the one before it: exports send most of them again and again."""
    at = max(next(at for at, row in enumerate(copies) if row["order"] >= first) - 1, 0)
    return len({_raw(row, original) for row in copies[at:]}) > 1


def _raw(row: dict[str, Any], original: Original) -> bytes:
    return original.get(row["order"] >> ORDER_BITS, row["frame"], row["offset"], row["length"])


def _line(copies: list[dict[str, Any]], source: str, original: Original) -> list[Called]:
    """Return what the copies call it, the oldest first; nothing where they all call it the same."""
    told: dict[int, tuple[tuple[str, ...], versions.Version]] = {}
    for row in copies:
        raw, near = _raw(row, original), Near()
        near.keep(source, raw)
        if source in near.medications:
            told[row["order"]] = (near.medications[source], versions.version(raw))
    places = [copy.place for copy in versions.ordered([Copy(at, one[1]) for at, one in told.items()])]
    stands = [row["order"] for row in copies if row["stands"] and row["order"] in told]
    places = [at for at in places if at not in stands] + stands
    if len({told[at][0] for at in places}) < 2:
        return []
    kept = places[:1] + [at for before, at in pairwise(places) if told[before][0] != told[at][0]]
    return called([(told[at][0], told[at][1].updated) for at in kept])


def called(line: list[tuple[tuple[str, ...], datetime | None]]) -> list[Called]:
    """Return when each of the codes in `line` (with the moment from which they count) held, oldest first.

    Whichever newer ones counted first ended them: the third may have counted before the second.
    """
    starts = [moment and moment.astimezone(UTC).replace(tzinfo=None) for _, moment in line]
    found: list[Called] = []
    for at, (codes, _) in enumerate(line):
        start = starts[at] if at else None
        end = min((moment or _ALWAYS for moment in starts[at + 1 :]), default=None)
        if end is None or (start or _ALWAYS) < end:
            found.append(Called(codes, start, end))
    return found


def orders_of(
    old: Iterable[Path],
    new: Iterable[Path],
    drugs: Iterable[str],
    kept: pl.Series,
    told_by: tuple[Original, Near],
) -> pl.DataFrame:
    """Return `order`, `source` and `drug` of the evidence of the last generation that names one of `drugs`.

    old, new: files of the index of the last generation and of the next. kept: the orders of superseded copies
    whose evidence is kept. told_by: the orders, and what they refer to. Each order is looked up in its
    own text: only where a Medication was corrected.
    """
    import polars as pl

    names, (original, near) = {one: one for one in drugs}, told_by
    told = rest.scan(list(new)).filter(pl.col("source").is_in(list(names)) & pl.col("url").is_not_null())
    names |= {url: source for url, source in told.select("url", "source").collect().iter_rows()}
    kinds = pl.col("source").str.split("/").list.first().is_in(sorted(MEDICATED))
    stood = pl.col("stands") | pl.col("order").is_in(kept.implode())
    found: list[tuple[int, str, str]] = []
    for path in old:
        rows = rest.scan(path).filter(kinds & stood & (pl.col("fate") == EVENTS)).sort("order")
        place = rows.select("order", "source", "frame", "offset", "length").collect()
        for order, source, *where in place.iter_rows():
            drug = names.get(_named(original.get(order >> ORDER_BITS, *where), near))
            if drug:
                found.append((order, source, drug))
    return pl.DataFrame(found, links(), orient="row")


def links() -> dict[str, Any]:
    """Return the schema of what says which evidence is called as which Medication is."""
    import polars as pl

    return {"order": pl.Int64, "source": pl.String, "drug": pl.String}


def _named(raw: bytes, near: Near) -> str:
    """Return the reference by which an order names its drug; "" where it says itself which."""
    if b"medicationReference" not in raw:
        return ""
    try:
        told = _medicated(raw)
        own = told.medicationCodeableConcept is not NOTHING and drug(bytes(told.medicationCodeableConcept))
    except (*MALFORMED, EvidenceError):
        return ""
    named = told.medicationReference
    address = "" if own or named is None else named.reference or ""
    return near.called(address, canonical(address))


def framed(lines: dict[str, list[Called]]) -> pl.DataFrame:
    """Return what Medications were called as columns."""
    import polars as pl

    rows = [
        (name, one.codes[0], list(one.codes[1:]) or None, one.start, one.end)
        for name, line in lines.items()
        for one in line
    ]
    return pl.DataFrame(rows, _schema(), orient="row")


def _schema() -> dict[str, Any]:
    import polars as pl

    moment = pl.Datetime("us")
    return {
        "drug": pl.String, "code": pl.String, "other_codes": pl.List(pl.String),
        "start": moment, "end_at": moment,
    }  # fmt: skip


def load(metadata: Path) -> pl.DataFrame:
    """Return what the last generation knew of it; nothing where no Medication was ever corrected."""
    import polars as pl

    path = metadata / _FILE
    return rest.read(path) if path.exists() else pl.DataFrame(schema=_schema())


def keep(metadata: Path, lines: pl.DataFrame) -> None:
    """Keep it for the next read."""
    if lines.height:
        rest.write(lines, metadata / _FILE)


class Named(NamedTuple):
    """Evidence after its drugs were named: what stands, what was superseded, ``Type/id`` of what changed."""

    stands: pl.DataFrame
    past: pl.DataFrame | None
    changed: list[str]


def named(
    stands: pl.DataFrame, past: pl.DataFrame | None, linked: pl.DataFrame, lines: pl.DataFrame, first: int
) -> Named:
    """Call each linked row what its Medication is called, and keep beside it what it was called before.

    past: superseded rows, each once, with `until` and without a `drug`. changed: of what was read before
    `first`.
    """
    import polars as pl

    if not linked.height:
        return Named(stands, past, [])
    stands, shown = _apart(stands.with_columns(pl.lit(None, pl.Datetime("us")).alias("until")), linked, lines)
    now = shown.filter(pl.col("until").is_null())
    differs = pl.col("code").ne_missing(pl.col("was")) | pl.col("other_codes").ne_missing(pl.col("were"))
    changed = now.filter(differs & (pl.col("order") < first))["source"].to_list()
    found = [shown.filter(pl.col("until").is_not_null())]
    stands = pl.concat([stands, now.select(stands.columns)]).drop("until")
    if past is not None:
        plain, before = _apart(past, linked, lines)
        found += [plain.with_columns(pl.lit(None, pl.String).alias("drug")), before]
    columns = [*stands.columns, "until", "drug"]
    every = pl.concat([one.select(columns) for one in found])
    sort = ("subject_id", "time")
    past = every.sort(sort, maintain_order=True) if every.height else None
    return Named(stands.sort(sort, maintain_order=True), past, changed)


def _apart(
    rows: pl.DataFrame, linked: pl.DataFrame, lines: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that are not linked, and the others as often as they were called something else.

    `drug` marks those of them that stand beside the row itself; `was` and `were` are the codes that it had.
    """
    import polars as pl

    on = ["order", "source"]
    plain = rows.join(linked, on=on, how="anti", maintain_order="left", nulls_equal=True)
    mine = rows.join(linked, on=on, maintain_order="left").rename({"code": "was", "other_codes": "were"})
    known = pl.col("known_at").fill_null(_ALWAYS)
    until = pl.min_horizontal("until", "end_at")
    shown = mine.join(lines, on="drug", maintain_order="left").filter(
        (pl.col("start").is_null() | pl.col("until").is_null() | (pl.col("start") < pl.col("until")))
        & (until.is_null() | (until > known))
    )
    beside = until.ne_missing(pl.col("until"))
    drug = pl.when(beside).then(pl.col("drug")).alias("drug")
    return plain, shown.with_columns(drug, until.alias("until"))


def bases(past: pl.DataFrame | None) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """Return superseded rows each once, without what they were called meanwhile; and which are linked."""
    import polars as pl

    if past is None or "drug" not in past.columns:
        return past, pl.DataFrame(schema=links())
    plain = past.filter(pl.col("drug").is_null()).drop("drug")
    told = past.filter(pl.col("drug").is_not_null()).select(*links()).unique(maintain_order=True)
    return (plain if plain.height else None), told


def referring(rows: pl.DataFrame, references: dict[int, str]) -> pl.DataFrame:
    """Return what of loose `rows` is linked. references: Medications by the number of their word."""
    import polars as pl

    if not references:
        return pl.DataFrame(schema=links())
    numbers = pl.DataFrame(
        {"code": list(references), "drug": list(references.values())}, {"code": pl.UInt32, "drug": pl.String}
    )
    return rows.join(numbers, on="code").select(*links())


def references(words: Iterable[tuple[str, ...]], drugs: Iterable[str]) -> dict[int, str]:
    """Return the numbers of the words that are references to one of `drugs`."""
    wanted = frozenset(drugs)
    return dict(_numbered(words, wanted))


def _numbered(words: Iterable[tuple[str, ...]], wanted: frozenset[str]) -> Iterator[tuple[int, str]]:
    for number, codes in enumerate(words):
        if codes[0] in wanted:
            yield number, codes[0]
