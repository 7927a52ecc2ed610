"""Predictions as a table that anybody can judge again: CSV text of `id,probability,abstained`.

Every case has a line, by its set's own key, also one that the model abstained from. Errors name the line and
what to do, and hold no patient's value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from salus.core.errors import EvidenceError, printable

HEADER = ("id", "probability", "abstained")
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Predictions:
    """What was said of each case, in the order of the lines."""

    ids: tuple[str, ...]
    probabilities: tuple[float, ...]
    abstained: tuple[bool, ...]

    def of(self, ids: Sequence[str], place: str) -> Predictions:
        """Return the predictions of these cases, in their order; raise where one has none."""
        at = {name: line for line, name in enumerate(self.ids)}
        lines = [at.get(name) for name in ids]
        there = [line for line in lines if line is not None]
        if len(there) < len(ids):
            raise EvidenceError(
                f"{place}: {len(ids) - len(there):,} of {len(ids):,} cases have no line: "
                "predict every case, and give it by the set's own key."
            )
        return Predictions(
            tuple(ids),
            tuple(self.probabilities[line] for line in there),
            tuple(self.abstained[line] for line in there),
        )


def written(ids: Iterable[object], probabilities: Iterable[float], abstained: Iterable[bool]) -> str:
    """Return the predictions as CSV; a probability has as many digits as it takes to read it back exactly."""
    told = [",".join(HEADER)]
    for name, p, none in zip(ids, probabilities, abstained, strict=True):
        told.append(f"{_field(str(name))},{float(p)!r},{'true' if none else 'false'}")
    return "\n".join((*told, ""))


def _field(text: str) -> str:
    """Return a field as RFC 4180 quotes it (Python's own writer leaves a lone carriage return bare)."""
    plain = not any(each in text for each in ',"\r\n')
    return text if plain else '"' + text.replace('"', '""') + '"'


def read(text: str, place: str) -> Predictions:
    """Return predictions from CSV; `place` is what errors call the file."""
    found: dict[str, tuple[int, float, bool]] = {}
    for line, row in _rows(text, place):
        name, p, none = _one(row, f"{place}:{line}")
        if name in found:
            raise EvidenceError(f"{place}:{line}: the id of line {found[name][0]} again: keep one of them.")
        found[name] = (line, p, none)
    if not found:
        raise EvidenceError(f"{place}: no case is in it: write one line for every case under the header.")
    every = found.values()
    return Predictions(tuple(found), tuple(p for _, p, _ in every), tuple(none for *_, none in every))


def _rows(text: str, place: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        head = next(rows, [])
        if tuple(each.strip() for each in head) != HEADER:
            told = printable(",".join(head)) or "nothing"
            raise EvidenceError(f"{place}:1: begins with '{told}': begin with '{','.join(HEADER)}'.")
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise EvidenceError(f"{place}:{rows.line_num}: no CSV ({error}): write it as plain CSV.") from None


def _one(row: list[str], at: str) -> tuple[str, float, bool]:
    if len(row) != len(HEADER):
        raise EvidenceError(f"{at}: {len(row)} fields: write {', '.join(HEADER)}, a comma between them.")
    name, said, none = (each.strip() for each in row)
    if not name:
        raise EvidenceError(f"{at}: no id: give the case's own key in its set.")
    try:
        p = float(said)
    except ValueError:
        p = -1.0
    if not 0 <= p <= 1:
        raise EvidenceError(
            f"{at}: the probability is no number from 0 to 1: write it with a point, as 0.25."
        )
    if none.casefold() not in _WORDS:
        raise EvidenceError(f"{at}: whether the model abstained is not said: write true or false.")
    return name, p, _WORDS[none.casefold()]
