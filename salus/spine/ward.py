"""The ward: every subject in the archive, asked about by every live model, most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from salus.core.consent import DIRECT_CARE, Actor
from salus.core.errors import UserError
from salus.core.insight import Insight, Urgency
from salus.privacy.gate import refuse_nobody
from salus.spine.adopted import actions
from salus.spine.called import called_for
from salus.spine.consult import Question, archived, consult_many, unwritten
from salus.spine.kept import last_answers
from salus.spine.permits import Request, request, seen_by

if TYPE_CHECKING:
    from salus.spine.site import Site

# A model that failed, or was away, may answer soon: what was said without it is kept no longer than this.
_KEPT_WITHOUT = timedelta(minutes=1)
# Subjects whose answers share one transaction: few enough to stay small in memory.
_BATCH = 64


@dataclass(frozen=True, slots=True)
class WardRow:
    """One subject: what was said, the most pressing first; and the person, as archived.

    dated: whether any evidence tells when it was; without it `as_of` is the moment of asking. kept: what the
    models that failed last said of them.
    """

    subject: str
    as_of: datetime
    insights: tuple[Insight, ...]
    person: Any = None
    dated: bool = True
    kept: tuple[Insight, ...] = ()

    @property
    def first(self) -> Insight | None:
        """The insight that places the row."""
        return leading(self.insights, self.kept)

    @property
    def urgency(self) -> Urgency | None:
        """How urgent; None: no action follows, or it cannot be judged."""
        return called_for(self.first) if self.first else None

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key of the row, most urgent first."""
        return attention(self.first) if self.first else (10.0, 0.0)

    @property
    def abstentions(self) -> int:
        """How many models that apply could not judge."""
        return sum(not insight.judged and insight.applies for insight in self.insights)


class _Kept(NamedTuple):
    """The answers of a ward: to which question, until when they hold, and themselves by the subject and how
    much of the record was seen.
    """

    key: tuple[object, ...]
    until: datetime
    rows: dict[tuple[str, str], WardRow]


def attention(insight: Insight) -> tuple[float, float]:
    """Return how soon `insight` asks for attention on a ward, lowest first.

    "Cannot judge" stands before routine when the model could have said now or today: the patient may be
    ill and nobody looked. A model that never speaks of haste does not push an answer aside by not answering.
    """
    if insight.judged or not insight.applies:
        return insight.rank
    # What is known already calls for somebody: no missing input takes that away.
    pressing = called_for(insight)
    if pressing is not None:
        return (float(pressing.rank), 0.0)
    worst = _worst(insight)
    place = insight.rank[0] if worst <= Urgency.TODAY.rank else Urgency.ROUTINE.rank + 0.5
    return (place, float(worst))


def leading(insights: Sequence[Insight], kept: Sequence[Insight]) -> Insight | None:
    """Return what places a patient: the most pressing answer, or a more pressing last one of a failed model.

    What was still true when it was said must not vanish because a model fails: nobody is ranked lower by it.
    """
    last = [insight for insight in kept if insight.judged]
    return min((*insights, *last), key=attention, default=None)


def unsure(insights: Sequence[Insight], kept: Sequence[Insight]) -> tuple[str, ...]:
    """Return the models that failed and could have placed the patient higher than now."""
    first = leading(insights, kept)
    place = attention(first)[0] if first else 10.0
    return tuple(one.model.name for one in insights if one.failed and _worst(one) < place)


def _worst(insight: Insight) -> int:
    """Return the rank of the most urgent thing that the model can say."""
    return min((one.rank for one in actions(insight.model)), default=Urgency.ROUTINE.rank)


def ward(
    site: Site,
    *,
    actor: Actor,
    as_of: datetime | None = None,
    progress: Callable[..., Any] | None = None,
) -> list[WardRow]:
    """Return a row for every subject that `actor` may see, most urgent first.

    as_of: default the end of each subject's own record. Answers are kept until records, approvals or
    reviews of models change, or for a minute where a model failed; a look at the ward is written down each
    time.
    Raises RefusedError when nobody in particular asks, whether answers are kept or not.
    """
    from salus.spine.models import statuses

    refuse_nobody(actor)
    approvals = tuple((row.name, row.version, row.status, row.digest) for row in statuses(site).values())
    key = ("ward", site.archive.generation, approvals, as_of)
    kept: _Kept | None = site.memory.get("ward")
    if kept is None or kept.key != key or site.now() >= kept.until:
        kept = _Kept(key, datetime.max.replace(tzinfo=UTC), {})
    to = request(site, actor, DIRECT_CARE)
    seen = dict(_seen(site, to))
    fresh = [subject for subject, mark in seen.items() if (subject, mark) not in kept.rows]
    for row in _rows(site, fresh, to, as_of, progress):
        kept.rows[row.subject, seen[row.subject]] = row
    site.memory["ward"] = kept._replace(until=min(kept.until, _kept_until(site, kept.rows.values())))
    if len(fresh) < len(seen):
        with site.store.begin() as tx:
            tx.append(site.now(), actor.id, "look", {"ward": len(seen)})
    return sorted((kept.rows[each] for each in seen.items()), key=lambda row: row.rank)


def _seen(site: Site, to: Request) -> Iterator[tuple[str, str]]:
    """Yield whom the actor may see, each with a mark of how much: who sees as much, hears the same."""
    for subject in site.archive.subjects():
        if to.rule(subject).constant is not False:
            rule = to.said.machine(subject, to.actor, to.purpose)
            yield subject, "" if rule.constant else to.said.mark(subject, rule, to.actor)


def _kept_until(site: Site, rows: Iterable[WardRow]) -> datetime:
    """Return until when these answers hold, if nothing else changes."""
    failed = any(insight.failed for row in rows for insight in row.insights)
    return site.now() + _KEPT_WITHOUT if failed else datetime.max.replace(tzinfo=UTC)


def _rows(
    site: Site,
    subjects: Sequence[str],
    to: Request,
    as_of: datetime | None,
    progress: Callable[..., Any] | None,
) -> Iterator[WardRow]:
    seen = seen_by(site, to.actor)
    archive, rest = site.archive, iter(progress(subjects) if progress else subjects)
    while batch := list(islice(rest, _BATCH)):
        questions = [archived(site, subject, as_of, to) for subject in batch]
        answers = _answers(site, questions, to.actor)
        for subject, asked, insights in zip(batch, questions, answers, strict=True):
            said = tuple(sorted(insights, key=attention))
            dated = asked.whole_at is not None
            kept = last_answers(site, said, seen)
            yield WardRow(subject, asked.as_of, said, archive.person(subject), dated, kept)


def _answers(site: Site, questions: Sequence[Question], actor: Actor) -> list[list[Insight]]:
    """Return the answers about each; whose cannot be written down keeps nobody else's from being shown."""
    try:
        return consult_many(site, questions, actor=actor)
    except UserError:
        if len(questions) > 1:
            return [found for each in questions for found in _answers(site, [each], actor)]
        return [unwritten(site, questions[0], actor=actor)]
