"""Which published set lies in a folder: each is one file here, and knows its own by its files' names."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from salus.core.errors import UserError
from salus.record.population import Population
from salus.record.sources import diabetes130, physionet2012, support2


class _Set(Protocol):
    def recognises(self, place: Path) -> bool: ...

    def population(self, place: Path) -> Population: ...


# One file for each set; it has recognises(place), population(place) and read(place).
SETS: dict[str, _Set] = {"physionet2012": physionet2012, "diabetes130": diabetes130, "support2": support2}
# What each is recognised by.
FILES = {
    "physionet2012": "set-*.csv.gz with Outcomes-*.csv.gz",
    "diabetes130": "diabetic_data.csv.gz",
    "support2": "support2.csv.gz",
}


def population(place: Path) -> Population:
    """Return the evidence of the published set that lies in the folder `place`.

    Raises UserError where it holds none that is known, EvidenceError where its files are damaged.
    """
    if not place.is_dir():
        raise UserError(f"'{place}' is no folder: name the one that holds a published set, or an archive.")
    for source in SETS.values():
        if source.recognises(place):
            return source.population(place)
    known = "; ".join(f"{name}: {files}" for name, files in FILES.items())
    raise UserError(f"'{place}' holds no archive and no published set that is known here ({known}).")
