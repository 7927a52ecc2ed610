"""Consult: evidence in, a view by consent, each model asked, every answer written down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from salus.core.addresses import parted
from salus.core.codes import DEATH
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.errors import EvidenceError, SalusError, UserError
from salus.core.evidence import UNREADABLE, Timeline
from salus.core.insight import Abstention, Insight, ModelRef, Reason
from salus.core.registry import model as find_model
from salus.core.seams import Model, View
from salus.privacy.gate import NOT_AVAILABLE, cut, open_view
from salus.spine.adopted import models_of
from salus.spine.bring import plural
from salus.spine.models import LIVE, statuses
from salus.spine.moment import dated_ahead, last_known
from salus.spine.permits import Request, request, unseen
from salus.spine.shape import as_json

if TYPE_CHECKING:
    from salus.record.archive import Archive
    from salus.spine.site import Site
    from salus.store.store import Transaction

_log = logging.getLogger("salus.consult")


# Given the ranked answers: under which key each insight is shown to the actor, so that a review finds it.
Shown = Callable[[list[Insight]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """One subject's evidence as it stood at an instant, which it is asked about; and when it was whole.

    whole_at: the last moment at which something became known; None: nothing tells that it was not whole.
    """

    timeline: Timeline
    as_of: datetime
    whole_at: datetime | None


def consult(
    site: Site,
    *,
    actor: Actor,
    subject: str | None = None,
    evidence: Timeline | None = None,
    asks: Sequence[str] | None = None,
    purpose: str = DIRECT_CARE,
    as_of: datetime | None = None,
    live_only: bool = True,
    shown: Shown | None = None,
) -> list[Insight]:
    """Ask each model in `asks` (default: every live one) about one subject; most urgent answer first.

    subject: one in the archive; or evidence: a Timeline that was brought (of that subject, where both are
    given). as_of: default the end of that record. live_only: a model that is not live here answers with an
    Abstention. shown: how the answers reach the actor; kept with them.
    Raises UserError for an unknown subject or model, or evidence of another subject; RefusedError when the
    gate says no; AwayError when the answers cannot be written down: what is not on record is not given.
    """
    for name in asks or ():
        find_model(name)
    to = request(site, actor, purpose)
    question = _question(site, subject, evidence, as_of, to)
    (answers,) = consult_many(
        site, [question], actor=actor, asks=asks, purpose=purpose, live_only=live_only, shown=shown
    )
    return answers


def consult_many(
    site: Site,
    questions: Sequence[Question],
    *,
    actor: Actor,
    asks: Sequence[str] | None = None,
    purpose: str = DIRECT_CARE,
    live_only: bool = True,
    shown: Shown | None = None,
) -> list[list[Insight]]:
    """Ask about many subjects, and write all of it down in one transaction."""
    chosen = _chosen(site, asks, live_only)
    now = site.now()
    to = request(site, actor, purpose)
    opened = [_opened(question, to) for question in questions]
    views = [one.view for one in opened]
    answers = [
        [
            _named(site, replace(insight, limits=(*insight.limits, *said)))
            for insight in _answers(chosen, one.view)
        ]
        if one.speaks
        else []
        for one, said in zip(opened, (_ahead(question, now) for question in questions), strict=True)
    ]
    ranked = [sorted(insights, key=lambda insight: insight.rank) for insights in answers]
    with site.store.begin() as tx:
        tx.recall(insight.id for insights in answers for insight in insights)
        for view, insights in zip(views, answers, strict=True):
            _write_down(tx, now, actor, view, insights)
        for insights in ranked if shown else ():
            assert shown is not None
            tx.put_hook_cards(shown(insights), actor.id, now, actor.client)
    if asks is None:
        return ranked
    pairs = zip(opened, ranked, strict=True)
    return [insights if one.speaks else _nothing(chosen, one.view) for one, insights in pairs]


def _nothing(chosen: list[tuple[Model, bool]], view: View) -> list[Insight]:
    """Return what each model that was named answers where none may speak; nothing of it is kept."""
    return [_abstain(model, view, "not-available", NOT_AVAILABLE) for model, _ in chosen]


def unwritten(site: Site, question: Question, *, actor: Actor) -> list[Insight]:
    """Return what stands for the answers of the live models where the store cannot hold them: nobody's."""
    opened = _opened(question, request(site, actor, DIRECT_CARE))
    if not opened.speaks:
        return []
    view = opened.view
    says = "Its answer cannot be written down, and is not given: an entry of this record has an odd name."
    chosen = _chosen(site, None, live_only=True)
    return [_named(site, _abstain(model, view, "not-available", says)) for model, _ in chosen]


