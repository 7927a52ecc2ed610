"""What was looked at and not used is said, by every model alike; a value of a day may be of any hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from salus.core.evidence import Event
from salus.core.insight import Finding, Insight
from salus.core.registry import model, models
from salus.learning.learnt import Learnt
from salus.risk.ckd import MODEL as KIDNEY
from salus.risk.news2 import MODEL as NEWS2
from tests.risk_views import NOW, has, person, seen, takes, view

WOMAN = person(50, "female")
AF = has("SNOMED/49436004")
STRANGE = has("SNOMED/1", name="strange")
# One measure that each model looks at.
LOOKED_AT = {
    "cha2ds2-vasc": ("LOINC/4548-4", 6.0, "%", "HbA1c"),
    "ckd": ("LOINC/2160-0", 0.9, "mg/dL", "creatinine"),
    "findrisc": ("LOINC/8280-0", 90.0, "cm", "waist"),
    "news2": ("LOINC/8867-4", 70.0, "/min", "pulse"),
    "prevent": ("LOINC/2093-3", 200.0, "mg/dL", "total cholesterol"),
}


def ask(name: str, *events: Event) -> Insight:
    return model(name).predict(view(*WOMAN, AF, takes("paracetamol"), *events))


def test_every_guideline_is_asked():
    """What was learnt reads lists as it was learnt, and says so in its own words (test_learnt)."""
    guidelines = {name for name, each in models().items() if not isinstance(each, Learnt)}
    assert set(LOOKED_AT) == guidelines


@pytest.mark.parametrize("name", LOOKED_AT)
def test_conditions_that_cannot_be_placed_are_said(name):
    (said,) = [limit for limit in ask(name, STRANGE).limits if "not known here" in limit]
    assert said.startswith("1 condition on record is coded") and "in English" in said
    assert not any("not known here" in limit for limit in ask(name).limits)


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("status", ["unknown", "registered"])
def test_a_later_value_whose_status_forbids_its_use_is_said(name, status):
    code, value, unit, named = LOOKED_AT[name]
    used = seen(code, value, unit, before=timedelta(hours=2), name="used")
    later = seen(code, value, unit, before=timedelta(hours=1), name="later", status=status)
    limits = ask(name, used, later).limits
    assert any(limit.startswith("A later value that is not final") and named in limit for limit in limits)
    earlier = replace(later, time=NOW - timedelta(hours=3))
    assert not any("not final was not used" in limit for limit in ask(name, used, earlier).limits)


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_the_record_takes_back_is_not(name, status):
    code, value, unit, _ = LOOKED_AT[name]
    back = seen(code, value, unit, name="back", status=status)
    assert not any("not used" in limit and "final" in limit for limit in ask(name, back).limits)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_values_without_a_time_are_said(name):
    code, value, unit, named = LOOKED_AT[name]
    timeless = replace(seen(code, value, unit), time=None)
    said = [limit for limit in ask(name, timeless).limits if limit.startswith("Values without a time")]
    assert len(said) == 1 and named in said[0]


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_preliminary_value_is_used_and_said(name):
    code, value, unit, named = LOOKED_AT[name]
    limits = ask(name, seen(code, value, unit, status="preliminary")).limits
    assert any(limit.startswith("Preliminary, not final") and named in limit for limit in limits)


def day(code: str, value: object, unit: str | None, ago: int = 0, name: str = "day") -> Event:
    """One observation that names its day alone, as the decoder makes it."""
    start = datetime.combine(NOW.date() - timedelta(days=ago), time(), NOW.tzinfo)
    event = seen(code, value, unit, name=name)  # type: ignore[arg-type]
    return replace(event, time=start, end=start + timedelta(days=1, microseconds=-1), known_at=start)


VITALS = (
    seen("LOINC/9279-1", 16.0, "/min"), seen("LOINC/59408-5", 97.0, "%"), seen("LOINC/8310-5", 37.0, "Cel"),
    seen("LOINC/8480-6", 120.0, "mm[Hg]"), seen("LOINC/3151-8", 0.0, "L/min"),
    seen("LOINC/80288-4", "alert"),
)  # fmt: skip
PULSE = "LOINC/8867-4"


def test_a_vital_sign_dated_by_its_day_has_no_hour():
    insight = NEWS2.predict(view(*person(50), *VITALS, day(PULSE, 120.0, "/min")))
    (reason,) = [one for one in insight.reasons if one.says.startswith("Pulse")]
    assert "on 2026-03-14, hour not recorded" in reason.says and "00:00" not in reason.says
    assert any("without the hour: pulse" in limit for limit in insight.limits)
    assert any("(pulse) is up to 8 hours old" in limit for limit in insight.limits)
    exact = NEWS2.predict(view(*person(50), *VITALS, seen(PULSE, 120.0, "/min")))
    assert not any("hour" in limit for limit in exact.limits)


def test_beside_a_timed_value_of_that_day_both_are_possible():
    timed = seen(PULSE, 70.0, "/min", name="timed")
    insight = NEWS2.predict(view(*person(50), *VITALS, timed, day(PULSE, 135.0, "/min")))
    assert isinstance(insight.body, Finding)
    assert (insight.body.estimate.low, insight.body.estimate.high) == (0, 3)
    yesterday = NEWS2.predict(view(*person(50), *VITALS, timed, day(PULSE, 135.0, "/min", ago=1)))
    assert isinstance(yesterday.body, Finding) and yesterday.body.estimate.value == 0


def test_consciousness_dated_by_its_day_is_of_any_hour_too():
    confused = day("LOINC/80288-4", "new confusion", None)
    insight = NEWS2.predict(view(*person(50), *VITALS, seen(PULSE, 70.0, "/min"), confused))
    assert isinstance(insight.body, Finding)
    assert (insight.body.estimate.low, insight.body.estimate.high) == (0, 3)


def test_creatinines_of_two_days_may_lie_within_48_hours():
    first, last = day("LOINC/2160-0", 0.9, "mg/dL", 2, "a"), day("LOINC/2160-0", 1.2, "mg/dL", 0, "b")
    assert "not a steady state" in KIDNEY.predict(view(*WOMAN, first, last)).body.says
    # From the last moment of the one day to the first of the other it is more than 48 hours.
    third = day("LOINC/2160-0", 0.9, "mg/dL", 3, "a")
    assert "not a steady state" not in KIDNEY.predict(view(*WOMAN, third, last)).body.says
