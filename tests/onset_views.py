"""People of a practice, with as little writing as possible: what the tasks of onset are tested with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from salus.core.codes import BIRTH, DEATH, SEX
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Event, Timeline
from salus.core.insight import Abstention, Insight
from salus.core.seams import Model
from salus.learning.task import Case, Excluded, Task
from salus.privacy.gate import open_view

FIRST = datetime(2010, 3, 1, 9, tzinfo=UTC)
YEAR = timedelta(days=365.25)
SUBJECT = "Patient/p"
KNOWN = "the disease, or one that comes with it, is known already"


def on(years: float) -> datetime:
    """That many years after the first visit."""
    return FIRST + years * YEAR


def visit(years: float, code: str = "ActCode/AMB", status: str = "finished") -> Event:
    """A visit, called after when it was."""
    at = on(years)
    return Event((code,), at, at, at, status=status, source=f"Encounter/{years:g}")


def visits(*years: float) -> list[Event]:
    """Visits in those years after the first."""
    return [visit(each) for each in years]


def born(years_before: float = 50) -> Event:
    """A date of birth, that many years before the first visit."""
    return Event((BIRTH,), on(-years_before), source=SUBJECT)


def told(code: str, years: float | None, status: str = "active") -> Event:
    """A diagnosis, since that many years after the first visit; None: since nobody knows when."""
    at = None if years is None else on(years)
    return Event((code,), at, None, at, status=status, source=f"Condition/{code}")


def died(years: float) -> Event:
    """A death."""
    at = on(years)
    return Event((DEATH,), at, None, at, source=SUBJECT)


def found(task: Task, *events: Event) -> list[Case | Excluded]:
    """Return what is asked of somebody of 50 at the first visit, or born when the events say."""
    own = () if any(event.code == BIRTH for event in events) else (born(),)
    milestones = [one for one in (*own, *events) if any(map(task.is_milestone, one.codes))]
    return list(task.cases(Timeline.of(SUBJECT, milestones)))


def asked(task: Task, *events: Event) -> list[tuple[str, bool | None] | str]:
    """Return each case as its visit and its outcome, and why another is none."""
    told = found(task, *events)
    return [(one.id.partition("/")[2], one.outcome) if isinstance(one, Case) else one.why for one in told]


def answered(model: Model, *events: Event, years: float) -> Insight:
    """Return what the model says of somebody that many years after the first visit."""
    sex = Event((SEX,), value="female", source=SUBJECT)
    timeline = Timeline.of(SUBJECT, (born(), sex, *events))
    return model.predict(open_view(timeline, Actor("Practitioner/1"), DIRECT_CARE, on(years)))


def refused(insight: Insight) -> tuple[str, str]:
    """Return why the model does not answer, and in what words."""
    assert isinstance(insight.body, Abstention)
    return insight.body.why, insight.body.says
