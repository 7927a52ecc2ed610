"""What was refused is not nothing: no older value and no "no" stands in for an entry that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.evidence import UNREADABLE
from salus.core.insight import Insight
from salus.record.archive import Archive
from salus.record.fhir import prefetch
from salus.spine.site import Site

WHO, NOW = Actor("Practitioner/7"), datetime(2026, 3, 14, 8, tzinfo=UTC)
WHOSE = {"reference": "Patient/p"}
MAN = {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1975-01-01"}
STRANGE = [{"url": "http://example.org/reverses", "valueBoolean": True}]


def pulse(name: str, value: Any, time: str, **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "system": "http://unitsofmeasure.org", "code": "/min"}
    coding = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": coding, "subject": WHOSE,
            "effectiveDateTime": time, "valueQuantity": quantity} | more  # fmt: skip


def condition(name: Any, code: str, **more: Any) -> dict[str, Any]:
    coding = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}
    return {"resourceType": "Condition", "id": name, "subject": WHOSE, "code": coding} | more


FIBRILLATION = condition("af", "I48.91", onsetDateTime="2025-06-01")
EARLIER = pulse("o1", 70, "2026-03-14T07:00:00Z")
BROKEN_LATER = [
    pulse("o2", "150", "2026-03-14T07:55:00Z"),
    pulse("o2", 150, "2026-03-14T07:55:00Z", issued="14/03/2026"),
    pulse("o2", 150, "2026-03-14T07:55:00Z", modifierExtension=STRANGE),
]
BROKEN_STROKE = [
    condition("c", "I63.9", onsetDateTime="2019-02-03 10:00:00"),
    condition("c", "I63.9", recordedDate="x"),
    condition("c", "I63.9", modifierExtension=STRANGE),
    condition(5, "I63.9"),
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


def ask(site: Site, model: str) -> Insight:
    asked = spine.consult(site, actor=WHO, subject="p", asks=[model], as_of=NOW, live_only=False)
    return asked[0]


def brought(*resources: dict[str, Any]) -> list[str]:
    """Return what is unreadable in a prefetch of these."""
    entries = [{"resource": one} for one in resources]
    raw = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    timeline, _ = prefetch(raw, "p", "prefetch")
    return [event.code for event in timeline if event.status == UNREADABLE]


@pytest.mark.parametrize("later", BROKEN_LATER)
def test_no_older_value_stands_in_for_a_newer_one_that_was_refused(site: Site, later: dict[str, Any]) -> None:
    account = read(site, MAN, EARLIER, later)
    assert (account.as_events["Observation"], len(account.rejected)) == (1, 1)
    found = ask(site, "news2")
    (said,) = [reason for reason in found.reasons if reason.says.startswith("Pulse")]
    assert "cannot be read (the last that can be read is of 1 hour before, not used)" in said.says
    assert said.evidence == ("Observation/o2",)
    assert "1 entry of this record could not be read: Observation/o2." in found.limits


@pytest.mark.parametrize("stroke", BROKEN_STROKE)
def test_a_diagnosis_that_was_refused_is_no_no(site: Site, stroke: dict[str, Any]) -> None:
    read(site, MAN, FIBRILLATION, stroke)
    found = ask(site, "cha2ds2-vasc")
    assert "between 0 and 2; not known: stroke" in found.body.says  # type: ignore[union-attr]
    assert any("Stroke, TIA or arterial embolism: the entry cannot be read" in one for one in found.limits)


def test_one_without_a_code_leaves_every_question_open(site: Site) -> None:
    read(site, MAN, FIBRILLATION, condition("c", "I63.9") | {"code": "I63.9"})
    found = ask(site, "cha2ds2-vasc")
    assert "1 condition on record is not readable" in " ".join(found.limits)


def test_what_was_refused_is_no_evidence_in_the_columns(site: Site, tmp_path: Path) -> None:
    account = read(site, MAN, EARLIER, BROKEN_LATER[0])
    columns = Archive.open(site.path).scan().collect()
    assert account.events == columns.height
    assert UNREADABLE not in columns["status"].to_list()


@pytest.mark.parametrize(
    "mended", [pulse("o2", 150, "2026-03-14T07:55:00Z"), BROKEN_LATER[0] | {"status": "entered-in-error"}]
)
def test_a_later_copy_that_can_be_read_ends_it(site: Site, mended: dict[str, Any]) -> None:
    read(site, MAN, EARLIER, BROKEN_LATER[0])
    read(site, condition("c", "E11.9"))
    assert [event.source for event in unreadable(site)] == ["Observation/o2"]
    read(site, mended)
    assert unreadable(site) == []


def unreadable(site: Site) -> list[Any]:
    whole = Archive.open(site.path).timeline("p")
    return [event for event in whole if event.status == UNREADABLE]


@pytest.mark.parametrize("kind", ["entered-in-error", "another's", "nobody's"])
def test_what_took_itself_back_or_is_not_this_persons_leaves_nothing(site: Site, kind: str) -> None:
    whose = {"reference": "Patient/other"} if kind == "another's" else {"display": "Mr X"}
    odd = BROKEN_LATER[0] | ({"status": kind} if kind == "entered-in-error" else {"subject": whose})
    read(site, MAN, EARLIER, odd)
    assert unreadable(site) == []
    assert brought(MAN, EARLIER, odd) == []


@pytest.mark.parametrize(
    ("one", "code"), [(BROKEN_LATER[0], "LOINC/8867-4"), (BROKEN_STROKE[0], "ICD10CM/I63.9")]
)
def test_a_prefetch_keeps_it_too(one: dict[str, Any], code: str) -> None:
    assert brought(MAN, EARLIER, one) == [code]


def test_in_a_prefetch_too_a_later_copy_ends_it() -> None:
    broken = BROKEN_LATER[0]
    assert brought(MAN, broken, broken | {"status": "entered-in-error"}) == []
    assert brought(MAN, broken, pulse("o2", 150, "2026-03-14T07:55:00Z")) == []


ELSEWHERE = "https://other.example/fhir"


@pytest.mark.parametrize(
    ("whose", "url"),
    [({"reference": f"{ELSEWHERE}/Patient/p"}, ""), (WHOSE, f"{ELSEWHERE}/Observation/o2")],
)
def test_what_another_server_says_of_its_own_patient_leaves_nothing_here(
    site: Site, whose: dict[str, str], url: str
) -> None:
    """Refused for its shape before anybody asked whose it is: that patient is somebody else all the same."""
    base = "https://ours.example/fhir"
    entries = [
        {"fullUrl": f"{base}/Patient/p", "resource": MAN},
        {"fullUrl": f"{base}/Observation/o1", "resource": EARLIER},
        {"fullUrl": url or f"{base}/Observation/o2", "resource": BROKEN_LATER[2] | {"subject": whose}},
    ]
    account = read(site, {"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert (account.resources, len(account.rejected)) == (3, 1)
    assert unreadable(site) == []


def loinc(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code}]}


def part(code: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"code": loinc(code), "valueQuantity": {"value": value, "unit": "mmHg"}} | more


def pressures(**more: Any) -> dict[str, Any]:
    made = pulse("bp", 0, "2026-03-14T07:55:00Z", code=loinc("85354-9"), **more)
    del made["valueQuantity"]
    return {"component": [part("8480-6", 80), part("8462-4", 40)]} | made


def version(one: dict[str, Any], number: int) -> dict[str, Any]:
    return one | {"meta": {"versionId": str(number)}}


SOUND, BROKEN = pulse("o", 70, "2026-03-14T07:00:00Z"), pulse("o", "150", "2026-03-14T07:00:00Z")
# What was read of one Observation, and whether an entry that cannot be read is left beside it.
COPIES = [
    ([version(SOUND, 1), version(BROKEN, 2)], True),
    ([version(BROKEN, 2), version(SOUND, 1)], True),
    ([version(SOUND, 2), version(BROKEN, 1)], False),
    ([version(BROKEN, 1), version(SOUND, 2)], False),
    ([SOUND, BROKEN], True),
    ([BROKEN, SOUND], False),
    ([version(SOUND, 1), version(BROKEN, 2), version(SOUND, 3)], False),
]


@pytest.mark.parametrize(("copies", "left"), COPIES)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_newer_copy_that_cannot_be_decoded_is_told_of_beside_the_older_one(
    site: Site, copies: list[dict[str, Any]], left: bool, at_once: bool
) -> None:
    read(site, MAN)
    for some in [copies] if at_once else [[one] for one in copies]:
        read(site, *some)
    told = site.archive.timeline("p").where({"LOINC/8867-4"})
    assert [event.value for event in told if event.status != UNREADABLE] == [70.0]
    assert any(event.status == UNREADABLE for event in told) == left
    assert bool(brought(MAN, *copies)) == left
    assert any("70" in reason.says for reason in ask(site, "news2").reasons) != left


REPORT = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": WHOSE,
          "code": loinc("85354-9"), "effectiveDateTime": "2026-03-14T07:55:00Z"}  # fmt: skip
UNREAD_PRESSURE = [
    pressures(issued="14/03/2026"),
    pressures(status=None),
    pressures(modifierExtension=STRANGE),
    pressures(component=[part("8480-6", 80, modifierExtension=STRANGE), part("8462-4", 40)]),
    pressures(component=[part("8480-6", 80), part("8462-4", "40")]),
    REPORT | {"contained": [pulse("i", "80", "2026-03-14T07:55:00Z", code=loinc("8480-6"))]},
    REPORT | {"contained": [{**pressures(), "effectiveDateTime": None, "issued": "x"}]},
]


@pytest.mark.parametrize("later", UNREAD_PRESSURE)
def test_of_a_refused_panel_every_value_is_unreadable(site: Site, later: dict[str, Any]) -> None:
    before = pulse("o1", 120, "2026-03-14T06:00:00Z", code=loinc("8480-6"))
    before["valueQuantity"] = {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    read(site, MAN, before, later)
    told = ask(site, "news2")
    assert not any("120" in reason.says for reason in told.reasons)
    assert "LOINC/8480-6" in brought(MAN, later)


def test_a_relatives_values_leave_nothing_with_the_patient() -> None:
    baby = pulse("i", 150, "2026-03-14T07:55:00Z", subject={"reference": "Patient/baby"})
    assert brought(MAN, REPORT | {"contained": [baby], "issued": "x"}) == ["LOINC/85354-9"]
