"""What a machine may ask for: SMART scopes, version 2, of clients that act for no user (``system/…``).

Source: SMART App Launch 2.2.0, "Scopes for requesting FHIR Resources". What is not understood grants nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from salus.core.errors import UserError

# c, u and d change resources, which nobody can here; their order is fixed by the specification.
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,63})\.(c?r?u?d?s?)")
READ, SEARCH = "r", "s"
_TAKEN = frozenset({READ, SEARCH})
_MOST = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """Which resources (``*`` is every type), and which of read and search."""

    kind: str
    may: frozenset[str]

    def __str__(self) -> str:
        return f"system/{self.kind}.{''.join(sorted(self.may))}"


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Return the scopes in `text` that mean something here; the others grant nothing.

    One that narrows by a search (``?category=…``) is among the others: taken without it, it would grant more.
    """
    found = (_SCOPE.fullmatch(word) for word in text.split()[:_MOST])
    scopes = (Scope(one[1], frozenset(one[2]) & _TAKEN) for one in found if one and one[2])
    return tuple(scope for scope in scopes if scope.may)


def granted(asked: Iterable[Scope], allowed: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return what of `asked` lies within `allowed`: never more than either."""
    held: dict[str, set[str]] = {}
    limits = tuple(allowed)
    for scope in asked:
        for limit in limits:
            if "*" in (scope.kind, limit.kind) or scope.kind == limit.kind:
                kind = limit.kind if scope.kind == "*" else scope.kind
                held.setdefault(kind, set()).update(scope.may & limit.may)
    return tuple(Scope(kind, frozenset(may)) for kind, may in sorted(held.items()) if may)


def permits(scopes: Iterable[Scope], kind: str, act: str) -> bool:
    """Whether `scopes` let somebody do `act` with resources of `kind`."""
    return any(scope.kind in ("*", kind) and act in scope.may for scope in scopes)


def allowed_scopes(text: str, whose: str) -> tuple[Scope, ...]:
    """Read what a client is registered for; raises UserError where a word of it means nothing."""
    scopes = parse_scopes(text)
    if not scopes or len(scopes) != len(text.split()):
        raise UserError(
            f"'{whose}': the scope '{text[:200]}' is not understood whole: write system/*.rs, or "
            "system/RiskAssessment.rs and others, with blanks between."
        )
    return scopes
