"""An approval is of a model's files: what changes under its version speaks nowhere until it is approved."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from zipfile import ZipFile

import pytest

import salus.risk
from salus import spine
from salus.core import registry
from salus.core.digest import core_files, digest, tree_files
from salus.core.errors import RefusedError
from salus.governance.standing import Place, seal, shipped, standing
from salus.spine.models import statuses
from salus.spine.site import Site
from salus.store.rows import StatusRow, status_content
from tests.house.source import SALUS, imports, modules
from tests.outside import joined, write

MODEL = """
from salus.core.card import Card

class Own:
    card = Card("own", "1", "Is it so?", "", "", (), (), "", (), status="{status}")

    def predict(self, view):
        raise NotImplementedError

MODEL = Own()
"""


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which files are part of the room for risks; the registry begins anew before and after."""
    room = tmp_path / "room"
    (room / "artefacts").mkdir(parents=True)
    (room / "own.py").write_text(MODEL.format(status="validated"))
    (room / "_terms.py").write_text("FROM = 5\n")
    (room / "artefacts" / "own.json").write_text("{}")
    monkeypatch.setattr(salus.risk, "__path__", [*salus.risk.__path__, str(room)])
    monkeypatch.syspath_prepend(str(tmp_path))
    start_anew()
    yield tmp_path
    start_anew()


def start_anew() -> None:
    """Do what a new process does: load every file as it lies now."""
    registry._loaded.cache_clear()
    sys.modules.pop("salus.risk.own", None)


@pytest.fixture
def site(place: Path) -> Iterator[Site]:
    opened = spine.open_site(place / "site")
    yield opened
    opened.close()


def stands(site: Site) -> tuple[str, str]:
    start_anew()
    found = statuses(site)["own"]
    return found.status, found.note


@pytest.mark.parametrize("name", ["own.py", "_terms.py", "artefacts/own.json"])
def test_a_file_that_changed_under_its_version_is_not_live(place: Path, site: Site, name: str) -> None:
    assert spine.approve(site, "own", by="Dr B", because="read whole").status == "live"
    assert stands(site) == ("live", "")
    file = place / "room" / name
    before = file.read_text()
    file.write_text(f"{before}\n")
    assert stands(site)[0] == "validated"
    assert "not those that were approved: approve it again" in stands(site)[1]
    file.write_text(before)
    assert stands(site) == ("live", ""), "it is of the files, not of when they were written"
    file.write_text(f"{before}\n")
    start_anew()
    spine.approve(site, "own", by="Dr B", because="looked at the change")
    assert stands(site) == ("live", "")


def test_a_helper_that_is_put_into_a_room_is_seen(place: Path, site: Site) -> None:
    spine.approve(site, "own", by="Dr B", because="read whole")
    (place / "room" / "_more.py").write_text("")
    assert stands(site)[0] == "validated"


def test_what_changes_under_a_running_process_changes_nothing_that_it_has_loaded(
    place: Path, site: Site
) -> None:
    spine.approve(site, "own", by="Dr B", because="read whole")
    (place / "room" / "own.py").write_text("MODEL = None")
    assert statuses(site)["own"].status == "live"


def test_no_card_makes_its_own_model_live(place: Path, site: Site) -> None:
    (place / "room" / "own.py").write_text(MODEL.format(status="live"))
    assert stands(site)[0] == "validated"
    assert {row.status for row in spine.models(None)} == {"validated"}


def test_an_approval_from_before_digests_is_asked_for_again(site: Site) -> None:
    spine.approve(site, "news2", by="Dr B", because="validated here")
    row = site.store.statuses()["news2"]
    old = StatusRow("news2", row.version, "live", row.by, row.because, row.at, row.signature[32:], 0)
    with site.store.begin() as tx:
        entry = tx.append(row.at, row.by, "status", status_content(old))
        tx.set_status("news2", old.version, "live", old.by, old.because, old.at, old.signature, entry.seq)
    site.memory.clear()
    found = statuses(site)["news2"]
    assert (found.status, "approve it again" in found.note) == ("validated", True)
    assert spine.verify(site).intact, "what was approved then is still on record"


