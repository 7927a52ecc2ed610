"""Which published set lies in a folder: each is one file here, and knows its own by its files' names."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from salus.core.errors import UserError
from salus.record.population import Population

# The file in this folder for each set; it has recognises(place), population(place) and read(place).
SETS = ("physionet2012", "diabetes130", "support2")


def population(place: Path) -> Population:
    """Return the evidence of the published set that lies in the folder `place`.

    Raises UserError where it holds none that is known, EvidenceError where its files are damaged.
    """
    if not place.is_dir():
        raise UserError(f"'{place}' is no folder: name the one that holds a published set, or an archive.")
    for name in SETS:
        source = import_module(f"salus.record.sources.{name}")
        if source.recognises(place):
            read: Callable[[Path], Population] = source.population
            return read(place)
    raise UserError(f"'{place}' holds no archive and no published set that is known here: {', '.join(SETS)}.")
