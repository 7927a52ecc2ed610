"""Seal: an archive whose files at rest nobody reads without a key from elsewhere; and another key for it.

Sealing writes a new archive beside the old one, which stays as it is: what once lay open on a disk cannot be
called back by writing over it, so the operator ends the old one, its backups and its disk knowingly.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import UserError
from salus.spine.backup import free_place, given
from salus.spine.drafts import Bar, Progress, draft, no_room, progress_bar
from salus.spine.laid_out import KEY, STORE, judged, laid_out, named, refuse_damaged

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.record.manifest import Manifest
    from salus.spine.site import Site
    from salus.store.sealed import Vault

_SETTING = "at-rest-key"
# They hold no evidence: counts, ids of servers, digests, wrapped keys.
_OPEN = ("archive.json", "heads", "erased.json")


def is_sealed(archive: Path) -> bool:
    """Whether the archive in the folder `archive` is sealed."""
    from salus.store.sealed import NAME

    return (archive / NAME).is_file()


def encrypt(
    site: Site,
    to: Path,
    key_file: Path,
    *,
    actor: Actor,
    store_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write all of `site`, sealed under a new key that the one in `key_file` wraps, into the new folder `to`.

    store_url: where the site's state is, where that is elsewhere; it stays there, and sealing it is its
    server's.
    Raises UserError where it is sealed already or `to` is taken, RefusedError where it does not verify or the
    key lies in the archive, AwayError where there is no room.
    """
    from salus.privacy.gate import refuse_nobody
    from salus.store.kek import kek_in
    from salus.store.sealed import made

    refuse_nobody(actor)
    if is_sealed(site.path):
        raise UserError(f"'{site.path}' is sealed already: give it another key with 'salus archive rewrap'.")
    home = free_place(to)
    outer = kek_in(key_file, home)
    with no_room(to), draft(home.parent) as place, progress_bar(progress, "Sealing") as bar:
        open_, folder = place / "open", place / "sealed"
        for each in (open_, folder):
            each.mkdir(mode=0o700)
        with laid_out(site, open_, (site.path / KEY).is_file(), bar) as record:
            refuse_damaged(site, judged(open_)[1])
            vault = made(folder, outer)
            _write_sealed(open_, folder, record, vault, bar)
            if store_url is None:
                _write_store(open_ / STORE, folder / STORE, outer.name)
            refuse_damaged(site, judged(folder, store_url=store_url)[1])
        given(folder, home)
    return to


def rewrap(site: Site, key_file: Path, *, actor: Actor, only: bool = False) -> str:
    """Let the key in `key_file` open the archive too, or (`only`) alone; return what keys.json calls it.

    Nothing but ``keys.json`` is written anew, and whoever has the archive open goes on. Raises UserError
    where the archive is not sealed, RefusedError where the key lies in it.
    """
    from salus.privacy.gate import refuse_nobody
    from salus.store.kek import kek_in
    from salus.store.sealed import NAME, rewrapped, vault_of

    refuse_nobody(actor)
    vault = vault_of(site.path / NAME)
    if vault is None:
        raise UserError(f"'{site.path}' is not sealed: write a sealed one with 'salus archive encrypt'.")
    outer = kek_in(key_file, site.path)
    with site.store.begin() as tx:
        tx.put_setting(_SETTING, outer.name)
        rewrapped(site.path, vault, outer, only=only)
    return outer.name


def _write_sealed(open_: Path, folder: Path, record: Manifest | None, vault: Vault, bar: Bar) -> None:
    for name in named(open_, record):
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if name in _OPEN:
            (folder / name).write_bytes((open_ / name).read_bytes())
        elif name != STORE:
            with (open_ / name).open("rb") as plain, vault.create(folder / name) as sealed:
                while piece := plain.read(1 << 20):
                    sealed.write(piece)
                    bar(len(piece))
        if name != STORE:
            (folder / name).chmod(0o600)


def _write_store(plain: Path, to: Path, key: str) -> None:
    from salus.store.engine import url_of
    from salus.store.snapshot import restored
    from salus.store.store import open_store

    restored(plain, url_of(to))
    to.chmod(0o600)
    store = open_store(url_of(to), create=False)
    try:
        with store.begin() as tx:
            tx.put_setting(_SETTING, key)
    finally:
        store.close()
