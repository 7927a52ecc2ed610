"""Whom SUPPORT asked about, when, and who was alive after 180 days, from milestones alone.

Source: https://hbiostat.org/data/repo/supportdesc; Knaus WA et al., Ann Intern Med 1995;122:191-203.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from salus.core.codes import BIRTH, DEATH, short
from salus.core.evidence import Timeline
from salus.learning.features import AGE, age_at
from salus.learning.task import Case, Excluded

URI = "https://hbiostat.org/data/repo/support2"
ENTRY = short(URI, "study-entry")
# Until when somebody who is not known to have died is known to have lived.
LAST_HEARD = short(URI, "d.time")
MILESTONES = frozenset({ENTRY, LAST_HEARD, DEATH, BIRTH, AGE})
# The third day of the study is over.
ASKED = timedelta(days=3)
HORIZON = timedelta(days=180)
# Of those whom SUPPORT took in (Murphy DJ, Cluff LE. J Clin Epidemiol 1990;43 Suppl:V-X).
YOUNGEST = 18
# What others estimated on day 3: the physicians' and the SUPPORT model's probability of living two and six
# months. No feature reads them; the evidence run does, to compare with both.
PHYSICIAN_2_MONTHS, PHYSICIAN_6_MONTHS = short(URI, "prg2m"), short(URI, "prg6m")
MODEL_2_MONTHS, MODEL_6_MONTHS = short(URI, "surv2m"), short(URI, "surv6m")
# What follows from the outcome, or was decided or told after the moment; answers of interviews that were held
# on later days are missing where somebody died before them.
LEAKS = frozenset(
    {DEATH, LAST_HEARD, PHYSICIAN_2_MONTHS, PHYSICIAN_6_MONTHS, MODEL_2_MONTHS, MODEL_6_MONTHS,
     "SNOMED/304253006"}
    | {
        short(URI, name)
        for name in ("dnr", "dnrday", "avtisst", "charges", "totcst", "totmcst", "sfdm2", "slos", "hospdead",
                     "adlp", "adls", "adlsc", "edu")
    }
)  # fmt: skip


def patients(timeline: Timeline) -> Iterator[Case | Excluded]:
    """Yield the one case of whoever entered the study, three days later, or why there is none."""
    entry = timeline.first((ENTRY,))
    if entry is None or entry.time is None:
        return
    start, subject = entry.time, timeline.subject
    death = timeline.first((DEATH,))
    if death is not None and death.time is not None and (death.known_at or death.time) <= start + ASKED:
        yield Excluded(subject, "died before the third day was over")
        return
    age = age_at(timeline, start)
    if age is not None and age < YOUNGEST:
        yield Excluded(subject, f"younger than {YOUNGEST}")
        return
    died = death.time if death is not None else None
    heard = timeline.last((LAST_HEARD,))
    alive = heard.time if heard is not None else None
    key = subject.partition("/")[2]
    over = start + HORIZON
    yield Case(key, subject, start, start + ASKED, _died(over, died, alive), over)


def _died(until: datetime, died: datetime | None, alive: datetime | None) -> bool | None:
    """Return whether death came by the last of the days; None where nobody heard so long."""
    if died is not None:
        return died <= until
    return False if alive is not None and alive >= until else None
