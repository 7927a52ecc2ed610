"""A surname of sixty letters without a blank: on a phone nothing scrolls sideways, and it is all there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from salus import spine
from salus.core.consent import Actor
from salus.record.sources.ward import write_ward
from tests import doors
from tests.browser.ward_site import Ward, served

SURNAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis"
WIDE = "MWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMWMW"


@pytest.fixture(scope="module", name="ward")
def ward_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """The ward that ships, in which everybody's surname is long; every other one in the widest letters."""
    folder = tmp_path_factory.mktemp("long")
    patients = write_ward(folder / "export") / "Patient.ndjson"
    people = [json.loads(line) for line in patients.read_text().splitlines()]
    for place, person in enumerate(people):
        person["name"][0]["family"] = (SURNAME, WIDE)[place % 2]
    patients.write_text("".join(json.dumps(person) + "\n" for person in people))
    site = doors.live_site(folder / "archive")
    spine.read(site, str(folder / "export"), actor=Actor("test"))
    with served(site) as found:
        yield found


def assert_fits(page: Page, name: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    wide = page.evaluate(
        "name => [...document.querySelectorAll('body *')].filter(one => one.textContent.includes(name) && "
        "one.checkVisibility() && !one.closest('.sr') && one.getBoundingClientRect().right > 320.5)"
        ".map(one => one.outerHTML.slice(0, 200))",
        name,
    )
    assert wide == []
    assert name in (page.locator("main").text_content() or "")


def test_a_long_surname_fits_on_the_ward(opened: Callable[..., Page]) -> None:
    page = opened("/ward", width=320, height=700)
    assert_fits(page, SURNAME)
    assert_fits(page, WIDE)


@pytest.mark.parametrize("surname", [SURNAME, WIDE])
def test_a_long_surname_fits_on_the_pages_of_its_patient(
    opened: Callable[..., Page], ward: Ward, surname: str
) -> None:
    path = next(path for name, path in ward.patients().items() if surname in name)
    for here in (path, f"{path}/record"):
        assert_fits(opened(here, width=320, height=700), surname)
