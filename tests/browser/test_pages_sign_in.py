"""The pages of signing in, in a browser: by axe, by keyboard, narrow and wide, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from salus import spine
from salus.delivery.app import Settings
from salus.delivery.settings import SignIn
from salus.spine import accounts
from tests import doors
from tests.browser.test_pages_accessible import violations
from tests.people import PASSWORD, enter

WIDTHS = (320, 360, 1280)


@dataclass(frozen=True)
class Door:
    """A running server with an operator (root-op), a clinician (maria) and a new one (first)."""

    url: str
    first: str


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    site = spine.open_site(tmp_path_factory.mktemp("sign-in") / "site")
    enter(site, "root-op", "operator")
    enter(site, "maria", person="Practitioner/7")
    _, first = accounts.add(site, "newcomer", accounts.Rights("clinician"), by="test")
    accounts.add(site, "kim", accounts.Rights("proxy", "", ("Patient/7",)), by="test")
    settings = Settings(insecure_no_jwt=True, sign_in=SignIn(second_factor=frozenset()))
    with doors.served(site, settings) as client:
        yield Door(str(client.base_url), first)
    site.close()


@pytest.fixture
def page(browser: Browser, door: Door) -> Iterator[Page]:
    context = browser.new_context(base_url=door.url, java_script_enabled=True)
    yield context.new_page()
    context.close()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def looked_at(page: Page, screens: Path, name: str) -> None:
    """Hold the page against axe at every width, with no sideways scrolling, and keep a picture of it."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert violations(page) == [], (name, width)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, (name, width, wide)
        page.screenshot(path=screens / f"{name}-{width}.png", full_page=True)


def test_the_way_in_is_accessible_and_says_what_was_wrong(page: Page, screens: Path) -> None:
    page.goto("/ward")
    assert "/sign-in?next=%2Fward" in page.url
    looked_at(page, screens, "sign-in")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("maria")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    expect(page.get_by_label("Name")).to_have_value("maria")
    looked_at(page, screens, "sign-in-wrong")


def test_the_own_account_is_accessible_in_each_of_its_states(page: Page, door: Door, screens: Path) -> None:
    sign_in(page, "newcomer", door.first)
    expect(page).to_have_url(f"{door.url}/account")
    looked_at(page, screens, "account-first")
    page.context.clear_cookies()
    sign_in(page, "maria")
    page.goto("/account")
    looked_at(page, screens, "account")
    page.locator("#second").get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up a second factor").click()
    expect(page.get_by_text("this setup address")).to_be_visible()
    looked_at(page, screens, "account-seed")


def test_the_operators_page_is_accessible(page: Page, screens: Path) -> None:
    sign_in(page, "root-op")
    page.get_by_role("link", name="Accounts").click()
    looked_at(page, screens, "accounts")
    page.locator("article", has_text="kim").get_by_role("button", name="New one-time password").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("one-time password of kim")
    looked_at(page, screens, "shown-once")


def test_without_javascript_one_gets_in_and_out_again(browser: Browser, door: Door) -> None:
    context = browser.new_context(base_url=door.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/models")
    page.get_by_label("Name").fill("root-op")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{door.url}/models")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{door.url}/sign-in")
    page.goto("/models")
    assert "/sign-in" in page.url
    context.close()
