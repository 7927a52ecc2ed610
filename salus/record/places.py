"""Where a FHIR export lies and how its bytes come out: files, folders, standard input; plain or packed.

Blocks hold whole lines and stay small, so that memory does not grow with the file. A compressed file that
breaks off gives what came before, and then an EvidenceError that says so.
"""

from __future__ import annotations

import codecs
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from salus.core.errors import EvidenceError, UserError

BLOCK = 1 << 18
# A line longer than this is no resource that anyone meant to send, and would not fit in memory for ever.
LONGEST_LINE = 1 << 28
STDIN = "-"
_PACKED = (".gz", ".zst", ".zstd")
_FHIR = (".json", ".ndjson", ".jsonl")
# Packed bytes taken at once: gzip unpacks no more than a thousandfold, so that what comes out stays small.
_SLICE = 1 << 14
_AGAIN = "fetch the file anew and read it again"
# RFC 1952 2.3.1 (deflate, the only method there is) and RFC 8878 3.1.1.
# A Zstandard file may begin with a frame to be skipped, as pzstd's do (0x184D2A50 to 5F).
_SKIPPABLE = b"\x2a\x4d\x18"
_GZIP, _ZSTANDARD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def files(place: str) -> tuple[list[Path], list[str]]:
    """Return the FHIR files at `place`, in a fixed order, and the names of what is passed over.

    Linked folders are read, once. Raises UserError when there is nothing there that could be FHIR.
    """
    root = Path(place)
    if root.is_file():
        return [root], []
    if not root.is_dir():
        raise UserError(f"'{place}' is not there. Name a FHIR file, a folder of them, a server's URL, or -.")
    every, passed = _Found(), []
    every.look(root)
    found = []
    for path, why in sorted(every.files):
        if not why and kind_of(path) in _FHIR:
            found.append(path)
        else:
            passed.append(f"{path.relative_to(root)}{why and f' ({why})'}")
    if not found:
        raise UserError(
            f"'{place}' holds no FHIR: no file ends in {', '.join(_FHIR)} (or these with .gz, .zst)."
        )
    return found, passed


