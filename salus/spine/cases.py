"""Cases: a task, a place full of evidence and the gate brought together, for training and testing alike.

A published set is opened on its licence; a site's own records on the basis that whoever answers for it
states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salus.core.codes import BIRTH
from salus.core.consent import Actor
from salus.core.errors import EvidenceError
from salus.learning.columns import table
from salus.learning.features import EVER, Feature
from salus.learning.task import Case, Excluded, Task
from salus.privacy.gate import open_columns
from salus.record.population import Population, carrying, of_archive, part_of

if TYPE_CHECKING:
    import polars as pl

    from salus.core.evidence import Timeline

_GROUP = "group: "


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one task in one population, with what may be seen of each.

    known: those whose outcome is known, in the order of all that follows. values: their features. hidden: of
    whom something is there and not shown (columns row, parameter). outcomes: by case. persons: whoever shares
    one is one person. sites: the part of the set. groups: by name, the group of each case, None where not
    known. beside: what somebody else said of each, as a probability of the outcome, NaN where nothing. flow:
    how many people fell out at each step, and why.
    """

    population: Population
    known: list[Case]
    values: pl.DataFrame
    hidden: pl.DataFrame
    outcomes: list[bool]
    persons: list[str]
    sites: list[str]
    groups: Mapping[str, list[str | None]]
    beside: list[float]
    flow: list[dict[str, Any]]

    def with_outcome(self) -> Cases:
        """Return the cases whose outcome is known."""
        rows = [row for row, case in enumerate(self.known) if case.outcome is not None]
        return self if len(rows) == len(self.known) else taken(self, rows)

    @property
    def patient_days(self) -> float:
        """The days from the start of each case to its moment, all together."""
        return sum((case.moment - case.start).total_seconds() for case in self.known) / 86_400


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the feature engine is asked for: the task's features, and what tells groups apart."""

    parameters: tuple[Any, ...]
    features: tuple[Feature, ...]


def population(task: Task, place: str, part: str = "") -> Population:
    """Return the evidence at `place`: an archive, or a folder that holds a published set.

    part: of a set that lies in parts, the one that is wanted. Raises UserError where there is none of that
    name.
    """
    from salus.record.archive import Archive
    from salus.record.manifest import NAME
    from salus.record.sources import sets

    folder = Path(place)
    if (folder / NAME).is_file():
        return of_archive(Archive.open(folder), lambda code: _is_read(task, code) or task.is_milestone(code))
    found = sets.population(folder)
    return part_of(found, part) if part else found


def gather(
    task: Task, found: Population, *, actor: Actor, purpose: str, basis: str, unknown: bool = False
) -> Cases:
    """Return the cases of `task` in a population, each with what was known at its moment and nothing else.

    unknown: those whose outcome is not known too (they count as without it until `with_outcome`).
    Raises RefusedError where the gate does, EvidenceError where nobody there can be asked about.
    """
    every = list(_cases(task, found))
    known = [one for one in every if isinstance(one, Case) and one.outcome is not None]
    flow = _flow(found, every, len(known))
    if not known:
        raise EvidenceError(
            f"'{found.name}' has no case of {task.name} whose outcome is known, of {len(every)} looked at: "
            + " ".join(("see that it holds what begins a case, and what ends it.", *refusals(found)))
        )
    if unknown:
        known = [one for one in every if isinstance(one, Case)]
    placed = framed(known, found)
    seen = opened(task, found, known, actor=actor, purpose=purpose, basis=basis)
    said = open_columns(_beside(task, found), placed, actor, purpose, basis)
    cases = _with_features(task, found, known, flow, seen)
    return replace(cases, beside=_estimates(task, said, len(known)))


def taken(cases: Cases, rows: list[int]) -> Cases:
    """Return the cases in `rows`, one as often as it is named there."""
    import polars as pl

    def of(values: list[Any]) -> list[Any]:
        return [values[row] for row in rows]

    places = pl.DataFrame({"row": rows, "at": range(len(rows))}, {"row": pl.UInt32, "at": pl.UInt32})
    hidden = cases.hidden.join(places, on="row").select(pl.col("at").alias("row"), "parameter")
    return replace(
        cases,
        known=of(cases.known),
        values=cases.values[rows],
        hidden=hidden,
        outcomes=of(cases.outcomes),
        persons=of(cases.persons),
        sites=of(cases.sites),
        groups={by: of(list(each)) for by, each in cases.groups.items()},
        beside=of(cases.beside),
    )


def refusals(found: Population) -> Iterator[str]:
    """Say how much of the files could not be used, with the first place and reason."""
    if found.rejects:
        file, line, reason = found.rejects[0]
        yield f"{len(found.rejects)} entries were refused, first {file}:{line}: {reason}."


def opened(
    task: Task, found: Population, cases: list[Case], *, actor: Actor, purpose: str, basis: str
) -> pl.DataFrame:
    """Return what `cases` may see of the events that the features of `task` read, through the gate."""
    return open_columns(_read_by(task, found), framed(cases, found), actor, purpose, basis)