class _Opened(NamedTuple):
    """What a model may see of a subject, and whether any model may speak of it at all."""

    view: View
    speaks: bool


def _opened(question: Question, to: Request) -> _Opened:
    """Open the view of one question, by what is permitted now."""
    subject = question.timeline.subject
    rule = to.said.machine(subject, to.actor, to.purpose)
    basis = f"{rule.basis}; view {to.said.mark(subject, rule, to.actor)}"
    asked = (question.timeline, to.actor, to.purpose, question.as_of, question.whole_at)
    view = open_view(*asked, basis=basis, rule=rule)
    return _Opened(view, rule.constant is not False)


def _question(
    site: Site, subject: str | None, evidence: Timeline | None, as_of: datetime | None, to: Request
) -> Question:
    if evidence is not None:
        _refuse_another(subject, evidence)
        now = site.now()
        seen = cut(evidence, to.rule(evidence.subject))
        last = last_known(seen, now)
        return Question(seen, as_of or last or now, last)
    if subject is None or not subject.strip():
        raise UserError("Say whom to ask about: a subject in the archive, or evidence that you bring.")
    return archived(site, _named_subject(site, subject), as_of, to)


def archived(site: Site, subject: str, as_of: datetime | None, to: Request) -> Question:
    """Return what may be seen of `subject` in the archive as it stood at `as_of` (default: the end of that).

    Raises UserError for an unknown subject; for one who may not be seen, the same one.
    """
    whole = site.archive.timeline(subject)
    rule = to.rule(whole.subject)
    if rule.constant is False:
        raise unseen(subject)
    return as_it_stood(site.archive, cut(whole, rule), as_of, site.now())


def as_it_stood(archive: Archive, whole: Timeline, as_of: datetime | None, now: datetime) -> Question:
    """Return what `whole`, (what is seen of) a timeline of `archive`, was at `as_of` (default: its end)."""
    last = last_known(whole, now)
    at = as_of or last or now
    return Question(archive.stood(whole, at), at, last)


def _refuse_another(subject: str | None, evidence: Timeline) -> None:
    """Refuse evidence of somebody else than the subject that was named: an answer about whom?

    By an identifier nobody can be compared: the archive may know it, and the evidence need not be there.
    """
    if subject is None:
        return
    told = subject if "/" in subject else f"Patient/{subject}"
    if "|" in subject or evidence.subject not in (subject, told):
        raise UserError(
            "The evidence that you bring is of another subject than the one that you name. Leave one of the "
            "two out, or name the subject as the evidence does."
        )


def _named_subject(site: Site, told: str) -> str:
    """Return the subject that `told` names: ``Patient/ID``, ``ID``, or ``SYSTEM|IDENTIFIER``."""
    if "|" not in told:
        return told
    found = site.archive.find(told.removeprefix("|"))
    if len(found) != 1:
        many = f"{len(found)} people have" if found else "Nobody in this archive has"
        raise UserError(f"{many} that identifier: name the subject as Patient/ID.")
    return found[0]


def _chosen(site: Site, asks: Sequence[str] | None, live_only: bool) -> list[tuple[Model, bool]]:
    """Return the models to ask, each with whether it may answer."""
    live = {name for name, row in statuses(site).items() if row.status == LIVE}
    every = models_of(site)
    if asks is None:
        return [(every[name], True) for name in every if name in live or not live_only]
    return [(every[find_model(name).card.name], name in live or not live_only) for name in asks]


def _answers(chosen: list[tuple[Model, bool]], view: View) -> Iterator[Insight]:
    for model, may_answer in chosen:
        yield (
            _ask(model, view)
            if may_answer
            else _abstain(
                model, view, "not-available", f"{model.card.name} is not live here: it was not asked."
            )
        )


def _ask(model: Model, view: View) -> Insight:
    """Ask one model; whatever goes wrong inside it becomes an Abstention and stops nothing else."""
    if view.timeline.last((DEATH,)) is not None:
        return _abstain(model, view, "not-eligible", "This person is recorded as having died.")
    try:
        insight = model.predict(view)
    except EvidenceError as error:
        return _abstain(model, view, "missing-evidence", str(error))
    except SalusError as error:
        return _abstain(model, view, "not-available", str(error))
    except Exception as error:
        # The text of a foreign error may hold a patient's value: only its type is logged.
        return _failed(model, view, type(error).__name__)
    if not isinstance(insight, Insight):
        return _failed(model, view, "no insight")
    return _held_to_view(model, view, insight)


