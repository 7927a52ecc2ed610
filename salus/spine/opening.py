"""Opening: a population's evidence for training, testing and counting, without whoever said no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from salus.core.consent import Actor
from salus.privacy.permits import Rules
from salus.spine.permits import permits

if TYPE_CHECKING:
    from salus.record.population import Population


class Opening(NamedTuple):
    """Who opens a population, what for, and on which basis; and where the state of an archive is."""

    actor: Actor
    purpose: str
    basis: str
    store: str | None = None


def rules_at(place: str, subjects: Iterable[str], opening: Opening) -> Rules:
    """Return the rules of the subjects of the archive at `place`."""
    from salus.spine.site import open_site

    site = open_site(Path(place), opening.store, create=False, to_read=True)
    try:
        return permits(site).rules(subjects, opening.actor, opening.purpose, opening.basis)
    finally:
        site.close()


def permitted(found: Population, place: str, opening: Opening) -> Population:
    """Return what may be opened so of the evidence of an archive at `place`; who said no is not in it."""
    import polars as pl

    from salus.privacy.gate import allowed

    every = found.subjects["subject"].to_list()
    rules = rules_at(place, every, opening)
    shut_out = [one for one in every if rules.of.get(one, rules.otherwise).constant is False]
    return replace(
        found,
        subjects=found.subjects.filter(~pl.col("subject").is_in(shut_out)),
        events=allowed(found.events, rules, opening.actor, opening.purpose),
    )
