"""Is that still the same patient? Two copies of a Patient that contradict each other are two people's.

For exports that do not say which server they come from, and for servers whose ids were given out anew. A
corrected birth date or another name by marriage is a new version; another birth date together with another
family name or sex, under no common identifier, is somebody else.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from salus.core.errors import RefusedError
from salus.record import versions
from salus.record.homes import REMEDY
from salus.record.identity import Identity, identity
from salus.record.intake import EVENTS, ORDER_BITS
from salus.record.versions import Copy

if TYPE_CHECKING:
    import polars as pl

    from salus.record.verbatim import Original


_TOLD = ("source", "order", "frame", "offset", "length", "file", "line")


class Stranger(NamedTuple):
    """Where a Patient stands that has another one's id, and what differs, in words.

    apart: whether an earlier read or another file brought that id too; what one file says twice, its sender
    alone can tell.
    """

    file: str
    line: int
    differs: str
    apart: bool

    @property
    def note(self) -> str:
        """What the account of the read says of it."""
        return f"{self.file}:{self.line}: this Patient and another copy of it differ ({self.differs})"


def strangers(rows: pl.DataFrame, first: int, original: Original) -> list[Stranger]:
    """Return the Patients among the copies read from order `first` on that contradict another copy.

    rows: one part of the index; of what was read before, the copies that stand.
    """
    import polars as pl

    mine = pl.col("source").str.starts_with("Patient/") & (pl.col("fate") == EVENTS)
    new = pl.col("order") >= first
    told = rows.filter(mine & (new | pl.col("stands")))
    if not told["source"].is_duplicated().any():
        return []
    told = told.filter(new.any().over("source") & (pl.len().over("source") > 1)).sort("order")
    copies: dict[str, list[_Told]] = {}
    for row in told.select(_TOLD).iter_rows(named=True):
        copies.setdefault(row["source"], []).append(_Told.of(row, original))
    return [one for found in copies.values() for one in _contradicting(found, first)]


class _Told(NamedTuple):
    copy: Copy
    raw: bytes
    file: str
    line: int

    @classmethod
    def of(cls, row: dict[str, Any], original: Original) -> _Told:
        order = row["order"]
        raw = original.get(order >> ORDER_BITS, row["frame"], row["offset"], row["length"])
        return cls(Copy(order, versions.version(raw)), raw, row["file"], row["line"])


def _contradicting(found: list[_Told], first: int) -> list[Stranger]:
    """Return the first new copy of one Patient that contradicts the version before or after it."""
    by_place = {one.copy.place: one for one in found}
    line = [by_place[copy.place] for copy in versions.ordered([one.copy for one in found])]
    # What says nothing of who somebody is stands between nobody.
    told = [(one, who) for one in line if (who := identity(one.raw)) != Identity()]
    for (one, who), (other, next_one) in pairwise(told):
        differs = contradiction(who, next_one)
        if differs:
            newer = max(one, other, key=lambda copy: copy.copy.place)
            apart = any(copy.copy.place < first or copy.file != newer.file for copy, _ in told)
            return [Stranger(newer.file, newer.line, differs, apart)]
    return []


def contradiction(one: Identity, other: Identity) -> str:
    """Return in words why two copies of a Patient are two people, "" where they may be one.

    What either leaves out contradicts nothing.
    """
    if one.identifiers & other.identifiers:
        return ""
    birth = bool(one.birth and other.birth) and not _agree(one.birth, other.birth)
    family = bool(one.families and other.families) and one.families.isdisjoint(other.families)
    sex = bool(one.sex and other.sex) and one.sex != other.sex
    if birth and (family or sex):
        return f"another birth date and another {'family name' if family else 'gender'}"
    systems = {system for system, _ in one.identifiers} & {system for system, _ in other.identifiers}
    return "other identifiers of the same system" if systems and not _is_one_person(one, other) else ""


def _agree(one: str, other: str) -> bool:
    """Whether two dates are of one day as far as both are told: 1950 and 1950-02-03 are."""
    return one.startswith(other) or other.startswith(one)


def _is_one_person(one: Identity, other: Identity) -> bool:
    """Whether birth date and whole name are told and the same: then the identifier was corrected."""
    return bool(one.birth) and one.birth == other.birth and bool(one.names & other.names)


def refuse(every: list[Stranger]) -> None:
    """Raise RefusedError where `every` holds anyone whose id another file or read brought too."""
    found = [one for one in every if one.apart]
    if not found:
        return
    at = min(found)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    raise RefusedError(
        f"{at.file}:{at.line}: this Patient has the id of somebody else ({at.differs}){more}: two people's "
        f"evidence would become one record. {REMEDY}"
    )
