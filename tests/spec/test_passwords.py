"""Which passwords may be chosen (OWASP ASVS 5.0 V6.2), and how they are kept."""

from __future__ import annotations

import re

import pytest

from salus.privacy import passwords

GOOD = (
    "seven odd lanterns drift",
    "correct horse battery staple",
    "Käse, Öl und Brot vom Markt",
    "日本語のとても長い合言葉です。",
    "x7#Kq!pW2$vLm9@Z",
    "maria and six other tall trees",
    "  blanks at both ends  ",
    "qqqqq zebra onyx fjord vamp",
)
BAD = {
    "short": "at least 15",
    "fourteen chars": "at least 15",
    "x" * 257: "at most 256",
    "aaaaaaaaaaaaaaaaaaaa": "few characters",
    "abcabcabcabcabcabc": "few characters",
    "Summer2026!Summer2026!": "few characters",
    "123456789012345": "would try",
    "qwertyuiopasdfgh": "would try",
    "poiuytrewq0987654321": "would try",
    "1q2w3e4r5t6y7u8i9o": "would try",
    "salus-hospital-2026": "would try",
    "Maria.Welcome.1234": "would try",
    "Practitioner/7 maria": "would try",
    "password password1": "would try",
    "Krankenhaus12345": "would try",
    "seven odd lan\0terns drift": "no keyboard",
}


@pytest.mark.parametrize("password", GOOD)
def test_any_kind_of_character_may_be_in_a_long_password(password: str) -> None:
    assert passwords.faults(password, ("maria",)) == ()


@pytest.mark.parametrize(("password", "says"), BAD.items())
def test_what_anybody_would_try_is_refused_with_the_reason(password: str, says: str) -> None:
    (fault,) = passwords.faults(password, ("maria", "Practitioner/7"))
    assert says in fault
    assert password not in fault


def test_a_long_password_is_kept_whole_and_in_its_own_letters() -> None:
    long = "a b c d e f g h" * 10
    kept = passwords.hashed(long)
    assert passwords.is_password(long, kept)
    assert not passwords.is_password(long[:-1], kept)
    assert not passwords.is_password(long.upper(), kept)
    assert not passwords.is_password(long + " ", kept)


def test_one_letter_that_is_written_in_two_ways_is_one_letter() -> None:
    assert passwords.is_password("ka\u0308se vom markt am fluss", passwords.hashed("käse vom markt am fluss"))


def test_a_hash_has_the_parameters_that_are_cited_and_a_salt_of_its_own() -> None:
    one, two = passwords.hashed("x"), passwords.hashed("x")
    assert one != two
    assert re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", one)
    assert not passwords.is_outdated(one)
    assert passwords.is_outdated(one.replace("t=2", "t=1"))


@pytest.mark.parametrize(
    "kept", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$x$y", "$2b$12$abcdefghijklmnopqrstuv"]
)
def test_what_is_no_hash_of_ours_is_nobodys_password(kept: str) -> None:
    assert not passwords.is_password("x", kept)


def test_a_first_password_may_itself_be_chosen_by_the_rules_and_never_comes_twice() -> None:
    drawn = {passwords.first_password() for _ in range(200)}
    assert len(drawn) == 200
    assert all(passwords.faults(one) == () for one in drawn)
