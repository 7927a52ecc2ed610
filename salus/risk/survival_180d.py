"""Will this critically ill person die within 180 days? Asked on the third day, from what every bedside has.

For those who talk with patients and families about what to hope for. The question of SUPPORT (Knaus WA et
al., Ann Intern Med 1995;122:191-203), whose physicians said their own estimates; without SUPPORT's scores.
"""

from __future__ import annotations

from salus.learning.learnt import shipped
from salus.risk._survival_task import task, words

TASK = task("survival-180d", ())

MODEL = shipped(TASK, "risk", words("Survival of 180 days in serious illness", ()))
