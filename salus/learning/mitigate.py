"""Mitigation: what can be switched on against a gap between groups, and what each does to gap and ranking.

Three means: recalibration by group, reweighing before a model is fitted, and a threshold for each group so
that as many of those who need it are found in each. Nothing here changes a model by itself: whoever switches
one on says so on the card, beside the row that `compared` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from salus.core.errors import EvidenceError, UserError
from salus.learning import calibrate
from salus.learning.fair import (
    LEAST_RATE,
    RATE,
    RATIO,
    UNKNOWN,
    Judged,
    gap,
    in_order,
    judged,
    named,
    top_share,
)
from salus.learning.intervals import (
    DRAWS,
    drawn,
    observed_expected,
    percentiles,
    persons_of,
    share_told,
    told,
)
from salus.learning.measure import areas_of, once, probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from salus.learning.measure import Bools, Floats, Statistic

    # Learnt on some cases, a score and flags for others.
    Means: TypeAlias = Callable[["Known", "Known", float], tuple[Floats, Bools]]

_HALVINGS = 40
EVERYBODY = "everybody"
# Changes who is flagged and no risk, so that none is compared with what happened.
THRESHOLDS = "threshold by group"
_PARTS = 5
# What is told before and after, with its change.
_COMPARED = ("auroc", "ece", "gap", "calibration_gap")
_IN_TURN = "learnt on four fifths of these people and shown on the last, in turn"


@dataclass(frozen=True, slots=True)
class Known:
    """Cases with their outcomes, the model's log-odds, their groups (None: not known) and persons."""

    y: Bools
    logit: Floats
    groups: Any
    persons: Any = None

    def of(self, inside: Bools) -> Known:
        """Return some of the cases."""
        import numpy as np

        some = (
            np.asarray(each, dtype=object)[inside] for each in (self.groups, self.persons) if each is not None
        )
        return Known(self.y[inside], self.logit[inside], *some)


def weights(y: Any, groups: Any) -> Floats:
    """Return the weight of each training case by which outcome and group are independent.

    P(group) P(outcome) / P(group, outcome): Kamiran F, Calders T. Knowl Inf Syst 2012;33:1-33. Who is in no
    known group has weight 1. The weights are for a fit; a model so fitted has to be calibrated again.
    """
    import numpy as np

    outcomes = np.asarray(y, dtype=bool)
    names = named(groups, len(outcomes))
    known, found = names != UNKNOWN, np.ones(len(outcomes))
    total, events = int(known.sum()), outcomes & known
    for name in in_order(names[known]):
        for among in (events, ~outcomes & known):
            both = among & (names == name)
            if both.any():
                found[both] = (names == name).sum() * among.sum() / (total * both.sum())
    return found


def thresholds(
    y: Any,
    p: Any,
    groups: Any,
    share: float,
    *,
    rest: float | None = None,
    among: Collection[str] | None = None,
) -> dict[str, float]:
    """Return a threshold for each group so that the same share of those with the outcome is flagged in each.

    Criterion: equal true-positive rate (equality of opportunity: Hardt M, Price E, Srebro N. NeurIPS
    2016:3315-23), at the highest rate with which at most `share` of all are flagged. Groups with fewer than
    LEAST_RATE events, and who is in none, have the threshold of EVERYBODY at that rate. A threshold is one
    number, and no lot is drawn between two people with the same risk. Learn it on training cases alone.
    rest: EVERYBODY's threshold, where it is given before. among: the groups that have one of their own; None:
    those with events enough.
    """
    outcomes, risk = probabilities(y, p)
    if not 0 < share <= 1:
        raise UserError("The share that may be flagged is more than 0 and at most 1.")
    names = named(groups, len(risk))
    with_ = {EVERYBODY: risk[outcomes]}
    with_ |= {name: risk[outcomes & (names == name)] for name in in_order(names) if name != UNKNOWN}
    enough = {name for name, each in with_.items() if len(each) >= LEAST_RATE}
    own = enough if among is None else {name for name in with_ if name in among and len(with_[name])}
    large = {name: each for name, each in with_.items() if name == EVERYBODY or name in own}
    if not outcomes.any():
        raise EvidenceError("A true-positive rate needs cases with the outcome, and none of these had it.")
    fixed = {} if rest is None else {EVERYBODY: rest}
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        fits = flagged(risk, groups, _at(large, rate) | fixed).mean() <= share
        low, high = (rate, high) if fits else (low, rate)
    return _at(large, low) | fixed


