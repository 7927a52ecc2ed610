"""The fast engine: the features of a population's cases from gated columns, equal to `features.measured`.

Most rows hold a number in the unit that is asked for, and go straight through; what does not is read by the
one reading rule (`parameters.read`), once for each different entry. Values of one minute are averaged in the
order of their size, so that the order of rows cannot matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from salus.core.codes import BIRTH
from salus.core.evidence import UNREADABLE, Absence, Event
from salus.core.measures import USABLE, Measure
from salus.learning.features import AGE, DECIMALS, HOUR, MINUTE, OPERATORS, Feature, Window
from salus.learning.parameters import HIDDEN_VALUE, Category, Parameter, begins, is_impossible, read, stems_of

if TYPE_CHECKING:
    import polars as pl

# What of the gated columns is looked at; value_kind as the archive writes it.
COLUMNS = ("subject", "code", "other_codes", "time", "value_kind", "value", "text_value", "unit",
           "comparator", "status", "source")  # fmt: skip
_NUMBER, _TEXT, _TRUTH, _ABSENT = 1, 2, 3, 4
_NAN = float("nan")
_AGE_AT_START = "age at start"


@dataclass(frozen=True, slots=True)
class Table:
    """The features of many cases. values: one row a case, one column a feature, in the order of the cases.

    hidden: columns `row`, `parameter` and `kept_back`, of each case the parameters of which something is
    there and not shown (kept back), or nothing but what is impossible. impossible: by parameter, how many
    numbers were passed over that no patient can have.
    """

    values: pl.DataFrame
    hidden: pl.DataFrame
    impossible: Mapping[str, int]


def table(
    events: pl.DataFrame, cases: pl.DataFrame, parameters: Sequence[Parameter], features: Sequence[Feature]
) -> Table:
    """Return the features of each case.

    events: gated columns of what each case may see, with `row`, the place of the case in `cases`. cases:
    columns `start` and `moment`, in UTC without a zone.
    """
    import polars as pl

    placed = cases.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
        pl.col("start").cast(pl.Int64),
        ((pl.col("moment").cast(pl.Int64) - pl.col("start").cast(pl.Int64)) / HOUR).alias("length"),
    )
    found, impossible = _readings(events, placed, parameters)
    # Where nothing else was recorded, what is impossible is there and not known: it is no "not measured".
    read = found.filter(~pl.col("hidden")).select("row", "parameter")
    wrong = impossible.unique().join(read, on=("row", "parameter"), how="anti")
    shut = found.filter(pl.col("hidden")).select("row", "parameter", pl.lit(value=True).alias("kept_back"))
    wrong = wrong.with_columns(pl.lit(value=False).alias("kept_back"))
    hidden = pl.concat([shut, wrong]).group_by("row", "parameter").agg(pl.col("kept_back").any())
    names = pl.DataFrame({"parameter": [one.name for one in parameters]}).with_row_index("at")
    hidden = hidden.join(names, left_on="parameter", right_on="at").select(
        "row", pl.col("parameter_right").alias("parameter"), "kept_back"
    )
    values = _features(found.filter(~pl.col("hidden")), placed, parameters, features)
    many = impossible.group_by("parameter").len().sort("parameter").rows()
    return Table(values, hidden.sort("row", "parameter"), {parameters[at].name: n for at, n in many})


# --- readings ------------------------------------------------------------------------------------


def _readings(
    events: pl.DataFrame, placed: pl.DataFrame, parameters: Sequence[Parameter]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows of (row, parameter by its number, hours from the start, number, level, hidden); and row and
    parameter of each number that was passed over as impossible.
    """
    import polars as pl

    mine = _matched(events, parameters)
    plain = _is_plain(parameters)
    direct = mine.filter(plain).select("row", "parameter", "time", pl.col("value").alias("number"))
    direct, wrong = _possible(direct, parameters)
    rest, more = _read_once(mine.filter(~plain), parameters)
    none = [pl.lit(None, pl.String).alias("level"), pl.lit(False).alias("hidden")]
    found = pl.concat([direct.with_columns(none), rest])
    hours = ((pl.col("time") - pl.col("start")) // MINUTE) * MINUTE / HOUR
    found = found.join(placed.select("row", "start"), on="row").select(
        "row", "parameter", hours.alias("hours"), "number", "level", "hidden"
    )
    return pl.concat([found, _ages(events, placed, parameters, found)]), pl.concat([wrong, more])


def _matched(events: pl.DataFrame, parameters: Sequence[Parameter]) -> pl.DataFrame:
    """Return the events that speak of a parameter by any of their codes, once for each parameter."""
    import polars as pl

    by_code = _by_code(events, parameters)
    events = events.select("row", *COLUMNS[1:]).with_columns(pl.col("time").cast(pl.Int64))
    several = events.filter(pl.col("other_codes").is_not_null()).with_row_index("one")
    chosen = events.filter(pl.col("other_codes").is_null()).drop("other_codes").join(by_code, on="code")
    if several.is_empty():
        return chosen
    every = several.select("one", pl.concat_list(pl.col("code"), "other_codes").alias("code")).explode("code")
    told = every.join(by_code, on="code").select("one", "parameter").unique(maintain_order=True)
    return pl.concat([chosen, several.join(told, on="one").select(chosen.columns)])


def _by_code(events: pl.DataFrame, parameters: Sequence[Parameter]) -> pl.DataFrame:
    """Return which code speaks of which parameter, by its number; of a hierarchy those that are here."""
    import polars as pl

    pairs = {(code, number) for number, one in enumerate(parameters) for code in one.codes}
    if any(map(stems_of, parameters)):
        here = {*events["code"].unique(), *events["other_codes"].explode().drop_nulls().unique()}
        for number, one in enumerate(parameters):
            pairs |= {(code, number) for code in here if stems_of(one) and begins(code, stems_of(one))}
    return pl.DataFrame(sorted(pairs), {"code": pl.String, "parameter": pl.UInt16}, orient="row")


def _is_plain(parameters: Sequence[Parameter]) -> pl.Expr:
    """Whether a row is a number in its measure's own unit, with nothing to think about."""
    import polars as pl

    units = {
        number: one.unit
        for number, one in enumerate(parameters)
        if isinstance(one, Measure) and not one.special
    }
    wanted = pl.col("parameter").replace_strict(units, default=None, return_dtype=pl.String)
    usable = pl.col("status").is_null() | pl.col("status").is_in(
        sorted(one for one in USABLE - {UNREADABLE} if one)
    )
    return (
        (pl.col("value_kind") == _NUMBER)
        & (pl.col("unit") == wanted)
        & pl.col("comparator").is_null()
        & pl.col("time").is_not_null()
        & usable
    ).fill_null(False)


def _possible(direct: pl.DataFrame, parameters: Sequence[Parameter]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leave out what is impossible, as `parameters.read` does; return that too."""
    import polars as pl

    told = [(number, one.low, one.high) for number, one in enumerate(parameters) if isinstance(one, Measure)]
    bounds = pl.DataFrame(told, {"parameter": pl.UInt16, "low": pl.Float64, "high": pl.Float64}, orient="row")
    told_of = direct.join(bounds, on="parameter")
    possible = pl.col("number").is_between("low", "high")
    return told_of.filter(possible).drop("low", "high"), told_of.filter(~possible).select("row", "parameter")


_ENTRY = ("parameter", "code", "kind", "value_kind", "value", "text_value", "unit", "comparator", "status",
          "dated")  # fmt: skip
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _read_once(rows: pl.DataFrame, parameters: Sequence[Parameter]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read each different entry by the one rule, and give every row what its entry says; and return what is
    impossible.
    """
    import polars as pl

    kind = pl.col("source").str.split_exact("/", 1).struct[0].alias("kind")
    rows = rows.with_columns(kind, pl.col("time").is_not_null().alias("dated"))
    different = rows.select(_ENTRY).unique(maintain_order=True)
    said = [_said(parameters[entry[0]], entry) for entry in different.iter_rows()]
    schema = {"number": pl.Float64, "level": pl.String, "hidden": pl.Boolean, "impossible": pl.Boolean}
    told = different.hstack(pl.DataFrame(said, schema, orient="row"))
    joined = rows.join(told, on=_ENTRY, nulls_equal=True, how="left", maintain_order="left")
    some = pl.col("number").is_not_null() | pl.col("level").is_not_null() | pl.col("hidden")
    wrong = joined.filter("impossible").select("row", "parameter")
    return joined.filter(some).select("row", "parameter", "time", "number", "level", "hidden"), wrong


def _said(parameter: Parameter, entry: tuple[Any, ...]) -> tuple[float | None, str | None, bool, bool]:
    _, code, kind, value_kind, value, text, unit, comparator, status, dated = entry
    told: Any = {_NUMBER: value, _TEXT: text, _TRUTH: text == "true"}.get(value_kind)
    if value_kind == _ABSENT:
        told = Absence(text)
    event = Event(
        (code,), _SOME_TIME if dated else None, value=told, unit=unit, comparator=comparator, status=status,
        source=f"{kind}/",
    )  # fmt: skip
    found = read(parameter, event)
    if found is HIDDEN_VALUE:
        return None, None, True, False
    if isinstance(parameter, Category):
        return None, found if isinstance(found, str) else None, False, False
    if isinstance(found, float | int):
        return float(found), None, False, False
    return None, None, False, is_impossible(parameter, event)


def _ages(
    events: pl.DataFrame, placed: pl.DataFrame, parameters: Sequence[Parameter], found: pl.DataFrame
) -> pl.DataFrame:
    """Return the age at the start, from the date of birth, of cases whose record gives no age."""
    import polars as pl

    number = next((at for at, one in enumerate(parameters) if AGE in one.codes), None)
    born = events.filter(pl.col("code") == BIRTH, pl.col("time").is_not_null())
    if number is None or born.is_empty():
        return found.clear()
    told = found.filter(pl.col("parameter") == number, ~pl.col("hidden")).select("row").unique()
    first = born.group_by("row").agg(pl.col("time").min()).join(told, on="row", how="anti")
    at = pl.col("start").cast(pl.Datetime("us"))
    years = at.dt.year() - pl.col("time").dt.year() - (_day(at) < _day(pl.col("time"))).cast(pl.Int32)
    return first.join(placed, on="row").select(
        "row",
        pl.lit(number, pl.UInt16).alias("parameter"),
        pl.lit(None, pl.Float64).alias("hours"),
        years.cast(pl.Float64).alias("number"),
        pl.lit(None, pl.String).alias("level"),
        pl.lit(False).alias("hidden"),
    )


def _day(at: pl.Expr) -> pl.Expr:
    import polars as pl

    return at.dt.month().cast(pl.Int32) * 100 + at.dt.day()


# --- features ------------------------------------------------------------------------------------


def _features(
    found: pl.DataFrame, placed: pl.DataFrame, parameters: Sequence[Parameter], features: Sequence[Feature]
) -> pl.DataFrame:
    import polars as pl

    place = {one.name: number for number, one in enumerate(parameters)}
    lengths = placed.select("row", "length")
    readings = {**_parted(_by_minute(found)), **_parted(_levels(found))}
    made: dict[str, pl.Series] = {}
    for name, mine in _by_parameter(features).items():
        part = readings.get(place[name], found.clear().select(_READING))
        made |= _of_parameter(part.join(lengths, on="row", maintain_order="left"), mine, placed.select("row"))
    for feature in features:
        if feature.window is None:
            made[feature.name] = _operated(feature, made)
    return pl.DataFrame([made[one.name].alias(one.name) for one in features])


def _by_parameter(features: Sequence[Feature]) -> dict[str, list[Feature]]:
    found: dict[str, list[Feature]] = {}
    for feature in features:
        if feature.window is not None:
            found.setdefault(feature.of[0], []).append(feature)
    return found


_READING = ("row", "hours", "number", "level")


def _by_minute(found: pl.DataFrame) -> pl.DataFrame:
    """Return the mean of each minute's values, in time order, what has no date first.

    Few minutes hold more than one value: only those are averaged, in the order of their size.
    """
    import polars as pl

    numbers = found.filter(pl.col("number").is_not_null()).select("parameter", *_READING)
    numbers = numbers.sort(_key()).with_columns(_key().alias("key"))
    same = pl.col("key") == pl.col("key").shift()
    several = (same | same.shift(-1)).fill_null(value=False)
    if not numbers.select(several.any()).item():
        return numbers.drop("key")
    means = numbers.filter(several).sort("key", "number").group_by("key", maintain_order=True)
    firsts = pl.col("parameter", "row", "hours", "level").first()
    meant = means.agg(firsts, pl.col("number").mean()).select(numbers.columns)
    return pl.concat([numbers.filter(~several), meant]).sort("key").drop("key")


def _key() -> pl.Expr:
    """One number by which readings are ordered: by parameter, by case, by minute (what has no date first).

    A minute has 32 bits, some 4,000 years before and after the start; a case 23, some 8 million in one call.
    """
    import polars as pl

    minutes = (pl.col("hours") * (HOUR / MINUTE)).round().cast(pl.Int64).fill_null(-(2**31))
    return (pl.col("parameter").cast(pl.Int64) * 2**23 + pl.col("row")) * 2**32 + minutes


def _levels(found: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    told = found.filter(pl.col("level").is_not_null()).select("parameter", *_READING)
    return told.sort("parameter", "row", "hours", "level", nulls_last=False)


def _parted(ordered: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Return the readings of each parameter, in which the cases are in order."""
    counts = ordered.group_by("parameter", maintain_order=True).len()
    found, at = {}, 0
    for number, count in counts.iter_rows():
        found[number] = ordered.slice(at, count).select(_READING)
        at += count
    return found


def _of_parameter(
    part: pl.DataFrame, features: Sequence[Feature], rows: pl.DataFrame
) -> dict[str, pl.Series]:
    """Return the features of one parameter, window by window."""
    import polars as pl

    every = _statistics()
    made: dict[str, pl.Series] = {}
    for window in dict.fromkeys(one.window for one in features if one.window is not None):
        mine = [one for one in features if one.window == window]
        wanted = [every[how].alias(how) for how in dict.fromkeys(one.how for one in mine)]
        inside = part.filter(_inside(window)).with_columns(pl.col("row").set_sorted())
        if "slope" in {one.how for one in mine}:
            inside = _from_means(inside)
        counted = inside.group_by("row", maintain_order=True).agg(wanted)
        joined = rows.join(counted, on="row", how="left", maintain_order="left")
        made |= {one.name: _filled(one, joined[one.how]) for one in mine}
    return made


def _from_means(inside: pl.DataFrame) -> pl.DataFrame:
    """Add the products that a least-squares slope sums up, each from the means of its case.

    Means are looked up by place: an expression within each group takes three times as long.
    """
    import polars as pl

    means = inside.group_by("row", maintain_order=True).agg(pl.col("hours", "number").mean())
    at = inside["row"].rle_id()
    off = inside["hours"] - means["hours"].gather(at)
    away = inside["number"] - means["number"].gather(at)
    return inside.with_columns((off * off).alias("across"), (off * away).alias("along"))


def _filled(feature: Feature, found: pl.Series) -> pl.Series:
    if feature.how == "level":
        return found
    return found.fill_null(0.0 if feature.how == "count" else _NAN).round(DECIMALS)


def _inside(window: Window) -> pl.Expr:
    """As `Window.has`, over columns."""
    import polars as pl

    hours, length = pl.col("hours"), pl.col("length")
    inside = hours <= length
    at = hours if window.anchor == "start" else hours - length
    if window.low is not None:
        inside &= (window.low <= at) if window.anchor == "start" else (window.low < at)
    if window.high is not None:
        inside &= (at < window.high) if window.anchor == "start" else (at <= window.high)
    ever = window.low is None and window.high is None
    return inside.fill_null(ever)


def _statistics() -> dict[str, pl.Expr]:
    """As `features._STATISTICS`, over the readings of a group in time order."""
    import polars as pl

    value, hours = pl.col("number"), pl.col("hours")
    return {
        "last": value.last(),
        "first": value.first(),
        "lowest": value.min(),
        "highest": value.max(),
        "mean": value.mean(),
        "spread": value.std(),
        "sum": value.sum(),
        "count": value.len().cast(pl.Float64),
        "slope": pl.col("along").sum() / pl.col("across").sum(),
        "change": value.last() - value.first(),
        "since": pl.col("length").first() - hours.last(),
        "span": hours.last() - hours.first(),
        "level": pl.col("level").last(),
    }


def _operated(feature: Feature, made: Mapping[str, pl.Series]) -> pl.Series:
    import polars as pl

    assert feature.how in OPERATORS
    one, other = pl.lit(made[feature.of[0]]), pl.lit(made[feature.of[1]])
    exprs = {
        "ratio": pl.when(other == 0).then(_NAN).otherwise(one / other),
        "difference": one - other,
        "product": one * other,
    }
    return pl.select(exprs[feature.how].round(DECIMALS)).to_series()
