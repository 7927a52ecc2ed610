"""A correction that comes later: what leaned on the old value is stale, and people can see it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.insight import Finding, Insight
from salus.record.fhir import bundle as from_bundle
from salus.spine.chart import open_chart
from salus.spine.site import Site

WHO = Actor("Practitioner/7")


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, **more}


def vital(name: str, code: str, value: float, unit: str, status: str = "final") -> dict[str, Any]:
    quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": unit}
    return resource(
        "Observation",
        name,
        status=status,
        code={"coding": [{"system": "http://loinc.org", "code": code}]},
        subject={"reference": "Patient/m1"},
        effectiveDateTime="2026-01-02T03:00:00Z",
        valueQuantity=quantity,
    )


MAN = resource("Patient", "m1", gender="male", birthDate="1950-02-03")
VITALS = [
    vital("rr", "9279-1", 26, "/min"),
    vital("hr", "8867-4", 80, "/min"),
    vital("sbp", "8480-6", 120, "mm[Hg]"),
    vital("temp", "8310-5", 37, "Cel"),
    vital("spo2", "59408-5", 97, "%"),
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = spine.open_site(tmp_path / "site")
    yield opened
    opened.close()


def read(site: Site, *resources: dict[str, Any]) -> Any:
    path = site.path.parent / "in.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in resources))
    return spine.read(site, str(path), actor=WHO)


def news2(site: Site) -> Any:
    (insight,) = spine.consult(site, actor=WHO, subject="Patient/m1", asks=["news2"], live_only=False)
    return insight


def test_a_corrected_value_makes_the_insight_stale_and_the_new_answer_differs(site: Site) -> None:
    read(site, MAN, *VITALS)
    before = news2(site)
    assert site.store.stale([before.id]) == {}
    account = read(site, vital("rr", "9279-1", 16, "/min", "corrected"))
    assert account.changed == ["Observation/rr"]
    assert before.id in site.store.stale([before.id])
    after = news2(site)
    assert isinstance(before.body, Finding) and isinstance(after.body, Finding)
    assert before.body.estimate.upper == after.body.estimate.upper + 3
    assert site.store.stale([after.id]) == {}
    assert "stale" in [entry.did for entry in site.store.entries()]
    assert spine.verify(site).intact


def at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


def rates(site: Site, hour: int | None = None) -> list[set[str]]:
    """Return what the chart, a model and the ward say of the breathing at `hour` (default: the end)."""
    when = at(hour) if hour else None
    chart = open_chart(site, "m1", actor=WHO, as_of=when).timeline
    (row,) = spine.ward(site, actor=WHO, as_of=when)
    seen = {f"{event.value:.0f}" for event in chart if event.source == "Observation/rr"}
    asked = spine.consult(site, actor=WHO, subject="m1", asks=["news2"], as_of=when, live_only=False)
    return [seen, said(asked), said(one for one in row.insights if one.model.name == "news2")]


def said(insights: Iterable[Insight]) -> set[str]:
    reasons = [reason for insight in insights for reason in insight.reasons]
    about = [reason.says for reason in reasons if reason.evidence == ("Observation/rr",)]
    return {words.partition(" /min")[0].rpartition(" ")[2] for words in about}


def test_asked_about_an_instant_before_the_correction_the_record_says_what_it_said(site: Site) -> None:
    read(site, MAN, *VITALS)
    spine.approve(site, "news2", by="Dr Test", because="test")
    before = news2(site)
    account = read(site, {**vital("rr", "9279-1", 16, "/min"), "issued": at(6).isoformat()})
    assert account.changed == ["Observation/rr"]
    assert rates(site, 4) == [{"26"}] * 3
    assert rates(site, 6) == rates(site) == [{"16"}] * 3
    assert before.id in site.store.stale([before.id])
    assert news2(site).as_of == at(6)
    read(site, vital("rr", "9279-1", 16, "/min", "entered-in-error"))
    assert rates(site, 4) == rates(site) == [set()] * 3


def test_a_value_entered_in_error_is_taken_out(site: Site) -> None:
    read(site, MAN, *VITALS)
    before = news2(site)
    read(site, vital("rr", "9279-1", 26, "/min", "entered-in-error"))
    after = news2(site)
    assert before.id in site.store.stale([before.id])
    assert "Observation/rr" not in {source for reason in after.reasons for source in reason.evidence}


def test_the_same_again_changes_nothing(site: Site) -> None:
    read(site, MAN, *VITALS)
    before = news2(site)
    assert read(site, MAN, *VITALS).changed == []
    assert site.store.stale([before.id]) == {}
    assert news2(site) == before


def test_merged_patients_are_one_and_can_be_parted_again(site: Site) -> None:
    old = resource("Patient", "m0", gender="male", birthDate="1950-02-03")
    read(site, MAN, old, *[{**one, "subject": {"reference": "Patient/m0"}} for one in VITALS])
    assert "cannot be judged" in news2(site).body.says
    read(site, {**MAN, "link": [{"other": {"reference": "Patient/m0"}, "type": "replaces"}]})
    assert isinstance(news2(site).body, Finding)
    assert len(site.archive.subjects()) == 1
    read(site, MAN)
    assert "cannot be judged" in news2(site).body.says
    assert len(site.archive.subjects()) == 2


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_two_versions_in_one_export_the_newer_stands_wherever_it_is(
    site: Site, order: tuple[int, int]
) -> None:
    versions = {
        1: {**vital("rr", "9279-1", 12, "/min"), "meta": {"versionId": "1"}},
        2: {**vital("rr", "9279-1", 30, "/min", "corrected"), "meta": {"versionId": "2"}},
    }
    account = read(site, MAN, *VITALS[1:], *(versions[number] for number in order))
    assert account.unaccounted() == 0
    (reason,) = [one for one in news2(site).reasons if one.evidence == ("Observation/rr",)]
    assert "30 /min" in reason.says
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entries = [{"resource": one} for one in (MAN, *VITALS[1:], *(versions[number] for number in order))]
    (timeline,), _ = from_bundle(json.dumps({**bundle, "entry": entries}).encode(), "bundle")
    assert timeline == site.archive.timeline("Patient/m1")
