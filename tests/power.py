"""A disk that loses its power: a shim VFS for SQLite that knows what was synced and forgets the rest.

It is registered, by ctypes, in the very libsqlite3 that Python's own `sqlite3` uses, so the store under test
runs unchanged. Files are opened by SQLite's own VFS; only write, truncate, sync and delete are listened to
(sqlite.org/vfs.html, sqlite.org/c3ref/io_methods.html). What a power loss leaves of a file is its state at
the last xSync, and of what came after it either nothing or, drawn by a seed, any part in any order. A name
that was made or deleted is so for good only once its folder was synced; SQLite's unix VFS does that with the
first sync of a journal or WAL that it opened, and after a delete where it is asked to.
"""

from __future__ import annotations

import _sqlite3
import ctypes as c
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

_OK = 0
# sqlite.org/c3ref/c_open_autoproxy.html: CREATE; MAIN_JOURNAL, SUPER_JOURNAL, WAL.
_CREATE, _JOURNALS = 0x4, 0x800 | 0x4000 | 0x80000
_numbers = count(1)
_File = c.c_void_p


class _Methods(c.Structure):
    """sqlite3_io_methods, up to version 3."""

    _fields_ = (
        ("iVersion", c.c_int),
        ("xClose", c.c_void_p),
        ("xRead", c.c_void_p),
        ("xWrite", c.c_void_p),
        ("xTruncate", c.c_void_p),
        ("xSync", c.c_void_p),
        *((name, c.c_void_p) for name in ("xFileSize", "xLock", "xUnlock", "xCheckReservedLock")),
        *((name, c.c_void_p) for name in ("xFileControl", "xSectorSize", "xDeviceCharacteristics")),
        *((name, c.c_void_p) for name in ("xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap")),
        *((name, c.c_void_p) for name in ("xFetch", "xUnfetch")),
    )


class _Vfs(c.Structure):
    """sqlite3_vfs, up to version 3."""

    _fields_ = (
        ("iVersion", c.c_int),
        ("szOsFile", c.c_int),
        ("mxPathname", c.c_int),
        ("pNext", c.c_void_p),
        ("zName", c.c_char_p),
        ("pAppData", c.c_void_p),
        ("xOpen", c.c_void_p),
        ("xDelete", c.c_void_p),
        *((name, c.c_void_p) for name in ("xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym")),
        *((name, c.c_void_p) for name in ("xDlClose", "xRandomness", "xSleep", "xCurrentTime")),
        *((name, c.c_void_p) for name in ("xGetLastError", "xCurrentTimeInt64", "xSetSystemCall")),
        *((name, c.c_void_p) for name in ("xGetSystemCall", "xNextSystemCall")),
    )


# The name goes through as a pointer: SQLite keeps it for the life of the file, and reads on behind its end.
_OPEN = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, _File, c.c_int, c.POINTER(c.c_int))
_DELETE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_int)
_CLOSE = c.CFUNCTYPE(c.c_int, _File)
_WRITE = c.CFUNCTYPE(c.c_int, _File, c.c_void_p, c.c_int, c.c_int64)
_TRUNCATE = c.CFUNCTYPE(c.c_int, _File, c.c_int64)
_SYNC = c.CFUNCTYPE(c.c_int, _File, c.c_int)


def _library() -> c.CDLL:
    """Return the SQLite that Python uses: linked to its module, or built into it or the interpreter."""
    for place in (getattr(_sqlite3, "__file__", None), None):
        library = c.CDLL(place)
        if hasattr(library, "sqlite3_vfs_register"):
            library.sqlite3_vfs_find.restype = c.POINTER(_Vfs)
            return library
    raise AssertionError("Python's SQLite does not show its VFS functions")


@dataclass
class _Image:
    """One file as the platter has it, and what was written since the last sync."""

    synced: bytearray = field(default_factory=bytearray)
    named: bool = False
    deleted: bool = False
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    """Write `data` at `at`; None cuts the file there."""
    if data is None:
        del content[at:]
        return
    content.extend(b"\0" * (at - len(content)))
    content[at : at + len(data)] = data


