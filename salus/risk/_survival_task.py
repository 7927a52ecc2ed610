"""The question of survival in SUPPORT, asked with and without the study's own scores."""

from __future__ import annotations

from collections.abc import Sequence

from salus.core.card import Need
from salus.core.insight import Urgency
from salus.core.measures import Measure
from salus.learning.learnt import CardParts
from salus.learning.task import Beside, Group, Task
from salus.risk._survival_inputs import MEASURES, PARAMETERS, candidates
from salus.risk._survival_study import (
    LEAKS,
    MILESTONES,
    MODEL_6_MONTHS,
    PHYSICIAN_6_MONTHS,
    patients,
)


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
        beside=(
            Beside("the physicians", PHYSICIAN_6_MONTHS, of_the_opposite=True),
            Beside("the SUPPORT model", MODEL_6_MONTHS, of_the_opposite=True),
        ),
        limits=(
            "It was learnt from nine diseases at five US centres, 1989 to 1994; care has changed since.",
            "It says who dies under the care that was given then, not what care somebody should get.",
            "What patients and families said of daily living is left out: where somebody died before the "
            "interview it is missing, and that alone tells of the outcome.",
            "Race and income are never looked at; they only tell groups apart when the model is measured.",
            *limits,
        ),
    )


def words(title: str, scores: Sequence[Measure]) -> CardParts:
    """Return what only the room can say on the card."""
    read = (*MEASURES, *scores)
    return CardParts(
        title=title,
        meant_for=(
            "Critically ill adults on the third day, with one of the nine diseases of SUPPORT: respiratory "
            "failure, multiple organ failure, COPD, heart failure, cirrhosis, coma, colon or lung cancer."
        ),
        not_for=(
            "Deciding to withhold or to end treatment; anybody without one of those diseases; children; the "
            "day of admission."
        ),
        needs=(
            Need("age, sex", "Patient"),
            Need("the day of entry and the measurements of the third day", "Observation",
                 tuple(sorted({code for one in read for code in one.codes})), "P3D", required=True),
            Need("diabetes, dementia, cancer", "Condition"),
        ),
        owner="Salus, risk",
        sources=(
            "Knaus WA et al., The SUPPORT prognostic model, Ann Intern Med 1995;122:191-203",
            "SUPPORT2, Vanderbilt Biostatistics (F. Harrell), UCI 880",
        ),
        below="Talk about the way ahead as for anybody so ill.",
        above="Ask what matters to this patient, soon, and write it down.",
        urgency=Urgency.THIS_WEEK,
        begins="No entry into a study of serious illness is on record.",
        licence="Apache-2.0; learnt from data under CC BY 4.0",
    )  # fmt: skip
