"""Whether what stands beside the records is what the ledger says: settings, staleness, cards, whose a review
is, and what an entry without a row of its own was about.

For the audit, like `check`, which holds each record against its own entry. What is kept here changes over
time, so the newest entry about it counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select

from salus.core.errors import SalusError
from salus.store import tables as t
from salus.store.ledger import KEPT_MARK, opens
from salus.store.rows import (
    as_entry,
    as_hook_card,
    cards_content,
    kept_content,
    record_of,
    setting_content,
    stale_content,
)

_PAGE = 500


def check_state(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each setting, review or mark that the ledger does not bear out."""
    yield from _settings(connection)
    yield from _review_subjects(connection)
    yield from _stale(connection)
    yield from _cards(connection)
    yield from _kept(connection)
    yield from _artefacts(connection)


def _settings(connection: Connection) -> Iterator[str]:
    kept = {row.key: row.value for row in connection.execute(select(t.setting)).all()}
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.record_id)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.kind == "setting", t.entry.c.did == "setting", t.opening.c.record_id != "")
        .order_by(t.entry.c.seq)
    )
    newest = {row.record_id: row for row in connection.execute(query)}
    for key in sorted({*map(str, kept), *newest}):
        if key not in newest:
            yield f"The setting {key} is in no ledger entry: it was slipped in."
        elif key not in kept:
            yield f"Entry {newest[key].seq} recorded setting {key}, which is no longer there."
        elif not _holds(newest[key], setting_content, key, kept[key]):
            yield f"The setting {key} was changed after entry {newest[key].seq} recorded it."


def _holds(row: Any, content: Callable[..., Mapping[str, object]], *of: Any) -> bool:
    """Whether the entry in `row` committed to `content` of `of`; an erased salt is told of elsewhere."""
    try:
        return row.salt is None or opens(as_entry(row), row.salt, content(*of))
    except (SalusError, AttributeError, TypeError, ValueError):
        # SQLite lets a column hold another type than it was made for: not what was written, then.
        return False


def _pages(connection: Connection, which: ColumnElement[bool]) -> Iterator[list[Any]]:
    """Yield the entries that are `which`, with their openings, page by page, so that memory stays flat."""
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.record_id, t.opening.c.content)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(which)
        .order_by(t.entry.c.seq)
        .limit(_PAGE)
    )
    rows = connection.execute(query).all()
    while rows:
        yield list(rows)
        rows = connection.execute(query.where(t.entry.c.seq > rows[-1].seq)).all()


def _review_subjects(connection: Connection) -> Iterator[str]:
    moved = (
        select(t.review.c.id)
        .join(t.insight, t.insight.c.id == t.review.c.insight)
        .where(t.review.c.subject != t.insight.c.subject)
        .order_by(t.review.c.n)
    )
    for review in connection.execute(moved).scalars():
        yield f"The review {review} was given to another subject than its insight."


def _together(
    connection: Connection, did: str, seq: Column[Any], *columns: Column[Any]
) -> Iterator[tuple[Any, list[Any]]]:
    """Yield each entry that says `did` with the rows that name it in their column `seq`."""
    for page in _pages(connection, t.entry.c.did == did):
        rows: dict[int, list[Any]] = {}
        named = select(*columns, seq.label("told")).where(seq.in_([entry.seq for entry in page]))
        for row in connection.execute(named):
            rows.setdefault(row.told, []).append(row)
        for entry in page:
            yield entry, rows.get(entry.seq, [])


def _untold(connection: Connection, did: str, seq: Column[Any], which: ColumnElement[bool]) -> int:
    """Return how many of the rows that are `which` name no entry that says `did`."""
    told = select(t.entry.c.seq).where(t.entry.c.did == did)
    query = select(func.count()).where(which, seq.is_(None) | seq.not_in(told))
    return connection.execute(query).scalar() or 0


def _stale(connection: Connection) -> Iterator[str]:
    """Hold all marks of one entry together against it, and look for marks that no entry made."""
    since, seq = t.insight.c.stale_since, t.insight.c.stale_seq
    for entry, marked in _together(connection, "stale", seq, t.insight.c.id, since):
        same = all(row.stale_since == entry.at for row in marked)
        if not same or not _holds(entry, stale_content, [row.id for row in marked]):
            yield f"What entry {entry.seq} marked as out of date is not what is so marked since."
    many = _untold(connection, "stale", seq, since.is_not(None) | seq.is_not(None))
    if many:
        yield f"{many} insights are marked as out of date, and no entry says so."


def _cards(connection: Connection) -> Iterator[str]:
    """Hold all cards of one hook call together against its entry, and look for cards that were slipped in."""
    for entry, sent in _together(connection, "card", t.hook_card.c.seq, *t.hook_card.c):
        if not _holds(entry, _sent, sent):
            yield f"The cards that entry {entry.seq} recorded were changed, or some of them removed."
    many = _untold(connection, "card", t.hook_card.c.seq, t.hook_card.c.uuid.is_not(None))
    if many:
        yield f"{many} cards of hooks are in no ledger entry: they were slipped in, or their entry removed."


def _sent(rows: list[Any]) -> dict[str, object]:
    return cards_content(map(as_hook_card, rows))


def _kept(connection: Connection) -> Iterator[str]:
    """Hold what is kept beside entries that have no row of their own against their commitments."""
    for page in _pages(connection, t.entry.c.what.startswith(KEPT_MARK)):
        for entry in page:
            if not _holds(entry, _about, entry):
                yield f"What entry {entry.seq} ({entry.did}) was about was changed after it was recorded."
    yield from _slipped_in(connection)


def _slipped_in(connection: Connection) -> Iterator[str]:
    """Name entries that keep nothing beside them, where something now lies that nobody recorded."""
    nameless = t.opening.c.kind.in_(("card", "stale")) & (t.opening.c.record_id != "")
    query = (
        select(t.entry.c.seq, t.entry.c.did)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where((t.opening.c.content.is_not(None) & ~t.entry.c.what.startswith(KEPT_MARK)) | nameless)
        .order_by(t.entry.c.seq)
    )
    for row in connection.execute(query):
        yield f"Entry {row.seq} ({row.did}) has something beside it that was not recorded: it was slipped in."


def _about(row: Any) -> dict[str, object]:
    """Return the content that is kept with an entry; raises ValueError where its record is another."""
    content: dict[str, object] = json.loads(row.content)
    if record_of(content) != row.record_id:
        raise ValueError
    return content


def _artefacts(connection: Connection) -> Iterator[str]:
    """Hold what a site trained against the hashes by which it was adopted, one after the other."""
    query = select(t.opening.c.seq, t.opening.c.content).where(t.opening.c.kind == "adopt")
    told = {
        str(kept_content(row.content).get("artefact", "")): row.seq
        for row in connection.execute(query.order_by(t.opening.c.seq.desc()))
    }
    kept = connection.execute(select(t.artefact.c.digest).order_by(t.artefact.c.digest)).scalars().all()
    for digest in kept:
        document = connection.execute(select(t.artefact.c.document).where(t.artefact.c.digest == digest))
        if digest not in told:
            yield f"The artefact {digest} is in no ledger entry: it was slipped in, or its entry removed."
        elif not _has(document.scalar(), digest):
            yield f"The artefact {digest} was changed after entry {told[digest]} recorded it."
    for digest, seq in told.items():
        if digest and digest not in kept:
            yield f"Entry {seq} recorded artefact {digest}, which is no longer there."


def _has(document: object, digest: str) -> bool:
    return isinstance(document, bytes) and sha256(document).hexdigest() == digest
