"""The Ward page: who needs me first? Every patient, most urgent first, each with the first reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from salus.core.card import Card
from salus.core.insight import Insight
from salus.delivery.web import words
from salus.delivery.web.words import (
    AGAIN,
    CANNOT,
    NO_ACTION,
    NOT_APPLICABLE,
    ROUTINE,
    TAGS,
    UNASKED,
    Tag,
)
from salus.spine.called import leading_reason
from salus.spine.outdated import Outdated
from salus.spine.ward import leading, unsure

PER_PAGE = 100
_CALM = (AGAIN, CANNOT, ROUTINE, NO_ACTION, NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Bed:
    """What the ward knows of one patient, from the spine: who it is and what was said.

    dated: whether any evidence tells when it was; without it `as_of` is the moment of asking, and no age.
    kept: what the models that failed last said. outdated: decisions whose evidence was corrected since.
    cards: of the models as they answer here.
    """

    number: int
    subject: str
    name: str
    born: str
    sex: str
    place: str
    as_of: datetime
    insights: tuple[Insight, ...]
    reviewed: Mapping[str, str] = field(default_factory=dict)
    dated: bool = True
    kept: tuple[Insight, ...] = ()
    outdated: tuple[Outdated, ...] = ()
    cards: Mapping[str, Card] = field(default_factory=dict)

    @property
    def first(self) -> Insight | None:
        """What places the patient."""
        return leading(self.insights, self.kept)


@dataclass(frozen=True, slots=True)
class Mark:
    """One model's answer in a word: its shape, the model, what it says."""

    tag: Tag
    model: str
    says: str


@dataclass(frozen=True, slots=True)
class Row:
    """One patient as the page lays it out."""

    number: int
    name: str
    about: str
    at: datetime
    dated: bool
    age: str
    tag: Tag
    says: str
    act: str
    sure: str
    reason: str
    marks: tuple[Mark, ...]
    cannot: int
    asked: int
    model: str
    reviewed: str
    unsure: str
    last: tuple[str, ...]
    outdated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The patients of one urgency. `first`: the rank of its first patient on the whole ward."""

    tag: Tag
    count: int
    rows: tuple[Row, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What the filters are set to."""

    show: str = "all"
    model: str = ""
    start: int = 0


SHOWS = {
    "all": "Everyone",
    "action": "This week or sooner",
    "cannot": "Where something cannot be judged",
    "new": "What nobody has reviewed",
}


def failed(beds: Iterable[Bed]) -> Mapping[str, int]:
    """Return about how many patients each model that was asked gave no answer: it failed, or was away."""
    return Counter(one.model.name for bed in beds for one in bed.insights if one.failed)


def read_choice(query: Mapping[str, str], known: Iterable[str]) -> Choice:
    """Return the filters of a query string; what is not known there counts as not chosen."""
    show, model, start = query.get("show", "all"), query.get("model", ""), query.get("from", "0")
    right = start.isascii() and start.isdigit() and len(start) < 8
    return Choice(
        show if show in SHOWS else "all", model if model in set(known) else "", int(start) if right else 0
    )


def about(born: str, sex: str, place: str, at: datetime) -> str:
    """Return who it is in a few characters (``72 F · bed 4``)."""
    age = words.years(born, at)
    letter = {"female": "F", "male": "M"}.get(sex, "")
    first = " ".join(part for part in (age or "age not known", letter) if part)
    return " · ".join(part for part in (first, place) if part)


def row(bed: Bed, now: datetime) -> Row:
    """Return one patient as a row: the most urgent answer, its first reason, every answer as a shape."""
    first = bed.first
    asked = [insight for insight in bed.insights if insight.applies]
    marks = tuple(Mark(words.tag(insight), insight.model.name, words.says(insight)) for insight in asked)
    return Row(
        number=bed.number,
        name=bed.name or "Name not recorded",
        about=about(bed.born, bed.sex, bed.place, bed.as_of),
        at=bed.as_of,
        dated=bed.dated,
        age=words.age_of(bed.as_of, now),
        tag=tag_of(bed),
        says=_says(first),
        act=words.act(first, bed.cards.get(first.model.name)) if first else "",
        sure=_sure(first),
        reason=_first_reason(first),
        marks=marks,
        cannot=sum(not insight.judged for insight in asked),
        asked=len(asked),
        model=f"{first.model.name} {first.model.version}" if first else "",
        reviewed=bed.reviewed.get(first.id, "") if first else "",
        unsure=_unsure(bed),
        last=tuple(_last(one, first, now) for one in bed.kept),
        outdated=tuple(map(words.outdated, bed.outdated)),
    )


