"""Who will get diabetes within five years? Learnt by a site from its own records; nothing ships with it.

For practices that invite people for a test before there are symptoms. FINDRISC answers without records; this
answers from what is recorded anyway.
"""

from __future__ import annotations

from salus.learning.learnt import shipped
from salus.risk._onset import task, words
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
    words(
        "Onset of diabetes",
        "Adults of 18 to 84 without known diabetes, with a year of records in the practice.",
        "Diagnosis; pregnancy; people whose records are kept elsewhere.",
        "Invite for a fasting glucose or HbA1c.",
    ),
)
