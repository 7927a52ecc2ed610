"""The Ward page over HTTP: everyone is there once, most urgent first, nothing is passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.registry import models
from salus.delivery.web import words
from tests.browser.ward_site import Page, Ward, demonstration, served


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with demonstration(tmp_path_factory.mktemp("ward") / "archive") as found:
        yield found


def test_the_root_leads_to_the_ward(ward: Ward) -> None:
    assert "Who needs me first?" in ward.get("/")


def test_a_model_that_failed_is_named_above_everybody(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gave no answer" not in ward.get("/ward")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    ward.site.memory.clear()
    monkeypatch.setattr(type(models()["news2"]), "predict", fail)
    text = ward.get("/ward")
    monkeypatch.undo()
    ward.site.memory.clear()
    assert text.index("1 model gave no answer") < text.index('class="row')
    assert re.search(r"<strong>news2</strong> gave no answer about \d+ patients of 30", text)


def test_everyone_is_there_once(ward: Ward) -> None:
    text = ward.get("/ward")
    numbers = re.findall(r'<h3><a href="/patients/(\d+)"', text)
    assert len(numbers) == len(set(numbers)) == len(ward.site.archive.subjects())


def test_the_most_urgent_come_first(ward: Ward) -> None:
    rows = spine.ward(ward.site, actor=Actor("test"))
    expected = [words.TAGS.index(words.tag(row.insights[0])) for row in rows if row.insights]
    groups = re.findall(r'<section class="group (\w+)"', ward.get("/ward"))
    order = [tag.key for tag in words.TAGS]
    assert [order.index(key) for key in groups] == sorted(set(expected))


def test_what_cannot_be_judged_stands_before_no_action_with_its_count(ward: Ward) -> None:
    text = ward.get("/ward")
    assert text.index('id="group-cannot"') < text.index('id="group-calm"')
    assert re.search(r"\d of \d not judged", text)


def test_a_row_says_who_what_why_and_how_old(ward: Ward) -> None:
    text = ward.get("/ward")
    row = text[text.index("Rajesh Iyer") : text.index("</li>", text.index("Rajesh Iyer"))]
    for words_ in ("67 M", "last evidence", "NEWS2 18", "Emergency response", "Breathing 27 /min"):
        assert words_ in row, words_


def test_urgency_is_said_in_words_and_shape(ward: Ward) -> None:
    text = ward.get("/ward")
    for tag in words.TAGS:
        assert f'id="mark-{tag.key}"' in text
    assert "Act now" in text


@pytest.mark.parametrize("show", ["action", "cannot", "new", "all", "nonsense"])
def test_filters_work_without_javascript(ward: Ward, show: str) -> None:
    everyone = set(ward.patients())
    text = ward.get(f"/ward?show={show}")
    found = set(re.findall(r'href="/patients/\d+">([^<]+)</a></h3>', text))
    assert found <= everyone
    if show in ("all", "nonsense"):
        assert found == everyone
    else:
        assert found and found != everyone


def test_one_model_alone_ranks_by_its_own_answers(ward: Ward) -> None:
    text = ward.get("/ward?model=prevent")
    assert "NEWS2 18" not in text
    assert "in 100" in text


def test_pages_of_a_large_ward(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.delivery.web.pages.ward.PER_PAGE", 10)
    seen: list[str] = []
    path = "/ward"
    while path:
        text = ward.get(path)
        seen += re.findall(r'<h3><a href="/patients/(\d+)"', text)
        found = re.search(r'<a href="([^"]+)" rel="next"', text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert len(seen) == len(set(seen)) == len(ward.site.archive.subjects())


def test_no_name_is_ever_in_an_address(ward: Ward) -> None:
    names = {part for name in ward.patients() for part in name.lower().split() if len(part) > 3}
    addresses = re.findall(
        r'(?:href|action|src)="([^"]*)"', ward.get("/ward") + ward.get(ward.path("Rajesh"))
    )
    assert not [one for one in addresses for name in names if name in one.lower()]


def test_without_patients_it_says_how_to_read_some(tmp_path: Path) -> None:
    with served(spine.open_site(tmp_path / "empty")) as empty:
        text = empty.get("/ward")
    assert "No patients yet" in text and "salus read PLACE" in text


def test_without_live_models_nobody_is_called_well(tmp_path: Path, ward: Ward) -> None:
    from salus.record.sources.ward import write_ward

    site = spine.open_site(tmp_path / "archive")
    spine.read(site, str(write_ward(tmp_path / "export")), actor=Actor("test"))
    with served(site) as silent:
        text = silent.get("/ward")
        assert "No model is live here" in text and "salus models approve" in text
        assert "Not asked" in text
        assert not {"group-calm", "group-none"} & set(Page(text).ids)
        assert "Nothing was asked" in silent.get(silent.path("Rajesh"))
        assert "Demonstration approval" not in text


def test_the_demonstration_is_marked_on_every_page(ward: Ward) -> None:
    patient = ward.path("Rajesh")
    for path in ("/ward", patient, f"{patient}/record", "/models", "/models/news2", "/audit"):
        assert "Demonstration approval: not for care" in ward.get(path), path
    assert "Demonstration approval: not for care" in ward.get("/nowhere", 404)
    assert "Demonstration approval: not for care" in ward.get("/patients/12", 404)


def test_every_page_runs_nothing_inline_and_is_kept_nowhere(ward: Ward) -> None:
    patient = ward.path("Rajesh")
    for path in ("/ward", patient, f"{patient}/record", "/models", "/models/news2", "/audit", "/nowhere"):
        found = ward.client.get(path)
        policy = found.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';") and "frame-ancestors 'self'" in policy
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert Page(found.text).inline == [], path


def test_frames_only_where_the_site_says_so(tmp_path: Path) -> None:
    from salus.delivery.app import Settings
    from tests import doors

    settings = Settings(frame_ancestors=("https://ehr.example",))
    with doors.served(spine.open_site(tmp_path / "archive"), settings) as client:
        assert "frame-ancestors https://ehr.example" in client.get("/ward").headers["content-security-policy"]


def test_static_files_are_ours_and_kept(ward: Ward) -> None:
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', ward.get("/ward")):
        found = ward.client.get(address)
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
    assert ward.client.get("/static/../app.py").status_code == 404