class _Found:
    """What lies in a folder: `files` with why each is not read ("": it can be)."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, str]] = []
        self._folders: set[Path] = set()
        self._links: list[Path] = []

    def look(self, root: Path) -> None:
        """Look through a folder, and then through what is linked there: where both lead, the link waits."""
        around = root.resolve().parents
        self._look(root)
        while self._links:
            link = self._links.pop(0)
            if link.resolve() in around:
                self.files.append((link, "a link to what holds this folder"))
            else:
                self._look(link)

    def _look(self, folder: Path) -> None:
        real = folder.resolve()
        if real in self._folders:
            self.files.append((folder, "a link to what is read already"))
            return
        self._folders.add(real)
        try:
            inside = sorted(folder.iterdir())
        except OSError as error:
            self.files.append((folder, error.strerror or "it cannot be listed"))
            return
        for path in inside:
            if not path.is_dir():
                self._file(path)
            elif path.name.startswith("."):
                self.files.append((path, "hidden"))
            elif path.is_symlink():
                self._links.append(path)
            else:
                self._look(path)

    def _file(self, path: Path) -> None:
        hidden = path.name.startswith(".")
        if hidden and kind_of(path) not in _FHIR:
            return
        lost = "a link to nothing" if path.is_symlink() else "no file"
        self.files.append((path, "" if path.is_file() and not hidden else "hidden" if hidden else lost))


def kind_of(path: Path) -> str:
    """Return the ending that says what is inside, without that of the compression."""
    name = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return name.suffix.lower()


def size(paths: list[Path]) -> int:
    """Return about how many bytes the files hold when unpacked (FHIR shrinks about twelvefold)."""
    return sum(path.stat().st_size * (12 if path.suffix in _PACKED else 1) for path in paths)


def is_stream(place: str) -> bool:
    """Whether `place` can be read once only, from its start: a pipe (``<(zcat x.gz)``) or ``/dev/stdin``."""
    path = Path(place)
    return path.is_fifo() or path.is_char_device()


def chunks(path: Path | None, seen: Callable[[int], object] | None = None) -> Iterator[bytes]:
    """Yield the unpacked bytes of a file (None: standard input), whatever its name says, as UTF-8 lines.

    seen: told of the bytes read from disk. Raises EvidenceError where packed bytes break off or are damaged.
    """
    if path is None:
        yield from _with_line_ends(_utf8(_unpacked(sys.stdin.buffer, seen)))
        return
    with path.open("rb") as stream:
        yield from _with_line_ends(_utf8(_unpacked(stream, seen)))


def _unpacked(stream: BinaryIO, seen: Callable[[int], object] | None) -> Iterator[bytes]:
    packed = iter(lambda: stream.read(BLOCK), b"")
    for first in packed:
        told = _told(first, packed, seen)
        if first[:3] == _GZIP:
            yield from _inflated(
                _trailer_apart(told, 8), "gzip", lambda: zlib.decompressobj(wbits=31), zlib.error
            )
        elif first[:4] == _ZSTANDARD or (first[1:4] == _SKIPPABLE and first[0] >> 4 == 5):
            import zstandard

            unpacker = zstandard.ZstdDecompressor()
            told = _trailer_apart(told, 4)
            yield from _inflated(told, "Zstandard", unpacker.decompressobj, zstandard.ZstdError)
        else:
            yield from told


def _told(first: bytes, rest: Iterator[bytes], seen: Callable[[int], object] | None) -> Iterator[bytes]:
    for piece in chain((first,), rest):
        yield piece
        if seen is not None:
            seen(len(piece))


def _inflated(
    packed: Iterator[bytes], form: str, new: Callable[[], Any], damage: type[Exception]
) -> Iterator[bytes]:
    """Yield what is packed, member after member; what came out before damage was found has been yielded."""
    inflate = new()
    for piece in packed:
        rest = piece
        while rest:
            if inflate.eof:
                # Bytes of nothing but padding may follow the last member.
                if not rest.strip(b"\0"):
                    break
                inflate = new()
            try:
                yield inflate.decompress(rest)
            except damage:
                raise EvidenceError(
                    f"the {form} data are damaged here or before: what was read from this file may differ "
                    f"from what was sent; {_AGAIN}"
                ) from None
            rest = inflate.unused_data if inflate.eof else b""
    if not inflate.eof:
        raise EvidenceError(f"the {form} file breaks off here; {_AGAIN}")


def _trailer_apart(packed: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield slices so small that what each unpacks to fits in memory, and the last `size` bytes alone.

    The checksum stands there (RFC 1952 2.3, RFC 8878 3.1.1): where it fails, all lines before it are out.
    """
    held = b""
    for piece in packed:
        held += piece
        whole = len(held) - size
        for start in range(0, whole, _SLICE):
            yield held[start : min(start + _SLICE, whole)]
        held = held[max(whole, 0) :]
    yield held


def _utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield text that says by its byte order mark that it is UTF-16 or UTF-32 as UTF-8; all else as it is."""
    first = next((piece for piece in pieces if piece), b"")
    pieces = chain((first,), pieces)
    coding = next((name for mark, name in _MARKS if first.startswith(mark) and _is_coded(first, name)), "")
    if not coding:
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(coding)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise EvidenceError(f"not {coding.upper()} here: send the file as UTF-8, as FHIR asks") from None


def _is_coded(first: bytes, coding: str) -> bool:
    """Whether the mark is no broken line's: JSON goes on with an ASCII character, whatever its coding."""
    return codecs.getincrementaldecoder(coding)("ignore").decode(first[:8])[:1].isascii()


def _with_line_ends(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield text whose lines end in CR alone with LF in its place; in JSON both are white space."""
    first = next((piece for piece in pieces if piece), b"")
    lone = b"\r" in first and b"\n" not in first
    for piece in chain((first,), pieces):
        yield piece.replace(b"\r", b"\n") if lone else piece


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
