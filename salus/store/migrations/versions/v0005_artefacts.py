"""What a site trained itself is kept by its hash; before, nothing was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table; which artefact a model answers by is in the ledger."""
    op.create_table(
        "artefact",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
