"""salus share: what leaves, as what, on which purpose, and that the ledger hears of it first."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.cli import main
from salus.record import fhir
from salus.spine import open_site
from tests.stays import STAY, folder

pytestmark = pytest.mark.usefixtures("login")


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ann")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    rows = [line.replace("{}", "2") for line in STAY]
    return folder(tmp_path / "set", rows, ["1,6,1,5,-1,1", "2,6,1,5,-1,0"])


@pytest.fixture
def salus(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


Salus = Callable[..., tuple[int, str, str]]


def archive(salus: Salus, place: Path, tmp_path: Path) -> Path:
    salus("share", "--on", place, "--as", "fhir", "--out", tmp_path / "nd", "--with-outcome")
    code, _, _ = salus("read", tmp_path / "nd", "--archive", tmp_path / "site")
    assert code == 0
    return tmp_path / "site"


def test_a_set_becomes_the_files_of_a_bulk_export(salus: Salus, place: Path, tmp_path: Path) -> None:
    code, out, _ = salus("share", "--on", place, "--as", "fhir", "--out", tmp_path / "nd")
    assert code == 0
    assert "2 people" in out
    assert "is left out (--with-outcome tells it)" in out
    assert sorted(one.name for one in (tmp_path / "nd").iterdir()) == [
        "Encounter.ndjson", "Observation.ndjson", "Patient.ndjson",
    ]  # fmt: skip
    for one in (tmp_path / "nd").iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    text = (tmp_path / "nd" / "Encounter.ndjson").read_text()
    assert "hospitalization" not in text
    assert text.count("in-progress") == 2


def test_how_it_ended_goes_along_only_when_it_is_asked_for(salus: Salus, place: Path, tmp_path: Path) -> None:
    _, out, _ = salus(
        "share", "--on", place, "--as", "fhir", "--out", tmp_path / "nd", "--with-outcome", "--json"
    )
    told = json.loads(out)
    assert told["with_outcome"] is True
    assert told["resources"] == {"Encounter": 2, "Observation": 16, "Patient": 2}
    assert '"code":"exp"' in (tmp_path / "nd" / "Encounter.ndjson").read_text()


@pytest.mark.parametrize("form", ["bundle", "prefetch"])
def test_one_file_a_stay(salus: Salus, place: Path, tmp_path: Path, form: str) -> None:
    salus("share", "--on", place, "--as", "fhir", "--form", form, "--out", tmp_path / "all")
    assert sorted(one.name for one in (tmp_path / "all").iterdir()) == ["1.json", "2.json"]
    timeline, account = fhir.prefetch((tmp_path / "all" / "2.json").read_bytes(), "Patient/2", "file")
    assert not account.rejected
    assert account.resources == 10
    assert [one.value for one in timeline.where(("LOINC/3094-0",))] == [20.0, 40.5]


def test_one_stay_becomes_one_bundle(salus: Salus, place: Path, tmp_path: Path) -> None:
    code, _, _ = salus(
        "share", "--on", place, "--as", "fhir", "--case", "2", "--out", tmp_path / "x" / "two.json"
    )
    assert code == 0
    made = json.loads((tmp_path / "x" / "two.json").read_text())
    assert (made["resourceType"], made["type"], len(made["entry"])) == ("Bundle", "collection", 10)


def test_a_limit_is_kept(salus: Salus, place: Path, tmp_path: Path) -> None:
    _, out, _ = salus(
        "share", "--on", place, "--as", "fhir", "--limit", "1", "--out", tmp_path / "n", "--json"
    )
    assert json.loads(out)["people"] == 1


def test_from_an_archive_each_resource_goes_as_it_came(salus: Salus, place: Path, tmp_path: Path) -> None:
    site = archive(salus, place, tmp_path)
    own = {"resourceType": "Observation", "id": "own", "status": "final", "note": [{"text": "as  told"}]}
    extra = {**own, "subject": {"reference": "Patient/1"}, "code": {"text": "an own code"}}
    (tmp_path / "more.ndjson").write_text(json.dumps(extra)[:-1] + ', "valueQuantity": {"value": 1.50}}')
    assert salus("read", tmp_path / "more.ndjson", "--archive", site)[0] == 0
    words = ("--archive", site, "--as", "fhir", "--purpose", "direct-care", "--out")
    code, _, _ = salus("share", "1", *words, tmp_path / "one.json")
    assert code == 0
    text = (tmp_path / "one.json").read_text()
    assert '"value":1.50' in text
    assert '"as  told"' in text
    assert "hospitalization" not in text
    salus("share", "1", *words, tmp_path / "ended.json", "--with-outcome")
    assert "dischargeDisposition" in (tmp_path / "ended.json").read_text()


def test_what_leaves_an_archive_is_in_its_ledger(salus: Salus, place: Path, tmp_path: Path) -> None:
    site = archive(salus, place, tmp_path)
    out = tmp_path / "out"
    code, _, _ = salus(
        "share", "--on", site, "--as", "fhir", "--out", out, "--purpose", "quality", "--basis", "board 7"
    )
    assert code == 0
    opened = open_site(site, create=False)
    (entry,) = opened.store.entries_about("Patient/1", "export")
    assert entry.who == "cli:ann"
    last = opened.store.newest("export")
    assert last is not None
    said: dict[str, Any] = last[1]
    assert (said["subject"], said["to"], said["purpose"], said["permit"]) == (
        "Patient/2", str(out), "quality", "board 7",
    )  # fmt: skip
    assert said["with_outcome"] is False
    opened.close()
    assert salus("audit", "verify", "--archive", site)[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 3, "What is it for?"),
        (("--purpose", "marketing"), 3, "No permit for purpose 'marketing'"),
        (("--purpose", "quality"), 3, "On which basis"),
        (("--purpose", "direct-care", "--case", "9"), 2, "Patient/9"),
    ],
)
def test_nothing_leaves_without_a_purpose_that_the_gate_allows(
    salus: Salus, place: Path, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    site = archive(salus, place, tmp_path)
    out = tmp_path / "out"
    found, _, err = salus("share", "--on", site, "--as", "fhir", "--out", out, *words)
    assert found == code
    assert says in err
    assert not out.exists()
    opened = open_site(site, create=False)
    assert opened.store.newest("export") is None
    opened.close()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--on", "{set}", "--case", "99"), "No case '99'"),
        (("--on", "{set}", "--limit", "0"), "is nobody"),
        (("--on", "{set}", "--form", "bundle", "--out", "{tmp}/x.json"), "One file holds one person"),
        (("--on", "{set}", "--out", "{set}"), "is there already"),
        (("--on", "{tmp}"), "holds no archive and no published set"),
        ((), "Say from where"),
        (("1",), "Say from where"),
    ],
)
def test_mistakes_are_said_with_their_remedy(
    salus: Salus, place: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    told = [word.replace("{set}", str(place)).replace("{tmp}", str(tmp_path)) for word in words]
    out = () if "--out" in words else ("--out", tmp_path / "out")
    code, _, err = salus("share", *told, "--as", "fhir", *out)
    assert code == 2
    assert says in err


def test_nothing_is_written_over(salus: Salus, place: Path, tmp_path: Path) -> None:
    words = ("share", "--on", place, "--as", "fhir", "--case", "1", "--out", tmp_path / "one.json")
    assert salus(*words)[0] == 0
    before = (tmp_path / "one.json").read_bytes()
    assert salus(*words)[0] == 2
    assert (tmp_path / "one.json").read_bytes() == before
