"""Where a FHIR export lies and how its bytes come out: files, folders, standard input; plain or packed.

Blocks hold whole lines and stay small, so that memory does not grow with the file. A compressed file that
breaks off gives what came before, and then an EvidenceError that says so.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from salus.core.errors import EvidenceError, UserError

BLOCK = 1 << 18
# A line longer than this is no resource that anyone meant to send, and would not fit in memory for ever.
LONGEST_LINE = 1 << 28
STDIN = "-"
_PACKED = (".gz", ".zst", ".zstd")
_FHIR = (".json", ".ndjson", ".jsonl")


def files(place: str) -> tuple[list[Path], list[str]]:
    """Return the FHIR files at `place`, in a fixed order, and the names of files passed over.

    Raises UserError when there is nothing there that could be FHIR.
    """
    root = Path(place)
    if root.is_file():
        return [root], []
    if not root.is_dir():
        raise UserError(f"'{place}' is not there. Name a FHIR file, a folder of them, a server's URL, or -.")
    every = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = [path for path in every if kind_of(path) in _FHIR]
    if not found:
        raise UserError(
            f"'{place}' holds no FHIR: no file ends in {', '.join(_FHIR)} (or these with .gz, .zst)."
        )
    return found, [str(path.relative_to(root)) for path in every if path not in set(found)]


def kind_of(path: Path) -> str:
    """Return the ending that says what is inside, without that of the compression."""
    name = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return name.suffix.lower()


def size(paths: list[Path]) -> int:
    """Return about how many bytes the files hold when unpacked (FHIR shrinks about twelvefold)."""
    return sum(path.stat().st_size * (12 if path.suffix in _PACKED else 1) for path in paths)


def chunks(path: Path | None, seen: Callable[[int], object] | None = None) -> Iterator[bytes]:
    """Yield the unpacked bytes of a file (None: standard input), whatever its name says.

    seen: told of the bytes read from disk. Raises EvidenceError where packed bytes break off or are damaged.
    """
    if path is None:
        yield from _unpacked(sys.stdin.buffer, seen)
        return
    with path.open("rb") as stream:
        yield from _unpacked(stream, seen)


def _unpacked(stream: BinaryIO, seen: Callable[[int], object] | None) -> Iterator[bytes]:
    packed = iter(lambda: stream.read(BLOCK), b"")
    for first in packed:
        unpack = _gzip if first[:2] == b"\x1f\x8b" else _zstd if first[:4] == b"\x28\xb5\x2f\xfd" else _plain
        yield from unpack(_told(first, packed, seen))


def _told(first: bytes, rest: Iterator[bytes], seen: Callable[[int], object] | None) -> Iterator[bytes]:
    for piece in chain((first,), rest):
        yield piece
        if seen is not None:
            seen(len(piece))


def _plain(packed: Iterator[bytes]) -> Iterator[bytes]:
    return packed


def _gzip(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=31)
    for piece in packed:
        rest = piece
        while rest:
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=31)
            try:
                yield inflate.decompress(rest, BLOCK)
            except zlib.error:
                raise EvidenceError("the gzip data are damaged here") from None
            rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            # Bytes of nothing but padding may follow the last member.
            rest = b"" if inflate.eof and not rest.strip(b"\0") else rest
    while not inflate.eof:
        more = inflate.decompress(inflate.unconsumed_tail, BLOCK)
        if not more:
            raise EvidenceError("the gzip file breaks off here")
        yield more


def _zstd(packed: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    inflate = zstandard.ZstdDecompressor().decompressobj()
    for piece in packed:
        # Fed little by little: what comes out at once stays small however well it was packed.
        for start in range(0, len(piece), 1 << 14):
            rest = piece[start : start + (1 << 14)]
            while rest:
                if inflate.eof:
                    inflate = zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield inflate.decompress(rest)
                except zstandard.ZstdError:
                    raise EvidenceError("the Zstandard data are damaged here") from None
                rest = inflate.unused_data if inflate.eof else b""
    if not inflate.eof:
        raise EvidenceError("the Zstandard file breaks off here")


class BrokenOff(EvidenceError):
    """A file that does not come to its end; `rest` is what of the last line was there."""

    rest: bytes = b""


def blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks of whole lines; the last one may lack its line end.

    Raises BrokenOff after the last whole line when the bytes break off, or a line has no end.
    """
    carry: list[bytes] = []
    held = 0
    try:
        for piece in pieces:
            cut = piece.rfind(b"\n") + 1
            if cut and held + cut >= BLOCK // 2:
                yield b"".join((*carry, piece[:cut]))
                carry, held = [piece[cut:]], len(piece) - cut
                continue
            carry.append(piece)
            held += len(piece)
            if held > LONGEST_LINE:
                raise EvidenceError(
                    f"a line of more than {LONGEST_LINE >> 20} MiB: the file is not read further"
                )
    except EvidenceError as error:
        whole = b"".join(carry)
        cut = whole.rfind(b"\n") + 1
        yield whole[:cut]
        broken = BrokenOff(str(error))
        broken.rest = whole[cut:] if len(whole) - cut < LONGEST_LINE else b""
        raise broken from None
    yield b"".join(carry)
