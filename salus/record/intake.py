"""Intake: resources on their way into an archive; decoded, counted, copied verbatim, laid out as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, repeat, takewhile
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.record.account import Account, Reject
from salus.record.columns import Columns, Vocabulary, framed, from_rows
from salus.record.fhir_decode import Near, guess, patient_of, read
from salus.record.fhir_reasons import ANOTHER_SERVERS, NOT_TEXT, is_text
from salus.record.fhir_rows import Row
from salus.record.homes import Homes
from salus.record.identity import Person, person
from salus.record.marked import WORD, Marked, labels_in
from salus.record.refused import Refused, refused
from salus.record.sheets import NOT_PLAIN, SHEETS, Words, sheet
from salus.record.spill import Spill
from salus.record.verbatim import Copy, name

if TYPE_CHECKING:
    import polars as pl

CONTEXT, EVENTS, REJECTED = range(3)
# Resources or rows gathered as Python objects before they become columns; more would leave the cache.
_POURED = 1 << 14
ORDER_BITS = 40
SUBJECTS = ["subject", "subject_id"]
_BOM = b"\xef\xbb\xbf"


def subject_number(subject: str) -> int:
    """Return the stable number of ``Patient/<id>``: 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") >> 1


def source_part(source: str, parts: int) -> int:
    """Return the part of the index that holds `source`, by the end of its id."""
    try:
        return int(source[-2:], 36) % parts if source[-2:].isascii() else 0
    except ValueError:
        return 0


class _Numbers(dict[str, int]):
    """Subject numbers by reference (-1: no patient's here); `met` are those since it was last emptied."""

    def __init__(self, near: Near) -> None:
        self.met: dict[str, int] = {}
        self._near = near

    def __missing__(self, told: str) -> int:
        if len(self) > 1 << 16:
            self.clear()
        subject, number = patient_of(told, self._near), -1
        if subject:
            self.met[subject] = number = subject_number(subject)
        self[told] = number
        return number


@cache
def index_schema() -> dict[str, Any]:
    """Return the columns of the index: one row a resource, where it stands and what became of it.

    order: 2^40 times the number of the read, plus its place in it. frame, offset, length: where its
    bytes are in the verbatim copy. stands: whether it is the copy that counts, as far as is known.
    """
    import polars as pl

    return {
        "source": pl.String, "subject_id": pl.Int64, "fate": pl.UInt8, "file": pl.UInt32, "line": pl.UInt32,
        "frame": pl.UInt64, "offset": pl.UInt32, "length": pl.UInt32, "reason": pl.String, "url": pl.String,
        "order": pl.Int64,
    }  # fmt: skip


def nothing_indexed() -> pl.DataFrame:
    """Return an index as it is at rest, without a row."""
    import polars as pl

    return pl.DataFrame(schema={**index_schema(), "file": pl.String, "stands": pl.Boolean})


