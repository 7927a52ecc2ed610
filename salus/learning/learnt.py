"""Learnt: a model whose answer is looked up in its artefact, for one patient, from what a View shows.

For rooms: a task, the place of its artefact, and the words of its card make a model. What is hidden widens
the answer, what was never measured counts as the artefact learnt it, and who is unlike the people it learnt
from is not judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from salus.core.card import Action, Card, Measured, Need
from salus.core.codes import BIRTH, DEATH, SEX
from salus.core.errors import EvidenceError
from salus.core.evidence import UNREADABLE, Absence, Event, Timeline
from salus.core.insight import Abstention, Body, Estimate, Insight, ModelRef, Outcome, Reason, Risk, Urgency
from salus.core.seams import View
from salus.learning import apart, novelty, score
from salus.learning.artefact import Artefact, fits, load, loads
from salus.learning.features import AGE, Vector, measured
from salus.learning.learnt_words import Judged, frequency, limits, not_yet, own_of_groups, reasons
from salus.learning.parameters import Category, Parameter
from salus.learning.task import GROUP, Case, Excluded, Task

# A range that holds the threshold and is wider than this, upper end by lower, supports neither action.
TOO_WIDE = 2.0
# Said where nothing is open any more: what became of it stands in the record itself.
DIED = "The record says that this person has died: nothing is left to foresee."
ON_RECORD = "What became of it is on record by now: nothing is left to foresee."
OLD = "What it looked at was long ago: how this patient is now tells more, and nothing follows from it alone."
OVER = "The time it looks ahead to is over by now, and what became of it is not on record."
# So many groups that are too small are named on a card.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class CardParts:
    """What only a room can say of a learnt model; the rest of its card is the task's and the artefact's.

    below, above: what follows below the threshold, and from it on, with `urgency`. begins: said where nothing
    on record begins a case ("No stay in intensive care is on record."). fresh: for how long after its moment
    an answer asks for action; None: for as long as it is given.
    """

    title: str
    meant_for: str
    not_for: str
    needs: tuple[Need, ...]
    owner: str
    sources: tuple[str, ...]
    below: str
    above: str
    urgency: Urgency = Urgency.TODAY
    begins: str = "Nothing on record begins a case that this question is asked of."
    licence: str = "Apache-2.0"
    hooks: tuple[str, ...] = ("patient-view",)
    notes: tuple[str, ...] = ()
    fresh: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model that was learnt. The artefact at `path` is read when it is first needed."""

    task: Task
    path: Path
    parts: CardParts
    # What was read, once: the artefact, or why it was refused; and the card.
    _read: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False, hash=False)

    def with_artefact(self, raw: bytes, place: str = "artefact", version: str = "") -> Learnt:
        """Return the same model with an artefact of a site's own. Raises EvidenceError where it is none.

        version: what the model is called with it; "": as the artefact says.
        """
        return self._with(_fitting(loads(raw, place), self.task, place), version)

    def without_artefact(self, why: EvidenceError, version: str) -> Learnt:
        """Return the same model in that version, abstaining: what it answered by cannot be used."""
        return self._with(why, version)

    def _with(self, found: Artefact | EvidenceError, version: str) -> Learnt:
        own = Learnt(self.task, self.path, self.parts)
        card = _card(self.task, found, self.parts)
        own._read["artefact"] = found
        own._read["card"] = replace(card, version=version) if version else card
        return own

    @property
    def card(self) -> Card:
        """What the model is; without an artefact it says so."""
        if "card" not in self._read:
            self._read["card"] = _card(self.task, self.artefact(), self.parts)
        card: Card = self._read["card"]
        return card

    def artefact(self) -> Artefact | EvidenceError:
        """Return the artefact, or the error that says why there is none that can be used."""
        if "artefact" not in self._read:
            self._read["artefact"] = self._shipped()
        found: Artefact | EvidenceError = self._read["artefact"]
        return found

    def _shipped(self) -> Artefact | EvidenceError:
        if not self.path.is_file():
            train = f"salus train {self.task.name} --on PLACE --out DIR"
            return EvidenceError(f"nothing was learnt for it here. Train it on your own records: {train}.")
        try:
            return _fitting(load(self.path), self.task, self.path.name)
        except EvidenceError as error:
            return error

    def predict(self, view: View) -> Insight:
        """Answer with a Risk; an Abstention where the question cannot be asked, or not yet, or not of these
        people.
        """
        case = _case(self.task, view)
        if not isinstance(case, Case):
            return self._said(view, self._no_case(view, case))
        over = _over(case, view)
        if over:
            return self._said(view, Abstention("not-eligible", over))
        found = self.artefact()
        if isinstance(found, EvidenceError):
            return self._said(view, Abstention("not-available", f"It has nothing to judge by: {found}"))
        if case.moment > view.as_of:
            return self._said(view, not_yet(case, view))
        judged = _judged(self.task, found, self.parts, case, view)
        body = _body(self.task, judged)
        old = self.parts.fresh is not None and view.as_of - case.moment > self.parts.fresh
        urgency = None
        if isinstance(body, Risk) and not old:
            urgency = self.parts.urgency if judged.may_flag else Urgency.ROUTINE
            body = replace(body, says=f"{body.says}{_otherwise(judged, self.parts)}")
        said = (*((OLD,) if old else ()), *limits(self.task, judged))
        return self._said(view, body, urgency, reasons(judged), said)

    def _no_case(self, view: View, excluded: Excluded | None) -> Abstention:
        unknown = tuple(_unknown(view.timeline))
        # What begins a case stands among what the model cannot do without.
        needed = {need.resource for need in self.parts.needs if need.required}
        if "Encounter" in {one.kind for one in unknown} or _in_part(unknown) & (needed or _in_part(unknown)):
            says = "A part of the record came in no form to be read: whether it can be asked is not known."
            return Abstention("missing-evidence", says, ("the whole record",))
        if excluded is None:
            return Abstention("not-eligible", self.parts.begins)
        return Abstention("not-eligible", f"This question is not asked here: {excluded.why}.")

    def _said(
        self,
        view: View,
        body: Body,
        urgency: Urgency | None = None,
        why: tuple[Reason, ...] = (),
        said: tuple[str, ...] = (),
    ) -> Insight:
        card = self.card
        model = ModelRef(card.name, card.version)
        return Insight(view.subject, model, card.asks, view.as_of, body, urgency, why, said, view.permit)


