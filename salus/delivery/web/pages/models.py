"""The Models page: which models may speak here, by whose approval, and what each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from salus.core.card import Measured
from salus.core.registry import problems
from salus.delivery.evidence_parts import Table
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
    from salus.spine.adopted import models_of

    card = models_of(site)[name].card
    (status,) = [row for row in models(site) if row.name == name]
    return {
        "card": card,
        "status": status,
        "demonstrated": status.by == "demonstration",
        "measured": [measured(row) for row in card.measures],
        "tables": by_group(card.measures),
    }


# So many measures are read as a list.
LISTED = 6


def by_group(measures: Sequence[Measured]) -> list[Table]:
    """Return measures as a row for each group and a column for each measure; nothing where a list does.

    Groups in which two others meet are a table of their own, folded away. A group that was too few to judge
    has no measure, and is named in the card's notes.
    """
    kinds = tuple(dict.fromkeys(row.measure for row in measures))
    groups = tuple(dict.fromkeys((row.group, row.n, row.of) for row in measures))
    if len(measures) <= LISTED or len(groups) == len(measures):
        return []
    found = {(row.group, row.measure): row for row in measures}
    rows = [
        (group, "" if n is None else f"{n:,} {of}", *(_cell(found.get((group, kind))) for kind in kinds))
        for group, n, of in groups
    ]
    sources = "; ".join(dict.fromkeys(row.source for row in measures if row.source))
    note = f"With 95 % intervals. Measured on: {sources}." if sources else "With 95 % intervals."
    heads = ("Group", "How many", *kinds)
    single = tuple(row for row in rows if not _meet(row[0]))
    meeting = tuple(row for row in rows if _meet(row[0]))
    tables = (
        Table("How it does, by group", heads, single, note),
        Table("Where groups meet", heads, meeting, folded=True),
    )
    return [table for table in tables if table.rows]


def _meet(group: str) -> bool:
    """Whether it is told apart by two things ("sex and age: female, 65 and over")."""
    by, colon, _ = group.partition(":")
    return bool(colon) and " and " in by


def _cell(row: Measured | None) -> str:
    if row is None:
        return "not measured"
    ends = f" ({row.low:.2f} to {row.high:.2f})" if row.low is not None and row.high is not None else ""
    return f"{row.value:.2f}{ends}"
