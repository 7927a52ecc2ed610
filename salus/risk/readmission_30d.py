"""Will this person with diabetes be back in hospital within 30 days? Asked once a stay, at the discharge.

For those who plan the way home: a call, a visit, a nurse, the right medicines. The question of Strack B et
al., BioMed Res Int 2014:781670, on 130 US hospitals, 1999-2008.
"""

from __future__ import annotations

from salus.core.card import Need
from salus.core.insight import Urgency
from salus.core.measures import Measure
from salus.learning.learnt import CardParts, shipped
from salus.learning.task import Group, Task
from salus.risk._readmission_inputs import PARAMETERS, candidates
from salus.risk._readmission_stays import MILESTONES, READMITTED, STEMS, stays

TASK = Task(
    name="readmission-30d",
    version="1.0.0",
    asks="Will this person with diabetes be back in hospital within 30 days?",
    outcome="readmission within 30 days of discharge",
    horizon="30 days",
    milestones=MILESTONES,
    stems=STEMS,
    cases=stays,
    parameters=PARAMETERS,
    features=candidates(),
    leaks=frozenset({READMITTED}),
    groups=(
        Group("sex", "sex"),
        Group("age", "age", (40.0, 60.0, 80.0)),
        Group("race", "race"),
        Group("payer", "payer"),
    ),
    # What follows a flag is a call, a visit or an earlier appointment; what a miss costs is a stay. Support
    # after discharge prevents about one readmission in five (Leppin AL, JAMA Intern Med 2014;174:1095:
    # relative risk 0.82), so that it takes five people who would have come back to spare one stay. Where a
    # stay costs some 35 such visits, a miss weighs as seven false alarms.
    misses=7.0,
    # Visits after discharge are planned for the fifth who need them most.
    settings={"share": 0.2},
    limits=(
        "Diagnoses were coded after discharge, for billing: at the bedside they may be missing or other.",
        "It was learnt in US hospitals of 1999 to 2008; what is done on the way home has changed since.",
        "A readmission to a hospital outside the 130 was not seen, nor a death at home.",
        "A planned stay counts as any other: who goes on to rehabilitation or psychiatry, or comes for "
        "chemotherapy, is often one.",
        "Race and who pays are never looked at; they only tell groups apart when the model is measured.",
        "That nobody came back is known only where a record goes on after those 30 days.",
    ),
)

_MEASURED = tuple(sorted({code for one in PARAMETERS if isinstance(one, Measure) for code in one.codes}))

MODEL = shipped(
    TASK,
    "risk",
    CardParts(
        title="Readmission within 30 days, in diabetes",
        meant_for="People with diabetes who leave hospital alive and not to a hospice.",
        not_for=(
            "People without diabetes; holding somebody back in hospital; paying or ranking hospitals; "
            "anybody who leaves to die."
        ),
        needs=(
            Need("age, sex", "Patient"),
            Need("the stay, how it began and ended", "Encounter", required=True),
            Need("counts of visits, tests and drugs; glucose and HbA1c", "Observation", _MEASURED),
            Need("diagnoses", "Condition"),
            Need("drugs for diabetes", "MedicationStatement"),
        ),
        owner="Salus, risk",
        sources=(
            "Strack B et al., Impact of HbA1c measurement on readmission, BioMed Res Int 2014:781670",
            "Diabetes 130-US hospitals for years 1999-2008, UCI 296",
        ),
        below="The usual way home.",
        above="Call within two days, look through the medicines, an early visit.",
        urgency=Urgency.THIS_WEEK,
        begins="No stay in hospital that has ended is on record.",
        licence="Apache-2.0; learnt from data under CC BY 4.0",
    ),
)
