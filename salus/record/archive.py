"""The archive: evidence at rest; one patient fast, a population lazily, every resource as it came.

Columns are MEDS-shaped Parquet sorted by subject and time; `raw` holds the verbatim copy. An open Archive
sees one generation: a read that goes on beside it changes nothing here until `open` is called again.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

from salus.core.addresses import is_among, parted
from salus.core.errors import EvidenceError, UserError
from salus.core.evidence import Timeline
from salus.record import manifest as manifests
from salus.record import refused, rest, superseded
from salus.record.account import Reject
from salus.record.columns import OF_A_ROW, nothing, rows_of
from salus.record.fhir import event, timeline
from salus.record.fhir_rows import Row
from salus.record.fhir_terms import canonical
from salus.record.identity import Identities, Person, person_of
from salus.record.intake import ORDER_BITS, REJECTED, nothing_indexed, source_part, subject_number
from salus.record.manifest import Manifest
from salus.record.verbatim import Original

if TYPE_CHECKING:
    import polars as pl

_PLACE = ("order", "frame", "offset", "length")


@dataclass
class Archive:
    """One generation of the record in folder `root`."""

    root: Path
    manifest: Manifest
    _stamp: tuple[int, int] = (0, 0)
    _original: Original = field(init=False)

    def __post_init__(self) -> None:
        self._original = Original(self.root / "raw")
        with suppress(OSError):
            # Whoever goes on reading this generation finds it whole, however many reads finish meanwhile.
            finalize(self, os.close, manifests.hold(self._in()))

    @classmethod
    def open(cls, root: Path) -> Archive:
        """Open the archive in folder `root`, as of the last finished read.

        Raises UserError when nothing was read yet, EvidenceError when the manifest is damaged.
        """
        stamp = _stamp(root)
        found = manifests.load(root)
        if found is None:
            raise UserError(f"No records in '{root}': read some with 'salus read PLACE --archive {root}'.")
        return cls(root, found, stamp)

    @property
    def generation(self) -> int:
        """How many reads this record is made of."""
        return self.manifest.generation

    def is_old(self) -> bool:
        """Whether a read has finished since this was opened."""
        return _stamp(self.root) != self._stamp

    # --- patients ------------------------------------------------------------------------------

    def subjects(self) -> list[str]:
        """Return every patient of whom there is evidence, merged ones once, in order."""
        named = self._subjects["subject"].to_list()
        return sorted({self.identities.canonical(subject) for subject in named})

    def timeline(self, subject: str) -> Timeline:
        """Return all evidence of ``Patient/<id>`` (or ``<id>``) that stands, with that of merged records.

        Raises UserError when there is no such patient here.
        """
        asked = self.asked(subject)
        group = self.identities.group(asked)
        rows = [row for one in group for row in self._rows(one)]
        if not rows:
            raise UserError(f"No evidence of '{asked}' in this archive: 'salus read' it first.")
        return timeline(group[0], [*rows, *(row for one in group for row in self._refused.get(one, ()))])

    def asked(self, subject: str) -> str:
        """Return the ``Patient/<id>`` that `subject` names; another server's keeps its whole address."""
        base, _ = parted(subject)
        known = [one for one in self.manifest.servers if one]
        if base and known and not is_among(base, known):
            return subject
        return canonical(subject if "/" in subject else f"Patient/{subject}")

    def stood(self, whole: Timeline, at: datetime) -> Timeline:
        """Return `whole`, one of these timelines, as its resources stood at `at`: before later corrections.

        at: without a zone it is UTC. What else became known later is still in it: the gate cuts by known_at.
        """
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        numbers = map(subject_number, self.identities.group(whole.subject))
        corrected = [number for number in numbers if number in self._corrected]
        rows = [row for number in corrected for row in self._stood(number, at.replace(tzinfo=None))]
        if not rows:
            return whole
        stood = [event(row) for row in rows]
        # A newer copy, known later; or the same one, called otherwise since.
        told = {one.source for one in stood}
        same = {(one.source, one.known_at) for one in stood}
        stands = [
            one
            for one in whole
            if one.source not in told
            or ((not one.known_at or one.known_at <= at) and (one.source, one.known_at) not in same)
        ]
        return Timeline.of(whole.subject, [*stands, *stood])

    def _stood(self, number: int, at: datetime) -> list[Row]:
        with _whole(self.root):
            return rows_of(superseded.stood_at(superseded.shards(self._in()), number, at))

    @cached_property
    def _refused(self) -> dict[str, list[Row]]:
        with _whole(self.root):
            return refused.by_subject(refused.kept(self._in()))

    @cached_property
    def _corrected(self) -> frozenset[int]:
        """The numbers of subjects some of whose evidence was superseded."""
        import polars as pl

        shards = superseded.shards(self._in())
        if not shards:
            return frozenset()
        with _whole(self.root):
            found = rest.scan(shards).select(pl.col("subject_id").unique()).collect()
        return frozenset(found["subject_id"].to_list())

    def person(self, subject: str) -> Person:
        """Return what the record calls this patient; an unnamed Person when it holds no Patient resource."""
        asked = self.asked(subject)
        group = self.identities.group(asked)
        return next((self._people[one] for one in group if one in self._people), Person(asked))

    def find(self, identifier: str) -> list[str]:
        """Return the patients that carry ``system|value`` (or ``value`` in any system), merged ones once."""
        found = {
            self.identities.canonical(one.subject)
            for one in self._people.values()
            if any(identifier in (known, known.partition("|")[2]) for known in one.identifiers)
        }
        return sorted(found)

    def number(self, subject: str) -> int:
        """Return the stable number by which the columns know a patient."""
        return subject_number(canonical(subject))

    @cached_property
    def identities(self) -> Identities:
        """Which subjects are one person, by the links of the current Patient resources."""
        people = self._people.values()
        links = [(one.subject, how, other) for one in people for how, other in one.links]
        servers = tuple(one for one in self.manifest.servers if one)
        return Identities(links, frozenset(self._subjects["subject"]), servers)

    @cached_property
    def _people(self) -> dict[str, Person]:

        with _whole(self.root):
            rows = rest.read(self._in("metadata", "people.parquet"))
        return {row["subject"]: person_of(row) for row in rows.iter_rows(named=True)}

    # --- columns -------------------------------------------------------------------------------

    def scan(self) -> pl.LazyFrame:
        """Return all evidence that stands, lazily: MEDS columns first, sorted by subject and time."""
        return self._scan("data", nothing)

    def superseded(self) -> pl.DataFrame | None:
        """Return what was superseded, with `until`: when a newer copy took its place; None: nothing was."""

        shards = superseded.shards(self._in())
        if not shards:
            return None
        with _whole(self.root):
            return rest.scan(shards).collect()

    def refusals(self) -> dict[str, list[Row]]:
        """Return by subject what was refused and is there all the same: rows whose value nobody can read."""
        return self._refused

    def numbered(self) -> pl.DataFrame:
        """Return the subjects: `subject`, its number `subject_id`, and `last`, its last moment in UTC."""
        import polars as pl

        return self._subjects.select("subject", "subject_id", pl.col("last").cast(pl.Datetime("us")))

    def code_names(self) -> dict[str, str]:
        """Return what the record itself calls its codes (``LOINC/8867-4`` -> ``Heart rate``)."""

        known = rest.read(self._in("metadata", "codes.parquet"))
        return {code: name for code, name in known.select("code", "description").rows() if name}

    def _in(self, *parts: str) -> Path:
        return self.root.joinpath(self.manifest.folder, *parts)

    @cached_property
    def _subjects(self) -> pl.DataFrame:
        import polars as pl

        with _whole(self.root):
            rows = rest.read(self._in("metadata", "subjects.parquet"))
        return rows.with_columns(pl.col("last").to_physical()).rechunk()

    @cached_property
    def _numbers(self) -> array[int]:
        return array("q", self._subjects["subject_id"].to_list())

    @cached_property
    def _places(self) -> pl.DataFrame:
        return self._subjects.select("part", "start", "events", "last")

    def _subject(self, subject: str) -> tuple[int, int, int, int | None] | None:
        """Return (part, first row, rows, last moment) of a subject, None when there is none."""
        numbers, number = self._numbers, subject_number(subject)
        at = bisect_left(numbers, number)
        if at >= len(numbers) or numbers[at] != number:
            return None
        found: tuple[int, int, int, int | None] = self._places.row(at)
        return found

    def _rows(self, subject: str) -> list[Row]:

        found = self._subject(subject)
        if found is None:
            return []
        part, start, count, _ = found
        shard = self._in("data", f"{part:04d}.parquet")
        with _whole(self.root):
            return rows_of(rest.scan(shard).slice(start, count).select(OF_A_ROW).collect())

    # --- resources as they came ----------------------------------------------------------------

    def raw(self, source: str) -> bytes:
        """Return the resource ``Type/id`` as it was sent, decimals and all.

        Raises UserError when it is not here.
        """
        return self.history(source)[-1]

    def history(self, source: str) -> list[bytes]:
        """Return every copy of the resource ``Type/id`` that was read, the one that stands last.

        Raises UserError when it is not here.
        """
        import polars as pl

        part = self._in("index", f"{source_part(source, self.manifest.parts):04d}.parquet")
        found: list[Any] = []
        if part.exists():
            scanned = rest.scan(part).filter(pl.col("source") == source)
            found = scanned.sort("stands", "order").select(_PLACE).collect().rows()
        if not found:
            raise UserError(f"No resource '{source}' in this archive.")
        return [self._get(*place) for place in found]

    def _get(self, order: int, frame: int, offset: int, length: int) -> bytes:
        return self._original.get(order >> ORDER_BITS, frame, offset, length)

    def standing(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield (``Type/id``, resource) of every resource of type `kind` that stands."""
        import polars as pl

        mine = pl.col("source").str.starts_with(f"{kind}/") & pl.col("stands")
        rows = self._index().filter(mine).select("source", *_PLACE).sort("order").collect()
        return ((source, self._get(*place)) for source, *place in rows.iter_rows())

    def rejects(self) -> list[Reject]:
        """Return every resource that was refused, with its place and reason, in the order of reading."""
        rows = self._index().filter(fate=REJECTED).sort("order").select("file", "line", "reason").collect()
        return [Reject(*row) for row in rows.rows()]

    def _index(self) -> pl.LazyFrame:
        return self._scan("index", nothing_indexed)

    def _scan(self, of: str, none: Callable[[], pl.DataFrame]) -> pl.LazyFrame:
        """Return the shards in folder `of` as columns; where no read brought any evidence, `none`."""

        # Listed here: Polars would take ``ward[1]`` in a path for a pattern.
        found = sorted(self._in(of).glob("*.parquet"))
        if not found and self.manifest.events:
            raise EvidenceError(f"There are no columns in '{self._in(of)}': restore it from a backup.")
        return rest.scan(found) if found else none().lazy()

    def write_back(self, folder: Path) -> dict[str, int]:
        """Write every resource that stands as NDJSON by type, as it was sent; return the counts.

        What was refused goes, line by line, into ``refused.txt``. Nothing is held in memory but a block.
        """
        folder.mkdir(parents=True, exist_ok=True)
        counts: dict[str, int] = {}
        files: dict[str, Any] = {}
        try:
            for name, raw in self._standing():
                if name not in files:
                    files[name] = (folder / name).open("wb")
                files[name].write(raw.strip() + b"\n")
                counts[name] = counts.get(name, 0) + 1
        finally:
            for file in files.values():
                file.close()
        return counts

    def _standing(self) -> Iterator[tuple[str, bytes]]:
        import polars as pl

        # A Bundle that stood on a line has no name: its entries are rows of their own.
        whole = (pl.col("source") != "") | (pl.col("fate") == REJECTED)
        rows = self._index().filter(pl.col("stands") & whole).select("source", "fate", *_PLACE).sort("order")
        for source, fate, *place in rows.collect(engine="streaming").iter_rows():
            kind = canonical(source).partition("/")[0]
            name = "refused.txt" if fate == REJECTED else f"{kind}.ndjson"
            yield name, self._get(*place)


@contextmanager
def _whole(root: Path) -> Iterator[None]:
    """Say in words that a file of the archive is gone or damaged."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise EvidenceError(
            f"A file of the archive '{root}' is gone or damaged ({type(error).__name__}): restore it from a "
            "backup, or read the export into a new archive."
        ) from None


def _stamp(root: Path) -> tuple[int, int]:
    try:
        found = (root / manifests.NAME).stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
