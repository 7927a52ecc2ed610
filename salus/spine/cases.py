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
from salus.core.errors import EvidenceError, RefusedError
from salus.learning.columns import table
from salus.learning.task import GROUP, Beside, Case, Excluded, Task
from salus.privacy.gate import open_columns
from salus.record.population import Population, carrying, of_archive, part_of
from salus.spine.opening import Opening, permitted

if TYPE_CHECKING:
    import polars as pl

    from salus.core.evidence import Timeline


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one task in one population, with what may be seen of each.

    asked: those who can be asked about, in the order of all that follows. values: their features. hidden: of
    whom something is there and not shown (columns row, parameter). impossible: by parameter, how many numbers
    were passed over that no patient can have. persons: whoever shares one is one person. sites: the part of
    the set. groups: by name, the group of each case, None where not known. beside: by whose, what somebody
    else said of each, as a probability of the outcome, NaN where nothing. flow: how many people fell out at
    each step, and why.
    """

    population: Population
    asked: list[Case]
    values: pl.DataFrame
    hidden: pl.DataFrame
    impossible: Mapping[str, int]
    persons: list[str]
    sites: list[str]
    groups: Mapping[str, list[str | None]]
    beside: Mapping[str, list[float]]
    flow: list[dict[str, Any]]

    @property
    def outcomes(self) -> list[bool]:
        """The outcome of each; only of cases whose outcomes are known, since unknown is never "no"."""
        assert all(case.outcome is not None for case in self.asked), "take the rows with an outcome first"
        return [bool(case.outcome) for case in self.asked]

    def rows_with_outcome(self) -> list[int]:
        """Return the rows of the cases whose outcome is known."""
        return [row for row, case in enumerate(self.asked) if case.outcome is not None]

    def unused(self) -> tuple[str, ...]:
        """Say what of the evidence could not be used, in whole sentences."""
        many = ", ".join(f"{n:,} of {name}" for name, n in sorted(self.impossible.items()))
        wrong = f"Passed over as impossible: {many}. See the values and their units."
        return (*refusals(self.population), *([wrong] if many else []))

    @property
    def patient_days(self) -> float:
        """The days from the start of each case to its moment, all together."""
        return sum((case.moment - case.start).total_seconds() for case in self.asked) / 86_400


def population(task: Task, place: str, part: str = "", opening: Opening | None = None) -> Population:
    """Return the evidence at `place`: of a folder with a published set, or what is open of an archive.

    part: of a set that lies in parts, the one that is wanted; of any, train or test. Raises UserError where
    there is none of that name, RefusedError for an archive without an opening.
    """
    from salus.record.archive import Archive
    from salus.record.sources import sets
    from salus.spine.site import holds_records

    folder = Path(place)
    if holds_records(folder):
        if opening is None:
            raise RefusedError("Records are opened for somebody, for a purpose, on a basis: say which.")
        whole = of_archive(Archive.open(folder), lambda code: _is_read(task, code) or task.is_milestone(code))
        found = permitted(whole, place, opening)
    else:
        found = sets.population(folder)
    return part_of(found, part) if part else found


def gather(
    task: Task, found: Population, *, actor: Actor, purpose: str, basis: str, unknown: bool = False
) -> Cases:
    """Return the cases of `task` in a population, each with what was known at its moment and nothing else.

    unknown: those whose outcome is not known too.
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
    asked = [one for one in every if isinstance(one, Case)] if unknown else known
    placed = framed(asked, found)
    opening = Opening(actor, purpose, basis)
    seen = opened(task, found, placed, opening)
    made = table(seen, placed, task.parameters, (*task.features, *task.told_apart()))
    whose = placed.join(found.subjects, on="subject", how="left", maintain_order="left")
    return Cases(
        population=found,
        asked=asked,
        values=made.values.select(one.name for one in task.features),
        hidden=made.hidden,
        impossible=made.impossible,
        persons=whose["person"].to_list(),
        sites=whose["site"].to_list(),
        groups={
            group.by: [group.named(value) for value in made.values[GROUP + group.by]] for group in task.groups
        },
        beside={one.by: _estimates(one, found, placed, opening) for one in task.beside},
        flow=flow,
    )


def taken(cases: Cases, rows: list[int]) -> Cases:
    """Return the cases in `rows`, one as often as it is named there."""
    import polars as pl

    def of(values: list[Any]) -> list[Any]:
        return [values[row] for row in rows]

    places = pl.DataFrame({"row": rows, "at": range(len(rows))}, {"row": pl.UInt32, "at": pl.UInt32})
    hidden = cases.hidden.join(places, on="row").select(pl.col("at").alias("row"), "parameter", "kept_back")
    return replace(
        cases,
        asked=of(cases.asked),
        values=cases.values[rows],
        hidden=hidden,
        persons=of(cases.persons),
        sites=of(cases.sites),
        groups={by: of(list(each)) for by, each in cases.groups.items()},
        beside={by: of(each) for by, each in cases.beside.items()},
    )


def refusals(found: Population) -> Iterator[str]:
    """Say how much of the files could not be used, with the first place and reason."""
    if found.rejects:
        file, line, reason = found.rejects[0]
        yield f"{len(found.rejects)} entries were refused, first {file}:{line}: {reason}."


def opened(task: Task, found: Population, placed: pl.DataFrame, opening: Opening) -> pl.DataFrame:
    """Return what cases (as `framed`) may see of what the features of `task` read, through the gate.

    Nothing that would leak the outcome comes near the features.
    """
    events = found.events
    read = carrying(events, lambda code: _is_read(task, code))
    mine = events.filter(read, ~carrying(events, task.leaks.__contains__))
    return open_columns(mine, placed, *opening[:3])


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


def _estimates(beside: Beside, found: Population, placed: pl.DataFrame, opening: Opening) -> list[float]:
    """Return what somebody else said last of each case, as a probability of the outcome."""
    import polars as pl

    estimates = [float("nan")] * placed.height
    told = found.events.filter(carrying(found.events, lambda code: code == beside.code))
    said = open_columns(told, placed, *opening[:3]).filter(pl.col("value").is_between(0, 1))
    for row, value in said.sort("row", "time", maintain_order=True).select("row", "value").iter_rows():
        estimates[row] = 1 - value if beside.of_the_opposite else value
    return estimates


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
