"""What the pages ask of the spine, and what they last heard: so that a page can still say what is true when
the store or the record is away, with its age.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from salus.core.card import Card
from salus.core.errors import AwayError, SalusError, UserError
from salus.core.evidence import Event, Timeline
from salus.core.insight import Insight
from salus.core.review import Entry, Review
from salus.core.roles import DECIDE
from salus.delivery.tally import Tally
from salus.delivery.web import words
from salus.delivery.web.forms import DONE
from salus.delivery.web.identifiers import Identifier, identifiers
from salus.delivery.web.labels import read_labels
from salus.delivery.web.pages.ward import Bed
from salus.spine.adopted import models_of
from salus.spine.health import check_records
from salus.spine.outdated import Outdated, outdated
from salus.spine.permits import Seen, seen_by

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.spine import Site

# Patients whose last page is remembered for when the store or the record is away.
REMEMBERED = 64
# How long a page is shown on from memory: a withdrawal that was not heard counts after that.
LEASE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WardSheet:
    """The ward as it was last heard, and when."""

    beds: tuple[Bed, ...]
    live: tuple[str, ...]
    silent: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PatientSheet:
    """Everything that the Patient page shows of one person."""

    number: int
    subject: str
    bed: Bed
    identifiers: tuple[Identifier, ...]
    at: datetime
    timeline: Timeline
    insights: tuple[Insight, ...]
    reviews: tuple[Review, ...] = ()
    earlier: tuple[Insight, ...] = ()
    stale: frozenset[str] = frozenset()
    looks: tuple[Entry, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


_Sheet = TypeVar("_Sheet", WardSheet, PatientSheet)


class Desk:
    """The pages' way to one site; threads share it."""

    def __init__(self, site: Site, tally: Tally) -> None:
        self.site, self._tally = site, tally
        self._lock = Lock()
        # By who heard it: what one may see is not another's.
        self._wards: OrderedDict[str, WardSheet] = OrderedDict()
        self._sheets: OrderedDict[tuple[str, int], PatientSheet] = OrderedDict()
        self._had_records = site.has_archive
        self._codes: tuple[int, Mapping[str, str]] = (0, {})

    def demonstration(self) -> bool:
        """Whether this is a demonstration; while the store is away, what it last said."""
        return self.site.demonstrated

    def away(self) -> str:
        """Return what does not answer: ``store``, ``record``, or "" when both do."""
        try:
            self.site.store.head()
        except SalusError:
            return "store"
        try:
            check_records(self.site)
        except (SalusError, OSError):
            return "record"
        return "record" if self._gone() else ""

    def _gone(self) -> bool:
        """Whether there was an archive and now there is none: that is no empty ward."""
        there = self.site.has_archive
        self._had_records |= there
        return self._had_records and not there

    def ward(self, actor: Actor) -> WardSheet:
        """Ask about everyone, and remember the answer; raises SalusError when it cannot be had."""
        from salus.spine import models, ward

        site = self.site
        states = models(site)
        live = tuple(row.name for row in states if row.status == "live")
        beds: list[Bed] = []
        if self._gone():
            raise AwayError("The record that was here is gone: put the archive back.")
        if site.has_archive:
            # What was answered before is kept in memory: it must not pass for an answer of now.
            check_records(site)
            reviews = site.store.reviews()
            done, late, cards = told(reviews), outdated(site, reviews), cards_of(site)
            for row in ward(site, actor=actor):
                self._tally.note(row.insights)
                how: dict[str, Any] = {"dated": row.dated, "kept": row.kept, "cards": cards}
                how["late"] = late.get(row.subject, ())
                beds.append(self._bed(row.subject, row.person, row.as_of, row.insights, done, **how))
        sheet = WardSheet(tuple(beds), live, len(states) - len(live), site.now())
        shown = {bed.number for bed in beds}
        with self._lock:
            _keep(self._wards, actor.id, sheet)
            # Whoever is no longer on the ward is not remembered either.
            for key in [one for one in self._sheets if one[0] == actor.id and one[1] not in shown]:
                del self._sheets[key]
        return sheet

    def last_ward(self, actor: Actor) -> WardSheet | None:
        """Return the ward as the actor last heard it, a while ago at most."""
        return _fresh(self._wards.get(actor.id), self.site.now())

    def subject(self, number: int, actor: Actor) -> str | None:
        """Return whose page has this number, or None; somebody whom the actor may not see has none."""
        with self._lock:
            kept = self._sheets.get((actor.id, number))
        found = kept.subject if kept else None
        if found is None and self.site.has_archive:
            found = numbers(self.site).get(number)
        if found is not None and not seen_by(self.site, actor).subject(found):
            with self._lock:
                self._sheets.pop((actor.id, number), None)
            return None
        return found

    def named(self, number: int) -> str | None:
        """Return whose page has this number, whoever may see it; None where it is nobody's."""
        return numbers(self.site).get(number) if self.site.has_archive else None

    def patient(self, number: int, actor: Actor) -> PatientSheet | None:
        """Ask about one person and look at the record; None when nobody has this number."""
        from salus.spine import consult
        from salus.spine.chart import looks, open_chart
        from salus.spine.kept import last_answers
        from salus.spine.moment import last_known

        site = self.site
        if self._gone():
            raise AwayError("The record that was here is gone: put the archive back.")
        subject = self.subject(number, actor)
        if subject is None:
            return None
        seen = seen_by(site, actor)
        before = tuple(looks(site, subject))
        view = open_chart(site, subject, actor=actor)
        insights = tuple(consult(site, actor=actor, subject=subject, as_of=view.as_of))
        self._tally.note(insights)
        reviews = tuple(_shown(site, seen, site.store.reviews(subject=subject)))
        person = site.archive.person(subject)
        late = outdated(site, reviews).get(subject, ())
        earlier = self._earlier(subject, seen, insights, reviews)
        dated = last_known(view.timeline, view.as_of) is not None
        kept = last_answers(site, insights, seen)
        sheet = PatientSheet(
            number,
            subject,
            self._bed(
                subject,
                person,
                view.as_of,
                insights,
                told(reviews),
                dated=dated,
                kept=kept,
                late=late,
                cards=cards_of(site),
            ),
            identifiers(person.identifiers, person.kinds),
            site.now(),
            view.timeline,
            insights,
            reviews,
            earlier,
            frozenset(site.store.stale([one.id for one in (*insights, *earlier)])),
            before,
        )
        with self._lock:
            _keep(self._sheets, (actor.id, number), sheet)
        return sheet

    def record(self, number: int, actor: Actor) -> PatientSheet | None:
        """Look at one person's whole record, without asking anything; None when nobody has this number."""
        from salus.spine.chart import open_chart

        if self._gone():
            raise AwayError("The record that was here is gone: put the archive back.")
        subject = self.subject(number, actor)
        if subject is None:
            return None
        view = open_chart(self.site, subject, actor=actor)
        person = self.site.archive.person(subject)
        bed = self._bed(subject, person, view.as_of, (), {})
        return PatientSheet(
            number,
            subject,
            bed,
            identifiers(person.identifiers, person.kinds),
            self.site.now(),
            view.timeline,
            (),
        )

    def review(self, number: int, said: Review, actor: Actor) -> Review:
        """Keep a decision of `actor` on an insight about this person.

        Raises UserError when the insight is not theirs, AwayError when it cannot be kept.
        """
        from salus.spine import review

        kept, seen = self.site.store.insight(said.insight), seen_by(self.site, actor)
        mine = kept is not None and self.subject(number, actor) == kept.subject and seen.insight(kept)
        if not mine or not seen.may(DECIDE, kept.subject if kept else ""):
            raise UserError(
                "That answer is not about this patient. Open the patient's page and decide there."
            )
        return review(self.site, said)

    def last_patient(self, number: int, actor: Actor) -> PatientSheet | None:
        """Return one person's page as the actor last heard it, or what the ward last said of them."""
        now = self.site.now()
        with self._lock:
            sheet = _fresh(self._sheets.get((actor.id, number)), now)
            ward = _fresh(self._wards.get(actor.id), now)
        if sheet is not None:
            return sheet
        for bed in ward.beds if ward else ():
            if bed.number == number and ward is not None:
                return PatientSheet(
                    number, bed.subject, bed, (), ward.at, Timeline(bed.subject), bed.insights
                )
        return None

    def _earlier(
        self, subject: str, seen: Seen, now: Iterable[Insight], reviews: Iterable[Review]
    ) -> tuple[Insight, ...]:
        """Return kept insights that are no longer the answer, where a person decided or they went stale."""
        import msgspec

        from salus.spine import from_json

        current = {insight.id for insight in now}
        decided = {review.insight for review in reviews}
        kept = filter(seen.insight, self.site.store.insights(subject=subject, newest=True, limit=200))
        shown = [row for row in kept if row.id not in current and (row.id in decided or row.stale_since)]
        return tuple(from_json({**msgspec.json.decode(row.document), "id": row.id}) for row in shown[:20])

    def labels(self, events: Iterable[Event]) -> dict[str, str]:
        """Return code -> display and source -> name, as the record itself says them.

        Only what the archive's list of codes does not name, or what answers in codes, is opened again.
        """
        import msgspec

        from salus.spine.chart import as_sent

        found = dict(self._code_names())
        unread = [event for event in events if event.code not in found or isinstance(event.value, str)]
        for source, raw in as_sent(self.site, unread):
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                read_labels(msgspec.json.decode(raw), source, found)
        return found

    def _code_names(self) -> Mapping[str, str]:
        archive = self.site.archive
        if self._codes[0] != archive.generation:
            self._codes = (archive.generation, archive.code_names())
        return self._codes[1]

    def _bed(
        self,
        subject: str,
        person: Any,
        as_of: datetime,
        insights: Iterable[Insight],
        done: Mapping[str, str],
        *,
        dated: bool = True,
        kept: tuple[Insight, ...] = (),
        late: tuple[Outdated, ...] = (),
        cards: Mapping[str, Card] | None = None,
    ) -> Bed:
        return Bed(
            number=self.site.archive.number(subject),
            subject=subject,
            name=person.name,
            born=person.birth_date,
            sex=person.sex,
            place="",
            as_of=as_of,
            insights=tuple(insights),
            reviewed=done,
            dated=dated,
            kept=kept,
            outdated=late,
            cards=cards or {},
        )


