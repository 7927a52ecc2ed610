"""The process of a model from an outside package: it loads that package and answers from what it is handed.

Salus starts this file by its path, and nothing of Salus imports it. Here alone a View is made from its
written form, out of what the gate let through; the records, the store and their keys are in another process.
It ends with the process that started it: when nothing more can come, or when an answer takes too long and
nobody is there to end it.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from salus.core.evidence import Timeline
    from salus.core.registry import Found
    from salus.core.seams import Model

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _HandedView:
    timeline: Timeline
    subject: str
    as_of: datetime
    purpose: str
    permit: str

    @property
    def withheld(self) -> str:
        """The sentence that every View says."""
        from salus.core.consent import WITHHELD

        return WITHHELD

    def image(self, ref: str) -> bytes:
        """Refuse: bytes do not pass into this process."""
        raise _not_available()

    signal = note = variants = image


def main() -> None:
    """Load what the first message names, say what was found, then answer one question after the other."""
    asked, said = _channel()
    # What a model holds of a patient must not be left on a disk when it crashes.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first = _first(asked)
    sys.path[:] = first["path"]
    found = _within(first["load_s"], _load, first["value"])
    models = [model for _, model in found]
    _say(said, _written(first["n"], {"told": [told for told, _ in found]}))
    while True:
        question = _heard(asked)
        _say(said, _within(question["seconds"], _answer, models, question))


def _not_available() -> Exception:
    from salus.core.errors import RefusedError

    return RefusedError("Not available.")


def _channel() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes away from where a model would read or print."""
    asked, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return asked, said


def _first(asked: BinaryIO) -> dict[str, Any]:
    """Read the message that says where Salus itself lies, without anything of Salus."""
    import json

    first: dict[str, Any] = json.loads(_read(asked))
    return first


def _heard(asked: BinaryIO) -> dict[str, Any]:
    from salus.core.wire import unframed

    return unframed(_read(asked))


def _read(asked: BinaryIO) -> bytes:
    """Return the next message; when none can come any more, end, and whatever the model started too."""
    head = asked.read(4)
    if len(head) < 4:
        os.kill(0 if os.getpgrp() == os.getpid() else os.getpid(), signal.SIGKILL)
    return asked.read(struct.unpack(">I", head)[0])


def _say(said: BinaryIO, message: bytes) -> None:
    said.write(message)
    said.flush()


def _written(number: int, message: Message) -> bytes:
    from salus.core.wire import frame

    return frame({"n": number, **message})


def _within(seconds: float, work: Any, *of: Any) -> Any:
    """Do `work`; the kernel ends this process when that takes much longer than anybody waits for it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds + 1)
    try:
        return work(*of)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _load(value: str) -> list[tuple[Message, Any]]:
    from salus.core.registry import found_at

    return [(_carded(found), found.model) for found in found_at(value)]


def _carded(found: Found) -> Message:
    from salus.core.wire import frame, out

    if found.why:
        return {"place": found.place, "why": found.why}
    told = {"place": found.place, "file": found.file}
    try:
        whole = {**told, "card": out(found.model.card)}
        frame(whole)
    except Exception:
        return told
    return whole


def _answer(models: list[Model], question: Message) -> bytes:
    """Return the answer, or of what kind the error was; its words stay here, but for one about evidence."""
    from salus.core.errors import EvidenceError
    from salus.core.wire import out, timeline_in

    number, told = question["n"], question["view"]
    moment = datetime.fromisoformat(told["as_of"])
    view = _HandedView(timeline_in(told), told["subject"], moment, told["purpose"], told["permit"])
    try:
        return _written(number, {"insight": out(models[question["model"]].predict(view))})
    except EvidenceError as error:
        return _written(number, {"evidence": str(error)})
    except (Exception, SystemExit) as error:
        return _written(number, {"failed": type(error).__name__})


if __name__ == "__main__":
    main()
