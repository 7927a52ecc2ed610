"""What the store hands back, and the content that a ledger entry commits to for each kind of row.

The same function makes the content when a row is written and when it is checked, so a row that was changed
behind the store's back no longer opens its commitment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from salus.core.errors import EvidenceError, UserError
from salus.core.review import Entry, Review
from salus.store.ledger import moment, opens


@dataclass(frozen=True, slots=True)
class StoredInsight:
    """An insight at rest. document: its JSON as written. n: its place in the order of writing."""

    n: int
    id: str
    subject: str
    model: str
    version: str
    as_of: datetime
    document: bytes
    stale_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HookCard:
    """A card that was sent: which insight it showed, to whom, and through which client ("": not known)."""

    uuid: str
    insight: str
    user: str
    at: datetime
    client: str = ""


@dataclass(frozen=True, slots=True)
class StatusRow:
    """What a model was declared to be, by whom and why; signed, and written down as entry `seq`.

    signature: what salus.governance.standing.seal made: the digest of the model's files before the signature.
    """

    model: str
    version: str
    status: str
    by: str
    because: str
    at: datetime
    signature: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class ToldRow:
    """An entry that is its own record: what `who` did (`did`) about `about`, as entry `seq`.

    told: what was kept beside it; {} where what lies there is not what the entry recorded.
    """

    about: str
    seq: int
    at: datetime
    who: str
    did: str
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the commitment of entry `seq`: its salt (None once erased) and the record it is about.

    client: the system through which it was done, where what is kept of it says so.
    """

    seq: int
    salt: bytes | None
    kind: str
    record_id: str
    client: str = ""


def insight_content(row: StoredInsight, sources: Iterable[str]) -> dict[str, object]:
    """Return what the entry of an insight commits to: all of the row that never changes."""
    return {
        "id": row.id,
        "subject": row.subject,
        "model": row.model,
        "version": row.version,
        "as_of": moment(row.as_of),
        "document": sha256(row.document).hexdigest(),
        "sources": sorted(set(sources)),
    }


def review_content(review: Review) -> dict[str, object]:
    """Return what the entry of a review commits to.

    Raises UserError when the review has no time.
    """
    if review.at is None:
        raise UserError("A review without a time cannot be written down. Set `at`.")
    return {**asdict(review), "at": moment(review.at)}


def status_content(row: StatusRow) -> dict[str, object]:
    """Return what the entry of a status commits to; its time is the entry's own."""
    return {
        "model": row.model,
        "version": row.version,
        "status": row.status,
        "by": row.by,
        "because": row.because,
        "signature": row.signature.hex(),
    }


def setting_content(key: str, value: str) -> dict[str, object]:
    """Return what the entry of a setting commits to."""
    return {"id": key, "value": value}


def cards_content(cards: Iterable[HookCard]) -> dict[str, object]:
    """Return what the entry of a hook call's cards commits to: all of them together.

    Without a client it is as it was before schema 0004, so that entries of then still open.
    """
    return {
        "cards": {
            card.uuid: [card.insight, card.user, moment(card.at), *([card.client] if card.client else [])]
            for card in cards
        }
    }


def stale_content(insights: Iterable[str]) -> dict[str, object]:
    """Return what the entry of a mark commits to: the ids of the insights that it marked."""
    return {"insights": sorted(insights)}


def record_of(content: Mapping[str, object]) -> str:
    """Return what an entry is about, for the side table that can be erased."""
    for key in ("id", "model", "subject"):
        found = content.get(key)
        if isinstance(found, str):
            return found
    return ""


def _moment(text: Any) -> datetime:
    """Read back what `moment` wrote; raises EvidenceError when somebody else wrote it.

    Another spelling of the same instant is somebody else's too: times are sorted and compared as text.
    """
    try:
        found = datetime.fromisoformat(text)
        ours = moment(found) == text
    except (TypeError, ValueError, OverflowError, UserError):
        ours = False
    if not ours:
        raise EvidenceError("The store holds a time that Salus did not write. Run: salus audit verify")
    return found


def as_entry(row: Any) -> Entry:
    """Return the Entry in a row of table `entry`.

    A time that cannot be read becomes the year 1: no digest fits it, so an audit goes on and finds it.
    """
    try:
        at = _moment(row.at)
    except EvidenceError:
        at = datetime.min.replace(tzinfo=UTC)
    return Entry(row.seq, at, row.who, row.did, row.what, row.previous, row.digest)


def as_opening(row: Any) -> Opening:
    """Return the Opening in a row of table `opening`."""
    return Opening(row.seq, row.salt, row.kind, row.record_id, _client(row.content))


def _client(content: Any) -> str:
    return str(kept_content(content).get("client", ""))


def kept_content(content: Any) -> dict[str, Any]:
    """Return what is kept beside an entry; {} where that is nothing, or nothing that Salus wrote.

    Whoever wrote that was not Salus, and the audit says so.
    """
    try:
        found = json.loads(content or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_insight(row: Any) -> StoredInsight:
    """Return the StoredInsight in a row of table `insight`."""
    stale = _moment(row.stale_since) if row.stale_since else None
    as_of = _moment(row.as_of)
    return StoredInsight(row.n, row.id, row.subject, row.model, row.version, as_of, row.document, stale)


def as_review(row: Any) -> Review:
    """Return the Review in a row of table `review`."""
    at = _moment(row.at)
    told = bool(row.told_patient)
    return Review(row.insight, row.by, row.decision, row.because, row.note, at, told, row.id)


def as_hook_card(row: Any) -> HookCard:
    """Return the HookCard in a row of table `hook_card`."""
    return HookCard(row.uuid, row.insight, row.user, _moment(row.at), row.client or "")


def as_told(row: Any) -> ToldRow:
    """Return the ToldRow in a row of table `entry` with its opening.

    What the entry did not commit to tells nothing: nobody said it.
    """
    line, told = as_entry(row), kept_content(row.content)
    try:
        same = row.kind == line.did and opens(line, row.salt, told) and record_of(told) == row.record_id
    except (TypeError, UserError):
        # SQLite lets a column hold another type than it was made for.
        same = False
    return ToldRow(row.record_id, row.seq, line.at, line.who, line.did, told if same else {})


def as_status(row: Any) -> StatusRow:
    """Return the StatusRow in a row of table `status`."""
    at = _moment(row.at)
    return StatusRow(row.model, row.version, row.status, row.by, row.because, at, row.signature, row.seq)
