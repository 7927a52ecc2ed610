"""After an erasure no byte tells of the person, all others are as they were, and the ledger still proves."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
import zstandard

from salus import spine
from salus.core.errors import AwayError, RefusedError, UserError
from salus.spine.backup import backup, restore
from salus.spine.erase import LIST, erase, hold
from salus.spine.site import Site
from tests.archives import NOW, WHO, people, random_site, read_some, say
from tests.conftest import Ran
from tests.store_fixtures import change, postgres

WHOM, ID = "Patient/p4", "p4"
# Where an erasure is killed.
STEPS = """
salus.record.erase.erase salus.record.erase.publish salus.record.erase._end_others
salus.spine.erase._keep_list salus.store.store.scrubbed
""".split()


def words_of(site: Site, subject: str = WHOM) -> list[re.Pattern[bytes]]:
    """What a search for the person looks for: names, identifiers, resources, what was said of them."""
    person, name = site.archive.person(subject), subject.rpartition("/")[2]
    known = [word for word in re.split(r"\W+", person.name) if len(word) > 5]
    known += [each.partition("|")[2] for each in person.identifiers]
    assert len(known) >= 2
    patterns = [re.escape(word) + r"(?!\w)" for word in known]
    patterns += [rf"Patient/{name}(?![\w.-])", rf"\b{name}-(o|i)\d", rf"noted of {name}\b", rf'"{name}"']
    return [re.compile(each.encode()) for each in patterns]


def unpacked(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file in `folder`, as it is and as what it holds."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield path.name, path.read_bytes()
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path, glob=False)
            yield path.name, json.dumps(frame.rows(), default=str).encode()
        elif path.suffix == ".zst":
            with path.open("rb") as file:
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                yield path.name, reader.read()


def found_in(folder: Path, words: list[re.Pattern[bytes]]) -> list[tuple[str, bytes]]:
    return [(name, word.pattern) for name, raw in unpacked(folder) for word in words if word.search(raw)]


def others(site: Site, whom: str = WHOM) -> dict[str, Any]:
    """All that is kept of everybody else."""
    subjects = [subject for subject in site.archive.subjects() if subject != whom]
    insights = [one for one in site.store.insights() if one.subject != whom]
    kept = {one.id for one in insights}
    return {
        "timelines": [site.archive.timeline(subject) for subject in subjects],
        "raw": {one: site.archive.history(one) for one in sorted(_sources(site, subjects))},
        "insights": [(one.id, one.document) for one in insights],
        "reviews": [one for one in site.store.reviews() if one.insight in kept],
    }


def _sources(site: Site, subjects: list[str]) -> set[str]:
    return {event.source for subject in subjects for event in site.archive.timeline(subject).events}


def a_site(folder: Path, seed: int = 0, url: str | None = None) -> Site:
    """A site in which the person was read twice, is spoken of, looked at, held and released."""
    draw, site = Random(seed), random_site(folder / "a", folder / "in", seed, url)
    read_some(site, folder / "in" / "own", people(draw, 3, 4))
    read_some(site, folder / "in" / "again", people(draw, 2, 5))
    for number, subject in enumerate(site.archive.subjects()):
        say(site, subject, 900 + number, draw)
    with site.store.begin() as tx:
        tx.append(NOW, "Practitioner/9", "export", {"people": ["Patient/p3", WHOM]})
        tx.put_hook_cards({"card-1": f"{ID}-i90{_place(site)}"}, "Practitioner/1", NOW)
        tx.mark_stale([f"Observation/{ID}-o0"], NOW, "salus")
    hold(site, ID, by="Dr Law", because="a claim")
    hold(site, ID, by="Dr Law", because="it ended", release=True)
    return site


def _place(site: Site) -> int:
    return site.archive.subjects().index(WHOM)


@pytest.mark.parametrize("seed", range(4))
def test_no_byte_is_left_and_all_others_are_as_they_were(tmp_path: Path, seed: int) -> None:
    site = a_site(tmp_path, seed)
    words, before, head = words_of(site), others(site), site.store.head()[1]
    assert {word for _, word in found_in(site.path, words)} == {word.pattern for word in words}
    gone = erase(site, WHOM, by="Dr Law", because="asked for it")
    assert gone.resources > 1 and gone.events > 1 and gone.entries > 4
    assert found_in(site.path, words) == []
    assert others(site) == before
    assert WHOM not in site.archive.subjects() and site.archive.find("MRN-4") == []
    with pytest.raises(UserError):
        site.archive.timeline(WHOM)
    verdict = spine.verify(site, head)
    assert verdict.intact, verdict.problems
    site.close()
    again = spine.open_site(tmp_path / "a")
    assert found_in(again.path, words) == [] and others(again) == before
    # What is read later meets what stands: newer copies still take the place of older ones.
    read_some(again, tmp_path / "in" / "later", people(Random(99), 2, 2))
    assert all(len(again.archive.history(f"Patient/p{one}")) > 1 for one in (2, 3))
    assert spine.verify(again, head).intact and found_in(again.path, words) == []
    made = backup(again, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "r")
    erase(again, "Patient/p3", by="Dr Law", because="asked for it")
    assert spine.verify(again, head).intact


def test_what_others_say_of_them_is_struck_out(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "a")
    (tmp_path / "in").mkdir()
    own = people(Random(1), 4, 1)
    other = people(Random(2), 41, 1)
    mrn = own[0]["identifier"][0]["value"]  # type: ignore[index]
    other[1]["performer"] = [
        {"reference": WHOM},
        {"reference": "Patient/p41"},
        {"identifier": {"value": mrn}},
    ]
    group = {
        "resourceType": "Group", "id": "g", "type": "person", "actual": True,
        "member": [{"entity": {"reference": WHOM}}, {"entity": {"reference": "Patient/p41"}}],
    }  # fmt: skip
    broken = {"resourceType": "Observation", "id": "b", "subject": {"reference": WHOM}, "status": "?"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in own]}
    plain = [*other, group, broken]
    (tmp_path / "in" / "all.ndjson").write_text("".join(json.dumps(one) + "\n" for one in plain))
    # Files are often called after the person, as Synthea's are.
    name = own[0]["name"][0]["family"]  # type: ignore[index]
    (tmp_path / "in" / f"{name}.ndjson").write_text(json.dumps(bundle) + "\n")
    spine.read(site, str(tmp_path / "in"), actor=WHO)
    words, before = words_of(site), site.archive.timeline("Patient/p41")
    assert found_in(site.path, words)
    gone = erase(site, ID, by="Dr Law", because="asked for it")
    assert gone.named == 2
    assert found_in(site.path, words) == []
    assert site.archive.timeline("Patient/p41") == before
    told = json.loads(site.archive.raw(f"Observation/{other[1]['id']}"))
    assert [each.get("reference") for each in told["performer"]] == ["Patient/--", "Patient/p41", None]
    assert {**told, "performer": 0} == {**other[1], "performer": 0}
    assert spine.verify(site).intact


def test_a_legal_hold_outranks_it(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    hold(site, WHOM, by="Dr Law", because="a claim")
    before = others(site, "nobody")
    with pytest.raises(RefusedError, match="outranks an erasure"):
        erase(site, ID, by="Dr Law", because="asked for it")
    assert others(site, "nobody") == before
    with pytest.raises(UserError, match="already"):
        hold(site, WHOM, by="Dr Law", because="a claim")
    hold(site, WHOM, by="Dr Law", because="it ended", release=True)
    with pytest.raises(UserError, match="no legal hold"):
        hold(site, WHOM, by="Dr Law", because="it ended", release=True)
    with pytest.raises(UserError, match="Nothing is kept"):
        erase(site, "nobody", by="Dr Law", because="asked for it")
    assert erase(site, ID, by="Dr Law", because="asked for it").events


@pytest.mark.parametrize("step", STEPS)
def test_one_that_is_killed_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    site = a_site(tmp_path)
    words, before = words_of(site), others(site)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(step, killed)
    with pytest.raises(KeyboardInterrupt):
        erase(site, ID, by="Dr Law", because="asked for it")
    monkeypatch.undo()
    site.close()
    again = spine.open_site(tmp_path / "a")
    assert spine.verify(again).intact and others(again) == before
    erase(again, ID, by="Dr Law", because="asked for it")
    assert found_in(again.path, words) == [] and others(again) == before
    assert spine.verify(again).intact
    assert [entry.did for entry in again.store.entries()].count("erase") == 1


def test_while_somebody_reads_the_store_it_says_that_it_is_not_done(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    words = words_of(site)
    with closing(sqlite3.connect(tmp_path / "a" / "salus.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()
        with pytest.raises(AwayError, match="give the same command again"):
            erase(site, ID, by="Dr Law", because="asked for it")
    erase(site, ID, by="Dr Law", because="asked for it")
    assert found_in(site.path, words) == []


def test_all_ids_that_are_joined_go_together(tmp_path: Path) -> None:
    site = spine.open_site(tmp_path / "a")
    old, new, other = (people(Random(one), one, 1) for one in (4, 5, 6))
    old[0]["link"] = [{"other": {"reference": "Patient/p5"}, "type": "replaced-by"}]
    other[0]["link"] = [{"other": {"reference": "Patient/nobody"}, "type": "seealso"}]
    read_some(site, tmp_path / "in", [*old, *new, *other])
    words = [word for name in ("Patient/p4", "Patient/p5") for word in words_of(site, name)]
    hold(site, "p5", by="Dr Law", because="a claim")
    with pytest.raises(RefusedError, match="legal hold"):
        erase(site, "p4", by="Dr Law", because="asked for it")
    hold(site, "p4", by="Dr Law", because="it ended", release=True)
    erase(site, "p4", by="Dr Law", because="asked for it")
    assert found_in(site.path, words) == [] and site.archive.subjects() == ["Patient/p6"]
    assert spine.verify(site).intact


def test_a_backup_brings_nobody_back(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    words, before = words_of(site), others(site)
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    erase(site, ID, by="Dr Law", because="asked for it")
    restore(made.path, tmp_path / "r", erasures=tmp_path / "a" / LIST)
    assert found_in(tmp_path / "r", words) == [] and not (tmp_path / "r" / "site.key").exists()
    again = spine.open_site(tmp_path / "r")
    assert others(again) == before and spine.verify(again, made.told["head"]).intact
    # Who came and went in between is in no backup of before, and stays on the list for one of the meantime.
    read_some(site, tmp_path / "in" / "more", people(Random(5), 50, 1))
    meantime = backup(site, tmp_path / "two.tar", actor=WHO)
    erase(site, "Patient/p50", by="Dr Law", because="asked for it")
    restore(made.path, tmp_path / "r2", erasures=tmp_path / "a" / LIST)
    restore(meantime.path, tmp_path / "r3", erasures=tmp_path / "r2" / LIST)
    assert "Patient/p50" not in spine.open_site(tmp_path / "r3").archive.subjects()
    restore(made.path, tmp_path / "without")
    assert found_in(tmp_path / "without", words)
    other = random_site(tmp_path / "b", tmp_path / "in2", 1)
    erase(other, "Patient/p3", by="Dr Law", because="asked for it")
    for wrong in (tmp_path / "b" / LIST, tmp_path / "one.tar", tmp_path / "no"):
        with pytest.raises(UserError, match="list of erasures"):
            restore(made.path, tmp_path / "x", erasures=wrong)
    assert not (tmp_path / "x").exists()
    # The list tells nobody who was erased.
    assert not any(word.search((tmp_path / "a" / LIST).read_bytes()) for word in words)


def test_an_erasure_licenses_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    erase(site, ID, by="Dr Law", because="asked for it")
    ((entry, told),) = site.store.erasures()
    kept = next(one.seq for one in site.store.entries() if one.did == "export")
    assert spine.verify(site).intact and kept in told["openings"]
    seq = next(
        one.seq for one in site.store.entries() if one.did == "insight" and one.seq not in told["openings"]
    )
    change(site.store, f"UPDATE opening SET salt = NULL WHERE seq = {seq}")
    assert any(f"Entry {seq}'s opening was erased" in one for one in spine.verify(site).problems)
    more = json.dumps({**told, "openings": sorted([*told["openings"], seq])}, separators=(",", ":"))
    change(site.store, f"UPDATE opening SET content = '{more}' WHERE seq = {entry.seq}")
    problems = spine.verify(site).problems
    assert any(f"Entry {seq}'s opening was erased" in one for one in problems)
    assert any(f"entry {entry.seq} (erase) was about was changed" in one for one in problems)


def test_from_postgresql(tmp_path: Path) -> None:
    site = a_site(tmp_path, 0, postgres().url(postgres().new_database()))
    before, head = others(site), site.store.head()[1]
    words = words_of(site)
    erase(site, ID, by="Dr Law", because="asked for it")
    assert others(site) == before and spine.verify(site, head).intact
    made = backup(site, tmp_path / "one.tar", actor=WHO)
    restore(made.path, tmp_path / "r")
    assert found_in(tmp_path / "r", words) == found_in(site.path, words) == []
    site.close()


def test_the_command_line(tmp_path: Path, run_salus: Callable[..., Ran]) -> None:
    a_site(tmp_path).close()
    about = ("--archive", tmp_path / "a", "--by", "Dr Law", "--because", "asked for it")
    assert run_salus("archive", "hold", ID, *about, "--json").json() == {"subject": WHOM, "held": True}
    held = run_salus("archive", "erase", ID, *about, "--json", check=False)
    assert (held.code, held.json()["error"]) == (3, "RefusedError")
    run_salus("archive", "release", ID, *about)
    told = run_salus("archive", "erase", ID, *about, "--json").json()
    assert told["events"] > 1 and told["acted"] == 0
    assert run_salus("audit", "verify", "--archive", tmp_path / "a", "--json").json()["intact"]
    gone = run_salus("ask", "news2", "--about", ID, "--archive", tmp_path / "a", check=False)
    assert gone.code == 2
