"""PREVENT is not for people with heart failure: what a measured ejection fraction leaves open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from salus.core.evidence import Absence, Event
from salus.core.insight import Abstention
from salus.core.registry import model
from tests.risk_views import has, person, seen, takes, view

RECORD = (
    *person(60), takes("paracetamol 500 MG"), has("ICD10CM/J45.909"),
    seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
    seen("LOINC/8480-6", 130.0, "mm[Hg]"), seen("LOINC/2160-0", 1.0, "mg/dL"),
)  # fmt: skip


def pumps(value: float | Absence, unit: str | None = "%", days: float = 30) -> Event:
    return seen("LOINC/10230-1", value, unit, before=timedelta(days=days), name=f"ef-{days}")


def open_of_heart_failure(*events: Event) -> bool:
    insight = model("prevent").predict(view(*RECORD, *events))
    assert not isinstance(insight.body, Abstention)
    return any("Whether the patient has" in limit and "heart failure:" in limit for limit in insight.limits)


@pytest.mark.parametrize("events", [
    (pumps(25.0),), (pumps(40.0),), (pumps(25.0, days=400), pumps(60.0)),
    (replace(pumps(45.0), comparator="<"),),
    (pumps(25.0, None),), (pumps(Absence.WITHHELD),), (pumps(60.0, days=400), pumps(Absence.UNREADABLE)),
])  # fmt: skip
def test_a_weak_heart_leaves_heart_failure_open(events: tuple[Event, ...]) -> None:
    assert open_of_heart_failure(*events)


@pytest.mark.parametrize("events", [
    (), (pumps(55.0),), (replace(pumps(40.0), comparator=">"),),
    (pumps(55.0), pumps(Absence.NOT_SENT, days=1)), (pumps(Absence.NOT_MEASURED),),
])  # fmt: skip
def test_a_strong_one_does_not(events: tuple[Event, ...]) -> None:
    assert not open_of_heart_failure(*events)


def test_heart_failure_on_the_list_decides_whatever_was_measured() -> None:
    body = model("prevent").predict(view(*RECORD, has("ICD10CM/I50.9"), pumps(60.0))).body
    assert isinstance(body, Abstention) and body.why == "not-eligible"
