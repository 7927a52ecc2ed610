"""Accounts at rest: who may sign in, by what, who is signed in, and how often that failed.

For the spine's verbs about accounts alone. What is decided about an account is written down in the ledger in
the same transaction; a session's last use and the count of failures are not, since nobody decided them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update

from salus.store import tables as t
from salus.store.ledger import moment

Period = tuple[datetime | None, datetime | None]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Somebody who may sign in.

    person: who that is in the records (``Practitioner/7``), where they are in them. about: whose record a
    patient or a proxy may see, and in which period. issuer: the identity provider that vouches for them;
    "" for a password of this site. first_until: the end of a one-time password, None for one of their own.
    """

    name: str
    role: str
    made_at: datetime
    person: str = ""
    about: tuple[tuple[str, Period], ...] = ()
    issuer: str = ""
    password: str = field(default="", repr=False)
    first_until: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactorRow:
    """The seed of an account's authenticator app."""

    account: str
    secret: bytes = field(repr=False)
    made_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = -1


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody is signed in: since when, until when at most, last seen when, with what browser."""

    digest: str
    account: str
    at: datetime
    seen: datetime
    until: datetime
    agent: str = ""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """How often signing in failed in a row, and until when no further try is taken."""

    key: str
    failures: int = 0
    last: datetime = _LONG_AGO
    until: datetime = _LONG_AGO


def account_content(row: AccountRow) -> dict[str, object]:
    """Return what the entry of an account commits to: all that says what its holder may do."""
    about = [[subject, _text(since), _text(until)] for subject, (since, until) in row.about]
    return {
        "id": row.name,
        "role": row.role,
        "person": row.person,
        "about": about,
        "issuer": row.issuer,
        "closed": _text(row.closed_at),
    }


def password_content(name: str, hashed: str) -> dict[str, object]:
    """Return what the entry of a new password commits to; neither it nor its hash is in the ledger."""
    return {"id": name, "hash": sha256(hashed.encode()).hexdigest()}


def as_account(row: Any) -> AccountRow:
    """Return the AccountRow in a row of table `account`."""
    about = tuple((one[0], (_at(one[1]), _at(one[2]))) for one in json.loads(row.about))
    return AccountRow(
        row.name,
        row.role,
        datetime.fromisoformat(row.made_at),
        row.person or "",
        about,
        row.issuer or "",
        row.password or "",
        _at(row.first_until),
        _at(row.closed_at),
    )


def _as_factor(row: Any) -> FactorRow:
    at = datetime.fromisoformat(row.made_at)
    return FactorRow(row.account, row.secret, at, _at(row.confirmed_at), row.last_step)


def _as_session(row: Any) -> SessionRow:
    at, seen, until = map(datetime.fromisoformat, (row.at, row.seen, row.until))
    return SessionRow(row.digest, row.account, at, seen, until, row.agent)


def _as_attempt(row: Any) -> AttemptRow:
    return AttemptRow(
        row.key, row.failures, datetime.fromisoformat(row.last), datetime.fromisoformat(row.until)
    )


class Accounts:
    """What is kept of accounts, to read; `run` sends a query and returns its rows."""

    def __init__(self, run: Callable[[Select[Any]], Iterable[Any]]) -> None:
        self._run = run

    def one(self, name: str) -> AccountRow | None:
        """Return the account of this name, closed ones too."""
        found = self._first(select(t.account).where(t.account.c.name == name))
        return as_account(found) if found else None

    def all(self) -> list[AccountRow]:
        """Return every account by name, closed ones too."""
        return [as_account(row) for row in self._run(select(t.account).order_by(t.account.c.name))]

    def any(self) -> bool:
        """Whether there was ever an account here."""
        return self._first(select(t.account.c.name).limit(1)) is not None

    def factor(self, account: str) -> FactorRow | None:
        """Return the seed of the account's authenticator app, confirmed or not."""
        found = self._first(select(t.factor).where(t.factor.c.account == account))
        return _as_factor(found) if found else None

    def factors(self) -> frozenset[str]:
        """Return which accounts have a confirmed second factor."""
        query = select(t.factor.c.account).where(t.factor.c.confirmed_at.is_not(None))
        return frozenset(row.account for row in self._run(query))

    def recovery_codes(self, account: str) -> int:
        """Return how many recovery codes the account has left."""
        mine = t.recovery_code.c.account == account
        return int(self._first(select(func.count().label("n")).select_from(t.recovery_code).where(mine)).n)

    def session(self, digest: str) -> SessionRow | None:
        """Return the session whose token has this SHA-256."""
        found = self._first(select(t.session).where(t.session.c.digest == digest))
        return _as_session(found) if found else None

    def sessions(self, account: str) -> list[SessionRow]:
        """Return the account's sessions, the newest first; some may be over."""
        query = select(t.session).where(t.session.c.account == account)
        return [_as_session(row) for row in self._run(query.order_by(t.session.c.at.desc()))]

    def attempts(self, keys: Iterable[str]) -> dict[str, AttemptRow]:
        """Return how often signing in failed, by key; all zero where it never did."""
        wanted = list(keys)
        rows = self._run(select(t.attempt).where(t.attempt.c.key.in_(wanted)))
        found = {row.key: _as_attempt(row) for row in rows}
        return {key: found.get(key, AttemptRow(key)) for key in wanted}

    def _first(self, query: Select[Any]) -> Any:
        return next(iter(self._run(query)), None)