def _failed(model: Model, view: View, how: str) -> Insight:
    _log.error("model %s failed: %s", model.card.name, how)
    return _abstain(model, view, "not-available", f"{model.card.name} failed and gave no answer.")


def _pointing(reason: Reason) -> Reason:
    """Return a reason without the sign of a list that came in part: there is no resource to point at."""
    evidence = tuple(source for source in reason.evidence if "/" in source)
    return reason if len(evidence) == len(reason.evidence) else replace(reason, evidence=evidence)


def _held_to_view(model: Model, view: View, insight: Insight) -> Insight:
    """A reason that points outside the View would be a claim that nobody can check: refuse the answer."""
    inside = {event.source for event in view.timeline}
    insight = replace(insight, reasons=tuple(map(_pointing, insight.reasons)))
    named = {source for reason in insight.reasons for source in reason.evidence}
    if not named <= inside:
        _log.error("model %s gave a reason outside its view", model.card.name)
        return _abstain(
            model, view, "not-available", f"{model.card.name} gave a reason that is not in the record."
        )
    # Whatever it says of itself: the answer is of this model, on this subject, at this instant.
    mine = ModelRef(model.card.name, model.card.version)
    return replace(
        insight, model=mine, asks=model.card.asks, permit=view.permit, subject=view.subject, as_of=view.as_of,
        limits=(*insight.limits, *_unreadable(view)),
    )  # fmt: skip


# So many entries are named; a broken export may refuse thousands.
_NAMED = 3


def _unreadable(view: View) -> tuple[str, ...]:
    """Say what of the record was refused when it was read: no model keeps silent about it."""
    found = dict.fromkeys(event.source for event in view.timeline if event.status == UNREADABLE)
    refused = [source for source in found if "/" in source]
    said = [f"Of the list of {plural(kind)} only a part came." for kind in found if kind not in refused]
    if refused:
        said.append(f"{_many(refused)} of this record could not be read: {_first(refused)}.")
    return tuple(said)


def _ahead(question: Question, now: datetime) -> tuple[str, ...]:
    """Say what is left out of the present because it carries a later date: it may be what matters most."""
    found = dated_ahead(question.timeline, question.as_of, now, question.whole_at)
    if not found:
        return ()
    were = "is dated after this moment and was" if len(found) == 1 else "are dated after this moment and were"
    return (f"{_many(found)} of this record {were} not used: {_first(found)}.",)


def _many(found: Collection[str]) -> str:
    return "1 entry" if len(found) == 1 else f"{len(found)} entries"


def _first(found: Collection[str]) -> str:
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{', '.join([*found][:_NAMED])}{more}"


def _abstain(model: Model, view: View, why: str, says: str) -> Insight:
    card = model.card
    return Insight(
        subject=view.subject,
        model=ModelRef(card.name, card.version),
        asks=card.asks,
        as_of=view.as_of,
        body=Abstention(why, says),
        limits=(says,),
        permit=view.permit,
    )


def document(insight: Insight) -> bytes:
    """Return the canonical bytes of `insight` without its id: what the ledger commits to."""
    import msgspec

    return msgspec.json.encode({**as_json(insight), "id": ""}, order="sorted")


def _leans_on(insight: Insight) -> tuple[str, ...]:
    """Return what `insight` leans on, each once; of another server's patient, by its whole address."""
    server, _ = parted(insight.subject)
    found = dict.fromkeys(source for reason in insight.reasons for source in reason.evidence)
    return tuple(f"{server}/{source}" if server else source for source in found)


def _named(site: Site, insight: Insight) -> Insight:
    return replace(insight, id=site.insight_id(document(insight)))


def _write_down(tx: Transaction, now: datetime, actor: Actor, view: View, insights: list[Insight]) -> None:
    asked = {
        "subject": view.subject,
        "purpose": view.purpose,
        "as_of": view.as_of.isoformat(),
        "permit": view.permit,
        "insights": sorted(insight.id for insight in insights),
        **({"client": actor.client} if actor.client else {}),
    }
    tx.append(now, actor.id, "look", asked)
    for insight in insights:
        sources = _leans_on(insight)
        body = document(insight)
        ref = insight.model
        fresh = tx.put_insight(
            insight.id, insight.subject, ref.name, ref.version, insight.as_of, body, sources
        )
        if fresh:
            tx.append(now, actor.id, "insight", {"id": insight.id})
