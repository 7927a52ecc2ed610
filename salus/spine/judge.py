"""Judge: ask a guideline's model about each case of a trial, as things were known then, and keep what it
said.

A score whose inputs are not all known gives a range; it is judged twice, by its lower and by its upper ends.
Nothing is written into the ledger of the answers themselves: nobody is treated by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from salus.core.consent import Actor
from salus.core.evidence import Timeline
from salus.core.insight import Abstention, Estimate, Finding, Insight, Risk
from salus.core.seams import Model
from salus.learning.task import Case
from salus.privacy.gate import open_view

Record = Callable[[str, Case], Timeline]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one case. low, high: the ends of the score; None: there is none."""

    low: float | None
    high: float | None
    abstained: bool


def answers(
    model: Model, cases: Iterable[Case], record: Record, *, actor: Actor, purpose: str, basis: str
) -> list[Answer]:
    """Ask `model` about each of `cases` at its moment.

    record: gives the Timeline of a case's subject as it stood then; the gate cuts it to what was known.
    """
    found = []
    for case in cases:
        timeline = record(case.subject, case)
        view = open_view(timeline, actor, purpose, case.moment, _whole(timeline), basis=basis)
        found.append(_ends(model.predict(view)))
    return found


def _whole(timeline: Timeline) -> datetime | None:
    return max((event.known_at or event.time for event in timeline if event.time is not None), default=None)


def _ends(insight: Insight) -> Answer:
    body = insight.body
    estimate: Estimate | None = None
    if isinstance(body, Risk):
        estimate = body.outcomes[0].estimate
    elif isinstance(body, Finding | Abstention):
        estimate = body.estimate
    abstained = isinstance(body, Abstention)
    if estimate is None:
        return Answer(None, None, abstained)
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return Answer(low, high, abstained)
