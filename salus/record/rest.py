"""How columns and other files of an archive are read and written: as they are, or sealed where it has keys.

Every file of a generation goes through here, so that none of a sealed archive lies open by mistake; one that
does is refused, since whoever put it there had no key.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from salus.store.sealed import Sealing, vault_of

if TYPE_CHECKING:
    import polars as pl

_PIECE = 1 << 16


def read(path: Path) -> pl.DataFrame:
    """Return the columns in the file at `path`."""
    import polars as pl

    return pl.read_parquet(source(path), glob=False)


def scan(paths: Path | list[Path]) -> pl.LazyFrame:
    """Return the columns in files, lazily; sealed ones are held unpacked until they were looked at."""
    import polars as pl

    found = paths if isinstance(paths, list) else [paths]
    return pl.scan_parquet(cast(Any, [source(path) for path in found]), glob=False)


def write(rows: pl.DataFrame, path: Path, **how: Any) -> None:
    """Write columns to the new file `path`."""
    vault = vault_of(path)
    if vault is None:
        rows.write_parquet(path, **how)
        return
    held = io.BytesIO()
    rows.write_parquet(held, **how)
    vault.write_bytes(path, held.getbuffer())


def read_bytes(path: Path) -> bytes:
    """Return what the file at `path` holds."""
    vault = vault_of(path)
    return vault.read_bytes(path) if vault else path.read_bytes()


def write_bytes(path: Path, raw: bytes) -> None:
    """Write `raw` to the file at `path`."""
    vault = vault_of(path)
    if vault:
        vault.write_bytes(path, raw)
    else:
        path.write_bytes(raw)


def create(path: Path) -> BinaryIO:
    """Open the new file at `path` for writing; `end` brings it to the disk."""
    vault = vault_of(path)
    return cast(BinaryIO, vault.create(path)) if vault else path.open("wb")


def end(file: BinaryIO) -> None:
    """Bring what was written to the disk, and close it."""
    if isinstance(file, Sealing):
        file.end()
    file.flush()
    os.fsync(file.fileno())
    file.close()


def pieces(path: Path, at: int) -> Iterator[bytes]:
    """Yield what the file at `path` holds from byte `at` on, piece by piece."""
    vault = vault_of(path)
    if vault is not None:
        with vault.open(path) as sealed:
            yield from sealed.pieces(at)
        return
    with path.open("rb") as file:
        file.seek(at)
        while piece := file.read(_PIECE):
            yield piece


def source(path: Path) -> Path | io.BytesIO:
    """Return what Polars reads the file at `path` from."""
    vault = vault_of(path)
    return path if vault is None else io.BytesIO(vault.read_bytes(path))
