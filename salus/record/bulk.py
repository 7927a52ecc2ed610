"""Bulk in: a FHIR export (a Bundle, a folder or stream of NDJSON, plain or packed) into an archive.

Memory does not grow with the export: lines come in blocks, columns go to disk by part, and each part is
sorted by itself. A broken line costs that line.
"""

from __future__ import annotations

import errno
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from time import process_time
from typing import Any

import msgspec

from salus.core.errors import AwayError, EvidenceError, UserError
from salus.record import manifest, places
from salus.record.account import Account
from salus.record.archive import Archive
from salus.record.fhir_bundle import entries
from salus.record.fhir_decode import named
from salus.record.fhir_types import MALFORMED
from salus.record.homes import Homes, exports
from salus.record.intake import Intake
from salus.record.settle import settle

# Unpacked bytes of FHIR whose evidence is sorted in memory at once; past `_MANY` parts, where the files of
# each would be many and small, it grows with the square root of the export.
_PART = 1 << 24
_MANY = 64
# Lines looked at to tell NDJSON from one document that is broken, and how a first line of the latter may end.
_LOOKED_AT = 50
_OPENS = (b"[", b"{", b":", b",")
_PARTS_OF_A_STREAM = 32
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Progress = Callable[..., Any]


def read_place(
    place: str,
    archive: Path,
    progress: Progress | None = None,
    *,
    same_ids: bool = False,
    caller: str = "",
) -> Account:
    """Read every FHIR resource at `place` into the archive in folder `archive`; return the account.

    place: a file, a folder, a pipe, or ``-``. progress: makes a progress bar, as tqdm does. A resource that
    was read before is replaced by the later copy. same_ids: its ids and the archive's are of the same people,
    whichever servers they come from. caller: the server of an EHR whose ids are used beside the archive.
    Raises UserError when there is nothing to read or the place is the archive itself, AwayError when another
    read into the same archive is under way, RefusedError when two people would share an id.
    """
    if place == places.STDIN or places.is_stream(place):
        path = None if place == places.STDIN else Path(place)
        stream = partial(_stream, path=path, name=place, seen=None)
        return into(archive, 0, stream, same_ids=same_ids, caller=caller)
    refuse_itself(Path(place).resolve(), archive.resolve())
    found, passed = places.files(place)
    root = Path(place) if Path(place).is_dir() else Path(place).parent
    if root == Path(place):
        # A linked folder may lead back to the archive.
        for folder in {path.parent.resolve() for path in found}:
            refuse_itself(folder, archive.resolve())
    told = exports(found) if root == Path(place) else {}
    found = [path for path in found if path not in told]
    passed += [f"{path.relative_to(root)} (the export's own manifest)" for path in told]
    with _bar(progress, sum(path.stat().st_size for path in found)) as seen:

        def fill(intake: Intake) -> None:
            for path, server in told.items():
                intake.homes.met(server, str(path.relative_to(root)))
            _files(intake, found, root, seen)

        account = into(archive, places.size(found), fill, same_ids=same_ids, caller=caller)
    account.notes += [f"passed over: {name}" for name in passed]
    return account


def refuse_itself(place: Path, archive: Path) -> None:
    """Refuse a place that is the archive, holds it or lies in it."""
    if archive in (place, *place.parents) or place in archive.parents:
        raise UserError(
            f"'{place}' is, holds or lies in the archive '{archive}', whose own copies are no new evidence: "
            "name the export alone, or put the archive elsewhere with --archive."
        )


def into(
    archive: Path,
    size: int,
    fill: Callable[[Intake], None],
    *,
    same_ids: bool = False,
    caller: str = "",
) -> Account:
    """Let `fill` put resources (about `size` bytes, 0: unknown) into the archive; all of it or nothing.

    Raises AwayError when there is no room for it, RefusedError when two people would share an id.
    """
    import polars  # noqa: F401 (loading it is no part of the reading)

    began = process_time()
    with _room(archive):
        archive.mkdir(parents=True, exist_ok=True)
        account = _into(archive, size, fill, lambda base: Homes.of(base, same_ids, caller))
    account.cpu_seconds = process_time() - began
    return account


def _into(
    archive: Path,
    size: int,
    fill: Callable[[Intake], None],
    homes: Callable[[manifest.Manifest | None], Homes],
) -> Account:
    with manifest.Lock(archive):
        base = manifest.load(archive)
        manifest.sweep(archive, base)
        work = archive / "work"
        parts = max(_parts(size), base.parts if base else 1)
        number = max(base.reads, default=0) + 1 if base else 1
        intake = Intake(archive, work, number, parts, homes(base))
        if base is not None:
            _recall_drugs(archive, base, intake)
        try:
            with _no_collector():
                fill(intake)
                settle(archive, intake, base, work)
        except BaseException:
            with suppress(OSError):
                intake.copy.close()
            manifest.sweep(archive, base)
            raise
        shutil.rmtree(work, ignore_errors=True)
    return intake.account