def _flow(found: Population, every: list[Case | Excluded], known: int) -> list[dict[str, Any]]:
    """Return how many fell out at each step, and why."""
    why = Counter(one.why for one in every if isinstance(one, Excluded))
    cases = len(every) - why.total()
    none = found.subjects.height - len({one.subject for one in every})
    return [
        {"step": "people", "n": found.subjects["person"].n_unique()},
        {"step": "records", "n": found.subjects.height},
        {"step": "records in which nothing begins a case", "n": none},
        {"step": "looked at", "n": len(every)},
        *({"step": f"excluded: {reason}", "n": count} for reason, count in sorted(why.items())),
        {"step": "cases", "n": cases},
        {"step": "outcome not known", "n": cases - known},
        {"step": "judged", "n": known},
    ]


def _read_by(task: Task, found: Population) -> pl.DataFrame:
    """Return the events that `task` reads: nothing that would leak the outcome comes near the features."""

    events = found.events
    read = carrying(events, lambda code: _is_read(task, code))
    return events.filter(read, ~carrying(events, task.leaks.__contains__))


def _beside(task: Task, found: Population) -> pl.DataFrame:
    """Return the events in which somebody else said what would happen: never read by a feature."""
    told = None if task.beside is None else task.beside.code
    return found.events.filter(carrying(found.events, lambda code: code == told))


def _estimates(task: Task, said: pl.DataFrame, many: int) -> list[float]:
    """Return the last estimate of each case as a probability of the outcome."""
    import polars as pl

    found = [float("nan")] * many
    given = said.filter(pl.col("value").is_between(0, 1)).sort("row", "time", maintain_order=True)
    for row, value in given.select("row", "value").iter_rows():
        found[row] = 1 - value if task.beside is not None and task.beside.of_the_opposite else value
    return found


def _is_read(task: Task, code: str) -> bool:
    return code == BIRTH or task.reads(code)


def framed(cases: list[Case], found: Population) -> pl.DataFrame:
    """Return cases as columns: subject, start, moment, whole_at; in UTC without a zone."""
    import polars as pl

    told = pl.DataFrame(
        {
            "subject": pl.Series([case.subject for case in cases], dtype=pl.String),
            "start": pl.Series([_plain(case.start) for case in cases], dtype=pl.Datetime("us")),
            "moment": pl.Series([_plain(case.moment) for case in cases], dtype=pl.Datetime("us")),
        }
    )
    if "whole_at" not in found.subjects.columns:
        return told.with_columns(pl.lit(None, pl.Datetime("us")).alias("whole_at"))
    whole = found.subjects.select("subject", "whole_at")
    return told.join(whole, on="subject", how="left", maintain_order="left")


def _plain(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _with_features(
    task: Task, found: Population, known: list[Case], flow: list[dict[str, Any]], seen: pl.DataFrame
) -> Cases:
    import polars as pl

    extra = tuple(_told_apart(task))
    made = table(seen, framed(known, found), _Asked(task.parameters, (*task.features, *extra)))
    whose = pl.DataFrame({"subject": [case.subject for case in known]}).join(
        found.subjects, on="subject", how="left", maintain_order="left"
    )
    groups = {
        group.by: [group.named(value) for value in made.values[_GROUP + group.by]] for group in task.groups
    }
    return Cases(
        population=found,
        known=known,
        values=made.values.drop([one.name for one in extra]),
        hidden=made.hidden,
        outcomes=[bool(case.outcome) for case in known],
        persons=whose["person"].to_list(),
        sites=whose["site"].to_list(),
        groups=groups,
        beside=[],
        flow=flow,
    )


def _told_apart(task: Task) -> Iterator[Feature]:
    from salus.learning.parameters import Category

    kinds = {one.name: isinstance(one, Category) for one in task.parameters}
    for group in task.groups:
        how = "level" if kinds[group.parameter] else "last"
        yield Feature(_GROUP + group.by, how, (group.parameter,), EVER)


def _cases(task: Task, found: Population) -> Iterator[Case | Excluded]:
    for timeline in milestones(task, found):
        yield from task.cases(timeline)


def milestones(task: Task, found: Population) -> Iterable[Timeline]:
    """Yield each subject's milestones as a Timeline: what happened, after the moment of prediction too."""
    import polars as pl

    from salus.record.columns import OF_A_ROW, rows_of
    from salus.record.fhir import timeline

    mine = found.events.filter(carrying(found.events, task.is_milestone))
    if "until" in mine.columns:
        mine = mine.filter(pl.col("until").is_null())
    mine = mine.sort("subject", maintain_order=True)
    rows = rows_of(mine.select(OF_A_ROW))
    at = 0
    for subject, count in mine.group_by("subject", maintain_order=True).len().iter_rows():
        yield timeline(subject, rows[at : at + count])
        at += count
