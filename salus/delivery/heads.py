"""Publish the ledger's head while a site is served: at an interval, at the end, and to a second site."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from salus.core.errors import AwayError, SalusError, UserError
from salus.spine.heads import Published, publish_head

if TYPE_CHECKING:
    from salus.delivery.settings import Settings
    from salus.spine.site import Site

log = logging.getLogger("salus.heads")
_PATIENCE_S = 10.0


def poster(url: str) -> Callable[[bytes], None]:
    """Return what sends a head to the second site at `url`, as text in a POST.

    It raises AwayError where that site does not take it. Raises UserError where `url` is no https URL.
    """
    if not _is_https(url):
        raise UserError(f"--post: '{url[:80]}' is no https URL of a second site, without a login in it.")

    def send(note: bytes) -> None:
        import httpx

        kind = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            answer = httpx.post(url, content=note, headers=kind, timeout=_PATIENCE_S)
        except httpx.HTTPError as error:
            raise AwayError(f"{_host(url)} does not answer ({type(error).__name__}).") from None
        if not answer.is_success:
            raise AwayError(f"{_host(url)} answered {answer.status_code}.")

    return send


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and url.isprintable()
        )
    except ValueError:
        return False


def _host(url: str) -> str:
    return urlsplit(url).netloc


@asynccontextmanager
async def publishing(site: Site, settings: Settings) -> AsyncIterator[None]:
    """Publish the head of what grows every so often, and once more when the server ends."""
    keeper = _Keeper(site, settings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeper.keep_on)
        try:
            yield
        finally:
            tasks.cancel_scope.cancel()
    await anyio.to_thread.run_sync(keeper.publish)


class _Keeper:
    """Publishes for one running server; a failure is logged, and tried again at the next turn."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self._site, self._every_s = site, settings.heads_every_s
        self._send = poster(settings.heads_post) if settings.heads_post else None
        self._sent = b""

    async def keep_on(self) -> None:
        """Publish for ever."""
        while True:
            await anyio.sleep(self._every_s)
            await anyio.to_thread.run_sync(self.publish)

    def publish(self) -> None:
        """Publish once."""
        try:
            head = publish_head(self._site)
            if head is not None:
                self._pass_on(head)
        except SalusError as error:
            log.error("no head was published: %s", error)

    def _pass_on(self, head: Published) -> None:
        if self._send is None or head.note == self._sent:
            return
        try:
            self._send(head.note)
            self._sent = head.note
        except SalusError as error:
            log.warning("the second site does not have the head: %s", error)
