"""Who decided on evidence that was corrected or withdrawn since is told of it, above routine, until then."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.record.sources.ward_terms import ACVPU, SNOMED
from salus.spine.site import Site
from tests.browser.ward_site import Page, Ward, served
from tests.functional.test_corrections import MAN, VITALS, vital

# All that NEWS2 asks for, so that its answer is no range: on room air, and alert.
CALM = [
    vital("fio2", "3150-6", 21, "%"),
    {
        **{key: value for key, value in VITALS[0].items() if key != "valueQuantity"},
        "id": "mind",
        "code": {"coding": [{"system": "http://loinc.org", "code": "80288-4"}]},
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": ACVPU["A"][0]}]},
    },
]
MARK = "Out of date: Dr A. Okafor agreed with news2"


def read(site: Site, *resources: dict[str, Any]) -> None:
    path = site.path.parent / "in.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in resources))
    spine.read(site, str(path), actor=Actor("test"))


@pytest.fixture(name="ward")
def ward_fixture(tmp_path: Path) -> Iterator[Ward]:
    """One patient whose score somebody agreed with."""
    site = spine.open_site(tmp_path / "archive")
    spine.approve(site, "news2", by="Dr Test", because="test")
    read(site, MAN, *VITALS, *CALM)
    with served(site) as ward:
        assert decide(ward, "accepted")
        yield ward


def page_of(ward: Ward) -> str:
    found = re.search(r'href="(/patients/\d+)"', ward.get("/ward"))
    assert found is not None
    return found[1]


def decide(ward: Ward, decision: str) -> bool:
    """Decide on the first answer that can be decided on; False where there is none."""
    forms = [form for form in Page(ward.get(page_of(ward))).forms if "insight" in form]
    if not forms:
        return False
    action = forms[0].pop("action").partition("#")[0]
    assert ward.client.post(action, data=forms[0] | {"decision": decision}).status_code == 303
    return True


def correct(ward: Ward, **changes: Any) -> None:
    """Correct the breathing, the one sign that was abnormal."""
    rate = {**VITALS[0], "status": "corrected", **changes}
    rate["valueQuantity"] = {**rate["valueQuantity"], "value": 16}
    read(ward.site, rate)


def group(ward: Ward, query: str = "") -> str:
    found = re.search(r'class="group (\w+)"', ward.get(f"/ward{query}"))
    return found[1] if found else ""


def test_a_corrected_value_marks_the_patient_above_routine_until_somebody_decides_again(ward: Ward) -> None:
    assert MARK not in ward.get("/ward")
    correct(ward)
    assert MARK in ward.get("/ward")
    assert group(ward) == group(ward, "?show=new") == group(ward, "?model=news2") == "again"
    assert MARK in ward.get(page_of(ward))
    assert decide(ward, "deferred")
    assert MARK in ward.get("/ward"), "to put it off is no decision"
    assert decide(ward, "accepted")
    assert MARK not in ward.get("/ward")
    assert MARK not in ward.get(page_of(ward))
    assert group(ward) != "again"


def test_withdrawn_values_can_be_decided_on_again_where_no_new_answer_is_given(ward: Ward) -> None:
    read(ward.site, *({**one, "status": "entered-in-error"} for one in VITALS))
    assert MARK in ward.get("/ward")
    assert 'class="card calm"' not in ward.get(page_of(ward))
    assert decide(ward, "accepted")
    assert MARK not in ward.get("/ward")


def test_nobody_is_placed_lower_by_the_mark(ward: Ward) -> None:
    rate = {**VITALS[0], "status": "corrected", "valueQuantity": {**VITALS[0]["valueQuantity"], "value": 30}}
    pulse = {**VITALS[1], "valueQuantity": {**VITALS[1]["valueQuantity"], "value": 140}}
    read(ward.site, rate, pulse)
    assert MARK in ward.get("/ward")
    assert group(ward) == "today"


def test_what_was_decided_on_goes_out_as_cancelled(ward: Ward) -> None:
    (review,) = ward.site.store.reviews()
    before = ward.client.get(f"/fhir/Observation/{review.insight}").json()
    assert before["status"] == "final"
    correct(ward)
    assert ward.client.get(f"/fhir/Observation/{review.insight}").json()["status"] == "cancelled"