def _at(with_: Mapping[str, Floats], rate: float) -> dict[str, float]:
    """Return the highest threshold at which at least `rate` of the cases with the outcome are flagged."""
    import numpy as np

    found = {}
    for name, each in with_.items():
        many = max(1, int(np.ceil(rate * len(each))))
        found[name] = float(np.partition(each, len(each) - many)[len(each) - many])
    return found


def threshold_of(groups: Any, limits: Mapping[str, float], n: int) -> Floats:
    """Return the threshold of each case."""
    import numpy as np

    return np.array([limits.get(name, limits[EVERYBODY]) for name in named(groups, n)])


def flagged(risk: Floats, groups: Any, limits: Mapping[str, float]) -> NDArray[Any]:
    """Return who is flagged by the threshold of their group."""
    raised: NDArray[Any] = risk >= threshold_of(groups, limits, len(risk))
    return raised


def _recalibrated(learnt: Known, shown: Known, share: float) -> tuple[Floats, Bools]:
    """Return log-odds recalibrated by group, and the top share of them."""
    made = calibrate.by_group(learnt.y, learnt.logit, learnt.groups)
    logit = calibrate.applied(shown.logit, shown.groups, made)
    return logit, top_share(logit, share)


def _limited(learnt: Known, shown: Known, share: float) -> tuple[Floats, Bools]:
    """Return how far each is from their group's threshold, in log-odds, and who is flagged by it.

    The risk that a person is told stays as it was; the distance is for the ranking alone.
    """
    limits = thresholds(learnt.y, calibrate.expit(learnt.logit), learnt.groups, share)
    limit = threshold_of(shown.groups, limits, len(shown.logit))
    return shown.logit - calibrate.logit_of(limit), flagged(
        calibrate.expit(shown.logit), shown.groups, limits
    )


_MEANS: dict[str, tuple[str, Means]] = {
    "group recalibration": ("slope and intercept by group, as far as its cases carry them", _recalibrated),
    THRESHOLDS: ("equal true-positive rate, as many flagged in all", _limited),
}
REWEIGHED = "reweighing", "fitted with weights that make group and outcome independent"


def tried(
    by: str, learnt: Known, shown: Known, share: float, reweighed: Any = None, **drawing: int
) -> list[dict[str, Any]]:
    """Return what each mitigation does, learnt on some cases and shown on others: rows as of `compared`.

    learnt: training cases, their log-odds out of fold. share: how many are flagged, before and after. The
    log-odds `reweighed` are of a model fitted with `weights`; None: not fitted.
    """
    rows = [
        _row((name, how, by), shown, share, partial(means, learnt, shown, share), drawing)
        for name, (how, means) in _MEANS.items()
    ]
    if reweighed is not None:
        fitted = reweighed, top_share(reweighed, share)
        rows.append(_row((*REWEIGHED, by), shown, share, lambda: fitted, drawing))
    return rows


def crossed(by: str, cases: Known, share: float, *, seed: int = 1, **drawing: int) -> list[dict[str, Any]]:
    """Return what each mitigation does where no training cases are at hand: learnt on four fifths of these
    people and shown on the last, in turn. Nothing where no gap can be judged.
    """
    names = named(cases.groups, len(cases.y))
    before = judged(cases.y, calibrate.expit(cases.logit), top_share(cases.logit, share), cases.persons)
    if gap(before, names) is None:
        return []
    return [
        _row((name, f"{how}; {_IN_TURN}", by), cases, share,
             partial(_in_turn, means, cases, share, seed), {"seed": seed, **drawing})
        for name, (how, means) in _MEANS.items()
    ]  # fmt: skip


def _in_turn(means: Means, cases: Known, share: float, seed: int) -> tuple[Floats, Bools]:
    import numpy as np

    people = persons_of(cases.persons, len(cases.y))
    part = np.random.default_rng(seed).integers(_PARTS, size=int(people.max()) + 1)[people]
    score, flags = np.zeros(len(part)), np.zeros(len(part), dtype=bool)
    for at in range(_PARTS):
        inside = part == at
        score[inside], flags[inside] = means(cases.of(~inside), cases.of(inside), share)
    return score, flags


def _row(
    words: tuple[str, str, str],
    shown: Known,
    share: float,
    act: Callable[[], tuple[Floats, Bools]],
    drawing: Mapping[str, int],
) -> dict[str, Any]:
    """Return the row of a mitigation; where it could not be done, one that says why."""
    name, how, by = words
    ends = judged(shown.y, calibrate.expit(shown.logit), top_share(shown.logit, share), shown.persons)
    try:
        score, flags = act()
    except EvidenceError as error:
        return {"name": name, "how": f"not done. {error}", "by": by, "auroc": None, "gap": None,
                "before": {}, "after": {}}  # fmt: skip
    after = judged(shown.y, calibrate.expit(score), flags, shown.persons)
    return compared(name, shown.groups, ends, after, how=how, by=by, **drawing)


