"""What the onset of a disease is asked from: moments in an ordinary record, a year of which is known before.

A person is asked about at the first visit of each span of five years, so that no two questions share what
happened after them. Whose record ends before the five years are over, without the disease, has an outcome
that nobody knows. A date of onset that is only recorded later still counts as the day it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from salus.core.card import Need
from salus.core.codes import BIRTH, DEATH, SEX, ValueSet
from salus.core.evidence import Event, Timeline
from salus.core.insight import Urgency
from salus.core.measures import Measure
from salus.learning.features import AGE, EVER, Feature, Window, whole_years
from salus.learning.learnt import CardParts
from salus.learning.parameters import NOT_SO, Category, Parameter
from salus.learning.task import Case, Excluded, Group, Task
from salus.risk._af_terms import HYPERTENSION
from salus.risk._labs import CREATININE, EGFR, HBA1C, HDL_CHOLESTEROL, TOTAL_CHOLESTEROL
from salus.risk._measures import BMI, DIASTOLIC, SYSTOLIC
from salus.risk._smoking import SMOKING
from salus.risk._terms import PREGNANCY

# HL7 v3 ActCode, ActEncounterCode: what people come to a practice or hospital for.
VISITS = frozenset(
    f"ActCode/{code}" for code in ("AMB", "IMP", "EMER", "ACUTE", "OBSENC", "HH", "VR", "WELLNESS")
)
HORIZON = timedelta(days=5 * 365.25)
KNOWN_FOR = timedelta(days=365.25)
_KNOWN = "the disease, or one that comes with it, is known already"
YEAR_BEFORE = Window("last year", "moment", -8766.0, 0.0)
YEARS_BEFORE = Window("last five years", "moment", -5 * 8766.0, 0.0)

_GLUCOSE = Measure(
    "glucose",
    ("LOINC/2345-7", "LOINC/2339-0", "LOINC/1558-6", "LOINC/14749-6"),
    "mg/dL",
    20.0,
    1500.0,
    molar_mass=180.156,
    source="range that laboratory methods report; molar mass of C6H12O6",
)
_TRIGLYCERIDES = Measure(
    "triglycerides",
    ("LOINC/2571-8", "LOINC/14927-8"),
    "mg/dL",
    10.0,
    5000.0,
    molar_mass=885.4,
    source="range that laboratory methods report; molar mass of triolein",
)
_AGE = Measure("age", (AGE,), "a", 0.0, 130.0)
_SEX = Category("sex", (SEX,), {"male": "male", "female": "female"})
MEASURES = (
    _AGE, BMI, SYSTOLIC, DIASTOLIC, TOTAL_CHOLESTEROL, HDL_CHOLESTEROL, _TRIGLYCERIDES, _GLUCOSE, HBA1C,
    CREATININE, EGFR,
)  # fmt: skip


def listed(meaning: ValueSet) -> Category:
    """Return "is it on the list?" as a parameter: yes, or not on record."""
    return Category(
        meaning.name,
        tuple(sorted(meaning.codes)),
        group=lambda _: "yes",
        source=meaning.source,
        stems=meaning.stems,
    )


def onset(
    disease: ValueSet, youngest: int, oldest: int, prior: tuple[ValueSet, ...] = ()
) -> Callable[[Timeline], Iterator[Case | Excluded]]:
    """Return what finds the cases of a disease's onset; who has it, or one of `prior`, is not asked.

    The newest visit comes last: it is the one that is answered. Within the span of an older question it has
    no outcome of its own; who was told of the disease, or of one of `prior`, since then is not asked.
    """

    def cases(milestones: Timeline) -> Iterator[Case | Excluded]:
        every = [one for one in milestones if one.status not in NOT_SO]
        told = [one for one in every if one.time is not None]
        visits = [one for one in told if one.kind == "Encounter" and one.coded(VISITS)]
        began = _first(told, disease)
        barring = [one for one in every if any(meaning.has(one) for meaning in (disease, *prior))]
        for visit, moment, own in _asked(visits):
            outcome = _outcome(began, moment, _last(told)) if own else None
            is_open = visit is visits[-1] and outcome is None
            # Who has it since nobody knows when may have had it at every visit.
            barred = any(one.time is None or one.time <= moment or is_open for one in barring)
            why = _KNOWN if barred else _why_not(milestones, moment, (youngest, oldest))
            if why:
                yield Excluded(milestones.subject, why)
            else:
                yield Case(visit.source, milestones.subject, moment, moment, outcome, moment + HORIZON)

    return cases


def _asked(visits: list[Event]) -> Iterator[tuple[Event, datetime, bool]]:
    """Yield the visits that are asked about, a year of records before each: its moment, and whether the five
    years after it are its own.
    """
    free = None
    for visit in visits:
        start, at = visits[0].time, visit.time
        if start is None or at is None or at < start + KNOWN_FOR:
            continue
        own = free is None or at >= free
        if own or visit is visits[-1]:
            yield visit, at, own
        free = at + HORIZON if own else free


def _first(told: list[Event], meaning: ValueSet) -> datetime | None:
    return min((one.time for one in told if one.time is not None and meaning.has(one)), default=None)


def _last(told: list[Event]) -> datetime:
    return max(one.time for one in told if one.time is not None)


def _why_not(found: Timeline, at: datetime, ages: tuple[int, int]) -> str:
    born = found.first((BIRTH,))
    if born is None or born.time is None:
        return "no date of birth is on record"
    if not ages[0] <= whole_years(born.time, at) <= ages[1]:
        return f"not {ages[0]} to {ages[1]} years old"
    death = found.first((DEATH,))
    if death is not None and death.time is not None and death.time <= at:
        return "had died by then"
    return ""


def _outcome(began: datetime | None, at: datetime, last: datetime) -> bool | None:
    if began is not None and at < began <= at + HORIZON:
        return True
    return False if last >= at + HORIZON else None


def task(
    name: str, asks: str, outcome: str, disease: ValueSet, *, ages: tuple[int, int], misses: float,
    prior: tuple[ValueSet, ...] = (), signs: tuple[ValueSet, ...] = (),
) -> Task:  # fmt: skip
    """Return the task of a disease's onset within five years, from what practices record."""
    lists = tuple(listed(one) for one in (HYPERTENSION, PREGNANCY, *signs))
    parameters: tuple[Parameter, ...] = (*MEASURES, _SEX, SMOKING, *lists)
    barring = (disease, *prior)
    return Task(
        name=name,
        version="1.0.0",
        asks=asks,
        outcome=outcome,
        horizon="5 years",
        milestones=VISITS | {BIRTH, DEATH} | frozenset().union(*(one.codes for one in barring)),
        stems=tuple(stem for one in barring for stem in one.stems),
        cases=onset(disease, *ages, prior),
        parameters=parameters,
        features=tuple(_features((*lists, SMOKING))),
        leaks=disease.codes,
        groups=(Group("sex", "sex"), Group("age", "age", (45.0, 60.0, 75.0))),
        misses=misses,
        limits=(
            "The onset of a disease is the day that the record gives it; many have it for years before.",
            "Who left the practice, moved or died within the five years has an outcome that is not known.",
        ),
    )


