"""The Audit page: who did what, and is that still what was written?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from salus.core.errors import SalusError
from salus.spine.audit import OF_NOTHING

if TYPE_CHECKING:
    from salus.spine import Site
    from salus.spine.heads import Published

PER_PAGE = 50
DEEDS = {
    "begin": "began to read records in",
    "read": "read records in",
    "abandon": "gave up reading: nothing was changed",
    "look": "looked",
    "insight": "got an answer",
    "card": "was shown cards",
    "review": "decided",
    "status": "set a model's status",
    "permit": "recorded a permit",
    "export": "took data out",
    "stale": "marked answers out of date",
    "merge": "joined two records",
    "unmerge": "parted two records",
    "setting": "changed a setting",
    "train": "let a model learn from the records",
    "test": "judged a model on the records",
    "adopt": "chose what a model answers by",
    "account": "made, changed or closed an account",
    "password": "set a password",
    "factor": "changed a second factor",
    "sign-in": "signed in",
    "sign-out": "signed out",
    "refused-sign-in": "was refused at sign-in",
    "backup": "made a backup",
    "hold": "put a record under legal hold",
    "release": "ended a legal hold",
    "erase": "erased a person",
    "break-glass": "opened a record in an emergency",
    "profile": "chose what holds where nobody said anything",
}


def _before(query: Mapping[str, str], last: int) -> int:
    text = query.get("before", "")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else last + 1
    return max(1, min(asked, last + 1))


def _why_none(text: str) -> str:
    if text == "0" * 64:
        return OF_NOTHING
    return "A head has 64 characters, 0 to 9 and a to f. Nothing was compared."


def _published(site: Site) -> Published | None:
    """Return the last signed head where it can be read; else the problems say why not."""
    from salus.spine.heads import published

    try:
        return published(site)
    except SalusError:
        return None


def laid_out(site: Site, query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return one page of the ledger, newest first, and what checking all of it found."""
    from salus.spine import verify

    text = query.get("head", "").strip().lower()
    last, _ = site.store.head()
    head = text if re.fullmatch(r"[0-9a-f]{64}", text) and (text.strip("0") or not last) else ""
    verdict = verify(site, head or None)
    problems = list(verdict.problems)
    before = _before(query, last)
    first = max(before - PER_PAGE, 1)
    rows = list(site.store.entries(after=first - 1, limit=before - first))[::-1]
    openings = site.store.openings([row.seq for row in rows])
    return {
        "published": _published(site),
        "entries": verdict.entries,
        "verdict": verdict,
        "problems": problems[:20] + ([f"and {len(problems) - 20} more"] if len(problems) > 20 else []),
        "asked_head": head,
        "short_head": "HEAD",
        "not_a_head": _why_none(text) if text and not head else "",
        "rows": rows,
        "through": {seq: opening.client for seq, opening in openings.items() if opening.client},
        "deeds": DEEDS,
        "now": now,
        "older": first if first > 1 else 0,
        "newer": None if before > last else (before + PER_PAGE if before + PER_PAGE <= last else 0),
    }