def compared(
    name: str,
    groups: Any,
    before: Judged,
    after: Judged,
    *,
    how: str = "",
    by: str = "",
    draws: int = DRAWS,
    seed: int = 1,
) -> dict[str, Any]:
    """Return what a mitigation does, before and after: AUROC, ECE, the gap in the true-positive rate, that in
    calibration (observed by expected), and each group's.

    auroc, gap: after it. change: after less before, on the same people, with paired intervals. A gap is None
    where fewer than two groups have events enough; so is what needs a risk of thresholds alone.
    """
    if before.y.tolist() != after.y.tolist():
        raise UserError("Before and after have to be measured on the same cases, in the same order.")
    names = named(groups, len(before.y))
    ends = {"before": before, "after": after}
    found = {end: _statistics(cases, names, name == THRESHOLDS) for end, cases in ends.items()}
    statistics = {
        f"{what} {end}": each.statistic for end, told_of in found.items() for what, each in told_of.items()
    }
    resampled = drawn(statistics, before.persons, draws, seed)
    rows = {end: _end(end, cases, found[end], names, resampled) for end, cases in ends.items()}
    if name == THRESHOLDS:
        for group in (each for row in rows.values() for each in row.values() if isinstance(each, dict)):
            group.pop(RATIO, None)
    return {
        "name": name,
        "how": how,
        "by": by,
        "auroc": rows["after"]["auroc"],
        "gap": rows["after"]["gap"],
        "change": {what: _changed(what, rows, resampled) for what in _COMPARED},
        **rows,
    }


@dataclass(frozen=True, slots=True)
class _Whole:
    """A measure of all cases: its value, its statistic, and what is told of it beside its ends."""

    value: float
    statistic: Statistic
    about: Mapping[str, Any]


def _statistics(cases: Judged, names: NDArray[Any], no_risk: bool) -> dict[str, _Whole]:
    """Return what is compared, as far as it can be judged; no_risk: these numbers only rank people."""
    n = len(names)
    ranked = areas_of(cases.y, cases.risk)
    found = {"auroc": _Whole(once(ranked, n), ranked, {})}
    if not no_risk:
        errors = calibrate.errors_of(cases.y, cases.risk)
        found["ece"] = _Whole(once(errors, n), errors, {})
    for what, measure in (("gap", RATE), ("calibration_gap", RATIO)):
        one = None if no_risk and measure == RATIO else gap(cases, names, measure)
        if one is not None:
            about = {"measure": measure, "highest": one.highest, "lowest": one.lowest}
            found[what] = _Whole(one.value, one.statistic, about)
    return found


def _end(
    end: str,
    cases: Judged,
    found: Mapping[str, _Whole],
    names: NDArray[Any],
    resampled: Mapping[str, Floats],
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COMPARED)
    for what, one in found.items():
        low, high = percentiles(resampled[f"{what} {end}"]) or (-1.0 if "gap" in what else 0.0, 1.0)
        if what == "ece":
            # A resampled ECE leans high, at times as a whole: the interval still holds what was measured.
            low, high = min(low, one.value), max(high, one.value)
        row[what] = {**one.about, **told(one.value, low, high)}
    row["flagged"] = int(cases.flags.sum())
    for name in in_order(names):
        inside = cases.of((names == name).nonzero()[0])
        if name != UNKNOWN and inside.y.sum() >= LEAST_RATE:
            row[name] = {
                RATE: share_told(inside.flags[inside.y], inside.persons[inside.y]),
                RATIO: observed_expected(inside.y, inside.risk, inside.persons),
                "flagged": int(inside.flags.sum()),
            }
    return row


def _changed(what: str, rows: Mapping[str, Any], resampled: Mapping[str, Floats]) -> dict[str, float] | None:
    one, other = rows["before"][what], rows["after"][what]
    if one is None or other is None:
        return None
    after, before = (resampled[f"{what} {end}"] for end in ("after", "before"))
    # A gap is a distance: which group has the most may be another one afterwards.
    moved = abs(after) - abs(before) if "gap" in what else after - before
    ends = percentiles(moved) or (-1.0, 1.0)
    return told(other["value"] - one["value"], *ends)
