"""The store: insights, reviews, model status and the ledger, in SQLite or PostgreSQL behind one interface.

For the spine, which alone writes: ``with store.begin() as tx`` is one transaction, acknowledged when the
block ends. Reads see only what was acknowledged. Any thread may use a Store; each call borrows a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, Select, func, select
from sqlalchemy.exc import DBAPIError, StatementError

from salus.core.errors import AwayError, UserError
from salus.core.review import Entry, Review
from salus.store import tables as t
from salus.store.check import check
from salus.store.check_state import check_state
from salus.store.engine import (
    WAIT_S,
    bring_up_to_date,
    can_be_written,
    file_of,
    is_sqlite,
    make_engine,
    of_store,
    parse,
    speaking,
    writing,
)
from salus.store.erasure import scrubbed
from salus.store.ledger import GENESIS, moment
from salus.store.rows import (
    AdoptionRow,
    HookCard,
    Opening,
    StatusRow,
    StoredInsight,
    as_adoption,
    as_entry,
    as_hook_card,
    as_insight,
    as_opening,
    as_review,
    as_status,
    kept_content,
)
from salus.store.snapshot import copied
from salus.store.transaction import Transaction

__all__ = ["HookCard", "Opening", "StatusRow", "Store", "StoredInsight", "Transaction", "open_store"]

_PAGE = 2000
_CHUNK = 500


class Store:
    """State at rest; made by `open_store`. read_only: nothing can be written, and `begin` says so."""

    def __init__(self, url: URL, engine: Engine, *, read_only: bool = False) -> None:
        self.read_only = read_only
        self._url = url
        self._engine = engine
        self._file = _identity(url)
        # Threads of one process wait their turn here, in order; other processes wait at the database.
        self._turn = Lock()

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """One transaction, alone among writers: on disk when the block ends, undone when it raises.

        Raises AwayError when the store does not answer, EvidenceError when its file is damaged.
        """
        if not self._turn.acquire(timeout=WAIT_S):
            says = f"is busy: no turn to write came in {WAIT_S} s. Try again."
            raise of_store(AwayError, self._url, says)
        try:
            with self._reached(), writing(self._engine) as connection:
                tx = Transaction(connection)
                yield tx
                tx.flush()
        finally:
            self._turn.release()

    def insight(self, insight_id: str) -> StoredInsight | None:
        """Return the insight with this id, or None."""
        row = self._first(select(t.insight).where(t.insight.c.id == insight_id))
        return as_insight(row) if row else None

    def insights(
        self,
        subject: str | None = None,
        model: str | None = None,
        since: datetime | None = None,
        *,
        limit: int | None = None,
        after: int = 0,
        newest: bool = False,
    ) -> list[StoredInsight]:
        """Return insights in the order of writing (newest first if so asked).

        since: those whose as_of is not before it. limit, after: paging, by the `n` of the last one seen.
        """
        query = select(t.insight).limit(limit)
        query = query.where(t.insight.c.subject == subject) if subject is not None else query
        query = query.where(t.insight.c.model == model) if model is not None else query
        query = query.where(t.insight.c.as_of >= moment(since)) if since is not None else query
        if newest:
            query = query.where(t.insight.c.n < after) if after else query
            return [as_insight(row) for row in self._all(query.order_by(t.insight.c.n.desc()))]
        return [
            as_insight(row) for row in self._all(query.where(t.insight.c.n > after).order_by(t.insight.c.n))
        ]

    def reviews(self, insight: str | None = None, subject: str | None = None) -> list[Review]:
        """Return reviews in the order of writing: all, or those of one insight or subject."""
        query = select(t.review).order_by(t.review.c.n)
        query = query.where(t.review.c.insight == insight) if insight is not None else query
        query = query.where(t.review.c.subject == subject) if subject is not None else query
        return [as_review(row) for row in self._all(query)]

    def hook_card(self, uuid: str) -> HookCard | None:
        """Return what the card with this UUID showed, and to whom, or None."""
        row = self._first(select(t.hook_card).where(t.hook_card.c.uuid == uuid))
        return as_hook_card(row) if row else None

    def statuses(self) -> dict[str, StatusRow]:
        """Return the latest status of each model that anybody decided on, by the model's name."""
        return {row.model: as_status(row) for row in self._all(select(t.status).order_by(t.status.c.seq))}

    def status_history(self, model: str) -> list[StatusRow]:
        """Return every status that `model` ever had, oldest first."""
        query = select(t.status).where(t.status.c.model == model).order_by(t.status.c.seq)
        return [as_status(row) for row in self._all(query)]

    def adoptions(self) -> dict[str, AdoptionRow]:
        """Return by what each model answers here, where anybody ever decided on that, by the model's name."""
        beside = (t.opening.c.salt, t.opening.c.record_id, t.opening.c.content)
        query = select(t.entry, *beside).join(t.opening, t.opening.c.seq == t.entry.c.seq)
        query = query.where(t.opening.c.kind == "adopt").order_by(t.entry.c.seq)
        return {row.record_id: as_adoption(row) for row in self._all(query)}

    def artefact(self, digest: str) -> bytes | None:
        """Return the bytes that are kept under this SHA-256, or None; that they have it is not looked at."""
        row = self._first(select(t.artefact.c.document).where(t.artefact.c.digest == digest))
        return row.document if row else None

    def entries(self, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
        """Yield ledger entries with a `seq` above `after`, in order; streams, in constant memory."""
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            query = select(t.entry).where(t.entry.c.seq > after).order_by(t.entry.c.seq).limit(size)
            rows = self._all(query)
            yield from map(as_entry, rows)
            if len(rows) < size:
                return
            after, left = rows[-1].seq, None if left is None else left - size

    def head(self) -> tuple[int, str]:
        """Return the number of the last ledger entry and its digest; (0, GENESIS) when there is none."""
        row = self._first(select(t.entry.c.seq, t.entry.c.digest).order_by(t.entry.c.seq.desc()).limit(1))
        return (row.seq, row.digest) if row else (0, GENESIS)

    def openings(self, seqs: Iterable[int]) -> dict[int, Opening]:
        """Return what each entry is about, by `seq`."""
        wanted, found = list(seqs), {}
        for start in range(0, len(wanted), _CHUNK):
            rows = self._all(select(t.opening).where(t.opening.c.seq.in_(wanted[start : start + _CHUNK])))
            found.update({row.seq: as_opening(row) for row in rows})
        return found

    def entries_about(self, record_id: str, did: str | None = None) -> list[Entry]:
        """Return the entries about one record (an insight's or review's id, a model, a subject), in order."""
        query = select(t.entry).join(t.opening, t.opening.c.seq == t.entry.c.seq).order_by(t.entry.c.seq)
        query = query.where(t.opening.c.record_id == record_id)
        query = query.where(t.opening.c.kind == did) if did is not None else query
        return [as_entry(row) for row in self._all(query)]

    def newest(self, *deeds: str) -> tuple[Entry, dict[str, Any]] | None:
        """Return the newest entry that says one of `deeds`, with what is kept of it; None without any.

        What Salus did not write there is nothing, and the audit names it.
        """
        last = select(func.max(t.opening.c.seq)).where(t.opening.c.kind.in_(deeds)).scalar_subquery()
        query = select(t.entry, t.opening.c.content).join(t.opening, t.opening.c.seq == t.entry.c.seq)
        row = self._first(query.where(t.entry.c.seq == last))
        return (as_entry(row), kept_content(row.content)) if row else None

    def setting(self, key: str) -> str | None:
        """Return what is kept under `key`, or None."""
        row = self._first(select(t.setting.c.value).where(t.setting.c.key == key))
        return row.value if row else None

    def stale(self, ids: Iterable[str]) -> Mapping[str, datetime]:
        """Return since when each insight among `ids` is stale; those that are not are left out."""
        wanted, found = list(ids), {}
        for start in range(0, len(wanted), _CHUNK):
            query = select(t.insight.c.id, t.insight.c.stale_since)
            query = query.where(t.insight.c.id.in_(wanted[start : start + _CHUNK]))
            rows = self._all(query.where(t.insight.c.stale_since.is_not(None)))
            found.update({row.id: datetime.fromisoformat(row.stale_since) for row in rows})
        return found

    def counts(self) -> dict[str, int]:
        """Return how many entries, insights, stale insights and reviews are kept."""
        stale = select(func.count()).where(t.insight.c.stale_since.is_not(None))
        asked = {
            name: select(func.count()).select_from(t.metadata.tables[name]) for name in ("insight", "review")
        }
        found = {name: self._first(query)[0] for name, query in {**asked, "stale": stale}.items()}
        return {"entries": self.head()[0], **found}

    def copy_to(self, file: Path, seen: Callable[[int], object] | None = None) -> None:
        """Write all that is kept now into the new embedded database `file`, while others go on writing.

        seen: hears how many bytes were copied. Raises AwayError when the store does not answer or `file` has
        no room, EvidenceError when the store is damaged.
        """
        with self._reached():
            copied(self._url, self._engine, file, seen)

    def erasures(self) -> list[tuple[Entry, dict[str, Any]]]:
        """Return the entries of erasures, in order, with what is kept of each."""
        query = select(t.entry, t.opening.c.content).join(t.opening, t.opening.c.seq == t.entry.c.seq)
        rows = self._all(query.where(t.entry.c.did == "erase").order_by(t.entry.c.seq))
        return [(as_entry(row), kept_content(row.content)) for row in rows]

    def named(self) -> list[str]:
        """Return every name under which rows or openings are kept: subjects among them."""
        found: set[str] = set()
        for column in (t.insight.c.subject, t.review.c.subject, t.opening.c.record_id):
            found |= {row[0] for row in self._all(select(column).distinct())}
        return sorted(found)

    def scrub(self) -> None:
        """Write the database anew without what was deleted; raises AwayError while others have it open."""
        with self._reached():
            scrubbed(self._engine)

    def check_records(self) -> Iterator[str]:
        """Yield, in words, each insight, review or status that is no longer what its ledger entry says.

        Finds changed, removed and slipped-in rows; streams. The chain itself is `ledger.verify`'s.
        """
        with self._reading() as connection:
            for part in (check, check_state):
                try:
                    yield from part(connection)
                except DBAPIError:
                    raise
                except (AttributeError, KeyError, StatementError, TypeError, ValueError) as error:
                    # SQLite lets a column hold another type than it was made for.
                    yield (
                        f"A row holds what Salus never writes there ({type(error).__name__}): the check "
                        "stopped at it, and what stands behind it was not looked at."
                    )

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Stop before anything is written to a file that is no longer there, and would be lost."""
        if _identity(self._url) != self._file:
            says = "was removed or replaced while in use. Put it back, then start again."
            raise of_store(AwayError, self._url, says)
        with speaking(self._url):
            yield

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._reached(), self._engine.connect() as connection:
            yield connection

    def _first(self, query: Select[Any]) -> Any:
        with self._reading() as connection:
            return connection.execute(query).first()

    def _all(self, query: Select[Any]) -> list[Any]:
        with self._reading() as connection:
            return list(connection.execute(query))


def _identity(url: URL) -> tuple[int, int] | None:
    """Return which file an embedded database is; None for a server, or when it is gone."""
    if not is_sqlite(url):
        return None
    try:
        found = file_of(url).stat()
    except OSError:
        return (-1, -1)
    return (found.st_dev, found.st_ino)


def open_store(
    url: str | URL, *, create: bool = True, to_read: bool = False, to_audit: bool = False
) -> Store:
    """Open the store at `url`, and make (unless `create` is off) or migrate its tables where needed.

    url: ``sqlite:///folder/salus.db`` or ``postgresql://user@host/database``, or as `url_of` makes one.
    to_read: a file that cannot be written is opened as it lies. to_audit: so is any. Raises
    UserError for another URL, a store that a newer Salus wrote, or none where none may be made; AwayError
    when it does not answer, EvidenceError when its file is damaged or lacks a table.
    """
    where = parse(url)
    if not create and is_sqlite(where) and not file_of(where).is_file():
        raise UserError(f"There is no ledger here: {file_of(where)} is missing. Put it back from a backup.")
    shut = (to_read or to_audit) and is_sqlite(where) and not can_be_written(file_of(where))
    engine = make_engine(where, to_read=shut, to_audit=to_audit)
    try:
        with speaking(where):
            bring_up_to_date(engine, where, create=create, as_it_lies=shut or to_audit)
    except BaseException:
        engine.dispose()
        raise
    return Store(where, engine, read_only=shut or to_audit)
