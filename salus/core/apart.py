"""A model from an outside package, asked in a process of its own that is handed the written View alone.

Such a package is not under the house's import rules, so it is never imported here. Its process has no secret
of Salus in its environment, not the archive as its folder, and one question at a time. One that hangs, dies
or answers with nonsense costs its own answer, is ended, and is started afresh at the next question; one that
fails again and again is left alone for a while. This keeps mistakes apart; it is no prison for an enemy
(decision 0008).
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock, Thread
from time import monotonic
from typing import Any

from salus.core.card import Card, Need
from salus.core.errors import AwayError, EvidenceError, UserError, printable
from salus.core.insight import Insight
from salus.core.process import ChildProcess
from salus.core.seams import View
from salus.core.wire import insight_in, noun_in, view_out

# How long an answer may take, unless the environment says otherwise: less than the three seconds for which an
# EHR waits for a whole hook.
ANSWER_WITHIN_S, SETTING = 2.0, "SALUS_MODEL_SECONDS"
# How long a package may take to load, with libraries that are heavy; nobody waits at a door for that.
LOAD_WITHIN_S = 60.0
# A process that failed so often within so many seconds is left alone until they are over.
FAILURES, CALM_S = 3, 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
# What a need says goes into the searches that an EHR makes for us: a type, a code and a time, and no more.
_RESOURCE, _WITHIN = re.compile(r"[A-Z][A-Za-z]{0,39}"), re.compile(r"(PT?[0-9]{1,4}[YMWDH])?")
_CODE = re.compile(r"[^\s&?#%,{}\\]{1,200}")
_log = logging.getLogger("salus.apart")


@dataclass(frozen=True, slots=True)
class ModelApart:
    """A model that answers from a process of its own; `place` is where it stands in its package."""

    card: Card
    process: Apart
    place: int

    def predict(self, view: View) -> Insight:
        """Ask it; raises AwayError when it gives no answer, EvidenceError when the evidence is why."""
        return self.process.ask(self.card.name, self.place, view)


def card_of(told: object, package: str) -> Card:
    """Return the card that a model of the outside `package` gave, which says where it is from.

    Raises ValueError for what is no card, has a name that cannot be asked for or shown in an address, or
    needs what cannot be searched for.
    """
    card = noun_in(Card, told)
    if not _NAME.fullmatch(card.name) or not card.version or card.version != printable(card.version):
        raise ValueError("no name or version")
    if not all(map(_can_be_searched_for, card.needs)):
        raise ValueError("no need")
    mark = f"From an outside package: {package}. It is not under Salus's import rules, and runs in a process "
    return replace(card, package=package, notes=(f"{mark}of its own.", *card.notes))


def _can_be_searched_for(need: Need) -> bool:
    coded = all(_CODE.fullmatch(code) for code in need.codes)
    return bool(coded and _RESOURCE.fullmatch(need.resource) and _WITHIN.fullmatch(need.within))


def answer_within(environ: Mapping[str, str]) -> float:
    """Return how many seconds an answer may take; raises UserError for what is no such number."""
    told = environ.get(SETTING, str(ANSWER_WITHIN_S))
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 60.0:
        raise UserError(f"{SETTING} is the seconds that a model may take to answer, from 0.1 to 60.")
    return seconds


class Apart:
    """The process of one entry point, and how it fares; threads take turns.

    value: what the entry point names. same: whether the package's files are still those that were approved.
    answer_s: how long an answer may take.
    """

    def __init__(self, value: str, same: Callable[[], bool], answer_s: float) -> None:
        self._value, self._same, self._answer_s = value, same, answer_s
        self._turn = Lock()
        self._failures: list[float] = []
        self._child: ChildProcess | None = None
        self._found: object = None
        self._wrong: Exception = ChildProcessError()
        self._over = ""
        self._starter: Thread | None = None
        self.start()

    def start(self) -> None:
        """Begin to start the process; whoever asks first waits for it, as long as an answer may take."""
        self._starter = Thread(target=self._begin, daemon=True)
        self._starter.start()

    def found(self) -> list[dict[str, Any]]:
        """Return what the package holds: each place, with a card or with why there is none.

        Raises OSError when its process ended or took too long, ValueError when it made no sense.
        """
        with self._turn:
            self._ready(2 * LOAD_WITHIN_S)
        found = self._found
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ValueError("no list of models")
        return found

    def ask(self, name: str, place: int, view: View) -> Insight:
        """Return what the model at `place` answers.

        Raises AwayError when it gives no answer, EvidenceError when it says that the evidence is why.
        """
        question = {"model": place, "seconds": self._answer_s, "view": view_out(view)}
        until = monotonic() + self._answer_s
        with self._my_turn(name):
            try:
                child = self._ready(until - monotonic())
                told = child.exchange(question, monotonic() + self._answer_s)
            except (OSError, ValueError) as error:
                self._note_failure()
                _log.error("model %s failed in its process: %s", name, type(error).__name__)
                raise _no_answer(name) from None
        return _answer(name, told)

    @contextmanager
    def _my_turn(self, name: str) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._answer_s):
            raise AwayError(f"{name} is busy with other questions: it was not asked.")
        try:
            if self._failed_lately() >= FAILURES:
                raise AwayError(f"{name} failed {FAILURES} times in a minute and is left alone for a while.")
            yield
        finally:
            self._turn.release()

    def _failed_lately(self) -> int:
        since = monotonic() - CALM_S
        self._failures = [moment for moment in self._failures if moment > since]
        return len(self._failures)

    def _note_failure(self) -> None:
        self._child = None
        self._failures.append(monotonic())

    def _ready(self, seconds: float) -> ChildProcess:
        """Return the process, started anew where there is none; for whoever has the turn."""
        if not self._over and (self._child is None or not self._child.is_there):
            if self._starter is None:
                self.start()
            assert self._starter is not None
            self._starter.join(max(0.0, seconds))
            if self._starter.is_alive():
                raise AwayError("A model's process is being started: ask again in a moment.")
            self._starter = None
        if self._over:
            raise AwayError(self._over)
        if self._child is None:
            raise self._wrong
        return self._child

    def _begin(self) -> None:
        """Start the process and let it load; what it holds must be what it held before."""
        self._child = None
        path = [os.path.abspath(each) for each in sys.path]  # noqa: PTH100 - "" is the folder of now
        first = {"path": path, "value": self._value, "load_s": LOAD_WITHIN_S}
        try:
            child = ChildProcess()
            found = child.exchange(first, monotonic() + LOAD_WITHIN_S).get("told")
        except (OSError, ValueError) as error:
            self._wrong = error
            return
        if self._found in (None, found) and self._same():
            self._child, self._found = child, found
        else:
            self._over = "The files of this model changed since Salus was started: start Salus again."


def _answer(name: str, told: Mapping[str, Any]) -> Insight:
    if "evidence" in told:
        raise EvidenceError(printable(str(told["evidence"]), 400))
    try:
        if "failed" not in told:
            return insight_in(told.get("insight"))
        kind = printable(str(told["failed"]))
    except ValueError as error:
        kind = type(error).__name__
    # Its process goes on: it was the model that failed, as one in our own process may.
    _log.error("model %s failed: %s", name, kind)
    raise _no_answer(name)


def _no_answer(name: str) -> AwayError:
    return AwayError(f"{name} failed and gave no answer.")
