"""Novelty: when a patient is unlike those that a model learnt from, so that it abstains and says why.

What was usual is learnt once (numpy) and kept in the artefact as plain numbers; one patient is judged by the
standard library alone. The JSON is described in docs/reference/novelty.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError
from salus.learning.features import STATISTICS, Feature, Level

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What is usual: between these shares of the training cases that have a value.
LOW, HIGH = 0.001, 0.999
# At most this share of the training cases would have been abstained from, half of it for each count.
SHARE = 0.01
# A value is far outside where it lies beyond the most extreme training value by more than this many times
# the width of the usual range: a wrong unit or a wrong field, and reason enough alone.
FAR = 1.0
_SHOWN = 3
_KEYS = ("features", "levels", "parameters", "outside", "missing", "far", "n")
Novelty = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Strange:
    """What is unlike the training cases: names of features outside the usual (far: so far that one is
    enough), of parameters without a value; and `why` the model abstains, empty where it may answer.
    """

    outside: tuple[str, ...]
    far: tuple[str, ...]
    missing: tuple[str, ...]
    why: str


def read_from(features: Iterable[Feature]) -> dict[str, list[str]]:
    """Return, by parameter, the features that have a value only where it was measured (no counts)."""
    found: dict[str, list[str]] = {}
    for feature in features:
        if feature.how in STATISTICS and feature.how != "count":
            found.setdefault(feature.of[0], []).append(feature.name)
    return found


def bounds(
    columns: Mapping[str, NDArray[Any]], parameters: Mapping[str, Sequence[str]], share: float = SHARE
) -> dict[str, Any]:
    """Return what was usual in training, as the artefact keeps it.

    columns: by feature, numbers (NaN: none) or an object array of levels (None: none), one row a case.
    parameters: as `read_from` returns them; a feature that is no column is left out. share: of the training
    cases, how many may be abstained from.
    """
    told: dict[str, Any] = {"features": {}, "levels": {}, "far": FAR, "outside": 0, "missing": 0}
    for name, column in columns.items():
        if _is_number(column):
            told["features"].update(_usual(name, column))
        else:
            told["levels"][name] = sorted({str(level) for level in column if level is not None})
    kept = {name: [one for one in among if one in columns] for name, among in parameters.items()}
    told["parameters"] = {name: among for name, among in kept.items() if among}
    told["n"] = len(next(iter(columns.values()), ()))
    outside, _, missing = _counted(told, columns)
    told["outside"] = _limit(outside, share / 2)
    told["missing"] = _limit(missing, share / 2)
    return told


def _is_number(column: NDArray[Any]) -> bool:
    return column.dtype.kind in "fiub"


def _usual(name: str, column: NDArray[np.floating[Any]]) -> dict[str, list[float]]:
    import numpy as np

    there = column[~np.isnan(column)]
    if not len(there):
        return {}
    low, high = np.quantile(there, [LOW, HIGH])
    return {name: [float(each) for each in (there.min(), low, high, there.max())]}


def _limit(counts: NDArray[np.int_], share: float) -> int:
    """Return the least count that at most `share` of the cases exceed."""
    import numpy as np

    if not len(counts):
        return 0
    return int(np.sort(counts)[::-1][math.floor(len(counts) * share)])


def judged(novelty: Novelty, values: Mapping[str, Level], hidden: Collection[str] = ()) -> Strange:
    """Return what is strange about one case.

    values: by feature; NaN and None are no value. hidden: parameters that are there and not shown, which are
    not counted as not measured.
    """
    outside = tuple(strange(novelty, values))
    far = tuple(name for name in outside if _is_far(novelty, name, values[name]))
    missing = tuple(
        name
        for name, among in novelty["parameters"].items()
        if name not in hidden and not any(_there(values.get(one)) for one in among)
    )
    return Strange(outside, far, missing, _why(novelty, outside, far, missing))


def strange(novelty: Novelty, values: Mapping[str, Level]) -> list[str]:
    """Return the names of the features whose value lies outside what was usual, in the artefact's order."""
    numbers = [name for name in novelty["features"] if _outside(novelty["features"][name], values.get(name))]
    levels = novelty["levels"]
    unseen = [name for name in levels if values.get(name) is not None and values[name] not in levels[name]]
    return numbers + unseen


