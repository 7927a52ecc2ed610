"""The gate: the only maker of a View. It cuts a Timeline down to what this actor may see, for this purpose,
as it was known at this instant.

A Rule (`privacy.permits`) says what of it is open; without one direct care alone is the basis, and any other
purpose is refused. What a rule denies is absent, and every View says the same sentence about that.
The classes are private to this file, so nothing else can make a View.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from salus.core.codes import meant
from salus.core.consent import DIRECT_CARE, QUALITY, TRAINING, WITHHELD, Actor, names_somebody
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.core.seams import Cohort, Opener, View
from salus.privacy.labels import labels_of, value_sets
from salus.privacy.permits import Both, Rule, Rules

if TYPE_CHECKING:
    import polars as pl

BASIS = "direct care, treatment of the patient (GDPR Art. 9(2)(h); HIPAA 45 CFR 164.506(c))"

# Outside nobody can tell what is refused from what is not there.
NOT_AVAILABLE = "Not available."

# A status that an ending brought about; before that end was known, the thing was still under way.
_ENDED = frozenset({"resolved", "remission", "inactive", "finished", "completed", "stopped"})


@dataclass(frozen=True, slots=True)
class _GatedView:
    timeline: Timeline
    actor: Actor
    purpose: str
    as_of: datetime
    permit: str
    rule: Rule | Both | None = None
    opener: Opener | None = None
    withheld: str = WITHHELD

    @property
    def subject(self) -> str:
        return self.timeline.subject

    def image(self, ref: str) -> bytes:
        return self._open("image", ref)

    def signal(self, ref: str) -> bytes:
        return self._open("signal", ref)

    def note(self, ref: str) -> bytes:
        return self._open("note", ref)

    def variants(self, region: str) -> bytes:
        rule = self.rule
        if rule is not None and not rule.allows("MolecularSequence", _SEQUENCE, labels_of(_SEQUENCE)):
            raise RefusedError(NOT_AVAILABLE)
        return self._read("variants", region)

    def _open(self, what: str, ref: str) -> bytes:
        """Open what the View itself shows, and nothing else: before a byte is read."""
        if all(event.source != ref for event in self.timeline):
            raise RefusedError(NOT_AVAILABLE)
        return self._read(what, ref)

    def _read(self, what: str, ref: str) -> bytes:
        if self.opener is None:
            raise RefusedError(NOT_AVAILABLE)
        return self.opener.open(what, self.subject, ref)


# What a variant is of, to a rule: an entry that says nothing but a sequence.
_SEQUENCE = ("MolecularSequence",)


@dataclass(frozen=True, slots=True)
class _GatedCohort:
    views: Callable[[], Iterator[View]]

    def __iter__(self) -> Iterator[View]:
        return self.views()


def open_view(
    timeline: Timeline,
    actor: Actor,
    purpose: str,
    as_of: datetime,
    whole_at: datetime | None = None,
    *,
    basis: str = "",
    rule: Rule | Both | None = None,
    opener: Opener | None = None,
) -> View:
    """Return what `actor` may see of `timeline` for `purpose`, as known at `as_of` (aware).

    whole_at: when the record was complete. Evidence without any date is known only from then on, since nobody
    can say that it was known sooner: discharge codes are not known at admission. basis: for training and
    quality, on which the population is opened that this is one of (see `open_columns`). rule: what of it this
    actor may see for this purpose; what it denies is absent. opener: reads the bytes that the View names.
    Raises RefusedError when the purpose has no basis, nobody in particular asks, or the rule is another's.
    """
    if as_of.tzinfo is None:
        raise RefusedError("The instant of a view needs a time zone: write 2026-01-31T08:00:00Z.")
    refuse_nobody(actor)
    if purpose in (TRAINING, QUALITY):
        refuse_population(actor, purpose, basis)
    elif rule is None and purpose != DIRECT_CARE:
        raise RefusedError(f"No permit for purpose '{purpose}': the record is open for {DIRECT_CARE} only.")
    if rule is not None:
        _refuse_anothers(rule, actor, purpose)
    early = whole_at is not None and as_of < whole_at
    seen = tuple(
        _as_known(event, as_of)
        for event in _shown(timeline, rule)
        if _known(event, as_of) and not (early and _is_undated(event))
    )
    said = basis or (BASIS if rule is None else rule.basis)
    return _GatedView(Timeline(timeline.subject, seen), actor, purpose, as_of, said, rule, opener)


def _shown(timeline: Timeline, rule: Rule | Both | None) -> Iterable[Event]:
    """Return what a rule leaves of a timeline."""
    if rule is None or rule.constant:
        return timeline
    return () if rule.constant is False else filter(rule.shows, timeline)


def _refuse_anothers(rule: Rule | Both, actor: Actor, purpose: str) -> None:
    """Raise RefusedError where `rule` was made for somebody else, or for something else."""
    if rule.purpose not in ("", purpose) or rule.actor not in ("", actor.id):
        raise RefusedError("This rule was made for another request: ask for one of your own.")


def refuse_nobody(actor: object) -> None:
    """Raise RefusedError unless `actor` is somebody in particular."""
    if not is_named(actor):
        raise RefusedError("Nobody in particular asks: every view is opened for a named actor.")


def is_named(actor: object) -> bool:
    """Whether `actor` is somebody in particular: with an id that is seen, and hides nothing."""
    return isinstance(actor, Actor) and names_somebody(actor.id)


def open_cohort(timelines: Iterable[Timeline], actor: Actor, purpose: str, as_of: datetime) -> Cohort:
    """Return a View for each of `timelines`, lazily; raises as `open_view` does, before the first is read."""
    open_view(Timeline(""), actor, purpose, as_of)
    return _GatedCohort(lambda: (open_view(timeline, actor, purpose, as_of) for timeline in timelines))


def open_columns(
    events: pl.DataFrame,
    cases: pl.DataFrame,
    actor: Actor,
    purpose: str,
    basis: str,
    *,
    rules: Rules | None = None,
) -> pl.DataFrame:
    """Return what each of `cases` may see of a population, as known at its moment, with `row`: its place
    there.

    events: the archive's columns and `subject`; times in UTC without a zone; `until`, where there is such a
    column, is when a newer copy took a row's place. cases: columns `subject`, `moment`, and `whole_at` where
    it is known. basis: on which such a population is opened, as whoever answers for it says. rules: what of
    each subject is open; who said no for all of it is not there.
    Raises RefusedError for any other purpose than training and quality, or without a basis or a name.
    """
    import polars as pl

    refuse_population(actor, purpose, basis)
    whole = pl.col("whole_at") if "whole_at" in cases.columns else pl.lit(None, pl.Datetime("us"))
    placed = cases.select(
        "subject", pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), "moment", whole.alias("whole_at")
    )
    events = events if rules is None else _allowed(events, rules, actor, purpose)
    seen = events.join(placed, on="subject", maintain_order="left").filter(*_known_then(events.columns))
    return _as_known_then(seen).drop("moment", "whole_at")


def _allowed(events: pl.DataFrame, rules: Rules, actor: Actor, purpose: str) -> pl.DataFrame:
    """Return the rows of `events` that the rule of each one's subject allows, in their order."""
    import polars as pl

    for rule in {id(rule): rule for rule in (rules.otherwise, *rules.of.values())}.values():
        _refuse_anothers(rule, actor, purpose)
    subject, otherwise = pl.col("subject"), rules.otherwise.constant
    shut = [whose for whose, rule in rules.of.items() if rule.constant is False]
    scoped = [whose for whose, rule in rules.of.items() if rule.constant is None]
    events = events.filter(~subject.is_in(shut)) if shut else events
    if otherwise is False:
        events = events.filter(subject.is_in(list(rules.of)))
    if otherwise is not None and not scoped:
        return events
    numbered = events.with_row_index("_place")
    denied: list[int] = []
    if otherwise is None:
        denied += _denied(numbered.filter(~subject.is_in(list(rules.of))), rules.otherwise)
    cut = numbered.filter(subject.is_in(scoped)).partition_by("subject", as_dict=True)
    for (whose,), rows in cut.items():
        denied += _denied(rows, rules.of[str(whose)])
    return numbered.filter(~pl.col("_place").is_in(denied)).drop("_place") if denied else events


