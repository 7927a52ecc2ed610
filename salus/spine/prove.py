"""Prove: that an entry stands in the ledger, to somebody who has the proof, a public key and nothing else.

A proof is one JSON object: the entry, what opens its commitment where that is kept, its place, the hashes
on the way to the root, and the signed head that names the root. A patient gets one for each access to his
record. Checking needs no archive and no network (RFC 9162 2.1.3.2, C2SP signed-note).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError, RefusedError, SalusError, UserError
from salus.core.review import Entry

if TYPE_CHECKING:
    from salus.spine.heads import Published
    from salus.spine.site import Site
    from salus.store.checkpoint import Checkpoint
    from salus.store.tiles import Tiles

FORM = "salus-ledger-proof/1"
# What names nobody was an access to everybody's record: a look at the ward, a model's lesson.
EVERYBODY, ONE = "everybody", "subject"
_PROOFS = "salus-ledger-proofs/1"
_LARGEST = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Checked:
    """What a proof says, once it was checked: whether it holds, what it is of, and what is wrong with it."""

    holds: bool
    problems: tuple[str, ...]
    entry: dict[str, Any] | None = None
    content: dict[str, Any] | None = None
    size: int = 0
    origin: str = ""


def prove(site: Site, entry: int) -> dict[str, Any]:
    """Return the proof that entry number `entry` stands in the ledger, under the last published head.

    Where no published head is of it yet, one is published. Raises UserError where there is no such entry,
    RefusedError where the ledger no longer bears its head out, AwayError where none can be published.
    """
    (found,) = _proofs(site, [entry])
    return found


def proofs_for(site: Site, subject: str) -> dict[str, Any]:
    """Return a proof of every access to the record of `subject` (``Patient/7``), in the order of the ledger.

    What was done to everybody's record is among them and says so: `to` is "everybody".
    Raises what `prove` raises.
    """
    from salus.spine.heads import verifier_key

    proofs = []
    for found in _proofs(site, site.store.accesses(subject)):
        told = site.store.told(found["entry"]["seq"])
        everybody = told.kind in ("train", "test") or not told.record_id
        proofs.append({**found, "to": EVERYBODY if everybody and told.kind != "card" else ONE})
    return {"form": _PROOFS, "subject": subject, "key": verifier_key(site), "proofs": proofs}


def _proofs(site: Site, seqs: list[int]) -> Iterator[dict[str, Any]]:
    from salus.store.tiles import Tiles

    if not seqs:
        return
    last = site.store.head()[0]
    missing = [seq for seq in seqs if not 1 <= seq <= last]
    if missing:
        raise UserError(f"There is no entry {missing[0]}: the ledger has {last}.")
    head = _head_over(site, max(seqs))
    tiles = Tiles(site.store, head.size)
    for seq in seqs:
        line, path, tiles = _path(site, seq, head, tiles)
        yield _shape(site, line, path, head)


def _head_over(site: Site, seq: int) -> Published:
    """Return the last published head, or a new one where that does not reach entry `seq`."""
    from salus.spine.heads import doubt, publish_head, published

    head = published(site)
    if head is None or head.size < seq:
        head = publish_head(site)
    if head is None or head.size < seq or head.origin != site.id:
        raise RefusedError(f"No published head of this ledger is of entry {seq}. {_SEE}")
    wrong = doubt(site, head)
    if wrong:
        raise RefusedError(f"The last published head {wrong}: no proof rests on it. {_SEE}")
    return head


def _path(site: Site, seq: int, head: Published, tiles: Tiles) -> tuple[Entry, list[bytes], Tiles]:
    """Return the entry and its path; from the entries alone where what is kept of the tree does not fit."""
    from salus.store.ledger import digest
    from salus.store.merkle import inclusion_path, verify_inclusion
    from salus.store.tiles import leaf_of, remade

    line = next(iter(site.store.entries(after=seq - 1, limit=1)), None)
    if line is None or line.seq != seq or not _is_whole(line, digest):
        raise RefusedError(f"Entry {seq} was changed or removed: nothing can be proven of it. {_SEE}")
    # Twice at most: what is kept, then what was made anew.
    for attempt in (tiles, None):
        here = attempt or remade(site.store, head.size, head.root)
        if here is None:
            break
        path = inclusion_path(here.node, seq - 1, head.size)
        if verify_inclusion(leaf_of(line.digest), seq - 1, head.size, path, head.root):
            return line, path, here
    raise RefusedError(f"The ledger is not the one that its published head stands for. {_SEE}")


_SEE = "See what else is with 'salus audit verify'."


def _is_whole(line: Entry, digest: Any) -> bool:
    try:
        return bool(digest(line) == line.digest)
    except SalusError:
        return False


def _shape(site: Site, line: Entry, path: list[bytes], head: Published) -> dict[str, Any]:
    from salus.spine.heads import verifier_key
    from salus.store.ledger import moment

    told = site.store.told(line.seq)
    # A setting can be a secret of the site, as the key of its insights' ids is: it leaves with no proof.
    closed = line.did == "setting"
    salt = told.salt if isinstance(told.salt, bytes) and not closed else None
    return {
        "form": FORM,
        "entry": {**asdict(line), "at": moment(line.at)},
        "salt": salt.hex() if salt is not None else None,
        "content": None if closed else told.content,
        "index": line.seq - 1,
        "size": head.size,
        "path": [b64encode(one).decode() for one in path],
        "checkpoint": head.note.decode(),
        "key": verifier_key(site),
    }


def public_key(text: str) -> bytes:
    """Return the public key of a site in `text`; raises UserError where it is none."""
    from salus.store.checkpoint import read_key

    return read_key(text)


def check_proofs(document: bytes, key: bytes) -> list[Checked]:
    """Check the proof, or each of the proofs, in `document` by the public key `key`; needs no site.

    Raises EvidenceError where it is neither: no JSON, or JSON of another kind.
    """
    if len(document) > _LARGEST:
        raise EvidenceError(f"A file of proofs has at most {_LARGEST} bytes.")
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise EvidenceError("That is no proof: it is not JSON.") from None
    if isinstance(found, dict) and found.get("form") == _PROOFS and isinstance(found.get("proofs"), list):
        return [check_proof(one, key) for one in found["proofs"]]
    if not isinstance(found, dict) or found.get("form") != FORM:
        raise EvidenceError(f"That is no proof of an entry: its 'form' is not {FORM}.")
    return [check_proof(found, key)]


def check_proof(proof: object, key: bytes) -> Checked:
    """Check one proof by the public key `key` of the site; needs no site."""
    try:
        said = _read(proof)
    except (EvidenceError, RecursionError) as error:
        return Checked(False, (str(error) or "The proof is nested too deep.",))
    line, head = said.entry, said.head
    problems = tuple(_wrong(said, key))
    shape = {**asdict(line), "at": said.at}
    return Checked(not problems, problems, shape, said.content, head.size, head.origin)


@dataclass(frozen=True, slots=True)
class _Said:
    """A proof as it was read: everything is of its kind, and nothing is checked."""

    entry: Entry
    at: str
    salt: bytes | None
    content: dict[str, Any] | None
    index: int
    size: int
    path: tuple[bytes, ...]
    head: Checkpoint


def _wrong(said: _Said, key: bytes) -> Iterator[str]:
    from salus.store.checkpoint import fault
    from salus.store.ledger import digest
    from salus.store.merkle import verify_inclusion
    from salus.store.tiles import leaf_of

    line, head = said.entry, said.head
    signed = fault(head, head.origin, key)
    if signed:
        yield f"The head {signed}."
    if digest(line) != line.digest:
        yield "The entry is not what its digest says."
    if (said.index, said.size) != (line.seq - 1, head.size):
        yield "The proof's place is not the entry's, or not in the tree of its head."
    if not verify_inclusion(leaf_of(line.digest), said.index, said.size, said.path, head.root):
        yield "The path does not lead from the entry to the head's root: the entry is not in that ledger."
    yield from _opened(said)


def _opened(said: _Said) -> Iterator[str]:
    from salus.store.ledger import opens

    if said.content is None:
        return
    try:
        same = said.salt is not None and opens(said.entry, said.salt, said.content)
    except (UserError, RecursionError):
        same = False
    if not same:
        yield "The content is not what the entry committed to."


def _read(proof: object) -> _Said:
    from salus.store.checkpoint import parse

    if not isinstance(proof, dict) or proof.get("form") != FORM:
        raise EvidenceError(f"That is no proof of an entry: its 'form' is not {FORM}.")
    line, at = _entry(_of(proof, "entry", dict))
    salt, content = _of(proof, "salt", str, True), _of(proof, "content", dict, True)
    index, size = _of(proof, "index", int), _of(proof, "size", int)
    path = tuple(_hash(one) for one in _of(proof, "path", list))
    try:
        head = parse(_of(proof, "checkpoint", str).encode())
        opened = None if salt is None else bytes.fromhex(salt)
    except ValueError:
        raise EvidenceError("The proof's salt or head is no text that was written.") from None
    return _Said(line, at, opened, content, index, size, path, head)


def _of(proof: dict[str, Any], name: str, kind: type, or_none: bool = False) -> Any:
    found = proof.get(name)
    if found is None and or_none:
        return None
    if type(found) is not kind:
        raise EvidenceError(f"The proof's '{name}' is missing or of another kind.")
    return found


def _hash(text: object) -> bytes:
    try:
        return b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _entry(said: dict[str, Any]) -> tuple[Entry, str]:
    from salus.store.ledger import moment

    words = {name: _of(said, name, str) for name in ("at", "who", "did", "what", "previous", "digest")}
    at = words.pop("at")
    try:
        when = datetime.fromisoformat(at)
        same = moment(when) == at and all(one.encode() for one in words.values() if one)
    except (SalusError, ValueError, OverflowError):
        same = False
    if not same:
        raise EvidenceError("The proof's entry holds a time or a text that was never written so.")
    return Entry(_of(said, "seq", int), when, **words), at
