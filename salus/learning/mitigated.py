"""Mitigated: a model with a mitigation switched on, and what that does, before and after, on people held out.

What is switched on lies in the artefact (`salus.learning.apart`): a calibration for each group, as for a new
site (`calibrate.at_site`), a threshold for each, so that as many of those with the outcome are found in each
(`mitigate.thresholds`), or both, the threshold after the calibration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError, UserError, choices
from salus.learning import calibrate
from salus.learning.apart import BOTH, HOW, RECALIBRATION, THRESHOLD, Apart, OfGroup
from salus.learning.calibrate import ENOUGH_FOR_BOTH, ENOUGH_FOR_ONE, Affine
from salus.learning.fair import LEAST_RATE, UNKNOWN, in_order, judged, named
from salus.learning.intervals import auroc_told, persons_of
from salus.learning.mitigate import EVERYBODY, Known, compared, threshold_of, thresholds

if TYPE_CHECKING:
    from salus.learning.artefact import Artefact
    from salus.learning.measure import Bools, Floats, Whole

# Folds of people: what is measured is learnt from nine tenths of them. A nine tenth of enough cases are a few
# less than enough: what a group has is decided by all of them.
FOLDS = 10
_NINE_TENTHS = int(ENOUGH_FOR_BOTH * (1 - 2 / FOLDS))
_NAMES = {
    RECALIBRATION: "group recalibration",
    THRESHOLD: "thresholds by group",
    BOTH: "group recalibration with thresholds by group",
}
_LEVEL = "12 in 100 means 12 in 100 in each (slope and intercept by group, as far as its cases carry them)"
_FOUND = (
    "as many of those with the outcome are found in each (equal true-positive rate, no more flagged in all)"
)
_CRITERION = {
    RECALIBRATION: f"so that {_LEVEL}",
    THRESHOLD: f"so that {_FOUND}",
    BOTH: f"so that {_LEVEL} and {_FOUND}",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mitigation is switched on: how (one of HOW), and by what people are told apart."""

    how: str
    by: str

    @property
    def name(self) -> str:
        """How it is called."""
        return _NAMES[self.how]


@dataclass(frozen=True, slots=True)
class Mitigated:
    """A model whose mitigation is on. logit, limits: of each case, learnt from other people. row: what it
    does there, before and after, as `mitigate.compared` tells it.
    """

    artefact: Artefact
    logit: Floats
    limits: Floats
    row: dict[str, Any]

    @property
    def risk(self) -> Floats:
        """The probability of each case, by what other people gave."""
        return calibrate.expit(self.logit)

    @property
    def flags(self) -> Bools:
        """Who is flagged, by the threshold that other people gave."""
        flags: Bools = self.risk >= self.limits
        return flags


@dataclass(frozen=True, slots=True)
class _Own:
    """What groups have of their own: lines on top of the whole model's calibration, and thresholds."""

    lines: Mapping[str, Affine]
    limits: Mapping[str, float]

    def of(self, cases: Known, threshold: float) -> tuple[Floats, Floats]:
        """Return the log-odds and the threshold of each case."""
        logit = calibrate.applied(cases.logit, cases.groups, self.lines)
        return logit, threshold_of(cases.groups, {**self.limits, EVERYBODY: threshold}, len(logit))


def wanted(told: str) -> Wanted:
    """Return what is wanted by words like ``recalibration:sex``; raises UserError where they are others."""
    how, _, by = told.partition(":")
    if how not in HOW or not by:
        says = f"'{told}' names no mitigation: write one of {', '.join(HOW)}, a colon and by what"
        raise UserError(f"{says}, such as recalibration:sex.")
    return Wanted(how, by)


def groups_by(by: str, groups: Mapping[str, Any]) -> Any:
    """Return the group of each case; raises UserError where nobody is told apart by that."""
    if by not in groups:
        raise UserError(f"Nobody is told apart by '{by}': {choices(by, groups)}.")
    return groups[by]


def switched_on(
    artefact: Artefact,
    cases: Known,
    asked: Wanted,
    learnt_from: str,
    *,
    lines: Sequence[Affine] = (),
    seed: int = 1,
    draws: int = 1000,
) -> Mitigated:
    """Return `artefact` with a mitigation switched on, learnt from cases that its shapes are not of, or from
    what was said of each out of fold.

    cases: their log-odds as the artefact calibrates them. learnt_from: which, in words. lines: of each fold,
    what was put on its people's log-odds by the others before (`salus.learning.recalibrate`), and then the
    log-odds are as before that; the whole is the last. Raises EvidenceError where no group is large enough,
    or in one the ranking would be turned round.
    """
    import numpy as np

    from salus.learning.stack import folds

    *parts, whole = lines or (Affine(),) * (FOLDS + 1)
    said = replace(cases, logit=whole.of(cases.logit))
    _refuse_turned(said, seed, draws)
    own = _learnt(said, asked.how, artefact.threshold)
    part = _part(artefact, said, asked, own, learnt_from)
    people: Whole = np.arange(len(cases.y)) if cases.persons is None else cases.persons
    fold = folds(cases.y, people, FOLDS, seed)
    before, logit = np.array(cases.logit), np.array(cases.logit)
    limits = np.full(len(logit), artefact.threshold)
    for held, line in enumerate(parts):
        test = fold == held
        if test.any():
            others, shown = (
                replace(each, logit=line.of(each.logit)) for each in (cases.of(~test), cases.of(test))
            )
            before[test] = shown.logit
            kept = _learnt(others, asked.how, artefact.threshold, own)
            logit[test], limits[test] = kept.of(shown, artefact.threshold)
    risks = [calibrate.expit(each) for each in (before, logit)]
    flags = (risks[0] >= artefact.threshold, risks[1] >= limits)
    ends = [judged(cases.y, risk, each, people) for risk, each in zip(risks, flags, strict=True)]
    row = compared(asked.name, cases.groups, *ends, how=part.chosen, by=asked.by, draws=draws, seed=seed)
    return Mitigated(replace(artefact, apart=part), logit, limits, row)


