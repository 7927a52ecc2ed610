"""Review: a person's last word on an insight, kept for good and in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from salus.core.errors import UserError, choices, printable
from salus.core.review import DECISIONS, OVERRIDE_REASONS, Review

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import HookCard

__all__ = ["HookCard", "review"]


def review(site: Site, said: Review) -> Review:
    """Keep `said`, give it an id and a time, and return it as kept.

    Said twice under one id it is kept once, also when both come at the same moment; its time is the first's.
    Raises UserError when the insight is unknown, the decision or the coded reason is none of those that
    exist, an override or change gives no reason, or nobody is named; AwayError when it cannot be kept.
    """
    _check(site, said)
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


def _check(site: Site, said: Review) -> None:
    if said.decision not in DECISIONS:
        raise UserError(
            f"No decision is named '{said.decision}'. Choose one of: {choices(said.decision, DECISIONS)}."
        )
    if said.because and said.because not in OVERRIDE_REASONS:
        raise UserError(f"No reason is coded '{said.because}'. Choose one of: {', '.join(OVERRIDE_REASONS)}.")
    note = printable(said.note, None)
    if said.decision == "overridden" and not (said.because or note):
        raise UserError("An override needs a coded reason or a note: say why the insight does not hold.")
    if said.decision == "modified" and not (said.because or note):
        raise UserError("A change needs a coded reason or a note: say what is to be done instead.")
    if not said.by.strip():
        raise UserError("A review needs the name of the person who made it.")
    if site.store.insight(said.insight) is None:
        raise UserError(
            f"No insight has the id '{said.insight[:64]}'. List them with 'salus ask' or on the Ward page."
        )
