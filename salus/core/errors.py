"""What can go wrong, as three classes that a person can act on; each has an exit code of its own.

SalusError
├── UserError       the command or request was wrong (exit 2)
├── RefusedError    consent, governance or integrity said no (exit 3)
├── EvidenceError   the input is bad: file, place, remedy (exit 4)
└── AwayError       something that is needed does not answer: a server, the store, a model (exit 5)
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SalusError(Exception):
    """Something Salus says no to, in words that name the place and the remedy, never a patient's value.

    outside: what is said of it over the network, where those words name a place on this machine.
    """

    exit_code = 1
    outside: str = ""


class UserError(SalusError):
    """The caller asked for something that does not exist or does not fit."""

    exit_code = 2


class RefusedError(SalusError):
    """Consent, governance or the ledger's integrity forbids it."""

    exit_code = 3


class EvidenceError(SalusError):
    """Evidence that cannot be read or must not be guessed at."""

    exit_code = 4


class AwayError(SalusError):
    """A server, store or model that is needed did not answer; trying again later can help."""

    exit_code = 5


def class_of(error: SalusError) -> str:
    """Return which of the classes above `error` is, whatever finer one was raised."""
    return next(one.__name__ for one in type(error).__mro__ if one.__module__ == __name__)


def choices(wanted: str, known: Iterable[str]) -> str:
    """Say which choices there are, the nearest to what was wanted first."""
    every = sorted(set(known))
    small = {name.casefold(): name for name in every}
    near = [small[name] for name in get_close_matches(wanted.casefold(), small, n=3, cutoff=0.4)]
    return ", ".join(near + [name for name in every if name not in near]) or "none"


def printable(text: str, longest: int | None = 40) -> str:
    """Return what somebody else wrote on one line of at most `longest` characters, each of which is seen.

    Control characters and those that turn the direction of writing could make a line say something else.
    """
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:longest]
