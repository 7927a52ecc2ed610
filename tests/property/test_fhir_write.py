"""A Timeline written as FHIR and read again is the same Timeline, and every resource is a valid one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import fhirkit
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salus.core.codes import BIRTH, DEATH, DISPOSITION, SEX
from salus.core.evidence import UNREADABLE, Absence, Event, Timeline
from salus.learning.parameters import HIDDEN_VALUE, read
from salus.record import fhir, fhir_pack
from salus.record.fhir_write import id_of, left_out, written
from salus.record.sources import physionet2012
from salus.risk.icu_mortality import TASK
from tests.conftest import IN_SOAK

MANY = settings(max_examples=3_000 if IN_SOAK else 150)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CREATININE = next(one for one in TASK.parameters if one.name == "creatinine")
HOW = "http://terminology.hl7.org/CodeSystem/discharge-disposition"

moments = st.integers(0, 4000).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
numbers = st.floats(allow_nan=False, allow_infinity=False).map(lambda one: one + 0.0) | st.integers(
    0, 500
).map(float)
quantities = st.tuples(
    numbers,
    st.sampled_from(["mg/dL", "mmol/L", "{score}", "1", "furlong", None]),
    st.sampled_from([None, "<", ">="]),
)
others = st.sampled_from(
    [True, False, None, Absence.WITHHELD, Absence.NOT_SENT, Absence.NOT_MEASURED, Absence.UNREADABLE, "alert",
     "a|b", "|", "LOINC/LA9340-6", "urn:x|7", "SNOMED/1", "and/or"]
).map(lambda one: (one, None, None))  # fmt: skip
coded = st.lists(
    st.sampled_from(["LOINC/2160-0", "LOINC/14682-9", "SNOMED/70901006", "urn:our-own|crea"]),
    min_size=1,
    max_size=3,
).map(lambda every: tuple(dict.fromkeys(every)))


def observation(at: int, codes: tuple[str, ...], time: datetime, value: Any, late: bool, day: bool) -> Event:
    end = None
    if day:
        time = time.replace(hour=0, minute=0)
        end = time + timedelta(days=1, microseconds=-1)
    known = time + timedelta(hours=1) if late else time
    return Event(codes, time, end, known, value[0], value[1], value[2], "final", f"Observation/{at}")


drawn = st.lists(st.tuples(coded, moments, quantities | others, st.booleans(), st.booleans()), max_size=6)


def back(timeline: Timeline, **how: Any) -> Timeline:
    raw = fhir_pack.bundle(fhir_pack.made(timeline, **{"with_outcome": True, **how}))
    found, account = fhir.prefetch(raw, timeline.subject, "shared")
    assert not account.rejected
    return found


@MANY
@given(drawn)
def test_what_is_written_and_read_again_is_the_same(found: list[Any]) -> None:
    sex = Event((SEX,), value="female", source="Patient/p")
    timeline = Timeline.of("Patient/p", [sex, *(observation(at, *one) for at, one in enumerate(found))])
    assert back(timeline) == timeline
    for one in written(timeline, with_outcome=True):
        assert [str(issue) for issue in fhirkit.validate(one)] == []


def person(*events: Event) -> Timeline:
    return Timeline.of("Patient/p", [Event((SEX,), value="unknown", source="Patient/p"), *events])


def test_a_person_a_stay_and_how_it_ended() -> None:
    over = BEGIN + timedelta(days=5)
    day = timedelta(days=1, microseconds=-1)
    timeline = person(
        Event(
            (BIRTH,),
            datetime(1950, 5, 6, tzinfo=UTC),
            datetime(1950, 5, 6, tzinfo=UTC) + day,
            source="Patient/p",
        ),
        Event((DEATH,), over, None, over, source="Patient/p"),
        Event(
            ("ActCode/ACUTE", "SNOMED/305351004"), BEGIN, over, BEGIN, status="finished", source="Encounter/e"
        ),
        Event((DISPOSITION,), over, None, over, f"{HOW}|exp", status="finished", source="Encounter/e"),
    )
    assert back(timeline) == timeline
    for one in written(timeline, with_outcome=True):
        assert [str(issue) for issue in fhirkit.validate(one)] == []
    # Left out unless it is asked for: neither the death nor the end of the stay can be told from the rest.
    (_, stay) = written(timeline)
    assert (stay["status"], stay["period"]) == ("in-progress", {"start": "2026-01-01T00:00:00Z"})
    text = fhir_pack.bundle(fhir_pack.made(timeline, with_outcome=False)).decode()
    assert not any(word in text for word in ("deceased", "hospitalization", "exp", '"end"', "finished"))


def test_the_parts_of_a_panel_are_its_components() -> None:
    pressures = (("LOINC/8480-6", 120.0), ("LOINC/8462-4", 80.0))
    one, other = (
        Event((code,), BEGIN, None, BEGIN, value, "mm[Hg]", None, "final", "Observation/bp")
        for code, value in pressures
    )
    panel = Event(("LOINC/85354-9",), BEGIN, None, BEGIN, status="final", source="Observation/bp")
    timeline = person(panel, one, other)
    assert back(timeline) == timeline
    apart = back(person(one, other))
    assert {event.source for event in apart if event.time} == {"Observation/bp-1", "Observation/bp-2"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(54.0, "54"), (0.57, "0.57"), (92.33, "92.33"), (1e-7, "1e-7"), (0.1 + 0.2, "0.30000000000000004")],
)
def test_numbers_are_written_to_the_last_digit(value: float, text: str) -> None:
    made = fhir_pack.made(
        person(observation(1, ("LOINC/1",), BEGIN, (value, "1", None), False, False)), with_outcome=False
    )
    assert f'"value":{text},' in made[1][1].decode()
    assert msgspec.json.decode(made[1][1])["valueQuantity"]["value"] == value


@pytest.mark.parametrize(
    "hidden",
    [
        Event(CREATININE.codes, BEGIN, None, BEGIN, Absence.WITHHELD, status="final", source="Observation/1"),
        Event(CREATININE.codes, BEGIN, None, BEGIN, Absence.NOT_SENT, status="final", source="Observation/1"),
        Event(CREATININE.codes, BEGIN, None, BEGIN, 1.0, "furlong", status="final", source="Observation/1"),
        Event(CREATININE.codes, BEGIN, None, BEGIN, None, status=UNREADABLE, source="Observation/1"),
    ],
)
def test_what_is_hidden_stays_hidden(hidden: Event) -> None:
    (found,) = back(person(hidden)).where(CREATININE.codes)
    assert read(CREATININE, hidden) is HIDDEN_VALUE
    assert read(CREATININE, found) is HIDDEN_VALUE


def test_what_cannot_be_written_is_counted() -> None:
    drug = Event(("RxNorm/1",), BEGIN, source="MedicationRequest/1", status="active")
    assert left_out(person(drug, drug)) == {"MedicationRequest": 1}
    assert len(written(person(drug))) == 1


def test_ids_are_those_of_the_record_where_fhir_allows_them() -> None:
    assert id_of("Observation/132539-7") == "132539-7"
    odd = id_of("https://a.example/Observation/x y")
    assert len(odd) == 32
    assert odd != id_of("https://a.example/Observation/x z")


def test_whole_stays_of_the_set_come_back_as_they_were(data_set: Callable[[str], Path]) -> None:
    for timeline in islice(physionet2012.read(data_set("physionet2012")), 200 if IN_SOAK else 10):
        assert back(timeline) == timeline
        for one in written(timeline)[:20]:
            assert [str(issue) for issue in fhirkit.validate(one)] == []
