"""Look: somebody was shown what is kept of a subject; the ledger says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salus.core.consent import Actor
from salus.privacy.gate import refuse_nobody

if TYPE_CHECKING:
    from salus.spine.site import Site


def look(site: Site, *, actor: Actor, subject: str, what: str, count: int) -> None:
    """Write down that `actor` was shown `count` of `what` (``RiskAssessment``) of `subject` ("" for many).

    Raises RefusedError when nobody in particular looks, AwayError when it cannot be kept: what is not on
    record is not shown.
    """
    refuse_nobody(actor)
    said = {"subject": subject, "what": what, "count": count}
    with site.store.begin() as tx:
        tx.append(site.now(), actor.id, "look", said)
