"""Somebody without a date of birth may be a child, so that NEWS2 abstains; what is known still counts.

As an unconscious stranger comes to an emergency department: no door may place them behind routine work.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.insight import Abstention, Estimate, Insight, ModelRef, Urgency
from salus.spine.called import called_for
from tests import doors
from tests.browser.ward_site import served

NOBODY = {"resourceType": "Patient", "id": "p1", "gender": "male", "name": [{"text": "Unknown Male"}]}
LADY = {"resourceType": "Patient", "id": "p2", "gender": "female", "birthDate": "1940-01-02"}
FIBRILLATION = {
    "resourceType": "Condition",
    "id": "af",
    "subject": {"reference": "Patient/p2"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "49436004"}]},
    "recordedDate": "2026-01-02",
}


def export(folder: Path, *resources: dict[str, Any]) -> str:
    place = folder / "export.ndjson"
    place.write_text("".join(json.dumps(one) + "\n" for one in resources))
    return str(place)


def test_the_ward_ranks_by_what_is_known(run_salus: Any, tmp_path: Path) -> None:
    place = export(tmp_path, LADY, FIBRILLATION, NOBODY, *doors.deteriorating())
    said = run_salus("demo", "--from", place, "--no-serve", "--json", "--archive", tmp_path / "a").json()
    first, second = said["ward"]
    assert (first["subject"], first["urgency"], first["cannot_judge"]) == ("Patient/p1", "now", True)
    assert "age is not known" in first["says"]
    assert second["urgency"] == "this week"


def test_where_nothing_is_known_it_says_cannot_judge(run_salus: Any, tmp_path: Path) -> None:
    place = export(tmp_path, NOBODY, doors.observation("hr", "8867-4", 80, "/min"))
    told = run_salus("demo", "--from", place, "--no-serve", "--archive", tmp_path / "a").out
    assert "\ncannot judge  Patient/p1" in told


def test_the_pages_show_it_first_and_what_is_missing(tmp_path: Path) -> None:
    site = doors.live_site(tmp_path / "a")
    place = export(tmp_path, LADY, FIBRILLATION, NOBODY, *doors.deteriorating())
    spine.read(site, place, actor=Actor("test"))
    with served(site) as ward:
        assert next(iter(ward.patients())) == "Unknown Male"
        assert "Unknown Male" in ward.get("/ward?show=cannot")
        page = ward.get(ward.path("Unknown"))
        (issue,) = ward.client.get("/fhir/DetectedIssue?patient=p1").json()["entry"]
        assert issue["resource"]["severity"] == "high"
        assert "age is not known" in issue["resource"]["detail"]
        assert page.index("Act now") < page.index("Could not be answered")
        assert "age is not known" in page


@pytest.mark.parametrize("hook", ["patient-view", "encounter-start"])
def test_a_hook_has_a_card_for_it(ehr: httpx.Client, hook: str) -> None:
    prefetch = {"patient": NOBODY, "vital-signs": doors.searchset(doors.deteriorating())}
    answer = ehr.post(f"/cds-services/salus-{hook}", json=doors.call(hook, prefetch=prefetch)).json()
    first, *others = answer["cards"]
    assert first["indicator"] == "critical"
    assert first["summary"].startswith("NEWS2 would be between")
    assert "Breathing 28 /min" in first["detail"] and "date of birth" in first["detail"]
    assert not any("NEWS2" in card["detail"] for card in others)


@pytest.mark.parametrize(("low", "high", "says"), [
    (18, 20, Urgency.NOW), (5, 9, Urgency.NOW), (5, 6, Urgency.TODAY), (4, 20, None), (0, 20, None),
])  # fmt: skip
def test_the_upper_end_counts_where_the_lower_one_is_urgent(
    low: float, high: float, says: Urgency | None
) -> None:
    """RCP 2017, chart 2: 5 to 6 is medium, 7 and over high."""
    body = Abstention("missing-evidence", "x", (), Estimate(None, "{score}", low, high, "missing-inputs"))
    insight = Insight("Patient/p1", ModelRef("news2", "1.0.0"), "x", datetime.now(UTC), body)
    assert called_for(insight) is says
