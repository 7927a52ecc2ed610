"""Which models there are, which of them may speak at clinical doors here, and the approval that lets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salus.core.registry import model as find_model
from salus.core.registry import models as known_models
from salus.core.registry import origin as find_origin
from salus.governance.standing import (
    DEMONSTRATOR,
    LIVE,
    ModelStatus,
    Place,
    approval,
    seal,
    shipped,
    standing,
)

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import StatusRow

__all__ = ["DEMONSTRATOR", "LIVE", "ModelStatus", "approve", "models", "statuses"]


def models(site: Site | None) -> list[ModelStatus]:
    """Return every model with its status; without a site, the status that it ships with."""
    if site is not None:
        return list(statuses(site).values())
    return [shipped(model.card, find_origin(name)) for name, model in known_models().items()]


def statuses(site: Site) -> dict[str, ModelStatus]:
    """Return the status of each model by name, as far as its approval holds here and for these files."""
    rows, place = site.store.statuses(), _place(site)
    found = {}
    for name, model in known_models().items():
        ships, row = shipped(model.card, find_origin(name)), rows.get(name)
        found[name] = ships if row is None else _standing(site, ships, row, place)
    return found


def _standing(site: Site, ships: ModelStatus, row: StatusRow, place: Place) -> ModelStatus:
    """Return where a model stands by `row`; remembered, since a signature takes longer than a model."""
    key = ("standing", ships, row, place.demonstration)
    known: ModelStatus | None = site.memory.get(key)
    if known is None:
        told = ModelStatus(
            row.model, row.version, ships.asks, row.status, ships.title, row.by, row.because, row.at
        )
        known = site.memory[key] = standing(ships, told, row.signature, place)
    return known


def _place(site: Site) -> Place:
    return Place(site.id, site.key.verify, site.demonstration)


def approve(site: Site, name: str, *, by: str, because: str) -> ModelStatus:
    """Make model `name` live here, by a signed ledger entry over the files that it was loaded from.

    Raises UserError when the model is unknown or `by` or `because` is empty, RefusedError when a
    demonstration approves anywhere but in its own archive, or its files cannot be read.
    """
    from salus.store.rows import StatusRow, status_content

    ships = shipped(find_model(name).card, find_origin(name))
    at = site.now().replace(microsecond=0)
    told = approval(ships, by, because, at, _place(site))
    signature = seal(told, site.id, site.key.sign)
    row = StatusRow(name, told.version, told.status, told.by, told.because, at, signature, seq=0)
    with site.store.begin() as tx:
        entry = tx.append(at, told.by, "status", status_content(row))
        tx.set_status(name, told.version, told.status, told.by, told.because, at, signature, entry.seq)
    site.memory.clear()
    return statuses(site)[name]
