"""Will this patient in intensive care die in hospital? Asked once, 48 hours after the admission to the ICU.

For those who plan care and talk with families, and for units that compare themselves. The question of the
PhysioNet/CinC Challenge 2012 (Silva, Comput Cardiol 2012;39:245-248), which everybody can be compared on.
"""

from __future__ import annotations

from salus.core.codes import DEATH, DISPOSITION
from salus.learning.task import Group, Task
from salus.risk._icu_features import candidates
from salus.risk._icu_measures import PARAMETERS
from salus.risk._icu_stays import MILESTONES, YOUNGEST, stays

_PUBLISHER = "https://physionet.org/content/challenge-2012"
# How the stay ended, and what the set's outcome files hold beside it: SAPS-I and SOFA are somebody's estimate
# of it, the others follow from it.
_LEAKS = frozenset(
    {DISPOSITION, DEATH}
    | {
        f"{_PUBLISHER}|{name}"
        for name in ("SAPS-I", "SOFA", "Length_of_stay", "Survival", "In-hospital_death")
    }
)

TASK = Task(
    name="icu-mortality",
    version="1.0.0",
    asks="Will this patient in intensive care die in hospital?",
    outcome="death in hospital",
    horizon="until the end of the stay in hospital",
    milestones=MILESTONES,
    cases=stays,
    parameters=PARAMETERS,
    features=candidates(),
    leaks=_LEAKS,
    groups=(
        Group("sex", "sex"),
        Group("age", "age", (45.0, 65.0, 80.0)),
        Group("ICU type", "ICU type"),
    ),
    # A death that nobody saw coming takes from patient and family the talk about what they want; a warning
    # that proves false costs that talk and a second look. The threshold shown weighs a miss as six of them.
    misses=6.0,
    limits=(
        "It says who dies under the care that was given then and there, not what other care would change.",
        f"It is asked of stays of at least 48 hours and of people aged {YOUNGEST} or more, and once a stay.",
        "An encounter that is 'inpatient acute' alone counts as intensive care where it lies in another.",
    ),
)
