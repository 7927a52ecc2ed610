"""The pages as people use them: with a keyboard alone, without JavaScript, on a phone, on paper, at night."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_pages_accessible import address
from tests.browser.ward_site import CLINICIAN, Ward


def press_until(page: Page, key: str, found: str, most: int = 120) -> None:
    """Press a key until what has the focus contains the text `found`."""
    for _ in range(most):
        page.keyboard.press(key)
        text = page.evaluate(
            "(document.activeElement.closest('label') || document.activeElement).textContent.trim()"
        )
        if found in text:
            return
    raise AssertionError(f"'{found}' cannot be reached with {key}")


def test_a_review_by_keyboard_alone(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened("/ward")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    press_until(page, "Tab", "Tāmati Ngata")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Tāmati Ngata")
    press_until(page, "Tab", "I agree")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    press_until(page, "Tab", "Choose a reason")
    page.keyboard.type("Not right")
    page.keyboard.press("Tab")
    page.keyboard.type("Palliative care, agreed on Friday")
    press_until(page, "Tab", "The patient was told")
    page.keyboard.press("Space")
    press_until(page, "Tab", "Record")
    page.keyboard.press("Enter")
    expect(page.locator(".recorded")).to_be_in_viewport()
    kept = [one for one in ward.site.store.reviews() if "Palliative" in one.note]
    assert [(one.by, one.decision, one.because, one.told_patient) for one in kept] == [
        (CLINICIAN.id, "overridden", "not-this-patient", True)
    ]


def test_a_review_without_javascript(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened("/ward?show=action", java_script_enabled=False)
    page.locator("select[name=model]").select_option("news2")
    page.get_by_role("button", name="Show").click()
    assert "model=news2" in page.url
    page.get_by_role("link", name="Olga Petrova").click()
    card = page.locator("article.card").first
    card.get_by_label("I change it").check()
    card.get_by_role("button", name="Record").click()
    expect(card.get_by_role("alert")).to_contain_text("Say what you change")
    expect(card.get_by_label("I change it")).to_be_checked()
    card.get_by_label("In your words").fill("Observe every hour")
    card.get_by_role("button", name="Record").click()
    expect(page.locator(".recorded")).to_be_visible()
    assert [one.decision for one in ward.site.store.reviews() if one.note == "Observe every hour"] == [
        "modified"
    ]


def test_a_filter_with_javascript_changes_the_list_alone(opened: Callable[..., Page]) -> None:
    page = opened("/ward")
    page.evaluate("window.same = true")
    page.locator("select[name=show]").select_option("action")
    page.wait_for_url("**show=action**")
    expect(page.locator("#group-calm")).to_have_count(0)
    assert page.evaluate("window.same") is True


def test_a_reason_jumps_to_its_line(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened(ward.path("Rajesh"))
    page.get_by_role("link", name="Breathing 27 /min at 07:36").click()
    row = page.locator("tr:target")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("27 /min")


def test_the_form_asks_no_more_than_it_needs(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened(ward.path("Chidi"))
    card = page.locator("article.card").first
    reason, note = card.get_by_label("Why"), card.get_by_label("In your words")
    expect(note).to_be_hidden()
    card.get_by_label("I agree").check()
    expect(note).to_be_visible()
    expect(reason).to_be_hidden()
    card.get_by_label("I disagree").check()
    expect(reason).to_be_visible()


def test_on_paper_the_answers_stay_and_the_forms_go(opened: Callable[..., Page], ward: Ward) -> None:
    page = opened(ward.path("Rajesh"))
    page.emulate_media(media="print")
    expect(page.locator("form").first).to_be_hidden()
    expect(page.get_by_text("NEWS2 18").first).to_be_visible()
    expect(page.get_by_text("not for care")).to_be_visible()


SHOTS = [
    (name, width, scheme)
    for name in ("ward", "urgent", "calm", "unclear", "child", "record", "models", "card", "audit", "missing")
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"))
]


@pytest.mark.parametrize(("name", "width", "scheme"), SHOTS)
def test_a_picture_of_the_page(
    opened: Callable[..., Page], ward: Ward, screens: Path, name: str, width: int, scheme: str
) -> None:
    """What matters most is in sight before anything is scrolled; the picture is kept to be looked at."""
    page = opened(address(ward, name), width=width, height=900, color_scheme=scheme)
    first = {
        "ward": "Rajesh Iyer",
        "urgent": "NEWS2 18",
        "calm": "What was asked",
        "unclear": "NEWS2 between",
        "audit": "The ledger is intact",
    }
    for text in ("not for care", *([first[name]] if name in first else [])):
        found = (
            page.get_by_text(text).first
            if name != "calm" or text != first["calm"]
            else page.locator(".asked")
        )
        expect(found).to_be_in_viewport()
    expect(page.locator("h1")).to_be_in_viewport()
    overlapping = page.evaluate(OVERLAPS)
    assert overlapping == []
    page.screenshot(path=screens / f"{name}-{width}-{scheme}.png", full_page=True)
    drawn = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert len(set(drawn)) == 2


# Texts that cover each other: pairs of leaf elements with text whose boxes share more than a sliver.
OVERLAPS = """() => {
  const leaves = [...document.querySelectorAll('main *')].filter(one => one.checkVisibility()
    && !one.closest('.sr,.gone,symbol')
    && [...one.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()));
  const boxes = leaves.map(one => {
    const texts = [...one.childNodes].filter(n => n.nodeType === 3).map(n => {
      const range = document.createRange();
      range.selectNodeContents(n);
      return [...range.getClientRects()];
    });
    return [one, texts.flat().filter(box => box.width > 2 && box.height > 2)];
  });
  const found = [];
  for (let a = 0; a < boxes.length; a++) for (let b = a + 1; b < boxes.length; b++) {
    const [one, first] = boxes[a], [other, second] = boxes[b];
    if (one.contains(other) || other.contains(one)) continue;
    for (const p of first) for (const q of second) {
      const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      const texts = [one, other].map(part => part.textContent.trim().slice(0, 40));
      if (wide > 3 && high > 6) found.push(texts);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("away", ["no network", "an error"])
def test_a_list_that_was_not_renewed_says_so(browser: Browser, ward: Ward, away: str) -> None:
    """The choice stands in the form already: without a word the old list would pass for what was chosen."""
    context = browser.new_context(base_url=str(ward.client.base_url))
    page = context.new_page()
    page.goto("/ward")
    said = page.locator("#unchanged")
    everyone = page.locator(".row").count()
    if away == "no network":
        context.set_offline(True)
    else:
        context.route("**/ward?**", lambda route: route.fulfill(status=503, body="away"))
    page.locator("select[name=show]").select_option("action")
    expect(said).to_contain_text("The list did not change")
    expect(said).to_be_in_viewport()
    assert page.locator(".row").count() == everyone
    context.set_offline(False)
    context.unroute_all()
    page.locator("select[name=show]").select_option("cannot")
    expect(said).to_be_empty()
    expect(page.locator(".row")).not_to_have_count(everyone)
    context.close()
