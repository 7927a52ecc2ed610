"""The file of signed heads, beside and never in the database: one note after another, oldest first.

For the one who publishes and for the one who checks. A head is written whole or not at all and is on the disk
before anybody is told of it; what a killed writer left behind the last whole head was never told to anybody,
and the next writer cuts it off.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from salus.core.errors import AwayError, EvidenceError
from salus.store.checkpoint import LARGEST, Checkpoint, is_unfinished, parse, split

WAIT_S = 10.0
_RETRY_S = 0.05


def heads_in(path: Path) -> bytes:
    """Return the file as it is; b"" where there is none yet.

    Raises AwayError where it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _away(path, "read", error) from None


def last_head(path: Path, origin: str) -> Checkpoint | None:
    """Return the newest whole head in the file; its end alone is read.

    Raises AwayError where it cannot be read, EvidenceError where its end is none of ours.
    """
    try:
        with path.open("rb") as file:
            return _last(path, file.fileno(), origin)[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _away(path, "read", error) from None


def append(path: Path, origin: str, make: Callable[[Checkpoint | None], bytes | None]) -> None:
    """Write the head that `make` gives, told which is the newest; nothing where it gives None.

    One writer at a time; what was not written whole is taken back. Raises AwayError where that cannot be
    done, and whatever `make` raises.
    """
    with _alone(path) as file:
        newest, end = _last(path, file, origin)
        note = make(newest)
        if note is not None:
            _write(path, file, end, note)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    fresh = not path.exists()
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _away(path, "written", error) from None
    try:
        _lock(path, file)
        if fresh:
            _sync_folder(path)
        yield file
    finally:
        os.close(file)


def _lock(path: Path, file: int) -> None:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise AwayError(f"Another process is writing to the heads in '{path}'. Try again.") from None
        except OSError as error:
            raise _away(path, "locked", error) from None
        time.sleep(_RETRY_S)


def _last(path: Path, file: int, origin: str) -> tuple[Checkpoint | None, int]:
    """Return the newest head and where it ends; what lies behind it is what a killed writer left."""
    length = os.fstat(file).st_size
    start = max(0, length - 2 * LARGEST)
    tail = os.pread(file, length - start, start)
    notes, rest = split(tail)
    if rest and not is_unfinished(rest, origin):
        raise _damaged(path)
    if not notes:
        if start:
            raise _damaged(path)
        return None, 0
    return parse(notes[-1]), length - len(rest)


def _damaged(path: Path) -> EvidenceError:
    return EvidenceError(
        f"The heads in '{path}' end in what Salus never wrote. Keep that file, see 'salus audit verify', and "
        "put a copy of it in its place."
    )


def _write(path: Path, file: int, end: int, note: bytes) -> None:
    try:
        os.ftruncate(file, end)
        if os.pwrite(file, note, end) != len(note):
            raise OSError(0, "only a part of it fitted")
        os.fsync(file)
    except OSError as error:
        with suppress(OSError):
            os.ftruncate(file, end)
            os.fsync(file)
        raise _away(path, "written", error) from None


def _sync_folder(path: Path) -> None:
    """Make the new name itself outlast a loss of power."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _away(path, "written", error) from None


def _away(path: Path, how: str, error: OSError) -> AwayError:
    away = AwayError(
        f"The heads in '{path}' cannot be {how}: {error.strerror}. See that there is space left and that "
        "whoever runs Salus may write there, or keep them elsewhere with --heads FILE."
    )
    away.outside = f"The ledger's heads cannot be {how}."
    return away
