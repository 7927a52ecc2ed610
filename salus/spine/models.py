"""Which models there are, and which of them may speak at clinical doors here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.errors import RefusedError, UserError
from salus.core.registry import model as find_model
from salus.core.registry import models as known_models

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.store import StatusRow

VALIDATED, LIVE = "validated", "live"
# The one who approves in a demonstration: no person, and valid in no other archive.
DEMONSTRATOR = "demonstration"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What a model is called, what it asks, and where it stands here; `at` is None until somebody decided."""

    name: str
    version: str
    asks: str
    status: str
    title: str = ""
    by: str = ""
    because: str = ""
    at: datetime | None = None
    note: str = ""


def models(site: Site | None) -> list[ModelStatus]:
    """Return every model with its status; without a site, the status that it ships with."""
    if site is not None:
        return list(statuses(site).values())
    cards = [model.card for model in known_models().values()]
    return [ModelStatus(card.name, card.version, card.asks, card.status, card.title) for card in cards]


def statuses(site: Site) -> dict[str, ModelStatus]:
    """Return the status of each model by name, as far as its approval holds here and for this version."""
    rows = site.store.statuses()
    found = {}
    for name, model in known_models().items():
        card = model.card
        row = rows.get(name)
        base = ModelStatus(name, card.version, card.asks, card.status, card.title)
        found[name] = base if row is None else _standing(site, base, row)
    return found


def _standing(site: Site, base: ModelStatus, row: StatusRow) -> ModelStatus:
    if row.version != base.version:
        return replace(base, note=f"was approved in version {row.version}; this version was not")
    told = replace(base, status=row.status, by=row.by, because=row.because, at=row.at)
    if not site.key.verify(_statement(site, told), row.signature):
        return replace(base, note="its approval is not signed for this archive and does not hold")
    if row.by == DEMONSTRATOR and not site.demonstration:
        return replace(base, note="its approval is a demonstration's and does not hold here")
    return told


def _statement(site: Site, told: ModelStatus) -> bytes:
    """Return the bytes that are signed: the site's own id is among them, so that no copy holds elsewhere."""
    import msgspec

    assert told.at is not None
    parts = [site.id, told.name, told.version, told.status, told.by, told.because, told.at.timestamp()]
    return msgspec.json.encode(parts)


def approve(site: Site, name: str, *, by: str, because: str) -> ModelStatus:
    """Make model `name` live here, by a signed ledger entry.

    Raises UserError when the model is unknown or `by` or `because` is empty, RefusedError when a
    demonstration approves anywhere but in its own archive.
    """
    card = find_model(name).card
    if not by.strip() or not because.strip():
        raise UserError("An approval needs who (--by) and why (--because): a person answers for it.")
    if by.strip().lower() == DEMONSTRATOR and not site.demonstration:
        raise RefusedError(
            "A demonstration approval holds in the demonstration's own archive only. Name a person."
        )
    now = site.now().replace(microsecond=0)
    told = ModelStatus(name, card.version, card.asks, LIVE, card.title, by.strip(), because.strip(), now)
    signature = site.key.sign(_statement(site, told))
    said = {"model": name, "version": told.version, "status": LIVE, "by": told.by, "because": told.because}
    with site.store.begin() as tx:
        entry = tx.append(now, told.by, "status", {**said, "signature": signature.hex()})
        tx.set_status(name, told.version, LIVE, told.by, told.because, now, signature, entry.seq)
    site.memory.clear()
    return statuses(site)[name]
