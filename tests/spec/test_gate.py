"""The gate: nothing that was not known at the instant is inside; direct care only, for a named actor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.consent import Actor
from salus.core.errors import RefusedError
from salus.core.evidence import Event, Timeline
from salus.privacy.gate import open_cohort, open_view

T0 = datetime(2026, 1, 1, tzinfo=UTC)
WHO = Actor("Practitioner/7")
hours = st.one_of(st.none(), st.integers(-48, 48).map(lambda hour: T0 + timedelta(hours=hour)))
events = st.builds(
    Event, codes=st.just(("LOINC/1-1",)), time=hours, known_at=hours, end=hours, source=st.uuids().map(str)
)


@given(st.lists(events, max_size=10))
def test_nothing_of_the_future_is_seen(some: list[Event]) -> None:
    view = open_view(Timeline.of("Patient/1", some), WHO, "direct-care", T0)
    for event in view.timeline:
        assert all(moment is None or moment <= T0 for moment in (event.time, event.known_at, event.end))


def test_a_result_known_later_is_not_seen() -> None:
    late = Event(("LOINC/1-1",), T0 - timedelta(days=1), known_at=T0 + timedelta(minutes=1), value=1.0)
    assert len(open_view(Timeline.of("Patient/1", [late]), WHO, "direct-care", T0).timeline) == 0


@pytest.mark.parametrize(
    ("before", "seen"), [("resolved", "active"), ("finished", "active"), ("active", "active")]
)
def test_an_ending_that_had_not_come_is_not_seen(before: str, seen: str) -> None:
    ending = Event(
        ("SNOMED/1",), T0 - timedelta(days=9), end=T0 + timedelta(days=9), status=before, source="Condition/1"
    )
    (event,) = open_view(Timeline.of("Patient/1", [ending]), WHO, "direct-care", T0).timeline
    assert (event.end, event.status) == (None, seen)


def test_entered_in_error_is_never_seen() -> None:
    wrong = Event(("LOINC/1-1",), T0, status="entered-in-error")
    assert len(open_view(Timeline.of("Patient/1", [wrong]), WHO, "direct-care", T0).timeline) == 0


@pytest.mark.parametrize("purpose", ["research", "", "Direct-Care"])
def test_other_purposes_are_refused(purpose: str) -> None:
    with pytest.raises(RefusedError, match="No permit for purpose"):
        open_view(Timeline("Patient/1"), WHO, purpose, T0)
    with pytest.raises(RefusedError, match="No permit for purpose"):
        open_cohort([Timeline("Patient/1")], WHO, purpose, T0)


@pytest.mark.parametrize("purpose", ["model-training", "quality"])
def test_one_of_a_population_is_opened_on_a_basis_alone(purpose: str) -> None:
    with pytest.raises(RefusedError, match="On which basis"):
        open_view(Timeline("Patient/1"), WHO, purpose, T0)
    assert open_view(Timeline("Patient/1"), WHO, purpose, T0, basis="the board said so").permit


def test_nobody_may_look() -> None:
    with pytest.raises(RefusedError, match="named actor"):
        open_view(Timeline("Patient/1"), Actor(""), "direct-care", T0)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(RefusedError, match="time zone"):
        open_view(Timeline("Patient/1"), WHO, "direct-care", datetime(2026, 1, 1))


def test_a_cohort_is_views() -> None:
    cohort = open_cohort([Timeline("Patient/1"), Timeline("Patient/2")], WHO, "direct-care", T0)
    assert [view.subject for view in cohort] == ["Patient/1", "Patient/2"]
    assert len(list(cohort)) == 2, "a cohort can be read again"
