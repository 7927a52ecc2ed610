"""The second factor: codes of an authenticator app (RFC 6238), and the recovery codes for when it is lost.

Parameters are those that every app takes: SHA-1, six digits, thirty seconds (RFC 6238 section 4; collisions
of SHA-1 do not touch HMAC, RFC 6194 section 3.3). A code is taken once (RFC 6238 section 5.2).
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode
from hashlib import sha256
from urllib.parse import quote, urlencode

STEP_S, DIGITS, SECRET_BYTES = 30, 6, 20
# One step back and ahead, for the clock of a telephone and the time that typing takes (RFC 6238 section 5.2).
_DRIFT = 1
RECOVERY_CODES, _RECOVERY_BYTES = 10, 15


def new_secret() -> bytes:
    """Return a seed as long as the hash that it is used with (RFC 4226 section 4, R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def code(secret: bytes, step: int) -> str:
    """Return the code of one time step."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.hotp import HOTP

    return HOTP(secret, DIGITS, SHA1()).generate(step).decode()  # noqa: S303  as RFC 6238 has it


def step_of(secret: bytes, typed: str, now: float, last: int = -1) -> int | None:
    """Return the time step whose code was typed; None where it is none of now, or one that was used.

    last: the last step of which a code was taken; neither it nor one before it is taken again.
    """
    said = re.sub(r"\s", "", typed)
    here = int(now) // STEP_S
    found = None
    for step in range(max(here - _DRIFT, 0), here + _DRIFT + 1):
        if hmac.compare_digest(code(secret, step).encode(), said.encode("utf-8", "replace")) and step > last:
            found = step
    return found


def spelled(secret: bytes) -> str:
    """Return the seed as an app takes it by hand: Base32 in groups of four (RFC 4648 section 6)."""
    return " ".join(re.findall(".{1,4}", b32encode(secret).decode().rstrip("=")))


def otpauth(secret: bytes, account: str, issuer: str) -> str:
    """Return the seed as the address that an app reads (Key URI Format of Google Authenticator)."""
    told = {"secret": b32encode(secret).decode().rstrip("="), "issuer": issuer, "algorithm": "SHA1",
            "digits": DIGITS, "period": STEP_S}  # fmt: skip
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{urlencode(told, quote_via=quote)}"


def recovery_codes() -> tuple[str, ...]:
    """Return codes of 120 random bits each, to be written down; each opens once."""
    drawn = (b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return tuple("-".join(re.findall("....", one)) for one in drawn)


def recovery_digest(typed: str) -> str:
    """Return by what a recovery code is kept; of 112 bits and more a plain hash is enough (ASVS 6.5.2)."""
    return sha256(re.sub(r"[\s-]", "", typed).upper().encode("utf-8", "replace")).hexdigest()


def is_recovery_code(typed: str) -> bool:
    """Whether what was typed has the form of a recovery code."""
    return re.fullmatch(r"[A-Z2-7]{24}", re.sub(r"[\s-]", "", typed).upper()) is not None
