"""The question of survival in SUPPORT, asked with and without the study's own scores."""

from __future__ import annotations

from collections.abc import Sequence

from salus.core.measures import Measure
from salus.learning.task import Group, Task
from salus.risk._survival_inputs import MEASURES, PARAMETERS, candidates
from salus.risk._survival_study import LEAKS, MILESTONES, patients


def task(name: str, scores: Sequence[Measure], *limits: str) -> Task:
    """Return the task `name`, whose features read `scores` beside what every bedside has."""
    return Task(
        name=name,
        version="1.0.0",
        asks="Will this critically ill person die within 180 days?",
        outcome="death within 180 days of entering the study",
        horizon="180 days",
        milestones=MILESTONES,
        cases=patients,
        parameters=(*PARAMETERS, *scores),
        features=candidates((*MEASURES, *scores)),
        leaks=LEAKS,
        groups=(
            Group("sex", "sex"),
            Group("age", "age", (45.0, 65.0, 80.0)),
            Group("race", "race"),
            Group("income", "income"),
        ),
        # What follows is a talk about what somebody wants, which is of use to those who live too; a miss
        # takes it from those who die. But a bleak forecast can bring about what it says, where treatment is
        # held back: so a miss weighs as two false alarms and no more.
        misses=2.0,
        limits=(
            "It was learnt from nine diseases at five US centres, 1989 to 1994; care has changed since.",
            "It says who dies under the care that was given then, not what care somebody should get.",
            "What patients and families said of daily living is left out: where somebody died before the "
            "interview it is missing, and that alone tells of the outcome.",
            "Race and income are never looked at; they only tell groups apart when the model is measured.",
            *limits,
        ),
    )
