"""Recalibrate: a learnt model's risks set right for a site by its own cases with known outcomes.

Shapes and ranking stay, and so does the threshold, as a probability: what changes is the affine calibration
of the log-odds, the conformal quantiles, and the measures. What is said of the new calibration is measured
on people that it was not made from, one fold after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError
from salus.learning import calibrate
from salus.learning.artefact import Artefact, GroupMeasure, Interval, Made, TrainedOn
from salus.learning.calibrate import ENOUGH_FOR_BOTH, ENOUGH_FOR_ONE, Affine
from salus.learning.fair import Judged, by_group, judged
from salus.learning.intervals import (
    DRAWS,
    Told,
    auroc_told,
    drawn,
    observed_expected,
    percentiles,
    persons_of,
    told,
)
from salus.learning.measure import checked, once
from salus.learning.mitigate import Known
from salus.learning.mitigated import FOLDS, Wanted, groups_by, switched_on
from salus.learning.stack import folds

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Floats, Whole

# By what all people together are called, beside the groups that they are told apart by.
EVERYONE = "everyone"
_INTERVALS = ("auroc", "observed_expected", "true_positive_rate")


@dataclass(frozen=True, slots=True)
class SiteCases:
    """A site's cases of known outcome: what the model says of each in log-odds, and who each is of.

    groups: by what people are told apart, the group of each case, None where not known.
    """

    y: Any
    logit: Any
    persons: Any = None
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """A model set right for a site. line: what was put on top of its calibration. before, after: slope,
    intercept, ECE and observed by expected there, each with its interval; after: on people held out.
    mitigation: where one was switched on, what that does beyond the recalibration of all.
    """

    artefact: Artefact
    line: Affine
    auroc: Told
    before: dict[str, Told]
    after: dict[str, Told]
    mitigation: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Measuring:
    """Cases as they are measured, and the seed and number of the draws."""

    y: Bools
    persons: Whole
    drawing: Mapping[str, int]


def recalibrated(
    artefact: Artefact,
    site: SiteCases,
    made: Made,
    *,
    mitigate: Wanted | None = None,
    seed: int = 1,
    draws: int = DRAWS,
) -> Recalibrated:
    """Return `artefact` recalibrated by the cases of a site; made: how, when and on which cases.

    What groups have of their own in it is recalibrated with it; with `mitigate` it is made anew, and the
    log-odds of `site` have to be those of the whole model. Below ENOUGH_FOR_BOTH cases of the rarer outcome
    the intercept alone is estimated. Raises EvidenceError below ENOUGH_FOR_ONE, or where the ranking would
    turn round.
    """
    from salus.learning.conformal import quantiles

    outcomes, odds = checked(site.y, site.logit, "log-odds")
    cases = _Measuring(outcomes, persons_of(site.persons, len(odds)), {"draws": draws, "seed": seed})
    _refuse_few(outcomes)
    auroc = auroc_told(outcomes, odds, cases.persons, draws=draws, seed=seed)
    high = auroc["high"]
    if high is not None and high < 0.5:
        # An intercept alone would leave it so, and set a wrong ranking right on average.
        raise EvidenceError(calibrate.TURNED)
    line = calibrate.at_site(outcomes, odds)
    parts = _lines(cases, odds, seed)
    held_out, limits = _held_out(cases, odds, parts, seed), _limits(artefact, site)
    changed = replace(_moved(artefact, line), shapes_of=_words(artefact, made, line))
    row = None
    if mitigate is not None:
        known = Known(outcomes, odds, groups_by(mitigate.by, site.groups), cases.persons)
        own: Any = {"lines": (*parts, line), "draws": draws, "seed": seed}
        done = switched_on(replace(changed, apart=None), known, mitigate, _of_site(made), **own)
        changed, held_out, limits, row = done.artefact, done.logit, done.limits, done.row
    risk = calibrate.expit(held_out)
    changed = replace(
        changed,
        made=_of_both(artefact.made, made),
        quantiles=quantiles(outcomes, risk, artefact.alpha)["quantiles"],
        measures=tuple(
            measures(judged(outcomes, risk, risk >= limits, cases.persons), site.groups, **cases.drawing)
        ),
    )
    before, after = _calibration(cases, odds), _calibration(cases, held_out)
    return Recalibrated(changed, line, auroc, before, after, row)


def _moved(artefact: Artefact, line: Affine) -> Artefact:
    """Return the artefact with `line` on top of its calibration, and of each group's."""
    whole = line.after(Affine(artefact.slope, artefact.shift))
    apart = artefact.apart
    if apart is not None:
        lines = [line.after(Affine(one.slope, one.shift)) for one in apart.groups]
        moved = zip(apart.groups, lines, strict=True)
        groups = tuple(replace(one, slope=own.slope, shift=own.intercept) for one, own in moved)
        apart = replace(apart, groups=groups)
    return replace(artefact, slope=whole.slope, shift=whole.intercept, apart=apart)


