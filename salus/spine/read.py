"""Read: a place full of evidence into the archive, every resource accounted for, and written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.consent import Actor

if TYPE_CHECKING:
    from salus.record.account import Account
    from salus.spine.site import Site


def read(site: Site, place: str, *, actor: Actor, progress: Callable[..., Any] | None = None) -> Account:
    """Read `place` (file, folder, ``-`` or the URL of a FHIR server) into the site's archive.

    What changed since the last read marks the insights that leaned on it as stale.
    Raises EvidenceError when nothing can be read there; a resource that cannot be is a counted reject.
    """
    if place.startswith(("http://", "https://")):
        from salus.record.server import read_server

        account = read_server(place, site.path, needs=_needs(), progress=progress)
    else:
        from salus.record.bulk import read_place

        account = read_place(place if place == "-" else str(Path(place)), site.path, progress=progress)
    now = site.now()
    with site.store.begin() as tx:
        tx.append(now, actor.id, "read", {"place": place, "counts": account.counts()})
        tx.mark_stale(account.changed, now, actor.id)
    site.memory.clear()
    return account


def _needs() -> list[Any]:
    from salus.core.registry import models

    return [need for model in models().values() for need in model.card.needs]
