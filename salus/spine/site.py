"""A Site: the records at rest and the state beside them, opened once and handed to every verb."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from salus.core.addresses import is_among, tidy
from salus.core.errors import AwayError, EvidenceError, SalusError, UserError

if TYPE_CHECKING:
    from salus.record.archive import Archive
    from salus.record.manifest import Manifest
    from salus.spine.permits import Permits
    from salus.store.keys import KeyAway, SiteKey
    from salus.store.store import Store

DEMONSTRATION = "demonstration"
_CALLER = "fhir-server"
_SITE_ID, _ID_KEY = "site-id", "insight-id-key"


@dataclass(slots=True)
class Site:
    """Where records and state are: `path` is the archive's directory, `store` holds insights and ledger."""

    path: Path
    store: Store
    key: SiteKey | KeyAway
    id: str
    _id_key: bytes
    _archive: Archive | None = None
    _read: tuple[tuple[int, int], Manifest | None] | None = None
    _caller: str = ""
    _demonstrated: bool = False
    memory: dict[Any, Any] = field(default_factory=dict)
    _permits: Permits | None = None
    _heads: Path | None = None

    @property
    def permits(self) -> Permits:
        """What people permit here, as it was last heard; `salus.spine.permits.permits` hears anew."""
        from salus.spine.permits import Permits

        if self._permits is None:
            self._permits = Permits(self)
        return self._permits

    @property
    def heads(self) -> Path:
        """The file of this ledger's signed heads: beside the database, never in it."""
        return self._heads or self.path / "heads"

    @property
    def has_archive(self) -> bool:
        """Whether anything was ever read here."""
        return holds_records(self.path)

    @property
    def archive(self) -> Archive:
        """The records at rest, as of the last finished read.

        Raises UserError when nothing was read yet.
        """
        from salus.record.archive import Archive
        from salus.spine.read import finish_reads

        if not self.has_archive:
            raise UserError(
                f"No records in '{self.path}': read some with 'salus read PLACE --archive {self.path}'."
            )
        if self._archive is None or self._archive.is_old():
            finish_reads(self)
            self._archive = Archive.open(self.path)
        return self._archive

    @property
    def demonstration(self) -> bool:
        """Whether this is a demonstration: its approvals hold nowhere else, and every page says so.

        The mark names these records too, as soon as a first read has ended: beside others it marks nothing.
        Raises AwayError when the records that would tell are gone.
        """
        told = self.store.setting(DEMONSTRATION)
        if told is None or told == self.id:
            return told is not None and not self.has_archive
        manifest = self._manifest()
        return told == mark(self.id, manifest.id if manifest else "")

    @property
    def demonstrated(self) -> bool:
        """As `demonstration`; while the store or the records are away, what it was before."""
        with suppress(SalusError):
            self._demonstrated = self.demonstration
        return self._demonstrated

    @property
    def servers(self) -> tuple[str, ...]:
        """The base URLs of the FHIR servers whose ids are used here as they are, as far as they are known.

        Raises AwayError when the records that would tell are gone.
        """
        manifest = self._last_read()
        found = [*(manifest.servers if manifest else ()), self.caller]
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def caller(self) -> str:
        """The server of the EHR that called first while the records did not say whose they are; else ""."""
        # Once there is one, it stays.
        self._caller = self._caller or self.store.setting(_CALLER) or ""
        return self._caller

    @property
    def server(self) -> str:
        """The one FHIR server that every id used here is of; "" where that is not known."""
        manifest = self._last_read()
        return manifest.server if manifest else self.caller

    def name(self, reference: str, server: str | None) -> str:
        """Return what ``Type/id`` of the FHIR server at `server` is called here.

        The same where it is one of `servers`, or none is named; else its whole address: another server's
        Patient/7 is somebody else. The first server that is named where none is known is the site's own.
        """
        base = tidy(server or "")
        if not base:
            return reference
        known = self.servers or (self._meet(base),)
        return reference if is_among(base, known) else f"{base}/{reference}"

    def _meet(self, server: str) -> str:
        """Keep who called first; return who that was, since another process may have been quicker."""
        with self.store.begin() as tx:
            first = tx.setting(_CALLER)
            if first is None:
                tx.put_setting(_CALLER, server)
            return first or server

    def _last_read(self) -> Manifest | None:
        """Return what the records here are, or were before they went away; None where none were read."""
        if self.has_archive:
            return self._manifest()
        return self._read[1] if self._read else None

    def _manifest(self) -> Manifest | None:
        """Return what the records here are; every page asks, so it is read anew only when they change."""
        from salus.record.manifest import NAME, load

        try:
            found = (self.path / NAME).stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, load(self.path))
            return self._read[1]
        except OSError as error:
            raise AwayError(
                f"The records in '{self.path}' are away: {error.strerror}. See that the folder may be "
                "read, or put it back from a backup."
            ) from None

    def insight_id(self, document: bytes) -> str:
        """Return an id that the same answer always gets here, and from which nothing can be guessed."""
        return hmac.new(self._id_key, document, hashlib.sha256).hexdigest()[:32]

    def keyed(self, kind: str, text: str) -> str:
        """Return a hash of `text` that can be compared here, and from which nothing can be guessed."""
        return hmac.new(
            self._id_key, f"{kind}\0{text}".encode("utf-8", "replace"), hashlib.sha256
        ).hexdigest()

    def now(self) -> datetime:
        """Return the present, in UTC; the one clock that the verbs share."""
        return datetime.now(UTC)

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def mark(site_id: str, archive_id: str = "") -> str:
    """Return what marks a demonstration: its site, and its records once there are any."""
    return f"{site_id} {archive_id}".strip()