def _denied(rows: pl.DataFrame, rule: Rule | Both) -> list[int]:
    """Return the places (`_place`) of the rows that `rule` denies."""
    if rule.sees == {"label"}:
        # What carries no label is all decided alike.
        marked = rows.filter(_is_labelled(rows))
        plain = [] if rule.allows("") else rows.filter(~_is_labelled(rows))["_place"].to_list()
        return plain + _denied_one_by_one(marked, rule)
    return _denied_one_by_one(rows, rule)


def _is_labelled(rows: pl.DataFrame) -> pl.Expr:
    """Whether a row may carry a label: by one of its codes, or by itself."""
    import polars as pl

    others = rows["other_codes"].explode()
    codes = pl.concat([rows["code"], others]).unique().drop_nulls().to_list()
    of = value_sets().of
    known = [one for one in codes if any(of(said) for said in _either(one))]
    found = (
        pl.col("code").is_in(known) | pl.col("other_codes").list.eval(pl.element().is_in(known)).list.any()
    )
    own = pl.col("labels").list.len() > 0 if "labels" in rows.columns else pl.lit(value=False)
    return (found | own).fill_null(value=False)


def _denied_one_by_one(rows: pl.DataFrame, rule: Rule | Both) -> list[int]:
    names = [one for one in _OF_A_DATUM if one in rows.columns]
    return [
        place for place, *told in rows.select("_place", *names).iter_rows() if not rule.shows(_datum(told))
    ]


