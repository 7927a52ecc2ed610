"""Review: a person's last word on an insight, kept for good and in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from salus.core.errors import UserError, choices
from salus.core.review import DECISIONS, OVERRIDE_REASONS, Review

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import HookCard

__all__ = ["HookCard", "review"]


def review(site: Site, said: Review) -> Review:
    """Keep `said`, give it an id and a time, and return it as kept.

    Raises UserError when the insight is unknown, the decision or the coded reason is none of those that
    exist, an override or change gives no reason, or nobody is named; AwayError when it cannot be kept.
    """
    _check(site, said)
    kept = replace(said, id=said.id or uuid4().hex, at=said.at or site.now())
    assert kept.at is not None
    with site.store.begin() as tx:
        tx.put_review(kept)
        tx.append(kept.at, kept.by, "review", {"id": kept.id})
    return kept


def _check(site: Site, said: Review) -> None:
    if said.decision not in DECISIONS:
        raise UserError(
            f"No decision is named '{said.decision}'. Choose one of: {choices(said.decision, DECISIONS)}."
        )
    if said.because and said.because not in OVERRIDE_REASONS:
        raise UserError(f"No reason is coded '{said.because}'. Choose one of: {', '.join(OVERRIDE_REASONS)}.")
    if said.decision == "overridden" and not (said.because or said.note):
        raise UserError("An override needs a coded reason or a note: say why the insight does not hold.")
    if not said.by.strip():
        raise UserError("A review needs the name of the person who made it.")
    if site.store.insight(said.insight) is None:
        raise UserError(
            f"No insight has the id '{said.insight[:64]}'. List them with 'salus ask' or on the Ward page."
        )
