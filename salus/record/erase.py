"""Erase: the record as it would be had somebody never been read, as a new generation; then the old ones go.

What is theirs is left out of columns, index and lists, and blanked in the verbatim copy, where it stood among
others' resources in one block. Where somebody else's resource names them, the name alone is struck out, to
the same length, so that it stays the JSON that it was. Reads get new numbers, since their copies are new
files; so nothing is changed that anybody has open, and one rename makes it the record.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from salus.record import marked, refused, rest, superseded
from salus.record.account import Told
from salus.record.archive import Archive
from salus.record.fhir_terms import canonical
from salus.record.intake import ORDER_BITS, REJECTED, subject_number
from salus.record.manifest import Lock, Manifest, load, publish
from salus.record.settle import WHOLE, WRITTEN
from salus.record.verbatim import Copy, Original, name

if TYPE_CHECKING:
    import polars as pl

Seen = Callable[[int], object]
# A shorter identifier, or id, is a word that may well be there for another reason.
_SHORTEST = 6
# Of what FHIR lets an id be made; a longer id that begins alike is somebody else's.
_ID = "A-Za-z0-9.-"


@dataclass(frozen=True)
class Traces:
    """By what somebody is named: `subjects` (``Patient/<id>``) and `words`, the identifiers they carry."""

    subjects: tuple[str, ...]
    words: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[int]:
        """The numbers by which the columns know them."""
        return [subject_number(canonical(one)) for one in self.subjects]

    @cached_property
    def _quoted(self) -> list[str]:
        ids = (one.rpartition("/")[2] for one in self.subjects)
        return [word for word in {*self.words, *ids} if len(word) >= _SHORTEST and re.search(r"\d", word)]

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """What finds a reference to them, or a whole JSON string that is one of their identifiers."""
        refer = [rf"{re.escape(one)}(?![{_ID}])" for one in self.subjects]
        quoted = [f'(?<="){re.escape(word)}(?=")' for word in self._quoted]
        return re.compile("|".join([*refer, *quoted]).encode())

    @cached_property
    def _literal(self) -> list[bytes]:
        return [word.encode() for word in (*self.subjects, *self._quoted)]

    def named_in(self, raw: bytes) -> bool:
        """Whether `raw` names them; a plain search goes first, which is many times faster."""
        return any(word in raw for word in self._literal) and self.pattern.search(raw) is not None


@dataclass(slots=True)
class Erased:
    """What was erased of the records: resources, events, and how many other resources named them."""

    resources: int = 0
    events: int = 0
    named: int = 0
    sources: list[str] = field(default_factory=list)


def traces(archive: Archive, subject: str) -> Traces:
    """Return by what the person `subject` is named in the records, under all ids that are joined to it."""
    group = tuple(archive.identities.group(archive.asked(subject)))
    known = (archive.person(one).identifiers for one in group)
    return Traces(group, tuple(sorted({word.partition("|")[2] for each in known for word in each})))


def erase(root: Path, whose: Traces, seen: Seen | None = None) -> Erased:
    """Leave the person `whose` out of the archive in folder `root`.

    Raises AwayError while a read is under way.
    """
    with Lock(root):
        base = load(root)
        if base is None:
            return Erased()
        made = _Without(root, base, whose, seen or (lambda _size: None))
        publish(root, made.manifest())
        _end_others(root, made.folder.name, made.numbers.values())
        return made.erased


def _end_others(root: Path, folder: str, reads: Iterable[int]) -> None:
    """Remove every generation and verbatim copy but the record's own: they hold what is to be gone."""
    kept = {name(read) for read in reads}
    for path in [*root.glob("gen-*"), root / "work"]:
        if path.name != folder:
            shutil.rmtree(path, ignore_errors=True)
    for copy in (root / "raw").iterdir():
        if copy.name not in kept:
            copy.unlink()


