"""The scorer of a clinic without a network says in a browser what Python says, under the pages' policy."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.additive import RUNNER, alike, drawn

ARTEFACTS, CASES = 500, 20


def test_ten_thousand_cases_are_scored_alike_in_a_browser(opened: Callable[..., Page]):
    page = opened("/ward")
    page.add_script_tag(url="/static/additive.js")
    asked, answers = drawn(ARTEFACTS, CASES)
    runner = RUNNER.read_text(encoding="utf-8")
    said = page.evaluate(f"async (drawn) => {{ {runner}\n return answersOf(Additive, drawn); }}", asked)
    assert len(answers) >= 10_000
    alike(said, answers)
