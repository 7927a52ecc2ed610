"""A population: the evidence of many subjects as columns, from a published set or an archive, with its
account.

Events have the archive's own columns (see `record.columns`: code, other_codes, time, end, known_at,
value_kind, value, text_value, unit, comparator, status, source; times in UTC without a zone), and `subject`,
by which they are sorted, then by time. Who is whose (`person`) serves to split without a leak, and is never a
feature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from salus.record.account import Reject

if TYPE_CHECKING:
    import polars as pl


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
