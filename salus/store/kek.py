"""The outer key of a sealed archive: from a file, the environment or a command, and never from the archive.

It is 32 bytes of chance, as they are or in hex (``openssl rand -hex 32``), not a password: nothing is asked
of whoever guesses but to guess 256 bits.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from salus.core.errors import AwayError, RefusedError, UserError

FILE, VALUE, COMMAND = "SALUS_KEY_FILE", "SALUS_KEY", "SALUS_KEY_COMMAND"
_BYTES = 32
_WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Kek:
    """A key that wraps others. place: where it came from. name: tells which it is, and nothing about it."""

    raw: bytes = field(repr=False)
    place: str

    @property
    def name(self) -> str:
        """What ``keys.json`` calls it."""
        return sha256(b"salus outer key\0" + self.raw).hexdigest()[:32]


def kek(archive: Path, environ: Mapping[str, str] | None = None) -> Kek:
    """Return the outer key that the environment tells of.

    Raises UserError where it tells of none or what it tells is no key, RefusedError where that lies in the
    archive or others may read it, AwayError where it cannot be had.
    """
    told = os.environ if environ is None else environ
    if told.get(FILE):
        return kek_in(Path(told[FILE]), archive)
    if told.get(COMMAND):
        return Kek(_key(_said_by(told[COMMAND]), COMMAND), COMMAND)
    if told.get(VALUE):
        return Kek(_key(told[VALUE].encode(), VALUE), VALUE)
    raise UserError(
        f"'{archive}' is sealed: say where its key is, with {FILE}, {COMMAND} or {VALUE} in the environment."
    )


def kek_in(file: Path, archive: Path) -> Kek:
    """Return the outer key in `file`; raises as `kek` does."""
    if archive.resolve() in file.resolve().parents:
        raise RefusedError(
            f"The key '{file}' lies in the archive that it seals: whoever takes one takes both. Put it "
            "elsewhere."
        )
    try:
        if file.stat().st_mode & 0o077:
            raise RefusedError(f"Others may read the key '{file}'. Run: chmod 600 {shlex.quote(str(file))}")
        return Kek(_key(file.read_bytes(), f"'{file}'"), f"'{file}'")
    except OSError as error:
        raise AwayError(f"The key '{file}' cannot be read: {error.strerror}.") from None


def _key(raw: bytes, place: str) -> bytes:
    if len(raw) == _BYTES:
        return raw
    try:
        found = bytes.fromhex(raw.decode().strip())
    except ValueError:
        found = b""
    if len(found) != _BYTES:
        raise UserError(f"What {place} holds is no key of 32 bytes: make one with 'openssl rand -hex 32'.")
    return found


def _said_by(command: str) -> bytes:
    try:
        words = shlex.split(command)
        done = subprocess.run(words, capture_output=True, check=False, timeout=_WAIT_S)  # noqa: S603 - the operator's own
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise AwayError(f"The command in {COMMAND} cannot be run ({type(error).__name__}).") from None
    if done.returncode:
        raise AwayError(f"The command in {COMMAND} ended with {done.returncode}, and gave no key.")
    return done.stdout
