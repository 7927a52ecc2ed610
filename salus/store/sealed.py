"""Files at rest, sealed: each under a key of its own, made from the archive's, which is kept wrapped.

An archive is sealed where ``keys.json`` lies in its folder. That holds its data key, wrapped (AES Key Wrap,
RFC 3394; NIST SP 800-38F) under one or more keys from elsewhere (`kek`), so that the outer key can be changed
without a byte of the records being written anew. A file is cut into chunks under AES-256-GCM after the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015; as age has it): the nonce counts the chunks and marks
the last one, so that none can be left out, added or moved; the file's name goes into its key (HKDF, RFC
5869), so that no file can stand in another's place. Any part can be read without the rest.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from salus.core.errors import EvidenceError, RefusedError
from salus.core.files import put
from salus.store.kek import Kek, kek

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAME = "keys.json"
KEY_BYTES = 32
_MAGIC = b"salus sealed 1\n\0"
_SALT, _TAG = 16, 16
# Larger chunks are no faster (decision 0020), and a small part of a file costs one.
_CHUNK = 1 << 18
_HEAD = len(_MAGIC) + _SALT
# How deep in an archive its files lie at most.
_DEEP = 4


class Keys(msgspec.Struct, frozen=True):
    """What ``keys.json`` holds: the data key's own name, and its wrappings by the name of the outer key."""

    id: str
    wrapped: dict[str, bytes]
    format: int = 1


@dataclass(slots=True)
class Vault:
    """The keys of one sealed archive in folder `root`, opened."""

    root: Path
    id: str
    _key: bytes = field(repr=False)

    @property
    def database_key(self) -> bytes:
        """The key of the embedded database."""
        return self._derived(b"", b"salus.db")

    def read_bytes(self, path: Path) -> bytes:
        """Return what the sealed file at `path` holds.

        Raises EvidenceError where a byte of it is another or it is not sealed, OSError where it is gone.
        """
        with self.open(path) as file:
            return file.read()

    def write_bytes(self, path: Path, raw: bytes | memoryview) -> None:
        """Write `raw` sealed to `path`."""
        with self.create(path) as file:
            file.write(raw)

    def seal(self, name: str, raw: bytes) -> bytes:
        """Return `raw` as the file called `name` holds it."""
        to = io.BytesIO()
        with Sealing(to, self._cipher(name, salt := os.urandom(_SALT)), salt) as sealing:
            sealing.write(raw)
            sealing.end()
            return to.getvalue()

    def open(self, path: Path) -> Sealed:
        """Open the sealed file at `path`; any part of it can be read."""
        file = path.open("rb")
        try:
            head = file.read(_HEAD)
            if len(head) < _HEAD or not head.startswith(_MAGIC):
                raise _broken(path)
            return Sealed(file, self._cipher(self.name_of(path), head[len(_MAGIC) :]), path)
        except BaseException:
            file.close()
            raise

    def create(self, path: Path) -> Sealing:
        """Open the new file at `path` for writing, sealed."""
        salt = os.urandom(_SALT)
        return Sealing(path.open("wb"), self._cipher(self.name_of(path), salt), salt)

    def name_of(self, path: Path) -> str:
        """Return what a file is called in the archive, wherever that lies."""
        return str(path.absolute().relative_to(self.root))

    def _cipher(self, name: str, salt: bytes) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._derived(salt, b"file " + name.encode()))

    def _derived(self, salt: bytes, what: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), KEY_BYTES, salt, b"salus sealed 1 " + what).derive(self._key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _broken(path: Path) -> EvidenceError:
    return EvidenceError(
        f"'{path}' is damaged, or is not what was sealed under that name: restore it from a backup."
    )


class Sealing(io.RawIOBase):
    """Writes a file in sealed chunks."""

    def __init__(self, to: BinaryIO, cipher: AESGCM, salt: bytes) -> None:
        self._to, self._cipher, self._number = to, cipher, 0
        self._held = bytearray()
        self._ended = False
        to.write(_MAGIC + salt)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, raw: object) -> int:
        """Take `raw`; a chunk is written as soon as another must follow."""
        piece = memoryview(raw)  # type: ignore[arg-type]
        self._held += piece
        while len(self._held) > _CHUNK:
            self._put(bytes(self._held[:_CHUNK]), last=False)
            del self._held[:_CHUNK]
        return piece.nbytes

    def end(self) -> None:
        """Write the last chunk; nothing can follow."""
        if not self._ended:
            self._ended = True
            self._put(bytes(self._held), last=True)

    def fileno(self) -> int:
        """The file behind it."""
        return self._to.fileno()

    def flush(self) -> None:
        """Hand on what can be handed on by now."""
        if not self._to.closed:
            self._to.flush()

    def close(self) -> None:
        """End it, once."""
        if not self.closed:
            try:
                self.end()
            finally:
                self._to.close()
                super().close()

    def _put(self, chunk: bytes, *, last: bool) -> None:
        self._to.write(self._cipher.encrypt(_nonce(self._number, last), chunk, None))
        self._number += 1


