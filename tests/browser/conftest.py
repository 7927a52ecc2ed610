"""A browser, and the ward that ships behind a real server: once for all browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.ward_site import Ward, demonstration
from tests.conftest import ROOT, absent

# Where the pictures go that a person looks at after a run.
SCREENS = ROOT / "build" / "screens"
# No sandbox: the tests run as root in containers. Nothing but our own server is ever opened.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _program() -> str:
    """Return the browser that is installed; its absence is a failure in CI and a skip elsewhere."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None) or absent("needs a browser: scripts/debian-packages chromium")


# Not for the whole run: while Playwright is open its event loop counts as running in this thread, and a later
# test could start none.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=_program(), args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with demonstration(tmp_path_factory.mktemp("browser") / "archive") as found:
        yield found


@pytest.fixture
def opened(browser: Browser, ward: Ward) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a path; the page may not log an error, nor break its own policy."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(path: str, *, width: int = 1280, height: int = 900, **how: Any) -> Page:
        context = browser.new_context(
            base_url=str(ward.client.base_url), viewport={"width": width, "height": height}, **how
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    # A page that answers with a status of failure is itself logged by the browser as an error.
    assert not [error for error in errors if "Failed to load resource" not in error]


@pytest.fixture(scope="session")
def screens() -> Path:
    SCREENS.mkdir(parents=True, exist_ok=True)
    return SCREENS
