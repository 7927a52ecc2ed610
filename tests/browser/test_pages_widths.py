"""Records as hospitals write them, ids, drugs and words of any length: nothing scrolls sideways at any width.

WCAG 2.2 1.4.10 (reflow) and 1.4.4 (text of twice the size); 640 px is a desktop at 200 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Page

from tests.browser.ward_site import Ward, served_record

WIDTHS = (1280, 1024, 850, 768, 700, 640, 600, 560, 390, 320)
WORD = "Pseudopseudohypoparathyreoidismuserythroblastophthisisverdachtx"
DRUG = "Heparin Sodium 25,000 unit Premix Bag in Dextrose 5% 250 mL Intravenous Solution"


@pytest.fixture(scope="module", name="ward")
def ward_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with served_record(tmp_path_factory.mktemp("widths"), record()) as found:
        yield found


def record() -> list[dict[str, object]]:
    """Return one patient whose ids are UUIDs, and whose record has long names, panels and one long word."""
    patient = {"resourceType": "Patient", "id": str(UUID(int=1 << 127)), "name": [{"text": f"Anna {WORD}"}],
               "birthDate": "1950-02-03", "identifier": [{"value": WORD}]}  # fmt: skip
    about = {"subject": {"reference": f"Patient/{patient['id']}"}}
    at = {"effectiveDateTime": "2026-11-02T07:30:00Z", "status": "final"}
    parts = [
        {
            "code": {"coding": [{"system": "urn:example", "code": name[:5], "display": name}]},
            "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        }
        for name in ("Systolic arterial pressure measured non-invasively", WORD)
    ]
    said = (
        {"resourceType": "Observation", "code": {"text": "Pressures"}, "component": parts, **at},
        {"resourceType": "Observation", "code": {"text": WORD}, "valueString": WORD, **at},
        {"resourceType": "Condition", "code": {"text": f"{WORD}, suspected"}},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
         "medicationCodeableConcept": {"text": DRUG}, "authoredOn": "2026-11-02"},
    )  # fmt: skip
    return [
        patient,
        *({**one, **about, "id": str(UUID(int=(1 << 127) + n))} for n, one in enumerate(said, 1)),
    ]


def too_wide(page: Page) -> str:
    """Name what reaches beyond the window; "" where nothing does."""
    found: str = page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth ? '' : [...document.querySelectorAll('body *')]"
        ".filter(one => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)"
        ".map(one => one.outerHTML.slice(0, 80)).join(' ')"
    )
    return found


@pytest.mark.parametrize("where", ["ward", "patient", "record"])
def test_a_real_record_fits_at_every_width(opened: Callable[..., Page], ward: Ward, where: str) -> None:
    (patient,) = ward.patients().values()
    page = opened({"ward": "/ward", "patient": patient, "record": f"{patient}/record"}[where])
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = too_wide(page)
    assert not any(found.values()), found
    assert WORD in (page.locator("main").text_content() or "")


def test_on_a_phone_every_value_of_a_panel_stands_beside_its_name(
    opened: Callable[..., Page], ward: Ward
) -> None:
    (patient,) = ward.patients().values()
    page = opened(f"{patient}/record", width=390)
    row = page.get_by_role("row").filter(has_text="Systolic arterial")
    said = row.inner_text().split("\n")
    assert "Systolic arterial pressure measured non-invasively 120 mmHg" in said
    assert f"{WORD} 120 mmHg" in said
