"""How signing in counts, waits and ends: over a real store, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore

import pytest
from sqlalchemy import text

from salus import spine
from salus.core.errors import RefusedError, UserError
from salus.privacy import passwords, totp
from salus.spine import accounts, sign_in
from salus.spine.accounts import Rights
from salus.spine.site import Site
from tests.people import PASSWORD, enter

LATER = datetime(2026, 2, 1, tzinfo=UTC)
Clock = Callable[[timedelta], None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = spine.open_site(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a function that lets time pass."""
    at = [datetime.now(UTC)]
    monkeypatch.setattr(Site, "now", lambda _: at[0])

    def pass_(by: timedelta) -> None:
        at[0] += by

    return pass_


class Turns(BoundedSemaphore):
    """Counts how many hashes were made."""

    made = 0

    def __enter__(self) -> bool:
        Turns.made += 1
        return super().__enter__()


def fails(site: Site, name: str, password: str = "wrong", code: str = "", address: str = "") -> str:
    with pytest.raises(RefusedError) as error:
        sign_in.sign_in(site, name, password, code, address=address)
    return str(error.value)


def test_whoever_asks_as_much_work_is_done(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("maria", "gone"):
        enter(site, name)
    accounts.close(site, "gone", by="test")
    passwords.is_password("x", "")
    monkeypatch.setattr(passwords, "_TURNS", Turns(4))
    work = {}
    for name, password in (
        ("maria", PASSWORD),
        ("maria", "wrong"),
        ("gone", PASSWORD),
        ("nobody", PASSWORD),
        ("\0", "x"),
        ("", ""),
    ):
        Turns.made = 0
        with suppress(RefusedError):
            sign_in.sign_in(site, name, password)
        work[name, password] = Turns.made
    assert set(work.values()) == {1}, work


def test_many_tries_at_once_are_as_many_tries(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(site, "maria")
    monkeypatch.setattr(passwords, "_TURNS", Turns(4))
    Turns.made = 0

    def tried(_: int) -> bool:
        with suppress(RefusedError):
            sign_in.sign_in(site, "maria", "wrong", address="10.0.0.1")
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(tried, range(24)))
    assert Turns.made == sign_in.LIMITS["both"].free


def test_each_further_failure_waits_twice_as_long_up_to_a_quarter_of_an_hour(
    site: Site, clock: Clock
) -> None:
    enter(site, "maria")
    for _ in range(5):
        fails(site, "maria", address="a")
    waits = []
    for _ in range(8):
        with pytest.raises(sign_in.TooManyTries) as error:
            sign_in.sign_in(site, "maria", PASSWORD, address="a")
        waits.append(error.value.wait_s)
        clock(timedelta(seconds=error.value.wait_s))
        assert fails(site, "maria", address="a") == sign_in.NO_MATCH
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert sign_in.sign_in(site, "maria", PASSWORD, address="another").session, (
        "its owner, elsewhere, gets in"
    )


def test_who_got_in_begins_to_count_anew_and_after_a_day_so_does_everybody(site: Site, clock: Clock) -> None:
    enter(site, "maria")
    for _ in range(4):
        fails(site, "maria")
    sign_in.sign_in(site, "maria", PASSWORD)
    for _ in range(5):
        assert fails(site, "maria") == sign_in.NO_MATCH
    assert "Too many" in fails(site, "maria")
    clock(timedelta(days=1, seconds=1))
    for _ in range(5):
        assert fails(site, "maria") == sign_in.NO_MATCH


def test_one_password_tried_on_many_names_is_slowed_by_its_address(site: Site) -> None:
    limit = sign_in.LIMITS["address"].free
    for number in range(limit):
        sign_in._count(site, sign_in._keys(site, f"name{number}", "10.0.0.9"))
    with pytest.raises(sign_in.TooManyTries):
        sign_in.sign_in(site, "somebody-new", "x", address="10.0.0.9")
    assert fails(site, "somebody-new", address="10.0.0.10") == sign_in.NO_MATCH


def test_a_reset_opens_a_locked_account_and_ends_its_sessions(site: Site) -> None:
    enter(site, "maria")
    begun = sign_in.sign_in(site, "maria", PASSWORD)
    key = accounts.attempt_key(site, "maria")
    with site.store.begin() as tx:
        (row,) = tx.accounts.attempts([key]).values()
        late = site.now() + timedelta(hours=1)
        tx.account_changes.put_attempt(sign_in.replace(row, failures=60, last=site.now(), until=late))
    assert "Too many" in fails(site, "maria", PASSWORD)
    first = accounts.reset(site, "maria", by="test")
    assert sign_in.session_of(site, begun.token) is None
    assert sign_in.sign_in(site, "maria", first).session.account.first


def test_a_reset_leaves_the_second_factor_where_it_is_unless_it_was_lost(site: Site, clock: Clock) -> None:
    enter(site, "maria")
    session = sign_in.sign_in(site, "maria", PASSWORD).session
    seed = offered(site, session)
    sign_in.confirm_factor(site, session, code(site, seed))
    first = accounts.reset(site, "maria", by="test")
    assert fails(site, "maria", first) == sign_in.NO_MATCH
    clock(timedelta(seconds=30))
    assert sign_in.sign_in(site, "maria", first, code(site, seed)).session
    first = accounts.reset(site, "maria", by="test", lost_factor=True)
    assert sign_in.sign_in(site, "maria", first).session
    assert spine.verify(site).intact


def test_a_one_time_password_that_nobody_used_ends(site: Site, clock: Clock) -> None:
    _, first = accounts.add(site, "maria", Rights("clinician"), by="test")
    clock(accounts.FIRST_PASSWORD_LIVES + timedelta(seconds=1))
    assert fails(site, "maria", first) == sign_in.NO_MATCH


def test_a_hash_of_before_is_made_anew_at_the_next_sign_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PASSES", 1)
    enter(site, "maria")
    monkeypatch.undo()
    kept = [site.store.accounts.one("maria")]
    sign_in.sign_in(site, "maria", PASSWORD)
    kept.append(site.store.accounts.one("maria"))
    assert [row is not None and "t=2" in row.password for row in kept] == [False, True]
    assert sign_in.sign_in(site, "maria", PASSWORD).session
    assert spine.verify(site).intact


def test_a_seed_that_was_offered_counts_only_with_a_code_of_it_and_not_for_long(
    site: Site, clock: Clock
) -> None:
    enter(site, "maria")
    session = sign_in.sign_in(site, "maria", PASSWORD).session
    with pytest.raises(RefusedError):
        sign_in.enrol_factor(site, session, "wrong")
    seed = offered(site, session)
    with pytest.raises(UserError):
        sign_in.confirm_factor(site, session, "000000" if code(site, seed) != "000000" else "111111")
    assert sign_in.sign_in(site, "maria", PASSWORD).session, "it does not count yet"
    clock(timedelta(minutes=16))
    with pytest.raises(UserError):
        sign_in.confirm_factor(site, session, code(site, seed))


def test_the_second_factor_is_taken_off_by_password_and_code_alone(site: Site, clock: Clock) -> None:
    enter(site, "maria")
    session = sign_in.sign_in(site, "maria", PASSWORD).session
    seed = offered(site, session)
    begun, codes = sign_in.confirm_factor(site, session, code(site, seed))
    for password, said in (("wrong", codes[0]), (PASSWORD, ""), (PASSWORD, code(site, seed))):
        with pytest.raises(RefusedError):
            sign_in.remove_factor(site, begun.session, password, said)
    sign_in.remove_factor(site, begun.session, PASSWORD, codes[1])
    assert sign_in.sign_in(site, "maria", PASSWORD).session
    assert fails(site, "maria", "wrong") == sign_in.NO_MATCH
    assert spine.verify(site).intact


def test_a_password_of_the_sites_own_list_is_not_taken(site: Site) -> None:
    enter(site, "maria")
    session = sign_in.sign_in(site, "maria", PASSWORD).session
    listed = "Eleven Grey Herons Wade"
    (site.path / accounts.REFUSED).write_bytes(b"\xff\xfe\n" + listed.lower().encode() + b"\r\nother\n")
    for said in (listed, listed.upper()):
        with pytest.raises(UserError, match="on the list"):
            sign_in.change_password(site, session, PASSWORD, said)
    assert sign_in.change_password(site, session, PASSWORD, listed + " again").session


def test_there_are_at_most_ten_sessions_and_the_oldest_gives_way(site: Site, clock: Clock) -> None:
    enter(site, "maria")
    begun = []
    for _ in range(12):
        begun.append(sign_in.sign_in(site, "maria", PASSWORD))
        clock(timedelta(seconds=1))
    alive = [sign_in.session_of(site, one.token) is not None for one in begun]
    assert alive == [False] * 2 + [True] * 10
    assert sign_in.end_others(site, begun[-1].session, PASSWORD) == 9
    assert [sign_in.session_of(site, one.token) is not None for one in begun] == [False] * 11 + [True]


def test_other_rights_end_the_sessions_that_were_begun_with_those_of_before(site: Site) -> None:
    enter(site, "kim", "proxy", subjects=("Patient/1",))
    begun = sign_in.sign_in(site, "kim", PASSWORD)
    accounts.change(site, "kim", Rights("clinician", person="Practitioner/9"), by="test")
    assert sign_in.session_of(site, begun.token) is None
    fresh = sign_in.sign_in(site, "kim", PASSWORD)
    actor = sign_in.actor_of_session(site, fresh.token)
    assert actor is not None
    assert (actor.id, actor.role) == ("Practitioner/9", "clinician")
    assert sign_in.actor_of_session(site, "") is None
    assert sign_in.actor_of_session(site, fresh.token + "x") is None


def test_a_proxy_sees_whom_their_account_names_in_its_period(site: Site) -> None:
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    made, _ = accounts.add(site, "kim", Rights("proxy", "", ("Patient/1", "Patient/2"), since, until), by="t")
    told = {
        at: accounts.account(site, "kim").subjects(at)
        for at in (since - timedelta(seconds=1), since, until, until + timedelta(seconds=1))
    }
    assert list(map(len, told.values())) == [0, 2, 2, 0]
    assert made.actor.id == "user:kim"


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("", Rights("clinician")),
        ("a b", Rights("clinician")),
        ("-x", Rights("clinician")),
        ("x" * 65, Rights("operator")),
        ("m\u0430ria", Rights("clinician")),
        ("x", Rights("king")),
        ("x", Rights("patient")),
        ("x", Rights("patient", "", ("Patient/1", "Patient/2"))),
        ("x", Rights("proxy")),
        ("x", Rights("operator", "", ("Patient/1",))),
        ("x", Rights("clinician", "Maria Example")),
        ("x", Rights("proxy", "", ("Patient/1\0",))),
        ("taken", Rights("clinician")),
        ("x", Rights("clinician", "Practitioner/taken")),
        ("x", Rights("proxy", "", ("Patient/1",), LATER, LATER - timedelta(days=1))),
    ],
)
def test_an_account_that_cannot_be_is_not_made(site: Site, name: str, rights: Rights) -> None:
    accounts.add(site, "taken", Rights("clinician", "Practitioner/taken"), by="test")
    with pytest.raises(UserError):
        accounts.add(site, name, rights, by="test")
    assert len(accounts.accounts(site)) == 1


