"""How sure a measure is: bootstrap by person, Wilson's interval of a share, the interval of observed by
expected.

People come again: all cases of one person are drawn together, and an interval that is computed is widened by
the same clustering. Everything is determined by its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from salus.core.errors import UserError
from salus.learning.measure import areas_of, checked, need_both, once, probabilities

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Floats, Statistic, Whole

CONFIDENCE = 0.95
DRAWS = 1000
# Numbers held at once while drawing: 2 million floats are 16 MB.
_AT_ONCE = 2_000_000
# Log-odds beyond which a probability is 0 or 1 for every purpose of an interval.
_FARTHEST = 36.0

Told = dict[str, float]


def told(value: float, low: float, high: float) -> Told:
    """Return a value with its interval, as evidence holds it."""
    return {"value": float(value), "low": float(low), "high": float(high)}


def persons_of(persons: Any, n: int) -> Whole:
    """Return a whole number for each case, the same for the same person; None: everybody comes once."""
    import numpy as np

    if persons is None:
        return np.arange(n)
    keys = np.asarray(persons)
    if keys.shape != (n,):
        raise UserError(f"{keys.size} persons for {n} cases: give the person of every case.")
    return np.unique(keys, return_inverse=True)[1]


def weights_of(persons: Whole, draws: int = DRAWS, seed: int = 1) -> Iterator[Floats]:
    """Yield bootstrap samples as weights (some draws x cases): people drawn with replacement, all the cases
    of each together (Davison AC, Hinkley DV. Bootstrap methods and their application. 1997, 3.8).
    """
    import numpy as np

    chance = np.random.default_rng(seed)
    people = int(persons.max()) + 1
    once = len(persons) == people and bool((persons == np.arange(people)).all())
    block = max(1, _AT_ONCE // len(persons))
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        picked = chance.integers(people, size=(rows, people)) + np.arange(rows)[:, None] * people
        times = np.bincount(picked.ravel(), minlength=rows * people).reshape(rows, people)
        yield (times if once else times[:, persons]).astype(float)


def drawn(
    statistics: Mapping[str, Statistic], persons: Whole, draws: int = DRAWS, seed: int = 1
) -> dict[str, Floats]:
    """Return each statistic's values over the same bootstrap samples, so that they can be subtracted."""
    import numpy as np

    found: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in weights_of(persons, draws, seed):
        for name, statistic in statistics.items():
            found[name].append(statistic(weights))
    return {name: np.concatenate(values) for name, values in found.items()}


def by_rows(measure: Callable[[Whole], float]) -> Statistic:
    """Return any measure of rows as a statistic: it is handed the rows of one draw, repeated as drawn."""
    import numpy as np

    def statistic(weights: Floats) -> Floats:
        rows = np.arange(weights.shape[1])
        return np.array([measure(np.repeat(rows, each.astype(int))) for each in weights])

    return statistic


