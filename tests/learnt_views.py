"""A question that nobody asks, its task and an artefact made by hand: what a learnt model is tested with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from salus.core.card import Need
from salus.core.codes import BIRTH, SEX
from salus.core.evidence import Event, Timeline
from salus.core.insight import Insight, Urgency
from salus.core.measures import Measure
from salus.learning import artefact
from salus.learning.features import AGE, EVER, WHOLE, Feature
from salus.learning.learnt import CardParts, Learnt
from salus.learning.parameters import Category
from salus.learning.task import Case, Excluded, Group, Task
from tests.additive import document
from tests.risk_views import NOW, SUBJECT, view

STAY, ENDED = "ActCode/IMP", "SNOMED/371827001"
_DAY = timedelta(hours=24)
PULSE = Measure("pulse", ("LOINC/8867-4",), "/min", 10, 350)
LACTATE = Measure("lactate", ("LOINC/2524-7",), "mmol/L", 0, 40)
YEARS = Measure("age", (AGE,), "a", 0, 130)
WHO = Category("sex", (SEX,), {"female": "female", "male": "male"})
DIABETES = Category("diabetes", ("SNOMED/44054006",), {"SNOMED/44054006": "yes"})


def cases(timeline: Timeline) -> Iterator[Case | Excluded]:
    """Yield a case for each stay, judged a day after it began."""
    for stay in timeline.where((STAY,)):
        assert stay.time is not None
        ended = [one for one in timeline.where((ENDED,)) if one.source == stay.source]
        if stay.end is not None and stay.end < stay.time + _DAY:
            yield Excluded(timeline.subject, "in hospital for less than a day")
        else:
            outcome = ended[0].value == "died" if ended else None
            yield Case(stay.source, timeline.subject, stay.time, stay.time + _DAY, outcome)


TASK = Task(
    name="nobody",
    version="0.0.1",
    asks="Will nobody die in hospital?",
    outcome="death in hospital",
    horizon="until the end of the stay",
    milestones=frozenset({STAY, ENDED}),
    cases=cases,
    parameters=(PULSE, LACTATE, YEARS, WHO, DIABETES),
    features=(
        Feature("pulse, last", "last", ("pulse",), WHOLE),
        Feature("pulse, how often", "count", ("pulse",), WHOLE),
        Feature("lactate, highest", "highest", ("lactate",), WHOLE),
        Feature("age, last", "last", ("age",), EVER),
        Feature("sex", "level", ("sex",), EVER),
        Feature("diabetes", "level", ("diabetes",), EVER),
        Feature("pulse by lactate", "ratio", ("pulse, last", "lactate, highest")),
    ),
    leaks=frozenset({ENDED}),
    groups=(Group("sex", "sex"), Group("age", "age", (65.0,))),
    misses=4.0,
    limits=("It was made by hand.",),
)
PARTS = CardParts(
    title="Nobody",
    meant_for="Nobody.",
    not_for="Everybody.",
    needs=(
        Need("pulse", "Observation", PULSE.codes),
        Need("sex", "Patient", (SEX,)),
        Need("diabetes", "Condition", DIABETES.codes),
    ),
    owner="Tests",
    sources=("nowhere",),
    below="Nothing follows.",
    above="Look again.",
    begins="No stay in hospital is on record.",
)
USED = ("pulse, last", "lactate, highest", "age, last", "sex", "diabetes", "pulse by lactate")


def told(**more: Any) -> dict[str, Any]:
    """The document of an artefact made by hand: pulse, lactate, age, sex and diabetes; a pair; a ratio."""
    inputs = artefact.inputs_for(TASK, USED)
    at = {one.name: place for place, one in enumerate(inputs)}
    level = {"levels": ["female", "male"], "scores": [-0.1, 0.1], "other": 0.0, "missing": 0.0}
    terms = [
        {"feature": at["pulse, last"], "edges": [60.0, 120.0], "scores": [0.1, 0.0, 0.8], "missing": 0.3,
         "counts": [100, 100, 700, 100]},
        {"feature": at["lactate, highest"], "edges": [2.0, 4.0], "scores": [-0.4, 0.4, 1.5], "missing": -0.2,
         "counts": [400, 300, 200, 100]},
        {"feature": at["age, last"], "edges": [], "scores": [0.0], "missing": 0.0, "counts": [0, 1000],
         "knots": [20.0, 100.0], "heights": [-0.8, 0.8]},
        {"feature": at["sex"], "counts": [0, 500, 500, 0], **level},
        {"feature": at["diabetes"], "levels": ["yes"], "scores": [0.6], "other": 0.0, "missing": -0.05,
         "counts": [900, 100, 0]},
        {"features": [at["pulse, last"], at["lactate, highest"]], "edges": [[120.0], [4.0]],
         "scores": [[0.0, 0.0, 0.0], [0.0, 0.0, 0.1], [0.0, 0.0, 0.4]]},
        {"feature": at["pulse by lactate"], "edges": [20.0], "scores": [0.05, -0.05], "missing": 0.0,
         "counts": [400, 300, 300]},
    ]  # fmt: skip
    usual = {
        "features": {"pulse, last": [30.0, 40.0, 160.0, 200.0]},
        "levels": {"sex": ["female", "male"]},
        "parameters": {"pulse": ["pulse, last"], "lactate": ["lactate, highest"]},
        "outside": 0, "missing": 2, "far": 1.0, "n": 1000,
    }  # fmt: skip
    span = {"value": 0.81, "low": 0.78, "high": 0.84}
    measures = [
        {"by": "sex", "group": "female", "n": 480, "events": 60, "auroc": span,
         "observed_expected": {"value": 1.02, "low": 0.9, "high": 1.15}, "note": ""},
        {"by": "sex", "group": "male", "n": 520, "events": 70, "auroc": span, "observed_expected": None,
         "note": ""},
        {"by": "sex and age", "group": "female, 65 and over", "n": 30, "events": 4, "auroc": None,
         "observed_expected": None, "note": "too few to judge"},
    ]  # fmt: skip
    said = {"novelty": usual, "measures": measures, "calibration": {"slope": 1.0, "intercept": 0.0}, **more}
    return document([one.as_json() for one in inputs], terms, **said)


def model(**more: Any) -> Learnt:
    """A model with the artefact made by hand."""
    return Learnt(TASK, Path("nowhere.json"), PARTS).with_artefact(artefact.of(told(**more)).dumps())


def stay(*, hours: float = 30, end: float | None = None, name: str = "1") -> Event:
    """A stay that began so many hours ago, and ended so many hours ago."""
    over = None if end is None else NOW - timedelta(hours=end)
    began = NOW - timedelta(hours=hours)
    return Event((STAY,), began, over, began, status="in-progress", source=f"Encounter/{name}")


def patient(years: int = 70, sex: str = "female") -> tuple[Event, ...]:
    """Somebody of that age."""
    born = Event((BIRTH,), NOW.replace(year=NOW.year - years, month=1), source=SUBJECT)
    return (born, Event((SEX,), value=sex, source=SUBJECT))


def asked(*events: Event, of: Learnt | None = None, as_of: datetime = NOW) -> Insight:
    """What the model says of these events."""
    return (of or model()).predict(view(*events, as_of=as_of))


__all__ = ["NOW", "PARTS", "TASK", "Urgency", "asked", "model", "patient", "stay", "told"]
