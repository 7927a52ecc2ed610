"""Backup and restore: all of an archive in one file, as of one instant, while it is read and written.

What goes in is what the manifest names (the generation that is the record now, the verbatim copies of its
reads), the store, and what tells that the ledger was not rewritten. Nothing has its final name before it is
whole, on the disk and verified, so what a kill leaves is a hidden folder that the next backup or restore
sweeps away. The site's key stays behind unless it is asked for: whoever has it can sign approvals in the
site's name, and a backup is carried to where fewer people guard it.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import salus
from salus.core.errors import RefusedError, UserError
from salus.spine.drafts import Bar, Progress, draft, no_room, progress_bar, refuse_narrow
from salus.spine.laid_out import BESIDE, KEY, STORE, judged, laid_out, named, refuse_damaged, size_of

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.record.manifest import Manifest
    from salus.spine.site import Site
    from salus.store.pack import Contents, Pack

Seen = Callable[[int], object]
# What is made anew by whoever opens an archive, or is left of somebody who was killed.
_PASSING = ("read.lock", "ledger.lock", "work", "archive.json.new", "salus.db-wal", "salus.db-shm")


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup: where it is, what binds its every byte, and what is in it.

    path: the file; of one that was restored, the archive's folder. left_out: what lay in the archive's folder
    and is none of its parts. problems: what the audit found, where it was made of an archive as it lay.
    """

    path: Path
    digest: str
    size: int
    members: int
    told: dict[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """What was wrong with the archive when the backup was made."""
        return list(self.told["problems"])

    def as_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "path": str(self.path), "digest": self.digest, "bytes": self.size, "members": self.members,
            **self.told, "left_out": list(self.left_out),
        }  # fmt: skip


def backup(
    site: Site,
    to: Path,
    *,
    actor: Actor,
    with_key: bool = False,
    as_it_lies: bool = False,
    progress: Progress | None = None,
) -> Copy:
    """Write all of `site` into one new file, at `to` or, where that is a folder, in it; return what it is.

    as_it_lies: back up what is damaged too; what is wrong is told in it. Raises RefusedError where the
    archive does not verify, UserError where a file is there already or lies in the archive, AwayError where
    there is no room.
    """
    from salus.privacy.gate import refuse_nobody
    from salus.store import pack

    refuse_nobody(actor)
    file = _target(site.path, to, site.now())
    with no_room(file), draft(file.parent) as place, progress_bar(progress, "Backing up") as bar:
        folder = place / "archive"
        folder.mkdir(mode=0o700)
        with laid_out(site, folder, with_key, bar) as record:
            copy = _contents(site, folder, record, bar)
            if not as_it_lies:
                refuse_damaged(site, copy.told["problems"])
            refuse_narrow(place, copy.size)
            pack.write(place / "pack", copy, folder, bar)
            said = {key: copy.told[key] for key in ("generation", "entries", "head", "key")}
            if not site.store.read_only:
                # Before it has its name: a copy of which the ledger does not know must not be.
                with site.store.begin() as tx:
                    tx.append(
                        site.now(), actor.id, "backup", {**said, "place": str(file), "digest": copy.digest}
                    )
            _give_name(place / "pack", file)
    left_out = _left_out(site.path, record)
    return Copy(file, copy.digest, copy.size, len(copy.members), copy.told, left_out)


def check(file: Path, *, digest: str | None = None, progress: Progress | None = None) -> Copy:
    """Compare every byte of the backup `file` with what it must be; nothing is written.

    digest: what `backup` said of it, kept elsewhere; with it a backup that was made anew is found too.
    Raises EvidenceError where a byte is another, UserError where there is no such file.
    """
    with _opened(file, digest) as pack, progress_bar(progress, "Checking", pack.contents.size) as bar:
        pack.read(seen=bar)
        contents = pack.contents
    return Copy(file, contents.digest, contents.size, len(contents.members), contents.told)


def restore(
    file: Path,
    archive: Path,
    *,
    store_url: str | None = None,
    digest: str | None = None,
    erasures: Path | None = None,
    progress: Progress | None = None,
) -> Copy:
    """Put what is in the backup `file` into the new or empty folder `archive`, byte for byte, or nothing.

    store_url: an empty database elsewhere for what was in the store. erasures: the list of whom was erased
    since (``erased.json`` of the archive that it is of); they are erased here too. Raises as `check` does,
    RefusedError where what was written does not verify, AwayError where there is no room.
    """
    home = free_place(archive)
    with _opened(file, digest) as pack, no_room(archive), draft(home.parent) as place:
        contents = pack.contents
        refuse_narrow(home.parent, contents.size)
        folder = place / "archive"
        folder.mkdir(mode=0o700)
        with progress_bar(progress, "Restoring", contents.size) as bar:
            pack.read(folder, bar)
        _refuse_broken(folder, contents.told)
        if erasures is not None:
            _erase_again(folder, erasures)
        given(folder, home, store_url)
    return Copy(archive, contents.digest, contents.size, len(contents.members), contents.told)