class Disk:
    """A disk for SQLite files, named `vfs` in a URI.

    moments: called before every write and sync. checkpoints: how often the database itself was synced.
    """

    def __init__(self) -> None:
        self.vfs = f"power{next(_numbers)}"
        self.images: dict[str, _Image] = {}
        self.moments: Callable[[], None] = lambda: None
        self.checkpoints = 0
        self._names: dict[int, str] = {}
        self._alive: list[Any] = []
        self._library = _library()
        self._register()

    def url(self, file: Path) -> str:
        """Return the store URL of `file` on this disk."""
        return f"sqlite:///file:{file}?vfs={self.vfs}&uri=true"

    def after_loss(self, into: Path, seed: int | None = None) -> None:
        """Put what a loss of power leaves now into the folder `into`.

        seed: None: nothing that was not synced; else some of it, in an order of its own.
        """
        draw = Random(seed)
        for name, image in self.images.items():
            left, drawn = bytearray(image.synced), seed is not None
            for at, data in draw.sample(image.pending, draw.randint(0, len(image.pending)) if drawn else 0):
                _apply(left, at, data)
            # What the folder's last sync did not see may have happened or not.
            unsure = drawn and draw.random() < 0.5
            if (image.named or unsure) and not (image.deleted and unsure):
                (into / Path(name).name).write_bytes(left)

    def _register(self) -> None:
        below = self._library.sqlite3_vfs_find(None)
        self._below = below.contents
        mine = _Vfs.from_buffer_copy(self._below)
        mine.zName, mine.pNext = self.vfs.encode(), None
        mine.xOpen, mine.xDelete = self._pointer(_OPEN, self._open), self._pointer(_DELETE, self._delete)
        self._mine = mine
        assert self._library.sqlite3_vfs_register(c.byref(mine), 0) == _OK

    def end(self) -> None:
        """Take the VFS out of the library again, once no file is open on it."""
        assert not self._names, "a file is still open"
        self._library.sqlite3_vfs_unregister(c.byref(self._mine))

    def _pointer(self, kind: Any, function: Callable[..., int]) -> int | None:
        callback = kind(function)
        self._alive.append(callback)
        return c.cast(callback, c.c_void_p).value

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        code: int = _OPEN(self._below.xOpen)(c.addressof(self._below), name, file, flags, out)
        methods = c.cast(file, c.POINTER(c.c_void_p))
        if code == _OK and name is not None and methods[0]:
            text = os.fsdecode(c.string_at(name))
            self._names[file] = text
            if text not in self.images or self.images[text].deleted:
                self.images[text] = _Image(named=text in self.images)
            methods[0] = self._listening(methods[0], bool(flags & _CREATE and flags & _JOURNALS))
        return code

    def _listening(self, below: int, syncs_folder: bool) -> int:
        """Return SQLite's own methods with ours in the place of four; one table a file."""
        first = [syncs_folder]
        own = _Methods.from_address(below)
        mine = _Methods.from_buffer_copy(own)

        def write(file: int, data: int, amount: int, at: int) -> int:
            self.moments()
            self._image(file).pending.append((at, c.string_at(data, amount)))
            return int(_WRITE(own.xWrite)(file, data, amount, at))

        def truncate(file: int, size: int) -> int:
            self.moments()
            self._image(file).pending.append((size, None))
            return int(_TRUNCATE(own.xTruncate)(file, size))

        def sync(file: int, flags: int) -> int:
            self.moments()
            self.checkpoints += self._names[file].endswith(".db")
            self._sync(self._image(file))
            if first.pop() if first else False:
                self._sync_folder()
            return int(_SYNC(own.xSync)(file, flags))

        def close(file: int) -> int:
            self._names.pop(file, None)
            return int(_CLOSE(own.xClose)(file))

        mine.xWrite, mine.xTruncate = self._pointer(_WRITE, write), self._pointer(_TRUNCATE, truncate)
        mine.xSync, mine.xClose = self._pointer(_SYNC, sync), self._pointer(_CLOSE, close)
        self._alive.append(mine)
        return c.addressof(mine)

    def _image(self, file: int) -> _Image:
        return self.images[self._names[file]]

    @staticmethod
    def _sync(image: _Image) -> None:
        for at, data in image.pending:
            _apply(image.synced, at, data)
        image.pending.clear()

    def _delete(self, _vfs: int, name: bytes, sync_folder: int) -> int:
        code = int(_DELETE(self._below.xDelete)(c.addressof(self._below), name, sync_folder))
        if code == _OK and os.fsdecode(name) in self.images:
            self.images[os.fsdecode(name)].deleted = True
        if code == _OK and sync_folder:
            self._sync_folder()
        return code

    def _sync_folder(self) -> None:
        """All files of one disk lie in one folder: what was made in it stays, what was deleted is gone."""
        self.images = {name: image for name, image in self.images.items() if not image.deleted}
        for image in self.images.values():
            image.named = True


@contextmanager
def disk() -> Iterator[Disk]:
    """A disk of its own for one test."""
    made = Disk()
    try:
        yield made
    finally:
        made.end()
