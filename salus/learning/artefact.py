"""Artefact: a learnt additive model as one JSON file: what it looks at, its scores, and how it was made.

For whoever asks, checks or rewrites a model without the machine that trained it: plain Python or a browser
scores it, and a person can read it. The format is told in docs/reference/artefact.md. Everything is checked
when it is read: a file that is not whole is refused, with the place and what to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salus.core.errors import EvidenceError
from salus.learning.apart import Apart, misfit
from salus.learning.features import Feature, made_of, parameters_of
from salus.learning.parameters import Category
from salus.learning.task import Task

FORMAT = "salus-additive/1"
# What stands in the place of the digest while the digest is taken.
_BLANK = "0" * 64


@dataclass(frozen=True, slots=True)
class Input:
    """A feature that the model looks at, or that one of those is made of.

    unit: UCUM, of its parameter. parameters: the names of those that it comes from, through others too.
    """

    feature: Feature
    unit: str
    parameters: tuple[str, ...]

    @property
    def name(self) -> str:
        """The feature's name, as a clinician reads it."""
        return self.feature.name

    @property
    def is_level(self) -> bool:
        """Whether its value is a level and not a number."""
        return self.feature.how == "level"

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        return {**self.feature.as_json(), "unit": self.unit, "parameters": list(self.parameters)}


@dataclass(frozen=True, slots=True)
class Curve:
    """What one number adds: a score for each bin between `edges`, and a line through the knots, added to it.

    counts: training cases without a value, then those of each bin. Beyond its ends the line is level. A case
    without a value takes `missing` alone.
    """

    feature: int
    edges: tuple[float, ...]
    scores: tuple[float, ...]
    missing: float
    counts: tuple[float, ...]
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()

    @property
    def features(self) -> tuple[int, ...]:
        """The features it looks at."""
        return (self.feature,)

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        line = {"knots": self.knots, "heights": self.heights} if self.knots else {}
        return {"feature": self.feature, "edges": self.edges, "scores": self.scores,
                "missing": self.missing, "counts": self.counts, **line}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Levels:
    """What one level adds. other: any level not listed. counts: training cases without a level, then those of
    each, then of any other.
    """

    feature: int
    levels: tuple[str, ...]
    scores: tuple[float, ...]
    other: float
    missing: float
    counts: tuple[float, ...]

    @property
    def features(self) -> tuple[int, ...]:
        """The features it looks at."""
        return (self.feature,)

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        return {"feature": self.feature, "levels": self.levels, "scores": self.scores,
                "other": self.other, "missing": self.missing, "counts": self.counts}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """What two features add together: a row for each bin of the first, a column for each of the second.

    edges: of a level its levels. Row and column 0 are of a case without a value; of a level the last is of
    any other.
    """

    features: tuple[int, int]
    edges: tuple[tuple[float, ...] | tuple[str, ...], tuple[float, ...] | tuple[str, ...]]
    scores: tuple[tuple[float, ...], ...]

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        return {"features": self.features, "edges": self.edges, "scores": self.scores}


