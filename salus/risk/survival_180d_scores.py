"""Will this critically ill person die within 180 days? Asked on the third day, with SUPPORT's own scores.

As `survival_180d`, with the physiology scores that the study computed from that day (SUPPORT's, and that of
APACHE III): they know of measurements that the published set has not.
"""

from __future__ import annotations

from salus.learning.learnt import shipped
from salus.risk._survival_inputs import SCORES
from salus.risk._survival_task import task, words

TASK = task(
    "survival-180d-scores",
    SCORES,
    "It reads the physiology scores of SUPPORT and of APACHE III, which few hospitals compute.",
)

MODEL = shipped(TASK, "risk", words("Survival of 180 days, with SUPPORT's own scores", SCORES))
