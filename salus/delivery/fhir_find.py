"""Which of what is kept does a FHIR read or search mean? Insights, reviews, the ledger, as they were written.

For the FHIR door. A page goes on where the last one ended, by the place in the order of writing, so that what
is added meanwhile neither repeats nor hides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from salus.core.insight import Insight
from salus.delivery.fhir_resources import Resource, resources
from salus.delivery.fhir_search import Search
from salus.delivery.fhir_trail import audit_event, insight_provenance, review_id, review_provenance
from salus.spine.models import LIVE, statuses
from salus.spine.shape import from_json

if TYPE_CHECKING:
    from salus.spine.site import Site

INSIGHT_TYPES = ("RiskAssessment", "DetectedIssue", "Observation", "GuidanceResponse")
TYPES = (*INSIGHT_TYPES, "Provenance", "AuditEvent")
# FHIR R4: where each type says when; what `date` compares with.
_DATED = {
    "RiskAssessment": "occurrenceDateTime",
    "DetectedIssue": "identifiedDateTime",
    "Observation": "effectiveDateTime",
    "GuidanceResponse": "occurrenceDateTime",
    "Provenance": "recorded",
    "AuditEvent": "recorded",
}
_PAGE = 200
# Rows that one call looks through: a search that finds little answers what it has, and where to go on.
_SCAN = 5000
# (place in the order of writing, place among what one row becomes)
Place = tuple[int, int]


def live_here(site: Site) -> frozenset[str]:
    """Return the models that are live here: what any other one said is not shown at a clinical door."""
    return frozenset(name for name, row in statuses(site).items() if row.status == LIVE)


def read(site: Site, kind: str, wanted: str, live: frozenset[str]) -> tuple[Resource, str] | None:
    """Return the resource `kind`/`wanted` and its subject ("" when it has none), or None.

    live: the models whose insights are shown.
    """
    if kind == "AuditEvent":
        return _entry(site, wanted)
    row = site.store.insight(wanted.partition(".")[0])
    if row is None or row.model not in live:
        return None
    found = (one for one in _become(site, kind, row) if one["id"] == wanted)
    resource = next(found, None)
    return (resource, row.subject) if resource else None


def _entry(site: Site, wanted: str) -> tuple[Resource, str] | None:
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 18 or int(wanted) < 1:
        return None
    seq = int(wanted)
    entry = next(iter(site.store.entries(after=seq - 1, limit=1)), None)
    if entry is None or entry.seq != seq:
        return None
    return audit_event(entry, *_about(site, [seq]).get(seq, ("", "")), site.server), ""


def _about(site: Site, seqs: list[int]) -> dict[int, tuple[str, str]]:
    """Return of each entry which record it is of, and through which client it came."""
    return {seq: (one.record_id, one.client) for seq, one in site.store.openings(seqs).items()}


def search(site: Site, kind: str, asked: Search, live: frozenset[str]) -> tuple[list[Resource], Place | None]:
    """Return one page, and the place after which the next one begins (None: this is the last).

    live: the models whose insights are shown.

    A page may hold less than was asked for, and still have a next one: so that no search runs for ever.
    """
    if asked.ids:
        return _named(site, kind, asked, live)
    page: list[Resource] = []
    last = asked.after
    for seen, (place, resource) in enumerate(_stream(site, kind, asked, live)):
        fits = resource is not None and _fits(kind, resource, asked)
        if seen >= _SCAN or (fits and len(page) == asked.count):
            return page, last if asked.count else None
        last = place
        if fits:
            page.append(resource)  # type: ignore[arg-type]
    return page, None


def count(site: Site, kind: str, asked: Search, live: frozenset[str]) -> int | None:
    """Return how many there are of what is asked for; None where more would have to be looked through than
    one call may.
    """
    if asked.ids:
        return len(_named(site, kind, replace(asked, count=len(asked.ids), after=(0, -1)), live)[0])
    found = 0
    for seen, (_, resource) in enumerate(_stream(site, kind, replace(asked, after=(0, -1)), live)):
        if seen >= _SCAN:
            return None
        found += resource is not None and _fits(kind, resource, asked)
    return found


def _named(site: Site, kind: str, asked: Search, live: frozenset[str]) -> tuple[list[Resource], Place | None]:
    """Return one page of what `asked.ids` name, and the place of the next: how many ids were gone through."""
    page: list[Resource] = []
    for at in range(asked.after[0], len(asked.ids)):
        if len(page) == asked.count:
            return page, (at, 0)
        pair = read(site, kind, asked.ids[at], live)
        if pair and _fits(kind, pair[0], asked) and (not asked.subjects or pair[1] in asked.subjects):
            page.append(pair[0])
    return page, None


def _fits(kind: str, resource: Resource, asked: Search) -> bool:
    moment = datetime.fromisoformat(resource[_DATED[kind]])
    return asked.in_time(moment)


def _stream(
    site: Site, kind: str, asked: Search, live: frozenset[str]
) -> Iterator[tuple[Place, Resource | None]]:
    """Yield everything of `kind` after the place asked for; None stands for a row of another kind."""
    rows = _entries(site, asked) if kind == "AuditEvent" else _insights(site, kind, asked, live)
    for place, resource in rows:
        if place > asked.after:
            yield place, resource


def _insights(
    site: Site, kind: str, asked: Search, live: frozenset[str]
) -> Iterator[tuple[Place, Resource | None]]:
    since = asked.since if kind in INSIGHT_TYPES else None
    for row in _rows(site, asked, since):
        made: list[Resource | None] = [*_become(site, kind, row)] if row.model in live else []
        for k, resource in enumerate(made or [None]):
            yield (row.n, k), resource


def _rows(site: Site, asked: Search, since: datetime | None) -> Iterator[Any]:
    """Yield the stored insights from the place asked for on; of several subjects, merged in order."""
    after = max(asked.after[0] - 1, 0)
    if len(asked.subjects) > 1:
        each = (site.store.insights(subject, since=since, after=after) for subject in asked.subjects)
        every = chain.from_iterable(each)
        yield from sorted(every, key=lambda row: row.n)
        return
    subject = asked.subjects[0] if asked.subjects else None
    while page := site.store.insights(subject, since=since, limit=_PAGE, after=after):
        yield from page
        after = page[-1].n


def _insight(row: Any) -> Insight:
    return from_json({**msgspec.json.decode(row.document), "id": row.id})


def _become(site: Site, kind: str, row: Any) -> list[Resource]:
    insight = _insight(row)
    server = site.server
    decided = row.stale_since is not None and bool(site.store.reviews(insight=row.id))
    made = resources(insight, row.stale_since, server, decided)
    if kind != "Provenance":
        return [one for one in made if one["resourceType"] == kind]
    if not made:
        return []
    written = site.store.entries_about(row.id, "insight")
    reviews = site.store.reviews(insight=row.id)
    return [
        insight_provenance(insight, written[0].at if written else insight.as_of, server),
        *({review_id(one): review_provenance(insight, one, server) for one in reviews}.values()),
    ]


def _entries(site: Site, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    if asked.subjects:
        yield from _entries_of(site, asked)
        return
    after = max(asked.after[0], 0)
    while page := list(site.store.entries(after=after, limit=_PAGE)):
        about = _about(site, [entry.seq for entry in page])
        yield from (
            ((one.seq, 0), audit_event(one, *about.get(one.seq, ("", "")), site.server)) for one in page
        )
        after = page[-1].seq


def _entries_of(site: Site, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    """Yield the entries about the subjects, their insights and their reviews."""
    named = list(asked.subjects)
    for subject in asked.subjects:
        named += [row.id for row in site.store.insights(subject)]
        named += [review.id for review in site.store.reviews(subject=subject)]
    found = {entry.seq: (entry, name) for name in named for entry in site.store.entries_about(name)}
    about = _about(site, list(found))
    for seq in sorted(found):
        yield (seq, 0), audit_event(*found[seq], about.get(seq, ("", ""))[1], site.server)
