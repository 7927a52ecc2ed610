"""Sign-in on one machine: a password, a second factor where there is one, a session that ends; each with its
line in the ledger, which holds no secret and nothing that was typed.

A wrong password, a wrong code and a name that nobody has are one answer, after the same work. Sources: OWASP
ASVS 5.0 V6 and V7; NIST SP 800-63B-4 sections 2.2.3 (AAL2: a day at most, an hour without use) and 3.2.2 (how
many failures in a row).
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from salus.core.errors import RefusedError, SalusError, UserError, printable
from salus.privacy import passwords, totp
from salus.spine.accounts import (
    Account,
    as_account,
    attempt_key,
    forget_factor,
    refuse_weak,
    set_password,
    spelled,
)
from salus.store.accounts import AccountRow, Accounts, AttemptRow, FactorRow, SessionRow

if TYPE_CHECKING:
    from salus.core.consent import Actor
    from salus.spine.site import Site
    from salus.store.transaction import Transaction

# A shift, and a round without a look at the screen; both shorter than AAL2 asks.
LIVES, IDLE = timedelta(hours=12), timedelta(minutes=30)
# How many places somebody may be signed in at; the oldest session gives way (ASVS 7.1.2).
MOST_SESSIONS = 10
# A session's last use is written down no more often than this.
_TOUCH = timedelta(minutes=1)
# Failures that lie further back do not count.
_REMEMBERED = timedelta(hours=24)
# How long a seed that was shown waits for its first code.
_OFFERED = timedelta(minutes=15)
NO_MATCH = "Name, password or code do not match."
_NOBODY = "door:sign-in"


class TooManyTries(RefusedError):
    """Signing in failed too often; after `wait_s` seconds it may be tried again."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many tries. The next one is taken in {_words(wait_s)}.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Limit:
    """After so many `free` failures in a row each next one waits, twice as long every time."""

    free: int
    first_s: int
    longest_s: int

    def wait(self, failures: int) -> timedelta:
        """Return how long the next try has to wait after so many failures."""
        over = failures - self.free
        # 2 ** 20 seconds are longer than any wait here.
        return timedelta(seconds=min(self.first_s * 2 ** min(over, 20), self.longest_s) if over >= 0 else 0)


