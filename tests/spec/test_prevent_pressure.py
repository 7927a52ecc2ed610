"""PREVENT beside a blood pressure that needs treatment by itself: it is never routine, and always said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from salus.core.insight import Abstention, Insight, Risk, Urgency
from salus.delivery.web.words import act
from salus.risk.prevent import CARD, MODEL
from tests.risk_views import has, person, seen, takes, view

SEVERE = "Systolic blood pressure above 180 mmHg needs treatment now, whatever the risk in ten years."
REST = (
    seen("LOINC/2093-3", 200.0, "mg/dL"), seen("LOINC/2085-9", 50.0, "mg/dL"),
    seen("LOINC/2160-0", 0.8, "mg/dL"), seen("LOINC/72166-2", "SNOMED/266919005"),
    has("ICD10CM/J45.909"), takes("paracetamol 500 MG"),
)  # fmt: skip


def ask(systolic: float, years: int = 35) -> Insight:
    return MODEL.predict(view(*person(years, "female"), *REST, seen("LOINC/8480-6", systolic, "mm[Hg]")))


@pytest.mark.parametrize(("systolic", "urgency"), [
    (180.0, Urgency.ROUTINE), (181.0, Urgency.THIS_WEEK), (200.0, Urgency.THIS_WEEK),
])  # fmt: skip
def test_a_pressure_that_needs_treatment_by_itself_is_no_routine(systolic: float, urgency: Urgency) -> None:
    insight = ask(systolic)
    assert isinstance(insight.body, Risk) and insight.body.outcomes[0].estimate.upper < 0.2
    assert insight.urgency is urgency
    assert (SEVERE in insight.limits, act(insight, CARD) == SEVERE) == (systolic > 180,) * 2


@pytest.mark.parametrize("systolic", [80.0, 210.0])
def test_above_the_range_of_the_equations_it_is_said_too(systolic: float) -> None:
    insight = ask(systolic)
    assert isinstance(insight.body, Abstention) and insight.body.why == "out-of-distribution"
    assert (SEVERE in insight.limits, SEVERE in insight.body.says) == (systolic > 180,) * 2


def test_where_too_little_is_known_it_is_said_too() -> None:
    high = seen("LOINC/8480-6", 190.0, "mm[Hg]")
    insight = MODEL.predict(view(*person(60, None), high))
    assert isinstance(insight.body, Abstention) and insight.body.why == "missing-evidence"
    assert SEVERE in insight.limits and insight.body.says.endswith(SEVERE)


def test_a_pressure_of_long_ago_is_said_to_be_old() -> None:
    old = seen("LOINC/8480-6", 190.0, "mm[Hg]", before=timedelta(days=700))
    insight = MODEL.predict(view(*person(35, "female"), *REST, old))
    says = (
        "Systolic blood pressure was above 180 mmHg 22 months ago and not measured since: measure it again "
        "now, it needs treatment if it still is."
    )
    assert isinstance(insight.body, Risk) and insight.body.says.endswith(says)
    assert says in insight.limits and SEVERE not in insight.limits
    assert insight.urgency is Urgency.THIS_WEEK


def test_a_pressure_that_may_be_as_high_is_not_said_to_be() -> None:
    both = (seen("LOINC/8480-6", 190.0, "mm[Hg]"), seen("LOINC/8480-6", 120.0, "mm[Hg]", name="other"))
    insight = MODEL.predict(view(*person(35, "female"), *REST, *both))
    assert any(limit.startswith("Systolic blood pressure may be above 180 mmHg") for limit in insight.limits)
    assert SEVERE not in insight.limits and insight.urgency is Urgency.THIS_WEEK
