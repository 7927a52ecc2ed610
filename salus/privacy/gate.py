"""The gate: the only maker of a View. It cuts a Timeline down to what this actor may see, for this purpose,
as it was known at this instant.

Direct care is the basis on which it opens; every other purpose is refused until the subject permits it.
The classes are private to this file, so nothing else can make a View.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from salus.core.consent import DIRECT_CARE, QUALITY, TRAINING, Actor, names_somebody
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.core.seams import Cohort, View

if TYPE_CHECKING:
    import polars as pl

BASIS = "direct care, treatment of the patient (GDPR Art. 9(2)(h); HIPAA 45 CFR 164.506(c))"

# A status that an ending brought about; before that end was known, the thing was still under way.
_ENDED = frozenset({"resolved", "remission", "inactive", "finished", "completed", "stopped"})


@dataclass(frozen=True, slots=True)
class _GatedView:
    timeline: Timeline
    actor: Actor
    purpose: str
    as_of: datetime
    permit: str

    @property
    def subject(self) -> str:
        return self.timeline.subject


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
) -> View:
    """Return what `actor` may see of `timeline` for `purpose`, as known at `as_of` (aware).

    whole_at: when the record was complete. Evidence without any date is known only from then on, since nobody
    can say that it was known sooner: discharge codes are not known at admission. basis: for training and
    quality, on which the population is opened that this is one of (see `open_columns`).
    Raises RefusedError when the purpose has no basis or nobody in particular asks.
    """
    if as_of.tzinfo is None:
        raise RefusedError("The instant of a view needs a time zone: write 2026-01-31T08:00:00Z.")
    refuse_nobody(actor)
    if purpose in (TRAINING, QUALITY):
        refuse_population(actor, purpose, basis)
    elif purpose != DIRECT_CARE:
        raise RefusedError(f"No permit for purpose '{purpose}': the record is open for {DIRECT_CARE} only.")
    early = whole_at is not None and as_of < whole_at
    seen = tuple(
        _as_known(event, as_of)
        for event in timeline
        if _known(event, as_of) and not (early and _is_undated(event))
    )
    return _GatedView(Timeline(timeline.subject, seen), actor, purpose, as_of, basis or BASIS)


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
    events: pl.DataFrame, cases: pl.DataFrame, actor: Actor, purpose: str, basis: str
) -> pl.DataFrame:
    """Return what each of `cases` may see of a population, as known at its moment, with `row`: its place
    there.

    events: the archive's columns and `subject`; times in UTC without a zone; `until`, where there is such a
    column, is when a newer copy took a row's place. cases: columns `subject`, `moment`, and `whole_at` where
    it is known. basis: on which such a population is opened, as whoever answers for it says.
    Raises RefusedError for any other purpose than training and quality, or without a basis or a name.
    """
    import polars as pl

    refuse_population(actor, purpose, basis)
    whole = pl.col("whole_at") if "whole_at" in cases.columns else pl.lit(None, pl.Datetime("us"))
    placed = cases.select(
        "subject", pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), "moment", whole.alias("whole_at")
    )
    seen = events.join(placed, on="subject", maintain_order="left").filter(*_known_then(events.columns))
    return _as_known_then(seen).drop("moment", "whole_at")


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