def shipped(task: Task, room: str, parts: CardParts) -> Learnt:
    """Return the model whose artefact ships with a room (``risk``), under the name of its task."""
    folder = files(f"salus.{room}") / "artefacts"
    return Learnt(task, Path(str(folder)) / f"{task.name.replace('-', '_')}.json", parts)


def _fitting(found: Artefact, task: Task, place: str) -> Artefact:
    fits(found, task, place)
    return found


def _case(task: Task, view: View) -> Case | Excluded | None:
    """Return the newest of which the record tells, a case or why it is none: an older one is over."""
    # Most tasks name every code: then the timeline finds them without a look at each of thousands of events.
    told = (
        view.timeline.where(test=lambda event: any(map(task.is_milestone, event.codes)))
        if task.stems
        else view.timeline.where(task.milestones)
    )
    found = list(task.cases(told))
    return found[-1] if found else None


def _over(case: Case, view: View) -> str:
    """Say why nothing is open any more; "" where it is."""
    if view.timeline.first((DEATH,)) is not None:
        return DIED
    if case.outcome is not None:
        return ON_RECORD
    return OVER if case.until is not None and case.until <= view.as_of else ""


def _judged(task: Task, artefact: Artefact, parts: CardParts, case: Case, view: View) -> Judged:
    """Return everything that is worked out for a case."""
    seen = view.timeline.where(test=lambda event: not event.coded(task.leaks))
    asked = [one.feature for one in artefact.inputs]
    names = {name for one in artefact.inputs for name in one.parameters}
    names.update(group.parameter for group in task.groups)
    used = [parameter for parameter in task.parameters if parameter.name in names]
    vector = measured(seen, case.start, case.moment, used, [*asked, *task.told_apart()])
    vector = replace(vector, sources={**vector.sources, **_born(used, vector, seen)})
    kept_back = _hidden(used, vector, seen, parts)
    hidden = kept_back & frozenset(artefact.parameters())
    unlearnt = score.unlearnt(artefact, vector.values) - hidden
    hidden |= unlearnt
    group = _group(task, artefact, vector)
    told_by = apart.told_by(artefact, task)
    any_group = told_by in kept_back or (told_by in unlearnt and group is None)
    if any_group:
        hidden |= {told_by}
    answers = apart.variants(artefact) if any_group else (apart.of_group(artefact, group),)
    own = answers[0]
    scored = score.score(own, vector.values)
    spans = [score.spans(one, vector.values, hidden) if hidden else (scored.probability,) * 2
             for one in answers]  # fmt: skip
    strange = novelty.judged(artefact.novelty, vector.values, hidden)
    return Judged(
        view, own, case, vector, hidden, unlearnt, scored,
        low=min(low for low, _ in spans),
        high=max(high for _, high in spans),
        may_rest=any(low < one.threshold for one, (low, _) in zip(answers, spans, strict=True)),
        may_flag=any(high >= one.threshold for one, (_, high) in zip(answers, spans, strict=True)),
        strange=strange,
        whole=artefact,
        group=None if any_group else group,
        any_group=any_group,
    )  # fmt: skip