def test_the_digest_of_an_approval_cannot_be_exchanged(site: Site) -> None:
    told = spine.approve(site, "news2", by="Dr B", because="validated here")
    here = Place(site.id, site.key.verify, demonstration=False)
    ships = shipped(registry.model("news2").card, registry.origin("news2"))
    kept = seal(told, site.id, site.key.sign)
    assert standing(ships, told, kept, here).status == "live"
    other = bytes(32) + kept[32:]
    assert "not signed" in standing(ships, told, other, here).note
    assert standing(ships, told, b"", here).status == "validated"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (["outside_rooms/__init__.py,,", "outside_rooms/gone.py,,"], "FileNotFoundError"),
        (["outside_rooms/__init__.py,,", "outside_rooms/own.py,,"], ""),
        (None, ""),
    ],
)
def test_a_package_whose_files_are_away_is_never_live(
    place: Path, site: Site, record: list[str] | None, why: str
) -> None:
    outside(place, record)
    start_anew()
    origin = registry.origin("far")
    assert (origin.package, bool(origin.digest)) == ("outside 1.0", not why)
    assert why in origin.why
    if why:
        assert "nobody can approve it here" in statuses(site)["far"].note
        with pytest.raises(RefusedError, match="cannot be approved: its files cannot be read"):
            spine.approve(site, "far", by="Dr B", because="why not")
    else:
        assert spine.approve(site, "far", by="Dr B", because="read whole").status == "live"


def test_any_file_of_an_outside_package_is_part_of_what_was_approved(place: Path, site: Site) -> None:
    outside(place, ["outside_rooms/__init__.py,,", "outside_rooms/own.py,,", "outside_data.json,,"])
    for name in ("outside_rooms/own.py", "outside_rooms/not_recorded.py", "outside_data.json"):
        start_anew()
        assert spine.approve(site, "far", by="Dr B", because="read whole").status == "live"
        with (place / name).open("a") as file:
            file.write(" ")
        start_anew()
        assert statuses(site)["far"].status == "validated", name


def test_an_installation_to_be_edited_is_approved_by_what_lies_where_it_is_edited(
    place: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(place, ["_editable_impl_outside.pth,,", "outside-1.0.dist-info/METADATA,,"])
    (place / "_editable_impl_outside.pth").write_text(str(place / "src"))
    (place / "src").mkdir()
    (place / "outside_rooms").rename(place / "src" / "outside_rooms")
    monkeypatch.syspath_prepend(str(place / "src"))
    start_anew()
    assert spine.approve(site, "far", by="Dr B", because="read whole").status == "live"
    (place / "src" / "outside_rooms" / "_terms.py").write_text("")
    start_anew()
    assert statuses(site)["far"].status == "validated"


def test_a_package_in_a_zip_answers_and_is_never_live(
    place: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(place, None)
    with ZipFile(place / "rooms.zip", "w") as zipped:
        for path in (place / "outside_rooms").glob("*.py"):
            zipped.write(path, f"outside_rooms/{path.name}")
    rmtree(place / "outside_rooms")
    monkeypatch.syspath_prepend(str(place / "rooms.zip"))
    start_anew()
    assert "cannot be read" in statuses(site)["far"].note
    with pytest.raises(RefusedError, match="cannot be approved"):
        spine.approve(site, "far", by="Dr B", because="why not")


def outside(place: Path, record: list[str] | None) -> None:
    """Install a package of somebody else."""
    write(place / "outside_rooms" / "__init__.py", "")
    write(place / "outside_rooms" / "own.py", MODEL.format(status="validated").replace('"own"', '"far"'))
    write(place / "outside_data.json", "{}")
    joined(place, any="outside_rooms")
    if record is not None:
        write(place / "outside-1.0.dist-info" / "RECORD", "\n".join(record))


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    files = {"a.py": tmp_path / "a.py", "b.py": tmp_path / "b.py"}
    for path in files.values():
        path.write_text(path.name)
    first = digest(files)
    assert digest(dict(reversed(files.items()))) == first
    assert digest({"a.py": files["b.py"], "b.py": files["a.py"]}) != first
    assert digest({"a.py": files["a.py"]}) != first
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("made by Python")
    assert {path.name for path in tree_files(tmp_path).values()} == {"a.py", "b.py"}


def test_all_that_a_room_calculates_with_is_in_the_digest() -> None:
    """What else of the core a room imports holds what it says, and computes nothing."""
    core = {path.resolve() for path in core_files().values()}
    holds = {"card", "errors", "seams", "consent"}
    told = {
        name.split(".")[2]
        for module in modules()
        if module.package in registry.ROOMS or module.path.resolve() in core
        for name, _ in imports(module)
        if name.startswith("salus.core.")
    }
    assert {SALUS / "core" / f"{name}.py" for name in told - holds} <= core


def test_a_room_imports_private_files_of_its_own_alone() -> None:
    """One model that leaned on another would change with it, unseen by its own digest."""
    wrong = [
        f"{module.name}:{line}: {name}"
        for module in modules()
        if module.package in registry.ROOMS
        for name, line in imports(module)
        if name.startswith(f"salus.{module.package}.") and not name.split(".")[2].startswith("_")
    ]
    assert wrong == []
