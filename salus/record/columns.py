"""Rows of evidence as columns and back: the MEDS shape (subject, time, code, value) with its provenance.

Source: MEDS 0.4 data schema; numeric_value is its 32-bit number, `value` the number as it was read. Times are
UTC without a zone, as MEDS wants them; the code of a row is its chosen coding, the rest are `other_codes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from salus.core.evidence import Absence, Value
from salus.record.fhir_rows import Row

if TYPE_CHECKING:
    import polars as pl

    from salus.record.sheets import Taken

NOTHING, NUMBER, TEXT, TRUTH, ABSENT = range(5)
# What a Timeline is made from, in the order of a Row.
OF_A_ROW = ("code", "other_codes", "time", "end", "known_at", "value_kind", "value", "text_value",
            "unit", "comparator", "status", "source")  # fmt: skip
_TRUTH = {True: "true", False: "false"}


class Vocabulary(dict[tuple[str, ...], int]):
    """Numbers the codings that occur, so that a row carries one small number."""

    def __missing__(self, codes: tuple[str, ...]) -> int:
        self[codes] = number = len(self)
        return number


@cache
def loose() -> dict[str, Any]:
    """Return the schema of rows before their codes are written out."""
    import polars as pl

    return {
        "code": pl.UInt32, "time": pl.Int64, "end": pl.Int64, "known_at": pl.Int64,
        "value_kind": pl.UInt8, "value": pl.Float64, "text_value": pl.String, "unit": pl.String,
        "comparator": pl.String, "status": pl.String,
    }  # fmt: skip


class Columns:
    """Evidence column by column, as it gathers.

    source: of each row; empty where all are named as the resources that they came from.
    """

    __slots__ = ("codes", "comparator", "end", "known", "source", "status", "time", "unit", "values")

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.time: list[int | None] = []
        self.end: list[int | None] = []
        self.known: list[int | None] = []
        self.values: list[Value] = []
        self.unit: list[str | None] = []
        self.comparator: list[str | None] = []
        self.status: list[str | None] = []
        self.source: list[str] = []

    def add(self, taken: Taken) -> None:
        """Add the columns of one batch."""
        made = taken.made
        self.codes += made.codes
        self.time += made.time
        self.end += made.end
        self.known += made.known
        self.status += made.status
        values, units, comparators = zip(*made.values, strict=True) if made.values else ((), (), ())
        self.values += values
        self.unit += units
        self.comparator += comparators


def from_rows(rows: Sequence[Row], words: Vocabulary) -> Columns:
    """Return rows as columns."""
    made = Columns()
    codes, *rest = (list(column) for column in zip(*rows, strict=True))
    made.time, made.end, made.known, made.values, made.unit, made.comparator, made.status, made.source = rest
    made.codes = [words[one] for one in codes]
    return made


def framed(columns: Columns, whose: pl.DataFrame, at: list[int]) -> pl.DataFrame:
    """Return columns as a DataFrame of the loose schema, beside the rows of `whose` at the places `at`."""
    import polars as pl

    kinds, numbers, texts = _apart(columns.values)
    named: dict[str, list[Any]] = {
        "code": columns.codes, "time": columns.time, "end": columns.end, "known_at": columns.known,
        "value_kind": kinds, "value": numbers, "text_value": texts, "unit": columns.unit,
        "comparator": columns.comparator, "status": columns.status,
    }  # fmt: skip
    types = loose()
    made = pl.DataFrame([pl.Series(name, column, dtype=types[name]) for name, column in named.items()])
    made = made.hstack(whose[pl.Series(at, dtype=pl.UInt32)])
    if columns.source:
        return made.with_columns(pl.Series("source", columns.source, dtype=pl.String))
    return made


def _apart(values: list[Value]) -> tuple[list[int], list[Any], list[Any]]:
    """Return the kind, the number and the text of each value."""
    types = set(map(type, values)) - {type(None)}
    # In most files all values are of one kind.
    if types <= {float}:
        return [NOTHING if value is None else NUMBER for value in values], values, [None] * len(values)
    if types <= {str}:
        return [NOTHING if value is None else TEXT for value in values], [None] * len(values), values
    numbers = [value if value.__class__ is float else None for value in values]
    texts = [value if value.__class__ is str else None for value in values]
    kinds = [_KINDS[value.__class__] for value in values]
    if TRUTH in kinds or ABSENT in kinds:
        for at, kind in enumerate(kinds):
            if kind == TRUTH:
                texts[at] = _TRUTH[values[at]]  # type: ignore[index]
            elif kind == ABSENT:
                texts[at] = str(values[at])
    return kinds, numbers, texts


_KINDS = {type(None): NOTHING, float: NUMBER, str: TEXT, bool: TRUTH, Absence: ABSENT}


def finished(rows: pl.DataFrame, words: pl.DataFrame) -> pl.DataFrame:
    """Return loose rows in the archive's own columns.

    words: columns `code` and `other_codes` by number.
    """
    import polars as pl

    number = rows["code"]
    instants = [pl.col(name).cast(pl.Datetime("us")) for name in ("time", "end", "known_at")]
    return rows.with_columns(
        *instants,
        words["code"].gather(number).alias("code"),
        words["other_codes"].gather(number).alias("other_codes"),
        pl.col("value").cast(pl.Float32).alias("numeric_value"),
    ).select(ARCHIVED)


def nothing() -> pl.DataFrame:
    """Return the archive's columns without a row."""
    import polars as pl

    place = {"subject_id": pl.Int64, "file": pl.String, "line": pl.UInt32, "order": pl.Int64}
    return finished(pl.DataFrame(schema={**loose(), **place, "source": pl.String}), word_list(()))


# The columns of the archive: MEDS's own first.
ARCHIVED = ("subject_id", "time", "code", "numeric_value", "text_value", "value_kind", "value", "unit",
            "comparator", "end", "known_at", "status", "source", "other_codes", "file", "line",
            "order")  # fmt: skip


def word_list(every: Sequence[tuple[str, ...]]) -> pl.DataFrame:
    """Return codings by number as columns: the chosen code, and the others (null when there are none)."""
    import polars as pl

    numbered = [(number, code) for number, codes in enumerate(every) for code in codes[1:]]
    others = pl.DataFrame(numbered, {"number": pl.UInt32, "other_codes": pl.String}, orient="row")
    chosen = pl.DataFrame({"code": [codes[0] for codes in every]}, {"code": pl.String}).with_row_index(
        "number"
    )
    listed = others.group_by("number").agg("other_codes")
    return chosen.join(listed, on="number", how="left", maintain_order="left").drop("number")


def rows_of(columns: pl.DataFrame) -> list[Row]:
    """Return archived columns (at least `OF_A_ROW`) as rows."""
    import polars as pl

    plain = columns.select(
        pl.col(name).to_physical() if name in ("time", "end", "known_at") else name for name in OF_A_ROW
    )
    code, others, time, end, known, kinds, numbers, texts, *rest = (one.to_list() for one in plain)
    codes = [(one, *more) if more else (one,) for one, more in zip(code, others, strict=True)]
    values = map(_together, kinds, numbers, texts)
    return list(zip(codes, time, end, known, values, *rest, strict=True))


def _together(kind: int, number: float | None, text: str | None) -> Value:
    if kind == NUMBER:
        return number
    if kind == TEXT:
        return text
    if kind == TRUTH:
        return text == "true"
    return Absence(text) if kind == ABSENT and text is not None else None
