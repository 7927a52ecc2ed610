"""GA4GH Data Use Ontology: may a data set be used for what a research request says, and if not, why not?

A data set carries permissions, which are alternatives, and modifiers, all of which must be met. A term that
is not known, or that lacks what it is about, is never met. The terms are in `duo.json`.
Source: GA4GH DUO, https://github.com/EBISPOT/DUO; Lawson et al. 2021, Cell Genomics 1(2):100028.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from salus.core.errors import EvidenceError, choices, printable


class Term(NamedTuple):
    """One term of the ontology; `check` says how `of`, a part of a request, is held against it."""

    id: str
    shorthand: str
    label: str
    kind: str
    check: str
    of: str


class Use(NamedTuple):
    """A term as a data set carries it, with what it is about: diseases, regions, users, a date."""

    term: Term
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do with a data set.

    purpose: ``health``, ``ancestry``, ``care`` or ``other`` research. diseases: codes that it is about.
    methods: it develops methods. genetic: it uses genotypes. study_type, region, user, project,
    institution: as the data set's terms name them. publishes_from: the first day on which results may appear.
    until: the last day of use.
    """

    purpose: str
    diseases: frozenset[str] = frozenset()
    methods: bool = False
    genetic: bool = False
    for_profit: bool = True
    commercial: bool = True
    ethics_approval: bool = False
    publishes: bool = False
    collaborates: bool = False
    returns: bool = False
    study_type: str = ""
    region: str = ""
    user: str = ""
    project: str = ""
    institution: str = ""
    publishes_from: date | None = None
    until: date | None = None

    @property
    def ancestry(self) -> bool:
        """Whether it studies origins or ancestry."""
        return self.purpose == "ancestry"


@cache
def terms() -> dict[str, Term]:
    """Return every known term, by its id and by its shorthand."""
    told = json.loads(Path(__file__).with_name("duo.json").read_text(encoding="utf-8"))
    found = [Term(**one) for one in told["terms"]]
    return {name: one for one in found for name in (one.id, one.shorthand)}


def use(said: str) -> Use:
    """Return a term as it is written: ``GRU``, ``DUO:0000042``, ``DS=MONDO:0005015,MONDO:0004979``.

    Raises EvidenceError for a term that is not of the ontology, and for a date that is none.
    """
    name, _, about = said.partition("=")
    term = terms().get(name.strip())
    if term is None:
        known = [one.shorthand for one in terms().values()]
        raise EvidenceError(f"'{printable(name)}' is no DUO term. There are: {choices(name, known)}.")
    found = tuple(part for one in about.split(",") if (part := one.strip()))
    if term.check in _DATED and any(_day(one) is None for one in found):
        raise EvidenceError(f"{term.shorthand} needs a day: {term.shorthand}=2026-12-31.")
    return Use(term, found)


def unmet(uses: Iterable[Use], request: Request) -> tuple[str, ...]:
    """Return which terms of a data set `request` does not meet, each in words; none: it may be used."""
    every = tuple(uses)
    permissions = [one for one in every if one.term.kind == "permission"]
    if not permissions:
        return ("no permission: the data set says nothing of what it may be used for",)
    missed = [
        one for one in every if one.term.kind == "modifier" and not _CHECKS[one.term.check](one, request)
    ]
    if not any(_CHECKS[one.term.check](one, request) for one in permissions):
        missed = permissions + missed
    return tuple(f"{one.term.shorthand}: {one.term.label}" for one in missed)


def _day(told: str) -> date | None:
    try:
        return date.fromisoformat(told)
    except ValueError:
        return None


def _is_among(said: Use, request: Request) -> bool:
    return getattr(request, said.term.of) in said.about


def _is_of_disease(said: Use, request: Request) -> bool:
    return request.purpose == "health" and bool(request.diseases) and request.diseases <= set(said.about)


def _is_after(said: Use, request: Request) -> bool:
    """Whether nothing is published before the day on which a moratorium ends."""
    ends, starts = [_day(one) for one in said.about], request.publishes_from
    if not request.publishes:
        return True
    return bool(ends) and starts is not None and all(day is not None and starts >= day for day in ends)


def _is_before(said: Use, request: Request) -> bool:
    ends, until = [_day(one) for one in said.about], request.until
    return bool(ends) and until is not None and all(day is not None and until <= day for day in ends)


_DATED = ("not before", "not after")
_CHECKS: dict[str, Callable[[Use, Request], bool]] = {
    "any": lambda said, request: request.purpose in ("health", "ancestry", "other"),
    "health": lambda said, request: request.purpose == "health",
    "ancestry": lambda said, request: request.ancestry,
    "care": lambda said, request: request.purpose == "care",
    "disease": _is_of_disease,
    "is": lambda said, request: bool(getattr(request, said.term.of)),
    "not": lambda said, request: not getattr(request, said.term.of),
    "neither": lambda said, request: not any(getattr(request, one) for one in said.term.of.split()),
    "among": _is_among,
    "not before": _is_after,
    "not after": _is_before,
}
