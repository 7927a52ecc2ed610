"""What every HTTP door here does alike: read a bounded body, work outside the event loop, answer in JSON."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from traceback import extract_tb
from typing import Any

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from salus.core.errors import AwayError, EvidenceError, RefusedError, SalusError, UserError
from salus.delivery.auth import Unauthorized
from salus.delivery.fhir_outcome import one

_log = logging.getLogger("salus.doors")
_encode = msgspec.json.Encoder().encode
FHIR_JSON = "application/fhir+json"
# What a client is asked to wait before it tries again.
RETRY_AFTER_S = "5"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a document, before it becomes bytes."""

    status: int
    document: object
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def response(self) -> Response:
        """Return it as an HTTP response."""
        body = b"" if self.document is None else _encode(self.document)
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(body, self.status, headers, media_type=self.media_type)


class TooLarge(UserError):
    """The body is larger than this door takes."""


class Unreadable(UserError):
    """The body is packed in a way that this door does not open."""


class NotAcceptable(UserError):
    """None of the forms that the client takes is one that this door speaks."""


class Busy(AwayError):
    """More calls wait than can be answered in time."""


# Error class -> (HTTP status, issue-type code); the first that fits. Unauthorized is a RefusedError.
_STATUS: tuple[tuple[type[SalusError], int, str], ...] = (
    (TooLarge, 413, "too-long"),
    (Unreadable, 415, "not-supported"),
    (NotAcceptable, 406, "not-supported"),
    (Unauthorized, 401, "login"),
    (RefusedError, 403, "forbidden"),
    (AwayError, 503, "transient"),
    (EvidenceError, 400, "invalid"),
    (UserError, 400, "invalid"),
)


def place_of(error: BaseException) -> str:
    """Return where in the code `error` arose: function and line."""
    frames = extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


def log_away(door: str, error: BaseException) -> None:
    """Log what kept `door` from answering: classes and places, since a foreign text may hold a value."""
    under = error.__cause__ or error.__context__
    cause = f", under it {type(under).__name__} in {place_of(under)}" if under is not None else ""
    _log.warning("%s is away: %s in %s%s", door, type(error).__name__, place_of(error), cause)


# A path of a machine, at the start of a word or in quotes.
_PATH = re.compile(r"(?:^|[\s'\"(])(?:\.{0,2}/|[A-Za-z]:\\)\S")
_OURS = "What this server keeps does not answer: whoever runs it finds the cause in its log. Try again."


def outside(error: SalusError) -> str:
    """Return what is said of `error` over the network: no path of this machine."""
    ours = isinstance(error, AwayError) and _PATH.search(str(error)) is not None
    return error.outside or (_OURS if ours else str(error))


def refusal(error: SalusError, media_type: str = "application/json") -> Answer:
    """Return `error` as an OperationOutcome with the HTTP status of its class.

    What is said otherwise outside is about this server, and never the caller's mistake.
    """
    says = outside(error)
    status, code = next(
        ((status, code) for kind, status, code in _STATUS if isinstance(error, kind)), (500, "exception")
    )
    if status == 400 and says != str(error):
        status, code = 503, "transient"
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if status == 503:
        headers["Retry-After"] = RETRY_AFTER_S
    return Answer(status, one(code, says), headers, media_type)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body.

    Raises TooLarge as soon as more than `limit` bytes have come, or are announced; Unreadable where they are
    compressed.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Unreadable(
            "The body is compressed (Content-Encoding), and no door here opens that: send it plain."
        )
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes: send less.")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(f"The body is larger than {limit} bytes: send less.")
        parts.append(part)
    return b"".join(parts)


@dataclass(slots=True)
class _Job:
    """Where one piece of work stands."""

    started: bool = False
    finished: bool = False
    abandoned: bool = False


class Workers:
    """A few threads for what needs the processor or the disk; the queue before them is bounded."""

    def __init__(self, workers: int, waiting: int) -> None:
        self._most, self._workers = workers + waiting, workers
        self._limiter: anyio.CapacityLimiter | None = None
        self._lock = Lock()
        self.busy = self.stuck = 0

    async def run(self, work: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Return what `work` returns.

        Raises Busy when too many wait or hang already, or when it takes longer than `seconds`: a client that
        hears so early can go on without us. What was begun then still ends, and is on record if it succeeds.
        """
        if self.busy >= self._most or self.stuck >= self._workers:
            raise Busy("Too many calls wait here: try again in a few seconds.")
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._workers)
        job = _Job()
        self.busy += 1
        try:
            with anyio.move_on_after(seconds):
                tracked = partial(self._tracked, work, job)
                return await anyio.to_thread.run_sync(tracked, limiter=self._limiter, abandon_on_cancel=True)
        finally:
            self.busy -= 1
        self._abandon(job)
        raise Busy("No answer came in time: try again in a few seconds.")

    def _tracked(self, work: Callable[[], Any], job: _Job) -> Any:
        job.started = True
        try:
            return work()
        finally:
            with self._lock:
                job.finished = True
                self.stuck -= job.abandoned

    def _abandon(self, job: _Job) -> None:
        with self._lock:
            job.abandoned = job.started and not job.finished
            self.stuck += job.abandoned


async def answered(
    workers: Workers,
    work: Callable[[], Answer],
    media_type: str = "application/json",
    door: str = "cds-hooks",
) -> Response:
    """Run `work` on a worker and return its answer; a SalusError becomes its OperationOutcome."""
    try:
        answer: Answer = await workers.run(work)
    except SalusError as error:
        answer = refusal(error, media_type)
        if answer.status == 503:
            log_away(door, error)
    return answer.response()
