"""CDS Hooks 2.0: the door through which an EHR asks, while a clinician works, and tells what became of it.

Discovery, the services and their feedback under /cds-services. Source: https://cds-hooks.hl7.org/2.0/.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from salus.core.errors import SalusError
from salus.core.insight import Insight
from salus.core.review import Review
from salus.delivery.answers import Answer, Workers, answered, log_away, read_body, refusal
from salus.delivery.auth import NOBODY_TRUSTED, Unauthorized
from salus.delivery.cds_hooks_cards import Look, card
from salus.delivery.cds_hooks_feedback import feedback, hear
from salus.delivery.cds_hooks_fetch import PATIENCE_S, Fetched, fetch
from salus.delivery.cds_hooks_service import Pending, away, begin, finish, services
from salus.delivery.settings import Settings
from salus.delivery.tally import Tally

if TYPE_CHECKING:
    from salus.spine.site import Site

PATH = "/cds-services"
# What is left of an EHR's patience for judging, after fetching.
_JUDGING_S = 1.0
# Calls for which something is fetched at the same time: none of them holds a worker, but each holds memory.
_FETCHES = 16
# An EHR in a browser may ask too (CDS Hooks 2.0 "CORS"); the token, not the origin, is what is trusted.
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Expose-Headers": "Location, Content-Type, X-Salus-Away",
}


class CdsHooks:
    """The door, and a Channel: an insight goes out as a card, feedback comes back as a review."""

    def __init__(self, site: Site, settings: Settings, workers: Workers, tally: Tally | None = None) -> None:
        self._site, self._settings, self._workers = site, settings, workers
        self._tally = tally or Tally()
        self._fetches = anyio.CapacityLimiter(_FETCHES)

    def send(self, insight: Insight) -> dict[str, object]:
        """Return `insight` as a card."""
        return card(insight, Look("patient-view", self._settings))

    def hear(self, message: object) -> Review:
        """Return the review in one feedback report; raises UserError when there is none."""
        return hear(self._site, message)

    def routes(self) -> list[Route]:
        """Return discovery, services and feedback."""
        return [
            Route(PATH, self.discover, methods=["GET"]),
            Route(PATH + "/{id}", self.serve, methods=["POST"]),
            Route(PATH + "/{id}/feedback", self.heard, methods=["POST"]),
            Route(PATH, self.preflight, methods=["OPTIONS"]),
            Route(PATH + "/{id}", self.preflight, methods=["OPTIONS"]),
            Route(PATH + "/{id}/feedback", self.preflight, methods=["OPTIONS"]),
        ]

    async def preflight(self, request: Request) -> Response:
        """Answer a browser's question whether it may ask."""
        return _open(Response(status_code=204))

    async def discover(self, request: Request) -> Response:
        """List the services; they name no patient, so anyone may look."""
        return _open(await answered(self._workers, lambda: Answer(200, services(self._site))))

    async def serve(self, request: Request) -> Response:
        """Answer one hook."""
        service = request.path_params["id"]
        try:
            client, body = await self._admitted(request, f"{PATH}/{service}")
        except SalusError as error:
            return _open(refusal(error).response())
        return _open((await self._serve(service, body, client)).response())

    async def _serve(self, service: str, body: bytes, client: str) -> Answer:
        try:
            return await self._within(self._settings.hook_patience_s, service, body, client)
        except SalusError as error:
            answer = refusal(error)
            if answer.status != 503:
                return answer
            log_away("cds-hooks", error)
            return away(service, self._settings, answer)

    async def _within(self, seconds: float, service: str, body: bytes, client: str) -> Answer:
        """Return the answer; no worker waits while another server is asked."""
        until = time.monotonic() + seconds
        here = (self._site, self._settings)
        first = partial(begin, *here, service, body, tally=self._tally, until=until, client=client)
        found: Answer | Pending = await self._workers.run(first, seconds)
        if isinstance(found, Answer):
            return found
        fetched = await self._fetched(found, until - time.monotonic() - _JUDGING_S)
        rest = partial(finish, *here, found, fetched, self._tally)
        answer: Answer = await self._workers.run(rest, until - time.monotonic())
        return answer

    async def _fetched(self, pending: Pending, seconds: float) -> Fetched:
        call, left = pending.call, min(PATIENCE_S, seconds)
        if left <= 0 or self._fetches.available_tokens < 1:
            return Fetched(problem="there was no time to ask the fhirServer")
        async with self._fetches:
            return await fetch(pending.wanted, pending.patient, call.fhirServer, call.fhirAuthorization, left)

    async def heard(self, request: Request) -> Response:
        """Keep what was done with cards."""
        service = request.path_params["id"]
        try:
            client, body = await self._admitted(request, f"{PATH}/{service}", f"{PATH}/{service}/feedback")
        except SalusError as error:
            return _open(refusal(error).response())
        return _open(await answered(self._workers, lambda: feedback(self._site, service, body, client)))

    async def _admitted(self, request: Request, *paths: str) -> tuple[str, bytes]:
        """Return which trusted client calls, and the body of its call; raises SalusError where none does."""
        client = await self._check(request.headers.get("authorization"), paths)
        return client, await read_body(request, self._settings.max_body)

    async def _check(self, header: str | None, paths: tuple[str, ...]) -> str:
        """Check the token, on no worker: whoever waits for an issuer's keys holds nobody else up."""
        if self._settings.insecure_no_jwt:
            return ""
        if self._settings.jwt is None:
            raise Unauthorized(NOBODY_TRUSTED)
        return await self._settings.jwt.check(header, [self._settings.url(path) for path in paths])


def _open(response: Response) -> Response:
    response.headers.update(_CORS)
    return response
