"""Places: where in a document something stands, and what may stand there.

What may not is told with the file, the place in it and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from operator import lt
from typing import Any, NamedTuple, NoReturn

from salus.core.errors import EvidenceError, choices, printable

REMEDY = "Fetch the file again, or train the model anew"


class At(NamedTuple):
    """A place in the document, and what may stand there."""

    file: str
    path: str = ""

    def of(self, name: str | int) -> At:
        """Return the place of a part, by its name or its number."""
        inner = f"[{name}]" if isinstance(name, int) else f".{name}" if self.path else name
        return At(self.file, f"{self.path}{inner}")

    def refuse(self, says: str) -> NoReturn:
        """Raise EvidenceError: what stands here is not as the format has it."""
        where = f"{self.path}: " if self.path else ""
        raise EvidenceError(f"{self.file}: {where}{says}. {REMEDY}.")

    def no_number(self, told: str) -> NoReturn:
        """Refuse what JSON knows as no number."""
        self.refuse(f"{told} is no number of JSON")

    def once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return pairs as an object in which no name stands twice."""
        found = dict(pairs)
        if len(found) < len(pairs):
            self.refuse("a name stands twice in one object")
        return found

    def mapping(self, found: object) -> dict[str, Any]:
        """Return what has to be an object."""
        if not isinstance(found, Mapping):
            self.refuse("it has to be an object")
        return dict(found)

    def keys(self, found: object, needed: Sequence[str], also: Sequence[str] = ()) -> dict[str, Any]:
        """Return an object that has each name of `needed`, and no other but those of `also`."""
        told = self.mapping(found)
        for name in needed:
            if name not in told:
                self.of(name).refuse("it is missing")
        for name in told:
            if name not in needed and name not in also:
                known = choices(str(name), (*needed, *also))
                self.refuse(f"it has '{printable(str(name))}', which the format does not know: {known}")
        return told

    def sequence(self, found: object) -> Sequence[Any]:
        """Return what has to be a list."""
        if not isinstance(found, list | tuple):
            self.refuse("it has to be a list")
        return found

    def text(self, found: object) -> str:
        """Return what has to be text."""
        if not isinstance(found, str):
            self.refuse("it has to be text")
        return found

    def words(self, found: object) -> str:
        """Return text that says something."""
        if not self.text(found).strip():
            self.refuse("it has to say something")
        return str(found)

    def number(self, found: object) -> float:
        """Return a finite number."""
        if isinstance(found, bool) or not isinstance(found, int | float) or not _finite(found):
            self.refuse("it has to be a finite number")
        return float(found)

    def above_zero(self, found: object) -> float:
        """Return a number above 0."""
        if (value := self.number(found)) <= 0:
            self.refuse("it has to be above 0")
        return value

    def share(self, found: object) -> float:
        """Return a number from 0 to 1."""
        if not 0 <= (value := self.number(found)) <= 1:
            self.refuse("it has to be from 0 to 1")
        return value

    def count(self, found: object) -> int:
        """Return a whole number, not below 0."""
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            self.refuse("it has to be a whole number, not below 0")
        return int(found)

    def place(self, found: object, among: int) -> int:
        """Return the number of a feature, of so many."""
        if self.count(found) >= among:
            self.refuse(f"there are {among} features, counted from 0")
        return self.count(found)

    def numbers(self, found: object, many: int | None = None) -> tuple[float, ...]:
        """Return a list of finite numbers, of so many where that is asked."""
        told = self.sequence(found)
        if many is not None and len(told) != many:
            self.refuse(f"it has to hold {many} numbers and holds {len(told)}")
        # All are asked at once, and each alone where one is wrong: a file holds tens of thousands.
        kinds = set(map(type, told))
        if not kinds <= {int, float} or not _all_finite(told):
            return tuple(self.of(at).number(one) for at, one in enumerate(told))
        return tuple(told if kinds == {float} else map(float, told))

    def ascending(self, found: object) -> tuple[float, ...]:
        """Return numbers that rise from each to the next."""
        told = self.numbers(found)
        if not all(map(lt, told, told[1:])):
            at = next(at for at in range(1, len(told)) if told[at - 1] >= told[at])
            self.of(at).refuse("the numbers have to rise from each to the next")
        if told and not isfinite(told[-1] - told[0]):
            self.refuse("the numbers lie too far apart")
        return told

    def counts(self, found: object, many: int) -> tuple[float, ...]:
        """Return so many numbers, none of them below 0."""
        told = self.numbers(found, many)
        if told and min(told) < 0:
            self.of(told.index(min(told))).refuse("a count cannot be below 0")
        return told

    def names(self, found: object) -> tuple[str, ...]:
        """Return a list of texts of which each stands there once."""
        told = tuple(self.of(at).words(one) for at, one in enumerate(self.sequence(found)))
        if len(set(told)) < len(told):
            self.refuse("a name stands twice")
        return told


def _finite(found: float) -> bool:
    try:
        return isfinite(found)
    except OverflowError:
        return False


def _all_finite(found: Sequence[float]) -> bool:
    """Whether the sum is finite, as it is only where each number is."""
    try:
        return isfinite(sum(found))
    except OverflowError:
        return False
