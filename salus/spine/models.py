"""Which models there are, which of them may speak at clinical doors here, and the approval that lets them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from salus.core.errors import RefusedError
from salus.core.registry import model as find_model
from salus.governance.standing import (
    DEMONSTRATOR,
    LIVE,
    ModelStatus,
    Place,
    approval,
    overtaken,
    seal,
    shipped,
    standing,
)
from salus.spine.adopted import Here, here, unusable, words

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.rows import StatusRow

__all__ = ["DEMONSTRATOR", "LIVE", "ModelStatus", "approve", "models", "statuses"]


def models(site: Site | None) -> list[ModelStatus]:
    """Return every model with its status; without a site, the status that it ships with."""
    if site is not None:
        return list(statuses(site).values())
    return [_ships(each) for each in here(None).values()]


def statuses(site: Site) -> dict[str, ModelStatus]:
    """Return the status of each model by name, as far as its approval holds here and for these files."""
    rows, place = site.store.statuses(), _place(site)
    found = {}
    for name, each in here(site).items():
        ships, row = _ships(each), rows.get(name)
        if row is None:
            found[name] = ships
        elif each.row is not None and row.seq < each.row.seq:
            found[name] = overtaken(ships)
        else:
            found[name] = _standing(site, ships, row, place)
    return found


def _ships(each: Here) -> ModelStatus:
    """Return the status of a model that nobody approved."""
    told = words(each.row) if each.row and each.artefact else ""
    return replace(shipped(each.model.card, each.origin), artefact=each.artefact, adopted=told)


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
    demonstration approves anywhere but in its own archive, or its files or the artefact that was adopted for
    it cannot be read.
    """
    from salus.store.rows import StatusRow, status_content

    ships = _ships(_to_approve(site, find_model(name).card.name))
    at = site.now().replace(microsecond=0)
    told = approval(ships, by, because, at, _place(site))
    signature = seal(told, site.id, site.key.sign)
    row = StatusRow(name, told.version, told.status, told.by, told.because, at, signature, seq=0)
    with site.store.begin() as tx:
        entry = tx.append(at, told.by, "status", status_content(row))
        tx.set_status(name, told.version, told.status, told.by, told.because, at, signature, entry.seq)
    site.memory.clear()
    return statuses(site)[name]


def _to_approve(site: Site, name: str) -> Here:
    """Return the model as it answers here; raises RefusedError where what was adopted cannot be used."""
    each = here(site)[name]
    error = unusable(each.model) if each.artefact else None
    if error is not None:
        raise RefusedError(f"Model '{name}' cannot be approved: {error}")
    return each
