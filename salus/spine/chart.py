"""Chart: one person's record through the gate, for a clinician's eyes; written down each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.consent import DIRECT_CARE, Actor
from salus.core.errors import EvidenceError, UserError
from salus.core.evidence import Event
from salus.core.seams import View
from salus.privacy.gate import open_view
from salus.spine.consult import archived
from salus.spine.permits import request

if TYPE_CHECKING:
    from salus.core.review import Entry
    from salus.spine.site import Site


def open_chart(
    site: Site, subject: str, *, actor: Actor, purpose: str = DIRECT_CARE, as_of: datetime | None = None
) -> View:
    """Return what `actor` may see of `subject`, as known at `as_of` (default: the end of that record).

    Raises UserError for an unknown subject, or one who may not be seen, RefusedError when the gate says no,
    AwayError when the look cannot be written down: what is not on record is not shown.
    """
    to = request(site, actor, purpose)
    asked = archived(site, subject, as_of, to)
    rule = to.rule(asked.timeline.subject)
    view = open_view(asked.timeline, actor, purpose, asked.as_of, asked.whole_at, rule=rule)
    said = {"subject": subject, "what": "record", "purpose": purpose, "as_of": view.as_of.isoformat()}
    with site.store.begin() as tx:
        tx.append(site.now(), actor.id, "look", {**said, "permit": view.permit})
    return view


def looks(site: Site, subject: str) -> list[Entry]:
    """Return every look at `subject` that the ledger holds, oldest first."""
    return site.store.entries_about(subject, "look")


def as_sent(site: Site, seen: Iterable[Event]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each resource behind `seen`, entries that `open_chart` has shown.

    What is not at hand any more is passed over.
    """
    for source in sorted({event.source for event in seen}):
        with suppress(UserError, EvidenceError):
            yield source, site.archive.raw(source)
