"""What once was so by a measurement: entries that hide it, contradict it or leave it open are no "no"."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from salus.core.evidence import UNREADABLE, Absence, Event
from salus.core.insight import Finding, Insight
from salus.risk.cha2ds2_vasc import MODEL
from salus.risk.findrisc import MODEL as FINDRISC
from tests.risk_views import NOW, has, person, seen, takes, view

KNOWN = (*person(50), has("SNOMED/49436004"), takes("paracetamol 500 MG"))
EJECTION, SUGAR, UPPER, LOWER = "LOINC/10230-1", "LOINC/4548-4", "LOINC/8480-6", "LOINC/8462-4"
MMHG, PANEL = "mm[Hg]", "LOINC/85354-9"


def ask(*events: Event, as_of: datetime = NOW) -> Insight:
    return MODEL.predict(view(*KNOWN, *events, as_of=as_of))


def span(insight: Insight) -> tuple[float | None, float | None]:
    assert isinstance(insight.body, Finding), insight.body
    found = insight.body.estimate
    return (found.value, found.value) if found.value is not None else (found.low, found.high)


def bound(code: str, comparator: str, value: float, unit: str, **more: timedelta) -> Event:
    return replace(seen(code, value, unit, **more), comparator=comparator)


def refused(code: str) -> Event:
    return seen(code, Absence.UNREADABLE, status=UNREADABLE)


def days(code: str, *values: object, unit: str | None = MMHG) -> list[Event]:
    told = [seen(code, each, unit, name=f"d{n}") for n, each in enumerate(values)]  # type: ignore[arg-type]
    return [replace(event, time=NOW - timedelta(days=2 * n + 1)) for n, event in enumerate(told)]


HIDDEN = [
    ("heart failure", [seen(EJECTION, Absence.WITHHELD)]),
    ("heart failure", [seen(EJECTION, Absence.NOT_SENT)]),
    ("heart failure", [refused(EJECTION)]),
    ("heart failure", [seen(EJECTION, 35.0)]),
    ("heart failure", [seen(EJECTION, 3500.0, "%")]),
    ("heart failure", [seen(EJECTION, "35-40%")]),
    ("heart failure", [bound(EJECTION, ">=", 35.0, "%")]),
    ("heart failure", [seen(EJECTION, 35.0, "%"), seen(EJECTION, 50.0, "%", name="other")]),
    ("diabetes", [seen(SUGAR, Absence.WITHHELD)]),
    ("diabetes", [refused(SUGAR)]),
    ("diabetes", [seen(SUGAR, 9.0)]),
    ("hypertension", days(UPPER, Absence.WITHHELD, Absence.WITHHELD, unit=None)),
    ("hypertension", days(PANEL, Absence.WITHHELD, Absence.UNREADABLE, unit=None)),
    ("hypertension", days(LOWER, 100.0, 101.0, unit=None)),
    ("hypertension", days(UPPER, 190.0, "191")),
    ("hypertension", [*days(UPPER, 190.0, 190.0), *(replace(e, value=120.0, source="Observation/x")
                                                    for e in days(UPPER, 190.0, 190.0))]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "events"), HIDDEN)
def test_a_measurement_that_hides_it_leaves_the_item_open_and_is_said(item: str, events: list[Event]) -> None:
    insight = ask(*events)
    assert span(insight) == (0, 1)
    assert isinstance(insight.body, Finding) and f"not known: {item}" in insight.body.says
    (said,) = [limit for limit in insight.limits if limit.startswith(f"{item.capitalize()}: ")]
    assert said.endswith("0 to 1 point possible.")
    assert any(event.source in reason.evidence for event in events for reason in insight.reasons)


NOTHING = [
    [seen(EJECTION, Absence.NOT_MEASURED)],
    [seen(EJECTION, 60.0, "%", before=timedelta(days=9)), seen(EJECTION, Absence.NOT_SENT, name="later")],
    [seen(SUGAR, Absence.NOT_MEASURED)],
    [bound(EJECTION, ">", 40.0, "%")],
    days(UPPER, 120.0, Absence.WITHHELD),
    days(UPPER, 150.0, 120.0),
]


@pytest.mark.parametrize("events", NOTHING)
def test_what_was_not_measured_or_cannot_be_so_is_no(events: list[Event]) -> None:
    assert span(ask(*events)) == (0, 0)


@pytest.mark.parametrize("events", [
    [bound(EJECTION, "<", 40.0, "%")],
    [bound(UPPER, ">", 140.0, MMHG, before=timedelta(days=n)) for n in (3, 5)],
])  # fmt: skip
def test_a_bound_that_is_sure_counts(events: list[Event]) -> None:
    assert span(ask(*events)) == (1, 1)


def test_one_blood_pressure_that_cannot_be_read_is_said() -> None:
    limits = ask(seen(UPPER, 190.0)).limits
    assert any(limit.startswith("Systolic blood pressure not usable") for limit in limits), limits


def test_an_ejection_fraction_that_improved_counts() -> None:
    insight = ask(
        seen(EJECTION, 35.0, "%", before=timedelta(days=365)), seen(EJECTION, 60.0, "%", name="now")
    )
    assert span(insight) == (1, 1)
    says = "Ejection fraction better since, but of 40 % or less on 2025-03-14: 1 point"
    assert any(reason.says == says for reason in insight.reasons)


def at(moment: str, *, name: str) -> Event:
    time = datetime.fromisoformat(moment).astimezone(UTC)
    return Event((UPPER,), time, None, time, 150.0, MMHG, None, "final", f"Observation/{name}")


@pytest.mark.parametrize(("first", "second", "found"), [
    # One evening: midnight of UTC between the two.
    ("2026-03-04T18:30-05:00", "2026-03-04T19:30-05:00", (0, 0)),
    # One night: midnight of the ward between them.
    ("2026-03-04T23:50+01:00", "2026-03-05T00:10+01:00", (0, 0)),
    ("2026-03-04T20:00+01:00", "2026-03-05T08:00+01:00", (0, 1)),
    ("2026-03-04T09:00Z", "2026-03-05T09:00Z", (1, 1)),
])  # fmt: skip
@pytest.mark.parametrize("hours", [-11, -5, 0, 1, 10, 14])
def test_two_days_are_two_by_any_clock(
    first: str, second: str, found: tuple[float, float], hours: int
) -> None:
    asked = NOW.astimezone(timezone(timedelta(hours=hours)))
    assert span(ask(at(first, name="a"), at(second, name="b"), as_of=asked)) == found


FASTING = "LOINC/1558-6"


@pytest.mark.parametrize(("events", "points"), [
    ([seen(FASTING, Absence.WITHHELD)], "0 to 5 points"),
    ([seen(FASTING, Absence.NOT_SENT)], "0 to 5 points"),
    ([refused(FASTING)], "0 to 5 points"),
    ([seen(SUGAR, Absence.WITHHELD)], "0 to 5 points"),
    ([seen(FASTING, 7.2)], "0 to 5 points"),
    ([seen(FASTING, 7.2, "mmol/L"), seen(FASTING, 5.0, "mmol/L", name="other")], "0 to 5 points"),
    ([seen(FASTING, 7.2, "mmol/L"), seen(FASTING, Absence.WITHHELD, name="other")], "5 points"),
    ([seen(FASTING, Absence.NOT_MEASURED)], "0 points"),
])  # fmt: skip
def test_a_glucose_that_is_hidden_leaves_high_glucose_open(events: list[Event], points: str) -> None:
    insight = FINDRISC.predict(view(*person(50), has("SNOMED/195967001"), takes("paracetamol"), *events))
    (reason,) = [one for one in insight.reasons if "high blood glucose" in one.says.lower()]
    assert reason.says.endswith(f": {points}"), reason.says
    hidden = any(limit.startswith("High blood glucose before: a glucose") for limit in insight.limits)
    assert hidden == (points == "0 to 5 points")


def test_a_day_alone_and_a_moment_of_the_next_may_be_one_evening() -> None:
    day = seen(UPPER, 150.0, MMHG, name="day")
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=4)
    day = replace(day, time=midnight, end=midnight + timedelta(days=1, microseconds=-1), known_at=midnight)
    later = midnight + timedelta(days=1, minutes=30)
    moment = replace(seen(UPPER, 152.0, MMHG, name="moment"), time=later, known_at=later)
    assert span(ask(day, moment))[0] == 0
    other = replace(day, time=midnight - timedelta(days=1), end=midnight - timedelta(microseconds=1),
                    source="Observation/other")  # fmt: skip
    assert span(ask(day, other)) == (1, 1)


def test_an_hba1c_that_only_words_name_leaves_diabetes_open() -> None:
    event = replace(seen("urn:ward|7", 8.0, "%", name="odd"), codes=("urn:ward|7", "text/HbA1c"))
    assert span(ask(event)) == (0, 1)
    assert span(ask(replace(event, value=5.0))) == (0, 0)
