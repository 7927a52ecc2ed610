"""What is written whole or not at all: in a hidden folder that is swept, with room for it, and a bar."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from salus.core.errors import AwayError

Progress = Callable[..., Any]
_DRAFT = ".salus-draft-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def refuse_narrow(place: Path, size: int) -> None:
    """Raise AwayError where `size` bytes have no room in the folder `place`."""
    free = shutil.disk_usage(place).free
    if free < size:
        raise AwayError(f"'{place}' has {free} bytes left, and {size} are needed: make room there.")


@contextmanager
def draft(place: Path) -> Iterator[Path]:
    """Make a hidden, private folder in `place` that is gone in the end; sweep what others were killed in."""
    from salus.record.manifest import hold, is_held

    for left in place.glob(f"{_DRAFT}*"):
        with suppress(OSError):
            if not is_held(left):
                shutil.rmtree(left, ignore_errors=True)
    made = place / f"{_DRAFT}{token_hex(8)}"
    made.mkdir(mode=0o700)
    held = hold(made)
    try:
        yield made
    finally:
        fcntl.flock(held, fcntl.LOCK_UN)
        os.close(held)
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def no_room(where: Path) -> Iterator[None]:
    """Say in words that what is written does not fit."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise AwayError(
            f"'{where}' cannot be written ({os.strerror(error.errno)}): make room there, and try again; "
            "nothing of it was kept."
        ) from None


class Bar:
    """A progress bar over bytes whose number is learnt on the way, or none."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __call__(self, size: int) -> None:
        """Hear that so many bytes more are done."""
        if self._made is not None:
            self._made.update(size)

    def expect(self, size: int) -> None:
        """Learn how many bytes it will be."""
        if self._made is not None:
            self._made.total = size
            self._made.refresh()

    def again(self) -> None:
        """Begin anew."""
        if self._made is not None:
            self._made.reset()


@contextmanager
def progress_bar(progress: Progress | None, says: str, size: int = 0) -> Iterator[Bar]:
    """Show a bar over bytes while the block runs; progress: makes one, as tqdm does."""
    made = progress and progress(total=size, desc=says, unit="B", unit_scale=True)
    try:
        yield Bar(made or None)
    finally:
        if made is not None:
            made.close()
