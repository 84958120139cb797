import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, select, text, update

from recsys.errors import StoreError
from recsys.store.database import Database
from recsys.store.schema import HEAD_REVISION, metadata, vector_models, vectors
from recsys.store.vectors import VectorStore


def model_keys(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(vector_models.c.model_key).order_by(vector_models.c.model_key)))


def start_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process with the same packages; its standard output can be read line by line."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "recsys.store:migrations")
    return config


def test_a_new_database_is_at_the_newest_revision(database: Database) -> None:
    database.check()
    assert database.revision() == HEAD_REVISION


def test_opening_again_keeps_what_is_there(url: str) -> None:
    with Database.open(url) as database, database.transaction() as connection:
        connection.execute(insert(vector_models).values(model_key="kept", dimension=3))
    with Database.open(url) as database:
        assert model_keys(database) == ["kept"]


def test_migrations_build_the_tables_of_the_schema(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.postgres
def test_postgresql_compares_ids_byte_by_byte_whatever_its_locale(postgres_url: str) -> None:
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND collation_name = 'C' ORDER BY 1, 2"
    )
    with Database.open(postgres_url) as database, database.read() as connection:
        assert list(map(tuple, connection.execute(query))) == [
            ("author_slots", "paper_id"),
            ("author_slots", "person_key"),
            ("papers", "id"),
            ("papers", "venue"),
            ("papers", "work_key"),
            ("tombstones", "paper_id"),
        ]


def test_the_head_revision_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD_REVISION]


def test_the_schema_can_be_taken_down_and_built_again(url: str) -> None:
    config = alembic_config()
    with Database.open(url) as database:
        with database.transaction() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            assert inspect(connection).get_table_names() == ["alembic_version"]
        assert database.revision() == ""
        with pytest.raises(StoreError, match="schema revision None"):
            database.check()
    with Database.open(url) as database:
        assert database.revision() == HEAD_REVISION


def test_a_database_of_the_first_revision_keeps_its_vectors(url: str) -> None:
    config = alembic_config()
    with Database.open(url) as database, database.transaction() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.execute(insert(vector_models).values(id=1, model_key="kept", dimension=1))
        row = {"model_id": 1, "text_hash": bytes(32), "data": b"\0\0\x80?"}
        connection.execute(insert(vectors).values(row))
    with Database.open(url) as database:
        assert database.revision() == HEAD_REVISION
        store = VectorStore(database)
        assert store.load("kept", ["0" * 64]).tolist() == [[1.0]]
        assert store.known("kept") == set()


def test_a_schema_newer_than_the_code_is_refused(url: str) -> None:
    with Database.open(url) as database:
        with database.transaction() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="'9999'") as refused:
            database.check()
    with pytest.raises(StoreError, match=r"revision '9999', which this version") as refused:
        Database.open(url)
    assert refused.value.hint.startswith("Upgrade recsys")


def test_tables_of_another_program_are_left_alone(url: str) -> None:
    with Database.open(url) as database, database.transaction() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StoreError, match="did not make: author_slots, papers, tombstones"):
        Database.open(url)


