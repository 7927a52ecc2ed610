"""Which FHIR queries must a client answer beforehand, so that prefetch alone suffices; and what is missing?

For the discovery document and the CDS Hooks door. Source: the needs on the models' cards; CDS Hooks 2.0
"Prefetch Template", FHIR R4 search. Security teams refuse call-backs, so every need is in a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from salus.core.card import Card, Need
from salus.core.codes import uri

PATIENT = "patient"
# What is no list: of each of these a model says by itself that it found none.
PERSON, MEASURED = "Patient", "Observation"
_ABOUT = "patient={{context.patientId}}"
# Measured many times a day: together in one query, or a query each would be seven.
_SHORT = re.compile(r"P[12]D\Z|PT\d+H\Z")
_NEWEST_VITALS, _NEWEST, _WHOLE_LIST = 200, 50, 500

# A learnt model reads most of what is measured in a stay: all of it is asked for at once, in one query of its
# own, since a list of a hundred codes is longer than servers take, and the newest fifty are two hours of it.
MEASUREMENTS = "measurements"
_BROAD, _NEWEST_OF_ALL = 60, 2_000

# A search by code does not look inside components, and blood pressure comes as a panel
# (FHIR R4 vital signs profile: 85354-9, and the older 55284-4).
_PANELS = {"LOINC/8480-6": ("LOINC/85354-9", "LOINC/55284-4"), "LOINC/8462-4": ("LOINC/85354-9",)}


# Many servers keep apart which drug an order is for (FHIR R4 MedicationRequest, parameter `medication`).
_INCLUDED = {"MedicationRequest": "&_include=MedicationRequest:medication"}


@dataclass(frozen=True, slots=True)
class Query:
    """One prefetch template under `key`; required_by: the models that cannot answer without it.

    reads: each model that reads something of it, with the name of what it reads.
    """

    key: str
    template: str
    required_by: frozenset[str] = frozenset()
    reads: frozenset[tuple[str, str]] = frozenset()

    @property
    def resource(self) -> str:
        """The type of what it asks for."""
        return re.split(r"[?/]", self.template)[0]

    @property
    def searches(self) -> bool:
        """Whether it asks for a list, and not for one resource by its id."""
        return "?" in self.template


@lru_cache(maxsize=64)
def queries(cards: tuple[Card, ...]) -> tuple[Query, ...]:
    """Return the queries that bring every need of `cards`, each code once, the patient first."""
    needs = [(card.name, need) for card in cards for need in card.needs]
    if not needs:
        return ()
    every = frozenset(name for name, _ in needs)
    found = [Query(PATIENT, "Patient/{{context.patientId}}", every, _reads(needs, PERSON))]
    lists = sorted({need.resource for _, need in needs} - {"Patient", "Observation"})
    found += [_list(resource, needs) for resource in lists]
    return (*found, *_observations([pair for pair in needs if pair[1].resource == "Observation"]))


def _list(resource: str, needs: Sequence[tuple[str, Need]]) -> Query:
    """Ask for the whole list, without codes: absent is "no" only where the list itself is known."""
    requiring = frozenset(name for name, need in needs if need.resource == resource and need.required)
    # Types whose patient search parameter is the only way in; sorting by date is not defined for all of them.
    key = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", resource).lower()
    template = f"{resource}?{_ABOUT}&_count={_WHOLE_LIST}{_INCLUDED.get(resource, '')}"
    return Query(key, template, requiring, _reads(needs, resource))


def _reads(needs: Iterable[tuple[str, Need]], resource: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, need.name) for name, need in needs if need.resource == resource)


def _observations(needs: list[tuple[str, Need]]) -> list[Query]:
    broad = [pair for pair in needs if len(pair[1].codes) > _BROAD]
    groups = _joined([pair for pair in needs if pair not in broad])
    short = [group for group in groups if all(_SHORT.match(need.within) for _, need in group)]
    queries = [_observation("vital-signs", list(chain(*short)), _NEWEST_VITALS)] if short else []
    rest = [group for group in groups if group not in short]
    queries += [_observation(_slug(group[0][1].name), group, _NEWEST) for group in rest]
    return [*queries, _all_of(broad)] if broad else queries


def _all_of(broad: list[tuple[str, Need]]) -> Query:
    required = frozenset(name for name, need in broad if need.required)
    template = f"Observation?{_ABOUT}&_sort=-date&_count={_NEWEST_OF_ALL}"
    return Query(MEASUREMENTS, template, required, _reads(broad, MEASURED))


def _joined(needs: list[tuple[str, Need]]) -> list[list[tuple[str, Need]]]:
    """Put needs that share a code into one group, so that no code is asked for twice."""
    groups: list[list[tuple[str, Need]]] = []
    for pair in needs:
        shared = [group for group in groups if _codes(group) & set(pair[1].codes)]
        groups = [group for group in groups if group not in shared]
        groups.append([*chain(*shared), pair])
    return groups


def _codes(group: list[tuple[str, Need]]) -> set[str]:
    return {code for _, need in group for code in need.codes}


def _observation(key: str, group: list[tuple[str, Need]], count: int) -> Query:
    codes = dict.fromkeys(code for _, need in group for code in need.codes)
    codes |= dict.fromkeys(panel for code in codes for panel in _PANELS.get(code, ()))
    wanted = ",".join("|".join(uri(code)) for code in codes)
    coded = f"&code={wanted}" if wanted else ""
    required = frozenset(name for name, need in group if need.required)
    template = f"Observation?{_ABOUT}{coded}&_sort=-date&_count={count}"
    return Query(key, template, required, _reads(group, MEASURED))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def missing(asked: Iterable[Query], sent: Mapping[str, bool]) -> tuple[Query, ...]:
    """Return the queries that were not answered; sent: key → whether it holds something usable."""
    return tuple(query for query in asked if not sent.get(query.key, False))


def nothing_to_go_on(asked: Iterable[Query], lacking: Iterable[Query], models: Iterable[str]) -> bool:
    """Whether what is lacking keeps every one of `models` from answering: no patient, or only the patient."""
    gone = {query.key for query in lacking}
    rest = {query.key for query in asked} - {PATIENT}
    hindered: frozenset[str] = frozenset().union(*(query.required_by for query in lacking))
    return hindered >= frozenset(models) or (bool(rest) and rest <= gone)
