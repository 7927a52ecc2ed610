"""Every page by axe-core (WCAG 2.2 A and AA, best practice), light and dark, wide and narrow as a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from salus.core.registry import models
from tests.browser.ward_site import Ward

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
PAGES = (
    "ward", "filtered", "nobody", "urgent", "calm", "unclear", "child", "several", "record", "models", "card",
    "audit", "head", "missing",
)  # fmt: skip


def address(ward: Ward, page: str) -> str:
    """Return the address of the page that a test calls by name."""
    people = {"urgent": "Rajesh", "calm": "David", "unclear": "Chidi", "child": "Noah"}
    # One whose reasons each rest on several entries, in lists and in sentences.
    people["several"] = "Zainab"
    if page in people:
        return ward.path(people[page])
    fixed = {
        "ward": "/ward",
        "filtered": "/ward?show=cannot&model=news2",
        "nobody": "/ward?from=5000",
        "models": "/models",
        "card": "/models/prevent",
        "audit": "/audit",
        "head": f"/audit?head={'0' * 64}",
        "missing": "/nowhere",
    }
    return fixed.get(page) or f"{ward.path('Rajesh')}/record"


def violations(page: Page) -> list[str]:
    """Return what axe finds, as a person can act on it."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        # WCAG 2.2, 2.5.8 is a rule that axe does not run by default.
        "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    page = opened(address(ward, name))
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = {}
    for width, scheme in ((1280, "light"), (320, "dark"), (1280, "dark"), (320, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found[width, scheme] = violations(page)
    assert not any(found.values()), found


@pytest.mark.parametrize("name", ["ward", "urgent"])
def test_axe_finds_nothing_where_a_model_fails(
    opened: Callable[..., Page], ward: Ward, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, broken = address(ward, name), type(models()["news2"])
    ward.get("/ward")
    monkeypatch.setattr(broken, "predict", None)
    ward.site.memory.clear()
    page = opened(where)
    monkeypatch.undo()
    ward.site.memory.clear()
    expect(page.get_by_text("gave no answer").first).to_be_in_viewport()
    found = {}
    for width, scheme in ((1280, "light"), (320, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found[width, scheme] = violations(page)
    assert not any(found.values()), found
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_form_with_something_missing(
    opened: Callable[..., Page], ward: Ward, scheme: str
) -> None:
    page = opened(ward.path("Chidi"), color_scheme=scheme)
    card = page.locator("article.card").first
    card.get_by_label("I disagree").check()
    card.get_by_role("button", name="Record").click()
    page.get_by_text("Not recorded yet.").wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    page = opened(address(ward, name), width=320, height=700)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", ["ward", "urgent", "audit", "card"])
def test_text_may_be_spaced_out(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    """WCAG 1.4.12: with its spacing, no text is cut off and nothing scrolls sideways."""
    page = opened(address(ward, name), width=640, bypass_csp=True)
    page.add_style_tag(
        content="*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}"
        "p{margin-bottom:2em!important}"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    cut = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,p,td,li,button,label')].filter(one => "
        "one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflow === 'hidden' && "
        "!one.closest('.sr,.gone')).map(one => one.textContent)"
    )
    assert cut == []


@pytest.mark.parametrize("name", ["ward", "urgent", "audit", "models"])
def test_what_can_be_pressed_is_large_enough(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    """WCAG 2.5.8: 24 by 24 CSS pixels, but for links in a line of text."""
    page = opened(address(ward, name), width=390)
    small = page.evaluate(
        "[...document.querySelectorAll('button,select,summary,label.choice,nav a,.counts a,.why a')]"
        ".filter(one => one.checkVisibility())"
        ".map(one => [one.textContent.trim(), one.getBoundingClientRect()])"
        ".filter(([_, box]) => box.height < 23.9 || box.width < 23.9).map(([text, _]) => text)"
    )
    assert small == []


def test_what_leads_to_a_further_entry_is_large_enough_for_everybody(
    opened: Callable[..., Page], ward: Ward
) -> None:
    """WCAG 2.5.8: a number alone is small, in whatever list it stands."""
    page, seen, small = opened("/ward", width=390), 0, []
    for name, path in ward.patients().items():
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        sizes = page.evaluate(
            "[...document.querySelectorAll('.also')].map(one => one.getBoundingClientRect())"
            ".map(box => Math.min(box.width, box.height))"
        )
        seen += len(sizes)
        small += [(name, size) for size in sizes if size < 23.9]
    assert seen > 10
    assert small == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_one_question(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    page = opened(address(ward, name))
    headings = page.locator("h1").all_inner_texts()
    assert len(headings) == 1
    people = ("urgent", "calm", "unclear", "child", "several", "missing")
    assert name in people or headings[0].endswith("?")
    levels = [
        int(one) for one in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1])")
    ]
    assert all(later - before <= 1 for before, later in pairwise(levels))


def test_urgency_needs_no_colour(opened: Callable[..., Page]) -> None:
    """Each urgency has words and an outline of its own: drawn without colour, no two are alike."""
    page = opened("/ward", forced_colors="active")
    shapes = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('symbol')].map(one => [one.id, one.innerHTML]))"
    )
    assert len(set(shapes.values())) == len(shapes)
    tags = page.locator(".group > h2 .tag").all_inner_texts()
    assert len(set(tags)) == len(tags) > 3
    assert all(re.search(r"\w", tag) for tag in tags)


@pytest.mark.parametrize("name", ["ward", "urgent", "record", "models", "card", "audit", "missing"])
def test_text_may_be_twice_as_large(opened: Callable[..., Page], ward: Ward, name: str) -> None:
    """WCAG 1.4.4, on a phone: the letters grow, and still nothing scrolls sideways."""
    page = opened(address(ward, name), width=390, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)")
    page.add_style_tag(content=":root { font-size: 200% }")
    after = page.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)")
    assert after >= 1.9 * before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
