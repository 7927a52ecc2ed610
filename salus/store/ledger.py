"""The ledger's chain: who did what, provably in this order, for whoever must audit it.

Each line commits to its content by a salted SHA-256 and to the line before it by a second one, so any
changed, removed, inserted or reordered line is found; a digest kept elsewhere also finds a cut tail and a
full rewrite. Pure functions over Entries; after Haber and Stornetta 1991 (linked time stamps), the salt
after the hiding commitments of Halevi and Micali 1996.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from salus.core.errors import UserError, choices
from salus.core.review import Entry

GENESIS = "0" * 64
SALT_BYTES = 32
# What an Entry can say was done; closed, so that an audit can count on the words.
DEEDS = frozenset({
    "begin", "read", "abandon", "insight", "card", "review", "permit", "status", "look", "export", "stale",
    "merge", "unmerge", "setting", "train", "test", "adopt", "backup", "hold", "release",
    "erase",
})  # fmt: skip
# Deeds that leave no row of their own, or, as a setting, one that the next takes over: what they were about
# is kept beside the entry, and the mark on the commitment says so within the chain. Entries of before schema
# 0003 have none, and kept nothing; nor have those of settings that were written before that was kept.
KEPT = frozenset({
    "begin", "read", "abandon", "permit", "look", "export", "merge", "unmerge", "setting", "train", "test",
    "adopt", "backup", "hold", "release",
    "erase",
})  # fmt: skip
KEPT_MARK = "kept:"
_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading the whole chain found: how many entries, the last digest, and what is wrong with it."""

    entries: int
    head: str
    intact: bool
    problems: tuple[str, ...] = ()


def moment(at: datetime) -> str:
    """Return `at` in UTC with microseconds, one spelling a moment and sorted by time.

    Raises UserError for a time without a zone.
    """
    if at.tzinfo is None:
        raise UserError("A time without a zone cannot be written down. Give it one (UTC, for example).")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(content: object) -> bytes:
    """Return the one JSON spelling of `content`: sorted keys, no spaces, UTF-8.

    Raises UserError for what JSON cannot hold (NaN, half a surrogate pair, other types).
    """
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError):
        raise UserError(
            "The content of a ledger entry must be plain JSON: text, finite numbers, lists, objects."
        ) from None


def commitment(salt: bytes, content: Mapping[str, object]) -> str:
    """Return the hex SHA-256 of `salt` followed by the canonical content."""
    return sha256(salt + canonical(content)).hexdigest()


def digest(line: Entry) -> str:
    """Return the hex SHA-256 of all of `line` but its own digest; the digest before it is included."""
    parts = [line.seq, moment(line.at), line.who, line.did, line.what, line.previous]
    return sha256(canonical(parts)).hexdigest()


def follow(last: tuple[int, str], at: datetime, who: str, did: str, what: str) -> Entry:
    """Return the line after `last`, which is (seq, digest); (0, GENESIS) before the first.

    Raises UserError when `did` is none of DEEDS or nobody did it.
    """
    if did not in DEEDS:
        raise UserError(f"A ledger entry cannot say '{did}'. Choose one of: {choices(did, DEEDS)}.")
    if not who or not who.strip():
        raise UserError("A ledger entry must say who did it. Give an actor with an id.")
    seq, previous = last
    line = Entry(seq + 1, at, who, did, what, previous, "")
    return replace(line, digest=digest(line))


def opens(line: Entry, salt: bytes, content: Mapping[str, object]) -> bool:
    """Whether `content`, under `salt`, is what `line` committed to."""
    return commitment(salt, content) == line.what.removeprefix(KEPT_MARK)


def _wrong(line: Entry, seq: int, previous: str) -> str | None:
    """Say what is wrong with `line`, which should be number `seq` and follow `previous`."""
    if line.seq != seq:
        return f"Entry {seq} is missing or out of order: entry {line.seq} stands in its place."
    if line.previous != previous:
        return f"Entry {line.seq} does not follow the entry before it."
    try:
        same = line.digest == digest(line)
    except UserError:
        # A column that no longer holds even the kind of thing that was written.
        same = False
    return None if same else f"Entry {line.seq} was changed after it was written."


def verify(
    entries: Iterable[Entry], head: str | None = None, *, after: tuple[int, str] = (0, GENESIS)
) -> Verdict:
    """Read `entries` in their order and say whether nothing was changed, removed, inserted or reordered.

    head: a digest that was kept elsewhere; it must be found, so a cut tail or a full rewrite shows.
    after: where to start, as (seq, digest) of an entry that is already trusted. Streams; O(1) memory.
    """
    seq, last = after
    count, problems = 0, []
    found = head is None or head == last
    for line in entries:
        wrong = _wrong(line, seq + 1, last)
        if wrong is not None:
            problems.append(wrong)
        found = found or (wrong is None and line.digest == head)
        seq, last, count = line.seq, line.digest, count + 1
        if len(problems) >= _MOST_PROBLEMS:
            problems.append("More follow; reading stopped here.")
            break
    if not found:
        problems.append(
            "The head that was kept elsewhere is not in this ledger: it was cut short or rewritten."
        )
    return Verdict(count, last, not problems, tuple(problems))
