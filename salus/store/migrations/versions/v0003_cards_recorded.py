"""Cards, marks and what an entry was about are in the ledger; tokens are used once by all servers of a store.

What a store kept before that is written down as it stands: one entry for the cards of each hook call.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from os import urandom

import sqlalchemy as sa
from alembic import op

from salus.store import ledger

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the table, then append an entry for each hook call whose cards are kept."""
    # Written out: Alembic cannot add a column with a reference to SQLite.
    counter = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute("ALTER TABLE opening ADD COLUMN content TEXT")
    op.execute(f"ALTER TABLE insight ADD COLUMN stale_seq {counter} REFERENCES entry (seq)")
    op.execute(f"ALTER TABLE hook_card ADD COLUMN seq {counter} REFERENCES entry (seq)")
    op.create_index("hook_card_by_entry", "hook_card", ["seq"])
    op.create_table(
        "used_token",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.execute(
        "UPDATE insight SET stale_seq = (SELECT MIN(entry.seq) FROM entry WHERE entry.did = 'stale' "
        "AND entry.at = insight.stale_since) WHERE stale_since IS NOT NULL"
    )
    _cards()


def _cards() -> None:
    to = op.get_bind()
    kept = to.execute(
        sa.text('SELECT at, "user", uuid, insight FROM hook_card ORDER BY at, "user", uuid')
    ).all()
    newest = to.execute(sa.text("SELECT seq, digest FROM entry ORDER BY seq DESC LIMIT 1")).first()
    last = (newest.seq, newest.digest) if newest else (0, ledger.GENESIS)
    for (at, user), rows in groupby(kept, key=lambda row: (row.at, row.user)):
        cards = {row.uuid: [row.insight, user, at] for row in rows}
        last = _appended(last, cards)
        told = [{"seq": last[0], "uuid": uuid} for uuid in cards]
        to.execute(sa.text("UPDATE hook_card SET seq = :seq WHERE uuid = :uuid"), told)


def _appended(last: tuple[int, str], cards: dict[str, list[str]]) -> tuple[int, str]:
    """Append the entry of one call's cards; return its number and digest."""
    to, salt = op.get_bind(), urandom(ledger.SALT_BYTES)
    line = ledger.follow(last, datetime.now(UTC), "salus", "card", ledger.commitment(salt, {"cards": cards}))
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
        sa.text("INSERT INTO opening (seq, salt, kind, record_id) VALUES (:seq, :salt, 'card', '')"),
        {"seq": line.seq, "salt": salt},
    )
    return (line.seq, line.digest)
