"""Until when an order holds, as it says itself: many stay "active" long after their end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.insight import Urgency
from tests.unit.test_record_fhir import events, refused, resource, snomed

NOW = datetime(2026, 3, 14, tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def lasts(value: float, code: str) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": code}


def bounded(**bounds: Any) -> dict[str, Any]:
    return {"timing": {"repeat": bounds}}


def order(**more: Any) -> dict[str, Any]:
    drug = {"text": "Apixaban 5 MG Oral Tablet"}
    return resource("MedicationRequest", status="active", intent="order", authoredOn="2025-05-20T00:00:00Z",
                    medicationCodeableConcept=drug, **more)  # fmt: skip


ENDED = [
    order(dosageInstruction=[bounded(boundsPeriod={"end": "2025-08-20T00:00:00Z"})]),
    order(dosageInstruction=[bounded(boundsDuration=lasts(92, "d"))]),
    order(dosageInstruction=[bounded(boundsRange={"low": lasts(4, "wk"), "high": lasts(92, "d")})]),
    order(
        dosageInstruction=[
            bounded(boundsPeriod={"end": "2025-06-01"}),
            bounded(boundsPeriod={"end": "2025-08-20T00:00:00Z"}),
        ]
    ),
    order(dispenseRequest={"validityPeriod": {"end": "2025-08-20T00:00:00Z"}}),
    order(
        dispenseRequest={
            "validityPeriod": {"end": "2025-07-21T00:00:00Z"},
            "expectedSupplyDuration": lasts(30, "d"),
        }
    ),
    order(dispenseRequest={"expectedSupplyDuration": lasts(23, "d"), "numberOfRepeatsAllowed": 3}),
    # A dose that is lowered: one week of the one, then the other.
    order(
        dosageInstruction=[
            {"sequence": 1} | bounded(boundsDuration=lasts(1, "wk")),
            {"sequence": 2} | bounded(boundsDuration=lasts(85, "d")),
        ]
    ),
    # How long it is to be taken stands before how long it may be dispensed.
    order(
        dosageInstruction=[bounded(boundsDuration=lasts(92, "d"))],
        dispenseRequest={"validityPeriod": {"end": "2026-05-20"}},
    ),
]
OPEN = [
    order(),
    order(dosageInstruction=[{"text": "twice a day"}], dispenseRequest={"quantity": lasts(60, "1")}),
    # One of its dosages has no end.
    order(dosageInstruction=[bounded(boundsPeriod={"end": "2025-08-20"}), {"text": "then once a day"}]),
    # It cannot have ended before it was written, and nobody knows how long a fortnight in words is.
    order(dosageInstruction=[bounded(boundsPeriod={"end": "2024-08-20"})]),
    order(dosageInstruction=[bounded(boundsDuration={"value": 2, "unit": "fortnights"})]),
    order(dosageInstruction=[bounded(boundsDuration=lasts(1e300, "a"))]),
    order(dosageInstruction=[bounded(boundsDuration=lasts(30, "d") | {"comparator": ">="})]),
    # Its plan says nothing of an order that was stopped or completed.
    order(dosageInstruction=[bounded(boundsDuration=lasts(92, "d"))]) | {"status": "stopped"},
    order(dispenseRequest={"validityPeriod": {"end": "2026-05-20"}}) | {"status": "completed"},
]


@pytest.mark.parametrize("one", ENDED)
def test_an_order_ends_when_it_says(one: dict[str, Any]) -> None:
    (event,) = events(one)
    assert (event.time, event.end) == (at("2025-05-20"), at("2025-08-20"))


@pytest.mark.parametrize("one", OPEN)
def test_an_order_without_an_end_of_its_own_has_none(one: dict[str, Any]) -> None:
    (event,) = events(one)
    assert (event.time, event.end) == (at("2025-05-20"), None)


def test_a_length_counts_from_the_end_of_a_year_that_is_all_that_is_known() -> None:
    bounds = [bounded(boundsDuration=lasts(90, "d"))]
    (event,) = events(order(dosageInstruction=bounds) | {"authoredOn": "2025"})
    assert event.end is not None and event.end.date().isoformat() == "2026-03-31"


@pytest.mark.parametrize("status", ["stopped", "completed", "cancelled"])
def test_an_order_that_is_over_is_not_taken_for_its_planned_length(tmp_path: Path, status: str) -> None:
    """Stopped after a bleeding, with eleven months of it left."""
    plan = order(dosageInstruction=[bounded(boundsDuration=lasts(1, "a"))]) | {"status": status}
    assert urgency_with(tmp_path, plan) is Urgency.THIS_WEEK


def test_an_order_begins_when_it_says_and_never_before_it_was_written() -> None:
    for start, time in (("2025-07-01", "2025-07-01"), ("2025-01-01", "2025-05-20")):
        (event,) = events(order(dosageInstruction=[bounded(boundsPeriod={"start": start})]))
        assert (event.time, event.known_at) == (at(time), at("2025-05-20"))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"dosageInstruction": [bounded(boundsPeriod=3)]}, "wrong shape: $.dosageInstruction"),
        ({"dosageInstruction": [bounded(boundsPeriod={"end": "soon"})]}, "not a FHIR date"),
        ({"dispenseRequest": {"validityPeriod": [3]}}, "wrong shape: $.dispenseRequest"),
    ],
)
def test_an_end_that_cannot_be_read_is_not_taken_for_none(more: dict[str, Any], reason: str) -> None:
    assert refused(order(**more)).startswith(reason)


FIBRILLATION = resource("Condition", id="c", status=None, code=snomed("49436004"), onsetDateTime="2020-01-01")
MAN = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1945-01-01"}


@pytest.mark.parametrize(("one", "urgency"), [(OPEN[0], Urgency.ROUTINE), *((one, None) for one in ENDED)])
def test_an_anticoagulant_whose_end_has_passed_lowers_no_urgency(
    tmp_path: Path, one: dict[str, Any], urgency: Urgency | None
) -> None:
    assert urgency_with(tmp_path, one) is (urgency or Urgency.THIS_WEEK)


def urgency_with(tmp_path: Path, one: dict[str, Any]) -> Urgency | None:
    """Return how urgent an old man's fibrillation is beside the order `one`."""
    lines = tmp_path / "in.ndjson"
    lines.write_text("".join(json.dumps(each) + "\n" for each in (MAN, FIBRILLATION, one)))
    site = spine.open_site(tmp_path / "site")
    try:
        who = Actor("Practitioner/7")
        spine.read(site, str(lines), actor=who)
        asked = spine.consult(site, actor=who, subject="p", asks=["cha2ds2-vasc"], as_of=NOW, live_only=False)
    finally:
        site.close()
    return asked[0].urgency