class AccountChanges:
    """What is kept of accounts, to change within one transaction, beside its entries."""

    def __init__(self, connection: Connection) -> None:
        self._to = connection

    def put(self, row: AccountRow) -> None:
        """Keep an account, in place of what was kept under its name."""
        about = account_content(row)["about"]
        self._put(t.account, "name", {
            "name": row.name, "role": row.role, "person": row.person or None, "about": json.dumps(about),
            "issuer": row.issuer or None, "password": row.password or None,
            "first_until": _text(row.first_until), "made_at": moment(row.made_at),
            "closed_at": _text(row.closed_at),
        })  # fmt: skip

    def put_factor(self, row: FactorRow) -> None:
        """Keep a seed, in place of the one before."""
        self._put(t.factor, "account", {
            "account": row.account, "secret": row.secret, "made_at": moment(row.made_at),
            "confirmed_at": _text(row.confirmed_at), "last_step": row.last_step,
        })  # fmt: skip

    def drop_factor(self, account: str) -> None:
        """Forget an account's seed and its recovery codes."""
        for table in (t.recovery_code, t.factor):
            self._to.execute(delete(table).where(table.c.account == account))

    def put_recovery_codes(self, account: str, digests: Iterable[str]) -> None:
        """Keep the hashes of new recovery codes, in place of all before."""
        self._to.execute(delete(t.recovery_code).where(t.recovery_code.c.account == account))
        self._to.execute(insert(t.recovery_code), [{"digest": one, "account": account} for one in digests])

    def use_recovery_code(self, account: str, digest: str) -> bool:
        """Take one recovery code for good; whether it was there."""
        mine = (t.recovery_code.c.account == account) & (t.recovery_code.c.digest == digest)
        return self._to.execute(delete(t.recovery_code).where(mine)).rowcount == 1

    def put_session(self, row: SessionRow) -> None:
        """Keep a session, or when it was last seen."""
        self._put(t.session, "digest", {
            "digest": row.digest, "account": row.account, "at": moment(row.at), "seen": moment(row.seen),
            "until": moment(row.until), "agent": row.agent,
        })  # fmt: skip

    def touch(self, digest: str, seen: datetime) -> None:
        """Say when a session was last seen; one that ended meanwhile stays ended."""
        mine = t.session.c.digest == digest
        self._to.execute(update(t.session).where(mine).values(seen=moment(seen)))

    def end_session(self, digest: str) -> None:
        """End one session."""
        self._to.execute(delete(t.session).where(t.session.c.digest == digest))

    def end_sessions(self, account: str, but: str = "") -> int:
        """End the account's sessions, all or all `but` one; return how many."""
        mine = (t.session.c.account == account) & (t.session.c.digest != but)
        return self._to.execute(delete(t.session).where(mine)).rowcount

    def end_old_sessions(self, now: datetime) -> None:
        """Forget sessions that ended by themselves."""
        self._to.execute(delete(t.session).where(t.session.c.until < moment(now)))

    def put_attempt(self, row: AttemptRow) -> None:
        """Keep how often signing in failed."""
        self._put(t.attempt, "key", {
            "key": row.key, "failures": row.failures, "last": moment(row.last), "until": moment(row.until),
        })  # fmt: skip

    def forget_attempts(self, keys: Iterable[str]) -> None:
        """Forget failures, since signing in worked or an operator said so."""
        self._to.execute(delete(t.attempt).where(t.attempt.c.key.in_(list(keys))))

    def forget_old_attempts(self, before: datetime) -> None:
        """Forget failures that lie so far back that they count no more."""
        self._to.execute(delete(t.attempt).where(t.attempt.c.last < moment(before)))

    def _put(self, table: Table, key: str, row: dict[str, Any]) -> None:
        mine = table.c[key] == row[key]
        if self._to.execute(update(table).where(mine).values(**row)).rowcount == 0:
            self._to.execute(insert(table).values(**row))


def closed(row: AccountRow, at: datetime) -> AccountRow:
    """Return the account as it is once closed: by no password and no provider does anybody get in."""
    return replace(row, closed_at=at, password="", first_until=None)


def _text(at: datetime | None) -> str | None:
    return moment(at) if at else None


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
