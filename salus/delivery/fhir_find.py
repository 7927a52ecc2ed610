"""Which of what is kept does a FHIR read or search mean? Insights, reviews, the ledger, as they were written.

For the FHIR door. A page goes on where the last one ended, by the place in the order of writing, so that what
is added meanwhile neither repeats nor hides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from salus.core.insight import Insight
from salus.delivery.fhir_resources import Resource, resources
from salus.delivery.fhir_search import Search
from salus.delivery.fhir_trail import audit_event, insight_provenance, review_id, review_provenance
from salus.spine.models import LIVE, statuses
from salus.spine.permits import Seen, seen_by
from salus.spine.shape import from_json

if TYPE_CHECKING:
    from salus.core.consent import Actor
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


class Showing(NamedTuple):
    """What is shown to one actor at this moment: of the models that are live here, as people permit it."""

    site: Site
    live: frozenset[str]
    seen: Seen

    def row(self, row: Any) -> bool:
        """Whether a kept insight is shown: what any other model said is not, at a clinical door."""
        return row.model in self.live and self.seen.insight(row)


def showing(site: Site, actor: Actor) -> Showing:
    """Return what is shown to `actor` now."""
    live = frozenset(name for name, row in statuses(site).items() if row.status == LIVE)
    return Showing(site, live, seen_by(site, actor))


def read(to: Showing, kind: str, wanted: str) -> tuple[Resource, str] | None:
    """Return the resource `kind`/`wanted` and its subject ("" when it has none), or None."""
    if kind == "AuditEvent":
        return _entry(to, wanted)
    row = to.site.store.insight(wanted.partition(".")[0])
    if row is None or not to.row(row):
        return None
    found = (one for one in _become(to.site, kind, row) if one["id"] == wanted)
    resource = next(found, None)
    return (resource, row.subject) if resource else None


def _entry(to: Showing, wanted: str) -> tuple[Resource, str] | None:
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 18 or int(wanted) < 1:
        return None
    seq = int(wanted)
    entry = next(iter(to.site.store.entries(after=seq - 1, limit=1)), None)
    if entry is None or entry.seq != seq:
        return None
    about, client = _about(to.site, [seq]).get(seq, ("", ""))
    if not to.seen.about(about):
        return None
    return audit_event(entry, about, client, to.site.server), ""


def _about(site: Site, seqs: list[int]) -> dict[int, tuple[str, str]]:
    """Return of each entry which record it is of, and through which client it came."""
    return {seq: (one.record_id, one.client) for seq, one in site.store.openings(seqs).items()}


def search(to: Showing, kind: str, asked: Search) -> tuple[list[Resource], Place | None]:
    """Return one page, and the place after which the next one begins (None: this is the last).

    A page may hold less than was asked for, and still have a next one: so that no search runs for ever.
    """
    if asked.ids:
        return _named(to, kind, asked)
    page: list[Resource] = []
    last = asked.after
    for seen, (place, resource) in enumerate(_stream(to, kind, asked)):
        fits = resource is not None and _fits(kind, resource, asked)
        if seen >= _SCAN or (fits and len(page) == asked.count):
            return page, last if asked.count else None
        last = place
        if fits:
            page.append(resource)  # type: ignore[arg-type]
    return page, None


def count(to: Showing, kind: str, asked: Search) -> int | None:
    """Return how many there are of what is asked for; None where more would have to be looked through than
    one call may.
    """
    if asked.ids:
        return len(_named(to, kind, replace(asked, count=len(asked.ids), after=(0, -1)))[0])
    found = 0
    for seen, (_, resource) in enumerate(_stream(to, kind, replace(asked, after=(0, -1)))):
        if seen >= _SCAN:
            return None
        found += resource is not None and _fits(kind, resource, asked)
    return found


def _named(to: Showing, kind: str, asked: Search) -> tuple[list[Resource], Place | None]:
    """Return one page of what `asked.ids` name, and the place of the next: how many ids were gone through."""
    page: list[Resource] = []
    for at in range(asked.after[0], len(asked.ids)):
        if len(page) == asked.count:
            return page, (at, 0)
        pair = read(to, kind, asked.ids[at])
        if pair and _fits(kind, pair[0], asked) and (not asked.subjects or pair[1] in asked.subjects):
            page.append(pair[0])
    return page, None


def _fits(kind: str, resource: Resource, asked: Search) -> bool:
    moment = datetime.fromisoformat(resource[_DATED[kind]])
    return asked.in_time(moment)


def _stream(to: Showing, kind: str, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    """Yield everything of `kind` after the place asked for; None stands for a row of another kind."""
    rows = _entries(to, asked) if kind == "AuditEvent" else _insights(to, kind, asked)
    for place, resource in rows:
        if place > asked.after:
            yield place, resource


def _insights(to: Showing, kind: str, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    since = asked.since if kind in INSIGHT_TYPES else None
    for row in _rows(to.site, asked, since):
        made: list[Resource | None] = [*_become(to.site, kind, row)] if to.row(row) else []
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


def _entries(to: Showing, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    """Yield the entries of the ledger; None stands for one about somebody who may not be seen."""
    if asked.subjects:
        yield from _entries_of(to, asked)
        return
    site, after = to.site, max(asked.after[0], 0)
    while page := list(site.store.entries(after=after, limit=_PAGE)):
        about = _about(site, [entry.seq for entry in page])
        for one in page:
            whose, client = about.get(one.seq, ("", ""))
            told = audit_event(one, whose, client, site.server) if to.seen.about(whose) else None
            yield (one.seq, 0), told
        after = page[-1].seq


def _entries_of(to: Showing, asked: Search) -> Iterator[tuple[Place, Resource | None]]:
    """Yield the entries about the subjects, their insights and their reviews."""
    site, named = to.site, [one for one in asked.subjects if to.seen.about(one)]
    for subject in tuple(named):
        named += [row.id for row in site.store.insights(subject) if to.seen.insight(row)]
        named += [review.id for review in site.store.reviews(subject=subject)]
    found = {entry.seq: (entry, name) for name in named for entry in site.store.entries_about(name)}
    about = _about(site, list(found))
    for seq in sorted(found):
        yield (seq, 0), audit_event(*found[seq], about.get(seq, ("", ""))[1], site.server)
