"""The instant at which a record is asked about when nobody names one: what happened counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salus.core.evidence import Event, Timeline
from salus.spine.consult import end_of_record

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
PULSE = Event(("LOINC/8867-4",), SEEN, known_at=SEEN, value=135.0, unit="/min", source="Observation/hr")


def later(kind: str, when: datetime, status: str | None = None, known: datetime | None = None) -> Event:
    return Event((f"{kind}/x",), when, known_at=known or when, status=status, source=f"{kind}/x")


@pytest.mark.parametrize(
    "other",
    [
        later("ServiceRequest", datetime(2026, 4, 1, tzinfo=UTC)),
        later("Goal", datetime(2026, 4, 1, tzinfo=UTC)),
        later("CarePlan", datetime(2026, 4, 1, tzinfo=UTC)),
        later("Claim", datetime(2026, 3, 3, tzinfo=UTC)),
        later("Encounter", datetime(2026, 4, 1, tzinfo=UTC), "planned"),
        later("Observation", datetime(2062, 3, 1, tzinfo=UTC)),
        later(
            "Condition",
            datetime(2026, 1, 1, tzinfo=UTC),
            "active",
            datetime(2026, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        ),
    ],
    ids=lambda event: f"{event.kind}-{event.status}",
)
def test_what_has_not_happened_moves_nothing(other: Event) -> None:
    assert end_of_record(Timeline.of("Patient/1", [PULSE, other]), NOW) == SEEN


def test_a_record_that_lies_in_the_future_as_a_whole_is_asked_at_its_end() -> None:
    shifted = datetime(2180, 7, 22, tzinfo=UTC)
    event = Event(("LOINC/8867-4",), shifted, known_at=shifted, value=80.0, source="Observation/1")
    assert end_of_record(Timeline.of("Patient/1", [event]), NOW) == shifted


def test_death_is_part_of_the_record() -> None:
    died = datetime(2026, 3, 1, 9, tzinfo=UTC)
    death = Event(("MEDS_DEATH",), died, known_at=died, source="Patient/1")
    assert end_of_record(Timeline.of("Patient/1", [PULSE, death]), NOW) == died
