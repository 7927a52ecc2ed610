"""Whether the records at rest are whole: every column can be read, every resource is where the index says.

Nothing but this reads all of an archive; a backup does so before and after, since what cannot be read is
no backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import EvidenceError
from salus.record import rest
from salus.record.account import Told
from salus.record.intake import ORDER_BITS
from salus.record.manifest import Manifest
from salus.record.verbatim import Original, name

if TYPE_CHECKING:
    import polars as pl

Seen = Callable[[int], object]
_METADATA = ("subjects.parquet", "people.parquet", "codes.parquet", "dataset.json")


def files(root: Path, manifest: Manifest) -> list[str]:
    """Return the files that `manifest` makes the record, as paths in `root`, in a stable order."""
    inside = root / manifest.folder
    found = [path for path in inside.rglob("*") if path.is_file()]
    raw = [f"raw/{name(read)}" for read in sorted(manifest.reads)]
    return [*sorted(str(path.relative_to(root)) for path in found), *raw]


def broken(root: Path, manifest: Manifest, seen: Seen | None = None) -> Iterator[str]:
    """Yield, in words, what of the records in `root` is gone, cannot be read or is not what was counted."""
    import polars as pl

    folder, done, rows = root / manifest.folder, seen or (lambda _size: None), 0
    for path in sorted(folder.rglob("*.parquet")):
        try:
            height = rest.read(path).height
        except (OSError, EvidenceError, pl.exceptions.PolarsError) as error:
            yield f"'{path.relative_to(root)}' cannot be read ({type(error).__name__})."
            continue
        rows += height if path.parent.name == "data" else 0
        done(path.stat().st_size)
    try:
        Told.of(folder)
    except EvidenceError:
        yield f"'{manifest.folder}/account.json' is gone or damaged."
    gone = [name for name in _METADATA if not (folder / "metadata" / name).is_file()]
    yield from (f"'{manifest.folder}/metadata/{name}' is gone." for name in gone)
    if rows != manifest.events:
        yield f"The columns hold {rows} events, and {manifest.events} were counted."
    yield from _not_indexed(folder)
    yield from _not_there(root, manifest, done)


def _not_indexed(folder: Path) -> Iterator[str]:
    """Say of how many resources there is evidence, and nothing in the index."""
    import polars as pl

    data, index = (sorted((folder / of).glob("*.parquet")) for of in ("data", "index"))
    if not data:
        return
    try:
        known = rest.scan(index).select("order") if index else pl.LazyFrame({"order": []})
        wanted = rest.scan(data).select(pl.col("order").unique())
        lost = wanted.join(known.cast(pl.Int64), on="order", how="anti").collect().height
    except (OSError, EvidenceError, pl.exceptions.PolarsError):
        # Which file that is was said before.
        return
    if lost:
        yield f"The index lacks {lost} resources of which there is evidence."


def _not_there(root: Path, manifest: Manifest, seen: Seen) -> Iterator[str]:
    """Yield which verbatim copies do not hold what the index looks for in them."""
    original = Original(root / "raw")
    for read, frames in _frames(sorted((root / manifest.folder / "index").glob("*.parquet"))):
        try:
            for at, end in frames:
                if len(original.frame(read, at)) < end:
                    raise EvidenceError("too short")
            seen((root / "raw" / name(read)).stat().st_size)
        except EvidenceError:
            yield f"'raw/{name(read)}' is gone, damaged, or not the one that the index is of."


def _frames(index: list[Path]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield of each read its frames, each with the end of the last resource in it."""
    import polars as pl

    if not index:
        return
    try:
        found = _ends(rest.scan(index)).collect()
    except (OSError, EvidenceError, pl.exceptions.PolarsError):
        # Which file that is was said before.
        return
    for (read,), rows in found.group_by("read", maintain_order=True):
        yield int(read), rows.select("frame", "end").rows()


def _ends(index: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    end = (pl.col("offset").cast(pl.UInt64) + pl.col("length")).max().alias("end")
    read = (pl.col("order") // (1 << ORDER_BITS)).alias("read")
    return index.group_by(read, "frame").agg(end).sort("read", "frame")
