"""Stack: members joined into one model by what each says of people whom it was not shown.

Folds keep a person whole. Weights are never negative and go on logits, so that the stack is additive as its
members are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salus.core.errors import EvidenceError
from salus.learning.lines import solved

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]

# Keeps weights finite where a member tells the outcomes of the cases apart without a fault.
_SLIGHT = 1e-3
# A member with less weight than this is left out: it would only make the curves longer to read.
LEAST = 0.02


def folds(y: Any, persons: Whole, many: int, seed: int) -> Whole:
    """Return the fold of each case; all cases of a person are in one, and outcomes are spread evenly."""
    import numpy as np

    chance = np.random.default_rng([seed, 5])
    had = np.zeros(int(persons.max()) + 1, bool)
    np.logical_or.at(had, persons, y)
    of_person = np.zeros(len(had), np.intp)
    for which in (False, True):
        people = chance.permutation(np.flatnonzero(had == which))
        of_person[people] = np.arange(len(people)) % many
    found: Whole = of_person[persons]
    return found


def apart(persons: Any, train: Any, test: Any) -> None:
    """Raise EvidenceError where a person is on both sides of a split."""
    import numpy as np

    keys = np.asarray(persons)
    shared = len(np.intersect1d(keys[train], keys[test]))
    if shared:
        raise EvidenceError(
            f"{shared} people are both learnt from and judged: split by person, so that nobody's other stay "
            "tells the outcome."
        )


def weights(members: Floats, y: Any) -> tuple[float, Floats]:
    """Return the intercept and the weight of each member (none below 0) that make `y` most likely.

    members: logits, one row a case, one column a member, each from models that did not see the case.
    Wolpert DH. Neural Netw 1992;5:241-259; Breiman L. Stacked regressions. Mach Learn 1996;24:49-64.
    """
    import numpy as np

    asked = np.arange(members.shape[1])
    while True:
        penalty = _SLIGHT * np.eye(len(asked))
        intercept, some = solved(members[:, asked], y.astype(float), penalty, np.ones(len(asked)))
        if len(asked) == 1 or some.min() >= LEAST:
            break
        asked = asked[some >= LEAST] if (some >= LEAST).any() else asked[:1]
    found = np.zeros(members.shape[1])
    found[asked] = some
    return intercept, found
