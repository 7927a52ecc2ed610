"""Asked: a guideline's model put to each case of a trial, as things were known then, for nobody's treatment.

A score whose inputs are not all known gives a range, and both its ends are kept. Nothing is written into the
ledger of the answers themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from salus.core.consent import Actor
from salus.core.errors import UserError
from salus.core.insight import Abstention, Estimate, Finding, Insight, Risk
from salus.core.seams import Model
from salus.learning.task import Case
from salus.privacy.gate import open_view
from salus.privacy.permits import Rules
from salus.spine.consult import Question, as_it_stood
from salus.spine.site import holds_records

Record = Callable[[Case], Question]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one case. low, high: the ends of the score; None: there is none."""

    low: float | None
    high: float | None
    abstained: bool


def records(place: str) -> Record:
    """Return what gives the record of a case as it stood at its moment, from the archive at `place`."""
    from salus.record.archive import Archive

    folder = Path(place)
    if not holds_records(folder):
        raise UserError(
            f"A guideline's model is judged on an archive: read '{place}' into one with 'salus read'."
        )
    archive = Archive.open(folder)
    whole, now = lru_cache(maxsize=8)(archive.timeline), datetime.now(UTC)
    return lambda case: as_it_stood(archive, whole(case.subject), case.moment, now)


def answers(
    model: Model,
    cases: Iterable[Case],
    record: Record,
    rules: Rules,
    *,
    actor: Actor,
    purpose: str,
    basis: str,
) -> list[Answer]:
    """Ask `model` about each of `cases` at its moment; the gate cuts each record to what was known then, and
    is open.
    """
    found = []
    for case in cases:
        asked = record(case)
        rule = rules.of.get(asked.timeline.subject, rules.otherwise)
        view = open_view(asked.timeline, actor, purpose, asked.as_of, asked.whole_at, basis=basis, rule=rule)
        found.append(_ends(model.predict(view)))
    return found


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