def test_an_error_rolls_the_whole_transaction_back(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as connection:
            connection.execute(insert(vector_models).values(model_key="a", dimension=3))
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fail()
    assert model_keys(database) == []


def test_a_failing_statement_is_a_store_error_without_its_values(database: Database) -> None:
    with pytest.raises(StoreError) as failed, database.transaction() as connection:
        connection.execute(text("INSERT INTO no_such_table VALUES (:secret)"), {"secret": "my draft"})
    assert "no_such_table" in failed.value.message
    assert "my draft" not in str(failed.value)
    assert "my draft" not in str(failed.value.__cause__)


def test_readers_see_the_old_state_while_a_transaction_writes(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(insert(vector_models).values(model_key="new", dimension=3))
        assert model_keys(database) == []
    assert model_keys(database) == ["new"]


def test_one_read_sees_one_state(database: Database) -> None:
    query = select(vector_models.c.model_key)
    with database.read() as reading:
        assert list(reading.scalars(query)) == []
        with database.transaction() as connection:
            connection.execute(insert(vector_models).values(model_key="new", dimension=3))
        assert list(reading.scalars(query)) == []
    assert model_keys(database) == ["new"]


def test_writers_in_many_threads_take_turns(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(insert(vector_models).values(model_key="counter", dimension=0))

    def add_one(_: int) -> None:
        with database.transaction() as connection:
            dimension = connection.scalars(select(vector_models.c.dimension)).one()
            connection.execute(update(vector_models).values(dimension=dimension + 1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add_one, range(64)))
    with database.read() as connection:
        assert connection.scalars(select(vector_models.c.dimension)).one() == 64


def test_many_threads_read_at_once(database: Database) -> None:
    everyone = threading.Barrier(40)

    def read(_: int) -> str:
        with database.read():
            everyone.wait(timeout=20)
        return database.revision()

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(read, range(40))) == {HEAD_REVISION}


def test_processes_may_open_a_new_database_at_the_same_time(url: str) -> None:
    code = (
        "import sys; from recsys.store.database import Database; print(Database.open(sys.argv[1]).revision())"
    )
    processes = [start_python(code, url) for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in processes] == [f"{HEAD_REVISION}\n"] * 4
    assert [process.returncode for process in processes] == [0] * 4


def test_kill_9_in_a_transaction_leaves_nothing(database: Database, url: str) -> None:
    code = """
import sys, time
from sqlalchemy import insert
from recsys.store.database import Database
from recsys.store.schema import vector_models
with Database.open(sys.argv[1]).transaction() as connection:
    rows = [{"model_key": f"{i:06}", "dimension": 3} for i in range(20_000)]
    connection.execute(insert(vector_models), rows)
    print("written", flush=True)
    time.sleep(60)
"""
    process = start_python(code, url)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert model_keys(database) == []
    with database.transaction() as connection:
        connection.execute(insert(vector_models).values(model_key="next", dimension=3))
    assert model_keys(database) == ["next"]


def test_an_up_to_date_database_opens_without_alembic(url: str) -> None:
    Database.open(url).close()
    code = """
import sys
from recsys.store.database import Database
Database.open(sys.argv[1])
print("alembic" in sys.modules)
"""
    assert start_python(code, url).communicate(timeout=60)[0] == "False\n"


def test_sqlite_runs_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/a.db") as database, database.read() as connection:
        pragmas = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "page_size")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert values == ["wal", 1, 60_000, 1, 8192]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are notes, not a database. " * 100)
    with pytest.raises(StoreError, match="not a database") as refused:
        Database.open(f"sqlite:///{path}")
    assert str(path) in refused.value.message
    assert "Name another file" in refused.value.hint
    assert path.read_text().startswith("These are notes")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as refused:
        Database.open(f"sqlite:///{tmp_path}/file/recsys.db")
    assert refused.value.hint == "Check that the folder exists, is writable and has free space."


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "The database URL cannot be read."),
        ("not a url secret", "The database URL cannot be read."),
        ("postgresql://me:secret@host:port/x", "The database URL cannot be read."),
        ("mysql://me:secret@host/x", "Databases of kind 'mysql' are not supported."),
        ("sqlite://", "A SQLite database in memory is not supported."),
        ("sqlite:///:memory:", "A SQLite database in memory is not supported."),
    ],
)
def test_urls_that_are_refused(url: str, message: str) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(url)
    assert refused.value.message == message
    assert refused.value.hint == "Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE."


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_an_unreachable_server_is_named_without_the_password(scheme: str) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(f"{scheme}://me:s3cret@127.0.0.1:1/papers?sslpassword=s3cret-too")
    assert "postgresql+psycopg://me:***@127.0.0.1:1/papers?sslpassword=" in refused.value.message
    assert "s3cret" not in str(refused.value)
    assert "refused" in refused.value.message
    assert refused.value.hint.startswith("Check that the server runs")


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="psycopg") as refused:
        Database.open("postgresql://me@127.0.0.1:1/papers")
    assert refused.value.hint == "pip install 'recsys[postgres]'"