class _Without:
    """The generation that lacks somebody, written by being made."""

    def __init__(self, root: Path, base: Manifest, whose: Traces, seen: Seen) -> None:
        self.root, self.base, self.whose, self.seen = root, base, whose, seen
        self.erased, self.old = Erased(), root / base.folder
        self.folder = root / _free_name(root, base)
        free = (number for number in range(1, 10**4) if number not in base.reads)
        self.numbers = dict(zip(sorted(base.reads), free, strict=False))
        self.frames: list[pl.DataFrame] = []
        self.dropped: set[int] = set()
        for inside in ("data", superseded.FOLDER, "index", "metadata"):
            (self.folder / inside).mkdir(parents=True)
        for read in self.numbers:
            self._copy(read)
        self._index()
        self._columns()
        self._metadata()

    def manifest(self) -> Manifest:
        """Return what makes it the record; the number of reads that it is made of is the same."""
        reads = [self.numbers[read] for read in self.base.reads]
        events, subjects = self._counted["events"].sum(), self._counted.height
        folder = self.folder.name
        return replace(
            self.base, folder=folder, previous="", reads=reads, events=int(events), subjects=subjects
        )

    # --- the verbatim copy ---------------------------------------------------------------------

    def _copy(self, read: int) -> None:
        """Write the verbatim copy of one read without what is theirs."""
        import polars as pl

        rows = self._rows_of(read)
        original, copy = Original(self.root / "raw"), Copy(self.root / "raw" / name(self.numbers[read]))
        moved = []
        for (at,), here in rows.group_by("frame", maintain_order=True):
            moved.append((read, int(at), copy.add(self._struck(original.frame(read, int(at)), here))))
        copy.close()
        self.seen((self.root / "raw" / name(read)).stat().st_size)
        schema = {"read": pl.Int64, "frame": pl.UInt64, "moved": pl.UInt64}
        self.frames.append(pl.DataFrame(moved, schema, orient="row"))

    def _rows_of(self, read: int) -> pl.DataFrame:
        import polars as pl

        first = read << ORDER_BITS
        mine = pl.col("order").is_between(first, first + (1 << ORDER_BITS), closed="left")
        index = rest.scan(sorted((self.old / "index").glob("*.parquet"))).filter(mine)
        columns = ("order", "frame", "offset", "length", "fate", "source", self._theirs().alias("theirs"))
        return index.select(columns).sort("frame", "offset").collect()

    def _theirs(self) -> pl.Expr:
        import polars as pl

        of = pl.col("subject_id").is_in(self.whose.numbers).fill_null(False)
        return of | pl.col("source").is_in(self.whose.subjects).fill_null(False)

    def _struck(self, block: bytes, rows: pl.DataFrame) -> bytes:
        if not rows["theirs"].any() and not self.whose.named_in(block):
            return block
        left = bytearray(block)
        for order, _, at, length, fate, source, theirs in rows.iter_rows():
            raw = bytes(left[at : at + length])
            if not theirs and not self.whose.named_in(raw):
                continue
            # A Bundle on a line stands in the copy once more, entry by entry; what was refused is nobody's.
            if theirs or not source or fate == REJECTED:
                self.dropped.add(order)
                self.erased.resources += 1
                self.erased.sources += [source] if source else []
                left[at : at + length] = b" " * length
            else:
                self.erased.named += 1
                left[at : at + length] = self.whose.pattern.sub(_dashes, raw)
        return bytes(left)

    # --- columns ---------------------------------------------------------------------------------

    def _index(self) -> None:
        import polars as pl

        frames = pl.concat(self.frames)
        paths = sorted((self.old / "index").glob("*.parquet"))
        gone = pl.col("order").is_in(sorted(self.dropped))
        every = rest.scan(paths).select("file", "subject_id", gone.alias("gone")).collect() if paths else None
        self.files = _files_of_theirs(every) if every is not None else []
        for path in paths:
            rows = rest.read(path).filter(~gone).with_columns(read=pl.col("order") // (1 << ORDER_BITS))
            rows = rows.join(frames, on=["read", "frame"], how="left", maintain_order="left")
            rows = rows.with_columns(frame=pl.col("moved"), order=self._renumbered()).drop("moved", "read")
            if rows.height:
                rest.write(rows.with_columns(self._file()), self.folder / "index" / path.name, **WHOLE)

    def _renumbered(self) -> pl.Expr:
        import polars as pl

        width = 1 << ORDER_BITS
        new = {old: read * width for old, read in self.numbers.items()}
        read = (pl.col("order") // width).replace_strict(new, return_dtype=pl.Int64)
        return (read + pl.col("order") % width).alias("order")

    def _file(self) -> pl.Expr:
        """A file of theirs alone may be called after them."""
        import polars as pl

        theirs = pl.col("file").is_in(self.files)
        return pl.when(theirs).then(pl.lit("erased")).otherwise("file").alias("file")

    def _columns(self) -> None:
        import polars as pl

        keep, self.codes, self.counts = ~self._number(), list[pl.Series](), list[pl.DataFrame]()
        for inside in ("data", superseded.FOLDER):
            for path in sorted((self.old / inside).glob("*.parquet")):
                before = rest.read(path)
                rows = before.filter(keep).with_columns(self._renumbered(), self._file())
                if inside == "data":
                    self.erased.events += before.height - rows.height
                    self.codes.append(rows["code"].unique())
                    place = rows.with_row_index("start").group_by("subject_id", maintain_order=True)
                    self.counts.append(place.agg(pl.col("start").first()))
                if rows.height:
                    rest.write(rows, self.folder / inside / path.name, **WRITTEN)

    def _number(self) -> pl.Expr:
        import polars as pl

        return pl.col("subject_id").is_in(self.whose.numbers)

    def _metadata(self) -> None:
        import polars as pl

        old, new = self.old / "metadata", self.folder / "metadata"
        subjects = rest.read(old / "subjects.parquet").filter(~self._number())
        if self.counts:
            starts = pl.concat(self.counts)
            subjects = subjects.drop("start").join(starts, on="subject_id", how="left", maintain_order="left")
            subjects = subjects.select("subject_id", "start", pl.exclude("subject_id", "start"))
        self._counted = subjects
        rest.write(subjects, new / "subjects.parquet", **WRITTEN)
        people = rest.read(old / "people.parquet").filter(~pl.col("subject").is_in(self.whose.subjects))
        rest.write(self._parted(people), new / "people.parquet", **WRITTEN)
        left = refused.kept(self.old).filter(~pl.col("subject").is_in(self.whose.subjects))
        refused.keep(self.folder, left.with_columns(self._renumbered()) if left.height else left)
        if (old / marked.NAME).exists():
            labels = rest.read(old / marked.NAME).filter(~self._number())
            rest.write(labels.with_columns(self._renumbered()), new / marked.NAME, **WRITTEN)
        codes = rest.read(old / "codes.parquet")
        every = pl.concat(self.codes).unique() if self.codes else codes["code"].clear()
        rest.write(codes.filter(pl.col("code").is_in(every.implode())), new / "codes.parquet", **WRITTEN)
        for other in ("dataset.json", "drugs.parquet"):
            if (old / other).exists():
                rest.write_bytes(new / other, rest.read_bytes(old / other))
        told, gone = Told.of(self.old), {*self.erased.sources}
        changed = [source for source in told.changed if source not in gone]
        rest.write_bytes(self.folder / "account.json", msgspec.json.encode(Told(told.counts, changed)))

    def _parted(self, people: pl.DataFrame) -> pl.DataFrame:
        """Return people without the links that name them."""
        import polars as pl

        named_in = self.whose.named_in
        links = [
            [link for link in each or () if not named_in(link.encode())] for each in people["links"].to_list()
        ]
        return people.with_columns(pl.Series("links", links, dtype=people.schema["links"]))


def _dashes(found: re.Match[bytes]) -> bytes:
    kind, slash, known = found[0].rpartition(b"/")
    return kind + slash + b"-" * len(known)


def _files_of_theirs(index: pl.DataFrame) -> list[str]:
    """Return the files of which something was dropped, and in which nobody else's evidence stood."""
    import polars as pl

    others = index.filter(~pl.col("gone") & pl.col("subject_id").is_not_null())["file"].unique()
    return sorted({str(one) for one in index.filter("gone")["file"]} - {str(one) for one in others})


def _free_name(root: Path, base: Manifest) -> str:
    stem = f"gen-{base.generation:04d}"
    names = (f"{stem}-{number}" for number in count(1))
    return next(each for each in names if not (root / each).exists())