def _last(kept: Insight, first: Insight | None, now: datetime) -> str:
    """Tell of a failed model's last answer; its words are said already where they place the row."""
    said = words.last_said(kept, now)
    return f"{said}; it gives none now" if kept is first else f"{said}: {words.says(kept)}"


def _unsure(bed: Bed) -> str:
    """Name the models without which nobody knows whether the patient belongs further up."""
    names = unsure(bed.insights, bed.kept)
    return f"May belong higher: {words.few(list(names))} gave no answer" if names else ""


def _says(insight: Insight | None) -> str:
    if insight is None:
        return "No live model was asked"
    return words.says(insight) if insight.applies else "No live model applies"


def _first_reason(insight: Insight | None) -> str:
    """Return the weightiest reason for the answer; what is not known has its own line."""
    if insight is not None and not insight.applies:
        return words.says(insight)
    reason = leading_reason(insight) if insight is not None else None
    return reason.says if reason is not None and reason.absent is None else ""


def _sure(insight: Insight | None) -> str:
    """Return what keeps the answer from being certain: what is not known, or its interval."""
    if insight is None or not insight.applies:
        return ""
    unknown = words.unknown(insight)
    if unknown:
        return f"Not known: {words.few(unknown)}"
    body = insight.body
    outcomes = getattr(body, "outcomes", ())
    estimate = outcomes[0].estimate if outcomes else getattr(body, "estimate", None)
    if estimate is None or estimate.low is None or estimate.low == estimate.high:
        return ""
    return words.interval(estimate)


def wanted(bed: Bed, choice: Choice) -> bool:
    """Whether the filters keep this patient."""
    seen = narrowed(bed, choice)
    kept = seen.insights
    if choice.model and not kept:
        return False
    tags = [words.tag(insight) for insight in kept]
    if choice.show == "action":
        return any(tag not in _CALM for tag in (*tags, tag_of(seen)))
    if choice.show == "cannot":
        return any(not insight.judged and insight.applies for insight in kept)
    if choice.show == "new":
        reviewed = bed.reviewed
        return bool(seen.outdated) or any(
            insight.id not in reviewed and tag not in (NO_ACTION, NOT_APPLICABLE)
            for insight, tag in zip(kept, tags, strict=True)
        )
    return True


def narrowed(bed: Bed, choice: Choice) -> Bed:
    """Return the patient as seen by the chosen model alone."""
    if not choice.model:
        return bed
    insights = tuple(one for one in bed.insights if one.model.name == choice.model)
    kept = tuple(one for one in bed.kept if one.model.name == choice.model)
    late = tuple(one for one in bed.outdated if one.model == choice.model)
    return replace(bed, insights=insights, kept=kept, outdated=late)


def tag_of(bed: Bed) -> Tag:
    """Return what places the patient: its urgency; a decision to be made again is above routine."""
    found = words.tag(bed.first) if bed.first else UNASKED
    return min(found, AGAIN, key=TAGS.index) if bed.outdated else found


def _order(bed: Bed) -> tuple[float, ...]:
    """By urgency, then by the answer's own number; ties keep the ward's order."""
    return (TAGS.index(tag_of(bed)), *(bed.first.rank if bed.first else (9.0, 0.0)))


def groups(beds: Sequence[Bed], choice: Choice, now: datetime) -> list[Group]:
    """Return the chosen page of the ward in groups of one urgency, most urgent first."""
    chosen = sorted((narrowed(bed, choice) for bed in beds if wanted(bed, choice)), key=_order)
    shown = chosen[choice.start : choice.start + PER_PAGE]
    rows = [row(bed, now) for bed in shown]
    whole = [tag_of(bed) for bed in chosen]
    found, at = [], choice.start
    for tag in TAGS:
        members = tuple(item for item in rows if item.tag is tag)
        count = sum(one is tag for one in whole)
        if count:
            found.append(Group(tag, count, members, at + 1))
        at += len(members)
    return found