@contextmanager
def _room(archive: Path) -> Iterator[None]:
    """Say in words that what is written does not fit: on the disk, in a quota, in a file."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        # Polars repeats in its words what the system said.
        full = next((os.strerror(number) for number in _FULL if _is(error, number)), "")
        if not full:
            raise
        raise AwayError(
            f"The archive '{archive}' cannot be written ({full}): make room there, or put the archive "
            "elsewhere with --archive, and read again; nothing of this read was kept."
        ) from None


def _is(error: Exception, number: int) -> bool:
    return getattr(error, "errno", None) == number or os.strerror(number) in str(error)


def _parts(size: int) -> int:
    wanted = size // _PART + 1 if size else _PARTS_OF_A_STREAM
    return wanted if wanted <= _MANY else int(_MANY * (wanted / _MANY) ** 0.5)


def _recall_drugs(archive: Path, base: manifest.Manifest, intake: Intake) -> None:
    """Let new orders refer to medications that came with an earlier read."""
    for source, raw in Archive(archive, base).standing("Medication"):
        intake.near.keep(source, raw)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Let no garbage be looked for: a read makes none, and looking through its rows costs a fifth of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # All that was made meanwhile counts as old, or it would be looked through at once.
        gc.freeze()
        gc.unfreeze()
        if was:
            gc.enable()


class _bar:
    """A progress bar over bytes, or none."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._made = progress and progress(total=total, desc="Reading", unit="B", unit_scale=True)

    def __enter__(self) -> Callable[[int], object] | None:
        return getattr(self._made, "update", None)

    def __exit__(self, *_: object) -> None:
        close = getattr(self._made, "close", None)
        if close is not None:
            close()


def _files(intake: Intake, found: list[Path], root: Path, seen: Callable[[int], object] | None) -> None:
    for path in found:
        _stream(intake, path, str(path.relative_to(root)), seen)


def _stream(intake: Intake, path: Path | None, name: str, seen: Callable[[int], object] | None) -> None:
    """Read one file (None: standard input) as lines, or as one document when its first line is none."""
    blocks = places.blocks(_named(name, places.chunks(path, seen)))
    first = b""
    try:
        first = next((block for block in blocks if block.strip()), b"")
    except places.BrokenOff as broken:
        intake.refuse(broken.rest, intake.file(name), 1, str(broken))
        return
    lined = path is not None and places.kind_of(path) in (".ndjson", ".jsonl")
    alone = path is not None and path.is_file() and _is_alone(first)
    if lined or (_is_lined(first) and not alone):
        _lines(intake, chain((first,), blocks), name)
    else:
        _document(intake, chain((first,), blocks), name)


def _named(name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a file; say which one it is when it cannot be read."""
    try:
        yield from pieces
    except OSError as error:
        raise AwayError(
            f"'{name}' cannot be read ({error.strerror or type(error).__name__}): see to the file or its "
            "disk, and read again; nothing of this read was kept."
        ) from None


def _is_lined(block: bytes) -> bool:
    """Whether each line is a resource by itself, any of which may be broken; else it is one document.

    A document too may have a resource alone on a line: there, what stands before it is its beginning.
    """
    block = block.lstrip(b"\xef\xbb\xbf \t\r\n")
    lines = block.split(b"\n")
    if _is_resource(lines[0]):
        return True
    if _goes_on(block):
        return False
    if lines[0].rstrip()[-1:] in _OPENS:
        some = lines[:_LOOKED_AT]
        return 2 * sum(map(_is_resource, some)) >= len(some)
    return any(map(_is_resource, lines))


def _goes_on(block: bytes) -> bool:
    """Whether nothing is wrong with `block` as JSON but that it is not at its end."""
    try:
        msgspec.json.decode(block)
    except msgspec.MsgspecError as error:
        return str(error) == "Input data was truncated"
    except (RecursionError, UnicodeDecodeError):
        return False
    return True


def _is_resource(line: bytes) -> bool:
    try:
        return bool(named(line).resourceType)
    except MALFORMED:
        return False


def _is_alone(block: bytes) -> bool:
    return not block.strip().partition(b"\n")[2]


def _lines(intake: Intake, blocks: Iterator[bytes], name: str) -> None:
    file, line, hint = intake.file(name), 1, ""
    try:
        for block in blocks:
            count, hint = intake.block(block, file, line, hint)
            line += count
            for at, raw in intake.bundles():
                _bundle(intake, raw, f"{name}#{at}")
    except places.BrokenOff as broken:
        intake.refuse(broken.rest, file, line, str(broken))


def _document(intake: Intake, blocks: Iterator[bytes], name: str) -> None:
    held: list[bytes] = []
    try:
        held.extend(blocks)
    except places.BrokenOff as broken:
        intake.refuse(b"".join([*held, broken.rest]), intake.file(name), 1, str(broken))
        return
    whole = b"".join(held).removeprefix(b"\xef\xbb\xbf").strip()
    if whole:
        _bundle(intake, whole, name)


def _bundle(intake: Intake, raw: bytes, name: str) -> None:
    """Take a Bundle's entries, or the one resource that `raw` is."""
    file = intake.file(name)
    try:
        found = entries(raw)
        resources = [(raw, "")] if found is None else [(bytes(entry), url) for entry, url in found]
    except EvidenceError as error:
        intake.refuse(raw, file, 1, str(error))
        return
    intake.announce(resources)
    for start in range(0, len(resources), 256):
        batch = resources[start : start + 256]
        intake.resources([one for one, _ in batch], file, start + 1, [url for _, url in batch])
