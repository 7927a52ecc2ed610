"""Read: a place full of evidence into the archive, every resource accounted for, and written down.

The archive and the ledger are two places, and a power cut knows no transaction over both. So the ledger hears
first that a read begins, the archive's new generation is published in one rename, and then the ledger hears
what came of it. Whoever comes next ends what a killed reader left open: read, where its generation is
the record now, else abandoned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from salus.core.consent import Actor
from salus.core.errors import AwayError, EvidenceError, RefusedError

if TYPE_CHECKING:
    from salus.record.account import Account
    from salus.record.manifest import Manifest
    from salus.spine.site import Site
    from salus.store.store import Transaction

_LOCK = "ledger.lock"


def check_place(place: str, archive: Path) -> None:
    """Raise what `read` of `place` would raise at once: asked before an archive is made for it.

    Otherwise a mistyped name, or a server that is down, would leave an archive with nothing in it. A stream
    can be read only once, so nothing is asked of it.
    """
    from salus.record import bulk, places
    from salus.record.server import Server

    if is_url(place):
        with Server.at(place) as server:
            next(server.search("Patient", {}), None)
    elif place != places.STDIN and not places.is_stream(place):
        places.files(place)
        bulk.refuse_itself(Path(place).resolve(), archive.resolve())


def read(
    site: Site,
    place: str,
    *,
    actor: Actor,
    progress: Callable[..., Any] | None = None,
    same_ids: bool = False,
) -> Account:
    """Read `place` (file, folder, ``-`` or the URL of a FHIR server) into the site's archive.

    What changed since the last read marks the insights that leaned on it as stale. same_ids: the actor says
    that its ids are of the archive's patients, whichever servers gave them.
    Raises EvidenceError when nothing can be read there, AwayError when another read is under way,
    RefusedError in a demonstration, when two people would share an id or when nobody in particular reads; a
    resource that cannot be read is a counted reject.
    """
    if site.demonstration:
        raise RefusedError(
            f"'{site.path}' is a demonstration, whose models nobody has approved for your records: read into "
            "another archive with --archive, or show them with 'salus demo --from PLACE --archive NEW'."
        )
    return take_in(site, place, actor=actor, progress=progress, same_ids=same_ids)


def take_in(
    site: Site,
    place: str,
    *,
    actor: Actor,
    progress: Callable[..., Any] | None = None,
    same_ids: bool = False,
    called: str | None = None,
) -> Account:
    """Read as `read` does, into a demonstration too: for its own records.

    called: what the ledger calls the place, where its path says less.
    """
    from salus.privacy.gate import refuse_nobody
    from salus.record.manifest import Lock, load

    refuse_nobody(actor)
    with Lock(site.path, _LOCK):
        _end(site)
        base = load(site.path)
        said = {"place": place_name(called or place), "generation": base.generation + 1 if base else 1}
        said |= {"same_ids": True} if same_ids else {}
        with site.store.begin() as tx:
            tx.append(site.now(), actor.id, "begin", said)
        try:
            account = _taken_in(site, place, progress, {"same_ids": same_ids, "caller": site.caller})
        finally:
            _end(site)
    return account


def finish_reads(site: Site) -> None:
    """Write down what became of a read whose reader was killed; one that is still under way is left alone.

    In a site that cannot be written, it stays for whoever can.
    Raises EvidenceError when the archive no longer holds what that read left for the ledger.
    """
    from salus.record.manifest import Lock

    begun = None if site.store.read_only else _unfinished(site)
    if begun is None or not _is_told(begun[1]):
        # One whose entry was changed is for the audit to name.
        return
    try:
        lock = Lock(site.path, _LOCK)
    except AwayError:
        return
    with lock:
        _end(site)


def _taken_in(site: Site, place: str, progress: Callable[..., Any] | None, whose: dict[str, Any]) -> Account:
    if is_url(place):
        from salus.record.server import read_server

        return read_server(place, site.path, needs=_needs(), progress=progress, **whose)
    from salus.record.bulk import read_place

    named = place if place == "-" else str(Path(place))
    return read_place(named, site.path, progress=progress, **whose)


def _end(site: Site) -> None:
    """End the read that was begun last, if nobody has: the manifest alone says whether it happened."""
    from salus.record.account import Told
    from salus.record.manifest import load

    begun = _unfinished(site)
    if begun is None:
        return
    entry, said = begun
    if not _is_told(said):
        raise EvidenceError(
            f"What the ledger's entry {entry.seq} says of the last read was changed: see what else was with "
            "'salus audit verify', and restore from a backup."
        )
    now, record = site.now(), load(site.path)
    if record is None or record.generation < said["generation"]:
        with site.store.begin() as tx:
            tx.append(now, entry.who, "abandon", {**said, "begun": entry.seq})
        return
    told = Told.of(site.path / record.folder)
    with site.store.begin() as tx:
        tx.append(now, entry.who, "read", {**said, "begun": entry.seq, "counts": told.counts})
        tx.mark_stale(told.changed, now, entry.who)
        _bind(tx, site.id, record)
    site.memory.clear()


def _is_told(said: dict[str, Any]) -> bool:
    """Whether an entry says which generation its read began."""
    return type(said.get("generation")) is int


def _bind(tx: Transaction, site_id: str, record: Manifest) -> None:
    """Let the mark of a demonstration name its records when its first read ends, and never again."""
    from salus.spine.site import DEMONSTRATION, mark

    if record.generation == 1 and tx.setting(DEMONSTRATION) == site_id:
        tx.put_setting(DEMONSTRATION, mark(site_id, record.id))


def _unfinished(site: Site) -> Any:
    newest = site.store.newest("begin", "read", "abandon")
    return newest if newest and newest[0].did == "begin" else None


def is_url(place: str) -> bool:
    """Whether `place` is a FHIR server's."""
    return place.startswith(("http://", "https://"))


def place_name(place: str) -> str:
    """Return what to call `place` in the store: a URL without a password or a query."""
    if not is_url(place):
        return place
    parts = urlsplit(place)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _needs() -> list[Any]:
    from salus.core.registry import models

    return [need for model in models().values() for need in model.card.needs]