# By name and address; by name, which somebody elsewhere could use up to lock its owner out, and so is wider;
# by address, behind which a whole hospital may stand.
LIMITS: Mapping[str, Limit] = {
    "both": Limit(5, 30, 900), "name": Limit(50, 60, 3600), "address": Limit(100, 60, 3600),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in. id: names the session and opens nothing; first: the password must be changed."""

    id: str
    account: Account
    at: datetime
    seen: datetime
    until: datetime
    agent: str = ""

    @property
    def actor(self) -> Actor:
        """On whose behalf they ask."""
        return replace(self.account.actor, about=self.account.subjects(self.seen))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was just begun, and the one copy of its token."""

    token: str = field(repr=False)
    session: Session


@dataclass(frozen=True, slots=True)
class Offered:
    """A seed for an authenticator app, as one types it, and as the address that the app opens."""

    seed: str = field(repr=False)
    otpauth: str = field(repr=False)


def sign_in(
    site: Site, name: str, password: str, code: str = "", *, address: str = "", agent: str = ""
) -> SignedIn:
    """Begin a session; `code` is the second factor's, or a recovery code, where the account has one.

    Raises RefusedError with `NO_MATCH` whatever did not match, TooManyTries before anything is looked at.
    """
    plain = spelled(name)
    row = _tried(site, plain or name, password, code, address)
    if row is None:
        raise RefusedError(NO_MATCH)
    with site.store.begin() as tx:
        return begin_session(tx, _still(tx, row), agent, site.now())


def sign_out(site: Site, token: str) -> None:
    """End a session; one that is over already, or never was, is left as it is."""
    found = session_of(site, token)
    if found is None:
        return
    with site.store.begin() as tx:
        tx.account_changes.end_session(found.id)
        tx.append(site.now(), found.actor.id, "sign-out", {"id": found.account.name, "sessions": 1})


def session_of(site: Site, token: str) -> Session | None:
    """Return the session of this token while it lasts, and remember that it was used."""
    row = site.store.accounts.session(_digest(token)) if token else None
    now = site.now()
    if row is None or is_over(row, now):
        return None
    holder = site.store.accounts.one(row.account)
    if holder is None or holder.closed_at:
        return None
    if now - row.seen >= _TOUCH:
        # A store that cannot be written for a while signs nobody out before their time.
        with suppress(SalusError), site.store.begin() as tx:
            tx.account_changes.touch(row.digest, now)
    return _as_session(row, as_account(holder, _confirmed(site.store.accounts, holder.name) is not None))


def actor_of_session(site: Site, token: str) -> Actor | None:
    """Return on whose behalf the holder of this token asks; None where they are not signed in."""
    found = session_of(site, token)
    return found.actor if found else None


def is_over(row: SessionRow, now: datetime) -> bool:
    """Whether a session has ended by itself: after its life, or after a while without use."""
    return now >= row.until or now - row.seen >= IDLE or now < row.at - _TOUCH


def sessions(site: Site, session: Session) -> list[Session]:
    """Return where the holder of a session is signed in, the newest first."""
    now = site.now()
    rows = site.store.accounts.sessions(session.account.name)
    return [_as_session(row, session.account) for row in rows if not is_over(row, now)]


def end_others(site: Site, session: Session, password: str, *, address: str = "") -> int:
    """End every other session of the account; return how many there were. Asks for the password again."""
    row = _asked_again(site, session, password, address)
    with site.store.begin() as tx:
        ended = tx.account_changes.end_sessions(row.name, but=session.id)
        tx.append(site.now(), session.actor.id, "sign-out", {"id": row.name, "sessions": ended})
    return ended


def change_password(
    site: Site, session: Session, password: str, chosen: str, *, address: str = ""
) -> SignedIn:
    """Put a password of their own in place of the one before; every session ends, and a new one begins.

    Raises UserError for a password that may not be chosen, RefusedError where the old one does not match.
    """
    refuse_weak(site, chosen, session.account.name, session.account.person)
    row = _asked_again(site, session, password, address)
    if chosen == password:
        raise UserError("Choose another password than the one before.")
    hashed = passwords.hashed(chosen)
    with site.store.begin() as tx:
        now = site.now()
        set_password(tx, _still(tx, row), hashed, now)
        tx.account_changes.end_sessions(row.name)
        return begin_session(tx, row, session.agent, now)


def enrol_factor(site: Site, session: Session, password: str, *, address: str = "") -> Offered:
    """Offer a seed for an authenticator app; it counts once `confirm_factor` was told a code of it.

    Raises UserError where the account has a second factor: it is taken off first.
    """
    row = _asked_again(site, session, password, address)
    secret = totp.new_secret()
    with site.store.begin() as tx:
        if _confirmed(tx.accounts, row.name):
            raise UserError("There is a second factor already: take it off before you set up another.")
        tx.account_changes.put_factor(FactorRow(row.name, secret, site.now()))
    return _as_offered(secret, row.name)


def offered_factor(site: Site, session: Session) -> Offered | None:
    """Return the seed that waits for its first code; None without one, or a quarter of an hour later."""
    kept = _offered(site.store.accounts, session.account.name, site.now())
    return _as_offered(kept.secret, kept.account) if kept else None


def confirm_factor(site: Site, session: Session, code: str) -> tuple[SignedIn, tuple[str, ...]]:
    """Take the offered seed as second factor; return a new session and the recovery codes, shown once.

    Raises UserError where the code is none of the offered seed.
    """
    name, codes = session.account.name, totp.recovery_codes()
    with site.store.begin() as tx:
        now = site.now()
        kept = _offered(tx.accounts, name, now)
        step = totp.step_of(kept.secret, code, now.timestamp()) if kept else None
        if kept is None or step is None:
            raise UserError(
                "That code does not fit: see that the clock of the device is right, and try the next."
            )
        tx.account_changes.put_factor(replace(kept, confirmed_at=now, last_step=step))
        tx.account_changes.put_recovery_codes(name, map(totp.recovery_digest, codes))
        tx.append(now, session.actor.id, "factor", {"id": name, "factor": "enrolled"})
        tx.account_changes.end_sessions(name)
        row = tx.accounts.one(name)
        if row is None or row.closed_at:
            raise RefusedError(NO_MATCH)
        return begin_session(tx, row, session.agent, now), codes


def remove_factor(site: Site, session: Session, password: str, code: str, *, address: str = "") -> SignedIn:
    """Take the second factor off, by the password and one more code of it; a new session begins."""
    row = _tried(site, session.account.name, password, code, address)
    if row is None:
        raise RefusedError(NO_MATCH)
    with site.store.begin() as tx:
        now = site.now()
        forget_factor(tx, row.name, now, session.actor.id)
        tx.account_changes.end_sessions(row.name)
        return begin_session(tx, row, session.agent, now)


def _tried(site: Site, name: str, password: str, code: str | None, address: str) -> AccountRow | None:
    """Return the account where all of it matches, else None; the failure is counted before anybody looks.

    So many tries at the same time are as many tries. code: None asks for no second factor.
    """
    keys = _keys(site, name, address)
    _count(site, keys)
    row = site.store.accounts.one(name) if spelled(name) else None
    usable = row is not None and not row.closed_at and not _is_late(row, site.now())
    right = passwords.is_password(password, row.password if row and usable else "")
    again = passwords.hashed(password) if right and row and passwords.is_outdated(row.password) else ""
    with site.store.begin() as tx:
        now = site.now()
        if right and row and row == tx.accounts.one(name) and _has_factor(tx, name, code, now):
            if again:
                row = set_password(tx, row, again, now, row.first_until)
            _uncount(tx, keys)
            return row
        tx.append(now, _NOBODY, "refused-sign-in", {"id": row.name if row else ""})
    return None


def _asked_again(site: Site, session: Session, password: str, address: str) -> AccountRow:
    """Return the account of a session whose holder said the password once more (ASVS 7.5.1)."""
    row = _tried(site, session.account.name, password, None, address)
    if row is None:
        raise RefusedError("The password does not match.")
    return row


def _still(tx: Transaction, row: AccountRow) -> AccountRow:
    if tx.accounts.one(row.name) != row:
        raise RefusedError("The account was changed at the same moment: sign in again.")
    return row


def _is_late(row: AccountRow, now: datetime) -> bool:
    """Whether a one-time password was not used in time."""
    return row.first_until is not None and now > row.first_until


def _has_factor(tx: Transaction, name: str, code: str | None, now: datetime) -> bool:
    """Whether the code is the second factor's of this moment, or a recovery code; either is used up by it."""
    kept = _confirmed(tx.accounts, name)
    if kept is None or code is None:
        return True
    if totp.is_recovery_code(code):
        return tx.account_changes.use_recovery_code(name, totp.recovery_digest(code))
    step = totp.step_of(kept.secret, code, now.timestamp(), kept.last_step)
    if step is None:
        return False
    tx.account_changes.put_factor(replace(kept, last_step=step))
    return True


def _confirmed(kept: Accounts, name: str) -> FactorRow | None:
    found = kept.factor(name)
    return found if found and found.confirmed_at else None


def _offered(kept: Accounts, name: str, now: datetime) -> FactorRow | None:
    found = kept.factor(name)
    return found if found and not found.confirmed_at and now - found.made_at <= _OFFERED else None


def _as_offered(secret: bytes, name: str) -> Offered:
    return Offered(totp.spelled(secret), totp.otpauth(secret, name, "Salus"))


def _keys(site: Site, name: str, address: str) -> dict[str, str]:
    """Return the key of each count: the name with the address, the name, the address."""
    told = {"both": (name, address), "name": (name,), "address": ("", address)}
    return {kind: attempt_key(site, *said) for kind, said in told.items()}


def _count(site: Site, keys: Mapping[str, str]) -> None:
    """Count a try as a failure until it turns out to be none; raise TooManyTries where it came too soon."""
    with site.store.begin() as tx:
        now = site.now()
        # What was counted by a clock that has been set back since would lock everybody out until it is later.
        found = {
            key: row if row.last <= now + _TOUCH else AttemptRow(key)
            for key, row in tx.accounts.attempts(keys.values()).items()
        }
        until = max(found[key].until for key in keys.values())
        if until > now:
            raise TooManyTries(math.ceil((until - now).total_seconds()))
        tx.account_changes.forget_old_attempts(now - _REMEMBERED)
        for kind, key in keys.items():
            before = found[key]
            failures = 1 + (before.failures if now - before.last <= _REMEMBERED else 0)
            tx.account_changes.put_attempt(AttemptRow(key, failures, now, now + LIMITS[kind].wait(failures)))


def _uncount(tx: Transaction, keys: Mapping[str, str]) -> None:
    """Forget the failures of a name that was right after all; of an address only this one."""
    tx.account_changes.forget_attempts([keys["both"], keys["name"]])
    before = tx.accounts.attempts([keys["address"]])[keys["address"]]
    left = max(before.failures - 1, 0)
    until = before.until if LIMITS["address"].wait(left) else AttemptRow("").until
    tx.account_changes.put_attempt(replace(before, failures=left, until=until))


def begin_session(tx: Transaction, row: AccountRow, agent: str, now: datetime) -> SignedIn:
    """Begin a session of somebody who was proved to hold the account, by whatever way."""
    token = secrets.token_urlsafe(32)
    kept = SessionRow(_digest(token), row.name, now, now, now + LIVES, printable(agent, 120))
    tx.account_changes.end_old_sessions(now)
    for old in tx.accounts.sessions(row.name)[MOST_SESSIONS - 1 :]:
        tx.account_changes.end_session(old.digest)
    tx.account_changes.put_session(kept)
    fresh = tx.accounts.one(row.name) or row
    holder = as_account(fresh, _confirmed(tx.accounts, row.name) is not None)
    tx.append(
        now, holder.actor.id, "sign-in", {"id": row.name, "factor": holder.has_factor, "issuer": row.issuer}
    )
    return SignedIn(token, _as_session(kept, holder))


def _as_session(row: SessionRow, holder: Account) -> Session:
    return Session(row.digest, holder, row.at, row.seen, row.until, row.agent)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _words(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{seconds} seconds" if seconds < 60 else f"{minutes} minute{'s' if minutes > 1 else ''}"
