"""Cards name the client that they were sent to; of those that were sent before, nobody knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; an entry of before still opens, since what it committed to names no client."""
    op.add_column("hook_card", sa.Column("client", sa.Text, nullable=True))
