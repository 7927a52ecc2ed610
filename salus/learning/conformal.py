"""Conformal sets: the outcomes that cannot be ruled out for a case, with a promised coverage in each class.

Of the people who will have the outcome at least 1 - alpha get a set that holds "yes", of those who will not
as many get one that holds "no"; a set of both says that the model cannot tell. Class-conditional (Mondrian)
split conformal prediction: Vovk V, Gammerman A, Shafer G. Algorithmic learning in a random world. 2005, 4.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from salus.core.errors import UserError
from salus.learning.intervals import persons_of, share_told
from salus.learning.measure import probabilities

if TYPE_CHECKING:
    from salus.learning.measure import Bools, Floats

ALPHA = 0.1
NO, YES = "no", "yes"


def quantiles(y: Any, p: Any, alpha: float = ALPHA) -> dict[str, Any]:
    """Return the conformal part of an artefact, from probabilities that no case's own outcome helped to make.

    The quantile of a class is the k-th least 1 - probability of its cases, k = ceil((n + 1) (1 - alpha)).
    Where that is more than n there are too few: the quantile is 1, and every set holds that class. A class
    is in the set of a case where 1 - its probability is at most its quantile (`salus.learning.score`).
    Out-of-fold probabilities give cross-conformal quantiles (Vovk V. Ann Math Artif Intell 2015;74:9-28):
    coverage is near 1 - alpha, proved for 1 - 2 alpha, and measured by `covered`.
    """
    if not 0 < alpha < 1:
        raise UserError("alpha is the share of sets that may miss: more than 0 and less than 1.")
    outcomes, risk = probabilities(y, p)
    apart = {NO: risk[~outcomes], YES: 1 - risk[outcomes]}
    return {"alpha": alpha, "quantiles": {name: _quantile(each, alpha) for name, each in apart.items()}}


def _quantile(apart: Floats, alpha: float) -> float:
    import numpy as np

    # Rounded first: 19 * 0.9 + 0.9 is 18.000000000000004 to a machine.
    k = math.ceil(round((len(apart) + 1) * (1 - alpha), 9))
    return 1.0 if k > len(apart) else float(np.partition(apart, k - 1)[k - 1])


def covered(conformal: Mapping[str, Any], y: Any, p: Any, persons: Any = None) -> dict[str, Any]:
    """Return the coverage in each class, with Wilson's interval by person, and how many sets hold what.

    A class without a case has None for its coverage.
    """
    outcomes, risk = probabilities(y, p)
    keys, limits = persons_of(persons, len(risk)), conformal["quantiles"]
    no, yes = risk <= limits[NO], 1 - risk <= limits[YES]

    def of(name: str, hit: Bools, cases: Bools) -> dict[str, Any]:
        told = share_told(hit[cases], keys[cases])
        return {name: None if told is None else {**told, "n": int(cases.sum())}}

    return {
        "alpha": conformal["alpha"],
        "coverage": {**of(NO, no, ~outcomes), **of(YES, yes, outcomes)},
        "sets": {"one": int((no ^ yes).sum()), "both": int((no & yes).sum()),
                 "none": int((~no & ~yes).sum())},
    }  # fmt: skip
