"""What the client did not send, fetched from its FHIR server where the site allows that server by name.

For the CDS Hooks door. CDS Hooks 2.0 "FHIR Resource Access": prefetch is enough in the common case; this is
the fall-back. The server's address comes from the request, so only base URLs that the site listed are called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from salus.delivery.cds_hooks_gaps import Cut, cuts, joined, next_page
from salus.delivery.cds_hooks_prefetch import Query
from salus.delivery.settings import Settings

# A clinician waits: what has not come by then counts as missing.
_PATIENCE_S = 2.0
_LARGEST = 16 * 2**20
_MOST_PAGES = 50


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came, by prefetch key, as bytes; problem: in words, why the rest did not; cut: lists in part."""

    parts: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""
    cut: Mapping[str, Cut] = field(default_factory=dict)


def fetch(
    lacking: Iterable[Query],
    patient: str,
    server: str | None,
    authorization: Mapping[str, Any] | None,
    settings: Settings,
) -> Fetched:
    """Return what `server` answers to the `lacking` queries about `patient` (an id that was checked)."""
    wanted = tuple(lacking)
    if not wanted:
        return Fetched(problem="what was sent holds nothing of this patient")
    if not server:
        return Fetched(problem="no fhirServer was named")
    base = server.rstrip("/")
    if base not in {allowed.rstrip("/") for allowed in settings.fhir_servers}:
        return Fetched(problem="the fhirServer is not one that this site calls")
    return _ask(base, wanted, patient, authorization)


def _ask(
    base: str, wanted: tuple[Query, ...], patient: str, authorization: Mapping[str, Any] | None
) -> Fetched:
    import httpx

    headers = {"Accept": "application/fhir+json"}
    if authorization:
        headers["Authorization"] = f"Bearer {authorization['access_token']}"
    parts: dict[str, bytes] = {}
    until = time.monotonic() + _PATIENCE_S
    with httpx.Client(headers=headers, follow_redirects=False) as client:
        for query in wanted:
            left = until - time.monotonic()
            answer = _get(client, f"{base}/{_filled(query, patient)}", left) if left > 0 else None
            if answer is not None:
                parts[query.key] = _whole(client, base, answer, until)
    problem = "the fhirServer did not answer" if len(parts) < len(wanted) else "it has none"
    return Fetched(parts, problem, cuts(parts))


def _whole(client: Any, base: str, first: bytes, until: float) -> bytes:
    """Return a search's answer with its further pages; what could not be had leaves its `next` standing.

    A next page elsewhere than on the server that the site listed is never asked for.
    """
    pages, following = [first], next_page(first)
    if not following:
        return first
    while following and following.startswith(f"{base}/") and len(pages) < _MOST_PAGES:
        left = until - time.monotonic()
        answer = _get(client, following, left) if left > 0 else None
        if answer is None:
            break
        pages.append(answer)
        following = next_page(answer)
    return joined(pages, following)


def _filled(query: Query, patient: str) -> str:
    return query.template.replace("{{context.patientId}}", patient)


def _get(client: Any, url: str, seconds: float) -> bytes | None:
    import httpx

    try:
        answer = client.get(url, timeout=seconds)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    usable = answer.status_code == 200 and len(answer.content) <= _LARGEST
    return answer.content if usable else None