class Intake:
    """Takes resources of one read, batch by batch, into spills that `settle` turns into an archive."""

    def __init__(self, root: Path, work: Path, number: int, parts: int, homes: Homes) -> None:
        import polars as pl

        self.number, self.parts, self.homes = number, parts, homes
        self.account, self.near, self.words = Account(), Near(waits=True), Vocabulary()
        self.files: list[str] = []
        # Each with the order of the copy that says so.
        self.people: list[tuple[int, Person]] = []
        self.refused: list[tuple[int, Refused]] = []
        self.marked: list[Marked] = []
        self.subjects: list[pl.DataFrame] = []
        self._order = number << ORDER_BITS
        self.copy = Copy(root / "raw" / name(number))
        width = (1 << 63) // parts + 1
        self.events = Spill(work / "events", parts, lambda: pl.col("subject_id") // width)
        self.index = Spill(work / "index", parts, lambda: pl.col("part"))
        self._bundles: list[tuple[int, bytes]] = []
        self.near.ours, self.near.elsewhere = homes.is_ours, homes.is_elsewhere
        self._numbers = _Numbers(self.near)
        self._words = Words(self.words)
        self._clear()

    def _clear(self) -> None:
        # Evidence, from the reference decoder row by row and from sheets column by column; and the place
        # in the lists below of the resource that each came from.
        self._rows: list[Row] = []
        self._of_rows: list[int] = []
        self._sheet = Columns()
        self._of_sheet: list[int] = []
        # One entry a resource: what it is called, whose it is, where it stands.
        self._sources: list[str] = []
        self._owners: list[int | None] = []
        self._files: list[int] = []
        self._lines: list[int] = []
        self._frames: list[int] = []
        self._starts: list[int] = []
        self._lengths: list[int] = []
        # By place in the lists above; few resources have one.
        self._reasons: dict[int, str] = {}
        self._urls: dict[int, str] = {}

    def file(self, named: str) -> int:
        """Register a file (or other place) and return its number."""
        self.files.append(named)
        return len(self.files) - 1

    def block(self, block: bytes, file: int, first: int, hint: str) -> tuple[int, str]:
        """Take a block of NDJSON; return how many lines it had and the type that was last seen."""
        if first == 1:
            block = block.removeprefix(_BOM)
        raws = block.split(b"\n")
        if not raws[-1]:
            raws.pop()
        if not hint and raws:
            hint = guess(raws[0])
        return len(raws), self._take(raws, block, file, first, hint)

    def announce(self, entries: Sequence[tuple[bytes, str]]) -> None:
        """Learn what the entries of a Bundle (resource, full URL) are called: they hold within it only."""
        self.near.urls.clear()
        self.homes.expect(entries)
        for raw, url in entries:
            self.near.announce(raw, url)

    def resources(self, raws: Sequence[bytes], file: int, first: int, urls: Sequence[str]) -> None:
        """Take resources that stand in a Bundle; a line break inside one is only white space."""
        flat = [raw.replace(b"\n", b" ").replace(b"\r", b" ") for raw in raws]
        self._take(flat, b"\n".join(flat) + b"\n", file, first, "", urls)

    def bundles(self) -> list[tuple[int, bytes]]:
        """Return the Bundles that stood on lines of the last block, with their lines, once."""
        found, self._bundles = self._bundles, []
        return found

    def refuse(self, rest: bytes, file: int, line: int, reason: str) -> None:
        """Count what cannot even be taken for a resource, and keep what of it there is."""
        at = self.copy.add(rest.replace(b"\n", b" ") + b"\n")
        self._place([rest or b"-"], [line], file, at)
        self._lengths[-1] = len(rest)
        self._reject(len(self._sources) - 1, "", reason)
        self.account.resources += 1

    def _take(  # noqa: PLR0917 (a batch and where it stands)
        self, raws: list[bytes], block: bytes, file: int, first: int, hint: str, urls: Sequence[str] = ()
    ) -> str:
        """Take one batch; return the type that was last seen."""
        base, text = len(self._sources), is_text(block)
        lines = self._place(raws, range(first, first + len(raws)), file, self.copy.add(block))
        if len(lines) != len(raws):
            raws = [raws[line - first] for line in lines]
            urls = [urls[line - first] for line in lines] if urls else ()
        left: Iterable[int] = range(len(raws))
        if text and not urls and hint in SHEETS:
            left = self._take_sheet(raws, hint, base)
        for at in left:
            raw = raws[at]
            if text or is_text(raw):
                hint = self._take_one(raw, base + at, hint, urls[at] if urls else None) or hint
            else:
                self._refused(raw, base + at, "", NOT_TEXT, urls[at] if urls else "")
        if WORD in block:
            self._mark(raws, base)
        self.account.resources += len(raws)
        if len(self._sources) >= _POURED:
            self.pour()
        return hint

    def _mark(self, raws: list[bytes], base: int) -> None:
        """Note which resources of a batch carry security labels, and what each of them is called."""
        said = {base + at: found for at, raw in enumerate(raws) if (found := labels_in(raw))}
        inside: dict[int, list[str]] = {at: [] for at in said}
        for at, row in zip(self._of_rows, self._rows, strict=True):
            if at in inside:
                inside[at].append(row[8])
        whose = {at: self._owners[at] for at in said}
        for order, left in takewhile(lambda one: one[0] >= self._order + base, reversed(self.refused)):
            if order - self._order in inside:
                inside[order - self._order] += (row[8] for row in left.rows)
                whose[order - self._order] = subject_number(left.subject)
        self.marked += [
            Marked(self._order + at, whose[at], (self._sources[at], *inside[at]), labels)
            for at, labels in said.items()
            if self._sources[at]
        ]

    def _take_one(self, raw: bytes, at: int, hint: str, url: str | None) -> str:
        """Take one resource by the reference decoder; return its type. url: None on a line of its own."""
        kind, source, subject, found, reason = read(raw, hint, self.near, url or "")
        if kind == "Bundle" and url is None:
            # A Bundle on a line is no resource of its own: its entries are taken after this batch.
            self._bundles.append((self._lines[at], raw))
            self.account.resources -= 1
            return kind
        if subject and url and not self.homes.entry(url, source, self.files[self._files[at]]):
            reason = ANOTHER_SERVERS
        # By the name that it has elsewhere, nobody looks for it here.
        source = "" if reason == ANOTHER_SERVERS else source
        self._sources[at] = source
        if url:
            self._urls[at] = url
        if reason:
            self._refused(raw, at, source, reason, url or "")
        elif subject:
            self._owners[at] = self._numbers[subject]
            self._rows += found
            self._of_rows += repeat(at, len(found))
            self.account.as_events[kind] += 1
            if kind == "Patient":
                self.people.append((self._order + at, person(source, raw, self.near.named)))
        else:
            self.account.as_context[kind] += 1
        return kind

    def _take_sheet(self, raws: list[bytes], kind: str, base: int) -> Iterable[int]:
        """Take what is plain of a batch of one type, column by column; return the places of the rest."""
        try:
            taken = sheet(kind, raws, self._words, self._numbers)
        except NOT_PLAIN:
            return range(len(raws))
        self._sheet.add(taken)
        self.account.as_events[kind] += len(taken.places)
        if len(taken.places) == len(raws):
            self._sources[base:], self._owners[base:] = taken.sources, taken.owners
            self._of_sheet += [base + at for at in taken.made.of]
            return ()
        for at, source, owner in zip(taken.places, taken.sources, taken.owners, strict=True):
            self._sources[base + at], self._owners[base + at] = source, owner
        self._of_sheet += [base + taken.places[at] for at in taken.made.of]
        return sorted(set(range(len(raws))).difference(taken.places))

    def _place(self, raws: Sequence[bytes], lines: Sequence[int], file: int, frame_at: int) -> Sequence[int]:
        """Note where each resource of a batch stands; return the lines that are not blank."""
        lengths = list(map(len, raws))
        # Each begins where those before it and their line breaks end.
        starts = list(map(add, accumulate(lengths, initial=0), range(len(lengths))))
        if not all(raws) or any(map(bytes.isspace, raws)):
            kept = [at for at, raw in enumerate(raws) if raw.strip()]
            lines = [lines[at] for at in kept]
            lengths, starts = [lengths[at] for at in kept], [starts[at] for at in kept]
        self._sources += repeat("", len(lines))
        self._owners += repeat(None, len(lines))
        self._lengths += lengths
        self._starts += starts
        self._lines += lines
        self._files += repeat(file, len(lines))
        self._frames += repeat(frame_at, len(lines))
        return lines

    def _refused(self, raw: bytes, at: int, source: str, reason: str, url: str) -> None:
        """Count a reject, and keep what it leaves of its patient."""
        left = refused(raw, reason, self.near, url)
        if left is not None:
            self.refused.append((self._order + at, left))
            source = source or left.source
        self._reject(at, source, reason)

    def _reject(self, at: int, source: str, reason: str) -> None:
        self._sources[at] = source
        self._reasons[at] = reason
        file, line = self.files[self._files[at]], self._lines[at]
        self.account.rejected.append(Reject(file, line, reason))

    def resolved(self) -> list[tuple[str, ...]]:
        """Return the vocabulary by number, with the codes of medications that came after their mention."""
        drugs = self.near.medications
        return [drugs.get(codes[0], codes) for codes in self.words]

    def pour(self) -> None:
        """Turn what was gathered into columns."""
        import polars as pl

        if self._sources:
            index = self._indexed()
            self.index.add(with_part(index, self.parts))
            whose = index.select("subject_id", "file", "line", "order", "source")
            if self._rows:
                self.events.add(framed(from_rows(self._rows, self.words), whose, self._of_rows))
            if self._of_sheet:
                self.events.add(framed(self._sheet, whose, self._of_sheet))
        if self._numbers.met:
            self.subjects.append(pl.DataFrame(list(self._numbers.met.items()), SUBJECTS, orient="row"))
            self._numbers.met = {}
        self._clear()

    def _indexed(self) -> pl.DataFrame:
        """Return the index rows of what was gathered: where each resource stands and what became of it."""
        import polars as pl

        size = len(self._sources)
        columns: dict[str, list[Any]] = {
            "source": self._sources, "subject_id": self._owners, "line": self._lines, "frame": self._frames,
            "offset": self._starts, "length": self._lengths, "file": self._files,
            "reason": _sparse(self._reasons, size), "url": _sparse(self._urls, size),
        }  # fmt: skip
        types = index_schema()
        made = pl.DataFrame([pl.Series(name, column, dtype=types[name]) for name, column in columns.items()])
        order = pl.int_range(self._order, self._order + size, dtype=types["order"], eager=True)
        self._order += size
        refused, owned = pl.col("reason").is_not_null(), pl.col("subject_id").is_not_null()
        fate = pl.when(refused).then(REJECTED).when(owned).then(EVENTS).otherwise(CONTEXT).cast(pl.UInt8)
        file = pl.Series(self.files, dtype=pl.String).gather(made["file"])
        stands = pl.lit(True).alias("stands")
        return made.with_columns(fate.alias("fate"), file.alias("file"), order.alias("order"), stands)


def _sparse(some: dict[int, str], size: int) -> list[str | None]:
    found: list[str | None] = [None] * size
    for at, text in some.items():
        found[at] = text or None
    return found


def with_part(index: pl.DataFrame, parts: int) -> pl.DataFrame:
    """Return index rows with the number of the part in which each is kept."""
    import polars as pl

    last = pl.col("source").str.tail(2).str.to_integer(base=36, strict=False)
    return index.with_columns((last.fill_null(0) % parts).cast(pl.UInt32).alias("part"))