def _limits(artefact: Artefact, site: SiteCases) -> Any:
    """Return the threshold of each case."""
    import numpy as np

    apart = artefact.apart
    own = {one.group: one.threshold for one in apart.groups} if apart else {}
    names = site.groups.get(apart.by, ()) if apart else ()
    return np.array([own.get(str(name), artefact.threshold) for name in names] or artefact.threshold)


def _of_site(made: Made) -> str:
    return f"{made.data.n:,} cases of {made.data.title or made.data.name}"


def _refuse_few(y: Bools) -> None:
    fewer = int(min(y.sum(), (~y).sum()))
    if fewer < ENOUGH_FOR_ONE:
        raise EvidenceError(
            f"{fewer} cases of the rarer outcome are too few to recalibrate by (of {len(y)} cases; "
            f"{ENOUGH_FOR_ONE} are needed): a calibration by fewer says more of chance than of the site. "
            "Collect more, or keep the model as it is."
        )


def _lines(cases: _Measuring, odds: Floats, seed: int) -> list[Affine]:
    """Return, of each fold of people, the recalibration by the people of the others in the way of all."""
    y = cases.y
    both = min(y.sum(), (~y).sum()) >= ENOUGH_FOR_BOTH
    # Nine tenths of enough are a few less than enough: what is measured is what is done.
    enough = int(ENOUGH_FOR_BOTH * (1 - 2 / FOLDS)) if both else len(y)
    fold = folds(y, cases.persons, FOLDS, seed)
    return [calibrate.at_site(y[fold != held], odds[fold != held], enough) for held in range(FOLDS)]


def _held_out(cases: _Measuring, odds: Floats, lines: Sequence[Affine], seed: int) -> Floats:
    """Return the log-odds of each case, recalibrated by the people of other folds."""
    import numpy as np

    fold, found = folds(cases.y, cases.persons, FOLDS, seed), np.array(odds)
    for held, line in enumerate(lines):
        found[fold == held] = line.of(odds[fold == held])
    return found


def _calibration(cases: _Measuring, odds: Floats) -> dict[str, Told]:
    statistics = calibrate.statistics(cases.y, odds)
    resampled = drawn(statistics, cases.persons, **cases.drawing)
    found = {"observed_expected": observed_expected(cases.y, calibrate.expit(odds), cases.persons)}
    for name, statistic in statistics.items():
        value = once(statistic, len(odds))
        found[name] = told(value, *(percentiles(resampled[name]) or (value, value)))
    return found


def measures(
    cases: Judged, groups: Mapping[str, Sequence[str | None]], *, draws: int = DRAWS, seed: int = 1
) -> Iterator[GroupMeasure]:
    """Return how a model did in all people and in each group, of cases that were held out."""
    drawing = {"draws": draws, "seed": seed}
    ranked = auroc_told(cases.y, cases.risk, cases.persons, **drawing)
    yield of_everyone(cases.y, ranked, observed_expected(cases.y, cases.risk, cases.persons))
    for row in by_group(cases, groups, None, **drawing) if groups else ():
        auroc, seen, rate = (_interval(row.get(name)) for name in _INTERVALS)
        size = (row["by"], row["group"], row["n"], row["events"])
        yield GroupMeasure(*size, auroc, seen, rate, row["note"])


def _interval(found: Told | None) -> Interval | None:
    return None if found is None else Interval(**found)


def of_everyone(y: Bools, auroc: Told, seen: Told | None = None) -> GroupMeasure:
    """Return how a model did in all people, each held out once; seen: observed by expected."""
    return GroupMeasure(EVERYONE, EVERYONE, len(y), int(y.sum()), Interval(**auroc), _interval(seen))


def _of_both(learnt: Made, made: Made) -> Made:
    """Return how it was made, naming the people that it learnt from and those that it was calibrated by."""
    old, new = learnt.data, made.data
    site = f"{new.title or new.name} ({new.n:,} cases, {new.events:,} with the outcome)"
    data = TrainedOn(
        name=f"{old.name}, calibrated on {new.name}",
        title=f"{old.title or old.name}; calibrated anew on {site}",
        digest=f"{old.digest} {new.digest}",
        licence="; ".join(dict.fromkeys((old.licence, new.licence))),
        cite="; ".join(dict.fromkeys((old.cite, new.cite))),
        n=old.n,
        events=old.events,
        excluded=old.excluded,
        years=old.years,
    )
    return replace(made, data=data)


def _words(artefact: Artefact, made: Made, line: Affine) -> str:
    """Say of which people the shapes are, and of which the calibration."""
    old, new = artefact.made, made.data
    return (
        f"{artefact.shapes_of} Those shapes are of {old.data.title or old.data.name} (SHA-256 "
        f"{old.data.digest}), made on {old.at[:10]} by {old.code} with seed {old.seed}. The calibration, the "
        f"conformal quantiles and the measures are of {new.title or new.name} (SHA-256 {new.digest}): "
        f"{line.how}."
    )
