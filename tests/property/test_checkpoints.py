"""A signed head is exactly of C2SP's form and holds by its key alone; anything else is refused calmly."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from salus.core.errors import EvidenceError, UserError
from salus.store.checkpoint import (
    DASH,
    LARGEST,
    fault,
    is_unfinished,
    key_id,
    make,
    parse,
    read_key,
    split,
    verifier_key,
)
from salus.store.keys import SiteKey, signed_by


def key_of(seed: int) -> SiteKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SiteKey(private, private.public_key().public_bytes_raw())


OURS, OTHERS = key_of(1), key_of(2)
ORIGIN, ROOT = "0a1b2c3d", bytes(range(32))
NOTE = make(ORIGIN, 5, ROOT, OURS)
# golang.org/x/mod/sumdb/note, note_test.go: the key and the note of its examples.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
SIGNED = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
# c2sp.org/tlog-checkpoint: the example of the specification.
OF_THE_SPECIFICATION = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()


def test_the_published_note_of_go_holds_by_its_published_key() -> None:
    public, made = read_key(PETER), b64decode(SIGNED)
    assert made[:4] == key_id("PeterNeumann", public)
    assert signed_by(public, SAID, made[4:])
    assert verifier_key("PeterNeumann", public) == PETER


def test_the_example_of_the_specification_is_read() -> None:
    head = parse(OF_THE_SPECIFICATION)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert b64encode(head.root).decode() == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    (signature,) = head.signatures
    assert (signature.name, signature.key_id.hex(), len(signature.made)) == (head.origin, "033de0ae", 64)


def test_what_was_made_is_read_and_holds_by_its_own_key_alone() -> None:
    head = parse(NOTE)
    assert (head.origin, head.size, head.root, head.note) == (ORIGIN, 5, ROOT, NOTE)
    assert fault(head, ORIGIN, OURS.public) == ""
    assert fault(head, ORIGIN, OTHERS.public) == "is signed by another key than the site's"
    assert fault(head, "another", OURS.public) == "is of another ledger"


def test_a_witness_may_sign_beside_and_a_forged_line_of_ours_spoils_the_head() -> None:
    witnessed = NOTE + DASH + b"witness.example/w1 " + b64encode(b"abcd" + bytes(70)) + b"\n"
    assert fault(parse(witnessed), ORIGIN, OURS.public) == ""
    forged = b64encode(key_id(ORIGIN, OURS.public) + bytes(64))
    spoilt = NOTE + DASH + ORIGIN.encode() + b" " + forged + b"\n"
    assert "does not hold" in fault(parse(spoilt), ORIGIN, OURS.public)
    many = NOTE + b"".join(DASH + b"w%d " % n + b64encode(bytes(5000)) + b"\n" for n in range(15))
    assert fault(parse(many), ORIGIN, OURS.public) == "", "16 signatures of the largest kind must be taken"


def test_the_same_key_and_name_of_another_kind_of_signature_is_passed_over() -> None:
    other = NOTE.replace(b64encode(key_id(ORIGIN, OURS.public))[:4], b"AAAA")
    assert other != NOTE
    assert fault(parse(other), ORIGIN, OURS.public) == "is signed by another key than the site's"


SIGNATURE = NOTE.rpartition(b"\n\n")[2]
HASHED = b64encode(ROOT)
HOSTILE = {
    "nothing": b"",
    "no signature": NOTE.rpartition(b"\n\n")[0] + b"\n\n",
    "a signature that is not ended": NOTE[:-1],
    "no empty line": NOTE.replace(b"\n\n", b"\n"),
    "an empty line in the text": NOTE.replace(b"\n5\n", b"\n\n5\n"),
    "a size with a zero before it": NOTE.replace(b"\n5\n", b"\n05\n"),
    "a size with a sign": NOTE.replace(b"\n5\n", b"\n+5\n"),
    "a negative size": NOTE.replace(b"\n5\n", b"\n-5\n"),
    "a size with a space": NOTE.replace(b"\n5\n", b"\n5 \n"),
    "a size in other digits": NOTE.replace(b"\n5\n", "\n٥\n".encode()),
    "a size without end": NOTE.replace(b"\n5\n", b"\n" + b"9" * 5000 + b"\n"),
    "a short root": NOTE.replace(HASHED, b64encode(ROOT[:31])),
    "a long root": NOTE.replace(HASHED, b64encode(ROOT + b"x")),
    "a root in another alphabet": NOTE.replace(HASHED, b"-" + HASHED[1:]),
    "a root with spare bits": NOTE.replace(HASHED, HASHED[:-2] + b"9="),
    "a root without its end": NOTE.replace(HASHED, HASHED.rstrip(b"=")),
    "a carriage return": NOTE.replace(b"\n", b"\r\n"),
    "a tab": NOTE.replace(b"\n5\n", b"\n5\n\t\n"),
    "a NUL": NOTE.replace(b"5", b"5\0"),
    "no UTF-8": NOTE.replace(b"0a1b", b"0a\xff"),
    "another dash": NOTE.replace(DASH, b"- "),
    "a signature of a key alone": NOTE.replace(SIGNATURE, DASH + ORIGIN.encode() + b" AAAAAA==\n"),
    "a signature without a name": NOTE.replace(SIGNATURE, DASH + b" AAAAAAAA\n"),
    "a name with a plus": NOTE.replace(SIGNATURE, DASH + b"a+b AAAAAAAA\n"),
    "a name with a wide space": NOTE.replace(SIGNATURE, "— a\u2003b AAAAAAAA\n".encode()),
    "a line of something else": NOTE + b"x\n",
    "too much": NOTE + DASH + b"w " + b64encode(bytes(LARGEST)) + b"\n",
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_what_is_not_exactly_of_the_form_is_no_head(what: str) -> None:
    with pytest.raises(EvidenceError):
        parse(HOSTILE[what])


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
@example(b"\n\n\n")
@example(DASH * 50)
def test_anything_at_all_is_read_or_refused_and_never_taken_for_ours(note: bytes) -> None:
    for one in (note, NOTE + note, note + NOTE, NOTE[:40] + note + NOTE[40:]):
        notes, rest = split(one)
        assert len(b"".join(notes) + rest) <= len(one)
        is_unfinished(rest, ORIGIN)
        for each in (*notes, one):
            try:
                head = parse(each)
            except EvidenceError:
                continue
            if fault(head, ORIGIN, OURS.public) == "":
                assert (head.origin, head.size, head.root) == (ORIGIN, 5, ROOT)


@pytest.mark.parametrize("place", range(len(NOTE)))
def test_every_other_byte_at_every_place_is_found(place: int) -> None:
    for other in range(256):
        if other == NOTE[place]:
            continue
        changed = NOTE[:place] + bytes([other]) + NOTE[place + 1 :]
        try:
            head = parse(changed)
        except EvidenceError:
            continue
        assert fault(head, ORIGIN, OURS.public) != "", changed


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 3))
def test_what_a_killed_writer_leaves_is_told_from_what_somebody_changed(cut: int, before: int) -> None:
    notes, rest = split(NOTE * before + NOTE[:cut])
    assert (notes, rest) == ([NOTE] * before, NOTE[:cut])
    assert is_unfinished(rest, ORIGIN) == bool(cut)


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 255))
def test_a_changed_last_head_is_not_taken_for_an_unfinished_one(place: int, other: int) -> None:
    changed = NOTE[:place] + bytes([other]) + NOTE[place + 1 :]
    notes, rest = split(NOTE + changed)
    if changed == NOTE:
        assert (notes, rest) == ([NOTE, NOTE], b"")
        return
    bad = [note for note in notes if note != NOTE]
    assert bad or (rest and not is_unfinished(rest, ORIGIN))


def test_a_file_may_hold_empty_lines_between_its_heads() -> None:
    assert split(b"\n" + NOTE + b"\n\n" + NOTE + b"\n") == ([NOTE, NOTE], b"")


@pytest.mark.parametrize(
    "text",
    ["", "x", "ab" * 31, "a+b+c", PETER[:-1], PETER.replace("c74f", "c74e"), PETER.replace("+AR", "+AQ"),
     "PeterNeumann+c74f20a3", PETER.replace("Peter", "peter")],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no public key"):
        read_key(text)


def test_a_public_key_may_be_written_in_hex_too() -> None:
    assert read_key(f" {OURS.public.hex().upper()}\n") == OURS.public


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "—x", "a\u2003b"])
def test_a_ledger_whose_name_can_sign_nothing_signs_nothing(origin: str) -> None:
    with pytest.raises(UserError, match="need a name"):
        make(origin, 5, ROOT, OURS)
