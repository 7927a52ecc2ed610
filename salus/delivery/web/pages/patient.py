"""The Patient page: what is asked of this person, what the answers rest on, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from salus.core.card import Card
from salus.core.codes import DEATH
from salus.core.evidence import Event
from salus.core.insight import Insight
from salus.core.review import Entry
from salus.delivery.web import words
from salus.delivery.web.charts import charts
from salus.delivery.web.identifiers import shown
from salus.delivery.web.pages.answers import Answer, Unanswered, answer, unanswered
from salus.delivery.web.pages.record import cited, lines, names_of
from salus.spine.ward import unsure

if TYPE_CHECKING:
    from salus.delivery.web.desk import PatientSheet

# Lines of the record on the page itself; the whole of it has pages of its own.
LINES = 40


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


def _leaned(sheet: PatientSheet) -> dict[str, tuple[str, ...]]:
    return cited(sheet.insights)


def shown_events(sheet: PatientSheet) -> list[Event]:
    """Return the events behind the lines that the page shows."""
    shown = {line.source for line in lines(sheet.timeline, {}, _leaned(sheet), LINES)}
    return [event for event in sheet.timeline if event.source in shown]


def laid_out(sheet: PatientSheet, labels: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return everything that the template of the page needs."""
    cards = sheet.bed.cards
    leaned, names = _leaned(sheet), names_of(cards.values(), labels)
    rows = lines(sheet.timeline, names, leaned, LINES)
    open_, closed = _not_answered(sheet, cards, now)
    drawn = charts(
        sheet.timeline, sheet.bed.as_of, names, frozenset(leaned), banded=_news2_applies(sheet.insights)
    )
    return {
        **_person(sheet, now),
        "answers": [_answer(one, cards, sheet) for one in sheet.insights if one.judged],
        "open": open_,
        "failed": [one.model.name for one in sheet.insights if one.failed],
        "unsure": unsure(sheet.insights, sheet.bed.kept),
        "closed": closed,
        "outdated": [words.outdated(one) for one in sheet.bed.outdated],
        "again": _again(sheet),
        "earlier": [_answer(one, cards, sheet) for one in sheet.earlier],
        "charts": drawn,
        "banded": any(chart.band for chart in drawn),
        "looks": looked(sheet.looks),
        "rows": rows,
        "on_page": frozenset(row.source for row in rows),
        "total": len({event.source for event in sheet.timeline}),
        "now": now,
    }


def _again(sheet: PatientSheet) -> frozenset[str]:
    """Return the earlier answers to be decided on again, where their models give no new one to decide on."""
    answered = {one.model.name for one in sheet.insights if one.judged}
    return frozenset(one.review.insight for one in sheet.bed.outdated if one.model not in answered)


def _news2_applies(insights: Iterable[Insight]) -> bool:
    return any(one.model.name == "news2" and one.applies for one in insights)


def _answer(insight: Insight, cards: Mapping[str, Card], sheet: PatientSheet) -> Answer:
    card = cards.get(insight.model.name)
    return answer(insight, card, sheet.bed.sex, sheet.reviews, insight.id in sheet.stale)


def _not_answered(
    sheet: PatientSheet, cards: Mapping[str, Card], now: datetime
) -> tuple[list[Unanswered], list[Unanswered]]:
    """Part what could not be judged from what does not apply."""
    last = {one.model.name: one for one in sheet.bed.kept}
    found = [
        unanswered(one, cards.get(one.model.name), last.get(one.model.name) if one.failed else None, now)
        for one in sorted(sheet.insights, key=lambda one: not one.failed)
        if not one.judged
    ]
    return [one for one in found if one.applies], [one for one in found if not one.applies]


def _person(sheet: PatientSheet, now: datetime) -> dict[str, Any]:
    bed, died = sheet.bed, sheet.timeline.last((DEATH,))
    until = died.time if died and died.time else bed.as_of
    return {
        "name": bed.name or "Name not recorded",
        "years": words.years(bed.born, until),
        "sex": bed.sex if bed.sex in ("female", "male", "other") else "",
        "born": words.day(bed.born),
        "died": words.moment(died.time) if died else "",
        "place": bed.place,
        "identifier": shown(sheet.identifiers),
        "as_of": bed.as_of,
        "dated": bed.dated,
        "age": words.age_of(bed.as_of, now).partition(",")[0],
    }
