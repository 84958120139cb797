"""Papers, author slots, tombstones and vectors.

Written out in full, not taken from `recsys.store.schema`: that one moves on, this one does not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BYTE_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "papers",
        sa.Column("id", BYTE_TEXT, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("abstract", sa.Text),
        sa.Column("original_title", sa.Text),
        sa.Column("original_abstract", sa.Text),
        sa.Column("year", sa.Integer),
        sa.Column("date", sa.Text),
        sa.Column("venue", BYTE_TEXT),
        sa.Column("doi", sa.Text),
        sa.Column("arxiv_id", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("keywords", sa.JSON, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("work_key", BYTE_TEXT),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_papers"),
    )
    op.create_index("ix_papers_work_key", "papers", ["work_key"])
    op.create_index("ix_papers_id_papers_year_papers_venue", "papers", ["id", "year", "venue"])
    op.create_table(
        "author_slots",
        sa.Column("paper_id", BYTE_TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text),
        sa.Column("affiliation", sa.Text),
        sa.Column("orcid", sa.Text),
        sa.Column("person_key", BYTE_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("paper_id", "position", name="pk_author_slots"),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["papers.id"], name="fk_author_slots_paper_id_papers", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_author_slots_person_key", "author_slots", ["person_key"])
    op.create_table(
        "tombstones",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("paper_id", BYTE_TEXT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_tombstones"),
        sa.UniqueConstraint("paper_id", "kind", name="uq_tombstones_paper_id_kind"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vector_models",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model_key", sa.Text, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vector_models"),
        sa.UniqueConstraint("model_key", name="uq_vector_models_model_key"),
    )
    op.create_table(
        "vectors",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("model_id", sa.Integer, nullable=False),
        sa.Column("text_hash", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vectors"),
        sa.ForeignKeyConstraint(["model_id"], ["vector_models.id"], name="fk_vectors_model_id_vector_models"),
        sa.UniqueConstraint("model_id", "text_hash", name="uq_vectors_model_id_text_hash"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Floats do not compress; trying costs time on every row over 2 KB.
        op.execute("ALTER TABLE vectors ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    for name in ("vectors", "vector_models", "tombstones", "author_slots", "papers"):
        op.drop_table(name)
