"""Will this patient in intensive care die in hospital? Asked once, 48 hours after the admission to the ICU.

For those who plan care and talk with families, and for units that compare themselves. The question of the
PhysioNet/CinC Challenge 2012 (Silva, Comput Cardiol 2012;39:245-248), which everybody can be compared on.
"""

from __future__ import annotations

from datetime import timedelta

from salus.core.card import Need
from salus.core.codes import DEATH, DISPOSITION
from salus.core.insight import Urgency
from salus.learning.learnt import CardParts, shipped
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
    # that proves false brings a hard talk to a family that did not need it, and tires those who are warned. A
    # miss weighs two of them: about half of all warnings then come true (the challenge's first score asks for
    # as many of the deaths as of the warnings, Silva 2012).
    misses=2.0,
    settings={"challenge": 1.0},
    limits=(
        "It says who dies under the care that was given then and there, not what other care would change.",
    ),
)

_MEASURED = tuple(sorted({code for one in PARAMETERS for code in one.codes}))

MODEL = shipped(
    TASK,
    "risk",
    CardParts(
        title="Death in hospital after 48 hours in intensive care",
        meant_for=f"People of {YOUNGEST} and over who have been in intensive care for 48 hours.",
        not_for=(
            "Deciding to withhold or to end treatment; whom to admit; the first 48 hours; children; "
            "comparing units without looking at who was treated there."
        ),
        needs=(
            Need("sex, date of birth", "Patient"),
            Need("the stay in intensive care", "Encounter", required=True),
            Need("vital signs and laboratory values", "Observation", _MEASURED, "P3D"),
        ),
        owner="Salus, risk",
        sources=(
            "Silva I et al., Predicting mortality of ICU patients, Comput Cardiol 2012;39:245-248",
            "PhysioNet/CinC Challenge 2012, set a: four intensive care units of one hospital in Boston, 2001 "
            "to 2008 (MIMIC-II; Saeed M et al., Crit Care Med 2011;39:952)",
        ),
        below="No warning: talk about goals of care as for anybody so ill.",
        above="A senior clinician looks again, and asks what this patient wants.",
        urgency=Urgency.TODAY,
        begins="No stay in intensive care is on record.",
        licence="Apache-2.0; learnt from data under ODC-By 1.0",
        # After a week what the first two days said is older than most of what is charted since.
        fresh=timedelta(days=7),
        notes=(
            f"Asked of stays of at least 48 hours and of people aged {YOUNGEST} or more, and once a stay.",
            "An encounter that is 'inpatient acute' alone counts as intensive care where it lies in another.",
        ),
    ),
)
