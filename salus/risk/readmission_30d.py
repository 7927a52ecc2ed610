"""Will this person with diabetes be back in hospital within 30 days? Asked once a stay, at the discharge.

For those who plan the way home: a call, a visit, a nurse, the right medicines. The question of Strack B et
al., BioMed Res Int 2014:781670, on 130 US hospitals, 1999-2008.
"""

from __future__ import annotations

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
    limits=(
        "Diagnoses were coded after discharge, for billing: at the bedside they may be missing or other.",
        "It was learnt in US hospitals of 1999 to 2008; what is done on the way home has changed since.",
        "A readmission to a hospital outside the 130 was not seen, nor a death at home.",
        "Race and who pays are never looked at; they only tell groups apart when the model is measured.",
        "That nobody came back is known only where a record goes on after those 30 days.",
    ),
)
