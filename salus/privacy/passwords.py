"""Passwords: which may be chosen, and how one is kept so that whoever reads the store cannot tell it.

Sources: OWASP ASVS 5.0 section V6.2; NIST SP 800-63B-4 section 3.1.1.2 (15 characters where a password stands
alone); OWASP Password Storage Cheat Sheet (Argon2id with 19 MiB, 2 passes, 1 lane); RFC 9106 (Argon2).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import BoundedSemaphore
from unicodedata import normalize

# A second factor can be taken off again, so a password has to be able to stand alone.
SHORTEST, LONGEST = 15, 256
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
# Each hash holds its memory while it is made: so many at once, and the others wait their turn.
_TURNS = BoundedSemaphore(2)
# ASVS 6.1.2: words that anybody would try first at a place like this. They are taken out, and what is left
# has to be long enough by itself.
CONTEXT = (
    "salus", "hospital", "clinic", "clinical", "patient", "patients", "doctor", "nurse", "medical",
    "medicine", "health", "ward", "praxis", "krankenhaus", "klinik", "password", "passwort", "passphrase",
    "welcome", "willkommen", "letmein", "login", "signin", "admin", "administrator", "operator",
    "clinician", "researcher", "secret", "changeme", "default", "monday", "tuesday", "wednesday",
    "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april", "june", "july",
    "august", "september", "october", "november", "december", "spring", "summer", "autumn", "winter",
    "iloveyou",
)  # fmt: skip
_LEAST_LEFT = 8
# Runs that a hand makes on a keyboard, or a mind that is asked for many characters.
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop",
         "yxcvbnm", "azertyuiop", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p")  # fmt: skip


def faults(password: str, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what is wrong with a chosen password, in words for whoever chose it; nothing where it may be.

    names: of the account and of whoever holds it. No kinds of characters are asked for (ASVS 6.2.5).
    """
    if len(password) < SHORTEST:
        return (
            f"Use at least {SHORTEST} characters: four or five words that do not belong together are good.",
        )
    if len(password) > LONGEST:
        return (f"Use at most {LONGEST} characters.",)
    if "\0" in password:
        return ("It holds a character that no keyboard writes: choose it without.",)
    if len(set(password.casefold())) < 6 or _is_repeated(password.casefold()):
        return ("The same few characters over and over are guessed at once: choose words instead.",)
    if len(_left(password, names)) < _LEAST_LEFT:
        return ("It is mostly words, names or rows of keys that anybody would try here: choose others.",)
    return ()


def is_listed(password: str, place: Path) -> bool:
    """Whether a list of passwords, one a line, holds this one, in whatever letters; without a list, no."""
    wanted = password.strip().casefold().encode("utf-8", "replace")
    try:
        with place.open("rb") as lines:
            return any(
                line.strip().decode("utf-8", "replace").casefold().encode() == wanted for line in lines
            )
    except FileNotFoundError:
        return False


def _is_repeated(text: str) -> bool:
    """Whether `text` is one piece again and again, the last one perhaps cut."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1))


def _left(password: str, names: Iterable[str]) -> str:
    """Return the letters that remain once what anybody would try is taken out."""
    own = {part for name in names for part in re.split(r"\W+|_", name.casefold()) if len(part) >= 3}
    left = normalize("NFKC", password).casefold()
    for word in sorted({*CONTEXT, *own}, key=len, reverse=True):
        left = left.replace(word, " ")
    return re.sub(r"\s", "", _without_runs(left))


def _without_runs(text: str) -> str:
    """Take out every run of four or more keys that lie beside one another, either way round."""
    kept, run = [], text[:1]
    for one, two in pairwise(text):
        if (one, two) in _beside():
            run += two
            continue
        kept.append(run if len(run) < 4 else " ")
        run = two
    return "".join([*kept, run if len(run) < 4 else " "])


@cache
def _beside() -> frozenset[tuple[str, str]]:
    steps = {step for row in _ROWS for step in pairwise(row)}
    return frozenset(
        {*steps, *((two, one) for one, two in steps), *((one, one) for row in _ROWS for one in row)}
    )


def first_password() -> str:
    """Return a one-time password of 100 random bits that can be read aloud: five groups of four."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))


def hashed(password: str) -> str:
    """Return the password's Argon2id hash in PHC form, with a salt of its own."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    salt = secrets.token_bytes(_SALT_BYTES)
    made = Argon2id(salt=salt, length=_HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB)
    with _TURNS:
        return made.derive_phc_encoded(_bytes(password))


def is_password(password: str, kept: str) -> bool:
    """Whether `password` is the one whose hash is `kept`; one that is no hash of ours costs the same time."""
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    held_against = kept or _nobodys()
    try:
        with _TURNS:
            Argon2id.verify_phc_encoded(_bytes(password), held_against)
    except (InvalidKey, ValueError):
        return False
    return bool(kept)


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than a new one would be."""
    return f"$m={MEMORY_KIB},t={PASSES},p={LANES}$" not in kept


def _bytes(password: str) -> bytes:
    # Exactly as it came (ASVS 6.2.8), but for the two ways in which keyboards write one and the same letter
    # (NIST SP 800-63B-4 3.1.1.2: NFC or NFKC before hashing).
    return normalize("NFC", password).encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    """Return the hash of a password that nobody has: held against where there is no account."""
    return hashed(secrets.token_hex(16))
