"""Will this critically ill person die within 180 days? Asked on the third day, from what every bedside has.

For those who talk with patients and families about what to hope for. The question of SUPPORT (Knaus WA et
al., Ann Intern Med 1995;122:191-203), whose physicians said their own estimates; without SUPPORT's scores.
"""

from __future__ import annotations

from salus.learning.learnt import shipped
from salus.risk._survival_study import MODEL_6_MONTHS, PHYSICIAN_6_MONTHS
from salus.risk._survival_task import task, words

# What it is compared with: how likely the physician, and the SUPPORT model, held living six months on day 3.
PHYSICIAN, PUBLISHED_MODEL = PHYSICIAN_6_MONTHS, MODEL_6_MONTHS
TASK = task("survival-180d", ())

MODEL = shipped(TASK, "risk", words("Survival of 180 days in serious illness", ()))