def test_a_name_is_given_once_also_after_its_account_was_closed(site: Site) -> None:
    enter(site, "maria", person="Practitioner/7")
    accounts.close(site, "maria", by="test")
    for act in (lambda: accounts.reset(site, "maria", by="x"), lambda: accounts.close(site, "maria", by="x")):
        with pytest.raises(UserError, match="closed"):
            act()
    with pytest.raises(UserError, match="given once"):
        accounts.add(site, "Maria", Rights("clinician"), by="test")
    accounts.add(site, "maria2", Rights("clinician", "Practitioner/7"), by="test")


TAMPERED = {
    "update account set role = 'operator'": "was changed after entry",
    "update account set about = '[[\"Patient/1\", null, null]]'": "was changed after entry",
    "update account set about = 'x'": "was changed after entry",
    "update account set password = '$argon2id$v=19$m=19456,t=2,p=1$x$y'": "somebody else set it",
    "update factor set confirmed_at = null": "second factor of the account maria is not",
    "delete from factor": "second factor of the account maria is not",
    "insert into account (name, role, about, made_at) values ('eve', 'operator', '[]', '2026')": "slipped in",
    "update account set name = 'eve' where name = 'ben'": "no longer there",
}


@pytest.mark.parametrize(("deed", "says"), TAMPERED.items())
def test_an_account_that_was_changed_behind_the_ledger_is_found(site: Site, deed: str, says: str) -> None:
    enter(site, "maria")
    accounts.add(site, "ben", Rights("clinician"), by="test")
    session = sign_in.sign_in(site, "maria", PASSWORD).session
    sign_in.confirm_factor(site, session, code(site, offered(site, session)))
    assert spine.verify(site).intact
    with site.store._engine.begin() as connection:
        connection.execute(text(deed))
    assert any(says in problem for problem in spine.verify(site).problems)


def test_no_secret_is_in_what_is_printed_of_an_object(site: Site) -> None:
    enter(site, "maria")
    begun = sign_in.sign_in(site, "maria", PASSWORD)
    row = site.store.accounts.one("maria")
    shown = sign_in.enrol_factor(site, begun.session, PASSWORD)
    said = repr((begun, row, shown, site.store.accounts.factor("maria")))
    assert row is not None
    for secret in (begun.token, row.password, shown.seed, shown.seed.replace(" ", "")):
        assert secret not in said


def offered(site: Site, session: sign_in.Session) -> bytes:
    from base64 import b32decode

    return b32decode(sign_in.enrol_factor(site, session, PASSWORD).seed.replace(" ", ""))


def code(site: Site, seed: bytes) -> str:
    return totp.code(seed, int(site.now().timestamp()) // totp.STEP_S)


def test_a_clock_that_is_set_back_locks_nobody_out(site: Site, clock: Clock) -> None:
    enter(site, "maria")
    sign_in.sign_in(site, "maria", PASSWORD)
    for _ in range(6):
        fails(site, "maria", address="a")
    clock(timedelta(days=-400))
    assert sign_in.sign_in(site, "maria", PASSWORD, address="a").session
