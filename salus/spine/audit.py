"""Audit: whether the ledger, and everything that it speaks of, is still what was written down."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from salus.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salus.spine.site import Site
    from salus.store.ledger import Verdict

OF_NOTHING = (
    "A head of zeros is that of an empty ledger and says nothing of one with entries: nothing was compared. "
    "Give a head that was kept later."
)


def verify(site: Site, head: str | None = None) -> Verdict:
    """Check every entry, and every insight, review and approval against its entry.

    head: a head that was kept elsewhere; with it a cut tail or a full rewrite is found too.
    Raises UserError when `head` is no digest (64 hex digits), or that of an empty ledger and this one is not.
    """
    from salus.spine.read import finish_reads
    from salus.store.ledger import GENESIS
    from salus.store.ledger import verify as verify_chain

    finish_reads(site)
    kept = _digest(head)
    if kept == GENESIS and site.store.head() != (0, GENESIS):
        raise UserError(OF_NOTHING)
    verdict = verify_chain(site.store.entries(), kept)
    strangers = (*_missing(site), *site.store.check_records())
    if not strangers:
        return verdict
    return replace(verdict, intact=False, problems=(*verdict.problems, *strangers))


def _digest(head: str | None) -> str | None:
    """Return `head` as the ledger spells it; a mistyped one is no broken chain."""
    if head is None:
        return None
    if re.fullmatch(r"[0-9a-fA-F]{64}", head.strip()) is None:
        raise UserError(
            "A head is 64 hex digits, as 'salus audit verify' prints it. Give the one that you kept."
        )
    return head.strip().lower()


def _missing(site: Site) -> Iterator[str]:
    """Say so when the archive was read into and this ledger knows nothing of it, or knows of a later read."""
    from salus.record.manifest import load

    record, told = load(site.path), site.store.newest("read")
    last = site.store.newest("begin", "read", "abandon")
    here = record.generation if record else 0
    there = told[1].get("generation") if told else 0
    there = there if type(there) is int else here
    if last and last[0].did == "begin" and last[1].get("generation") == here == there + 1:
        # Published by a read that is under way, or was killed: whoever writes next tells the ledger.
        return
    if record and not told:
        yield (
            "Records were read into this archive, and no entry says so: the ledger was removed or emptied, "
            "or is another's. Put salus.db back from a backup."
        )
    elif here != there:
        yield (
            f"The archive is at its read {here}, and the ledger's last is {there}: one of them was put back "
            "alone. Put salus.db and the archive back from the same backup."
        )
