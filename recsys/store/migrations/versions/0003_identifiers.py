"""Papers are looked up by DOI, arXiv id and address."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("doi", "arxiv_id", "url"):
        op.create_index(f"ix_papers_{column}", "papers", [column])


def downgrade() -> None:
    for column in ("doi", "arxiv_id", "url"):
        op.drop_index(f"ix_papers_{column}", "papers")
