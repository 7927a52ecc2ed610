"""When something was, from what FHIR says of it: partial dates, zones, what is no date, what is not dated."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salus.record.fhir_time import when
from tests.unit.test_record_fhir import events, refused, resource, snomed


@pytest.mark.parametrize(
    ("text", "first", "last", "known"),
    [
        ("2024", "2024-01-01", "2024-12-31T23:59:59.999999", "2024-12-31T23:59:59.999999"),
        ("2024-02", "2024-02-01", "2024-02-29T23:59:59.999999", "2024-02-29T23:59:59.999999"),
        ("2024-02-03", "2024-02-03", "2024-02-03T23:59:59.999999", "2024-02-03"),
        ("2024-02-03T04:05:06Z", "2024-02-03T04:05:06", None, "2024-02-03T04:05:06"),
        (
            "2024-02-03T04:05:06.1234567+05:30",
            "2024-02-02T22:35:06.123456",
            None,
            "2024-02-02T22:35:06.123456",
        ),
        ("2024-02-03T04:05:06", "2024-02-03T04:05:06", None, "2024-02-03T04:05:06"),
        ("2024-02-03T04:05-00:30", "2024-02-03T04:35", None, "2024-02-03T04:35"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999", None, "2016-12-31T23:59:59.999999"),
    ],
)
def test_partial_dates_and_zones(text: str, first: str, last: str | None, known: str) -> None:
    def micros(iso: str) -> int:
        return round(
            (datetime.fromisoformat(iso).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / MICRO
        )

    found = when(text)
    assert found.start == micros(first)
    assert found.end == (None if last is None else micros(last))
    assert found.known == micros(known)


MICRO = datetime(1970, 1, 1, 0, 0, 0, 1) - datetime(1970, 1, 1)


@pytest.mark.parametrize("text", ["", "20", "2024-13", "2024-02-30", "2024-1-1", "2024-01-01T25:00:00Z",
                                  "2024-01-01T08:00:00+99:00", "0000", "yesterday", "2024-01-01 08:00",
                                  "２０２４", "2024-01-01T08:00:00+1:00"])  # fmt: skip
def test_what_is_no_date_is_refused_without_repeating_it(text: str) -> None:
    assert refused(resource(effectiveDateTime=text)) == "not a FHIR date or time"


def test_an_undated_onset_does_not_end_a_condition() -> None:
    (event,) = events(resource("Condition", status=None, code=snomed("73211009"), onsetDateTime="2020"))
    assert event.end is None


def test_an_observation_with_only_issued_is_dated_by_it() -> None:
    (event,) = events(resource(effectiveDateTime=None, issued="2024-02-03T04:05:06Z"))
    assert event.time == event.known_at
    assert event.time is not None
