"""First schema: the ledger, its openings, insights and their sources, reviews, cards, statuses, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_SQLITE_GUARD = """
CREATE TRIGGER entry_{verb}_never BEFORE {verb} ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
"""
_POSTGRES_GUARD = """
CREATE FUNCTION salus_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER entry_never BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
FOR EACH STATEMENT EXECUTE FUNCTION salus_ledger_is_append_only();
"""


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def upgrade() -> None:
    """Make every table."""
    _ledger()
    _insights()
    _reviews()
    _rest()


def _ledger() -> None:
    op.create_table(
        "entry",
        sa.Column("seq", COUNTER, primary_key=True, autoincrement=False),
        *(_text(name) for name in ("at", "who", "did", "what", "previous")),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "opening",
        sa.Column("seq", COUNTER, sa.ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary, nullable=True),
        _text("kind"),
        _text("record_id"),
    )
    op.create_index("opening_by_record", "opening", ["kind", "record_id"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_GUARD.format(verb=verb))
    else:
        op.execute(_POSTGRES_GUARD)


def _insights() -> None:
    op.create_table(
        "insight",
        sa.Column("n", COUNTER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *(_text(name) for name in ("subject", "model", "version", "as_of")),
        sa.Column("document", sa.LargeBinary, nullable=False),
        _text("stale_since", nullable=True),
    )
    op.create_index("insight_by_subject", "insight", ["subject", "n"])
    op.create_index("insight_by_model", "insight", ["model", "n"])
    op.create_table(
        "insight_source",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("insight", sa.Text, sa.ForeignKey("insight.id"), primary_key=True),
    )
    op.create_index("insight_source_by_insight", "insight_source", ["insight"])


def _reviews() -> None:
    op.create_table(
        "review",
        sa.Column("n", COUNTER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("insight", sa.Text, sa.ForeignKey("insight.id"), nullable=False),
        *(_text(name) for name in ("subject", "by", "decision", "because", "note", "at")),
        sa.Column("told_patient", sa.Boolean, nullable=False),
    )
    op.create_index("ix_review_insight", "review", ["insight"])
    op.create_index("ix_review_subject", "review", ["subject"])
    op.create_table(
        "hook_card",
        sa.Column("uuid", sa.Text, primary_key=True),
        sa.Column("insight", sa.Text, sa.ForeignKey("insight.id"), nullable=False),
        _text("user"),
        _text("at"),
    )


def _rest() -> None:
    op.create_table(
        "status",
        sa.Column("seq", COUNTER, sa.ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
        *(_text(name) for name in ("model", "version", "status", "by", "because", "at")),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_status_model", "status", ["model"])
    op.create_table(
        "setting",
        sa.Column("key", sa.Text, primary_key=True),
        _text("value"),
    )
