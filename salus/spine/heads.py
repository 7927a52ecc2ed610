"""Publish a head: sign what the ledger holds now, and keep that outside the database.

A head that was published binds the site: the next one is signed only where the ledger still begins with all
that the last one stood for. So whoever keeps any head can show a ledger that was cut short or written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from salus.core.errors import AwayError, RefusedError, SalusError

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.checkpoint import Checkpoint

_CUT = (
    "The ledger does not begin with what its last published head of {size} entries stood for: {how}. Nothing "
    "was signed. See 'salus audit verify'; after a backup was put back, keep the file '{file}' and begin "
    "another with --heads FILE."
)


@dataclass(frozen=True, slots=True)
class Published:
    """A head that is kept outside the database.

    fresh: it was made now. at: when the file of heads was last written. refused: why a second site lacks it.
    """

    origin: str
    size: int
    root: bytes
    note: bytes
    fresh: bool
    at: datetime | None = None
    refused: str = ""


def publish_head(site: Site, post: Callable[[bytes], None] | None = None) -> Published | None:
    """Sign the ledger's present head and append it to the file of heads; None for an empty ledger.

    Where nothing was written since the last head, that one is returned as it is. post: hands the head to a
    second site; what it raises is told, and the head is kept all the same.
    Raises RefusedError where the ledger does not begin with what was published last, AwayError where the
    head cannot be signed or kept, EvidenceError where the file is damaged.
    """
    from salus.store import heads

    made: list[tuple[Checkpoint, bool]] = []

    def next_note(newest: Checkpoint | None) -> bytes | None:
        found = _next(site, newest)
        if found is None:
            return None
        made.append((found, found is not newest))
        return found.note if found is not newest else None

    if site.store.read_only:
        raise AwayError("The ledger was opened to be read, so no head of it is published.")
    heads.append(site.heads, site.id, next_note)
    if not made:
        return None
    ((head, fresh),) = made
    return _told(head, fresh=fresh, refused=_posted(post, head.note))


def published(site: Site) -> Published | None:
    """Return the newest head that was published, as far as this site's file tells; None without any.

    Raises AwayError where the file cannot be read, EvidenceError where its end is damaged.
    """
    from salus.store.heads import last_head

    newest = last_head(site.heads, site.id)
    if newest is None:
        return None
    at = None
    with suppress(OSError):
        at = datetime.fromtimestamp(site.heads.stat().st_mtime, UTC)
    return _told(newest, at=at)


def doubt(site: Site, head: Published) -> str:
    """Say what is wrong with who signed `head`; "" where nothing is, or the key is not here to tell."""
    from salus.store.checkpoint import fault, parse

    public = getattr(site.key, "public", None)
    return fault(parse(head.note), site.id, public) if isinstance(public, bytes) else ""


def copy_head(head: Published, to: Path) -> None:
    """Append `head` to the file `to` as well, unless it is the last one there already.

    Raises AwayError where that file cannot be written, EvidenceError where it is no file of heads.
    """
    from salus.store.heads import append

    append(to, head.origin, lambda last: None if last and last.note == head.note else head.note)


def verifier_key(site: Site) -> str:
    """Return the public key by which this site's heads are checked; "" where the key is away."""
    from salus.store.checkpoint import verifier_key as written

    public = getattr(site.key, "public", None)
    return written(site.id, public) if isinstance(public, bytes) else ""


def _told(head: Checkpoint, fresh: bool = False, at: datetime | None = None, refused: str = "") -> Published:
    return Published(head.origin, head.size, head.root, head.note, fresh, at, refused)


def _next(site: Site, newest: Checkpoint | None) -> Checkpoint | None:
    """Return the head that follows `newest`: itself, where nothing was written since."""
    from salus.store.checkpoint import fault, make, parse
    from salus.store.keys import SiteKey
    from salus.store.merkle import EMPTY_ROOT
    from salus.store.tiles import grown

    key, size = site.key, site.store.head()[0]
    if not isinstance(key, SiteKey):
        raise AwayError(key.why)
    if newest is None and not size:
        return None
    known = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
    wrong = fault(newest, site.id, key.public) if newest else ""
    if wrong:
        raise RefusedError(
            f"The last head in '{site.heads}' {wrong}. Nothing was signed: put back the key or the file that "
            "belongs here, or begin another file with --heads FILE."
        )
    if size < known[0]:
        how = f"it holds {size} entries now, so it was cut short or put back"
        raise RefusedError(_CUT.format(size=known[0], how=how, file=site.heads))
    root = grown(site.store, size, known)
    if root is None:
        how = "its entries were changed or written anew"
        raise RefusedError(_CUT.format(size=known[0], how=how, file=site.heads))
    if newest is not None and newest.size == size:
        return newest
    return parse(make(site.id, size, root, key))


def _posted(post: Callable[[bytes], None] | None, note: bytes) -> str:
    if post is None:
        return ""
    try:
        post(note)
    except SalusError as error:
        return str(error)
    return ""
