"""Intake: resources on their way into an archive; decoded, counted, copied verbatim, laid out as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from salus.record.account import Account
from salus.record.columns import Vocabulary, frame
from salus.record.fhir_decode import Near, read
from salus.record.fhir_rows import Row
from salus.record.identity import Person, person
from salus.record.spill import Spill
from salus.record.verbatim import Copy, name

if TYPE_CHECKING:
    import polars as pl

CONTEXT, EVENTS, REJECTED = range(3)
_POURED = 1 << 15
ORDER_BITS = 40
SUBJECTS = ["subject", "subject_id"]
_BOM = b"\xef\xbb\xbf"


def subject_number(subject: str) -> int:
    """Return the stable number of ``Patient/<id>``: 63 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") >> 1


def source_part(source: str, parts: int) -> int:
    """Return the part of the index that holds `source`."""
    return crc32(source.encode()) % parts if parts > 1 else 0


class _Numbers(dict[str, int]):
    """Subject numbers that were worked out; `met` are those met since it was last emptied."""

    def __init__(self) -> None:
        self.met: dict[str, int] = {}

    def __missing__(self, subject: str) -> int:
        if len(self) > 1 << 16:
            self.clear()
        self[subject] = self.met[subject] = number = subject_number(subject)
        return number


@cache
def index_schema() -> dict[str, Any]:
    """Return the columns of the index: one row a resource, where it stands and what became of it.

    order: 2^40 times the number of the read, plus its place in it; a later copy of a resource has a
    higher one. frame, offset, length: where its bytes are in the verbatim copy.
    """
    import polars as pl

    return {
        "source": pl.String, "subject_id": pl.Int64, "fate": pl.UInt8, "file": pl.UInt32, "line": pl.UInt32,
        "frame": pl.UInt64, "offset": pl.UInt32, "length": pl.UInt32, "reason": pl.String, "url": pl.String,
        "order": pl.Int64,
    }  # fmt: skip


class Intake:
    """Takes resources of one read, batch by batch, into spills that `settle` turns into an archive."""

    def __init__(self, root: Path, work: Path, number: int, parts: int) -> None:
        import polars as pl

        self.number, self.parts = number, parts
        self.account, self.near, self.words = Account(), Near(), Vocabulary()
        self.files: list[str] = []
        self.people: list[Person] = []
        self.subjects: list[pl.DataFrame] = []
        self._order = number << ORDER_BITS
        self.copy = Copy(root / "raw" / name(number))
        width = (1 << 63) // parts + 1
        self.events = Spill(work / "events", parts, lambda: pl.col("subject_id") // width)
        self.index = Spill(work / "index", parts, lambda: pl.col("part"))
        self._numbers = _Numbers()
        self._clear()

    def _clear(self) -> None:
        self._rows: list[Row] = []
        # Beside each row: its subject's number, file, line and order.
        self._owners: list[tuple[int, int, int, int]] = []
        self._index: list[tuple[Any, ...]] = []

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
        return len(raws), self._take(raws, block, (file, first), hint, None)

    def resources(self, raws: Sequence[bytes], file: int, first: int, urls: Sequence[str]) -> None:
        """Take resources that stand in a Bundle; a line break inside one is only white space."""
        flat = [raw.replace(b"\n", b" ").replace(b"\r", b" ") for raw in raws]
        if flat:
            self._take(flat, b"\n".join(flat) + b"\n", (file, first), "", urls)

    def refuse(self, rest: bytes, file: int, line: int, reason: str) -> None:
        """Count what cannot even be taken for a resource, and keep what of it there is."""
        at = self.copy.add(rest.replace(b"\n", b" ") + b"\n") if rest else 0
        self.account.reject(self.files[file], line, reason)
        self._order += 1
        self._index.append(("", None, REJECTED, file, line, at, 0, len(rest), reason, None, self._order))

    def _take(
        self, raws: list[bytes], block: bytes, place: tuple[int, int], hint: str, urls: Sequence[str] | None
    ) -> str:
        """Take one batch: the hot path, so everything that it needs is a local name."""
        (file, first), account, near, numbers = place, self.account, self.near, self._numbers
        frame_at, text = self.copy.add(block), _is_text(block)
        rows, owners, index, order = self._rows, self._owners, self._index, self._order
        events, context = account.as_events, account.as_context
        start, url = 0, ""
        for line, raw in enumerate(raws, first):
            at, length = start, len(raw)
            start += length + 1
            if length < 3 and not raw.strip():
                continue
            if urls is not None:
                url = urls[line - first]
            if text or _is_text(raw):
                kind, source, subject, found, reason = read(raw, hint, near, url)
            else:
                kind, source, subject, found, reason = hint, "", "", (), "not UTF-8"
            order += 1
            if found:
                number = numbers[subject]
                if len(found) == 1:
                    rows.append(found[0])
                    owners.append((number, file, line, order))
                else:
                    rows += found
                    owners += [(number, file, line, order)] * len(found)
                events[kind] += 1
                index.append(
                    (source, number, EVENTS, file, line, frame_at, at, length, None, url or None, order)
                )
                if kind == "Patient":
                    self.people.append(person(source, raw))
            elif reason:
                account.reject(self.files[file], line, reason)
                index.append(
                    (source, None, REJECTED, file, line, frame_at, at, length, reason, url or None, order)
                )
            else:
                context[kind] += 1
                index.append(
                    (source, None, CONTEXT, file, line, frame_at, at, length, None, url or None, order)
                )
            hint = kind or hint
        self._order = order
        account.resources = events.total() + context.total() + len(account.rejected)
        if len(rows) >= _POURED or len(index) >= _POURED:
            self.pour()
        return hint

    def resolved(self) -> list[tuple[str, ...]]:
        """Return the vocabulary by number, with the codes of medications that came after their mention."""
        drugs = self.near.medications
        return [drugs.get(codes[0], codes) for codes in self.words]

    def pour(self) -> None:
        """Turn what was gathered into columns."""
        import polars as pl

        if self._rows:
            self.events.add(frame(self._rows, self._owners, self.words))
        if self._index:
            made = pl.DataFrame(self._index, schema=index_schema(), orient="row")
            made = made.with_columns(pl.Series(self.files).gather(made["file"]).alias("file"))
            self.index.add(with_part(made, self.parts))
        if self._numbers.met:
            self.subjects.append(pl.DataFrame(list(self._numbers.met.items()), SUBJECTS, orient="row"))
            self._numbers.met = {}
        self._clear()


def with_part(index: pl.DataFrame, parts: int) -> pl.DataFrame:
    """Return index rows with the number of the part in which each is kept."""
    import polars as pl

    if parts == 1:
        return index.with_columns(pl.lit(0, dtype=pl.UInt32).alias("part"))
    found = [crc32(source.encode()) % parts for source in index["source"]]
    return index.with_columns(pl.Series("part", found, dtype=pl.UInt32))


def _is_text(raw: bytes) -> bool:
    """Whether `raw` is UTF-8."""
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
