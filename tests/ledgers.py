"""A site with entries of every kind, and ways to change them behind its back, for tests of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from salus.core.review import Entry, Review
from salus.spine.audit import verify
from salus.spine.site import Site, open_site
from salus.store.ledger import commitment, digest, moment
from tests.store_fixtures import NOW, put

GUARDS = ("entry_UPDATE_never", "entry_DELETE_never")


def fill(site: Site) -> Site:
    """Write an entry of every kind, about three patients."""
    with site.store.begin() as tx:
        for name, whose in (("i1", "Patient/1"), ("i2", "Patient/1"), ("i3", "Patient/2")):
            put(tx, name, subject=whose, sources=[f"Observation/{name}"])
        tx.put_review(Review("i1", "Practitioner/7", "overridden", "other", "note", NOW, id="r1"))
        tx.append(NOW, "Practitioner/7", "review", {"id": "r1"})
        said = {"model": "news2", "version": "1", "status": "live", "by": "m", "because": "b"}
        entry = tx.append(NOW, "m", "status", {**said, "signature": "01"})
        tx.set_status("news2", "1", "live", "m", "b", NOW, b"\1", entry.seq)
        tx.put_hook_cards({"c1": "i1", "c2": "i2"}, "Practitioner/7", NOW, "https://ehr.example/")
        tx.mark_stale(["Observation/i2"], NOW, "maria")
        tx.append(NOW, "Practitioner/7", "look", {"subject": "Patient/1", "purpose": "direct-care"})
        tx.append(NOW, "Practitioner/8", "look", {"subject": "Patient/2", "purpose": "direct-care"})
        tx.append(NOW, "Practitioner/7", "look", {"ward": 2})
        tx.append(NOW, "maria", "export", {"subject": "Patient/1", "what": "record"})
        tx.put_setting("colour", "blue")
        adopted = tx.put_artefact(b'{"terms": []}')
        tx.append(NOW, "maria", "adopt", {"model": "ckd", "artefact": adopted})
        tx.append(NOW, "maria", "train", {"model": "icu", "purpose": "model-training"})
    return site


def looks(site: Site, count: int) -> None:
    """Write `count` more entries."""
    with site.store.begin() as tx:
        for number in range(count):
            tx.append(NOW, "Practitioner/7", "look", {"subject": f"Patient/{number % 5}", "n": number})


@contextmanager
def opened(folder: Path, **how: Any) -> Iterator[Site]:
    """Open a site, and let go of it."""
    site = open_site(folder, **how)
    try:
        yield site
    finally:
        site.close()


def problems(folder: Path, **how: Any) -> tuple[str, ...]:
    """Audit an archive as it lies."""
    with opened(folder, create=False, to_audit=True) as site:
        return verify(site, **how).problems


# What makes a store of schema 0005 of one of today.
AS_0005 = (
    *(f"DROP TABLE {name}" for name in ("tile", "session", "recovery_code", "factor", "attempt", "account")),
    "UPDATE alembic_version SET version_num = '0005'",
)


def change(folder: Path, *statements: str) -> None:
    """Change rows as somebody could who holds the file."""
    with closing(sqlite3.connect(folder / "salus.db")) as other, other:
        for guard in GUARDS:
            other.execute(f"DROP TRIGGER IF EXISTS {guard}")
        for statement in statements:
            other.execute(statement)


def rewritten(entries: list[Entry], first: int) -> list[str]:
    """Return what writes the ledger anew from entry `first` on, so that its chain holds again."""
    lines = list(entries)
    lines[first - 1] = replace(lines[first - 1], at=NOW - timedelta(days=1), what=commitment(b"", {}))
    for number in range(first - 1, len(lines)):
        previous = lines[number - 1].digest if number else lines[number].previous
        linked = replace(lines[number], previous=previous)
        lines[number] = replace(linked, digest=digest(linked))
    return as_written(lines)


def as_written(entries: list[Entry]) -> list[str]:
    """Return what writes these entries over those of the same numbers."""
    return [
        f"UPDATE entry SET at = '{moment(line.at)}', what = '{line.what}', previous = '{line.previous}', "
        f"digest = '{line.digest}' WHERE seq = {line.seq}"
        for line in entries
    ]
