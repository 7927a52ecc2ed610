"""What every model and source promises, as checks that an author of one can run in a test of their own.

For whoever writes a room, a source or a package of them: each check raises AssertionError that says which
promise was broken, and by what. The promises are those of the seams in salus.core.seams.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Timeline
from salus.core.insight import Abstention, Body, Insight

if TYPE_CHECKING:
    from salus.core.card import Card
    from salus.core.seams import Model, Source

_TESTER = Actor("conformance")


def check_card(card: Card) -> None:
    """Check that a card says all that must be shown beside an insight."""
    said = {
        "name": card.name, "version": card.version, "title": card.title, "asks": card.asks,
        "meant_for": card.meant_for, "not_for": card.not_for, "owner": card.owner, "licence": card.licence,
    }  # fmt: skip
    empty = [name for name, text in said.items() if not text.strip()]
    assert not empty, f"{card.name}: the card says nothing for {', '.join(empty)}"
    assert card.asks.endswith("?"), f"{card.name}: 'asks' is a question"
    assert card.sources, f"{card.name}: no source for its constants"
    steps = [row.at_least for row in card.actions]
    assert steps and steps == sorted(steps), f"{card.name}: the action table must rise"
    assert card.status == "validated", f"{card.name}: ships as validated; a site makes it live"


def check_model(model: Model, timelines: Iterable[Timeline], as_of: datetime) -> list[Insight]:
    """Check a model on each of `timelines`, known at `as_of`, and on an empty record; return what it said."""
    check_card(model.card)
    nothing = _asked(model, Timeline("Patient/nobody"), as_of)
    assert isinstance(nothing.body, Abstention), f"{model.card.name}: judges where nothing is on record"
    return [nothing, *(_held(model, timeline, as_of) for timeline in timelines)]


def _held(model: Model, timeline: Timeline, as_of: datetime) -> Insight:
    said = _asked(model, timeline, as_of)
    where = f"{model.card.name} about {timeline.subject}"
    assert _asked(model, timeline, as_of) == said, f"{where}: the same question got another answer"
    assert _asked(model, _shuffled(timeline), as_of) == said, (
        f"{where}: order or repetition changed the answer"
    )
    return said


def _shuffled(timeline: Timeline) -> Timeline:
    events = [*timeline, *timeline]
    random.Random(len(events)).shuffle(events)
    return Timeline.of(timeline.subject, events)


def _asked(model: Model, timeline: Timeline, as_of: datetime) -> Insight:
    from salus.privacy.gate import open_view

    view = open_view(timeline, _TESTER, DIRECT_CARE, as_of)
    said = model.predict(view)
    where = f"{model.card.name} about {timeline.subject}"
    assert isinstance(said, Insight), f"{where}: an answer is an Insight, also when it cannot judge"
    assert isinstance(said.body, Body), f"{where}: the body is none of the six kinds"
    assert (said.subject, said.as_of) == (view.subject, view.as_of), (
        f"{where}: speaks of another moment or subject"
    )
    assert said.model.name == model.card.name, f"{where}: signs with another name"
    inside = {event.source for event in view.timeline}
    outside = {source for reason in said.reasons for source in reason.evidence} - inside
    assert not outside, f"{where}: reasons outside the view: {', '.join(sorted(outside))}"
    mute = [reason.says for reason in said.reasons if not reason.evidence and not reason.absent]
    assert not mute, f"{where}: a reason points to no evidence and names no absence: {'; '.join(mute)}"
    return said


def check_source(source: Source, place: str) -> list[Timeline]:
    """Check that a source gives one Timeline a subject, in time order, with aware moments; return them."""
    found = list(source.read(place))
    subjects = [timeline.subject for timeline in found]
    assert len(subjects) == len(set(subjects)), "a subject came twice"
    for timeline in found:
        assert timeline == Timeline.of(timeline.subject, timeline), f"{timeline.subject}: not in time order"
        moments = [
            moment for event in timeline for moment in (event.time, event.end, event.known_at) if moment
        ]
        assert all(moment.tzinfo for moment in moments), f"{timeline.subject}: a moment without a time zone"
        assert all(event.source for event in timeline), f"{timeline.subject}: an event that came from nowhere"
    return found
