"""One-time codes are those of RFC 6238 and RFC 4226, and each is taken once, near its time."""

from __future__ import annotations

import re

import pytest

from salus.privacy import totp

SEED = b"12345678901234567890"
# RFC 6238 appendix B, SHA-1: seconds -> the code of eight digits, of which apps show the last six.
RFC_6238 = {
    59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
    2000000000: "69279037", 20000000000: "65353130",
}  # fmt: skip
# RFC 4226 appendix D: counts 0 to 9.
RFC_4226 = (
    "755224",
    "287082",
    "359152",
    "969429",
    "338314",
    "254676",
    "287922",
    "162583",
    "399871",
    "520489",
)


@pytest.mark.parametrize(("seconds", "code"), RFC_6238.items())
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert totp.code(SEED, seconds // 30) == code[-6:]
    assert totp.step_of(SEED, code[-6:], seconds) == seconds // 30


def test_codes_are_those_of_rfc_4226() -> None:
    assert tuple(totp.code(SEED, count) for count in range(10)) == RFC_4226


def test_a_clock_may_be_one_step_off_and_no_more() -> None:
    here = 5_000
    taken = {
        ahead: totp.step_of(SEED, totp.code(SEED, here + ahead), here * 30 + 15) for ahead in range(-3, 4)
    }
    assert taken == {-3: None, -2: None, -1: 4_999, 0: 5_000, 1: 5_001, 2: None, 3: None}


def test_a_code_is_taken_once_and_none_before_it_afterwards() -> None:
    now = 5_000 * 30
    assert totp.step_of(SEED, totp.code(SEED, 5_000), now, last=5_000) is None
    assert totp.step_of(SEED, totp.code(SEED, 4_999), now, last=5_000) is None
    assert totp.step_of(SEED, totp.code(SEED, 5_001), now, last=5_000) == 5_001


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "٢٨٧٠٨٢", "abcdef", "\0" * 6, "\ud800" * 6])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert totp.step_of(SEED, typed, 59) is None


def test_a_code_may_be_typed_in_two_groups() -> None:
    assert totp.step_of(SEED, " 287 082 ", 59) == 1


def test_the_address_for_an_app_says_what_the_codes_are_made_of() -> None:
    found = totp.otpauth(SEED, "maria", "Salus")
    assert found == (
        "otpauth://totp/Salus:maria?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Salus&algorithm=SHA1"
        "&digits=6&period=30"
    )
    assert totp.spelled(SEED).replace(" ", "") in found


def test_recovery_codes_have_more_than_112_bits_and_are_typed_as_one_likes() -> None:
    codes = totp.recovery_codes()
    assert len(set(codes)) == totp.RECOVERY_CODES
    for code in codes:
        assert re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code)
        assert totp.is_recovery_code(code.lower().replace("-", " "))
        assert totp.recovery_digest(code.lower().replace("-", " ")) == totp.recovery_digest(code)
    assert not totp.is_recovery_code("287082")
