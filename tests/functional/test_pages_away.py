"""Downtime: each page says what does not answer, shows what is still true with its age, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from salus.spine.models import statuses
from tests.browser.ward_site import Page, Ward, demonstration
from tests.store_fixtures import change


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with demonstration(tmp_path / "archive") as found:
        yield found


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Take a file or folder away, and put it back."""
    hidden = path.with_name(path.name + ".away")
    path.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(path)


def test_without_the_store_the_ward_is_shown_as_it_was(ward: Ward) -> None:
    before = ward.patients()
    with away(ward.site.path / "salus.db"):
        text = ward.get("/ward")
        assert "The store does not answer" in text and "ago" in text
        assert next(iter(before)) in text
    assert "does not answer" not in ward.get("/ward")


def test_without_the_store_a_patient_is_shown_as_it_was_and_nothing_can_be_sent(ward: Ward) -> None:
    seen, unseen = ward.path("Rajesh"), ward.path("Olga")
    ward.get(seen)
    with away(ward.site.path / "salus.db"):
        for path in (seen, unseen):
            text = ward.get(path)
            assert "The store does not answer" in text and "NEWS2" in text
            assert not [form for form in Page(text).forms if "insight" in form]
    assert "does not answer" not in ward.get(seen)


def test_a_decision_while_the_store_is_away_is_kept_on_the_page(ward: Ward) -> None:
    path = ward.path("Rajesh")
    form = next(dict(form) for form in Page(ward.get(path)).forms if "insight" in form)
    action = form.pop("action").partition("#")[0]
    body = {**form, "decision": "modified", "note": "Half the dose"}
    with away(ward.site.path / "salus.db"):
        found = ward.client.post(action, data=body)
        assert found.status_code == 503 and "Half the dose" in found.text
        again = next(dict(one) for one in Page(found.text).forms if "token" in one)
    assert ward.client.post(again.pop("action"), data=again).status_code == 303
    (kept,) = ward.site.store.reviews(insight=form["insight"])
    assert (kept.decision, kept.note) == ("modified", "Half the dose")


def test_without_the_record_the_ward_is_shown_as_it_was(ward: Ward) -> None:
    path = ward.path("Rajesh")
    ward.get(path)
    with away(ward.site.path / "archive.json"):
        text = ward.get("/ward")
        assert "The record does not answer" in text and "Rajesh Iyer" in text
        assert "No patients yet" not in text
        assert "The record does not answer" in ward.get(path)
    assert "does not answer" not in ward.get("/ward")


def test_with_nothing_heard_before_it_says_so_plainly(tmp_path: Path) -> None:
    with demonstration(tmp_path / "archive") as ward, away(ward.site.path / "salus.db"):
        text = ward.get("/ward", 503)
        assert "The store does not answer" in text and "does not guess" in text
        assert "The store does not answer" in ward.get("/audit", 503)
        assert "The store does not answer" in ward.get("/models", 503)
        assert ward.client.get("/ward").headers["retry-after"]


def test_an_unexpected_fault_is_a_page_without_its_text(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Rajesh Iyer, potassium 7.1")

    monkeypatch.setattr("salus.delivery.web.pages.audit.laid_out", broken)
    text = ward.get("/audit", 500)
    assert "Something went wrong" in text and "potassium" not in text


def test_the_audit_page_finds_what_was_changed(ward: Ward) -> None:
    text = ward.get("/audit")
    assert "The ledger is intact" in text
    head = ward.site.store.head()[1]
    assert "The head that you gave is in the chain" in ward.get(f"/audit?head={head}")
    assert "The ledger is not intact" in ward.get(f"/audit?head={'0' * 63}1")
    assert "A head has 64 characters" in ward.get("/audit?head=<b>")
    nothing = ward.get(f"/audit?head={'0' * 64}")
    assert "A head of zeros is that of an empty ledger" in nothing
    assert "is in the chain" not in nothing
    change(ward.site.store, "UPDATE entry SET who = 'nobody' WHERE seq = 3")
    text = ward.get("/audit")
    assert "The ledger is not intact" in text and "Entry 3" in text


def test_the_ledger_is_there_page_by_page(ward: Ward) -> None:
    import re

    ward.get("/ward")
    path, seen = "/audit", []
    while path:
        text = ward.get(path)
        seen += [int(number) for number in re.findall(r'<th scope="row">(\d+)</th>', text)]
        found = re.search(r'<a href="([^"]+)" rel="next"', text)
        path = found[1] if found else ""
    assert seen == list(range(ward.site.store.head()[0], 0, -1))
    assert "Rajesh" not in text


def test_the_models_page_shows_the_demonstration_for_what_it_is(ward: Ward) -> None:
    text = ward.get("/models")
    assert "demonstration only" in text and "not for care" in text
    card = ward.get("/models/news2")
    assert "RCP" in card and "Meant for" in card and "Not for" in card and "demonstration only" in card
    assert f"<code>{statuses(ward.site)['news2'].digest}</code>" in card


def test_without_the_data_files_the_pages_say_so_and_name_no_path(ward: Ward) -> None:
    seen = ward.path("Rajesh")
    ward.get(seen)
    (generation,) = [path for path in ward.site.path.glob("gen-*") if path.is_dir()]
    with away(generation):
        ward.site._archive = None
        ward.site.memory.clear()
        text = ward.get("/ward")
        assert "The record does not answer" in text and "ago" in text
        assert str(ward.site.path) not in text + ward.get(seen) + ward.get(f"{seen}/record", 503)
        health = ward.client.get("/healthz")
        assert health.status_code == 503
        assert health.json()["checks"]["records"]["status"] == "away"
    assert ward.client.get("/healthz").json()["checks"]["records"]["status"] == "ok"


def test_without_the_data_files_an_open_form_is_kept_as_the_page_says(ward: Ward) -> None:
    path = ward.path("Rajesh")
    form = next(dict(form) for form in Page(ward.get(path)).forms if "insight" in form)
    action = form.pop("action").partition("#")[0]
    (generation,) = [path for path in ward.site.path.glob("gen-*") if path.is_dir()]
    with away(generation):
        ward.site._archive = None
        text = ward.get(path)
        assert "still open elsewhere is kept if the store answers" in text
        assert "cannot be recorded" not in text and not [one for one in Page(text).forms if "token" in one]
        assert ward.client.post(action, data={**form, "decision": "accepted"}).status_code == 303
    assert len(list(ward.site.store.reviews(insight=form["insight"]))) == 1


def test_what_the_ward_remembers_is_no_answer_of_now(ward: Ward) -> None:
    (generation,) = [path for path in ward.site.path.glob("gen-*") if path.is_dir()]
    before = next(iter(ward.patients()))
    with away(generation):
        text = ward.get("/ward")
        assert "The record does not answer" in text and "ago" in text and before in text
    assert "does not answer" not in ward.get("/ward")


def test_an_archive_that_moved_is_no_empty_ward(tmp_path: Path) -> None:
    with demonstration(tmp_path / "archive") as ward, away(ward.site.path / "archive.json"):
        for path in ("/ward", "/patients/1", "/patients/1/record"):
            text = ward.get(path, 503)
            assert "The record does not answer" in text and str(tmp_path) not in text
        assert ward.client.get("/healthz").status_code == 503


def test_no_title_names_a_patient(ward: Ward) -> None:
    for path in (ward.path("Rajesh"), ward.path("Rajesh") + "/record"):
        title = ward.get(path).partition("<title>")[2].partition("</title>")[0]
        assert title and "Rajesh" not in title
