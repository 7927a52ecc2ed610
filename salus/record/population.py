"""A population: the evidence of many subjects as columns, from a published set or an archive, with its
account.

Events have the archive's own columns (see `record.columns`: code, other_codes, time, end, known_at,
value_kind, value, text_value, unit, comparator, status, source; times in UTC without a zone), and `subject`,
by which they are sorted, then by time. Who is whose (`person`) serves to split without a leak, and is never a
feature.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from salus.core.errors import UserError, choices
from salus.record.account import Reject

if TYPE_CHECKING:
    import polars as pl

    from salus.core.evidence import Timeline
    from salus.record.archive import Archive


# Four fifths of the people, and the rest, where a set does not come in parts of its own.
SHARES = ("train", "test")


@dataclass(frozen=True, slots=True)
class Population:
    """Many subjects' evidence.

    name: of the set ("physionet2012"), or the archive's folder name. events: the columns named above.
    subjects: columns `subject`, `case` (the set's own key; null where it has none), `person` (whoever shares
    it is one person) and `site` (the part of the set it is from). rejects: rows that could not be used, each
    with file, line and reason. notes: what else the reader should know, in whole sentences. digest: SHA-256
    of the files read.
    """

    name: str
    title: str
    events: pl.DataFrame
    subjects: pl.DataFrame
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]
    digest: str
    licence: str
    cite: str
    published: bool = True

    @property
    def licence_basis(self) -> str:
        """On which basis a published set is opened: its licence; a site's own records have none."""
        return f"published set, {self.licence}" if self.published else ""


def part_of(found: Population, part: str) -> Population:
    """Return the part of a set that is called `part`: its `site`, or one of SHARES, split by person.

    Raises UserError where it has none of that name.
    """
    import polars as pl

    sites = found.subjects["site"].unique().drop_nulls().to_list()
    if part in SHARES and part not in sites:
        held = pl.Series([_is_held_out(person) for person in found.subjects["person"]], dtype=pl.Boolean)
        subjects = found.subjects.filter(held if part == "test" else ~held)
    else:
        subjects = found.subjects.filter(pl.col("site") == part)
    if subjects.is_empty():
        known = choices(part, [*sites, *SHARES])
        raise UserError(f"'{found.name}' has no part '{part}'. Choose one of: {known}.")
    return replace(
        found,
        title=f"{found.title}, part {part}",
        digest=f"{found.digest}#{part}",
        subjects=subjects,
        events=found.events.filter(pl.col("subject").is_in(subjects["subject"].implode())),
    )


def _is_held_out(person: str) -> bool:
    """Whether a person is of the fifth that is held out, by SHA-256: the same one everywhere and always."""
    return int(sha256(f"held out: {person}".encode()).hexdigest()[:8], 16) % 5 == 0


def carrying(events: pl.DataFrame | pl.LazyFrame, wanted: Callable[[str], bool]) -> pl.Expr:
    """Whether an event carries a code that is `wanted`, as its chosen code or as another."""
    import polars as pl

    lazy = events.lazy()
    chosen = lazy.select(pl.col("code").unique()).collect()["code"]
    more = lazy.filter(pl.col("other_codes").is_not_null()).select(pl.col("other_codes").explode().unique())
    others = [code for code in more.collect()["other_codes"] if wanted(code)]
    found = pl.col("code").is_in([code for code in chosen if wanted(code)])
    if not others:
        return found
    also = pl.col("other_codes").list.eval(pl.element().is_in(others)).list.any()
    return found | also.fill_null(value=False)


def of_archive(archive: Archive, wanted: Callable[[str], bool]) -> Population:
    """Return all evidence of an archive that carries a code that is `wanted`, merged people as one.

    What a correction replaced is there too, with `until`, so that the gate shows what stood at each moment;
    and `labels`, where any resource carries security labels.
    """
    import polars as pl

    scanned = archive.scan()
    found = scanned.filter(carrying(scanned, wanted)).collect()
    found = found.with_columns(until=pl.lit(None, pl.Datetime("us")))
    before = archive.superseded()
    if before is not None:
        found = pl.concat([found, before.filter(carrying(before, wanted)).select(found.columns)])
    hidden = _refused(archive, wanted, found)
    numbered = archive.numbered()
    whose = pl.Series("canonical", map(archive.identities.canonical, numbered["subject"]), pl.String)
    numbered = numbered.with_columns(whose)
    events = found.join(numbered.select("subject_id", pl.col("canonical").alias("subject")), on="subject_id")
    events = pl.concat([events, hidden.select(events.columns)])
    labels = archive.labels()
    if labels is not None:
        events = events.join(labels, on="source", how="left", maintain_order="left")
    people = numbered.group_by("canonical", maintain_order=True).agg(pl.col("last").max().alias("whole_at"))
    return Population(
        name=archive.root.name,
        title=f"the archive '{archive.root.name}', generation {archive.generation}",
        events=events.sort("subject", "time", maintain_order=True),
        subjects=people.select(
            pl.col("canonical").alias("subject"),
            pl.lit(None, pl.String).alias("case"),
            pl.col("canonical").alias("person"),
            pl.lit("archive").alias("site"),
            "whole_at",
        ),
        rejects=(),
        notes=(),
        digest=f"{archive.manifest.id}/{archive.generation}",
        licence="the site's own records",
        cite="",
        published=False,
    )


def _refused(archive: Archive, wanted: Callable[[str], bool], like: pl.DataFrame) -> pl.DataFrame:
    """Return what was refused, as events that say nothing: it is there, and is never "not measured"."""
    import polars as pl

    from salus.record.columns import ABSENT

    told = [
        (archive.identities.canonical(subject), row)
        for subject, rows in archive.refusals().items()
        for row in rows
        if any(map(wanted, row[0]))
    ]
    rows = pl.DataFrame(
        {
            "subject": [subject for subject, _ in told],
            "code": [row[0][0] for _, row in told],
            "other_codes": [list(row[0][1:]) or None for _, row in told],
            "time": [row[1] for _, row in told],
            "known_at": [row[3] for _, row in told],
            "text_value": [str(row[4]) for _, row in told],
            "status": [row[7] for _, row in told],
            "source": [row[8] for _, row in told],
        },
        strict=False,
    )
    none = [pl.lit(None, of).alias(name) for name, of in like.schema.items() if name not in rows.columns]
    whole = rows.with_columns(*none).with_columns(value_kind=pl.lit(ABSENT))
    return whole.select("subject", *(pl.col(name).cast(of) for name, of in like.schema.items()))


def timelines(found: Population, subjects: Collection[str] | None = None) -> Iterator[Timeline]:
    """Yield the Timeline of every subject (or of `subjects`), in the order of the events."""
    import polars as pl

    from salus.record.columns import rows_of
    from salus.record.fhir import timeline
    from salus.record.marked import marked

    mine = found.events if subjects is None else found.events.filter(pl.col("subject").is_in(list(subjects)))
    for rows in mine.partition_by("subject", maintain_order=True):
        yield marked(timeline(rows["subject"][0], rows_of(rows)), _labels_of(rows))


def _labels_of(rows: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the security labels of a subject's rows, by resource."""
    if "labels" not in rows.columns:
        return {}
    told = rows.select("source", "labels").drop_nulls().iter_rows()
    return {source: tuple(labels) for source, labels in told}
