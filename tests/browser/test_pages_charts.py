"""The small charts: a number of any length is whole, on a screen, on a phone and with its letters apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.asked import cropped
from tests.browser.ward_site import Ward, served_record

# As scales and laboratories write them, and as nobody should.
COURSES = (
    (84.62, 81.06, 121.83),
    (88.84, 243300.56, 243301.56),
    (-12.34, -1234.56, -9999.99),
    (1e9, 2e9, 3e9 + 0.25),
    (4e60, 5e60, 6e60),
    (0.0123, 0.0789, 0.0456),
    (37.89, 37.52, 3.01),
)
SPACED = "*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}"
CROPPED = cropped(".chart svg")
LINES = "[...document.querySelectorAll('.chart .course')].map(one => one.getBBox().width)"


@pytest.fixture(scope="module", name="ward")
def ward_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with served_record(tmp_path_factory.mktemp("charts"), record()) as found:
        yield found


def record() -> list[dict[str, object]]:
    """Return one patient with a course of each, and a temperature in the shaded range."""
    courses = [(f"Course {place}", "urn:example", f"c{place}", "kg", of) for place, of in enumerate(COURSES)]
    courses.append(("Temperature", "http://loinc.org", "8310-5", "[degF]", (98.62, 100.41, 101.38)))
    return [
        {"resourceType": "Patient", "id": "p", "name": [{"text": "Anna Wide"}], "birthDate": "1950-02-03"},
        *(
            {
                "resourceType": "Observation",
                "id": f"{code}-{hour}",
                "status": "final",
                "subject": {"reference": "Patient/p"},
                "effectiveDateTime": f"2026-11-02T0{hour}:30:00Z",
                "code": {"coding": [{"system": system, "code": code, "display": name}]},
                "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
            }
            for name, system, code, unit, values in courses
            for hour, value in enumerate(values)
        ),
    ]


@pytest.mark.parametrize("width", [1280, 640, 320])
@pytest.mark.parametrize("spaced", [False, True])
def test_no_number_is_cropped(opened: Callable[..., Page], ward: Ward, width: int, spaced: bool) -> None:
    """Spaced: WCAG 2.2, 1.4.12."""
    page = opened(ward.path("Anna"), width=width, bypass_csp=True)
    if spaced:
        page.add_style_tag(content=SPACED)
    figures = page.locator("figure.chart")
    assert figures.count() == len(COURSES) + 1
    assert page.evaluate(CROPPED) == []
    assert min(page.evaluate(LINES)) >= 120
    page.evaluate("document.querySelectorAll('.chart details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_has_no_room_beside_its_point_stands_above(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened(ward.path("Anna"))

    def drawn(name: str) -> list[str]:
        figure = page.locator("figure.chart").filter(has_text=name)
        return figure.locator("svg text").all_text_contents()

    assert drawn("Course 0") == ["121.83", "81.06", "121.83"]
    caption = page.locator("figcaption").filter(has_text="Course 3")
    assert "latest 3000000000.25" in caption.inner_text()
    assert "3000000000.25" not in drawn("Course 3")
