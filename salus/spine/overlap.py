"""Overlap: is somebody judged on whom the model learnt from? Found by what is equal in every feature.

Training writes a mark of each case beside its artefact: four bytes of the SHA-256 of all that the model looks
at. A mark tells nothing of a person to whoever has not all of it already. Among the marks of 80,000 cases a
stranger's is found by chance once in some 54,000 times (2^32 / 80,000).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from salus.learning.artefact import Artefact

ARTEFACT, TRAINED = "artefact.json", "training.json"
_BYTES = 4
# By chance a mark is shared now and then; this share of the cases is no chance.
_SHARE = 0.001


def marks(artefact: Artefact, values: pl.DataFrame) -> bytes:
    """Return the marks of cases, one after the other."""
    names = [one.name for one in artefact.inputs]
    rows = values.select(names).iter_rows()
    return b"".join(sha256(repr(row).encode()).digest()[:_BYTES] for row in rows)


def written(artefact: Artefact, values: pl.DataFrame) -> str:
    """Return the marks of the training cases as text."""
    return base64.b64encode(marks(artefact, values)).decode()


def trained(path: Path) -> Mapping[str, Any]:
    """Return what its training wrote down beside the artefact at `path`; empty where nothing can be read."""
    beside = path.with_name(TRAINED if path.name == ARTEFACT else f"{path.stem}.{TRAINED}")
    try:
        found = json.loads(beside.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def seeds(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how the model did with other seeds."""
    return _rows(told.get("seeds"))


def mitigated(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the mitigations that were switched on in training did to those held out."""
    return _rows(told.get("mitigation"))


def _rows(found: object) -> list[dict[str, Any]]:
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def found_again(told: Mapping[str, Any], artefact: Artefact, values: pl.DataFrame) -> str:
    """Say how many cases equal one of the training cases in every feature; "" where that may be chance."""
    try:
        known = base64.b64decode(str(told.get("cases", "")), validate=True)
    except ValueError:
        return ""
    learnt = {known[at : at + _BYTES] for at in range(0, len(known), _BYTES)}
    mine = marks(artefact, values)
    again = sum(mine[at : at + _BYTES] in learnt for at in range(0, len(mine), _BYTES))
    if again <= max(2, _SHARE * values.height):
        return ""
    many = f"{again:,} of these {values.height:,} cases"
    return f"{many} equal one that it learnt from in everything that it looks at: the figures flatter it."
