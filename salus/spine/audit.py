"""Audit: whether the ledger, and everything that it speaks of, is still what was written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.ledger import Verdict


def verify(site: Site, head: str | None = None) -> Verdict:
    """Check every entry, and every insight, review and approval against its entry.

    head: a head that was kept elsewhere; with it a cut tail or a full rewrite is found too.
    """
    from salus.store.ledger import verify as verify_chain

    verdict = verify_chain(site.store.entries(), head)
    strangers = tuple(site.store.check_records())
    if not strangers:
        return verdict
    return replace(verdict, intact=False, problems=(*verdict.problems, *strangers))