Term = Curve | Levels | Pair


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The set that a model was trained on. digest: SHA-256 of its files. excluded: cases not asked about.

    years: when its people were seen, as its publisher says; "" where that is not known.
    """

    name: str
    title: str
    digest: str
    licence: str
    cite: str
    n: int
    events: int
    excluded: int
    years: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came to be: when, by which code, from which seed, with which libraries, on which set."""

    at: str
    code: str
    seed: int
    libraries: Mapping[str, str]
    data: TrainedOn


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value and the interval around it."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class GroupMeasure:
    """How the model did in one group of the people it was trained on, each of them held out once.

    None: too few to judge, as `note` says.
    """

    by: str
    group: str
    n: int
    events: int
    auroc: Interval | None
    observed_expected: Interval | None
    true_positive_rate: Interval | None = None
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as the file has it."""
        measures = ("auroc", "observed_expected", "true_positive_rate")
        told = {name: _told(getattr(self, name)) for name in measures}
        return {"by": self.by, "group": self.group, "n": self.n, "events": self.events,
                **told, "note": self.note}  # fmt: skip


def _told(interval: Interval | None) -> dict[str, object] | None:
    return None if interval is None else interval.as_json()


@dataclass(frozen=True, slots=True)
class Artefact:
    """A learnt additive model.

    logit = slope * (intercept + sum of scores) + shift. alpha: the share of cases of each class that its
    conformal set may miss; quantiles: of "no" and "yes". novelty: bounds of what was seen in training.
    threshold: from this probability on the model flags; misses: how many false alarms one miss weighs. apart:
    what groups of people have of their own, where a mitigation is on (`salus.learning.apart`).
    """

    task: str
    version: str
    asks: str
    outcome: str
    horizon: str
    made: Made
    inputs: tuple[Input, ...]
    intercept: float
    terms: tuple[Term, ...]
    slope: float
    shift: float
    alpha: float
    quantiles: Mapping[str, float]
    novelty: Mapping[str, Any]
    threshold: float
    misses: float
    chosen: str
    measures: tuple[GroupMeasure, ...]
    shapes_of: str
    apart: Apart | None = None
    # What the scorer works out once, and the place the file came from.
    worked_out: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The terms of two features."""
        return tuple(term for term in self.terms if isinstance(term, Pair))

    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters that a term looks at, in the order of the terms."""
        used = (self.inputs[place].parameters for term in self.terms for place in term.features)
        return tuple(dict.fromkeys(name for names in used for name in names))

    def as_json(self) -> dict[str, object]:
        """Return the document, without its digest."""
        data = self.made.data
        trained = {name: getattr(data, name) for name in TrainedOn.__dataclass_fields__}
        made = {"at": self.made.at, "code": self.made.code, "seed": self.made.seed,
                "libraries": dict(self.made.libraries), "data": trained}  # fmt: skip
        return {
            "format": FORMAT, "task": self.task, "version": self.version, "asks": self.asks,
            "outcome": self.outcome, "horizon": self.horizon, "made": made,
            "features": [one.as_json() for one in self.inputs],
            "intercept": self.intercept,
            "terms": [term.as_json() for term in self.terms],
            "calibration": {"slope": self.slope, "intercept": self.shift},
            "conformal": {"alpha": self.alpha, "quantiles": dict(self.quantiles)},
            "novelty": self.novelty,
            "threshold": {"value": self.threshold, "misses": self.misses, "chosen": self.chosen},
            "measures": [one.as_json() for one in self.measures],
            "shapes_of": self.shapes_of,
            **({"apart": self.apart.as_json()} if self.apart else {}),
        }  # fmt: skip

    def dumps(self) -> bytes:
        """Return the file: one canonical line, sealed with the digest of its own bytes."""
        return sealed(self.as_json())


def sealed(document: Mapping[str, object]) -> bytes:
    """Return `document` as a file: keys sorted, floats as Python writes them, the digest put in."""
    body = {**document, "digest": _BLANK}
    raw = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    taken = hashlib.sha256(f"{raw}\n".encode()).hexdigest()
    return f"{raw}\n".replace(f'"digest":"{_BLANK}"', f'"digest":"{taken}"', 1).encode()


def of(document: Mapping[str, Any], place: str = "artefact") -> Artefact:
    """Return the Artefact that a document of the format tells (a digest in it is not looked at).

    Raises EvidenceError with the place inside the document and what to do.
    """
    from salus.learning.artefact_read import whole

    return whole(document, place)


def loads(raw: bytes, place: str = "artefact") -> Artefact:
    """Return the Artefact in `raw`, the bytes of a file; `place` names it in errors.

    Raises EvidenceError where anything is not as the format has it, or a byte was changed.
    """
    from salus.learning.artefact_read import parsed

    document = parsed(raw, place)
    _unbroken(raw, document.pop("digest", None), place)
    return of(document, place)


def load(path: Path) -> Artefact:
    """Return the Artefact in the file at `path`. Raises EvidenceError as `loads` does."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        says = f"The artefact {path.name} cannot be read ({error.strerror})"
        raise EvidenceError(f"{says}: install Salus again, or train the model here.") from None
    return loads(raw, path.name)


