"""Is it up, how is it doing, and what did it do? Health, metrics and logs for operators, without patients.

Paths appear as templates ("/cds-services/{id}"), never as called; errors as their type and place in the code.
Sources: Prometheus text exposition format 0.0.4; probes as Kubernetes and load balancers ask them.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salus import __version__
from salus.core.errors import SalusError
from salus.core.registry import problems
from salus.delivery.answers import RETRY_AFTER_S, Answer, Busy, Workers, log_away, outside
from salus.delivery.fhir_outcome import one
from salus.delivery.tally import Tally
from salus.spine.health import check_records, check_store
from salus.spine.models import LIVE, statuses

if TYPE_CHECKING:
    from salus.spine.site import Site

log = logging.getLogger("salus.http")

# Seconds; around the 100 ms that a hook may take and the 500 ms that CDS Hooks 2.0 asks for.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

# Whoever probes waits no longer; the store's own checks take about a second each.
_PROBE_S = 5.0

_KEPT = {
    "entries": "salus_ledger_entries",
    "insight": "salus_insights",
    "review": "salus_reviews",
    "stale": "salus_insights_stale",
}
_SAYS = {
    "salus_store_up": "Whether the store can be read and written to (of a database server: read).",
    "salus_store_readable": "Whether the store can be read, also while it cannot be written to.",
}


class Metrics:
    """What happened since the start: calls by route, method and status, and how long they took."""

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self._lock = Lock()
        self._calls: Counter[tuple[str, str, int]] = Counter()
        self._took: dict[str, list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS) + 1))
        self._sum: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._away = 0

    def observe(self, route: str, method: str, status: int, seconds: float, away: bool) -> None:
        """Count one call."""
        place = next((at for at, edge in enumerate(_BUCKETS) if seconds <= edge), len(_BUCKETS))
        with self._lock:
            self._calls[route, method, status] += 1
            self._took[route][place] += 1
            self._sum[route] += seconds  # type: ignore[assignment]
            self._away += away

    def failed(self, kind: str) -> None:
        """Count one error that nobody expected, by its type."""
        with self._lock:
            self._failed[kind] += 1

    def lines(self) -> Iterator[str]:
        """Yield the exposition, family by family."""
        with self._lock:
            calls, took, total = (
                dict(self._calls),
                {key: [*row] for key, row in self._took.items()},
                self._sum,
            )
            failed, away = dict(self._failed), self._away
        yield from _family("salus_http_requests_total", "counter", "Calls by route, method and status.")
        for (route, method, status), count in sorted(calls.items()):
            yield f'salus_http_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
        yield from _family("salus_http_request_seconds", "histogram", "How long calls took, by route.")
        for route, row in sorted(took.items()):
            yield from _histogram(route, row, total[route])
        yield from _family("salus_errors_total", "counter", "Errors that nobody expected, by type.")
        yield from (f'salus_errors_total{{type="{kind}"}} {count}' for kind, count in sorted(failed.items()))
        yield from _family("salus_away_total", "counter", "Calls answered without the store.")
        yield f"salus_away_total {away}"
        yield from _family("salus_answers_total", "counter", "Answers by model, and why there was none.")
        for (model, why), count in sorted(self.tally.counts().items()):
            yield f'salus_answers_total{{model="{model}",why="{why}"}} {count}'


def _family(name: str, kind: str, says: str) -> tuple[str, str]:
    return f"# HELP {name} {says}", f"# TYPE {name} {kind}"


def _histogram(route: str, row: list[int], total: float) -> Iterator[str]:
    name, seen = "salus_http_request_seconds", 0
    for edge, count in zip((*map(str, _BUCKETS), "+Inf"), row, strict=True):
        seen += count
        yield f'{name}_bucket{{route="{route}",le="{edge}"}} {seen}'
    yield f'{name}_sum{{route="{route}"}} {total:.6f}'
    yield f'{name}_count{{route="{route}"}} {seen}'


def _gauges(site: Site) -> Iterator[str]:
    """Yield what is kept, as far as it can be had; whether the store can be read, and also be written to."""
    gauges = {"salus_store_up": 0, "salus_store_readable": 0, "salus_models_broken": len(problems())}
    with suppress(SalusError):
        kept = {_KEPT.get(name, f"salus_{name}"): count for name, count in site.store.counts().items()}
        gauges |= {"salus_store_readable": 1, **kept}
    with suppress(SalusError):
        gauges["salus_models_live"] = sum(row.status == LIVE for row in statuses(site).values())
    with suppress(SalusError):
        check_store(site)
        gauges["salus_store_up"] = 1
    for name, value in gauges.items():
        says = name.removeprefix("salus_").replace("_", " ").capitalize() + "."
        yield from _family(name, "gauge", _SAYS.get(name, says))
        yield f"{name} {value}"


class Operations:
    """Health and metrics of one running server."""

    def __init__(self, site: Site, metrics: Metrics, workers: Workers) -> None:
        self._site, self._metrics, self._workers = site, metrics, workers
        self._had_records = site.has_archive

    def routes(self) -> list[Route]:
        """Return the probes and the metrics."""
        return [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/healthz/live", self.live, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def live(self, request: Request) -> Response:
        """Say that the process answers."""
        return Answer(200, {"status": "ok", "version": __version__}).response()

    async def health(self, request: Request) -> Response:
        """Say whether it can do its work, and if not, what is away."""
        try:
            checks = await self._workers.run(self._checks, _PROBE_S)
        except Busy as error:
            body = {"status": "busy", "version": __version__, "says": str(error), "checks": {}}
            return Answer(503, body, {"Retry-After": RETRY_AFTER_S}).response()
        ready = all(check["status"] != "away" for check in checks.values())
        body = {"status": "ok" if ready else "away", "version": __version__, "checks": checks}
        return Answer(200 if ready else 503, body).response()

    def _checks(self) -> dict[str, dict[str, object]]:
        checks: dict[str, dict[str, object]] = {}
        for name, check in (("store", self._store), ("models", self._models)):
            try:
                checks[name] = check()
            except SalusError as error:
                checks[name] = {"status": "away", "says": outside(error)}
        checks["records"] = self._records()
        return checks

    def _store(self) -> dict[str, object]:
        return {"status": "ok", "entries": check_store(self._site)}

    def _models(self) -> dict[str, object]:
        """Say which models are live, which fail, and which could not be loaded; these stop no other."""
        live = [row.name for row in statuses(self._site).values() if row.status == LIVE]
        failing = self._metrics.tally.failing()
        broken = [problem._asdict() for problem in problems()]
        says = "failing" if failing else "ok" if live else "none live"
        return {"status": says, "live": live, "failed_seconds_ago": failing, "broken": broken}

    def _records(self) -> dict[str, object]:
        """Say whether the records can be opened; where there were some and are none, they are away."""
        there = self._site.has_archive
        self._had_records |= there
        try:
            check_records(self._site)
        except (SalusError, OSError) as error:
            log_away("records", error)
            return {"status": "away", "says": f"The records cannot be opened ({type(error).__name__})."}
        return {"status": "ok" if there else "away" if self._had_records else "none read"}

    async def metrics(self, request: Request) -> Response:
        """Return everything in the Prometheus text format; while every worker is stuck, without the store."""
        try:
            gauges = await self._workers.run(lambda: list(_gauges(self._site)), _PROBE_S)
        except Busy:
            gauges = [
                *_family("salus_busy", "gauge", "No worker was free to look at the store."),
                "salus_busy 1",
            ]
        text = "\n".join([*self._metrics.lines(), *gauges, ""])
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


# nginx's own status for it; none of HTTP's says that a client hung up before it had asked.
_CLIENT_LEFT = 499


class Watch:
    """ASGI middleware: counts and logs every call by its route's template, and keeps errors from leaking.

    An error that nobody expected is logged by type and place only: its text, and the traceback's, could
    hold what a record says.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Mapping[object, str]) -> None:
        self._app, self._metrics, self._templates = app, metrics, templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one call through, watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _Call(send)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, call.send)
        except ClientDisconnect:
            # Nobody is there any more to be answered, and nothing failed here.
            call.status = _CLIENT_LEFT
        except Exception as error:
            await self._failed(error, scope, receive, call)
        self._note(scope, call, time.perf_counter() - began)

    def _note(self, scope: Scope, call: _Call, seconds: float) -> None:
        route, method = self._template(scope), _method(scope)
        self._metrics.observe(route, method, call.status, seconds, call.away)
        took = round(seconds * 1000, 1)
        said = {"id": call.id, "route": route, "method": method, "status": call.status, "ms": took}
        log.info("call", extra={"said": said})

    def _template(self, scope: Scope) -> str:
        return self._templates.get(scope.get("endpoint"), "(none)")

    async def _failed(self, error: Exception, scope: Scope, receive: Receive, call: _Call) -> None:
        self._metrics.failed(type(error).__name__)
        said = {
            "id": call.id,
            "route": self._template(scope),
            "error": type(error).__name__,
            "place": _place(error),
        }
        log.error("failed", extra={"said": said})
        if not call.status:
            text = f"Something went wrong here; it was logged as {call.id}."
            await Answer(500, one("exception", text)).response()(scope, receive, call.send)


class _Call:
    """One call as it is answered: its id, its status, and whether it was answered without the store."""

    def __init__(self, send: Send) -> None:
        self.id, self.status, self.away = uuid4().hex[:12], 0, False
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.id.encode())]
            self.away = self.status == 503 or any(name == b"x-salus-away" for name, _ in headers)
            message = {**message, "headers": headers}
        await self._send(message)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH") else "(other)"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


class _JsonLines(logging.Formatter):
    """One JSON object a line; only what was said on purpose, never the text of a foreign error."""

    def format(self, record: logging.LogRecord) -> str:
        said = getattr(record, "said", None)
        ours = record.name.startswith("salus")
        line = {
            **(said or {}),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage() if ours or (said is None and record.exc_info is None) else "error",
        }
        return json.dumps(line, ensure_ascii=False, default=str)


def log_as_json(names: Iterable[str] = ("salus", "uvicorn.error")) -> None:
    """Send the named loggers to standard error as JSON lines; the access log (raw paths) stays off."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True
