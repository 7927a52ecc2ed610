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

from salus.core.consent import DIRECT_CARE, QUALITY, TRAINING, WITHHELD, Actor, names_somebody
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.core.seams import Cohort, Opener, View
from salus.privacy.labels import labels_of
from salus.privacy.permits import OPEN, Both, Rule, Rules

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
    known = _known(timeline, as_of, early)
    seen = tuple(known if rule is None else rule.shown(known))
    said = basis or (BASIS if rule is None else rule.basis)
    return _GatedView(Timeline(timeline.subject, seen), actor, purpose, as_of, said, rule, opener)


def cut(timeline: Timeline, rule: Rule | Both) -> Timeline:
    """Return what `rule` leaves of a timeline.

    What is asked of it before a View is opened, as how old it is, must not tell of the rest.
    """
    return timeline if rule.constant else Timeline(timeline.subject, tuple(rule.shown(timeline)))


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


def open_cohort(
    timelines: Iterable[Timeline],
    actor: Actor,
    purpose: str,
    as_of: datetime,
    *,
    basis: str = "",
    rules: Rules | None = None,
) -> Cohort:
    """Return a View for each of `timelines`, lazily; raises as `open_view` does, before the first is read.

    rules: what of each subject is open; who said no for all of it is not there.
    """
    open_view(Timeline(""), actor, purpose, as_of, basis=basis, rule=None if rules is None else OPEN)
    if rules is None:
        return _GatedCohort(lambda: (open_view(one, actor, purpose, as_of, basis=basis) for one in timelines))
    _refuse_anothers_rules(rules, actor, purpose)
    return _GatedCohort(
        lambda: (
            open_view(one, actor, purpose, as_of, basis=basis, rule=rule)
            for one in timelines
            if (rule := rules.of.get(one.subject, rules.otherwise)).constant is not False
        )
    )


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
    if rules is not None:
        _refuse_anothers_rules(rules, actor, purpose)
        placed = placed.filter(_is_told_of(rules))
    denied = [] if rules is None else _denied(events, rules)
    if denied:
        # A row that is nobody's joins no case: taking it out by a filter would copy every column once more.
        whose = pl.when(~pl.int_range(pl.len()).is_in(denied)).then("subject")
        events = events.with_columns(whose.alias("subject"))
    seen = events.join(placed, on="subject", maintain_order="left").filter(*_known_then(events.columns))
    return _as_known_then(seen).drop("moment", "whole_at")


def allowed(events: pl.DataFrame, rules: Rules, actor: Actor, purpose: str) -> pl.DataFrame:
    """Return the rows of `events` that the rule of each one's subject allows, in their order.

    Raises RefusedError where a rule was made for somebody else, or for something else.
    """
    import polars as pl

    _refuse_anothers_rules(rules, actor, purpose)
    denied = _denied(events, rules)
    left = events.filter(~pl.int_range(pl.len()).is_in(denied)) if denied else events
    return left.filter(_is_told_of(rules))


def _refuse_anothers_rules(rules: Rules, actor: Actor, purpose: str) -> None:
    for rule in {id(rule): rule for rule in (rules.otherwise, *rules.of.values())}.values():
        _refuse_anothers(rule, actor, purpose)


def _is_told_of(rules: Rules) -> pl.Expr:
    """Whether anything may be told of a subject: who said no for all of it is not there."""
    import polars as pl

    some = [whose for whose, rule in rules.of.items() if rule.constant is not False]
    if rules.otherwise.constant is False:
        return pl.col("subject").is_in(some)
    return ~pl.col("subject").is_in(list(set(rules.of).difference(some)))


def _denied(events: pl.DataFrame, rules: Rules) -> list[int]:
    """Return the places of the rows that are denied where a rule is not the same for all of a subject."""
    import polars as pl

    scoped = [whose for whose, rule in rules.of.items() if rule.constant is None]
    if rules.otherwise.constant is not None and not scoped:
        return []
    names = [one for one in _OF_A_DATUM if one in events.columns]
    rows = events.select(pl.int_range(pl.len()).alias("_place"), "subject", *names)
    denied: list[int] = []
    some = rows.join(pl.DataFrame({"subject": scoped}, {"subject": pl.String}), on="subject", how="semi")
    for mine in some.partition_by("subject"):
        denied += _cut(mine, rules.of[mine["subject"][0]])
    if rules.otherwise.constant is not None:
        return denied
    return denied + _cut(rows, rules.otherwise, ~pl.col("subject").is_in(list(rules.of)))


def _cut(rows: pl.DataFrame, rule: Rule | Both, *among: pl.Expr) -> list[int]:
    """Return the places of the rows `among` these that `rule` denies, looked at one by one.

    Where labels alone matter, what carries none of them is open, and that is nearly everything.
    """
    if rule.sees == {"label"} and rule.allows(""):
        labelled = _is_labelled(rows, rule)
        if labelled is None:
            return []
        among = (*among, labelled)
    looked_at = rows.filter(*among)
    events = [_datum(told) for _, _, *told in looked_at.iter_rows()]
    shown = set(map(id, rule.shown(events)))
    return [place for place, event in zip(looked_at["_place"], events, strict=True) if id(event) not in shown]


def _is_labelled(rows: pl.DataFrame, rule: Rule | Both) -> pl.Expr | None:
    """Whether a row may carry a label that matters to `rule`, by a code or by itself; None: no row does."""
    import polars as pl

    known: list[str] = []
    if rule.minds_codes():
        others = rows["other_codes"].drop_nulls().explode()
        texts = rows["text_value"].unique()
        every = pl.concat([rows["code"].unique(), others.unique(), texts]).drop_nulls().unique()
        known = [one for one in every if rule.minds(one)]
    found = [pl.col("labels").list.len() > 0] if "labels" in rows.columns else []
    if known:
        found += [pl.col(name).is_in(known) for name in ("code", "text_value")]
        found.append(pl.col("other_codes").list.eval(pl.element().is_in(known)).list.any())
    return pl.any_horizontal(one.fill_null(value=False) for one in found) if found else None


_OF_A_DATUM = ("code", "other_codes", "time", "source", "text_value", "labels")


def _datum(told: Sequence[Any]) -> Event:
    code, others, time, source, value, *labels = told
    at = None if time is None else time.replace(tzinfo=UTC)
    carried = tuple(labels[0]) if labels and labels[0] else ()
    return Event((code, *others) if others else (code,), at, value=value, source=source or "", labels=carried)


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


def _known(timeline: Timeline, as_of: datetime, early: bool) -> list[Event]:
    """Return what was known at `as_of`, as it was known then; in one go, since a record holds thousands."""
    known = []
    for event in timeline.events:
        time, known_at = event.time, event.known_at
        if (time is not None and time > as_of) or (known_at is not None and known_at > as_of):
            continue
        if event.status == "entered-in-error" or (early and _is_undated(event)):
            continue
        end = event.end
        known.append(event if end is None or end <= as_of else _as_known(event, as_of))
    return known


def _is_undated(event: Event) -> bool:
    """Whether nothing tells when it was or became known; who somebody is was never news."""
    return event.time is None and event.known_at is None and event.kind != "Patient"


def _as_known(event: Event, as_of: datetime) -> Event:
    """Take out an end that had not come yet, and the status that it brought."""
    if event.kind == "Observation":
        # Its end is that of the day by which alone it is dated: it was at some moment until now.
        return replace(event, end=as_of)
    return replace(event, end=None, status="active" if event.status in _ENDED else event.status)
