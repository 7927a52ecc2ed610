"""Calibration: whether 12 in 100 means 12 in 100; how to see it, and how to set it right.

Everything is done on the log-odds, by a slope and an intercept: the ranking stays, and the additive model
stays additive. Sources: Cox DR. Biometrika 1958;45:562-5 (slope and intercept); Van Calster B et al. J Clin
Epidemiol 2016;74:167-76 (levels of calibration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError
from salus.learning.intervals import DRAWS, wilson
from salus.learning.measure import DECILES, bin_shares, checked, in_bins, need_both, probabilities, ratio

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Floats, Statistic

# Fewer cases of either outcome than this: the intercept alone is estimated at a new site (Vergouwe Y et al.
# J Clin Epidemiol 2005;58:475-83: 100 events and 100 non-events to judge a model at all).
ENOUGH_FOR_BOTH = 100
# Fewer than this: nothing is changed; an intercept by fewer says more of chance than of the site.
ENOUGH_FOR_ONE = 10
TURNED = (
    "Recalibration would turn the ranking round: here a higher risk went with fewer outcomes. Do not use the "
    "model on these patients; look for a wrong outcome or a wrong unit."
)
# Newton's steps: how many, none longer than so many log-odds, until they are no longer than so much.
_STEPS, _LONGEST, _CLOSE = 60, 2.0, 1e-9
# Log-odds beyond which a probability is 0 or 1; and how often a bracket is halved.
_EDGE, _HALVINGS = 40.0, 70


@dataclass(frozen=True, slots=True)
class Affine:
    """A recalibration of log-odds: slope * logit + intercept; slope above 0, so that the ranking stays.

    how: what was estimated and by how many cases, in words. alone: the intercept alone was.
    """

    slope: float = 1.0
    intercept: float = 0.0
    how: str = "as the model says"
    alone: bool = False

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise EvidenceError(TURNED)

    def of(self, logit: Floats) -> Floats:
        """Return recalibrated log-odds."""
        return self.slope * logit + self.intercept

    def after(self, first: Affine) -> Affine:
        """Return this recalibration on top of another, as one: what an artefact keeps as its calibration."""
        both = self.slope * first.intercept + self.intercept
        return Affine(self.slope * first.slope, both, self.how)


def expit(logit: Floats) -> Floats:
    """Return probabilities, exact at both ends."""
    import numpy as np

    small = np.exp(-np.abs(logit))
    risk: Floats = np.where(logit >= 0, 1.0, small) / (1.0 + small)
    return risk


def logit_of(p: Floats) -> Floats:
    """Return the log-odds of probabilities; of 0 and 1 those of the nearest that can be told from them."""
    import numpy as np

    inside = np.clip(p, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    found: Floats = np.log(inside) - np.log1p(-inside)
    return found


def _newton(y: Bools, logit: Floats) -> tuple[float, float]:
    """Return the maximum-likelihood slope and intercept."""
    import numpy as np

    centre, scale = float(logit.mean()), float(logit.std())
    x = np.column_stack([(logit - centre) / scale, np.ones(len(logit))])
    at = np.array([0.0, float(np.log(y.mean()) - np.log1p(-y.mean()))])
    for _ in range(_STEPS):
        risk = expit(x @ at)
        step = np.linalg.solve((x.T * (risk * (1 - risk))) @ x, x.T @ (y - risk))
        step *= min(1.0, _LONGEST / float(np.abs(step).max() or 1.0))
        at = at + step
        if np.abs(step).max() < _CLOSE:
            slope = float(at[0]) / scale
            return slope, float(at[1]) - slope * centre
    raise EvidenceError("No calibration slope was found: the risks all but tell the outcomes apart.")


def slope_and_intercept(y: Any, logit: Any) -> tuple[float, float]:
    """Return the slope and the intercept that fit best together."""
    outcomes, odds = checked(y, logit, "log-odds")
    need_both(outcomes, "A calibration slope")
    if odds.min() == odds.max():
        raise EvidenceError("All cases have the same risk: there is no calibration slope.")
    high, low = odds[outcomes], odds[~outcomes]
    if high.min() >= low.max() or high.max() <= low.min():
        raise EvidenceError(
            "The risks tell the outcomes apart without a fault: no calibration slope is finite. "
            "With more than a few patients that is a leak: look at which features the outcome defines."
        )
    return _newton(outcomes, odds)


def in_the_large(y: Any, logit: Any, slope: float = 1.0) -> float:
    """Return the calibration in the large: the intercept, the slope held (at 1); 0 is as it should be."""
    outcomes, odds = checked(y, logit, "log-odds")
    need_both(outcomes, "A calibration intercept")
    moved, seen = slope * odds, int(outcomes.sum())
    high = float(abs(moved).max()) + _EDGE
    low = -high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(moved + middle).sum() < seen else (low, middle)
    return (low + high) / 2


def recalibrated(y: Any, logit: Any) -> Affine:
    """Return the affine recalibration by maximum likelihood (Platt's scaling of a logit)."""
    slope, intercept = slope_and_intercept(y, logit)
    return Affine(slope, intercept, f"slope and intercept, by {len(logit)} cases")


def at_site(y: Any, logit: Any, enough: int = ENOUGH_FOR_BOTH) -> Affine:
    """Return the recalibration for a new site from its labelled cases, in as far as they can carry it.

    Below ENOUGH_FOR_ONE of either outcome nothing is changed; below `enough` the intercept alone; else both.
    What is estimated is shrunk towards "no change" by (chi2 - 1) / chi2 of its likelihood ratio, after
    Steyerberg EW et al. Stat Med 2004;23:2567-86 and Van Houwelingen JC, Le Cessie S. Stat Med
    1990;9:1303-25.
    """
    outcomes, odds = checked(y, logit, "log-odds")
    fewer = int(min(outcomes.sum(), (~outcomes).sum()))
    if fewer < ENOUGH_FOR_ONE:
        return Affine(
            how=f"unchanged: {fewer} cases of the rarer outcome are too few (below {ENOUGH_FOR_ONE})"
        )
    intercept = in_the_large(outcomes, odds)
    if fewer < enough:
        kept = _shrinkage(outcomes, odds, odds + intercept)
        how = f"intercept alone, by {len(odds)} cases, {fewer} of the rarer outcome (below {enough})"
        return Affine(1.0, kept * intercept, f"{how}, shrunk to {kept:.2f}", alone=True)
    slope, both = slope_and_intercept(outcomes, odds)
    kept = _shrinkage(outcomes, odds + intercept, slope * odds + both)
    slope = 1 + kept * (slope - 1)
    how = f"slope and intercept, by {len(odds)} cases, the slope shrunk to {kept:.2f} of its change"
    return Affine(slope, in_the_large(outcomes, odds, slope) if slope > 0 else 0.0, how)


def _shrinkage(y: Bools, before: Floats, after: Floats) -> float:
    import numpy as np

    sign = np.where(y, 1.0, -1.0)
    likelihood = [float(-np.logaddexp(0, -sign * odds).sum()) for odds in (before, after)]
    chi2 = 2 * (likelihood[1] - likelihood[0])
    return max(0.0, (chi2 - 1) / chi2) if chi2 > 0 else 0.0


def by_group(y: Any, logit: Any, groups: Any, enough: int = ENOUGH_FOR_BOTH) -> dict[str, Affine]:
    """Return a recalibration for each group, as `at_site` would for a site; None is no group."""
    import numpy as np

    outcomes, odds = checked(y, logit, "log-odds")
    names = np.asarray(groups, dtype=object)
    known = sorted({str(name) for name in names if name is not None})
    return {name: at_site(outcomes[names == name], odds[names == name], enough) for name in known}


def applied(logit: Floats, groups: Any, recalibrations: Mapping[str, Affine]) -> Floats:
    """Return log-odds recalibrated by group; unchanged for groups without a recalibration."""
    import numpy as np

    names, found = np.asarray(groups, dtype=object), np.array(logit, dtype=float)
    for name, affine in recalibrations.items():
        found[names == name] = affine.of(found[names == name])
    return found


def ece(y: Any, p: Any, bins: int = DECILES) -> float:
    """Return the expected calibration error over bins of equal frequency.

    The mean distance of observed from predicted in a bin, each bin by its cases. Ties as in `event2`.
    Naeini MP et al. AAAI 2015:2901-7; equal frequency: Nguyen K, O'Connor B. EMNLP 2015:1587-98.
    """
    import numpy as np

    outcomes, risk = probabilities(y, p)
    apart = (outcomes - risk) @ bin_shares(risk, bins)
    return float(np.abs(apart).sum() / len(risk))


def ece_by_chance(p: Floats, draws: int = DRAWS, seed: int = 1, bins: int = DECILES) -> dict[str, float]:
    """Return which ECE a perfectly calibrated model with these risks shows on as many cases: mean and 97.5 %.

    ECE is never 0 on a sample: without this nobody can tell 0.01 of chance from 0.01 of the model.
    """
    import numpy as np

    chance, parts = np.random.default_rng(seed), bin_shares(p, bins)
    found = []
    for _ in range(draws):
        apart = ((chance.random(len(p)) < p) - p) @ parts
        found.append(np.abs(apart).sum() / len(p))
    return {"value": float(np.mean(found)), "high": float(np.quantile(found, 0.975))}


def reliability(y: Any, p: Any, bins: int = DECILES) -> list[dict[str, float]]:
    """Return predicted and observed by bin of equal frequency, with Wilson's interval of the observed."""
    import numpy as np

    outcomes, risk = probabilities(y, p)
    places, seen = in_bins(risk, bins), outcomes @ bin_shares(risk, bins)
    rows = []
    for place in range(min(bins, len(risk))):
        inside, n = risk[places == place], int((places == place).sum())
        observed = min(max(float(seen[place]), 0.0), float(n))
        low, high = wilson(observed, n)
        rows.append({"low": float(inside.min()), "high": float(inside.max()), "n": n,
                     "predicted": float(np.mean(inside)), "observed": observed / n,
                     "observed_low": low, "observed_high": high})  # fmt: skip
    return rows


def statistics(y: Bools, logit: Floats, bins: int = DECILES) -> dict[str, Statistic]:
    """Return slope, intercept and ECE as statistics of weights, for the bootstrap.

    Slope and intercept take one Newton step from the full sample's (Moulton LH, Zeger SL. Comput Stat Data
    Anal 1991;11:53-63); ECE keeps the full sample's bins. A resampled ECE leans high, as ECE itself does.
    """
    import numpy as np

    at, (slope, both) = in_the_large(y, logit), slope_and_intercept(y, logit)
    large, fitted = expit(logit + at), expit(slope * logit + both)
    spread = fitted * (1 - fitted)
    first = np.column_stack([(y - fitted) * logit, y - fitted])
    second = np.column_stack([spread * logit * logit, spread * logit, spread])
    one = np.column_stack([y - large, large * (1 - large)])

    def slopes(weights: Floats) -> Floats:
        (up, across), (xx, x, n) = (weights @ first).T, (weights @ second).T
        found: Floats = slope + ratio(n * up - x * across, xx * n - x * x)
        return found

    def intercepts(weights: Floats) -> Floats:
        rest, below = (weights @ one).T
        found: Floats = at + ratio(rest, below)
        return found

    return {"slope": slopes, "intercept": intercepts, "ece": errors_of(y, expit(logit), bins)}


def errors_of(y: Bools, risk: Floats, bins: int = DECILES) -> Statistic:
    """Return the ECE as a statistic of weights; it keeps the full sample's bins."""
    import numpy as np

    apart = (y - risk)[:, None] * bin_shares(risk, bins)

    def errors(weights: Floats) -> Floats:
        found: Floats = np.abs(weights @ apart).sum(axis=1) / weights.sum(axis=1)
        return found

    return errors
