"""A signed head of the ledger: how many entries there were, and the one root that stands for them all.

For whoever keeps heads where those who run Salus cannot change them. The form is C2SP's tlog-checkpoint in a
C2SP signed-note (c2sp.org/tlog-checkpoint, c2sp.org/signed-note), Ed25519, as Go's checksum database,
Sigsum and Rekor have it, so that any witness of theirs reads it. Strict: what is not exactly of that form is
no head.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from salus.core.errors import EvidenceError, UserError
from salus.store.keys import signed_by
from salus.store.merkle import HASH_BYTES

# signed-note, "Signature types".
_ED25519 = b"\x01"
_ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 4, 32, 64
_DASH = "— "
DASH = _DASH.encode()
# signed-note: at least 16 signatures must be taken, and one of the largest kind has nearly 5 kB.
LARGEST = 128 * 1024
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Signs(Protocol):
    """Whatever holds the private half of the site's key."""

    @property
    def public(self) -> bytes:
        """The raw 32-byte public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a note: who is said to have signed, by which key, and the bytes."""

    name: str
    key_id: bytes
    made: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head as it was read: `text` is what was signed; whether that holds is `fault`'s to say."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[Signature, ...]
    note: bytes


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a note names a key."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_ID_BYTES]


def make(origin: str, size: int, root: bytes, key: Signs) -> bytes:
    """Return the signed head of `size` entries with this root.

    Raises UserError where `origin` can name no key, AwayError where the key is away.
    """
    if not _is_name(origin) or origin.startswith("—"):
        raise UserError("A ledger's heads need a name without spaces and plus signs.")
    text = f"{origin}\n{size}\n{b64encode(root).decode()}\n"
    made = key.sign(text.encode())
    signature = b64encode(key_id(origin, key.public) + made).decode()
    return f"{text}\n{_DASH}{origin} {signature}\n".encode()


def parse(note: bytes) -> Checkpoint:
    """Read a signed head; its signatures are not looked at.

    Raises EvidenceError, with what is wrong and never what it says.
    """
    if len(note) > LARGEST:
        raise EvidenceError(f"A head has at most {LARGEST} bytes.")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise EvidenceError("A head is text in UTF-8.") from None
    if any(one < " " and one != "\n" for one in whole):
        raise EvidenceError("A head holds no control characters.")
    text, blank, signed = whole.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise EvidenceError("A head has a text, an empty line and signatures, each line ended.")
    origin, size, root = _body(text.split("\n"))
    signatures = tuple(_signature(line) for line in signed[:-1].split("\n"))
    return Checkpoint(origin, size, root, f"{text}\n".encode(), signatures, note)


def _body(lines: Sequence[str]) -> tuple[str, int, bytes]:
    if len(lines) < 3 or not all(lines):
        raise EvidenceError("A head says its origin, its size and its root, a line each.")
    origin, size, root = lines[:3]
    if _SIZE.fullmatch(size) is None:
        raise EvidenceError("The size of a head is a number without zeros before it.")
    hashed = _decoded(root)
    if len(hashed) != HASH_BYTES:
        raise EvidenceError("The root of a head is 32 bytes in Base64.")
    return origin, int(size), hashed


def _signature(line: str) -> Signature:
    name, space, made = line.removeprefix(_DASH).partition(" ")
    found = _decoded(made)
    if not line.startswith(_DASH) or not space or not _is_name(name) or len(found) <= _ID_BYTES:
        raise EvidenceError("A signature of a head is a dash, a name, and a key's id with the signature.")
    return Signature(name, found[:_ID_BYTES], found[_ID_BYTES:])


def _is_name(name: str) -> bool:
    """Whether a note can name a key so: no space of any kind, no plus, no control character."""
    return bool(name) and "+" not in name and not any(one.isspace() or one < " " for one in name)


def _decoded(text: str) -> bytes:
    """Return what Base64 says; b"" where it is none, or another spelling than the one that is written."""
    if _BASE64.fullmatch(text) is None or len(text) % 4:
        return b""
    found = b64decode(text)
    return found if b64encode(found).decode() == text else b""


def fault(head: Checkpoint, origin: str, public: bytes) -> str:
    """Say what is wrong with who made `head`: "" where the ledger `origin` signed it by the key `public`.

    Signatures of others (witnesses) are passed over; one of ours that does not hold spoils the head.
    """
    if head.origin != origin:
        return "is of another ledger"
    mine = (origin, key_id(origin, public))
    ours = [one.made for one in head.signatures if (one.name, one.key_id) == mine]
    if not ours:
        return "is signed by another key than the site's"
    if not all(len(one) == _SIGNATURE_BYTES and signed_by(public, head.text, one) for one in ours):
        return "carries a signature of the site's key that does not hold: it was changed or forged"
    return ""


def split(notes: bytes) -> tuple[list[bytes], bytes]:
    """Return the notes of a file, and what is left behind the last whole one (b"" where nothing is)."""
    lines = notes.split(b"\n")
    found: list[bytes] = []
    note: list[bytes] = []
    signed = False
    for line in lines[:-1]:
        if signed and not line.startswith(DASH):
            found.append(_ended(note))
            note, signed = [], False
        if note or line:
            note.append(line)
        signed = line.startswith(DASH) and b"" in note
    if signed:
        found.append(_ended(note))
        note = []
    return found, (_ended(note) if note else b"") + lines[-1]


def _ended(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def is_unfinished(rest: bytes, origin: str) -> bool:
    """Whether `rest` is the beginning of a head of ours, as a writer leaves it that was killed."""
    named = origin.encode() + b"\n"
    if len(rest) <= len(named):
        return bool(rest) and named.startswith(rest)
    size = rest[len(named) :].partition(b"\n")[0]
    if not rest.startswith(named) or re.fullmatch(b"[0-9]{0,19}", size) is None:
        return False
    root, made = _ANY * 43 + b"=", _ANY * 91 + b"="
    whole = named + size + b"\n" + root + b"\n\n" + DASH + origin.encode() + b" " + made
    return _shape(whole).startswith(_shape(rest))


# Stands for any character of Base64, where what it says does not matter.
_ANY = b"A"


def _shape(note: bytes) -> bytes:
    return re.sub(rb"[A-Za-z0-9+/]", _ANY, note)


def verifier_key(name: str, public: bytes) -> str:
    """Return the public key as notes' verifiers take it: name, key id and key."""
    return f"{name}+{key_id(name, public).hex()}+{b64encode(_ED25519 + public).decode()}"


def read_key(text: str) -> bytes:
    """Return the public key in `text`: a verifier key as `verifier_key` writes it, or 64 hex digits.

    Raises UserError where it is neither.
    """
    said = text.strip()
    if re.fullmatch(r"[0-9a-fA-F]{64}", said):
        return bytes.fromhex(said)
    name, _, rest = said.partition("+")
    short, _, key = rest.partition("+")
    found = _decoded(key)
    public = found.removeprefix(_ED25519)
    if len(found) != 1 + _KEY_BYTES or len(public) != _KEY_BYTES or key_id(name, public).hex() != short:
        raise UserError(
            "That is no public key of a site: give 64 hex digits, or NAME+ID+KEY, as 'salus audit head' "
            "prints it."
        )
    return public
