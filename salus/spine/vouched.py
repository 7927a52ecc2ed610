"""Sign-in by an identity provider's word: who that is here, and as what.

The account is made at the first sign-in and follows what the provider says at each later one; what an
operator decided here (a closed account) outranks it. How the word is proved is the door's.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from salus.core.errors import RefusedError
from salus.spine.accounts import Rights, follow, spelled
from salus.spine.sign_in import SignedIn, begin_session

if TYPE_CHECKING:
    from salus.spine.site import Site
    from salus.store.accounts import AccountRow, Accounts

NO_ROLE = "You have no role here: ask whoever runs this server."
_NOBODY = "door:sign-in"


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider (`issuer`) says of somebody: its lasting name of them, what they are called, as what.

    rights: None where nothing that it says gives them a role here.
    """

    issuer: str
    subject: str
    called: str
    rights: Rights | None


def sign_in_vouched(site: Site, said: Vouched, *, agent: str = "") -> SignedIn:
    """Begin a session of somebody whom an identity provider vouches for.

    Raises RefusedError where they have no role here or their account was closed, UserError where what the
    provider says cannot be (a patient without a record, a person who has another account).
    """
    with site.store.begin() as tx:
        now = site.now()
        row = _known(tx.accounts, said)
        if said.rights is not None and (row is None or not row.closed_at):
            held = follow(tx, row, _name(said), said.rights, now, issuer=said.issuer)
            return begin_session(tx, held, agent, now)
        tx.append(now, _NOBODY, "refused-sign-in", {"id": row.name if row else ""})
    raise RefusedError(NO_ROLE)


def admit_client(site: Site, client: str, scope: str) -> None:
    """Write down that a registered machine was given access, and to what."""
    with site.store.begin() as tx:
        tx.append(site.now(), f"client:{client}", "sign-in", {"id": f"client:{client}", "scope": scope})


def _known(kept: Accounts, said: Vouched) -> AccountRow | None:
    """Return the account of somebody who signed in by this provider before, whatever they were called."""
    tail = _tail(said)
    return next((row for row in kept.all() if row.issuer == said.issuer and row.name.endswith(tail)), None)


def _name(said: Vouched) -> str:
    """Return a name for a new account: what they are called, and what tells them from all others."""
    return f"{spelled(said.called.partition('@')[0])[:40].strip('._-') or 'person'}{_tail(said)}"


def _tail(said: Vouched) -> str:
    return "-" + sha256(f"{said.issuer}\0{said.subject}".encode()).hexdigest()[:16]
