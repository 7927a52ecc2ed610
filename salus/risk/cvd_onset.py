"""Who will have a heart attack, a stroke or narrowed arteries within five years? Learnt by a site.

For practices that want to know whom to ask in first. PREVENT answers from published equations; this answers
from what a site's own records show, once it was trained there.
"""

from __future__ import annotations

from salus.learning.learnt import shipped
from salus.risk._onset import task, words
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
    words(
        "Onset of cardiovascular disease",
        "Adults of 30 to 84 without known cardiovascular disease, a year on record.",
        "Symptoms now; pregnancy; people whose records are kept elsewhere.",
        "Talk about prevention; PREVENT has the published risk.",
    ),
)
