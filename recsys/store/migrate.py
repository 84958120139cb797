"""Bringing a database's schema to the newest revision; Alembic is imported only when it must be."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from recsys.errors import StoreError
from recsys.store.schema import HEAD_REVISION, metadata

__all__ = ["read_revision", "upgrade"]


def read_revision(connection: Connection) -> str | None:
    """The database's schema revision; None when it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection, name: str) -> None:
    """Migrate to :data:`~recsys.store.schema.HEAD_REVISION` inside the connection's transaction.

    Args:
        connection: in a write transaction, which keeps a second process out; that one then finds
            nothing to do.
        name: the database in words, for messages.

    Raises:
        StoreError: the schema is newer than this code, or the tables are not ours.
    """
    revision = read_revision(connection)
    if revision == HEAD_REVISION:
        return
    if revision is None:
        foreign = sorted(set(metadata.tables) & set(inspect(connection).get_table_names()))
        if foreign:
            raise StoreError(
                f"The database {name} has tables that this program did not make: {', '.join(foreign)}.",
                hint="Name another database in the URL.",
            )
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "recsys.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"The database {name} has schema revision {revision!r}, which this version of recsys does not "
            f"know (its own is {HEAD_REVISION!r}).",
            hint="Upgrade recsys to the version that last wrote to this database.",
        ) from error
