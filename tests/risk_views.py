"""Small records for the tests of risk models: events with as little writing as possible, and their View."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from salus.core.codes import BIRTH, SEX
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Event, Timeline, Value
from salus.core.seams import View
from salus.privacy.gate import open_view

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SUBJECT = "Patient/p"
BEFORE = timedelta(minutes=10)


def seen(
    code: str,
    value: Value = None,
    unit: str | None = None,
    *,
    before: timedelta = BEFORE,
    name: str = "",
    status: str = "final",
) -> Event:
    """One observation, ten minutes old unless said otherwise."""
    source = f"Observation/{name or code.rpartition('/')[2]}"
    return Event((code,), NOW - before, None, NOW - before, value, unit, None, status, source)


def has(
    code: str, *, years: float = 2, status: str = "active", name: str = "", undated: bool = False
) -> Event:
    """One condition, begun `years` ago."""
    start = None if undated else NOW - timedelta(days=365.25 * years)
    return Event((code,), start, None, start, None, None, None, status, f"Condition/{name or code}")


def called(words: str, code: str = "Condition", *, status: str = "active") -> Event:
    """One condition that only its words name."""
    start = NOW - timedelta(days=365)
    return Event((code, f"text/{words}"), start, None, start, None, None, None, status, f"Condition/{words}")


def takes(text: str, *, days: float = 30, status: str = "active", name: str = "") -> Event:
    """One order of a medication."""
    when = NOW - timedelta(days=days)
    source = f"MedicationRequest/{name or text.split(maxsplit=1)[0]}"
    return Event(("urn:local|7", f"text/{text}"), when, None, when, None, None, None, status, source)


def person(years: int, sex: str | None = "male") -> tuple[Event, ...]:
    """Somebody of that age, whose birthday was two months ago."""
    born = Event((BIRTH,), NOW.replace(year=NOW.year - years, month=1), source=SUBJECT)
    return (born, Event((SEX,), value=sex, source=SUBJECT)) if sex else (born,)


def view(*events: Event, as_of: datetime = NOW) -> View:
    """What the models may see of these events."""
    return open_view(Timeline.of(SUBJECT, events), Actor("Practitioner/1"), DIRECT_CARE, as_of)