class Sealed:
    """An opened sealed file, read by the places that its content has."""

    def __init__(self, file: BinaryIO, cipher: AESGCM, path: Path) -> None:
        self._file, self._cipher, self._path = file, cipher, path
        sealed = os.fstat(file.fileno()).st_size - _HEAD
        self._chunks = -(-sealed // (_CHUNK + _TAG))
        self.size = sealed - self._chunks * _TAG
        if self._chunks < 1 or self.size < 0:
            raise _broken(path)

    def __enter__(self) -> Sealed:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self) -> bytes:
        """Return all of it."""
        return b"".join(self.pieces(0))

    def pieces(self, at: int) -> Iterator[bytes]:
        """Yield what it holds from byte `at` on, piece by piece; raises EvidenceError where it is damaged."""
        number, skip = divmod(at, _CHUNK)
        self._file.seek(_HEAD + number * (_CHUNK + _TAG))
        for each in range(number, self._chunks):
            chunk = self._opened(each)
            yield chunk[skip:] if skip else chunk
            skip = 0

    def _opened(self, number: int) -> bytes:
        from cryptography.exceptions import InvalidTag

        raw = self._file.read(_CHUNK + _TAG)
        try:
            return self._cipher.decrypt(_nonce(number, number == self._chunks - 1), raw, None)
        except (InvalidTag, ValueError):
            raise _broken(self._path) from None


# --- which archives are sealed, and by what ------------------------------------------------------

_opened: dict[Path, tuple[tuple[int, int], Vault]] = {}


def vault_of(path: Path) -> Vault | None:
    """Return the opened vault of the archive in which `path` lies; None where that one is not sealed.

    Whoever has opened one keeps it while its outer key is changed. Raises UserError where no key is told,
    RefusedError where it is another archive's.
    """
    for root in list(path.absolute().parents)[:_DEEP]:
        try:
            stamp = _stamp(root / NAME)
        except OSError:
            continue
        known = _opened.get(root)
        if known is None or known[0] != stamp:
            keys = load(root)
            same = known is not None and known[1].id == keys.id
            known = (stamp, known[1] if known and same else unlocked(root, keys, kek(root)))
            _opened[root] = known
        return known[1]
    return None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return (found.st_mtime_ns, found.st_ino)


def load(root: Path) -> Keys:
    """Return the wrapped keys of the archive in `root`; raises EvidenceError where they are damaged."""
    try:
        return msgspec.json.decode((root / NAME).read_bytes(), type=Keys)
    except msgspec.MsgspecError:
        raise EvidenceError(f"'{root / NAME}' is damaged: restore it from a backup.") from None


def unlocked(root: Path, keys: Keys, outer: Kek) -> Vault:
    """Return the vault of `keys`, opened by `outer`; raises RefusedError where that is another's key."""
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    try:
        return Vault(root, keys.id, aes_key_unwrap(outer.raw, keys.wrapped[outer.name]))
    except (KeyError, InvalidUnwrap):
        raise RefusedError(
            f"The key from {outer.place} does not open '{root}': give the one by which it was sealed, or "
            "wrapped last."
        ) from None


def made(root: Path, outer: Kek) -> Vault:
    """Make the keys of a new archive in the folder `root`, wrapped by `outer`, and return them opened."""
    keys = Keys(os.urandom(16).hex(), {})
    vault = Vault(root.absolute(), keys.id, os.urandom(KEY_BYTES))
    _keep(root, keys, vault, outer)
    return vault


def rewrapped(root: Path, vault: Vault, outer: Kek, *, only: bool) -> None:
    """Let `outer` open the archive in `root` from now on; with `only`, no other key any more."""
    keys = load(root)
    _keep(root, msgspec.structs.replace(keys, wrapped={} if only else keys.wrapped), vault, outer)


def _keep(root: Path, keys: Keys, vault: Vault, outer: Kek) -> None:
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    wrapped = {**keys.wrapped, outer.name: aes_key_wrap(outer.raw, vault._key)}
    raw = msgspec.json.encode(msgspec.structs.replace(keys, wrapped=wrapped))
    found = put(root / NAME, msgspec.json.format(raw) + b"\n")
    found.chmod(0o600)
    _opened[root.absolute()] = (_stamp(found), vault)
