"""Review: a person's last word on an insight, kept for good and in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from salus.core.consent import names_somebody
from salus.core.errors import UserError, choices
from salus.core.review import DECISIONS, OVERRIDE_REASONS, Fault, Review, faults

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import HookCard

__all__ = ["HookCard", "review"]


def review(site: Site, said: Review, *, heard: bool = False) -> Review:
    """Keep `said`, give it an id and a time, and return it as kept.

    Said twice under one id it is kept once, also when both come at the same moment; its time is the first's.
    heard: told by another system, which need not have asked why (CDS Hooks 2.0, feedback: overrideReason is
    optional). Raises UserError when the insight is unknown, the decision or the coded reason is none of those
    that exist, an override or change gives no reason, another decision gives one, or nobody is named;
    AwayError when it cannot be kept.
    """
    _check(site, said, heard)
    kept = replace(said, id=said.id or uuid4().hex, at=said.at or site.now())
    assert kept.at is not None
    try:
        with site.store.begin() as tx:
            tx.put_review(kept)
            tx.append(kept.at, kept.by, "review", {"id": kept.id})
    except UserError:
        before = _said_before(site, kept)
        if before is None:
            raise
        return before
    return kept


def _said_before(site: Site, said: Review) -> Review | None:
    """Return the same decision under the same id, as kept; None where that id says something else."""
    kept = (one for one in site.store.reviews(insight=said.insight) if one.id == said.id)
    return next((one for one in kept if replace(said, at=one.at) == one), None)


_FORGIVEN = frozenset({Fault.OTHER_UNSAID, Fault.UNREASONED})


def _check(site: Site, said: Review, heard: bool) -> None:
    for fault in faults(said.decision, said.because, said.note):
        if not (heard and fault in _FORGIVEN):
            raise UserError(_wrong(fault, said))
    if not names_somebody(said.by):
        raise UserError(
            "A review needs the name of the person who made it: on one line, without hidden characters."
        )
    if site.store.insight(said.insight) is None:
        raise UserError(
            f"No insight has the id '{said.insight[:64]}'. List them with 'salus ask' or on the Ward page."
        )


def _wrong(fault: Fault, said: Review) -> str:
    return {
        Fault.DECISION: (
            f"No decision is named '{said.decision}'. Choose one of: {choices(said.decision, DECISIONS)}."
        ),
        Fault.REASON: (f"No reason is coded '{said.because}'. Choose one of: {', '.join(OVERRIDE_REASONS)}."),
        Fault.NO_OVERRIDE: (
            f"'{said.because}' is a reason to override or change, and this is '{said.decision}': leave the "
            "reason out, or decide otherwise."
        ),
        Fault.OTHER_UNSAID: "Another reason needs a note: say which.",
        Fault.UNREASONED: "An override needs a coded reason or a note: say why the insight does not hold.",
        Fault.UNSAID: "A change needs a coded reason or a note: say what is to be done instead.",
    }[fault]