def _keep(kept: OrderedDict[Any, Any], key: Any, sheet: Any) -> None:
    """Remember a sheet; only so many are."""
    kept[key] = sheet
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _fresh(sheet: _Sheet | None, now: datetime) -> _Sheet | None:
    """Return a sheet that may still be shown while nobody can be asked what is permitted."""
    return sheet if sheet is not None and now - sheet.at <= LEASE else None


def _shown(site: Site, seen: Seen, reviews: Iterable[Review]) -> Iterator[Review]:
    """Yield the reviews of insights that may be seen."""
    for review in reviews:
        row = None if seen.plain else site.store.insight(review.insight)
        if row is None or seen.insight(row):
            yield review


def cards_of(site: Site) -> dict[str, Card]:
    """Return the cards of the models as they answer here, by name."""
    return {name: model.card for name, model in models_of(site).items()}


def numbers(site: Site) -> Mapping[int, str]:
    """Return number -> subject of everyone in the archive, kept until records change."""
    archive = site.archive
    kept = site.memory.get("page-numbers")
    if kept is None or kept[0] != archive.generation:
        kept = (archive.generation, {archive.number(subject): subject for subject in archive.subjects()})
        site.memory["page-numbers"] = kept
    found: Mapping[int, str] = kept[1]
    return found


def told(reviews: Iterable[Review]) -> dict[str, str]:
    """Return insight -> the last decision on it, in words."""
    return {
        review.insight: f"{review.by} {DONE.get(review.decision, review.decision)}, {words.moment(review.at)}"
        for review in reviews
    }
