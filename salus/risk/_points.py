"""What point scores share: items whose points may not be certain, their sum, and how they are said.

An item holds every number of points that the known evidence still allows, so a sum is a range that contains
every answer that filling the gaps can give, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from salus.core.card import Card
from salus.core.insight import Body, Estimate, Insight, ModelRef, Outcome, Reason, Urgency
from salus.core.measures import Reading
from salus.core.seams import View
from salus.risk._inputs import Fact
from salus.risk._say import Scores, span

SCORE = "{score}"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a score: the points still possible, what they rest on, and what is not known.

    says: the item with its value and moment ("pulse 118 /min at 06:10"). absent: why it is not known, in
    words that a list can hold ("ACVPU not recorded"); "" when it is. assumed: what is taken as "no" because a
    recorded list does not hold it. limit: a whole sentence, or "".
    """

    name: str
    points: tuple[int, ...]
    says: str
    sources: tuple[str, ...] = ()
    absent: str = ""
    limit: str = ""
    assumed: str = ""

    @property
    def low(self) -> int:
        """The fewest points it can give."""
        return min(self.points)

    @property
    def high(self) -> int:
        """The most points it can give."""
        return max(self.points)


def spanned(low: float, high: float) -> Estimate:
    """Return points as an Estimate: a value, or the range that missing inputs leave."""
    if low == high:
        return Estimate(float(low), SCORE)
    return Estimate(None, SCORE, float(low), float(high), "missing-inputs")


def part(item: Item) -> Outcome:
    """Return the item as a part of a Finding."""
    return Outcome(item.name, spanned(item.low, item.high))


def counted(low: int, high: int) -> str:
    """Say a number of points: "1 point", "0 to 3 points"."""
    number = str(low) if low == high else f"{low} to {high}"
    return f"{number} point" if high == 1 else f"{number} points"


def reasons(items: Iterable[Item]) -> tuple[Reason, ...]:
    """Return why, the heaviest first; what is not known stands before what scored nothing."""
    found = [_reason(item) for item in items]
    order = {reason: index for index, reason in enumerate(found)}
    return tuple(sorted(found, key=lambda reason: (-reason.weight, reason.absent is None, order[reason])))


def _reason(item: Item) -> Reason:
    points = counted(item.low, item.high)
    if item.absent:
        return Reason(item.sources, 0.0, f"{_capital(item.absent)}: {points}", SCORE, item.absent)
    # A reason that points to nothing names what is absent.
    absent = None if item.sources else item.says
    return Reason(item.sources, float(item.high), f"{_capital(item.says)}: {points}", SCORE, absent)


def limits(items: Sequence[Item], *more: str) -> tuple[str, ...]:
    """Return each thing not known, and each caution, once, as whole sentences."""
    found: list[str] = []
    for item in items:
        if item.absent:
            found.append(f"{_capital(item.absent)}: {counted(item.low, item.high)} possible.")
        if item.limit:
            found.append(_capital(item.limit))
    assumed = [item.assumed for item in items if item.assumed]
    if assumed:
        found.append(f"Taken as no: {'; '.join(assumed)}.")
    return tuple(dict.fromkeys(found + [sentence for sentence in more if sentence]))


def of_fact(name: str, fact: Fact, points: Callable[[bool], int], when: str = "") -> Item:
    """Return the item that a fact gives; what a recorded list does not hold is taken as "no", and said."""
    possible = tuple(sorted({points(option) for option in fact.options}))
    if fact.value is None:
        return Item(name, possible, fact.says, fact.sources, fact.says or f"{name} not known")
    assumed = fact.says if fact.value is False and not fact.events else ""
    return Item(name, possible, f"{fact.says} {when}".rstrip(), fact.rests_on, assumed=assumed)


def missing(items: Iterable[Item]) -> tuple[str, ...]:
    """Name the items that are not known."""
    return tuple(item.name for item in items if item.absent)


def at(view: View, moment: datetime | None, until: datetime | None = None) -> str:
    """Say when, by the clock of the one who asks: "at 06:10", or with the day when it was another one.

    until: the last moment that it may be of, where that is another: then the day alone is known.
    """
    if moment is None:
        return "at an unknown time"
    if until is not None and until > moment:
        return f"on {moment.date().isoformat()}, hour not recorded"
    local, now = moment.astimezone(view.as_of.tzinfo), view.as_of
    clock = local.strftime("%H:%M")
    return f"at {clock}" if local.date() == now.date() else f"on {local.date().isoformat()} at {clock}"


def on(view: View, moment: datetime | None) -> str:
    """Say on which day, for what does not change by the hour."""
    if moment is None:
        return "without a date"
    # What is recorded by its day alone is kept as the midnight of UTC, and is that day by every clock.
    by_day = moment.astimezone(UTC).time() == time.min
    return f"on {moment.astimezone(UTC if by_day else view.as_of.tzinfo).date()}"


def amount(reading: Reading, unit: str, scores: Scores | None = None) -> str:
    """Say the value of a reading, or from where to where it may lie, as exactly as its points need."""
    return f"{span(reading.low, reading.high, 1, scores)} {unit}".strip()


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def insight(  # noqa: PLR0917
    card: Card,
    view: View,
    body: Body,
    urgency: Urgency | None = None,
    why: tuple[Reason, ...] = (),
    said: tuple[str, ...] = (),
) -> Insight:
    """Return what the model of `card` says of the view's subject; the spine gives it its id."""
    model = ModelRef(card.name, card.version)
    return Insight(view.subject, model, card.asks, view.as_of, body, urgency, why, said, view.permit)