def _unbroken(raw: bytes, told: object, place: str) -> None:
    if not isinstance(told, str) or len(told) != len(_BLANK):
        says = "write it with Artefact.dumps(), which seals it, or fetch it again"
        raise EvidenceError(f"{place}: it has no digest of its own bytes: {says}.")
    blank = raw.replace(f'"digest":"{told}"'.encode(), f'"digest":"{_BLANK}"'.encode(), 1)
    if hashlib.sha256(blank).hexdigest() != told:
        raise EvidenceError(f"{place}: its digest is not that of its bytes: it was changed. Fetch it again.")


def fits(artefact: Artefact, task: Task, place: str = "artefact") -> None:
    """Raise EvidenceError unless `artefact` was made for `task` as it is now: what it would be given is not
    what it learnt from.
    """
    remedy = f"Train it again: salus train {task.name}."
    if artefact.task != task.name:
        says = f"it answers '{artefact.task}', and the task is '{task.name}'"
        raise EvidenceError(f"{place}: {says}. Give the artefact of this task.")
    known = {one.name: one for one in task.features}
    for at, one in enumerate(artefact.inputs):
        if one.name not in known or not _same(one, known[one.name], task):
            says = f"features[{at}] ('{one.name}') is not what the task calls so"
            raise EvidenceError(f"{place}: {says}. {remedy}")
    wrong = misfit(artefact.apart, task) if artefact.apart else ""
    if wrong:
        raise EvidenceError(f"{place}: {wrong}. {remedy}")
    singles = len(artefact.terms) - len(artefact.pairs)
    many = max(singles, len(artefact.inputs))
    if many > task.terms or len(artefact.pairs) > task.pairs:
        says = f"{many} features and {len(artefact.pairs)} pairs are more than can be read"
        raise EvidenceError(f"{place}: {says} ({task.terms} and {task.pairs}). {remedy}")


def _same(one: Input, defined: Feature, task: Task) -> bool:
    known = {feature.name: feature for feature in task.features}
    names = parameters_of(defined, known)
    return (
        one.feature.as_json() == defined.as_json()
        and one.parameters == names
        and one.unit == unit_of(defined, task)
    )


def unit_of(feature: Feature, task: Task) -> str:
    """Return the UCUM unit of a feature's value, as an artefact keeps it; "" where it has none.

    Of a statistic of time hours, of a slope per hour; of an operator "", but for a difference of two in one
    unit.
    """
    known = {one.name: one for one in task.features}
    if feature.window is not None:
        return _counted_in(feature.how, _parameter_unit(feature.of[0], task))
    if feature.how == "difference":
        one, other = (unit_of(known[name], task) for name in feature.of)
        return one if one == other else ""
    return ""


def _counted_in(how: str, unit: str) -> str:
    if how in ("since", "span"):
        return "h"
    if how == "slope":
        return f"{unit}/h" if unit else ""
    return "" if how in ("count", "level") else unit


def _parameter_unit(name: str, task: Task) -> str:
    (found,) = (one for one in task.parameters if one.name == name)
    return "" if isinstance(found, Category) else found.unit


def inputs_for(task: Task, names: Iterable[str]) -> tuple[Input, ...]:
    """Return the features called `names` and those they are made of, each before what is made of it."""
    known = {one.name: one for one in task.features}
    wanted = dict.fromkeys(one for name in names for one in made_of(name, known))
    return tuple(
        Input(known[name], unit_of(known[name], task), parameters_of(known[name], known)) for name in wanted
    )
