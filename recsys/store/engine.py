"""From a database URL to an engine with what SQLite and PostgreSQL each need; drivers' errors in words."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from recsys.errors import StoreError

__all__ = ["LOCK_WAIT_SECONDS", "WRITE", "make_engine", "parse_url", "store_error", "without_password"]

#: How long a writer waits for another one.
LOCK_WAIT_SECONDS = 60

#: Execution option of a connection whose transaction will write.
WRITE = "recsys_write"

_URL_HINT = "Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
_PAGE_BYTES = 8192  # five 384-dimensional float32 rows fill one to 98 %; the default 4096 wastes a fifth
# Per connection; the operating system's cache stands behind it. Neither more of it made reads faster, nor
# mapping the file into memory, which each pooled connection does for itself: a gigabyte in all.
_CACHE_KIB = 16_384
_WAL_KEPT_BYTES = 1 << 26


def parse_url(text: str) -> URL:
    """Read a database URL.

    Args:
        text: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…`` (any spelling of the
            scheme; the driver is always psycopg 3).

    Raises:
        StoreError: the text is no such URL. It is not repeated in the message: it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreError("The database URL cannot be read.", hint=_URL_HINT) from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise StoreError(f"Databases of kind {kind!r} are not supported.", hint=_URL_HINT)
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise StoreError("A SQLite database in memory is not supported.", hint=_URL_HINT)
    return url


def without_password(url: URL) -> str:
    """The URL for messages: passwords, also those given as a parameter, are replaced by stars."""
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def make_engine(url: URL) -> Engine:
    """An engine for the URL; connects only to set up a new SQLite file.

    Raises:
        StoreError: no driver is installed, or the SQLite file cannot be made or is no database.
    """
    if url.get_backend_name() == "sqlite":
        _prepare_sqlite_file(url)
        options: dict[str, Any] = {"connect_args": {"timeout": LOCK_WAIT_SECONDS}}
    else:
        given = set(url.query)
        connect_args = {} if "connect_timeout" in given else {"connect_timeout": 10}
        options = {"connect_args": connect_args, "pool_pre_ping": True}
    try:
        engine = create_engine(
            url,
            pool_size=8,
            max_overflow=56,
            # Messages and logs never show what a user asked or a paper says.
            hide_parameters=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            **options,
        )
    except ImportError as error:
        raise StoreError(
            f"The PostgreSQL driver psycopg cannot be imported ({error}).",
            hint="pip install 'recsys[postgres]'",
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _configure_postgresql)
    return engine


def _prepare_sqlite_file(url: URL) -> None:
    """Create the file and its folder; page size and WAL are properties of the file, set once."""
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, sqlite3.Error) as error:
        raise store_error(url, error) from error


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit transactions are off; `_begin_sqlite` starts them. See SQLAlchemy's page on
    # SQLite, "Enabling Non-Legacy SQLite Transactional Modes".
    connection.isolation_level = None
    for name, value in {
        "synchronous": "NORMAL",  # with WAL: a power cut may lose the last commits, never damages the file
        "foreign_keys": "ON",
        "cache_size": -_CACHE_KIB,
        "temp_store": "MEMORY",
        "journal_size_limit": _WAL_KEPT_BYTES,
    }.items():
        connection.execute(f"PRAGMA {name} = {value}")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads before it writes cannot fail halfway
    # because another one wrote in between.
    write = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _configure_postgresql(connection: Any, _record: object) -> None:
    connection.execute(f"SET lock_timeout = '{LOCK_WAIT_SECONDS}s'")
    connection.commit()


def store_error(url: URL, error: BaseException) -> StoreError:
    """What a driver's error means to whoever runs this deployment, without passwords or parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = str(cause).strip().partition("\n")[0] or type(cause).__name__
    for secret in filter(None, [url.password, *_query_passwords(url)]):
        words = words.replace(str(secret), "***")
    lowered = words.lower()
    if "not a database" in lowered:
        hint = "Name another file in the database URL: this one was not written by SQLite."
    elif "database is locked" in lowered or "lock timeout" in lowered:
        hint = f"Another process has been writing for over {LOCK_WAIT_SECONDS} s: wait, then try again."
    elif url.get_backend_name() == "sqlite":
        hint = "Check that the folder exists, is writable and has free space."
    else:
        hint = "Check that the server runs, and the host, port, user, password and database in the URL."
    return StoreError(f"The database {without_password(url)} cannot be used: {words}.", hint=hint)


def _query_passwords(url: URL) -> list[str]:
    values = [value for name, value in url.query.items() if "password" in name]
    return [part for value in values for part in ([value] if isinstance(value, str) else value)]