def open_site(
    archive: Path,
    store_url: str | None = None,
    *,
    create: bool = True,
    to_read: bool = False,
    to_audit: bool = False,
    heads: Path | None = None,
) -> Site:
    """Open (and, where nothing is yet and `create` is set, make) the site in directory `archive`.

    store_url: a database elsewhere (``postgresql://…``); by default SQLite in the directory itself.
    heads: the file of the ledger's signed heads, by default in the directory.
    to_read: nothing will be written, so one that cannot be written (an auditor's backup) is opened too.
    to_audit: nothing may be written, and what is damaged is opened as it lies: an audit mends nothing.
    Raises UserError when the directory cannot be made, or there is no ledger and none may be made;
    AwayError when the store does not answer, EvidenceError when it is damaged.
    """
    from salus.spine.read import finish_reads
    from salus.store.engine import url_of
    from salus.store.keys import key_to_read, site_key
    from salus.store.store import open_store

    if create:
        _made(archive)
    else:
        _found(archive, store_url)
    store = open_store(
        store_url or url_of(archive / "salus.db"), create=create, to_read=to_read, to_audit=to_audit
    )
    try:
        settings = _as_they_lie(store) if to_audit else _settings(store)
        key = (key_to_read if store.read_only else site_key)(archive / "site.key")
        site = Site(archive, store, key, settings[_SITE_ID], bytes.fromhex(settings[_ID_KEY]), _heads=heads)
        finish_reads(site)
        return site
    except BaseException:
        store.close()
        raise


def holds_records(place: Path) -> bool:
    """Whether the folder `place` is an archive into which something was read."""
    return (place / "archive.json").is_file()


def holds_site(archive: Path) -> bool:
    """Whether anything of a site is in the directory `archive`: its ledger, its key or its records.

    A ledger in which nothing was ever made, alone, is what is left where a first read was killed at once.
    """
    from salus.store.engine import FILE, is_blank

    if any((archive / name).exists() for name in ("site.key", "archive.json")):
        return True
    return (archive / FILE).exists() and not is_blank(archive / FILE)


def _made(archive: Path) -> None:
    try:
        archive.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"'{archive}' cannot be used as an archive: {error.strerror}. Choose another with --archive."
        ) from None


def _found(archive: Path, store_url: str | None) -> None:
    """Refuse a place without a ledger: a new, empty one would pass for the one that is missing."""
    if store_url:
        return
    if holds_site(archive):
        if (archive / "salus.db").is_file():
            return
        raise UserError(
            f"There is no ledger here: '{archive / 'salus.db'}' is missing beside its archive. "
            "Put it back from a backup."
        )
    raise UserError(f"No archive in '{archive}'. Make one with 'salus read PLACE --archive {archive}'.")


def _settings(store: Store) -> dict[str, str]:
    """Return the site's own id and the key of its insight ids; made once, whoever opens first.

    Raises EvidenceError when one is damaged, or gone from a ledger that has begun: a second value would
    pass for the first.
    """
    fresh = {_SITE_ID: token_hex(16), _ID_KEY: token_hex(32)}
    found = {name: store.setting(name) for name in fresh}
    if None in found.values():
        with store.begin() as tx:
            found = {name: tx.setting(name) for name in fresh}
            for name in [name for name, value in found.items() if value is None]:
                _refuse_second(store, name)
                tx.put_setting(name, fresh[name])
                found[name] = fresh[name]
    for name, value in found.items():
        if not _is_hex(value):
            raise EvidenceError(
                f"The store's setting '{name}' is damaged: it is no hex number. Restore from a backup."
            )
    return {name: str(value) for name, value in found.items()}


def _refuse_second(store: Store, name: str) -> None:
    # What this transaction wrote is not counted: both settings are a site's first entries, made together.
    if store.head()[0]:
        raise EvidenceError(
            f"The store is damaged: its setting '{name}' is gone, and its ledger has begun. See what else is "
            "with 'salus audit verify', and restore from a backup."
        )


def _as_they_lie(store: Store) -> dict[str, str]:
    """Return the site's settings without judging them, empty where they are gone or damaged."""
    found = {name: store.setting(name) for name in (_SITE_ID, _ID_KEY)}
    return {name: str(value) if _is_hex(value) else "" for name, value in found.items()}


def _is_hex(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(bytes.fromhex(value))
    except ValueError:
        return False
