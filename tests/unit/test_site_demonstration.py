"""A demonstration is bound to its own records: begun again after a kill, and worth nothing beside others."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import Actor
from salus.core.errors import AwayError, RefusedError, UserError
from salus.record import manifest
from salus.spine.demo import ACTOR, fill, open_demonstration
from salus.spine.models import LIVE, statuses
from salus.spine.read import take_in
from salus.spine.site import DEMONSTRATION, Site, open_site

MAN = {"resourceType": "Patient", "id": "m1", "gender": "male", "birthDate": "1950-02-03"}


def export(path: Path, name: str = "m1") -> str:
    path.write_text(json.dumps({**MAN, "id": name}) + "\n")
    return str(path)


@pytest.fixture(name="demo")
def demo_fixture(tmp_path: Path) -> Iterator[Site]:
    made = open_demonstration(tmp_path / "demo")
    fill(made, export(tmp_path / "one.ndjson"))
    yield made
    made.close()


def live(site: Site) -> list[str]:
    return [name for name, row in statuses(site).items() if row.status == LIVE]


@pytest.mark.parametrize("shape", ["only settings", "an empty file", "no file", "another file's settings"])
def test_a_demo_that_was_killed_before_its_mark_can_begin_again(tmp_path: Path, shape: str) -> None:
    place, store = tmp_path / "t", None
    place.mkdir()
    if shape == "only settings":
        open_site(place).close()
    elif shape == "an empty file":
        (place / "salus.db").touch()
    elif shape == "another file's settings":
        store = f"sqlite:///{tmp_path / 'other.db'}"
        open_site(place, store).close()
    site = open_demonstration(place, store)
    assert site.demonstration
    fill(site, export(tmp_path / "one.ndjson"))
    assert site.demonstration and live(site)
    site.close()


def test_a_place_where_anything_was_done_is_no_demonstration(tmp_path: Path) -> None:
    with closing(open_site(tmp_path / "a")) as site, site.store.begin() as tx:
        tx.append(site.now(), "maria", "look", {"subject": "Patient/m1"})
    with pytest.raises(RefusedError, match="no demonstration"):
        open_demonstration(tmp_path / "a")
    with closing(open_site(tmp_path / "a")) as site:
        assert not site.demonstration


def test_no_ledger_is_made_beside_records_that_lost_theirs(demo: Site) -> None:
    demo.close()
    (demo.path / "salus.db").unlink()
    with pytest.raises(UserError, match="no ledger here"):
        open_demonstration(demo.path)
    assert not (demo.path / "salus.db").exists()


def test_a_demonstration_stays_one_through_later_reads(demo: Site, tmp_path: Path) -> None:
    named = manifest.load(demo.path)
    fill(demo, export(tmp_path / "one.ndjson", "m2"))
    later = manifest.load(demo.path)
    assert named and later and (named.generation, later.generation) == (1, 2)
    assert named.id == later.id != ""
    assert demo.demonstration and live(demo)
    demo.close()
    with closing(open_demonstration(demo.path)) as again:
        assert again.demonstration
    assert spine.verify(demo).intact


def test_two_archives_have_ids_of_their_own(demo: Site, tmp_path: Path) -> None:
    with closing(open_site(tmp_path / "other")) as other:
        spine.read(other, export(tmp_path / "one.ndjson"), actor=Actor("maria"))
        mine, theirs = manifest.load(demo.path), manifest.load(other.path)
    assert mine and theirs and mine.id != theirs.id


def test_a_demonstrations_approvals_hold_in_no_other_archive(demo: Site, tmp_path: Path) -> None:
    """Its ledger and key, laid into an archive of somebody else's patients."""
    with closing(open_site(tmp_path / "other")) as other:
        spine.read(other, export(tmp_path / "two.ndjson", "m2"), actor=Actor("maria"))
    demo.close()
    for name in ("salus.db", "site.key"):
        shutil.copy(demo.path / name, other.path / name)
    with closing(open_site(other.path)) as moved:
        assert not moved.demonstration
        assert live(moved) == []
        assert "does not hold here" in statuses(moved)["news2"].note
        with pytest.raises(RefusedError, match="its own archive only"):
            spine.approve(moved, "news2", by="demonstration", because="why not")
    with pytest.raises(RefusedError, match="no demonstration"):
        open_demonstration(other.path)


