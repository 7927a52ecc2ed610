"""The Patient page: what is asked of this person, what the answers rest on, and what was decided."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from salus.core.card import Card, Measured
from salus.core.codes import DEATH
from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Estimate, Insight, Outcome, Reason, Risk
from salus.core.registry import models as known_models
from salus.core.review import OVERRIDE_REASONS, Entry, Review
from salus.delivery.web import pictures, words
from salus.delivery.web.charts import charts
from salus.delivery.web.forms import DONE
from salus.delivery.web.pictures import Bar, Icons
from salus.delivery.web.words import Tag

if TYPE_CHECKING:
    from salus.delivery.web.desk import PatientSheet


def anchor(source: str) -> str:
    """Return the id of an event's row: ``Observation/123`` is ``#Observation-123``."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in source)


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
    decisions: tuple[Decision, ...]
    stale: bool = False

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
    """A question that could not be answered: why, what is missing, what is still possible."""

    key: str
    asks: str
    says: str
    missing: tuple[str, ...]
    still: str
    name: str
    model: str
    applies: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource of the record says, as a row with an anchor of its own."""

    source: str
    at: datetime | None
    until: datetime | None
    what: tuple[tuple[str, str], ...]
    status: str
    cited: tuple[str, ...] = field(default=())


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
        measured=_measured(card, sex),
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
    known = tuple(reason for reason in reasons if reason.absent is None)
    return tuple(
        Why(_POINTS.sub("", reason.says) if bar else reason.says, reason.evidence, bar)
        for reason, bar in zip(known, pictures.bars(known), strict=True)
    )


def _unknown(insight: Insight) -> tuple[Why, ...]:
    """What is not known: each limit once, with the place in the record where an absent reason names one."""
    absent = [reason for reason in insight.reasons if reason.absent is not None]
    found = []
    for limit in insight.limits:
        same = [reason for reason in absent if limit.startswith(reason.says)]
        absent = [reason for reason in absent if reason not in same]
        found.append(Why(limit, same[0].evidence if same else (), None))
    return (*found, *(Why(reason.says, reason.evidence, None) for reason in absent))


_OTHER_SEX = {"female": ("men", "male", "males"), "male": ("women", "female", "females")}


def _measured(card: Card | None, sex: str) -> tuple[str, ...]:
    """How the model does, as its card says, without the groups of the other sex."""
    if card is None:
        return ()
    other = frozenset(_OTHER_SEX.get(sex, ()))
    kept = [row for row in card.measures if other.isdisjoint(row.group.lower().replace(",", " ").split())]
    return tuple(measured(row, source=False) for row in kept[:4])


def measured(row: Measured, *, source: bool = True) -> str:
    """Return one measure of a card as a sentence."""
    ends = f" ({row.low:.3g} to {row.high:.3g})" if row.low is not None and row.high is not None else ""
    count = f", {row.n:,} people" if row.n else ""
    told = f"; {row.source}" if row.source and source else ""
    return f"{row.group}: {row.measure} {row.value:.3g}{ends}{count}{told}"


def unanswered(insight: Insight, card: Card | None) -> Unanswered:
    """Return an Abstention as the page lays it out."""
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
    )


def _still(body: Abstention) -> str:
    """The range that is still possible, unless the answer says it already."""
    estimate = body.estimate
    if estimate is None or estimate.low is None or re.search(r"\d.* (to|and) \d", body.says):
        return ""
    return words.amount(estimate)


def cited(insights: Iterable[Insight]) -> dict[str, tuple[str, ...]]:
    """Return which models lean on each source."""
    found: dict[str, list[str]] = {}
    for insight in insights:
        for source in dict.fromkeys(one for reason in insight.reasons for one in reason.evidence):
            found.setdefault(source, []).append(insight.model.name)
    return {source: tuple(dict.fromkeys(names)) for source, names in found.items()}


def lines(
    timeline: Timeline,
    names: Mapping[str, str],
    leaned: Mapping[str, tuple[str, ...]],
    most: int | None = None,
) -> list[Line]:
    """Return the record newest first, one line a resource; `most` keeps what is cited and then the newest.

    names: source or code -> in words.
    """
    found: dict[str, list[Event]] = {}
    for event in timeline:
        found.setdefault(event.source, []).append(event)
    newest = list(reversed(list(found)))
    if most is not None:
        rest = [source for source in newest if source not in leaned][: max(most - len(leaned), 0)]
        keep = frozenset(rest) | frozenset(leaned)
        newest = [source for source in newest if source in keep]
    return [_line(source, found[source], names, leaned) for source in newest]


def _line(
    source: str, events: list[Event], names: Mapping[str, str], leaned: Mapping[str, tuple[str, ...]]
) -> Line:
    first = events[0]
    what = tuple((_named(event, names), words.value(event)) for event in events)
    return Line(source, first.time, first.end, what, first.status or "", leaned.get(source, ()))


def _named(event: Event, names: Mapping[str, str]) -> str:
    for key in (*event.codes, event.source):
        if key in names:
            text = names[key]
            return text[:1].upper() + text[1:]
    return event.code or event.kind


def names_of(cards: Iterable[Card]) -> dict[str, str]:
    """Return code -> name, from what the models ask for."""
    found = {
        "MEDS_BIRTH": "Born",
        "MEDS_DEATH": "Died",
        "LOINC/46098-0": "Sex",
    }
    for card in cards:
        for need in card.needs:
            if len(need.codes) <= 12:
                found.update(dict.fromkeys((code for code in need.codes if code not in found), need.name))
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody who looked, when last, and how often."""

    who: str
    at: datetime
    times: int


