"""Settings are in the ledger: what a store kept before that is written down as it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from os import urandom

import sqlalchemy as sa
from alembic import op

from salus.store import ledger

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Append one entry for each setting."""
    to = op.get_bind()
    for key, value in to.execute(sa.text("SELECT key, value FROM setting ORDER BY key")).all():
        newest = to.execute(sa.text("SELECT seq, digest FROM entry ORDER BY seq DESC LIMIT 1")).first()
        salt = urandom(ledger.SALT_BYTES)
        what = ledger.commitment(salt, {"id": key, "value": value})
        last = (newest.seq, newest.digest) if newest else (0, ledger.GENESIS)
        line = ledger.follow(last, datetime.now(UTC), "salus", "setting", what)
        to.execute(
            sa.text("INSERT INTO entry VALUES (:seq, :at, :who, :did, :what, :previous, :digest)"),
            {
                "seq": line.seq,
                "at": ledger.moment(line.at),
                "who": line.who,
                "did": line.did,
                "what": line.what,
                "previous": line.previous,
                "digest": line.digest,
            },
        )
        to.execute(
            sa.text("INSERT INTO opening (seq, salt, kind, record_id) VALUES (:seq, :salt, 'setting', :key)"),
            {"seq": line.seq, "salt": salt, "key": key},
        )
