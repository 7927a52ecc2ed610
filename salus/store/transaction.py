"""One transaction: what is recorded and its ledger entries, written together or not at all.

Rows wait in memory and go out in a few batches before the commit, in the order in which they refer to each
other: a hook's handful of insights and a ward's thousands cost little more than their bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from os import urandom
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from salus.core.errors import EvidenceError, UserError, choices
from salus.core.review import DECISIONS, Entry, Review
from salus.store import ledger
from salus.store import tables as t
from salus.store.rows import (
    HookCard,
    StatusRow,
    StoredInsight,
    cards_content,
    insight_content,
    record_of,
    review_content,
    setting_content,
    stale_content,
    status_content,
)

_ORDER = (t.entry, t.opening, t.insight, t.insight_source, t.review, t.hook_card, t.status)
# SQLite takes at most 32,766 parameters a statement, PostgreSQL 65,535.
_CHUNK = 500
# Who keeps the settings: no person does.
SALUS = "salus"
# Made once: asked for every insight, and making it costs more than running it.
_WHOSE = select(t.insight.c.subject).where(t.insight.c.id == bindparam("wanted"))


class Transaction:
    """Everything written between `Store.begin` and the end of its block; not to be shared by threads."""

    def __init__(self, connection: Connection) -> None:
        self._to = connection
        self._waiting: dict[Table, list[dict[str, Any]]] = {table: [] for table in _ORDER}
        # Whose each insight is; None: it was looked for and is not there.
        self._subjects: dict[str, str | None] = {}
        self._contents: dict[tuple[str, str], dict[str, object]] = {}
        self._salts: dict[int, tuple[Entry, bytes]] = {}
        self._last: tuple[int, str] | None = None

    def append(self, at: datetime, who: str, did: str, content: Mapping[str, object]) -> Entry:
        """Append one ledger entry: `who` did `did`; the chain holds a salted commitment to `content` alone.

        The content itself is kept beside the chain where no row of its own holds it (`ledger.KEPT`).
        An ``insight`` or ``review`` entry commits to the whole row with id ``content["id"]``, which must
        have been put in this transaction before. Raises UserError for an unknown `did`, nobody as `who`,
        a time without a zone, or content that is no plain JSON.
        """
        record, kept = record_of(content), did in ledger.KEPT
        said = self._put_before(did, record) if did in ("insight", "review") else content
        salt = urandom(ledger.SALT_BYTES)
        what = (ledger.KEPT_MARK if kept else "") + ledger.commitment(salt, said)
        line = ledger.follow(self._head(), at, who, did, what)
        self._wait(
            t.entry,
            seq=line.seq,
            at=ledger.moment(at),
            who=who,
            did=did,
            what=line.what,
            previous=line.previous,
            digest=line.digest,
        )
        beside = ledger.canonical(content).decode() if kept else None
        self._wait(t.opening, seq=line.seq, salt=salt, kind=did, record_id=record, content=beside)
        self._last = (line.seq, line.digest)
        if did == "status":
            self._salts[line.seq] = (line, salt)
        return line

    def recall(self, insight_ids: Iterable[str]) -> None:
        """Ask once which of these insights are kept already, before many are put."""
        wanted = list(insight_ids)
        for start in range(0, len(wanted), _CHUNK):
            some = wanted[start : start + _CHUNK]
            query = select(t.insight.c.id, t.insight.c.subject).where(t.insight.c.id.in_(some))
            kept = {row.id: row.subject for row in self._to.execute(query)}
            self._subjects.update({each: kept.get(each) for each in some})

    def put_insight(  # noqa: PLR0917 (the columns, in their order)
        self,
        insight_id: str,
        subject: str,
        model: str,
        version: str,
        as_of: datetime,
        document: bytes,
        sources: Sequence[str],
    ) -> bool:
        """Keep an insight; `sources` names what it leans on (``Observation/123``).

        Returns False, and changes nothing, when an insight with this id is kept already.
        """
        if self._subject_of(insight_id) is not None:
            return False
        row = StoredInsight(0, insight_id, subject, model, version, as_of, document)
        self._contents["insight", insight_id] = insight_content(row, sources)
        self._subjects[insight_id] = subject
        self._wait(
            t.insight,
            id=insight_id,
            subject=subject,
            model=model,
            version=version,
            as_of=ledger.moment(as_of),
            document=document,
        )
        for source in set(sources):
            self._wait(t.insight_source, source=source, insight=insight_id)
        return True

    def put_review(self, review: Review) -> None:
        """Keep a person's decision.

        Raises UserError when it has no id or no time, its id is taken, its insight unknown, or its
        decision none of DECISIONS.
        """
        if not review.id:
            raise UserError("A review needs an id of its own.")
        if review.decision not in DECISIONS:
            raise UserError(
                f"A decision cannot be '{review.decision[:40]}'. Choose one of: "
                f"{choices(review.decision, DECISIONS)}."
            )
        content = review_content(review)
        subject = self._subject_of(review.insight)
        if subject is None:
            raise UserError(f"No insight has the id '{review.insight[:64]}'.")
        if self._review_is_there(review.id):
            raise UserError(
                f"A review with the id '{review.id[:64]}' is kept already; a second needs its own."
            )
        self._contents["review", review.id] = content
        self._wait(t.review, subject=subject, **content)

    def put_hook_cards(self, cards: Mapping[str, str], user: str, at: datetime, client: str = "") -> None:
        """Remember which insight each card (by its UUID) showed, and to whom: one entry for all of them.

        client: the system that it was sent to, where that is known.
        """
        if not cards:
            return
        sent = [HookCard(uuid, insight_id, user, at, client) for uuid, insight_id in cards.items()]
        line = self.append(at, user, "card", cards_content(sent))
        for card in sent:
            self._wait(t.hook_card, **{**asdict(card), "at": ledger.moment(at)}, seq=line.seq)

    def set_status(  # noqa: PLR0917 (the columns, in their order)
        self,
        model: str,
        version: str,
        status: str,
        by: str,
        because: str,
        at: datetime,
        signature: bytes,
        seq: int,
    ) -> None:
        """Declare what a model is from now on; `seq` is its entry, appended in this transaction before.

        Raises UserError when that entry was made at another time or committed to anything else.
        """
        row = StatusRow(model, version, status, by, because, at, signature, seq)
        line, salt = self._salts.get(seq, (None, b""))
        if line is None or line.at != at or not ledger.opens(line, salt, status_content(row)):
            raise UserError(
                f"Entry {seq} does not say that {model} {version} is {status}: append it first, "
                "with the content of salus.store.rows.status_content."
            )
        self._wait(
            t.status,
            seq=seq,
            model=model,
            version=version,
            status=status,
            by=by,
            because=because,
            at=ledger.moment(at),
            signature=signature,
        )

    def put_artefact(self, document: bytes) -> str:
        """Keep what a site trained, whole, and return its SHA-256; bytes that were damaged are mended by it.

        Its entry (``adopt``) names it, and is appended in the same transaction.
        """
        digest = sha256(document).hexdigest()
        mine = t.artefact.c.digest == digest
        if self._to.execute(update(t.artefact).where(mine).values(document=document)).rowcount == 0:
            self._to.execute(insert(t.artefact).values(digest=digest, document=document))
        return digest

    def mark_stale(self, sources: Iterable[str], at: datetime, who: str) -> list[str]:
        """Mark the insights that lean on any of `sources` as stale from `at`, and say so in the ledger.

        Returns the ids of those that were not stale before, sorted; without any, nothing is written.
        """
        self.flush()
        # Nothing kept can lean on what cannot be kept, and PostgreSQL cannot even be asked for it.
        wanted = [source for source in dict.fromkeys(sources) if "\0" not in source]
        found: set[str] = set()
        for start in range(0, len(wanted), _CHUNK):
            leaning = (
                select(t.insight.c.id)
                .join(t.insight_source, t.insight_source.c.insight == t.insight.c.id)
                .where(t.insight_source.c.source.in_(wanted[start : start + _CHUNK]))
                .where(t.insight.c.stale_since.is_(None))
            )
            found.update(self._to.execute(leaning).scalars())
        return self._marked(sorted(found), at, who) if found else []

    def _marked(self, ids: list[str], at: datetime, who: str) -> list[str]:
        line = self.append(at, who, "stale", stale_content(ids))
        self.flush()
        mark = {"stale_since": ledger.moment(at), "stale_seq": line.seq}
        for start in range(0, len(ids), _CHUNK):
            chosen = t.insight.c.id.in_(ids[start : start + _CHUNK])
            self._to.execute(update(t.insight).where(chosen).values(**mark))
        return ids

    def setting(self, key: str) -> str | None:
        """Return what is kept under `key`, or None; no other writer can change it before the commit."""
        return self._to.execute(select(t.setting.c.value).where(t.setting.c.key == key)).scalar()

    def put_setting(self, key: str, value: str) -> None:
        """Keep `value` under `key`, in place of what was there, and say so in the ledger.

        Raises EvidenceError when nothing is there and the ledger says that something was: it is damaged.
        """
        changed = self._to.execute(update(t.setting).where(t.setting.c.key == key).values(value=value))
        if changed.rowcount == 0:
            self._refuse_lost(key)
            self._to.execute(insert(t.setting).values(key=key, value=value))
        self.append(datetime.now(UTC), SALUS, "setting", setting_content(key, value))

    def _refuse_lost(self, key: str) -> None:
        told = select(t.opening.c.seq).where(t.opening.c.kind == "setting", t.opening.c.record_id == key)
        if self._to.execute(told).first() is not None:
            raise EvidenceError(
                f"The store is damaged: its setting '{key[:64]}' is gone, and its ledger says that it was "
                "kept. See what else is with 'salus audit verify', and restore from a backup."
            )

    @property
    def connection(self) -> Connection:
        """The connection behind it, for the rest of the store."""
        return self._to

    def flush(self) -> None:
        """Send what waits to the database; the store does this before it commits."""
        for table, rows in self._waiting.items():
            if rows:
                self._to.execute(insert(table), rows)
                rows.clear()

    def _wait(self, table: Table, **row: Any) -> None:
        if any(isinstance(value, str) and "\0" in value for value in row.values()):
            raise UserError("The store cannot hold text with a NUL character. Send it without.")
        self._waiting[table].append(row)

    def _head(self) -> tuple[int, str]:
        if self._last is None:
            newest = select(t.entry.c.seq, t.entry.c.digest).order_by(t.entry.c.seq.desc()).limit(1)
            row = self._to.execute(newest).first()
            self._last = (row.seq, row.digest) if row else (0, ledger.GENESIS)
        return self._last

    def _put_before(self, kind: str, record_id: str) -> dict[str, object]:
        try:
            return self._contents[kind, record_id]
        except KeyError:
            raise UserError(
                f'The {kind} must be put before its entry is appended, and content["id"] must be its id.'
            ) from None

    def _subject_of(self, insight_id: str) -> str | None:
        """Return whose the insight is, kept or waiting; None when there is no such insight."""
        if insight_id not in self._subjects:
            self._subjects[insight_id] = self._to.execute(_WHOSE, {"wanted": insight_id}).scalar()
        return self._subjects[insight_id]

    def _review_is_there(self, review_id: str) -> bool:
        if ("review", review_id) in self._contents:
            return True
        kept = select(t.review.c.n).where(t.review.c.id == review_id)
        return self._to.execute(kept).first() is not None
