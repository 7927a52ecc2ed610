"""Can the records be opened and the store be written to, right now? For health and for the pages' downtime.

Cheap, and without leaving a trace: a look at the current generation's files, and a turn to write given back.
"""

from __future__ import annotations

from contextlib import closing
from shutil import disk_usage
from typing import TYPE_CHECKING

from salus.core.errors import AwayError, EvidenceError

if TYPE_CHECKING:
    from salus.spine.site import Site

# A store needs room for its next pages; below this nothing should be asked of it.
_ROOM = 4 * 2**20
_PATIENCE_S = 1.0


def check_records(site: Site) -> None:
    """Open the current generation's list of files anew, and look that they are there.

    Raises SalusError or OSError when they are not; nothing where nothing was ever read.
    """
    from salus.record.archive import Archive

    if not site.has_archive:
        return
    record = Archive.open(site.path).manifest
    folder = site.path / record.folder
    subjects = folder / "metadata" / "subjects.parquet"
    lost = record.events and not any((folder / "data").glob("*.parquet"))
    if not subjects.is_file() or lost:
        raise EvidenceError("Data files of the current generation are gone: restore them from a backup.")


def check_store(site: Site) -> int:
    """Return how many entries the ledger holds, when the store can also be written to.

    Raises SalusError when it does not answer, another program holds it, or its disk is full. A store on a
    server of its own is only read.
    """
    from salus.store.embedded import driver, opened

    entries = site.store.head()[0]
    file = site.path / "salus.db"
    if file.is_file():
        try:
            with closing(opened(file, timeout=_PATIENCE_S, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            free = disk_usage(site.path).free
        except (driver(file).Error, OSError) as error:
            raise AwayError(f"The store cannot be written to ({type(error).__name__}).") from error
        if free < _ROOM:
            raise AwayError("The store's disk is full: make room.")
    return entries
