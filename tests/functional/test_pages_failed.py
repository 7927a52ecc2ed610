"""A model that fails makes nobody look better: its last answer stands with its age, and doubt is said."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.registry import models
from salus.spine.shape import ward_shape
from salus.spine.ward import WardRow
from tests.browser.ward_site import Ward, demonstration

WHO = Actor("test")
# The package gives the name to the function.
ward_module = sys.modules["salus.spine.ward"]


@pytest.fixture(scope="module", name="ward")
def ward_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with demonstration(tmp_path_factory.mktemp("failed") / "archive") as found:
        yield found


def fail(*_: object) -> None:
    raise ZeroDivisionError


@pytest.fixture(name="unheard")
def unheard_fixture(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    """The ward while NEWS2 fails, and nothing that it said before stands."""
    monkeypatch.setattr(type(models()["news2"]), "predict", fail)
    monkeypatch.setattr(ward_module, "last_answers", lambda _site, _insights, _seen: ())
    ward.site.memory.clear()
    yield ward
    ward.site.memory.clear()


@pytest.fixture(name="heard")
def heard_fixture(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Ward, list[WardRow]]]:
    """The ward while NEWS2 fails, and what was said when it last answered."""
    ward.site.memory.clear()
    before = spine.ward(ward.site, actor=WHO)
    ward.site.memory.clear()
    monkeypatch.setattr(type(models()["news2"]), "predict", fail)
    yield ward, before
    ward.site.memory.clear()


def row_of(text: str, name: str) -> str:
    at = text.index(name)
    return text[at : text.index('<ul class="marks"', at)]


def test_nobody_is_placed_lower_by_a_model_that_answered_before(heard: tuple[Ward, list[WardRow]]) -> None:
    ward, before = heard
    place = {row.subject: row.rank[0] for row in before}
    for row in spine.ward(ward.site, actor=WHO):
        assert row.rank[0] <= place[row.subject], row.subject
    text = ward.get("/ward")
    row = row_of(text, "Rajesh Iyer")
    assert text.index('id="group-now"') < text.index("Rajesh Iyer") < text.index('id="group-cannot"')
    assert "NEWS2 18" in row
    assert re.search(r"Last answer of news2, as of \d+ \w+ \d{4}, \d\d:\d\d, .* old; it gives none now", row)
    assert "Rajesh Iyer" in ward.get("/ward?show=action")
    assert "Rajesh Iyer" in ward.get("/ward?model=news2&show=action")


def test_where_a_higher_place_is_possible_it_is_said(heard: tuple[Ward, list[WardRow]]) -> None:
    ward, _ = heard
    rows = spine.ward(ward.site, actor=WHO)
    text = ward.get("/ward")
    unsure = len(re.findall("May belong higher: news2 gave no answer", text))
    assert unsure == sum(row.urgency is None or row.urgency.value != "now" for row in rows)


def test_without_an_earlier_answer_nobody_is_silently_last(unheard: Ward) -> None:
    rows = spine.ward(unheard.site, actor=WHO)
    assert all(row.kept == () for row in rows)
    text = unheard.get("/ward")
    assert "Last answer" not in text
    assert len(re.findall("May belong higher: news2 gave no answer", text)) == len(rows)
    groups = re.findall(r'<section class="group (\w+)"', text)
    assert groups[-1] == "cannot", "no group stands behind, in which nobody needs anything"


def test_the_command_line_says_that_it_is_an_earlier_answer(heard: tuple[Ward, list[WardRow]]) -> None:
    told = ward_shape(spine.ward(heard[0].site, actor=WHO), 0.0)["ward"]
    first = next(one for one in told if one["model"] == "news2")
    assert first["urgency"] == "now"
    assert first["says"].startswith("news2 failed; it last said, as of ")


def test_the_patients_page_says_it_with_the_last_answer(heard: tuple[Ward, list[WardRow]]) -> None:
    ward, _ = heard
    text = ward.get(ward.path("Rajesh Iyer"))
    assert "news2 gave no answer" in text
    notice = text[text.index("news2 gave no answer") : text.index('class="asked"')]
    assert "Act now" in notice and "NEWS2 18" in notice
    open_ = text[text.index('id="unanswered"') :]
    assert re.search(r"Last answer of news2, as of .* old: NEWS2 18 \(high risk\)\. Emergency", open_)


def test_an_answer_that_leaned_on_what_was_corrected_stands_no_longer(
    heard: tuple[Ward, list[WardRow]],
) -> None:
    ward, before = heard
    (first,) = [row.first for row in before[:1]]
    assert first is not None and first.model.name == "news2"
    sources = [source for reason in first.reasons for source in reason.evidence]
    with ward.site.store.begin() as tx:
        tx.mark_stale(sources, ward.site.now(), "test")
    row = next(one for one in spine.ward(ward.site, actor=WHO) if one.subject == before[0].subject)
    assert row.kept == ()
    assert (row.first is not None and row.first.model.name != "news2") or not row.first.judged


def test_a_model_that_answers_again_is_heard_after_a_while(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.site.memory.clear()
    with monkeypatch.context() as patched:
        patched.setattr(type(models()["news2"]), "predict", fail)
        failed = spine.ward(ward.site, actor=WHO)
    assert same(spine.ward(ward.site, actor=WHO), failed), "it is not asked at every look"
    later = ward.site.now() + timedelta(seconds=61)
    monkeypatch.setattr(type(ward.site), "now", lambda _: later)
    again = spine.ward(ward.site, actor=WHO)
    assert not any(insight.failed for row in again for insight in row.insights)
    assert same(spine.ward(ward.site, actor=WHO), again)


def same(rows: list[WardRow], others: list[WardRow]) -> bool:
    """Whether they are the very same rows, kept and not made anew."""
    return len(rows) == len(others) and all(one is other for one, other in zip(rows, others, strict=True))
