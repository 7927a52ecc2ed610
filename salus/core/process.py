"""A process that a model from an outside package runs in, as its parent sees it: one question, one answer.

For `salus.core.apart` alone. Both pipes are watched while they are used, so that neither a process that reads
nothing nor one that says nothing can hold its parent up.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from salus.core.wire import APART, LENGTH, LONGEST_ANSWER, frame, unframed

_CHILD = Path(__file__).with_name("child.py")
# What a process needs to run at all; nothing that names a store, a key or a person.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE")


class ChildProcess:
    """A running process; it ends with the last reference to it, and with its parent."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(  # noqa: S603 - this Python, and a file of ours
            # Isolated: neither the environment nor the folder tells it what to load.
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            cwd="/", env=_bare(os.environ), start_new_session=True,
        )  # fmt: skip
        assert self._popen.stdin and self._popen.stdout
        self._asked, self._said = self._popen.stdin.fileno(), self._popen.stdout.fileno()
        for pipe in (self._asked, self._said):
            os.set_blocking(pipe, False)
        self._parent = os.getpid()
        self._numbers = count(1)
        self.end = weakref.finalize(self, _end, self._popen, self._parent)

    @property
    def is_there(self) -> bool:
        """Whether it runs and is this process's own; after a fork it would answer two."""
        return self._parent == os.getpid() and self.end.alive and self._popen.poll() is None

    def exchange(self, message: Mapping[str, Any], until: float) -> dict[str, Any]:
        """Send `message`, and return what is said to it before the monotonic moment `until`.

        Raises TimeoutError, ChildProcessError or another OSError, or ValueError for what is no answer; the
        process is ended then, since what it says next would belong to nobody knows what.
        """
        number = next(self._numbers)
        try:
            self._send(frame({"n": number, **message}), until)
            (size,) = LENGTH.unpack(self._receive(LENGTH.size, until))
            if size > LONGEST_ANSWER:
                raise ValueError("longer than any answer")
            told = unframed(self._receive(size, until))
            if told.get("n") != number:
                raise ValueError("an answer to another question")
        except BaseException:
            self.end()
            raise
        return told

    def _send(self, text: bytes, until: float) -> None:
        rest = memoryview(text)
        while rest:
            _wait(self._asked, select.POLLOUT, until)
            rest = rest[os.write(self._asked, rest) :]

    def _receive(self, size: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            _wait(self._said, select.POLLIN, until)
            part = os.read(self._said, size - len(found))
            if not part:
                raise ChildProcessError("it ended")
            found += part
        return bytes(found)


def _bare(environ: Mapping[str, str]) -> dict[str, str]:
    return {**{name: environ[name] for name in _ENVIRONMENT if name in environ}, APART: "1"}


def _wait(pipe: int, for_what: int, until: float) -> None:
    watched = select.poll()
    watched.register(pipe, for_what)
    if not watched.poll(max(0.0, until - monotonic()) * 1000):
        raise TimeoutError


def _end(popen: subprocess.Popen[bytes], parent: int) -> None:
    """End a process and whatever it started, and take its status, so that none is left behind."""
    if os.getpid() != parent:
        return
    for pipe in (popen.stdin, popen.stdout):
        if pipe:
            pipe.close()
    if popen.poll() is None:
        os.killpg(popen.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            popen.wait(1)