def _group(task: Task, artefact: Artefact, vector: Vector) -> str | None:
    """Return the group by which the artefact tells this person apart; None where it does not, or cannot."""
    if artefact.apart is None:
        return None
    return apart.group_of(task, artefact.apart.by).named(vector.values[GROUP + artefact.apart.by])


def _otherwise(judged: Judged, parts: CardParts) -> str:
    """Say what follows by this group's own threshold, where the card's table would say something else."""
    if judged.may_flag is (judged.high >= judged.whole.threshold):
        return ""
    return f". {parts.above if judged.may_flag else parts.below}"


def _born(used: Iterable[Parameter], vector: Vector, seen: Timeline) -> dict[str, tuple[str, ...]]:
    """Return where the date of birth stands, for the age that was reckoned from it."""
    sources = tuple(dict.fromkeys(event.source for event in seen.where((BIRTH,))))
    return {one.name: sources for one in used if AGE in one.codes and not vector.sources[one.name]}


def _hidden(used: Iterable[Parameter], vector: Vector, seen: Timeline, parts: CardParts) -> frozenset[str]:
    """Return the parameters of which something is there, or may be, and is not shown."""
    unknown, born = tuple(_unknown(seen)), seen.first((BIRTH,)) is not None
    read = (one for one in used if not (born and AGE in one.codes))
    return vector.hidden | {one.name for one in read if _may_be_among(one, unknown, parts.needs)}


def _in_part(unknown: Iterable[Event]) -> frozenset[str]:
    """Return the resource types of which only a part of the list came (`salus.spine.bring.in_part`)."""
    return frozenset(event.kind for event in unknown if event.value is Absence.NOT_SENT)


def _unknown(timeline: Timeline) -> Iterator[Event]:
    """Yield what stands for entries of which nothing is known but their type: not sent, or refused whole."""
    return (one for one in timeline if one.status == UNREADABLE and one.codes == (one.kind,))


def _may_be_among(parameter: Parameter, unknown: Collection[Event], needs: Iterable[Need]) -> bool:
    """Whether a parameter may stand among entries of which nothing is known.

    One condition that cannot be read at all may be any; one such measurement of many leaves the others as
    they are, and is said beside every answer.
    """
    refused = {event.kind for event in unknown} - {"Observation"}
    return not _kinds(parameter, needs).isdisjoint(_in_part(unknown) | refused)


def _kinds(parameter: Parameter, needs: Iterable[Need]) -> frozenset[str]:
    """Return the resource types that a parameter is read from: those that the card's needs name for its
    codes, else a measurement from observations and an answer from what is needed as a whole list.
    """
    asked, codes = list(needs), frozenset(parameter.codes)
    named = {need.resource for need in asked if codes.intersection(need.codes)}
    if named or not isinstance(parameter, Category):
        return frozenset(named or {"Observation"})
    if SEX in codes:
        return frozenset({"Patient"})
    return frozenset(need.resource for need in asked if not need.codes) - {"Patient"}


