"""One database, opened: transactions, consistent reads and the state of its schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from recsys.errors import StoreError
from recsys.store.engine import WRITE, make_engine, parse_url, store_error, without_password
from recsys.store.migrate import read_revision, upgrade
from recsys.store.schema import HEAD_REVISION

__all__ = ["Database"]

# One number for all deployments; advisory locks are per PostgreSQL database.
_WRITER_LOCK = text("SELECT pg_advisory_xact_lock(7165303117)")


class Database:
    """An open database. Safe to share between threads; each call takes a connection of its own from a pool.

    Made by :meth:`open`. Also a context manager that closes it.
    """

    def __init__(self, engine: Engine, url: URL) -> None:
        self._engine = engine
        self._url = url

    @classmethod
    def open(cls, url: str) -> Database:
        """Open a database, creating a SQLite file and its folder, and bring its schema up to date.

        Processes that open a new database at the same time wait for the one that migrates it.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql://…``.

        Raises:
            StoreError: the URL is wrong, the server unreachable, the driver missing, the file no database, or
                the schema newer than this code. The password is never in the message.
        """
        parsed = parse_url(url)
        database = cls(make_engine(parsed), parsed)
        try:
            if database._read_revision() != HEAD_REVISION:
                with database.transaction() as connection:
                    upgrade(connection, database.url_for_display)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def url_for_display(self) -> str:
        """The URL with every password replaced by stars."""
        return without_password(self._url)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: committed at the end, rolled back on any error.

        There is one writer at a time, on PostgreSQL too; a second one waits up to a minute.
        Readers never wait.

        Raises:
            StoreError: the database failed or the wait was too long; nothing was written.
        """
        with self._errors_in_words(), self._engine.connect() as connection:
            connection = connection.execution_options(**{WRITE: True})
            with connection.begin():
                if self.dialect == "postgresql":
                    connection.execute(_WRITER_LOCK)
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read in which every statement sees the same committed state, whatever is written meanwhile.

        Raises:
            StoreError: the database failed.
        """
        with self._errors_in_words(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    def check(self) -> None:
        """Make sure that the database answers and that its schema is the one this code was written for.

        Raises:
            StoreError: it does not.
        """
        revision = self._read_revision()
        if revision != HEAD_REVISION:
            raise StoreError(
                f"The database {self.url_for_display} has schema revision {revision!r}; "
                f"this version of recsys needs {HEAD_REVISION!r}.",
                hint="Restart with the same version of recsys everywhere; opening the database upgrades it.",
            )

    def revision(self) -> str:
        """The schema's revision as the database has it, empty when it was never migrated.

        Raises:
            StoreError: the database failed.
        """
        return self._read_revision() or ""

    def close(self) -> None:
        """Give all idle connections back. The database may not be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_revision(self) -> str | None:
        with self.read() as connection:
            return read_revision(connection)

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            raise store_error(self._url, error) from error
