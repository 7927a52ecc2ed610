"""Published heads bind the site: a ledger cut short or written anew gets no new one, and is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from salus.core.errors import AwayError, EvidenceError, RefusedError, UserError
from salus.spine.audit import verify
from salus.spine.heads import copy_head, publish_head, published
from salus.spine.prove import prove
from salus.spine.site import Site, open_site
from salus.store.checkpoint import make, parse, split
from salus.store.merkle import Frontier
from salus.store.tiles import leaf_of
from tests.ledgers import AS_0005, change, fill, looks, opened, problems, rewritten


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path) -> Path:
    """An archive with 400 entries and two heads, of some and of all of them; the file elsewhere has both."""
    place = tmp_path / "archive"
    with opened(place) as site:
        fill(site)
        assert publish_head(site) is not None
        looks(site, 400 - site.store.head()[0])
        publish_head(site)
        shutil.copy(site.heads, tmp_path / "elsewhere")
    assert problems(place) == ()
    return place


def elsewhere(place: Path) -> bytes:
    return (place.parent / "elsewhere").read_bytes()


def test_a_head_is_of_all_entries_and_is_signed_by_the_site(place: Path) -> None:
    with opened(place) as site:
        tree = Frontier()
        for entry in site.store.entries():
            tree.add(leaf_of(entry.digest))
        newest = published(site)
        assert newest is not None and newest.at is not None
        assert (newest.size, newest.root, newest.origin) == (400, tree.root(), site.id)
        assert verify(site, notes=elsewhere(place)).heads == 4


def test_nothing_new_is_signed_where_nothing_was_written(place: Path) -> None:
    before = (place / "heads").read_bytes()
    with opened(place) as site:
        again = publish_head(site)
        assert again is not None and (again.size, again.fresh) == (400, False)
    assert (place / "heads").read_bytes() == before


def test_an_empty_ledger_has_no_head_and_an_old_archive_without_any_verifies(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        fill(site)
        assert published(site) is None
        found = verify(site)
        assert (found.intact, found.heads, found.notes) == (True, 0, ())
    assert not (tmp_path / "a" / "heads").exists()


def test_an_archive_of_before_there_were_heads_opens_verifies_and_gets_its_first(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        fill(site)
        looks(site, 300)
    change(tmp_path / "a", *AS_0005)
    with opened(tmp_path / "a") as site:
        assert verify(site).intact
        assert publish_head(site) is not None
        assert (verify(site).intact, verify(site).heads, site.store.tiles()) == (True, 1, 1)


TAMPERED = {
    "its tail cut off": ("DELETE FROM opening WHERE seq > 390", "DELETE FROM entry WHERE seq > 390"),
    "its tail and the kept tree cut off": (
        "DELETE FROM opening WHERE seq > 200", "DELETE FROM entry WHERE seq > 200", "DELETE FROM tile",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
def test_a_ledger_cut_short_is_found_and_gets_no_new_head(place: Path, how: str) -> None:
    change(place, *TAMPERED[how])
    assert any("cut short" in one for one in problems(place))
    assert any("cut short" in one for one in problems(place, notes=elsewhere(place)))
    (place / "heads").unlink()
    assert [one for one in problems(place) if "head" in one] == [], "the chain alone cannot show it"
    assert any("kept elsewhere" in one for one in problems(place, notes=elsewhere(place)))
    refused(place, "holds .* entries now")


def refused(place: Path, says: str) -> None:
    (place / "heads").write_bytes(elsewhere(place))
    with opened(place) as site, pytest.raises(RefusedError, match=says):
        publish_head(site)
    assert (place / "heads").read_bytes() == elsewhere(place), "no head was signed"


@pytest.mark.parametrize("first", [1, 10, 300, 400])
@pytest.mark.parametrize("with_tree", [True, False])
def test_a_ledger_written_anew_is_found_and_gets_no_new_head(
    place: Path, first: int, with_tree: bool
) -> None:
    with opened(place) as site:
        statements = rewritten(list(site.store.entries()), first)
    change(place, *statements, *([] if with_tree else ["DELETE FROM tile"]))
    with opened(place) as site:
        assert [one for one in verify(site).problems if "follow" in one] == [], "the chain holds again"
    assert any("head of 400 entries beside the archive is not of this" in one for one in problems(place))
    (place / "heads").unlink()
    found = problems(place, notes=elsewhere(place))
    assert any("kept elsewhere is not of this ledger" in one for one in found)
    refused(place, "changed or written anew")


def test_a_broken_chain_gets_no_head(place: Path) -> None:
    with opened(place) as site:
        looks(site, 20)
        change(place, "UPDATE entry SET who = 'x' WHERE seq = 410")
        with pytest.raises(RefusedError, match="Entry 410 of the ledger does not follow"):
            publish_head(site)


@pytest.mark.parametrize("column", ["root", "hashes"])
def test_a_kept_tree_that_was_changed_is_named_and_never_signed(place: Path, column: str) -> None:
    change(place, f"UPDATE tile SET {column} = zeroblob(length({column}))")
    assert any("part 0/0 of the tree" in one for one in problems(place))
    with opened(place) as site:
        looks(site, 300)
        made = publish_head(site)
        assert made is not None
        tree = Frontier()
        for entry in site.store.entries():
            tree.add(leaf_of(entry.digest))
        assert made.root == tree.root()
        # A head reads the roots alone; a proof reads the rest.
        prove(site, 5)
    assert problems(place) == (), "what did not fit was made anew"


def test_a_head_by_another_key_is_said_as_such_and_followed_by_none(place: Path) -> None:
    (place / "site.key").rename(place.parent / "old.key")
    found = problems(place, notes=elsewhere(place))
    assert found == (), "without the key the roots alone are compared"
    with opened(place) as site:
        looks(site, 1)
        with pytest.raises(RefusedError, match="signed by another key than the site's"):
            publish_head(site)
    found = problems(place)
    assert found[0] == "Head 1 beside the archive is signed by another key than the site's."


def test_without_the_key_the_signatures_are_not_looked_at_and_that_is_said(place: Path) -> None:
    with opened(place) as site:
        public = site.key.public
    (place / "site.key").unlink()
    with opened(place, create=False, to_audit=True) as site:
        verdict = verify(site)
        assert verdict.intact and "was not looked at" in verdict.notes[0]
        assert verify(site, key=public).notes == ()
        assert not verify(site, key=bytes(32)).intact


def test_another_key_than_the_one_that_was_given_is_said(place: Path) -> None:
    found = problems(place, key=bytes(32))
    assert "The site's key is another than the public key that was given." in found


def test_a_head_of_another_ledger_is_said_as_such(place: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other") as other:
        looks(other, 3)
        made = publish_head(other)
        assert made is not None
    found = problems(place, notes=elsewhere(place) + made.note)
    assert found == ("Head 3 kept elsewhere is of another ledger.",)


def test_two_heads_of_one_size_cannot_both_be_of_this_ledger(place: Path) -> None:
    with opened(place) as site:
        forked = make(site.id, 400, bytes(32), site.key)
        verdict = verify(site, notes=elsewhere(place) + forked)
    assert [one for one in verdict.problems if "not of this ledger" in one] != []


def test_heads_that_were_moved_or_changed_in_the_file_are_named(place: Path) -> None:
    notes, _ = split((place / "heads").read_bytes())
    (place / "heads").write_bytes(notes[1] + notes[0])
    assert "moved" in problems(place)[0]
    (place / "heads").write_bytes(notes[0].replace(b"\n", b"\n1", 1) + notes[1])
    assert "Head 1 beside the archive carries a signature" in problems(place)[0]
    (place / "heads").write_bytes(notes[0] + b"rubbish" + notes[1])
    assert "cannot be read" in problems(place)[0] or "another ledger" in problems(place)[0]


def test_a_file_without_any_head_is_the_askers_mistake(place: Path) -> None:
    with opened(place) as site:
        with pytest.raises(UserError, match="no head in the file"):
            verify(site, notes=b"\n")
        assert not verify(site, notes=b"something else").intact


@pytest.mark.parametrize("cut", [1, 5, 40, 60, 100, 200])
def test_what_a_killed_writer_left_is_no_problem_and_is_cut_off_by_the_next(place: Path, cut: int) -> None:
    whole = (place / "heads").read_bytes()
    (place / "heads").write_bytes(whole + split(whole)[0][0][:cut])
    assert problems(place) == ()
    with opened(place) as site:
        looks(site, 1)
        publish_head(site)
    notes, rest = split((place / "heads").read_bytes())
    assert (rest, len(notes)) == (b"", 3)
    assert b"".join(notes).startswith(whole)
    assert problems(place) == ()


def test_an_end_that_salus_never_wrote_is_left_as_it_is(place: Path) -> None:
    with (place / "heads").open("ab") as file:
        file.write(b"rubbish\n")
    before = (place / "heads").read_bytes()
    assert "is no head" in problems(place)[0]
    with opened(place) as site:
        looks(site, 1)
        for ask in (publish_head, published):
            with pytest.raises(EvidenceError, match="end in what Salus never wrote"):
                ask(site)
    assert (place / "heads").read_bytes() == before


def test_heads_may_be_kept_in_another_folder(tmp_path: Path) -> None:
    with opened(tmp_path / "a", heads=tmp_path / "b") as site:
        looks(site, 1)
        publish_head(site)
        assert verify(site).heads == 1
    assert not (tmp_path / "a" / "heads").exists()
    assert parse((tmp_path / "b").read_bytes()).size == 3


def test_a_copy_is_appended_once(place: Path, tmp_path: Path) -> None:
    with opened(place) as site:
        head = publish_head(site)
        assert head is not None
        for _ in range(2):
            copy_head(head, tmp_path / "usb")
        with pytest.raises(AwayError, match="cannot be written"):
            copy_head(head, tmp_path / "none" / "usb")
    assert (tmp_path / "usb").read_bytes() == head.note


def test_an_archive_that_is_only_read_publishes_nothing(place: Path) -> None:
    with opened(place, create=False, to_audit=True) as site, pytest.raises(AwayError, match="to be read"):
        publish_head(site)


def test_a_second_site_that_does_not_answer_costs_no_head(place: Path) -> None:
    def away(_note: bytes) -> None:
        raise AwayError("gone")

    taken: list[bytes] = []
    with opened(place) as site:
        looks(site, 1)
        head = publish_head(site, away)
        assert head is not None and (head.size, head.refused) == (401, "gone")
        head = publish_head(site, taken.append)
        assert head is not None and taken == [head.note]
    assert split((place / "heads").read_bytes())[0][-1] == head.note


def test_many_writers_at_once_leave_heads_that_follow_each_other(tmp_path: Path) -> None:
    from threading import Thread

    def work(site: Site) -> None:
        for _ in range(15):
            looks(site, 2)
            publish_head(site)

    sites = [open_site(tmp_path / "a") for _ in range(3)]
    threads = [Thread(target=work, args=(site,)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for site in sites:
        site.close()
    notes, rest = split((tmp_path / "a" / "heads").read_bytes())
    sizes = [parse(note).size for note in notes]
    assert rest == b"" and sizes == sorted(set(sizes)) and sizes[-1] == 92
    assert problems(tmp_path / "a") == ()


def test_the_record_of_a_patient_is_in_no_head(place: Path) -> None:
    text = (place / "heads").read_text()
    assert "Patient" not in text and "Practitioner" not in text


def test_a_ruined_file_of_heads_does_not_fill_the_screen(place: Path) -> None:
    ruined = elsewhere(place).replace(b"\n400\n", b"\n0400\n") * 60
    found = problems(place, notes=ruined)
    assert len(found) == 21 and found[-1].startswith("So do 40 more heads kept elsewhere")
