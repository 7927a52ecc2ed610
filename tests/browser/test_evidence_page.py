"""The evidence report in a browser, opened from a file: axe, a phone, letters of twice the size, paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from salus.delivery import evidence as report
from tests.browser.asked import cropped
from tests.browser.test_pages_accessible import violations
from tests.evidence_made import evidence, of_a_range_score

WORD = "Pseudopseudohypoparathyreoidismuserythroblastophthisisverdachtx"
KINDS = ("whole", "score", "empty", "long")
OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
CROPPED = cropped(".plot")


def long(made: dict[str, Any]) -> dict[str, Any]:
    """Return an Evidence with one long word wherever there is a name."""
    groups = [{**row, "group": WORD, "by": WORD} for row in made["groups"]]
    shapes = [{**shape, "feature": WORD, "unit": WORD} for shape in made["shapes"]]
    shapes.append({"feature": "huge", "edges": [1e12, 3e12], "scores": [0.0, 9.0, -9.0]})
    flow = [{"step": WORD, "n": 10**12}]
    return {**made, "outcome": WORD, "groups": groups, "shapes": shapes, "flow": flow, "limits": [WORD]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    whole = evidence()
    made = {"whole": whole, "score": of_a_range_score(), "empty": {}, "long": long(whole)}
    return {name: report.write(one, tmp_path_factory.mktemp(name))[0] for name, one in made.items()}


@pytest.fixture
def shown(browser: Browser, folders: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a report without a script and without a network; it may log no error."""
    contexts, errors = [], []

    def open_(name: str, *, width: int = 1280, **how: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **how)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(("file:", "data:")) else errors.append(asked.url),
        )
        page.goto(folders[name].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing(shown: Callable[..., Page], name: str) -> None:
    page = shown(name, bypass_csp=True)
    page.evaluate(OPEN)
    found = {}
    for width, scheme in ((1280, "light"), (320, "dark"), (1280, "dark"), (320, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found[width, scheme] = violations(page)
    assert not any(found.values()), found


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("width", [320, 390, 560, 700, 850, 1024, 1280])
def test_nothing_scrolls_sideways(shown: Callable[..., Page], name: str, width: int) -> None:
    page = shown(name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CROPPED) == []


@pytest.mark.parametrize("css", [
    ":root { font-size: 200% }",
    "*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}",
])  # fmt: skip
def test_letters_may_be_larger_and_further_apart(shown: Callable[..., Page], css: str) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.12."""
    page = shown("whole", width=390, bypass_csp=True)
    page.evaluate(OPEN)
    page.add_style_tag(content=css)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_picture_has_its_table(shown: Callable[..., Page]) -> None:
    page = shown("whole", width=390)
    figures = page.locator("figure.shown")
    assert figures.count() == 4
    for place in range(figures.count()):
        figure = figures.nth(place)
        assert len(figure.get_by_role("img").get_attribute("aria-label") or "") > 20
        figure.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(figure.get_by_role("table")).to_be_visible()
        assert figure.get_by_role("row").count() > 3
        assert figure.get_by_role("columnheader").count() >= 2


def test_a_phone_names_the_column_of_each_number(shown: Callable[..., Page]) -> None:
    page = shown("whole", width=320)
    says = page.evaluate(
        "[...document.querySelectorAll('#groups td')].map(one => getComputedStyle(one, '::before').content)"
    )
    assert set(says) >= {'"Cases: "', '"Happened over said: "'}


def test_it_is_read_from_top_to_bottom_by_its_questions(shown: Callable[..., Page]) -> None:
    page = shown("whole")
    page.get_by_role("link", name="Does it hold for everyone?").first.click()
    assert page.evaluate("document.querySelector(':target').id") == "groups"
    expect(page.get_by_role("heading", name="Does it hold for everyone?")).to_be_in_viewport()
    headings = page.locator("h1, h2").all_inner_texts()
    assert all(one.endswith("?") for one in headings)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_everything_is_unfolded_and_dark_on_light(shown: Callable[..., Page], scheme: str) -> None:
    page = shown("whole")
    page.emulate_media(media="print", color_scheme=scheme)
    tables = page.locator("figure.shown table")
    assert [tables.nth(place).is_visible() for place in range(tables.count())] == [True] * tables.count()
    assert not page.locator("summary").first.is_visible()
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor")
    )
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    words = page.evaluate("getComputedStyle(document.querySelector('#answer h2')).color")
    assert words == "rgb(0, 0, 0)"


def test_lines_and_people_differ_without_colour(shown: Callable[..., Page]) -> None:
    page = shown("whole", forced_colors="active")
    dashes = page.evaluate(
        "['one','two','three'].map(one => document.querySelector('.ln.' + one))"
        ".map(one => getComputedStyle(one).strokeDasharray)"
    )
    assert len(set(dashes)) == 3
    forms = page.evaluate(
        "[...document.querySelectorAll('#answer .legend path')].map(one => one.getAttribute('d'))"
    )
    assert len(set(forms)) == 4
