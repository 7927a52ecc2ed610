"""How good a model's answers were: what is counted of outcomes and probabilities, and by which formula.

Every measure is a pure function of arrays, one entry a case. Those that an interval is drawn for take weights
as well (draws x cases), so that a thousand bootstrap samples are one sweep. What each number means, for a
clinician: docs/explanation/how-good.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from salus.core.errors import EvidenceError, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]
    Whole: TypeAlias = NDArray[np.int_]
    # From weights (draws x cases) to one value a draw, NaN where it has none.
    Statistic: TypeAlias = Callable[[Floats], Floats]

# The constant of the challenge's own denominator (Silva I et al., Comput Cardiol 2012;39:245-8).
_EVENT2 = 0.001
DECILES = 10


def checked(y: Any, score: Any, what: str = "probability") -> tuple[Bools, Floats]:
    """Return outcomes and scores as arrays; raise where they do not fit or something is missing.

    A case is named by its place, from 1, never by its value.
    """
    import numpy as np

    outcomes, scores = np.asarray(y), np.asarray(score, dtype=float)
    if outcomes.shape != scores.shape or outcomes.ndim != 1:
        raise UserError(
            f"{outcomes.size} outcomes and {scores.size} of {what}: give one of each for every case."
        )
    if not outcomes.size:
        raise EvidenceError("There are no cases to measure. Look at the cohort's flow: who was left out?")
    unknown = outcomes.dtype.kind not in "biuf" or not np.isin(outcomes, (0, 1)).all()
    if unknown:
        raise EvidenceError(
            "An outcome is neither yes nor no: leave out who has no known outcome, and say so."
        )
    wrong = np.flatnonzero(~np.isfinite(scores))
    if wrong.size:
        raise EvidenceError(f"Case {wrong[0] + 1} has no {what} (of {wrong.size} such): score every case.")
    return outcomes.astype(bool), scores


def probabilities(y: Any, p: Any) -> tuple[Bools, Floats]:
    """Return outcomes and probabilities, `checked`, each probability from 0 to 1."""
    outcomes, scores = checked(y, p)
    outside = ((scores < 0) | (scores > 1)).nonzero()[0]
    if outside.size:
        raise EvidenceError(f"Case {outside[0] + 1} has a probability that is not between 0 and 1.")
    return outcomes, scores


def need_both(y: Bools, what: str) -> None:
    """Raise EvidenceError where all cases have the same outcome."""
    if y.all() or not y.any():
        has = "all" if y.all() else "none"
        raise EvidenceError(f"{what} compares cases with and without the outcome, and {has} of these had it.")


def once(statistic: Statistic, n: int) -> float:
    """Return a statistic of the cases as they are, each of them once."""
    import numpy as np

    return float(statistic(np.ones((1, n)))[0])


def auroc(y: Any, score: Any) -> float:
    """Return how often a case with the outcome has the higher score than one without (a tie is half).

    Hanley JA, McNeil BJ. Radiology 1982;143:29-36.
    """
    outcomes, scores = checked(y, score, "score")
    need_both(outcomes, "AUROC")
    return once(areas_of(outcomes, scores), len(scores))


def areas_of(y: Bools, score: Floats) -> Statistic:
    """Return the AUROC as a statistic of weights (draws x cases); NaN where a draw lacks an outcome.

    The cases are ranked once, whatever the number of draws.
    """
    import numpy as np

    parted = _by_score(y, score)

    def areas(weights: Floats) -> Floats:
        with_, without = parted(weights)
        below = np.cumsum(without, axis=1) - without / 2
        return ratio(np.einsum("ij,ij->i", with_, below), with_.sum(axis=1) * without.sum(axis=1))

    return areas


def auprc(y: Any, score: Any) -> float:
    """Return the average precision: PPV over the steps of sensitivity, without interpolation.

    Davis J, Goadrich M. ICML 2006:233-40. Chance alone gives the share of cases that have the outcome.
    """
    outcomes, scores = checked(y, score, "score")
    need_both(outcomes, "AUPRC")
    return once(precisions_of(outcomes, scores), len(scores))


def precisions_of(y: Bools, score: Floats) -> Statistic:
    """Return the average precision as a statistic of weights; NaN where a draw lacks the outcome."""
    import numpy as np

    parted = _by_score(y, -score)

    def precisions(weights: Floats) -> Floats:
        with_, without = parted(weights)
        found = np.cumsum(with_, axis=1)
        precision = ratio(found, found + np.cumsum(without, axis=1), 0.0)
        return ratio(np.einsum("ij,ij->i", with_, precision), found[:, -1])

    return precisions


def _by_score(y: Bools, score: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return what parts weights into those with and without the outcome, at each score, ascending."""
    import numpy as np

    order = np.argsort(score, kind="stable")
    seen, starts = y[order], _starts(score[order])

    def parted(weights: Floats) -> tuple[Floats, Floats]:
        drawn = weights[:, order]
        with_ = drawn * seen
        without = drawn - with_
        if len(starts) == len(seen):
            return with_, without
        return np.add.reduceat(with_, starts, axis=1), np.add.reduceat(without, starts, axis=1)

    return parted


def _starts(ascending: Floats) -> Whole:
    import numpy as np

    return np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])


def ratio(above: Floats, below: Floats, otherwise: float = float("nan")) -> Floats:
    """Return above / below, and `otherwise` where `below` is 0."""
    import numpy as np

    found: Floats = np.divide(above, below, out=np.full(np.shape(above), otherwise), where=below != 0)
    return found