def words(title: str, meant_for: str, not_for: str, above: str) -> CardParts:
    """Return what the cards of both questions say, with what each says of its own."""
    return CardParts(
        title=title,
        meant_for=meant_for,
        not_for=not_for,
        needs=(
            Need("date of birth and sex", "Patient", required=True),
            Need("visits", "Encounter", tuple(sorted(VISITS)), required=True),
            Need("measurements", "Observation", tuple(code for one in MEASURES for code in one.codes)),
            Need("conditions", "Condition"),
        ),
        owner="Salus, risk",
        sources=("Learnt by the site itself from its own records; see the artefact for which, and when.",),
        below="Nothing follows.",
        above=above,
        # What lies within years is no matter of days (as PREVENT and FINDRISC have it).
        urgency=Urgency.ROUTINE,
        begins="No visit with a year of records before it.",
    )


def _features(levels: tuple[Category, ...]) -> Iterator[Feature]:
    yield Feature("age", "last", ("age",), EVER, grows=1, because="the incidence of both rises with age")
    yield Feature("sex", "level", ("sex",), EVER)
    for one in MEASURES[1:]:
        yield Feature(f"{one.name}, last", "last", (one.name,), EVER)
        for how in ("mean", "highest", "count"):
            yield Feature(f"{one.name}, {how} of the last year", how, (one.name,), YEAR_BEFORE)
        yield Feature(f"{one.name}, change over five years", "change", (one.name,), YEARS_BEFORE)
    for each in levels:
        yield Feature(each.name, "level", (each.name,), EVER)
