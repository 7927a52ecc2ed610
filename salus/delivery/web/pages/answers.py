"""One answer as a page lays it out: the number first, why, what is not known, what was decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from salus.core.card import Card, Measured
from salus.core.insight import Abstention, Estimate, Insight, Outcome, Reason, Risk
from salus.core.review import OVERRIDE_REASONS, Review
from salus.delivery.web import pictures, words
from salus.delivery.web.forms import DONE
from salus.delivery.web.pictures import Bar, Icons
from salus.delivery.web.words import Tag
from salus.spine.adopted import OWN


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: its words, where in the record it stands, how much it weighs."""

    says: str
    sources: tuple[str, ...]
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class Number:
    """One further number of an answer: what of, within which time, how much, how sure."""

    of: str
    horizon: str
    amount: str
    sure: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A review as the page tells it."""

    by: str
    did: str
    because: str
    note: str
    told: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One insight as the page lays it out."""

    insight: Insight
    key: str
    title: str
    tag: Tag
    asks: str
    says: str
    headline: str
    lead: str
    sure: str
    icons: Icons | None
    numbers: tuple[Number, ...]
    why: tuple[Why, ...]
    unknown: tuple[Why, ...]
    act: str
    measured: tuple[str, ...]
    measured_by: tuple[str, ...]
    decisions: tuple[Decision, ...]
    stale: bool = False

    @property
    def adopted(self) -> bool:
        """Whether what answers was adopted here: whose people it was measured on its source says."""
        return OWN in self.insight.model.version

    @property
    def weighs(self) -> tuple[Why, ...]:
        """The reasons that moved the answer."""
        return tuple(why for why in self.why if why.bar)

    @property
    def informs(self) -> tuple[Why, ...]:
        """What was looked at and did not move it."""
        return tuple(why for why in self.why if not why.bar)

    @property
    def timed(self) -> bool:
        """Whether its further numbers are about a time ahead."""
        return any(number.horizon for number in self.numbers)

    @property
    def model(self) -> str:
        """The model and its version, as people name it."""
        return f"{self.title} {self.insight.model.version}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that could not be answered: why, what is missing, what is still possible.

    last: the urgency of what a model that failed last said; last_says: that, and how old it is.
    """

    key: str
    asks: str
    says: str
    missing: tuple[str, ...]
    still: str
    name: str
    model: str
    applies: bool
    tag: Tag
    last: Tag | None = None
    last_says: str = ""


def key(insight_id: str) -> str:
    """Return the id of an answer on its page."""
    return f"i-{insight_id[:12]}"


def decision(review: Review) -> Decision:
    """Return `review` in the words of the page."""
    because = OVERRIDE_REASONS.get(review.because, review.because)
    return Decision(
        review.by,
        DONE.get(review.decision, review.decision),
        because,
        review.note,
        review.told_patient,
        review.at,
    )


def answer(insight: Insight, card: Card | None, sex: str, reviews: Iterable[Review], stale: bool) -> Answer:
    """Return an insight as the page lays it out; `card` is that of its model, None where it is gone."""
    estimate = _estimate(insight)
    rows, alike = _measures(card, sex), _alike(insight)
    shown = pictures.icons(estimate) if estimate and isinstance(insight.body, Risk) else None
    return Answer(
        insight=insight,
        key=key(insight.id),
        title=(card.title or card.name) if card else insight.model.name,
        tag=words.tag(insight),
        asks=insight.asks,
        says=words.says(insight),
        headline=_headline(insight, estimate),
        lead=_lead(insight),
        sure=words.interval(estimate) if estimate else "",
        icons=shown,
        numbers=_numbers(insight),
        why=_why(insight.reasons),
        unknown=_unknown(insight),
        act=words.act(insight, card),
        measured=alike or tuple(measured(row, source=False) for row in rows),
        measured_by=tuple(dict.fromkeys(row.source for row in rows if row.source)),
        decisions=tuple(decision(review) for review in reviews if review.insight == insight.id),
        stale=stale,
    )


def _estimate(insight: Insight) -> Estimate | None:
    body = insight.body
    if isinstance(body, Risk):
        return body.outcomes[0].estimate
    return getattr(body, "estimate", None)


def _headline(insight: Insight, estimate: Estimate | None) -> str:
    """The answer in a few big words: a frequency for a risk, else what the model says."""
    if isinstance(insight.body, Risk) and estimate is not None:
        text = words.frequency(estimate)
        return text[:1].upper() + text[1:]
    return words.says(insight)


def _lead(insight: Insight) -> str:
    """What goes with the headline of a risk: whom it is about, what, within which time."""
    if not isinstance(insight.body, Risk):
        return ""
    first = insight.body.outcomes[0]
    within = f" within {first.horizon}" if first.horizon else ""
    return f"patients like this: {first.of}{within}"


def _number(outcome: Outcome) -> Number:
    return Number(
        outcome.of, outcome.horizon, words.amount(outcome.estimate), words.interval(outcome.estimate)
    )


def _numbers(insight: Insight) -> tuple[Number, ...]:
    """The numbers behind the first: further outcomes of a risk, parts of a finding."""
    body = insight.body
    if isinstance(body, Risk):
        return tuple(_number(outcome) for outcome in body.outcomes[1:])
    return tuple(_number(outcome) for outcome in getattr(body, "parts", ()))


_POINTS = re.compile(r": \d+( to \d+)? points?$")


def _why(reasons: Sequence[Reason]) -> tuple[Why, ...]:
    """The reasons that are known; a weight that the bar shows is not said twice."""
    known = tuple(reason for reason in reasons if reason.absent is None or _weighs(reason))
    return tuple(
        Why(_POINTS.sub("", reason.says) if bar else reason.says, reason.evidence, bar)
        for reason, bar in zip(known, pictures.bars(known), strict=True)
    )


def _weighs(reason: Reason) -> bool:
    """Whether what is absent moved the answer: a learnt model weighs that something was not measured."""
    return reason.unit in pictures.LOG_ODDS and abs(reason.weight) > pictures.NOTHING


def _unknown(insight: Insight) -> tuple[Why, ...]:
    """What is not known: each limit once, with the place in the record where an absent reason names one."""
    absent = [reason for reason in insight.reasons if reason.absent is not None and not _weighs(reason)]
    found = []
    for limit in (one for one in insight.limits if not _ALIKE.match(one)):
        same = [reason for reason in absent if limit.startswith(reason.says)]
        absent = [reason for reason in absent if reason not in same]
        found.append(Why(limit, same[0].evidence if same else (), None))
    return (*found, *(Why(reason.says, reason.evidence, None) for reason in absent))


# How a learnt model itself says that it does in the groups that this person is of (`salus.learning`).
_ALIKE = re.compile(r"(In|Too few to judge in) people like this one\b|For each 100 .* that it expected\b")


def _alike(insight: Insight) -> tuple[str, ...]:
    """How the model does in people like this one, in its own words; the heading is not said again."""
    found = [limit for limit in insight.limits if _ALIKE.match(limit)]
    bare = [limit.removeprefix("In people like this one, ") for limit in found]
    return tuple(f"{limit[:1].upper()}{limit[1:]}" for limit in bare)


_OTHER_SEX = {"female": ("men", "male", "males"), "male": ("women", "female", "females")}


def _measures(card: Card | None, sex: str) -> list[Measured]:
    """How the model does, as its card says, without the groups of the other sex."""
    if card is None:
        return []
    other = frozenset(_OTHER_SEX.get(sex, ()))
    kept = [row for row in card.measures if other.isdisjoint(row.group.lower().replace(",", " ").split())]
    return kept[:4]


def measured(row: Measured, *, source: bool = True) -> str:
    """Return one measure of a card as a sentence."""
    ends = f" ({row.low:.3g} to {row.high:.3g})" if row.low is not None and row.high is not None else ""
    count = f", {row.n:,} {row.of}" if row.n else ""
    told = f"; {row.source}" if row.source and source else ""
    return f"{row.group}: {row.measure} {row.value:.3g}{ends}{count}{told}"


def unanswered(
    insight: Insight, card: Card | None, last: Insight | None = None, now: datetime | None = None
) -> Unanswered:
    """Return an Abstention as the page lays it out; `last` is what a model that failed last said."""
    body = insight.body
    assert isinstance(body, Abstention)
    return Unanswered(
        key=key(insight.id),
        asks=insight.asks,
        says=body.says,
        missing=() if "not known" in body.says else body.missing,
        still=_still(body),
        name=insight.model.name,
        model=f"{(card.title or card.name) if card else insight.model.name} {insight.model.version}",
        applies=insight.applies,
        tag=words.tag(insight),
        last=words.tag(last) if last else None,
        last_says=f"{words.last_said(last, now)}: {_whole(last, card)}" if last and now else "",
    )


def _whole(insight: Insight, card: Card | None) -> str:
    """What an answer says and what follows from it."""
    return f"{words.says(insight)}. {words.act(insight, card)}".strip()


def _still(body: Abstention) -> str:
    """The range that is still possible, unless the answer says it already."""
    estimate = body.estimate
    if estimate is None or estimate.low is None or re.search(r"\d.* (to|and) \d", body.says):
        return ""
    return words.amount(estimate)