def _there(value: Level) -> bool:
    return value is not None and value == value  # noqa: PLR0124 - NaN is the one number unlike itself


def _outside(usual: Sequence[float], value: Level) -> bool:
    return isinstance(value, float | int) and (value < usual[1] or value > usual[2])


def _is_far(novelty: Novelty, name: str, value: Level) -> bool:
    usual = novelty["features"].get(name)
    if usual is None or not isinstance(value, float | int):
        return False
    reach = novelty["far"] * (usual[2] - usual[1])
    return bool(reach > 0 and (value < usual[0] - reach or value > usual[3] + reach))


def _why(novelty: Novelty, outside: Sequence[str], far: Sequence[str], missing: Sequence[str]) -> str:
    """Say why the model abstains, without any value; "" where it need not."""
    of = f"the {novelty['n']:,} cases that the model learnt from"
    if far:
        return f"{_some(far)}: far outside anything in {of}. Check the value and its unit."
    if len(outside) > novelty["outside"]:
        return f"{len(outside)} values ({_some(outside)}) are outside what is usual in {of}."
    if len(missing) > novelty["missing"]:
        total = len(novelty["parameters"])
        return (
            f"{len(missing)} of {total} parameters were not measured ({_some(missing)}): too few to judge by."
        )
    return ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def abstained(novelty: Novelty, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Return which of many cases `judged` says why not to, nothing hidden; columns as in `bounds`."""
    outside, far, missing = _counted(novelty, columns)
    found: NDArray[np.bool_] = far | (outside > novelty["outside"]) | (missing > novelty["missing"])
    return found


def _counted(
    novelty: Novelty, columns: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.int_], NDArray[np.bool_], NDArray[np.int_]]:
    """Return how many features are outside, whether one is far, how many parameters have no value."""
    import numpy as np

    size = len(next(iter(columns.values()), ()))
    outside, missing = np.zeros(size, dtype=int), np.zeros(size, dtype=int)
    far = np.zeros(size, dtype=bool)
    for name, (lowest, low, high, highest) in novelty["features"].items():
        column, reach = columns[name], novelty["far"] * (high - low)
        outside += (column < low) | (column > high)
        if reach > 0:
            far |= (column < lowest - reach) | (column > highest + reach)
    for name, levels in novelty["levels"].items():
        known = {None, *levels}
        outside += np.fromiter((one not in known for one in columns[name]), dtype=bool, count=size)
    for among in novelty["parameters"].values():
        missing += np.logical_and.reduce([_absent(columns[one]) for one in among])
    return outside, far, missing


def _absent(column: NDArray[Any]) -> NDArray[np.bool_]:
    import numpy as np

    if _is_number(column):
        empty: NDArray[np.bool_] = np.isnan(column)
        return empty
    return np.fromiter((one is None for one in column), dtype=bool, count=len(column))


def checked(novelty: Novelty, names: Collection[str], place: str) -> None:
    """Raise EvidenceError where what an artefact says of novelty cannot be used; names: of its features."""
    try:
        wrong = next(_wrong(novelty, names), "")
    except (AttributeError, KeyError, TypeError, ValueError):
        wrong = f"it is not what docs/reference/novelty.md describes ({', '.join(_KEYS)})"
    if wrong:
        raise EvidenceError(f"{place}: novelty: {wrong}. Train the model again, or get a whole copy of it.")


def _wrong(novelty: Novelty, names: Collection[str]) -> Iterator[str]:
    if set(novelty) != set(_KEYS):
        yield f"it has to hold {', '.join(_KEYS)}, and nothing else"
    for name, usual in novelty["features"].items():
        if len(usual) != 4 or not all(map(math.isfinite, usual)) or sorted(usual) != list(usual):
            yield f"'{name}' needs four finite numbers that do not fall"
    read = [one for among in novelty["parameters"].values() for one in among]
    for name in (*novelty["features"], *novelty["levels"], *read):
        if name not in names:
            yield f"'{name}' is no feature of the model"
    for key in ("outside", "missing", "n"):
        if type(novelty[key]) is not int or novelty[key] < 0:
            yield f"'{key}' is not a whole number"
    if not (math.isfinite(novelty["far"]) and novelty["far"] >= 0):
        yield "'far' is not a number"
