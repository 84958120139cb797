"""Vectors of sentences, beside the vector of their text."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vectors", sa.Column("sentences", sa.LargeBinary))
    if op.get_bind().dialect.name == "postgresql":
        # Trying to compress them costs more time than it saves space.
        op.execute("ALTER TABLE vectors ALTER COLUMN sentences SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_column("vectors", "sentences")
