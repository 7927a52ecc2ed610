"""Accounts, factors, sessions and counts of failures are read back as they were kept, in both back ends."""

from __future__ import annotations

from datetime import timedelta

from salus.store.accounts import AccountRow, AttemptRow, FactorRow, SessionRow, account_content
from salus.store.store import Store
from tests.store_fixtures import NOW, empty_url_fixture, store_fixture, url_fixture  # noqa: F401

MARIA = AccountRow(
    "maria", "proxy", NOW, "", (("Patient/1", (NOW, None)), ("Patient/2", (None, None))), "", "$hash", NOW
)
HOUR = timedelta(hours=1)


def test_what_is_kept_of_an_account_is_read_back(store: Store) -> None:
    with store.begin() as tx:
        tx.account_changes.put(MARIA)
        tx.account_changes.put_factor(FactorRow("maria", b"\0seed", NOW))
        tx.account_changes.put_factor(FactorRow("maria", b"\0seed", NOW, NOW, 7))
        tx.account_changes.put_recovery_codes("maria", ["a", "b"])
        tx.append(NOW, "test", "account", account_content(MARIA))
    kept = store.accounts
    assert kept.any()
    assert (kept.one("maria"), kept.one("Maria"), kept.all()) == (MARIA, None, [MARIA])
    assert kept.factor("maria") == FactorRow("maria", b"\0seed", NOW, NOW, 7)
    assert kept.factors() == {"maria"}
    with store.begin() as tx:
        assert not tx.account_changes.use_recovery_code("ben", "a")
        assert [tx.account_changes.use_recovery_code("maria", "a") for _ in range(2)] == [True, False]
    assert kept.recovery_codes("maria") == 1
    with store.begin() as tx:
        tx.account_changes.drop_factor("maria")
    assert (kept.factor("maria"), kept.recovery_codes("maria")) == (None, 0)


def test_sessions_end_one_by_one_or_all_but_one_or_by_themselves(store: Store) -> None:
    rows = [
        SessionRow(f"d{n}", "maria", NOW + n * HOUR, NOW, NOW + (n + 1) * HOUR, "agent") for n in range(4)
    ]
    with store.begin() as tx:
        tx.account_changes.put(MARIA)
        for row in rows:
            tx.account_changes.put_session(row)
    assert store.accounts.sessions("maria") == rows[::-1]
    with store.begin() as tx:
        tx.account_changes.touch("d1", NOW + HOUR)
        tx.account_changes.touch("gone", NOW + HOUR)
        tx.account_changes.end_session("d0")
        tx.account_changes.end_old_sessions(NOW + 2.5 * HOUR)
    assert [row.digest for row in store.accounts.sessions("maria")] == ["d3", "d2"]
    with store.begin() as tx:
        assert tx.account_changes.end_sessions("maria", but="d2") == 1
    assert store.accounts.session("d2") == rows[2]
    assert store.accounts.session("d3") is None


def test_failures_are_counted_by_key_and_forgotten(store: Store) -> None:
    row = AttemptRow("k", 3, NOW, NOW + HOUR)
    with store.begin() as tx:
        tx.account_changes.put_attempt(AttemptRow("k", 2, NOW, NOW))
        tx.account_changes.put_attempt(row)
        tx.account_changes.put_attempt(AttemptRow("old", 1, NOW - HOUR, NOW))
        tx.account_changes.forget_old_attempts(NOW)
    assert store.accounts.attempts(["k", "old"]) == {"k": row, "old": AttemptRow("old")}
    with store.begin() as tx:
        tx.account_changes.forget_attempts(["k"])
    assert store.accounts.attempts(["k"]) == {"k": AttemptRow("k")}
