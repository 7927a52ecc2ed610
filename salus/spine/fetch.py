"""Fetch: a public set from its publisher, licence shown, checksum verified, kept in the user's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def fetch(name: str, announce: Callable[[str], None]) -> Path:
    """Bring the public set `name` here and return its folder; `announce` is given the licence to show.

    Raises UserError for an unknown name, AwayError when the publisher does not answer, EvidenceError
    when what came is not what was published.
    """
    from salus.record.sources.published import fetch_published

    return fetch_published(name, announce)
