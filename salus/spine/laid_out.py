"""An archive laid out as of one instant, and audited, for whoever copies it whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import AwayError, EvidenceError, RefusedError, UserError
from salus.spine.drafts import Bar

if TYPE_CHECKING:
    from salus.record.manifest import Manifest
    from salus.spine.site import Site
    from salus.store.ledger import Verdict

Seen = Callable[[int], object]
KEY, STORE = "site.key", "salus.db"
# What lies beside records and store, and belongs to them: signed heads, wrapped keys, what was erased.
BESIDE = ("heads", "keys.json", "erased.json")
# How often it is begun anew because a read was published meanwhile.
_TURNS = 20


@contextmanager
def laid_out(site: Site, folder: Path, with_key: bool, bar: Bar) -> Iterator[Manifest | None]:
    """Lay the site out in `folder` as of one instant: what never changes is linked, the rest is copied.

    Records and ledger are two places. No read is published while the ledger is copied, so they tell of the
    same moment: otherwise the copy is made anew.
    """
    from salus.record import manifest as manifests

    for _ in range(_TURNS):
        record = manifests.load(site.path)
        held = manifests.hold(site.path / record.folder) if record else None
        try:
            for name in ("archive.json", *BESIDE, *([KEY] if with_key else [])):
                # Before the store: a head that was signed meanwhile is of an entry that the copy lacks.
                _copy_private(site.path / name, folder / name)
            site.store.copy_to(folder / STORE)
            if manifests.load(folder) == record == manifests.load(site.path):
                _link(site.path, folder, record)
                _must_have_key(site.path, folder, with_key)
                yield record
                return
        finally:
            if held is not None:
                os.close(held)
        bar.again()
        for path in folder.iterdir():
            path.unlink()
    raise AwayError("Reads into this archive end one after the other: try again when they are done.")


def named(folder: Path, record: Manifest | None) -> list[str]:
    """Return the files of the archive in `folder`, as paths there, in a stable order."""
    from salus.record.whole import files

    beside = [name for name in ("archive.json", KEY, *BESIDE, STORE) if (folder / name).is_file()]
    return beside + (files(folder, record) if record else [])


def _copy_private(path: Path, to: Path) -> None:
    with suppress(FileNotFoundError):
        raw = path.read_bytes()
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(raw)


def _link(path: Path, folder: Path, record: Manifest | None) -> None:
    if record is not None:
        for name in (record.folder, "raw"):
            (folder / name).symlink_to((path / name).absolute())


def _must_have_key(path: Path, folder: Path, with_key: bool) -> None:
    if with_key and not (folder / KEY).is_file():
        raise UserError(f"There is no key in '{path}' to take along: leave out --with-key.")


def refuse_damaged(site: Site, problems: list[str]) -> None:
    """Raise RefusedError where the audit found anything."""
    if problems:
        raise RefusedError(
            f"'{site.path}' is not intact, and a copy of it would not be: {problems[0]} "
            "See all with 'salus audit verify', put an earlier backup in its place, or keep it with "
            "--as-it-lies."
        )


def size_of(path: Path) -> int:
    """Return how many bytes a file of the archive has; raises EvidenceError where it is gone."""
    with suppress(OSError):
        return path.stat().st_size
    raise EvidenceError(f"'{path.name}', which archive.json names, is gone: restore it from a backup.")


def judged(
    folder: Path, seen: Seen | None = None, head: str | None = None, store_url: str | None = None
) -> tuple[Verdict, list[str]]:
    """Audit the archive in `folder` whole: the chain (with `head` in it), the rows, and the records."""
    from salus.record.manifest import load
    from salus.record.whole import broken
    from salus.spine.audit import verify
    from salus.spine.site import open_site

    site = open_site(folder, store_url, create=False, to_audit=True)
    try:
        verdict = verify(site, head)
    finally:
        site.close()
    record = load(folder)
    return verdict, [*verdict.problems, *(broken(folder, record, seen) if record else ())]