def test_a_mark_that_names_no_records_yet_holds_beside_none(tmp_path: Path) -> None:
    """As one of which nothing was read before it was copied."""
    with closing(open_site(tmp_path / "other")) as other:
        spine.read(other, export(tmp_path / "two.ndjson", "m2"), actor=Actor("maria"))
    demo = open_demonstration(tmp_path / "demo")
    assert demo.demonstration
    demo.close()
    for name in ("salus.db", "site.key"):
        shutil.copy(demo.path / name, other.path / name)
    with closing(open_site(other.path)) as moved:
        assert not moved.demonstration


def test_a_first_read_that_was_killed_once_published_is_bound_by_whoever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_demonstration(tmp_path / "demo")
    with monkeypatch.context() as patched:
        # As good as a kill: the read is published, and nobody is left to tell the ledger.
        patched.setattr(sys.modules["salus.spine.read"], "_end", lambda _site: None)
        take_in(site, export(tmp_path / "one.ndjson"), actor=Actor("maria"))
    assert site.store.setting(DEMONSTRATION) == site.id
    site.close()
    with closing(open_demonstration(site.path)) as again:
        assert again.demonstration
        fill(again, export(tmp_path / "one.ndjson"))
        assert live(again)


def test_a_first_read_that_found_nothing_leaves_the_demonstration_to_begin_again(tmp_path: Path) -> None:
    site = open_demonstration(tmp_path / "demo")
    with pytest.raises(UserError):
        fill(site, str(tmp_path / "nowhere"))
    site.close()
    with closing(open_demonstration(site.path)) as again:
        fill(again, export(tmp_path / "one.ndjson"))
        assert again.demonstration


def test_no_other_records_are_the_first_of_a_demonstration(tmp_path: Path) -> None:
    with closing(open_demonstration(tmp_path / "demo")) as site:
        with pytest.raises(RefusedError):
            spine.read(site, export(tmp_path / "two.ndjson", "real"), actor=Actor("maria"))
        assert not site.has_archive


def test_no_other_records_are_read_into_a_demonstration(demo: Site, tmp_path: Path) -> None:
    before = demo.archive.subjects()
    with pytest.raises(RefusedError, match="salus demo --from PLACE"):
        spine.read(demo, export(tmp_path / "two.ndjson", "real"), actor=Actor("maria"))
    assert demo.archive.subjects() == before
    fill(demo, export(tmp_path / "one.ndjson"))
    assert live(demo)


@pytest.mark.parametrize("other", ["another export", "the ward that ships", "standard input", "a pipe"])
def test_the_records_of_another_place_are_not_added_to_a_demonstration(
    demo: Site, tmp_path: Path, other: str
) -> None:
    place: str | None = {"standard input": "-", "the ward that ships": None}.get(other, str(tmp_path / "two"))
    if other == "another export":
        export(tmp_path / "two", "real")
    elif other == "a pipe":
        os.mkfifo(tmp_path / "two")
    before = (demo.store.head(), demo.archive.subjects(), sorted(demo.path.rglob("*")))
    with pytest.raises(RefusedError, match=r"of other records.*--archive"):
        fill(demo, place)
    assert (demo.store.head(), demo.archive.subjects(), sorted(demo.path.rglob("*"))) == before


def test_the_same_place_is_known_again_however_it_is_named(
    demo: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(demo, "./one.ndjson")
    assert demo.archive.subjects() == ["Patient/m1"]


@pytest.mark.parametrize("place", ["-", "pipe"])
def test_what_came_in_a_stream_is_not_known_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Two exports through one pipe have one name."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with closing(open_demonstration(tmp_path / "demo")) as site:
        called = place if place == "-" else str(tmp_path / place)
        take_in(site, export(tmp_path / "one.ndjson"), actor=ACTOR, called=called)
        with pytest.raises(RefusedError, match="of other records"):
            fill(site, place)


def test_without_its_records_nobody_says_that_it_is_none(demo: Site) -> None:
    (demo.path / "archive.json").rename(demo.path / "away")
    with pytest.raises(AwayError, match="are away"):
        _ = demo.demonstration
    (demo.path / "away").rename(demo.path / "archive.json")
    assert demo.demonstration
