"""Who will get diabetes within five years? Learnt by a site from its own records; nothing ships with it.

For practices that invite people for a test before there are symptoms. FINDRISC answers without records; this
answers from what is recorded anyway.
"""

from __future__ import annotations

from salus.core.card import Need
from salus.core.insight import Urgency
from salus.learning.learnt import CardParts, shipped
from salus.risk._onset import MEASURES, VISITS, task
from salus.risk._terms import DIABETES

TASK = task(
    "diabetes-onset",
    "Who will be told within five years that they have diabetes?",
    "diabetes within five years",
    DIABETES,
    ages=(18, 84),
    # A false alarm costs one blood test; ten of them are taken for one diabetes that would be seen too late.
    misses=10.0,
)

MODEL = shipped(
    TASK,
    "risk",
    CardParts(
        title="Onset of diabetes",
        meant_for="Adults of 18 to 84 without known diabetes, with a year of records in the practice.",
        not_for="Diagnosis; pregnancy; people whose records are kept elsewhere.",
        needs=(
            Need("date of birth and sex", "Patient", required=True),
            Need("visits", "Encounter", tuple(sorted(VISITS)), required=True),
            Need("measurements", "Observation", tuple(code for one in MEASURES for code in one.codes)),
            Need("conditions", "Condition"),
        ),
        owner="Salus, risk",
        sources=("Learnt by the site itself from its own records; see the artefact for which, and when.",),
        below="Nothing follows.",
        above="Invite for a fasting glucose or HbA1c.",
        # What lies within years is no matter of days (as PREVENT and FINDRISC have it).
        urgency=Urgency.ROUTINE,
        begins="No visit with a year of records before it.",
    ),
)