def _refuse_turned(cases: Known, seed: int, draws: int) -> None:
    """Raise EvidenceError where in a group a higher risk goes with fewer outcomes: that is not set right."""
    names = named(cases.groups, len(cases.y))
    people = persons_of(cases.persons, len(cases.y))
    for name in in_order(names):
        inside = names == name
        y = cases.y[inside]
        if name == UNKNOWN or int(min(y.sum(), (~y).sum())) < ENOUGH_FOR_ONE:
            continue
        high = auroc_told(y, cases.logit[inside], people[inside], draws=draws, seed=seed)["high"]
        if high is not None and high < 0.5:
            raise EvidenceError(f"Of the group '{name}': {calibrate.TURNED}")


def _learnt(cases: Known, how: str, threshold: float, like: _Own | None = None) -> _Own:
    """Return what groups have of their own; like: which, and how much of it is estimated, as there."""
    lines: dict[str, Affine] = {}
    if how != THRESHOLD:
        lines = _lines(cases, None if like is None else like.lines)
    if how == RECALIBRATION:
        return _Own(lines, {})
    share = float((calibrate.expit(cases.logit) >= threshold).mean())
    if not 0 < share < 1:
        says = f"At the threshold of {threshold:.3g} {'everybody' if share else 'nobody'} is flagged"
        raise EvidenceError(f"{says}: no other threshold finds as many in each group. Leave it as it is.")
    risk = calibrate.expit(calibrate.applied(cases.logit, cases.groups, lines))
    among = None if like is None else list(like.limits)
    found = thresholds(cases.y, risk, cases.groups, share, rest=threshold, among=among)
    return _Own(lines, {name: each for name, each in found.items() if name != EVERYBODY})


def _lines(cases: Known, like: Mapping[str, Affine] | None) -> dict[str, Affine]:
    """Return a recalibration for each group of which enough are known."""
    names, found = named(cases.groups, len(cases.y)), {}
    for name in in_order(names):
        inside = names == name
        if name == UNKNOWN or (like is not None and name not in like) or not _carries(cases.y[inside], like):
            continue
        enough = ENOUGH_FOR_BOTH
        if like is not None:
            enough = len(cases.y) if like[name].alone else _NINE_TENTHS
        try:
            found[name] = calibrate.at_site(cases.y[inside], cases.logit[inside], enough)
        except EvidenceError as error:
            raise EvidenceError(f"Of the group '{name}': {error}") from None
    return found


def _carries(y: Bools, like: Mapping[str, Affine] | None) -> bool:
    """Whether these cases carry an intercept at the least; of a part of them fewer do."""
    return like is not None or int(min(y.sum(), (~y).sum())) >= ENOUGH_FOR_ONE


def _part(artefact: Artefact, cases: Known, asked: Wanted, own: _Own, learnt_from: str) -> Apart:
    """Return the part of the artefact; raises EvidenceError where no group has anything of its own."""
    names = named(cases.groups, len(cases.y))
    every = [name for name in in_order(names) if name != UNKNOWN]
    mine = [name for name in every if name in own.lines or name in own.limits]
    if not mine:
        least = ENOUGH_FOR_ONE if asked.how != THRESHOLD else LEAST_RATE
        raise EvidenceError(
            f"No group by {asked.by} is large enough for {asked.name}: {least} cases with the outcome are "
            "needed in one. Collect more, or leave it as it is."
        )
    whole = Affine(artefact.slope, artefact.shift)
    groups = []
    for name in mine:
        line = own.lines.get(name, Affine())
        both = line.after(whole) if name in own.lines else whole
        seen = int(cases.y[names == name].sum())
        told = [line.how] if name in own.lines else []
        told += [f"threshold by {seen:,} with the outcome"] if name in own.limits else []
        limit = own.limits.get(name, artefact.threshold)
        groups.append(OfGroup(name, both.slope, both.intercept, limit, "; ".join(told)))
    chosen = f"{_CRITERION[asked.how]}, learnt from {learnt_from}"
    kept = tuple(name for name in every if name not in mine)
    return Apart(asked.by, asked.how, chosen, tuple(groups), kept)
