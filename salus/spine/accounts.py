"""Accounts of one machine: who may sign in here, and as what; made, changed, reset and closed, each time with
its line in the ledger.

How somebody signs in is `spine.sign_in`. A name is never given to a second person: a closed account stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from unicodedata import normalize

from salus.core.consent import Actor
from salus.core.errors import RefusedError, UserError, choices
from salus.core.roles import ABOUT_SOMEBODY, CLINICIAN, OPERATOR, PATIENT, ROLES
from salus.privacy import passwords
from salus.store.accounts import (
    AccountRow,
    Accounts,
    account_content,
    closed,
    password_content,
)

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.transaction import Transaction

# A site's own list of common or breached passwords, beside its records, one a line (ASVS 6.2.4, 6.2.12).
REFUSED = "refused-passwords.txt"
SHORTEST, LONGEST = passwords.SHORTEST, passwords.LONGEST
# How long a one-time password waits for its first use (ASVS 6.4.1): somebody may begin work after a weekend.
FIRST_PASSWORD_LIVES = timedelta(hours=72)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. has_factor: with a second factor; first: with a one-time password."""

    name: str
    role: str
    person: str = ""
    about: tuple[tuple[str, tuple[datetime | None, datetime | None]], ...] = ()
    issuer: str = ""
    has_factor: bool = False
    first: bool = False
    made_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        """On whose behalf they ask: as the records name them where they are in them."""
        return Actor(self.person or f"user:{self.name}", self.role)

    def subjects(self, now: datetime) -> tuple[str, ...]:
        """Return whose records they may see by what their account says, at this moment."""
        return tuple(
            subject
            for subject, (since, until) in self.about
            if (since is None or since <= now) and (until is None or now <= until)
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account is made for: a role, who that is in the records, whose records in which period."""

    role: str
    person: str = ""
    subjects: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def spelled(name: str) -> str:
    """Return an account's name as it is kept; "" for what can be none."""
    plain = normalize("NFKC", name).strip().casefold()
    return plain if _NAME.fullmatch(plain) else ""


def accounts(site: Site) -> list[Account]:
    """Return every account by name, closed ones too."""
    factors = site.store.accounts.factors()
    return [as_account(row, row.name in factors) for row in site.store.accounts.all()]


def account(site: Site, name: str) -> Account:
    """Return one account; raises UserError where there is none of that name."""
    row = _known(site.store.accounts, name)
    return as_account(row, row.name in site.store.accounts.factors())


def add(site: Site, name: str, rights: Rights, *, by: str) -> tuple[Account, str]:
    """Make an account; return it with its one-time password, which is kept nowhere else.

    Raises UserError for a name or rights that cannot be, or a name or person that has an account already.
    """
    first, now = passwords.first_password(), site.now()
    hashed = passwords.hashed(first)
    with site.store.begin() as tx:
        row = _made(tx.accounts, name, rights, now)
        row = replace(row, password=hashed, first_until=now + FIRST_PASSWORD_LIVES)
        _keep(tx, row, now, by)
        _keep_password(tx, row, now, by)
    return as_account(row, False), first


def add_first(site: Site, name: str, password: str) -> Account:
    """Make the first operator of a site, who chooses the password at once.

    Raises RefusedError where there is an account already, UserError for a name or password that cannot be.
    """
    refuse_weak(site, password, name)
    hashed, now = passwords.hashed(password), site.now()
    with site.store.begin() as tx:
        if tx.accounts.any():
            raise RefusedError("There are accounts here already: ask an operator for one.")
        row = replace(_made(tx.accounts, name, Rights(OPERATOR), now), password=hashed)
        who = as_account(row, False).actor.id
        _keep(tx, row, now, who)
        _keep_password(tx, row, now, who)
    return as_account(row, False)


def change(site: Site, name: str, rights: Rights, *, by: str) -> Account:
    """Give an account other rights, and end its sessions: they were begun with those of before."""
    now = site.now()
    with site.store.begin() as tx:
        row = _open(tx.accounts, name)
        made = _made(tx.accounts, row.name, rights, row.made_at, but=row)
        row = replace(row, role=made.role, person=made.person, about=made.about)
        _keep(tx, row, now, by)
        tx.account_changes.end_sessions(row.name)
    return account(site, row.name)


def follow(
    tx: Transaction, row: AccountRow | None, name: str, rights: Rights, now: datetime, *, issuer: str
) -> AccountRow:
    """Make or change an account as an identity provider says; other rights end its sessions."""
    made = _made(tx.accounts, row.name if row else name, rights, now, but=row)
    held = replace(made, issuer=issuer, made_at=row.made_at if row else now)
    if held != row:
        _keep(tx, held, now, as_account(held, False).actor.id)
        tx.account_changes.end_sessions(held.name)
    return held


def reset(site: Site, name: str, *, by: str, lost_factor: bool = False) -> str:
    """Give an account a new one-time password, end its sessions and its lock-out; return the password.

    lost_factor: forget its second factor too, once whoever asks was known in person (ASVS 6.4.4). Raises
    UserError for an account that is closed or that an identity provider vouches for.
    """
    first, now = passwords.first_password(), site.now()
    hashed = passwords.hashed(first)
    with site.store.begin() as tx:
        row = _open(tx.accounts, name)
        if row.issuer:
            raise UserError(f"'{row.name}' signs in at {row.issuer}: a password is reset there.")
        row = replace(row, password=hashed, first_until=now + FIRST_PASSWORD_LIVES)
        tx.account_changes.put(row)
        _keep_password(tx, row, now, by)
        if lost_factor:
            forget_factor(tx, row.name, now, by)
        tx.account_changes.end_sessions(row.name)
        tx.account_changes.forget_attempts([attempt_key(site, row.name)])
    return first


def close(site: Site, name: str, *, by: str) -> Account:
    """Close an account for good, and end its sessions."""
    now = site.now()
    with site.store.begin() as tx:
        row = closed(_open(tx.accounts, name), now)
        _keep(tx, row, now, by)
        forget_factor(tx, row.name, now, by)
        tx.account_changes.end_sessions(row.name)
    return as_account(row, False)


def forget_factor(tx: Transaction, name: str, now: datetime, by: str) -> None:
    """Take an account's second factor off, where it has one."""
    kept = tx.accounts.factor(name)
    tx.account_changes.drop_factor(name)
    if kept and kept.confirmed_at:
        tx.append(now, by, "factor", {"id": name, "factor": "removed"})


def set_password(
    tx: Transaction, row: AccountRow, hashed: str, now: datetime, first_until: datetime | None = None
) -> AccountRow:
    """Keep the hash of a password that its holder chose; with first_until, of the same one-time password."""
    row = replace(row, password=hashed, first_until=first_until)
    tx.account_changes.put(row)
    _keep_password(tx, row, now, as_account(row, False).actor.id)
    return row


def attempt_key(site: Site, *told: str) -> str:
    """Return the key under which failures are counted; what was typed cannot be read out of it."""
    return site.keyed("attempt", "\0".join(told))


def as_account(row: AccountRow, has_factor: bool) -> Account:
    """Return the account in a row."""
    first, at = row.first_until is not None, row.made_at
    return Account(
        row.name, row.role, row.person, row.about, row.issuer, has_factor, first, at, row.closed_at
    )


def refuse_weak(site: Site, password: str, *names: str) -> None:
    """Raise UserError with what is wrong with a chosen password; names: of whoever chooses it."""
    wrong = passwords.faults(password, names)
    if not wrong and passwords.is_listed(password, site.path / REFUSED):
        wrong = ("It is on the list of passwords that others have used: choose another.",)
    if wrong:
        raise UserError(wrong[0])


def _made(
    kept: Accounts, name: str, rights: Rights, at: datetime, but: AccountRow | None = None
) -> AccountRow:
    plain = spelled(name)
    if not plain:
        raise UserError(
            "An account's name has up to 64 letters a to z, digits, dots, hyphens and underscores, and "
            "begins and ends with a letter or digit."
        )
    if but is None and kept.one(plain):
        raise UserError(f"There is an account '{plain}' already, or was: a name is given once.")
    _check(rights)
    person = rights.subjects[0] if rights.role == PATIENT else rights.person
    for row in kept.all():
        if person and row.person == person and not row.closed_at and row.name != plain:
            raise UserError("That person has an account already: two would be one person in the ledger.")
    about = tuple((subject, (rights.since, rights.until)) for subject in rights.subjects)
    return AccountRow(plain, rights.role, at, person, about)


def _check(rights: Rights) -> None:
    """Refuse rights that say too much or too little: a patient is one person, a proxy acts for somebody."""
    if rights.role not in ROLES:
        raise UserError(
            f"There is no role '{rights.role[:40]}'. Choose one of: {choices(rights.role, ROLES)}."
        )
    _references((*rights.subjects, *([rights.person] if rights.person else [])))
    if rights.role == PATIENT and (len(rights.subjects) != 1 or rights.person):
        raise UserError("A patient's account names whose it is: --subject Patient/ID, once.")
    if rights.role in ABOUT_SOMEBODY and not rights.subjects:
        raise UserError("A proxy's account names for whom they act: --subject Patient/ID.")
    named = rights.subjects or rights.since or rights.until
    if rights.role not in (*ABOUT_SOMEBODY, CLINICIAN) and named:
        raise UserError(f"No account of role '{rights.role}' names subjects: they have nobody in their care.")
    if rights.since and rights.until and rights.until < rights.since:
        raise UserError("The period ends before it begins.")


def _references(names: Iterable[str]) -> None:
    if not all(_REFERENCE.fullmatch(name) for name in names):
        raise UserError("Somebody in the records is named as FHIR does: Patient/ID, Practitioner/ID.")


def _known(kept: Accounts, name: str) -> AccountRow:
    plain = spelled(name)
    found = kept.one(plain) if plain else None
    if found is None:
        raise UserError("There is no account of that name. See them with 'salus account list'.")
    return found


def _open(kept: Accounts, name: str) -> AccountRow:
    row = _known(kept, name)
    if row.closed_at:
        raise UserError(f"The account '{row.name}' is closed.")
    return row


def _keep(tx: Transaction, row: AccountRow, now: datetime, by: str) -> None:
    tx.account_changes.put(row)
    tx.append(now, by, "account", account_content(row))


def _keep_password(tx: Transaction, row: AccountRow, now: datetime, by: str) -> None:
    tx.append(now, by, "password", password_content(row.name, row.password))
