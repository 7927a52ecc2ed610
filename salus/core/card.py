"""Card: what a model is, for whom, on what evidence; shown wherever its insights are shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from salus.core.insight import Urgency


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of evidence that a model asks for; prefetch templates and searches are made from it.

    name: as a clinician says it ("respiratory rate"). resource: the FHIR R4 type. codes: as in
    Event (empty: the whole list of that type). within: how far back it looks, as an ISO 8601
    duration (``P1D``; "" for ever). required: without it the model abstains.
    """

    name: str
    resource: str
    codes: tuple[str, ...] = ()
    within: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the action table: from `at_least` on (in the score's unit), this urgency and advice."""

    at_least: float
    urgency: Urgency | None
    says: str


@dataclass(frozen=True, slots=True)
class Measured:
    """How the model does in one group, as published or measured; `source` says where. of: what `n` counts."""

    group: str
    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    source: str = ""
    of: str = "people"


@dataclass(frozen=True, slots=True)
class Card:
    """What a model is. `sources` cites every constant by paper, table or clause.

    hooks: CDS Hooks at which it has something to say. actions: ascending by `at_least`.
    status: the status that it ships with; an archive keeps its own. package: the outside distribution that it
    comes from, with its version; "" in a room of the house. Salus fills it in, whatever the model says.
    """

    name: str
    version: str
    asks: str
    meant_for: str
    not_for: str
    needs: tuple[Need, ...]
    actions: tuple[Action, ...]
    owner: str
    sources: tuple[str, ...]
    measures: tuple[Measured, ...] = ()
    hooks: tuple[str, ...] = ("patient-view",)
    status: str = "validated"
    title: str = ""
    licence: str = "Apache-2.0"
    notes: tuple[str, ...] = field(default=())
    package: str = ""

    def action(self, score: float) -> Action | None:
        """Return the row of the action table that `score` falls into, or None below the first."""
        found = [row for row in self.actions if score >= row.at_least]
        return found[-1] if found else None