_OF_A_DATUM = ("code", "other_codes", "time", "source", "labels")


def _datum(told: Sequence[Any]) -> Event:
    code, others, time, source, *labels = told
    at = None if time is None else time.replace(tzinfo=UTC)
    carried = tuple(labels[0]) if labels and labels[0] else ()
    return Event((code, *others) if others else (code,), at, source=source or "", labels=carried)


def _either(code: str) -> tuple[str, ...]:
    """Return `code`, and what it means on a Procedure."""
    return (code, *meant(Event((code,), source="Procedure/")))


def refuse_population(actor: object, purpose: str, basis: str) -> None:
    """Raise RefusedError unless a population may be opened for `actor`, for `purpose`, on that `basis`."""
    refuse_nobody(actor)
    if purpose not in (TRAINING, QUALITY):
        raise RefusedError(f"No population is opened for '{purpose}': for {TRAINING} and {QUALITY} alone.")
    if not basis.strip():
        raise RefusedError(
            "On which basis is this population opened? A published set has its licence; of your own records "
            "say it with --basis: the law, the ethics board's decision, and who answers for it."
        )


def _known_then(columns: list[str]) -> list[pl.Expr]:
    """As `_known`, and as `open_view` treats what has no date, over columns."""
    import polars as pl

    moment = pl.col("moment")
    dated = [pl.col(name).is_null() | (pl.col(name) <= moment) for name in ("time", "known_at")]
    undated = pl.all_horizontal(pl.col("time", "known_at").is_null())
    somebody = pl.col("source").str.starts_with("Patient/")
    early = (moment < pl.col("whole_at")).fill_null(value=False)
    stood = [pl.col("until").is_null() | (pl.col("until") > moment)] if "until" in columns else []
    return [
        (pl.col("status") != "entered-in-error").fill_null(value=True),
        *dated,
        ~(early & undated & ~somebody.fill_null(value=False)),
        *stood,
    ]


def _as_known_then(seen: pl.DataFrame) -> pl.DataFrame:
    """As `_as_known`, over columns."""
    import polars as pl

    to_come = (pl.col("end") > pl.col("moment")).fill_null(value=False)
    measured = pl.col("source").str.starts_with("Observation/").fill_null(value=False)
    ended = pl.col("status").is_in(sorted(_ENDED)).fill_null(value=False)
    return seen.with_columns(
        pl.when(to_come & measured).then("moment").when(to_come).then(None).otherwise("end").alias("end"),
        pl.when(to_come & ~measured & ended).then(pl.lit("active")).otherwise("status").alias("status"),
    )


def _known(event: Event, as_of: datetime) -> bool:
    if event.status == "entered-in-error":
        return False
    return all(moment is None or moment <= as_of for moment in (event.time, event.known_at))


def _is_undated(event: Event) -> bool:
    """Whether nothing tells when it was or became known; who somebody is was never news."""
    return event.time is None and event.known_at is None and event.kind != "Patient"


def _as_known(event: Event, as_of: datetime) -> Event:
    """Take out an end that had not come yet, and the status that it brought."""
    if event.end is None or event.end <= as_of:
        return event
    if event.kind == "Observation":
        # Its end is that of the day by which alone it is dated: it was at some moment until now.
        return replace(event, end=as_of)
    return replace(event, end=None, status="active" if event.status in _ENDED else event.status)
