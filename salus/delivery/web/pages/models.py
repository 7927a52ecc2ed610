"""The Models page: which models may speak here, by whose approval, and what each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salus.core.registry import model as find_model
from salus.core.registry import problems
from salus.delivery.web.pages.answers import measured

if TYPE_CHECKING:
    from salus.spine import Site


def listed(site: Site) -> dict[str, Any]:
    """Return every model with its standing here, the live ones first; and what could not be loaded."""
    from salus.spine import models

    rows = sorted(models(site), key=lambda row: (row.status != "live", row.name))
    live = [row for row in rows if row.status == "live"]
    return {"rows": rows, "live": live, "broken": problems()}


def one(site: Site, name: str) -> dict[str, Any]:
    """Return one model: its card and its standing here."""
    from salus.spine import models

    card = find_model(name).card
    (status,) = [row for row in models(site) if row.name == name]
    return {
        "card": card,
        "status": status,
        "demonstrated": status.by == "demonstration",
        "measured": [measured(row) for row in card.measures],
    }
