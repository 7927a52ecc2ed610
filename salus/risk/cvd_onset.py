"""Who will have a heart attack, a stroke or narrowed arteries within five years? Learnt by a site.

For practices that want to know whom to ask in first. PREVENT answers from published equations; this answers
from what a site's own records show, once it was trained there.
"""

from __future__ import annotations

from salus.core.card import Need
from salus.core.insight import Urgency
from salus.learning.learnt import CardParts, shipped
from salus.risk._onset import MEASURES, VISITS, task
from salus.risk._terms import ATHEROSCLEROTIC_DISEASE, DIABETES, HEART_FAILURE

TASK = task(
    "cvd-onset",
    "Who will have atherosclerotic cardiovascular disease within five years?",
    "atherosclerotic cardiovascular disease within five years",
    ATHEROSCLEROTIC_DISEASE,
    ages=(30, 84),
    # 7.5 % is where the 2025 AHA/ACC guideline starts drugs in stage 1 hypertension: a miss weighs 12 false
    # alarms.
    misses=12.0,
    prior=(HEART_FAILURE,),
    signs=(DIABETES,),
)

MODEL = shipped(
    TASK,
    "risk",
    CardParts(
        title="Onset of cardiovascular disease",
        meant_for="Adults of 30 to 84 without known cardiovascular disease, a year on record.",
        not_for="Symptoms now; pregnancy; people whose records are kept elsewhere.",
        needs=(
            Need("date of birth and sex", "Patient", required=True),
            Need("visits", "Encounter", tuple(sorted(VISITS)), required=True),
            Need("measurements", "Observation", tuple(code for one in MEASURES for code in one.codes)),
            Need("conditions", "Condition"),
        ),
        owner="Salus, risk",
        sources=("Learnt by the site itself from its own records; see the artefact for which, and when.",),
        below="Nothing follows.",
        above="Talk about prevention; PREVENT has the published risk.",
        # What lies within years is no matter of days (as PREVENT and FINDRISC have it).
        urgency=Urgency.ROUTINE,
        begins="No visit with a year of records before it.",
    ),
)
