"""The instant at which a record is asked about when nobody names one: what happened counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import DIRECT_CARE, Actor
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import open_view
from salus.spine.consult import consult
from salus.spine.moment import last_known

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOW_REAL = datetime.now(UTC)
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
    assert last_known(Timeline.of("Patient/1", [PULSE, other]), NOW) == SEEN


def test_a_record_that_lies_in_the_future_as_a_whole_is_asked_at_its_end() -> None:
    shifted = datetime(2180, 7, 22, tzinfo=UTC)
    event = Event(("LOINC/8867-4",), shifted, known_at=shifted, value=80.0, source="Observation/1")
    assert last_known(Timeline.of("Patient/1", [event]), NOW) == shifted


def test_death_is_part_of_the_record() -> None:
    died = datetime(2026, 3, 1, 9, tzinfo=UTC)
    death = Event(("MEDS_DEATH",), died, known_at=died, source="Patient/1")
    assert last_known(Timeline.of("Patient/1", [PULSE, death]), NOW) == died


def test_what_has_no_date_is_not_known_before_the_record_is_whole() -> None:
    """Discharge codes come without dates: nobody can say that they were known at admission."""
    sex = Event(("MEDS_GENDER",), None, value="female", source="Patient/1")
    undated = Event(("SNOMED/49436004",), None, status="active", source="Condition/af")
    timeline = Timeline.of("Patient/1", [sex, undated, PULSE])
    early = SEEN.replace(hour=7)
    seen = open_view(timeline, Actor("dr"), DIRECT_CARE, early, last_known(timeline, NOW)).timeline
    assert [event.source for event in seen] == ["Patient/1"]
    whole = open_view(timeline, Actor("dr"), DIRECT_CARE, SEEN, last_known(timeline, NOW)).timeline
    assert {event.source for event in whole} == {"Patient/1", "Condition/af", "Observation/hr"}


def test_a_model_asked_early_does_not_hear_of_undated_conditions(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "site")
    born = Event(("MEDS_BIRTH",), datetime(1940, 1, 1, tzinfo=UTC), source="Patient/1")
    undated = Event(("SNOMED/49436004",), None, status="active", source="Condition/af")
    timeline = Timeline.of("Patient/1", [born, undated, PULSE])
    for moment, why in ((SEEN, None), (SEEN.replace(hour=7), "Condition/af")):
        (said,) = consult(
            site, actor=Actor("dr"), evidence=timeline, asks=["cha2ds2-vasc"], as_of=moment, live_only=False
        )
        named = {source for reason in said.reasons for source in reason.evidence}
        assert ("Condition/af" in named) is (why is None)
    site.close()


def test_where_nothing_is_dated_undated_evidence_counts(tmp_path: Path) -> None:
    """Nothing tells that such a record was not whole; the clock that asks must not race with itself."""
    site = spine.open_site(tmp_path / "site")
    born = Event(("MEDS_BIRTH",), datetime(1940, 1, 1, tzinfo=UTC), source="Patient/1")
    undated = Event(("SNOMED/49436004",), None, status="active", source="Condition/af")
    timeline = Timeline.of("Patient/1", [born, undated])
    for moment in (None, datetime.now(UTC)):
        (said,) = consult(
            site, actor=Actor("dr"), evidence=timeline, asks=["cha2ds2-vasc"], as_of=moment, live_only=False
        )
        assert "Condition/af" in {source for reason in said.reasons for source in reason.evidence}
    site.close()


def test_a_clock_that_is_a_little_ahead_hides_nothing() -> None:
    skewed = later("Observation", NOW + timedelta(minutes=4))
    assert last_known(Timeline.of("Patient/1", [PULSE, skewed]), NOW) == NOW + timedelta(minutes=4)
    assert (
        last_known(Timeline.of("Patient/1", [PULSE, later("Observation", NOW + timedelta(minutes=6))]), NOW)
        == SEEN
    )


def test_what_is_dated_before_it_became_known_and_what_is_dated_behind_it_count_both() -> None:
    event = later("Observation", SEEN + timedelta(seconds=40), known=SEEN + timedelta(seconds=10))
    assert last_known(Timeline.of("Patient/1", [PULSE, event]), NOW) == SEEN + timedelta(seconds=40)


@pytest.mark.parametrize("as_of", [None, NOW_REAL])
def test_what_is_dated_ahead_is_left_out_and_every_answer_says_so(
    tmp_path: Path, as_of: datetime | None
) -> None:
    site = spine.open_site(tmp_path / "site")
    ahead = replace(PULSE, time=NOW_REAL + timedelta(hours=1), known_at=None, source="Observation/ahead")
    timeline = Timeline.of("Patient/1", [PULSE, ahead])
    said = consult(site, actor=Actor("dr"), evidence=timeline, as_of=as_of, live_only=False)
    assert said
    for insight in said:
        assert any("1 entry of this record is dated after this moment" in one for one in insight.limits)
        assert any("Observation/ahead" in one for one in insight.limits)
    site.close()


def test_a_record_that_is_asked_about_its_past_says_nothing_of_what_came_later(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "site")
    timeline = Timeline.of("Patient/1", [PULSE, later("Observation", SEEN + timedelta(days=2))])
    said = consult(site, actor=Actor("dr"), evidence=timeline, as_of=SEEN, live_only=False)
    assert not any("after this moment" in limit for insight in said for limit in insight.limits)
    site.close()
