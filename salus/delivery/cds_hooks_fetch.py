"""What the client did not send, fetched from its FHIR server where the site allows that server by name.

For the CDS Hooks door. CDS Hooks 2.0 "FHIR Resource Access": prefetch is enough in the common case; this is
the fall-back. The server's address comes from the request, so only base URLs that the site listed are called.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import anyio
import msgspec

from salus.delivery.cds_hooks_gaps import Cut, cuts, joined, next_page
from salus.delivery.cds_hooks_prefetch import Query
from salus.delivery.settings import Settings

# A clinician waits: what has not come by then counts as missing.
PATIENCE_S = 2.0
# Of everything that is fetched for one call, together.
_LARGEST = 16 * 2**20
_MOST_PAGES = 50
# Queries to one server at the same time; the rest waits its turn within the two seconds.
_AT_ONCE = 6


class _Head(msgspec.Struct):
    resourceType: str = ""


_decode_head = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came, by prefetch key, as bytes; problem: in words, why the rest did not; cut: lists in part."""

    parts: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""
    cut: Mapping[str, Cut] = field(default_factory=dict)


def obstacle(lacking: Iterable[Query], server: str | None, settings: Settings) -> str:
    """Return in words why nothing of what is `lacking` is asked of `server`; "" where it may be asked."""
    if not any(True for _ in lacking):
        return "what was sent holds nothing of this patient"
    if not server:
        return "no fhirServer was named"
    listed = {allowed.rstrip("/") for allowed in settings.fhir_servers}
    return "" if server.rstrip("/") in listed else "the fhirServer is not one that this site calls"


async def fetch(
    lacking: Iterable[Query],
    patient: str,
    server: str,
    authorization: Mapping[str, Any] | None,
    seconds: float = PATIENCE_S,
) -> Fetched:
    """Return what `server`, where nothing is an `obstacle`, answers about `patient` (an id that was checked).

    All of it takes `seconds` at most, however slowly the server speaks: what came by then is returned.
    """
    wanted, base = tuple(lacking), server.rstrip("/")
    found = {query.key: _Found(query) for query in wanted}
    with anyio.move_on_after(seconds):
        await _ask(base, found.values(), patient, authorization)
    parts = {key: one.whole() for key, one in found.items() if one.pages}
    problem = "the fhirServer did not answer" if len(parts) < len(wanted) else "it has none"
    return Fetched(parts, problem, cuts(parts))


@dataclass(slots=True)
class _Found:
    """The pages that one query brought so far, and the address of the next one."""

    query: Query
    pages: list[bytes] = field(default_factory=list)
    following: str = ""

    def add(self, page: bytes) -> None:
        self.pages.append(page)
        self.following = next_page(page) if self.query.searches else ""

    def goes_on(self, base: str) -> bool:
        """Whether there is a next page, and on the server that the site listed: no other is ever asked."""
        return self.following.startswith(f"{base}/") and len(self.pages) < _MOST_PAGES

    def whole(self) -> bytes:
        """Return the pages as one; what could not be had leaves its `next` standing."""
        alone = len(self.pages) == 1
        return self.pages[0] if alone else joined(self.pages, self.following)


@dataclass(slots=True)
class _Line:
    """A way to one server: so many bytes may still come."""

    client: Any
    room: int = _LARGEST


async def _ask(
    base: str, found: Iterable[_Found], patient: str, authorization: Mapping[str, Any] | None
) -> None:
    import httpx

    headers = {"Accept": "application/fhir+json"}
    if authorization:
        token = str(authorization["access_token"])
        if not token.isascii() or not token.isprintable():
            # No header can carry it (RFC 6750 2.1), so that no server could answer.
            return
        headers["Authorization"] = f"Bearer {token}"
    limits = httpx.Limits(max_connections=_AT_ONCE)
    # No time limit of its own: it would begin anew with each byte. The caller's holds for all of it.
    how: dict[str, Any] = {"headers": headers, "limits": limits, "timeout": None, "verify": _certificates()}
    async with httpx.AsyncClient(**how) as client, anyio.create_task_group() as tasks:
        for one in found:
            tasks.start_soon(_follow, _Line(client), base, one, patient)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Return what httpx trusts; read once, since it takes longer than a call."""
    import httpx

    return httpx.create_ssl_context()


async def _follow(line: _Line, base: str, found: _Found, patient: str) -> None:
    """Ask one query, and then for its further pages."""
    url = f"{base}/{found.query.template.replace('{{context.patientId}}', patient)}"
    while url:
        page = await _get(line, url)
        if page is None or not _is_answer(page, found.query):
            return
        found.add(page)
        url = found.following if found.goes_on(base) else ""


async def _get(line: _Line, url: str) -> bytes | None:
    import httpx

    parts = []
    try:
        async with line.client.stream("GET", url) as answer:
            if answer.status_code != 200:
                return None
            async for part in answer.aiter_bytes():
                line.room -= len(part)
                if line.room < 0:
                    return None
                parts.append(part)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return b"".join(parts)


def _is_answer(page: bytes, query: Query) -> bool:
    """Whether it is what was asked for: a page of a proxy's, or a complaint, answers nothing."""
    try:
        kind = _decode_head(page).resourceType
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return kind == ("Bundle" if query.searches else query.template.partition("/")[0])
