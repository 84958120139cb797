"""The tables. `migrations/` builds them; a test compares the two.

Ids are compared byte by byte on both databases (PostgreSQL: collation ``C``), which is also how Python orders
strings: keyset paging and scans run in the same order everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    exists,
)

__all__ = [
    "HEAD_REVISION",
    "author_slots",
    "metadata",
    "papers",
    "tombstones",
    "topic_edits",
    "vector_models",
    "vectors",
    "visible",
]

#: The newest migration, known without importing Alembic, which takes a third of a second.
HEAD_REVISION = "0004"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: an aware datetime in Python, also on SQLite, which has no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: Text in byte order.
ByteText = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

papers = Table(
    "papers",
    metadata,
    Column("id", ByteText, primary_key=True),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("abstract", Text),
    Column("original_title", Text),
    Column("original_abstract", Text),
    Column("year", Integer),
    Column("date", Text),
    Column("venue", ByteText),
    Column("doi", Text),
    Column("arxiv_id", Text),
    Column("url", Text),
    Column("keywords", JSON, nullable=False),
    # What the source said. Whether the paper is hidden is said by `tombstones` alone.
    Column("withdrawn", Boolean, nullable=False),
    Column("work_key", ByteText),
    Column("content_hash", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "work_key"),
    Index(None, "doi"),
    Index(None, "arxiv_id"),
    Index(None, "url"),
    # A page filtered by year or venue walks this narrow index instead of every row.
    Index(None, "id", "year", "venue"),
)

author_slots = Table(
    "author_slots",
    metadata,
    Column("paper_id", ByteText, ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("author_id", Text),
    Column("affiliation", Text),
    Column("orcid", Text),
    Column("person_key", ByteText, nullable=False),
    Index(None, "person_key"),
    # Keeps the slots of one paper side by side.
    sqlite_with_rowid=False,
)

tombstones = Table(
    "tombstones",
    metadata,
    # Never used twice, so that (count, highest seq) tells whether the table changed.
    Column("seq", Integer, primary_key=True),
    # No foreign key: a tombstone outlives its paper's row.
    Column("paper_id", ByteText, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("paper_id", "kind"),
    sqlite_autoincrement=True,
)

topic_edits = Table(
    "topic_edits",
    metadata,
    # Never used twice: the ids of a split's parts are made from it.
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    # No foreign keys: topics live in snapshots.
    Column("topic", Text, nullable=False),
    Column("name", Text),
    Column("into_topic", Text),
    Column("parts", Integer),
    Column("note", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("undone_by", Text),
    Column("undone_at", UtcDateTime),
    sqlite_autoincrement=True,
)

vector_models = Table(
    "vector_models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_key", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    UniqueConstraint("model_key"),
)

vectors = Table(
    "vectors",
    metadata,
    # A row id of its own: SQLite then packs the blobs into pages in the order they come, and only the small
    # unique index is written in hash order.
    Column("id", Integer, primary_key=True),
    Column("model_id", Integer, ForeignKey("vector_models.id"), nullable=False),
    Column("text_hash", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    # One row of int8 for each sentence; null: written before there were any.
    Column("sentences", LargeBinary),
    UniqueConstraint("model_id", "text_hash"),
)


def visible(paper_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that no tombstone of any kind stands on the paper."""
    return ~exists().where(tombstones.c.paper_id == paper_id)
