"""Which models there are, which of them may speak at clinical doors here, and the approval that lets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salus.core.registry import model as find_model
from salus.core.registry import models as known_models
from salus.governance.standing import (
    DEMONSTRATOR,
    LIVE,
    ModelStatus,
    Place,
    approval,
    shipped,
    standing,
    statement,
)

if TYPE_CHECKING:
    from salus.core.card import Card
    from salus.spine.site import Site
    from salus.store.rows import StatusRow

__all__ = ["DEMONSTRATOR", "LIVE", "ModelStatus", "approve", "models", "statuses"]


def models(site: Site | None) -> list[ModelStatus]:
    """Return every model with its status; without a site, the status that it ships with."""
    if site is not None:
        return list(statuses(site).values())
    return [shipped(model.card) for model in known_models().values()]


def statuses(site: Site) -> dict[str, ModelStatus]:
    """Return the status of each model by name, as far as its approval holds here and for this version."""
    rows, place = site.store.statuses(), _place(site)
    found = {}
    for name, model in known_models().items():
        base, row = shipped(model.card), rows.get(name)
        if row is not None:
            base = _standing(site, model.card, row, place)
        found[name] = base
    return found


def _standing(site: Site, card: Card, row: StatusRow, place: Place) -> ModelStatus:
    """Return where a model stands by `row`; remembered, since a signature takes longer than a model."""
    key = ("standing", card.name, card.version, row, place.demonstration)
    known: ModelStatus | None = site.memory.get(key)
    if known is None:
        told = ModelStatus(
            row.model, row.version, card.asks, row.status, card.title, row.by, row.because, row.at
        )
        known = site.memory[key] = standing(card, told, row.signature, place)
    return known


def _place(site: Site) -> Place:
    return Place(site.id, site.key.verify, site.demonstration)


def approve(site: Site, name: str, *, by: str, because: str) -> ModelStatus:
    """Make model `name` live here, by a signed ledger entry.

    Raises UserError when the model is unknown or `by` or `because` is empty, RefusedError when a
    demonstration approves anywhere but in its own archive.
    """
    from salus.store.rows import StatusRow, status_content

    card, at = find_model(name).card, site.now().replace(microsecond=0)
    told = approval(card, by, because, at, _place(site))
    signature = site.key.sign(statement(site.id, told))
    row = StatusRow(name, told.version, told.status, told.by, told.because, at, signature, seq=0)
    with site.store.begin() as tx:
        entry = tx.append(at, told.by, "status", status_content(row))
        tx.set_status(name, told.version, told.status, told.by, told.because, at, signature, entry.seq)
    site.memory.clear()
    return statuses(site)[name]