def brier(y: Any, p: Any) -> float:
    """Return the mean squared distance of probability and outcome (Brier GW. Mon Weather Rev 1950;78:1-3)."""
    outcomes, risk = probabilities(y, p)
    return float(((risk - outcomes) ** 2).mean())


@dataclass(frozen=True, slots=True)
class Counts:
    """Cases by whether they were flagged and whether the outcome came: true and false, flagged and not."""

    true_flagged: int
    false_flagged: int
    missed: int
    rightly_left: int

    @property
    def n(self) -> int:
        """All cases."""
        return self.flagged + self.missed + self.rightly_left

    @property
    def flagged(self) -> int:
        """Cases that were flagged."""
        return self.true_flagged + self.false_flagged

    @property
    def events(self) -> int:
        """Cases with the outcome."""
        return self.true_flagged + self.missed


def counted(y: Any, flagged: Any) -> Counts:
    """Return the counts of outcomes by flags."""
    outcomes, flags = checked(y, flagged, "flag")
    both = int((outcomes & (flags > 0)).sum())
    return Counts(both, int((flags > 0).sum()) - both, int(outcomes.sum()) - both,
                  int((~outcomes & (flags == 0)).sum()))  # fmt: skip


def flags_at(p: Floats, threshold: float) -> Bools:
    """Return who is flagged: everybody at the threshold or above it."""
    if not 0 <= threshold <= 1:
        raise UserError(f"A threshold is a probability from 0 to 1, not {threshold:g}.")
    flags: Bools = p >= threshold
    return flags


def share(part: float, of: float) -> float | None:
    """Return part / of; None where there is nothing to take a part of."""
    return part / of if of else None


def event1(y: Any, p: Any, threshold: float) -> float:
    """Return the challenge's first score: the lesser of sensitivity and PPV (0 where nobody is flagged).

    Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Predicting in-hospital mortality of ICU patients: the
    PhysioNet/Computing in Cardiology Challenge 2012. Comput Cardiol 2012;39:245-8.
    """
    outcomes, risk = probabilities(y, p)
    need_both(outcomes, "Event 1")
    told = counted(outcomes, flags_at(risk, threshold))
    return min(told.true_flagged / told.events, share(told.true_flagged, told.flagged) or 0.0)


def event2(y: Any, p: Any) -> float:
    """Return the challenge's second score: Hosmer-Lemeshow's H over the deciles of risk, divided by the
    difference of the mean risks of the top and the bottom decile (Silva 2012, as above).

    Deciles are by rank, and cases of one risk are alike, whatever their order (`bin_shares`).
    """
    outcomes, risk = probabilities(y, p)
    if len(risk) < DECILES:
        raise EvidenceError(f"Event 2 needs {DECILES} cases at least, one for each decile of risk.")
    if risk.min() == risk.max():
        raise EvidenceError("Event 2 divides by how far the risks differ, and all of these are the same.")
    parts = bin_shares(risk)
    n, expected, observed = parts.sum(axis=0), risk @ parts, outcomes @ parts
    mean = expected / n
    h = float(((observed - expected) ** 2 / (n * mean * (1 - mean) + _EVENT2)).sum())
    return h / float(mean[-1] - mean[0])


def in_bins(risk: Floats, bins: int = DECILES) -> Whole:
    """Return each case's bin, 0 the lowest: by rank, as many cases in each as can be, the larger bins first.

    Cases of one risk stand in the order given; `bin_shares` makes that order no matter.
    """
    import numpy as np

    places = np.empty(len(risk), dtype=int)
    for place, cases in enumerate(np.array_split(np.argsort(risk, kind="stable"), bins)):
        places[cases] = place
    return places


def bin_shares(risk: Floats, bins: int = DECILES) -> Floats:
    """Return which share of each case is in which bin (cases x bins): all of it in one, as `in_bins` says,
    but of cases of one risk that bins part, each is in each bin by as much as their risk is.
    """
    import numpy as np

    _, alike, n = np.unique(risk, return_inverse=True, return_counts=True)
    counts = np.bincount(alike * bins + in_bins(risk, bins), minlength=len(n) * bins)
    parts: Floats = (counts.reshape(len(n), bins) / n[:, None])[alike]
    return parts


def natural(told: Counts, of: int = 1000) -> dict[str, int]:
    """Return the counts among `of` people like these, rounded so that they add up.

    Hoffrage U, Lindsey S, Hertwig R, Gigerenzer G. Communicating statistical information. Science
    2000;290:2261-2.
    """
    true, false, missed = (
        round(of * each / told.n) for each in (told.true_flagged, told.false_flagged, told.missed)
    )
    return {"of": of, "events": true + missed, "alerts": true + false, "true_alerts": true,
            "misses": missed, "false_alarms": false}  # fmt: skip


def number_needed_to_evaluate(told: Counts) -> float | None:
    """Return how many flagged people are looked at to find one with the outcome (1 / PPV); None: nobody."""
    return share(told.flagged, told.true_flagged)


def alerts_per_100_patient_days(told: Counts, patient_days: float | None) -> float | None:
    """Return how often somebody is called; None where the days that were watched are not known."""
    if patient_days is None:
        return None
    if not patient_days > 0:
        raise UserError("Patient-days have to be more than 0; give None where they are not known.")
    return 100 * told.flagged / patient_days
