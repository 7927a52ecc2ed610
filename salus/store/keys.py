"""The site's own key: Ed25519 (RFC 8032), in a file that only its owner may read; it signs model approvals.

An approval that was copied from another archive, or written into the database by hand, does not verify.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from salus.core.errors import AwayError, EvidenceError, RefusedError, SalusError
from salus.store.sealed import vault_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class SiteKey:
    """A key pair; `public` is the raw 32-byte public key."""

    _private: Ed25519PrivateKey
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        return self._private.sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether this site signed `message`."""
        return signed_by(self.public, message, signature)


@dataclass(frozen=True, slots=True)
class KeyAway:
    """Stands where the site's key cannot be had, as in a backup without it; an audit needs none."""

    why: str

    def sign(self, message: bytes) -> bytes:
        """Raise AwayError: nothing can be signed."""
        raise AwayError(self.why)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Raise AwayError: whether this site signed it cannot be said."""
        raise AwayError(self.why)


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of the raw 32-byte key `public` signed `message`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def site_key(path: Path) -> SiteKey:
    """Return the key in the file `path`, made there on first use with mode 0600.

    Raises RefusedError when others may read the file, EvidenceError when it holds no such key,
    AwayError when it can be neither read nor made.
    """
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise RefusedError(f"Others may read the site's key {path}. Run: chmod 600 '{path}'")
        vault = vault_of(path)
        return _loaded(path, vault.read_bytes(path) if vault else path.read_bytes())
    except OSError as error:
        raise AwayError(
            f"The site's key {path} cannot be used: {error.strerror}. See that whoever runs Salus owns it."
        ) from None


def key_to_read(path: Path) -> SiteKey | KeyAway:
    """Return the key in the file `path` of an archive that is only read; never makes one."""
    if not path.exists():
        return KeyAway(f"The site's key {path} is not here, so no approval can be checked.")
    try:
        return site_key(path)
    except SalusError as error:
        return KeyAway(str(error))


def _make(path: Path) -> None:
    """Write a new key beside its place and link it in whole: of two processes, one wins."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{token_hex(8)}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        vault = vault_of(path)
        file.write(vault.seal(path.name, pem) if vault else pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _loaded(path: Path, pem: bytes) -> SiteKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(pem, None)
    except (TypeError, ValueError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise EvidenceError(f"{path} holds no Ed25519 key. Put the site's own key back from a backup.")
    return SiteKey(private, private.public_key().public_bytes_raw())