def looked(entries: Sequence[Entry], most: int = 8) -> list[Look]:
    """Return who looked before, the latest first, each once."""
    found: dict[str, Look] = {}
    for entry in entries:
        times = found[entry.who].times if entry.who in found else 0
        found[entry.who] = Look(entry.who, entry.at, times + 1)
    return sorted(found.values(), key=lambda one: one.at, reverse=True)[:most]


# Lines of the record on the page itself; the whole of it has pages of its own.
LINES, PER_PAGE = 40, 200


def _leaned(sheet: PatientSheet) -> dict[str, tuple[str, ...]]:
    return cited(sheet.insights)


def shown_sources(sheet: PatientSheet) -> list[str]:
    """Return the resources that the page shows as lines."""
    return [line.source for line in lines(sheet.timeline, {}, _leaned(sheet), LINES)]


def laid_out(sheet: PatientSheet, labels: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return everything that the template of the page needs."""
    cards = {name: model.card for name, model in known_models().items()}
    leaned, names = _leaned(sheet), names_of(cards.values())
    rows = lines(sheet.timeline, {**labels, **names}, leaned, LINES)
    open_, closed = _not_answered(sheet.insights, cards)
    drawn = charts(sheet.timeline, sheet.bed.as_of, names, frozenset(leaned))
    return {
        **_person(sheet, now),
        "answers": [_answer(one, cards, sheet) for one in sheet.insights if one.judged],
        "open": open_,
        "closed": closed,
        "earlier": [_answer(one, cards, sheet) for one in sheet.earlier],
        "charts": drawn,
        "banded": any(chart.band for chart in drawn),
        "looks": looked(sheet.looks),
        "rows": rows,
        "on_page": frozenset(row.source for row in rows),
        "total": len({event.source for event in sheet.timeline}),
        "now": now,
    }


def _answer(insight: Insight, cards: Mapping[str, Card], sheet: PatientSheet) -> Answer:
    card = cards.get(insight.model.name)
    return answer(insight, card, sheet.bed.sex, sheet.reviews, insight.id in sheet.stale)


def _not_answered(
    insights: Iterable[Insight], cards: Mapping[str, Card]
) -> tuple[list[Unanswered], list[Unanswered]]:
    """Part what could not be judged from what does not apply."""
    found = [unanswered(one, cards.get(one.model.name)) for one in insights if not one.judged]
    return [one for one in found if one.applies], [one for one in found if not one.applies]


def _person(sheet: PatientSheet, now: datetime) -> dict[str, Any]:
    bed, died = sheet.bed, sheet.timeline.last((DEATH,))
    until = died.time if died and died.time else bed.as_of
    return {
        "name": bed.name or "Name not recorded",
        "years": words.years(bed.born, until),
        "sex": bed.sex if bed.sex in ("female", "male", "other") else "",
        "born": f"{bed.born.day} {bed.born:%B} {bed.born.year}" if bed.born else "",
        "died": words.moment(died.time) if died else "",
        "place": bed.place,
        "identifiers": sheet.identifiers,
        "as_of": bed.as_of,
        "age": words.age_of(bed.as_of, now),
    }


def paged(
    sheet: PatientSheet, labels: Callable[[Iterable[str]], Mapping[str, str]], start: int
) -> dict[str, Any]:
    """Return one page of the whole record; `labels` names the resources that are shown."""
    names = names_of(model.card for model in known_models().values())
    every = lines(sheet.timeline, {}, {})
    shown = frozenset(line.source for line in every[start : start + PER_PAGE])
    part = Timeline(sheet.subject, tuple(event for event in sheet.timeline if event.source in shown))
    rows = lines(part, {**labels(shown), **names}, {})
    more = start + PER_PAGE < len(every)
    return {
        "name": sheet.bed.name or "Name not recorded",
        "patient_url": f"/patients/{sheet.number}",
        "rows": rows,
        "total": len(every),
        "start": start,
        "earlier": max(start - PER_PAGE, 0) if start else None,
        "later": start + PER_PAGE if more else None,
    }
