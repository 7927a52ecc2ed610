"""Outdated: which decisions rest on evidence that was corrected or withdrawn since, and on whom they were.

Whoever relied on an answer must learn that it no longer stands, even where a new one asks for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.review import Review

if TYPE_CHECKING:
    from salus.spine.site import Site


@dataclass(frozen=True, slots=True)
class Outdated:
    """A decision on an answer of `model`, and since when that answer is stale."""

    review: Review
    model: str
    since: datetime


def outdated(site: Site, reviews: Iterable[Review]) -> Mapping[str, tuple[Outdated, ...]]:
    """Return subject -> the decisions among `reviews` that await another one, the last on each answer.

    One awaits none any more once somebody decided on that model's answer about that subject after the
    correction. To put it off is no decision.
    """
    decided = [one for one in reviews if one.decision != "deferred" and one.at is not None]
    last = {one.insight: one for one in decided}
    stale = site.store.stale(last)
    if not stale:
        return {}
    first = min(stale.values())
    again: dict[tuple[str, str], datetime] = {}
    for insight, at in ((one.insight, one.at) for one in decided if one.at and one.at > first):
        whose = _about(site, insight)
        again[whose] = max(at, again.get(whose, at))
    found = defaultdict(list)
    for insight, since in stale.items():
        subject, model = whose = _about(site, insight)
        if whose not in again or again[whose] <= since:
            found[subject].append(Outdated(last[insight], model, since))
    return {subject: tuple(every) for subject, every in found.items()}


def _about(site: Site, insight: str) -> tuple[str, str]:
    """Return the subject, by the name that stands for all that are this person, and the model."""
    row = site.store.insight(insight)
    assert row is not None
    subject = site.archive.identities.canonical(row.subject) if site.has_archive else row.subject
    return subject, row.model
