"""A proof convinces somebody who has it, a public key and nothing else; changed in any way it does not."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.core.errors import EvidenceError, RefusedError, UserError
from salus.spine.audit import verify
from salus.spine.heads import publish_head, published, verifier_key
from salus.spine.prove import check_proof, check_proofs, proofs_for, prove, public_key
from salus.spine.site import Site, open_site
from salus.store.tiles import Tiles
from tests.ledgers import change, fill, looks, opened, rewritten
from tests.store_fixtures import url_fixture  # noqa: F401

ENTRIES = 700


@pytest.fixture(name="site", scope="module")
def site_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = fill(open_site(tmp_path_factory.mktemp("proofs") / "archive"))
    looks(site, ENTRIES - site.store.head()[0])
    publish_head(site)
    yield site
    site.close()


def key(site: Site) -> bytes:
    return public_key(verifier_key(site))


def test_every_entry_is_proven(site: Site) -> None:
    for number in range(1, ENTRIES + 1):
        proof = json.loads(json.dumps(prove(site, number)))
        found = check_proof(proof, key(site))
        assert (found.holds, found.problems, found.size) == (True, (), ENTRIES)
        assert found.entry is not None and found.entry["seq"] == number


def test_what_an_entry_was_about_comes_with_it_where_it_is_kept(site: Site) -> None:
    told = {
        line.did: check_proof(prove(site, line.seq), key(site)).content
        for line in site.store.entries(limit=20)
    }
    assert told["look"] is not None and told["look"]["subject"].startswith("Patient/")
    assert told["insight"] is not None and told["insight"]["subject"] == "Patient/2"
    assert told["review"] is not None and told["review"]["decision"] == "overridden"
    assert told["card"] is not None and set(told["card"]["cards"]) == {"c1", "c2"}
    assert told["status"] is not None and told["status"]["status"] == "live"
    assert told["export"] == {"subject": "Patient/1", "what": "record"}


def test_a_secret_of_the_site_leaves_with_no_proof(site: Site) -> None:
    secrets = {site.store.setting(name) for name in ("insight-id-key", "site-id")} - {site.id}
    for line in site.store.entries(limit=20):
        if line.did == "setting":
            text = json.dumps(prove(site, line.seq))
            assert not any(str(secret) in text for secret in secrets)
            assert check_proof(json.loads(text), key(site)).holds, "and its place is proven all the same"


def test_a_proof_is_under_the_last_published_head_and_one_is_made_where_none_reaches(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        looks(site, 5)
        assert prove(site, 2)["size"] == 7
        looks(site, 5)
        assert prove(site, 2)["size"] == 7
        assert prove(site, 9)["size"] == 12
        newest = published(site)
        assert newest is not None and newest.size == 12


@pytest.mark.parametrize("number", [0, -1, ENTRIES + 1])
def test_what_is_no_entry_has_no_proof(site: Site, number: int) -> None:
    with pytest.raises(UserError, match="There is no entry"):
        prove(site, number)


CHANGED = {
    "who": lambda proof: proof["entry"].update(who="somebody"),
    "did": lambda proof: proof["entry"].update(did="export"),
    "at": lambda proof: proof["entry"].update(at="2020-01-01T00:00:00.000000+00:00"),
    "at, spelt otherwise": lambda proof: proof["entry"].update(at="2024-05-06T07:08:09Z"),
    "seq": lambda proof: proof["entry"].update(seq=proof["entry"]["seq"] + 1),
    "digest": lambda proof: proof["entry"].update(digest="0" * 64),
    "digest, in capitals": lambda proof: proof["entry"].update(digest=proof["entry"]["digest"].upper()),
    "index": lambda proof: proof.update(index=proof["index"] + 1),
    "index, as text": lambda proof: proof.update(index=str(proof["index"])),
    "index, as truth": lambda proof: proof.update(index=True),
    "size": lambda proof: proof.update(size=proof["size"] - 1),
    "content": lambda proof: proof["content"].update(n=10**6),
    "content without a salt": lambda proof: proof.update(salt=None),
    "salt": lambda proof: proof.update(salt="00" * 32),
    "salt, no hex": lambda proof: proof.update(salt="zz"),
    "a hash of the path": lambda proof: proof["path"].__setitem__(0, b64encode(bytes(32)).decode()),
    "a hash of the path, no text": lambda proof: proof["path"].__setitem__(0, 5),
    "a shorter path": lambda proof: proof["path"].pop(),
    "a longer path": lambda proof: proof["path"].append(proof["path"][0]),
    "no path": lambda proof: proof.pop("path"),
    "the head's size": lambda proof: proof.update(checkpoint=proof["checkpoint"].replace("700\n", "701\n")),
    "the head's root": lambda proof: proof.update(checkpoint=proof["checkpoint"].replace("700\n", "700\nA")),
    "the head": lambda proof: proof.update(checkpoint="x"),
    "half a character": lambda proof: proof["entry"].update(who="\ud800"),
    "half a character inside": lambda proof: proof["content"].update(x="\ud800"),
    "a form that is none": lambda proof: proof.update(form="other"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGED)
def test_a_proof_that_was_changed_does_not_hold(site: Site, what: str) -> None:
    proof = json.loads(json.dumps(prove(site, 500)))
    assert check_proof(proof, key(site)).holds
    CHANGED[what](proof)
    found = check_proof(proof, key(site))
    assert not found.holds and found.problems


def test_a_proof_holds_by_the_key_that_was_given_alone(site: Site) -> None:
    found = check_proof(prove(site, 5), bytes(32))
    assert found.problems == ("The head is signed by another key than the site's.",)


def test_the_key_inside_a_proof_is_believed_by_nobody(site: Site, tmp_path: Path) -> None:
    with opened(tmp_path / "forger") as forger:
        looks(forger, 5)
        forged = prove(forger, 3)
        assert check_proof(forged, key(forger)).holds
        assert not check_proof(forged, key(site)).holds


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_value_in_any_place_of_a_proof_is_refused_calmly(site: Site, data: st.DataObject) -> None:
    proof: dict[str, Any] = json.loads(json.dumps(prove(site, 400)))
    inside = data.draw(st.sampled_from([proof, proof["entry"]]))
    name = data.draw(st.sampled_from(sorted(set(inside) - {"key", "form"})))
    was, inside[name] = inside[name], data.draw(plain)
    # To leave out what opens the commitment only proves less.
    same = inside[name] == was or (inside is proof and name == "content" and inside[name] is None)
    assert check_proof(proof, key(site)).holds == same


@given(st.binary(max_size=100))
def test_any_bytes_are_no_proof(site: Site, document: bytes) -> None:
    with pytest.raises(EvidenceError, match="no proof"):
        check_proofs(document, key(site))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"form": "salus-ledger-proof/1"}', '{"a": 1e999999}', "null"]
)
def test_hostile_json_is_no_proof(site: Site, text: str) -> None:
    try:
        assert not all(one.holds for one in check_proofs(text.encode(), key(site)))
    except EvidenceError as error:
        assert "no proof" in str(error)


def test_a_patient_gets_a_proof_of_every_access_to_his_record(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        fill(site)
        found = proofs_for(site, "Patient/1")
        told = [(one["entry"]["did"], one["to"]) for one in found["proofs"]]
        assert told == [
            ("insight", "subject"), ("insight", "subject"), ("review", "subject"), ("card", "subject"),
            ("look", "subject"), ("look", "everybody"), ("export", "subject"), ("train", "everybody"),
        ]  # fmt: skip
        assert "Patient/2" not in json.dumps(found)
        checked = check_proofs(json.dumps(found).encode(), key(site))
        assert len(checked) == 8 and all(one.holds for one in checked)
        assert [one.content["subject"] for one in checked if one.content and "subject" in one.content] == [
            "Patient/1", "Patient/1", "Patient/1", "Patient/1",
        ]  # fmt: skip
        assert proofs_for(site, "Patient/9")["proofs"][0]["to"] == "everybody"


def test_a_changed_entry_is_not_proven(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        looks(site, 20)
        publish_head(site)
        change(site.path, "UPDATE entry SET who = 'x' WHERE seq = 9")
        with pytest.raises(RefusedError, match="Entry 9 was changed or removed"):
            prove(site, 9)
        with pytest.raises(RefusedError, match="Entry 12 was changed or removed"):
            change(site.path, "UPDATE entry SET digest = 'x' WHERE seq = 12")
            prove(site, 12)


def test_nothing_is_proven_of_a_ledger_that_was_written_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        looks(site, 20)
        publish_head(site)
        change(site.path, *rewritten(list(site.store.entries()), 5))
        with pytest.raises(RefusedError, match="not the one that its published head stands for"):
            prove(site, 10)


def test_nothing_is_proven_under_a_head_that_the_site_did_not_sign(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        looks(site, 20)
        publish_head(site)
        whole = site.heads.read_bytes()
        site.heads.write_bytes(whole.replace(b"\n22\n", b"\n21\n"))
        with pytest.raises(RefusedError, match="signature of the site's key that does not hold"):
            prove(site, 10)


def test_content_that_was_changed_is_left_out_and_the_place_is_proven(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as site:
        looks(site, 20)
        change(site.path, "UPDATE opening SET content = '{}' WHERE seq = 9")
        proof = prove(site, 9)
        assert proof["content"] is None
        assert check_proof(proof, key(site)).holds
        change(site.path, "UPDATE opening SET salt = NULL, content = NULL WHERE seq = 9")
        assert prove(site, 9)["salt"] is None
        assert check_proof(prove(site, 9), key(site)).holds, "what was erased leaves the log whole"


def test_a_proof_among_many_reads_few_entries(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    whole = type(site.store).digests

    def counted(store: Any, after: int, limit: int) -> Iterator[Any]:
        nonlocal read
        for digest in whole(store, after, limit):
            read += 1
            yield digest

    monkeypatch.setattr(type(site.store), "digests", counted)
    prove(site, 10)
    assert read <= 256
    cold = Tiles(site.store, ENTRIES, cached=False)
    assert cold.node(8, 0) == Tiles(site.store, ENTRIES).node(8, 0)


def test_an_archive_that_is_only_read_proves_under_the_heads_that_it_has(site: Site) -> None:
    with opened(site.path, create=False, to_audit=True) as shut:
        proof = prove(shut, 5)
        assert check_proof(proof, key(site)).holds
        assert len(b64decode(proof["path"][0])) == 32


def test_a_hospitals_own_database_proves_as_a_file_does(tmp_path: Path, url: str) -> None:
    with opened(tmp_path / "a", store_url=url) as site:
        fill(site)
        looks(site, 600)
        found = proofs_for(site, "Patient/1")
        checked = check_proofs(json.dumps(found).encode(), key(site))
        assert len(checked) > 100 and all(one.holds for one in checked)
        assert site.store.tiles() == 2
        assert verify(site).intact and verify(site).heads == 1
