"""Demo: an archive that shows the whole path at once, marked as a demonstration for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from salus.core.consent import Actor
from salus.core.errors import RefusedError
from salus.spine.adopted import here, unusable
from salus.spine.models import DEMONSTRATOR, LIVE, approve, statuses
from salus.spine.read import is_url, place_name, take_in
from salus.spine.site import DEMONSTRATION, Site, mark, open_site

if TYPE_CHECKING:
    from salus.record.account import Account

ACTOR = Actor("demonstration", "clinician")
SHIPPED = "the ward that ships"


def open_demonstration(path: Path, store_url: str | None = None, *, heads: Path | None = None) -> Site:
    """Open the demonstration at `path`, or make it there; its state in `store_url` when that is given.

    heads: the file of its ledger's signed heads, by default at `path` too.

    Raises RefusedError when an archive is there that is no demonstration: its patients may be real.
    """
    # Beside records a new, empty ledger would pass for the one that is missing.
    site = open_site(path, store_url, create=not (path / "archive.json").exists(), heads=heads)
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
    """Read `place`, or the ward that ships, into the demonstration and approve every model that has what
    it answers by.

    Raises RefusedError, before anything is changed, where it holds the records of another place: two exports
    in one archive would be shown as one ward.
    """
    called = _called(place)
    _refuse_another(site, called)
    if place is not None:
        account = take_in(site, place, actor=ACTOR, progress=progress, called=called)
    else:
        from salus.record.sources.ward import write_ward

        with TemporaryDirectory() as folder:
            made = str(write_ward(Path(folder)))
            account = take_in(site, made, actor=ACTOR, progress=progress, called=called)
    for name, row in statuses(site).items():
        if row.status != LIVE and not _is_bare(site, name):
            approve(site, name, by=DEMONSTRATOR, because="shows what the model says; not for care")
    return account


def _is_bare(site: Site, name: str) -> bool:
    """Whether a model has nothing to answer by here: every list would say that it gave no answer."""
    return unusable(here(site)[name].model) is not None


def _called(place: str | None) -> str:
    """Return by which name the same place is known again, wherever it is named from."""
    if place is None:
        return SHIPPED
    if is_url(place) or place == "-":
        return place_name(place)
    return str(Path(place).resolve())


def _refuse_another(site: Site, called: str) -> None:
    from salus.record.places import STDIN, is_stream

    told = site.store.newest("read")
    if not site.has_archive or told is None:
        return
    # What comes in a stream may be another export each time.
    if told[1].get("place") != called or called == STDIN or is_stream(called):
        raise RefusedError(
            f"'{site.path}' is a demonstration of other records, and takes no more: choose another place "
            "with --archive, or leave it out."
        )
