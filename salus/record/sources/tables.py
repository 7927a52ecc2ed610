"""Published tables (one row a stay, one column a fact) on their way into a Population.

One parse with Polars, whole columns throughout. A table that is no longer whole is refused; a row or a field
that cannot be used is a counted reject, and what stands beside it is used. A field that cannot be read is an
event without a value: that something was measured is known, and not what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import EvidenceError
from salus.core.evidence import Timeline
from salus.record.account import Reject
from salus.record.columns import NOTHING, NUMBER, OF_A_ROW, TEXT, rows_of
from salus.record.fhir import timeline
from salus.record.sources.packed import digest, text, unreadable

if TYPE_CHECKING:
    import polars as pl

    from salus.record.population import Population

# The sets tell no dates: every case begins here.
START = datetime(2000, 1, 1, tzinfo=UTC)
BEGINS = (
    "The set tells no dates: every case begins at 2000-01-01T00:00Z, and only the time since then counts."
)
# Subjects whose Timelines are made at once.
_TOGETHER = 2_000
_LINE = "line"
# Begins the name of the column that says where another's field is there and cannot be read.
_HIDDEN = "hidden:"


def found(place: Path, name: str) -> Path | None:
    """Return the file `name` in the folder `place`, packed (``.gz``) or plain; None where there is none."""
    every = (place / f"{name}.gz", place / name)
    return next((path for path in every if path.is_file()), None)


@dataclass(slots=True)
class Table:
    """A table as it was read. rows: every field as text (null: blank or not known), and its `line` (1-based,
    the header is the first). digest: of the file as it lies there.
    """

    file: str
    rows: pl.DataFrame
    digest: str
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, wrong: pl.Series, reason: str) -> None:
        """Count the rows where `wrong` is true as rejects, and go on without them."""
        self.count(wrong, reason)
        self.rows = self.rows.filter(~wrong)

    def count(self, wrong: pl.Series, reason: str) -> None:
        """Count one reject, of a row or of a field, for each row where `wrong` is true."""
        lines = self.rows[_LINE].filter(wrong).to_list()
        self.rejects += [Reject(self.file, line, reason) for line in lines]

    def hide(self, name: str, wrong: pl.Series, reason: str) -> None:
        """Count the fields of column `name` where `wrong` is true; what they say is there and not known."""
        self.count(wrong, reason)
        self.rows = self.rows.with_columns(wrong.fill_null(value=False).alias(_HIDDEN + name))

    def needed(self, name: str, low: float, high: float, reason: str) -> None:
        """Make `name` numbers from `low` to `high`; a row without one is refused for that `reason`."""
        value = self._numbers(name, low, high)
        self.rows = self.rows.with_columns(value.alias(name))
        self.refuse(value.is_null(), reason)

    def _numbers(self, name: str, low: float, high: float) -> pl.Series:
        import polars as pl

        value = self.rows[name].cast(pl.Float64, strict=False)
        return value.set(~value.is_between(low, high).fill_null(value=True) | value.is_nan(), None)

    def number(self, name: str, low: float, high: float) -> None:
        """Make `name` numbers; what is none, or is outside `low` to `high`, is counted and not used."""
        said, value = self.rows[name], self._numbers(name, low, high)
        wrong = said.is_not_null() & value.is_null()
        self.hide(name, wrong, f"{name} is no number from {low:g} to {high:g}")
        self.rows = self.rows.with_columns(value.alias(name))

    def among(self, name: str, known: Mapping[str, str | None]) -> None:
        """Put what `known` says in place of each answer; one that it does not list is counted, not used."""
        import polars as pl

        said = self.rows[name]
        wrong = said.is_not_null() & ~said.is_in(list(known))
        self.hide(name, wrong, f"{name} has an answer that the set has not")
        put = said.replace_strict(dict(known), default=None, return_dtype=pl.String)
        self.rows = self.rows.with_columns(put.alias(name))


def read_table(place: Path, name: str, columns: Sequence[str], key: str, unknown: Sequence[str]) -> Table:
    """Return the table `name` in `place` with `columns`; `unknown` are the words that mean not known.

    Rows with too many or too few fields, without a `key`, or with one that stands twice are rejects. Raises
    EvidenceError when the file is away, broken off, no text, or has no such columns or no rows.
    """
    import polars as pl

    path = found(place, name)
    if path is None:
        raise EvidenceError(f"'{place}' holds no {name} (or {name}.gz): name the folder of the set.")
    lines = pl.Series(_LINE, text(path).split("\n")).str.strip_chars_end("\r")
    places = pl.Series(range(1, len(lines) + 1))
    width = lines.str.replace_all('"[^"]*"', "").str.count_matches(",", literal=True)
    whole = (width == width[0]) & (lines.str.count_matches('"', literal=True) % 2 == 0)
    torn = ~whole & (lines.str.strip_chars() != "")
    foreign = whole & lines.str.contains("\ufffd", literal=True)
    rows = _parsed(path, lines.filter(whole & ~foreign), columns)
    kept = places.filter(whole & ~foreign)[1:]
    table = Table(path.name, rows.with_columns(kept.alias(_LINE)), digest([path]))
    for wrong, reason in (
        (torn, "it has not as many fields as the header"),
        (foreign, "it is no UTF-8 text"),
    ):
        table.rejects += [Reject(path.name, at, reason) for at in places.filter(wrong)]
    told = pl.col(columns).str.strip_chars()
    table.rows = table.rows.with_columns(pl.when(~told.is_in(["", *unknown])).then(told).name.keep())
    table.refuse(table.rows[key].is_null(), f"it has no {key}")
    table.refuse(table.rows[key].is_duplicated(), f"its {key} stands on another line too")
    if table.rows.is_empty():
        raise EvidenceError(f"'{path}' holds no row that can be used: fetch the set anew.")
    return table


def _parsed(path: Path, lines: pl.Series, columns: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    try:
        rows = pl.read_csv("\n".join(lines).encode(), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise EvidenceError(f"'{path}' is no table ({type(error).__name__}): fetch it anew.") from None
    lacks = [name for name in columns if name not in rows.columns]
    if lacks:
        # Of a file without its header the first line is a person's: nothing of it is told.
        raise EvidenceError(
            f"'{path}' has no column {', '.join(lacks[:3])} in its first line: name the folder of the set "
            "as it is published, its header with it."
        )
    return rows.select(columns)


@dataclass(frozen=True, slots=True)
class Fact:
    """What one column of a table says of each subject, as one Event where it says anything.

    says: the column's expression; null is no event. A number or a text by its type; with `bare` it says only
    that there is one. code, others: of the event. source: the resource it is named as. time, end, known_at:
    expressions, null for none.
    """

    says: pl.Expr
    code: pl.Expr | str
    source: str
    others: tuple[str, ...] = ()
    unit: str | None = None
    comparator: pl.Expr | str | None = None
    time: pl.Expr | datetime | None = None
    end: pl.Expr | datetime | None = None
    known_at: pl.Expr | datetime | None = None
    status: str | None = "final"
    bare: bool = False


def events(table: Table, key: str, facts: Sequence[Fact]) -> pl.DataFrame:
    """Return the events of every row, sorted by subject and time; `subject` is ``Patient/<key>``."""
    import polars as pl

    named = table.rows.with_columns(pl.format("Patient/{}", pl.col(key)).alias("subject")).sort("subject")
    rows = named.with_row_index("at")
    every = pl.concat([made for fact in facts for made in (_of(rows, key, fact), _hidden(rows, key, fact))])
    ordered = every.sort("at", "time", maintain_order=True, nulls_last=False)
    return ordered.with_columns(rows["subject"].gather(ordered["at"]).alias("subject")).drop("at")


def _hidden(rows: pl.DataFrame, key: str, fact: Fact) -> pl.DataFrame:
    """Return what a fact cannot say since its field cannot be read: it is there, never "not measured"."""
    import polars as pl

    columns = [_HIDDEN + name for name in fact.says.meta.root_names() if _HIDDEN + name in rows.columns]
    can = not fact.bare and isinstance(fact.code, str)
    there = rows.filter(pl.any_horizontal(columns)) if columns and can else rows.clear()
    return unreadable(_of(there, key, replace(fact, says=pl.lit("x"), comparator=None)))


def _of(rows: pl.DataFrame, key: str, fact: Fact) -> pl.DataFrame:
    """Return the events of one fact."""
    import polars as pl

    said = rows.with_columns(fact.says.alias("says"), _literal(fact.code).alias("code"))
    there = said.filter(pl.col("says").is_not_null() & pl.col("code").is_not_null())
    number = there.schema["says"].is_numeric() and not fact.bare
    kind = NOTHING if fact.bare else NUMBER if number else TEXT
    none = pl.lit(None)
    moments = {"time": fact.time, "end": fact.end, "known_at": fact.known_at}
    return there.select(
        "at",
        "code",
        pl.lit(list(fact.others) or None, dtype=pl.List(pl.String)).alias("other_codes"),
        *(_moment(value).alias(name) for name, value in moments.items()),
        pl.lit(kind, dtype=pl.UInt8).alias("value_kind"),
        (pl.col("says") if number else none).cast(pl.Float64).alias("value"),
        (pl.col("says") if kind == TEXT else none).cast(pl.String).alias("text_value"),
        pl.lit(fact.unit, dtype=pl.String).alias("unit"),
        _literal(fact.comparator).cast(pl.String).alias("comparator"),
        pl.lit(fact.status, dtype=pl.String).alias("status"),
        pl.format(fact.source, pl.col(key)).alias("source"),
    )


def _literal(value: pl.Expr | str | None) -> pl.Expr:
    import polars as pl

    return pl.lit(value) if value is None or isinstance(value, str) else value


def _moment(value: pl.Expr | datetime | None) -> pl.Expr:
    import polars as pl

    if isinstance(value, datetime):
        value = pl.lit(value.astimezone(UTC).replace(tzinfo=None))
    return (pl.lit(None) if value is None else value).cast(pl.Datetime("us"))


def timelines(population: Population) -> Iterator[Timeline]:
    """Yield the Timeline of each subject, from the population's own columns."""
    import polars as pl

    every = population.events
    runs = every.select(pl.col("subject").rle()).unnest("subject")
    names, lengths, at = runs["value"].to_list(), runs["len"].to_list(), 0
    for first in range(0, len(names), _TOGETHER):
        sizes = lengths[first : first + _TOGETHER]
        rows = rows_of(every.slice(at, sum(sizes)).select(OF_A_ROW))
        at += sum(sizes)
        begins = 0
        for name, size in zip(names[first : first + _TOGETHER], sizes, strict=True):
            yield timeline(name, rows[begins : begins + size])
            begins += size
