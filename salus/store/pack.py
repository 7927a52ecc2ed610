"""One file of many, each by its SHA-256: the form of a backup, which any tool that knows tar unpacks.

The first member says what else is in it, and is named after its own SHA-256; everything after it (headers,
fill, end) follows from what it says. So a reader compares every byte of the file with what it must be, and
no bit can turn unseen. Headers are GNU tar's (their sizes know no limit of 8 GiB).
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec

from salus.core.errors import EvidenceError

FORMAT = 1
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_PIECE = 1 << 20
_FIRST = re.compile(rb"salus-backup-([0-9a-f]{64})\.json\0+\Z")
# Of a list of members; a longer one is none of ours.
_MOST = 1 << 28
# Nothing that leaves the folder into which it is unpacked, and nothing that a terminal would act on.
_PLAIN = re.compile(r"(?!\.)[A-Za-z0-9._-]+(/(?!\.)[A-Za-z0-9._-]+)*\Z")
Seen = Callable[[int], object]


class Member(msgspec.Struct, frozen=True):
    """One file in the pack: its path, its size in bytes and its SHA-256 in hex."""

    name: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """What a pack says of itself: `told` is its maker's, `members` stand in this order."""

    members: list[Member]
    told: dict[str, Any] = {}
    format: int = FORMAT

    @property
    def raw(self) -> bytes:
        """The one spelling of this, which the first member holds."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        """The SHA-256 that binds every byte of the pack."""
        return sha256(self.raw).hexdigest()

    @property
    def size(self) -> int:
        """How many bytes the pack has, in all."""
        sizes = (len(self.raw), *(each.size for each in self.members))
        return sum(_BLOCK + size + _fill(size) for size in sizes) + len(_END)


def member(name: str, path: Path, seen: Seen | None = None) -> Member:
    """Return what is to be said of the file at `path`, as member `name`."""
    found, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
            size += len(piece)
            if seen:
                seen(len(piece))
    return Member(name, size, found.hexdigest())


def write(to: Path, contents: Contents, folder: Path, seen: Seen | None = None) -> None:
    """Write the pack to the new file `to` (mode 0600) out of the files in `folder`, and bring it to the disk.

    Raises EvidenceError where a file is no longer what `contents` says.
    """
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _put(file, _first_name(contents), contents.raw)
        for each in contents.members:
            file.write(_header(each.name, each.size))
            _copy(folder / each.name, each, file, seen)
            file.write(bytes(_fill(each.size)))
        file.write(_END)
        file.flush()
        os.fsync(file.fileno())


def _put(file: BinaryIO, name: str, raw: bytes) -> None:
    file.write(_header(name, len(raw)) + raw + bytes(_fill(len(raw))))


def _copy(path: Path, each: Member, to: BinaryIO, seen: Seen | None) -> None:
    found, left = sha256(), each.size
    with path.open("rb") as file:
        while left and (piece := file.read(min(_PIECE, left))):
            to.write(piece)
            found.update(piece)
            left -= len(piece)
            if seen:
                seen(len(piece))
        more = file.read(1)
    if left or more or found.hexdigest() != each.sha256:
        raise EvidenceError(f"'{path}' was changed while it was packed: nothing was kept. Try again.")


def _first_name(contents: Contents) -> str:
    return f"salus-backup-{contents.digest}.json"


def _header(name: str, size: int) -> bytes:
    one = tarfile.TarInfo(name)
    one.size, one.mode = size, 0o600
    return one.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _fill(size: int) -> int:
    return -size % _BLOCK


@dataclass(slots=True)
class Pack:
    """An opened pack, read from its beginning to its end, once."""

    path: Path
    contents: Contents = field(init=False)
    _file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        self._file = self.path.open("rb")
        try:
            self.contents = self._read_first()
            self._has_its_size()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, into: Path | None = None, seen: Seen | None = None) -> None:
        """Compare all bytes with what they must be, and write the members into the folder `into`.

        Raises EvidenceError at the first byte that is another; what was written until then is worth nothing.
        """
        for each in self.contents.members:
            self._must_be(_header(each.name, each.size), each.name)
            self._take(each, into / each.name if into else None, seen)
            self._must_be(bytes(_fill(each.size)), each.name)
        self._must_be(_END, "its end")

    def _take(self, each: Member, to: Path | None, seen: Seen | None) -> None:
        found = sha256()
        if to is None:
            for piece in self._pieces(each.size, seen):
                found.update(piece)
        else:
            to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in self._pieces(each.size, seen):
                    found.update(piece)
                    file.write(piece)
        if found.hexdigest() != each.sha256:
            self._is_damaged(each.name)

    def _pieces(self, size: int, seen: Seen | None) -> Iterator[bytes]:
        while size and (piece := self._file.read(min(_PIECE, size))):
            size -= len(piece)
            if seen:
                seen(len(piece))
            yield piece

    def _must_be(self, wanted: bytes, where: str) -> None:
        if self._file.read(len(wanted)) != wanted:
            self._is_damaged(where)

    def _read_first(self) -> Contents:
        header = self._file.read(_BLOCK)
        named = _FIRST.match(header[:100])
        if named is None:
            raise EvidenceError(
                f"'{self.path}' is no backup that Salus wrote, or its very beginning is damaged: name the "
                "file that 'salus archive backup' made."
            )
        size = self._size_in(header)
        raw = self._file.read(size)
        if sha256(raw).hexdigest().encode() != named[1] or header != _header(named[0].decode()[:82], size):
            self._is_damaged("its list of members")
        self._must_be(bytes(_fill(size)), "its list of members")
        return self._understood(raw)

    def _size_in(self, header: bytes) -> int:
        try:
            size = tarfile.TarInfo.frombuf(header, "ascii", "strict").size
        except (tarfile.TarError, ValueError):
            size = -1
        if not 0 < size <= _MOST:
            self._is_damaged("its list of members")
        return size

    def _understood(self, raw: bytes) -> Contents:
        try:
            format_ = msgspec.json.decode(raw).get("format")
            if format_ != FORMAT:
                raise EvidenceError(
                    f"'{self.path}' has format {format_}; this Salus reads {FORMAT}: update it."
                )
            found = msgspec.json.decode(raw, type=Contents)
        except (msgspec.MsgspecError, AttributeError):
            self._is_damaged("its list of members")
        names = [each.name for each in found.members]
        strange = any(_PLAIN.match(name) is None or len(name) > 99 for name in names)
        if strange or len(set(names)) != len(names) or found.raw != raw:
            raise EvidenceError(f"'{self.path}' names files that no archive has: it is no backup of Salus.")
        return found

    def _has_its_size(self) -> None:
        here, whole = os.fstat(self._file.fileno()).st_size, self.contents.size
        if here != whole:
            how = "is cut short" if here < whole else "has something behind its end"
            raise EvidenceError(
                f"'{self.path}' {how}: it has {here} bytes of {whole}. Bring it again from where it was "
                "copied, or take an earlier backup."
            )

    def _is_damaged(self, where: str) -> NoReturn:
        raise EvidenceError(
            f"'{self.path}' is damaged ({where}): bring it again from where it was copied, or take an "
            "earlier backup."
        )


def members(folder: Path, names: Iterable[str], seen: Seen | None = None) -> list[Member]:
    """Return what is to be said of the files `names` in `folder`."""
    return [member(name, folder / name, seen) for name in names]