def _body(task: Task, judged: Judged) -> Risk | Abstention:
    estimate = _estimate(judged)
    missing = tuple(sorted(judged.hidden))
    if judged.strange.why:
        says = f"It cannot judge people unlike those it learnt from. {judged.strange.why}"
        few = len(judged.strange.missing) > judged.artefact.novelty["missing"]
        return Abstention(
            "out-of-distribution", says, (*missing, *(judged.strange.missing if few else ())), estimate
        )
    if judged.may_rest and judged.may_flag and judged.high > TOO_WIDE * judged.low:
        says = f"Anything {frequency(estimate)} is possible: too much of the record is not available."
        return Abstention("missing-evidence", says, missing, estimate)
    # Words put "within" before it: only a length of time can stand there, and that is said once.
    within = task.horizon if task.horizon[:1].isdigit() and " within " not in task.outcome else ""
    gap = f"; not available: {', '.join(missing)}" if missing else ""
    count = frequency(estimate)
    says = f"{count[:1].upper()}{count[1:]} people like this one: {task.outcome}{gap}"
    return Risk((Outcome(task.outcome, estimate, within),), says)


def _estimate(judged: Judged) -> Estimate:
    if judged.low == judged.high:
        return Estimate(judged.low)
    return Estimate(None, "1", judged.low, judged.high, "missing-inputs")


def _card(task: Task, found: Artefact | EvidenceError, parts: CardParts) -> Card:
    card = Card(
        name=task.name,
        version=task.version,
        asks=task.asks,
        title=parts.title,
        meant_for=parts.meant_for,
        not_for=parts.not_for,
        needs=parts.needs,
        actions=(Action(0.0, None, "Nothing follows: the model is not available."),),
        owner=parts.owner,
        sources=parts.sources,
        licence=parts.licence,
        hooks=parts.hooks,
        notes=(*parts.notes, *task.limits),
    )
    if isinstance(found, EvidenceError):
        return replace(card, notes=(*card.notes, f"It is not available: {found}"))
    data = found.made.data
    trained = f"Learnt from: {data.title} ({data.cite}); licence {data.licence}"
    return replace(
        card,
        version=found.version,
        actions=(
            Action(0.0, Urgency.ROUTINE, parts.below),
            Action(found.threshold, parts.urgency, parts.above),
        ),
        sources=(*parts.sources, trained),
        measures=tuple(_measures(found)),
        notes=(*card.notes, *_provenance(found)),
    )


def _measures(found: Artefact) -> Iterator[Measured]:
    source = f"{found.made.data.title}, each case held out once when it was trained"
    for one in found.measures:
        group = f"{one.by}: {one.group}" if one.group != one.by else one.group
        told = (("AUROC", one.auroc), ("observed by expected", one.observed_expected))
        for measure, value in told:
            if value is not None:
                yield Measured(group, measure, value.value, value.low, value.high, one.n, source, "cases")


def _provenance(found: Artefact) -> Iterator[str]:
    made, data = found.made, found.made.data
    yield (
        f"Trained on {made.at[:10]} by {made.code} with seed {made.seed} from {data.n:,} cases of which "
        f"{data.events:,} had the outcome; {data.excluded:,} excluded. SHA-256 of the data: {data.digest}."
    )
    singles = len(found.terms) - len(found.pairs)
    yield f"It adds up {singles} terms and {len(found.pairs)} pairs: {found.shapes_of}"
    yield f"Threshold: {100 * found.threshold:.3g} %. {found.chosen}"
    if found.apart:
        yield own_of_groups(found.apart)
    few = [f"{one.by}: {one.group}" for one in found.measures if one.auroc is None]
    if few:
        more = f"; and {len(few) - _NAMED} groups more" if len(few) > _NAMED else ""
        yield f"Too few to judge: {'; '.join(few[:_NAMED])}{more}."