def _contents(site: Site, folder: Path, record: Manifest | None, bar: Bar) -> Contents:
    """Verify what is laid out in `folder`, and return what a pack of it says."""
    from salus.store import pack

    names = named(folder, record)
    bar.expect(3 * sum(size_of(folder / name) for name in names))
    verdict, problems = judged(folder, bar)
    return pack.Contents(
        pack.members(folder, names, bar),
        {
            "made_at": site.now().isoformat(timespec="seconds"), "salus": salus.__version__,
            "generation": record.generation if record else 0, "events": record.events if record else 0,
            "subjects": record.subjects if record else 0, "entries": verdict.entries, "head": verdict.head,
            "key": KEY in names, "problems": problems,
        },
    )  # fmt: skip


# --- putting back ------------------------------------------------------------------------------


def _refuse_broken(folder: Path, told: dict[str, Any]) -> None:
    with _up_to_date(folder) as readable:
        _, problems = judged(readable, head=told["head"])
    if problems != told["problems"]:
        raise RefusedError(
            "What is in this backup is not what it says of itself"
            f"{': ' + problems[0] if problems else '.'} Nothing was restored: take another backup."
        )


@contextmanager
def _up_to_date(folder: Path) -> Iterator[Path]:
    """Yield `folder`, or a likeness of it whose store this Salus can audit where an older one wrote it."""
    from salus.store.engine import url_of
    from salus.store.snapshot import is_older
    from salus.store.store import open_store

    if not is_older(folder / STORE):
        yield folder
        return
    like = folder.with_name("like")
    like.mkdir(mode=0o700)
    for path in folder.iterdir():
        (like / path.name).symlink_to(path)
    (like / STORE).unlink()
    shutil.copyfile(folder / STORE, like / STORE)
    open_store(url_of(like / STORE), create=False).close()
    yield like


def _erase_again(folder: Path, erasures: Path) -> None:
    """Erase whom the backup brought back, before anybody can see them."""
    from salus.spine.erase import again
    from salus.spine.site import open_site

    had_key = (folder / KEY).exists()
    site = open_site(folder, create=False)
    try:
        again(site, erasures)
    finally:
        site.close()
    if not had_key:
        (folder / KEY).unlink(missing_ok=True)


def given(folder: Path, home: Path, store_url: str | None = None) -> None:
    """Give the folder its name, as the last thing; what goes into another database goes before."""
    from salus.record.manifest import sync
    from salus.store.snapshot import restored

    if store_url:
        restored(folder / STORE, store_url)
        (folder / STORE).unlink()
    sync(folder)
    try:
        folder.replace(home)
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.EXDEV):
            raise UserError(f"'{home}' is where a disk is mounted: name a new folder in it.") from None
        raise
    sync(home.parent, deep=False)


def _opened(file: Path, digest: str | None) -> Pack:
    from salus.store.pack import Pack

    if not file.is_file():
        raise UserError(f"There is no file '{file}': name the one that 'salus archive backup' made.")
    pack = Pack(file)
    if digest is not None and pack.contents.digest != digest.strip().lower():
        pack.__exit__()
        raise RefusedError(
            f"'{file}' is a backup of Salus, and another than the one whose digest was kept: it has "
            f"{pack.contents.digest}."
        )
    return pack


def free_place(archive: Path) -> Path:
    """Return the folder to restore into, which is not there yet or holds nothing."""
    home = archive.resolve()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UserError(f"'{archive}' is taken: restore into a new or an empty folder.")
    home.parent.mkdir(parents=True, exist_ok=True)
    return home


# --- names and drafts --------------------------------------------------------------------------


def _target(archive: Path, to: Path, now: datetime) -> Path:
    """Return the file to write; refuse one that is there, or lies in what it is to outlast."""
    if to.is_dir():
        to /= f"{archive.resolve().name}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.salus.tar"
    if to.exists() or to.is_symlink():
        raise UserError(f"'{to}' is there already, and a backup takes no other's place: name a new file.")
    if not to.parent.is_dir():
        raise UserError(f"There is no folder '{to.parent}': make it first.")
    if archive.resolve() in to.resolve().parents:
        raise UserError(f"'{to}' lies in the archive, and would be lost with it: name a place elsewhere.")
    return to


def _left_out(archive: Path, record: Manifest | None) -> tuple[str, ...]:
    known = {"archive.json", STORE, KEY, *BESIDE, *_PASSING, "raw"}
    kept = {record.folder, record.previous} if record else set()
    return tuple(sorted(path.name for path in archive.iterdir() if path.name not in known | kept))


def _give_name(whole: Path, file: Path) -> None:
    """Give a whole file its name, and never another's."""
    from salus.record.manifest import sync

    try:
        file.hardlink_to(whole)
    except FileExistsError:
        raise UserError(f"'{file}' was made by somebody else meanwhile: name a new file.") from None
    except OSError:
        # A file system without links.
        whole.replace(file)
    sync(file.parent, deep=False)
