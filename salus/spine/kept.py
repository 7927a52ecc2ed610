"""Kept: what a model last said of a subject, for when it gives no answer now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salus.core.insight import Insight
from salus.spine.shape import from_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from salus.spine.permits import Seen
    from salus.spine.site import Site
    from salus.store.rows import StoredInsight

# Answers of one model about one subject that are looked through, the last written first.
_LOOKED_AT = 50


def last_answers(site: Site, insights: Iterable[Insight], seen: Seen) -> tuple[Insight, ...]:
    """Return, for each of `insights` that is a failure, what that model last said of the subject by then.

    seen: what may be shown. Left out where it never answered, and where something that its answer leaned on
    was corrected since.
    """
    found = (_last(site, insight, seen) for insight in insights if insight.failed)
    return tuple(insight for insight in found if insight is not None)


def _last(site: Site, failed: Insight, seen: Seen) -> Insight | None:
    """Return the answer to the latest state of the record; an Abstention too, since it took one back."""
    if "\0" in failed.subject:
        # PostgreSQL cannot even be asked for it; nothing about it was ever kept.
        return None
    rows = site.store.insights(subject=failed.subject, model=failed.model.name, newest=True, limit=_LOOKED_AT)
    earlier = sorted(
        (row for row in rows if row.as_of <= failed.as_of and seen.insight(row)), key=lambda row: row.as_of
    )
    answered = ((row, _read(row)) for row in reversed(earlier))
    row, insight = next(((row, one) for row, one in answered if not one.failed), (None, None))
    return insight if row is not None and row.stale_since is None else None


def _read(row: StoredInsight) -> Insight:
    import msgspec

    return from_json({**msgspec.json.decode(row.document), "id": row.id})
