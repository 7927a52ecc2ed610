"""Whether accounts are what the ledger says: a role, a password or a second factor that somebody changed in
the database behind it would let them in as somebody else.

For the audit, like `check_state`. The newest entry about an account counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from salus.core.errors import SalusError
from salus.store import tables as t
from salus.store.accounts import account_content, as_account, password_content
from salus.store.ledger import opens
from salus.store.rows import as_entry, kept_content


def check_accounts(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each account that the ledger does not bear out; names are part of the ledger."""
    kept = {str(row.name): row for row in connection.execute(select(t.account))}
    made, passwords, factors = (_newest(connection, did) for did in ("account", "password", "factor"))
    for name in sorted({*kept, *made}):
        if name not in made:
            yield f"The account {name} is in no ledger entry: it was slipped in."
        elif name not in kept:
            yield f"Entry {made[name].seq} recorded the account {name}, which is no longer there."
        elif not _holds(made[name], _account(kept[name])):
            yield f"The account {name} was changed after entry {made[name].seq} recorded it."
        elif kept[name].password and not _holds(
            passwords.get(name), password_content(name, kept[name].password)
        ):
            yield f"The password of the account {name} is in no ledger entry: somebody else set it."
    yield from _factors(connection, factors)


def _factors(connection: Connection, told: Mapping[str, Any]) -> Iterator[str]:
    query = select(t.factor.c.account).where(t.factor.c.confirmed_at.is_not(None))
    kept = set(connection.execute(query).scalars())
    for name in sorted({*kept, *told}):
        enrolled = name in told and kept_content(told[name].content).get("factor") == "enrolled"
        if enrolled != (name in kept):
            yield f"The second factor of the account {name} is not what its last entry says."


def _newest(connection: Connection, did: str) -> dict[str, Any]:
    """Return the newest entry of each account that says `did`, with what opens it."""
    query = (
        select(t.entry, t.opening.c.salt, t.opening.c.record_id, t.opening.c.content)
        .join(t.opening, t.opening.c.seq == t.entry.c.seq)
        .where(t.opening.c.kind == did, t.entry.c.did == did)
        .order_by(t.entry.c.seq)
    )
    return {row.record_id: row for row in connection.execute(query)}


def _account(row: Any) -> Mapping[str, object]:
    try:
        return account_content(as_account(row))
    except (SalusError, IndexError, TypeError, ValueError):
        # Not what was written, then.
        return {}


def _holds(row: Any, content: Mapping[str, object]) -> bool:
    return row is not None and (row.salt is None or opens(as_entry(row), row.salt, content))
