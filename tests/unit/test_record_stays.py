"""How a stay ended: an event of its own, at the end of the stay, which nobody sees before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salus.core.codes import DISPOSITION
from salus.core.consent import DIRECT_CARE, Actor
from salus.privacy.gate import open_view
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.spine.moment import last_known
from tests.unit.test_record_fhir import events, refused, resource

SYSTEM = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
START, END = "2026-01-01T08:00:00Z", "2026-01-05T12:00:00Z"
OVER = datetime(2026, 1, 5, 12, tzinfo=UTC)
DIED = {"dischargeDisposition": {"coding": [{"system": SYSTEM, "code": "exp"}]}}


def stay(**more: Any) -> dict[str, Any]:
    acute = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ACUTE"}
    said = {"class": acute, "period": {"start": START, "end": END}, "status": "finished"}
    return resource("Encounter", code=None, **{**said, **more})


def test_the_disposition_is_known_at_the_end_of_the_stay():
    visit, ended = events(stay(hospitalization=DIED))
    assert visit.codes == ("ActCode/ACUTE",)
    assert (visit.value, visit.known_at) == (None, datetime(2026, 1, 1, 8, tzinfo=UTC))
    assert (ended.codes, ended.value) == ((DISPOSITION,), f"{SYSTEM}|exp")
    assert (ended.time, ended.known_at, ended.end) == (OVER, OVER, None)
    assert ended.source == visit.source


def test_who_looks_before_the_end_sees_neither_the_end_nor_how_it_ended():
    from salus.core.evidence import Timeline

    timeline = Timeline.of("Patient/p", events(stay(hospitalization=DIED)))
    view = open_view(timeline, Actor("a"), DIRECT_CARE, OVER - timedelta(seconds=1))
    (visit,) = view.timeline
    assert (visit.end, visit.status) == (None, "active")
    assert len(open_view(timeline, Actor("a"), DIRECT_CARE, OVER).timeline) == 2


def test_an_end_that_is_given_by_its_day_is_known_when_that_day_is_over():
    _, ended = events(stay(hospitalization=DIED, period={"start": START, "end": "2026-01-05"}))
    assert ended.known_at == datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)


def test_of_a_stay_without_an_end_nobody_can_say_since_when_it_is_known():
    told = events(stay(hospitalization=DIED, period={"start": START}))
    (ended,) = [one for one in told if one.code == DISPOSITION]
    assert (ended.time, ended.known_at) == (None, None)


@pytest.mark.parametrize("said", [None, {}, {"admitSource": {"text": "home"}}, {"dischargeDisposition": {}}])
def test_where_nothing_is_said_of_it_there_is_no_such_event(said: Any):
    assert DISPOSITION not in [one.code for one in events(stay(hospitalization=said))]


def test_a_hospitalization_of_another_shape_is_refused_with_its_name():
    assert refused(stay(hospitalization=["exp"])) == "wrong shape: hospitalization is no object"


def test_it_does_not_move_the_end_of_the_record():
    from salus.core.evidence import Timeline

    timeline = Timeline.of("Patient/p", events(stay(hospitalization=DIED)))
    assert last_known(timeline, OVER + timedelta(days=1)) == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_an_archive_has_it_too(tmp_path: Path):
    lines = [stay(id=str(number), hospitalization=DIED if number % 2 else None) for number in range(6)]
    (tmp_path / "x.ndjson").write_text("\n".join(map(json.dumps, lines)))
    read_place(str(tmp_path / "x.ndjson"), tmp_path / "a")
    found = Archive.open(tmp_path / "a").timeline("Patient/p")
    assert [one.source for one in found if one.code == DISPOSITION] == [f"Encounter/{n}" for n in (1, 3, 5)]
