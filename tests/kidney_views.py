"""Kidneys for the tests of the kidney model: what was measured, how it is asked, and what it must answer."""

from __future__ import annotations

from datetime import timedelta

from salus.core.evidence import Event
from salus.core.insight import Abstention, Finding, Insight, Outcome
from salus.risk.ckd import MODEL
from tests.risk_views import person, seen, view

CREATININE, EGFR, ACR = "LOINC/2160-0", "LOINC/98979-8", "LOINC/9318-7"
NORMALISED = "mL/min/{1.73_m2}"
WOMAN = person(70, "female")
YESTERDAY = timedelta(days=1)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def creatinine(value: float, before: timedelta = YESTERDAY, unit: str = "mg/dL") -> Event:
    return seen(CREATININE, value, unit, before=before, name=f"cr-{before.total_seconds():.0f}")


def reported(value: float, before: timedelta = YESTERDAY) -> Event:
    return seen(EGFR, value, NORMALISED, before=before, name=f"egfr-{before.total_seconds():.0f}")


def albumin(value: float, before: timedelta = YESTERDAY, unit: str = "mg/g") -> Event:
    return seen(ACR, value, unit, before=before, name=f"acr-{before.total_seconds():.0f}")


def ask(*events: Event, who: tuple[Event, ...] = WOMAN) -> Insight:
    return MODEL.predict(view(*who, *events))


def finding(insight: Insight) -> Finding:
    assert isinstance(insight.body, Finding), insight.body
    return insight.body


def failure(insight: Insight) -> list[Outcome]:
    return [part for part in finding(insight).parts if part.of.startswith("kidney failure")]


def abstains(insight: Insight, why: str) -> Abstention:
    assert isinstance(insight.body, Abstention), insight.body
    assert insight.body.why == why and insight.urgency is None
    return insight.body
