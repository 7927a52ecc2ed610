"""Demo: an archive that shows the whole path at once, marked as a demonstration for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from salus.core.consent import Actor
from salus.core.errors import RefusedError
from salus.spine.models import DEMONSTRATOR, LIVE, approve, statuses
from salus.spine.read import take_in
from salus.spine.site import DEMONSTRATION, Site, mark, open_site

if TYPE_CHECKING:
    from salus.record.account import Account

ACTOR = Actor("demonstration", "clinician")


def open_demonstration(path: Path, store_url: str | None = None) -> Site:
    """Open the demonstration at `path`, or make it there; its state in `store_url` when that is given.

    Raises RefusedError when an archive is there that is no demonstration: its patients may be real.
    """
    # Beside records a new, empty ledger would pass for the one that is missing.
    site = open_site(path, store_url, create=not (path / "archive.json").exists())
    try:
        if not site.demonstration:
            _mark(site)
    except BaseException:
        site.close()
        raise
    return site


def _mark(site: Site) -> None:
    """Make a demonstration of a place where nothing was ever done.

    A site's own settings are nothing: whoever was killed before the mark was written leaves them behind.
    """
    with site.store.begin() as tx:
        if site.has_archive or any(entry.did != "setting" for entry in site.store.entries()):
            raise RefusedError(
                f"'{site.path}' is an archive and no demonstration. Choose another place with --archive."
            )
        tx.put_setting(DEMONSTRATION, mark(site.id))


def fill(site: Site, place: str | None, progress: Callable[..., Any] | None = None) -> Account:
    """Read `place`, or the ward that ships, into the demonstration and approve every model for it."""
    if place is not None:
        account = take_in(site, place, actor=ACTOR, progress=progress)
    else:
        from salus.record.sources.ward import write_ward

        with TemporaryDirectory() as folder:
            account = take_in(site, str(write_ward(Path(folder))), actor=ACTOR, progress=progress)
    for name, row in statuses(site).items():
        if row.status != LIVE:
            approve(site, name, by=DEMONSTRATOR, because="shows what the model says; not for care")
    return account