def percentiles(values: Floats, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Return the percentile interval of bootstrap draws; None where half of them have no value.

    Efron B, Tibshirani RJ. An introduction to the bootstrap. 1993, chapter 13.
    """
    import numpy as np

    there = values[np.isfinite(values)]
    if 2 * len(there) <= len(values):
        return None
    low, high = np.quantile(there, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def auroc_told(y: Any, score: Any, persons: Any = None, *, draws: int = DRAWS, seed: int = 1) -> Told:
    """Return the AUROC with its interval."""
    outcomes, scores = checked(y, score, "score")
    need_both(outcomes, "AUROC")
    statistic, keys = areas_of(outcomes, scores), persons_of(persons, len(scores))
    found = drawn({"auroc": statistic}, keys, draws, seed)["auroc"]
    return told(once(statistic, len(scores)), *(percentiles(found) or (0.0, 1.0)))


def difference(
    y: Any, one: Any, other: Any, persons: Any = None, *, draws: int = DRAWS, seed: int = 1
) -> Told:
    """Return the AUROC of `one` minus that of `other` on the same people, with its paired interval."""
    outcomes, first = checked(y, one, "score")
    _, second = checked(y, other, "score")
    need_both(outcomes, "AUROC")
    better, worse = areas_of(outcomes, first), areas_of(outcomes, second)

    def gained(weights: Floats) -> Floats:
        return better(weights) - worse(weights)

    found = drawn({"difference": gained}, persons_of(persons, len(first)), draws, seed)["difference"]
    return told(once(gained, len(first)), *(percentiles(found) or (-1.0, 1.0)))


def z_of(confidence: float = CONFIDENCE) -> float:
    """Return how many standard errors a two-sided normal interval reaches."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(part: float, of: float, design: float = 1.0) -> tuple[float, float]:
    """Return Wilson's interval of a share (Wilson EB. J Am Stat Assoc 1927;22:209-12).

    design: how much clustering inflates the variance (`design_effect`); as many cases fewer count. Nothing to
    take a share of: the share may be anything.
    """
    if not of:
        return 0.0, 1.0
    n, z2 = of / design, z_of() ** 2
    share = part / of
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = (z2 * (share * (1 - share) / n + z2 / (4 * n * n))) ** 0.5 / (1 + z2 / n)
    # At the ends the limit is the share itself, which rounding would miss.
    low = 0.0 if part == 0 else min(max(middle - reach, 0.0), share)
    return low, 1.0 if part == of else max(min(middle + reach, 1.0), share)


def design_effect(residual: Floats, persons: Whole) -> float:
    """Return how many times the variance of a sum is that of independent cases; 1 at least.

    residual: what each case departs from what is expected of it; those of one person are added first.
    """
    import numpy as np

    alone = float((residual**2).sum())
    together = float((np.bincount(persons, residual) ** 2).sum())
    return max(1.0, together / alone) if alone else 1.0


def share_told(hit: Bools, persons: Any = None) -> Told | None:
    """Return the share of cases that are hit with its Wilson interval, by person; None without a case."""
    if not len(hit):
        return None
    value = float(hit.mean())
    design = design_effect(hit.astype(float) - value, persons_of(persons, len(hit)))
    return told(value, *wilson(float(hit.sum()), len(hit), design))


def observed_expected(y: Any, p: Any, persons: Any = None) -> Told:
    """Return observed by expected outcomes, with the score interval.

    A limit is the expected sum that one gets by moving every risk by the same log-odds, until the observed
    number lies z standard errors (Poisson-binomial, times the design effect) away: Wilson's interval where
    all risks are equal. It holds at 0 and at n events. After Hosmer DW, Lemeshow S. Stat Med 1995;14:2161-72.
    """
    import numpy as np

    outcomes, risk = probabilities(y, p)
    expected = float(risk.sum())
    if expected <= 0:
        raise UserError("Observed by expected divides by the expected number, and that is 0 here.")
    seen = int(outcomes.sum())
    design = design_effect(outcomes - risk, persons_of(persons, len(risk)))
    with np.errstate(divide="ignore"):
        logit = np.clip(np.log(risk) - np.log1p(-risk), -_FARTHEST, _FARTHEST)
    low = 0.0 if seen == 0 else _moved(logit, seen, z_of() * design**0.5)
    high = float(len(risk)) if seen == len(risk) else _moved(logit, seen, -z_of() * design**0.5)
    return told(seen / expected, low / expected, high / expected)


def _moved(logit: Floats, seen: int, reach: float) -> float:
    """Return the expected sum from which `seen` is `reach` standard errors away, by bisection."""
    import numpy as np

    low, high = -2 * _FARTHEST, 2 * _FARTHEST
    for _ in range(60):
        middle = (low + high) / 2
        risk = 1 / (1 + np.exp(-(logit + middle)))
        total, spread = float(risk.sum()), float((risk * (1 - risk)).sum()) ** 0.5
        low, high = (middle, high) if seen - total > reach * spread else (low, middle)
    return total
