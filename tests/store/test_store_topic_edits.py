from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from recsys.errors import InvalidRequest, NotFound
from recsys.records import TopicEdit
from recsys.store.database import Database
from recsys.store.schema import HEAD_REVISION
from recsys.store.topic_edits import PastEdit, TopicEdits

A, B = "t0000000a", "t0000000b"
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def edits(database: Database) -> TopicEdits:
    """Edits by a clock that starts at nine and moves on by a minute a look."""
    return TopicEdits(database, ticking())


def ticking() -> Callable[[], datetime]:
    moments = (NINE + timedelta(minutes=i) for i in range(1000))
    return lambda: next(moments)


def test_every_kind_comes_back_as_it_was_decided(edits: TopicEdits) -> None:
    decided = [
        edits.add("rename", A, by="Ada", name="Chatbots", note="as readers say"),
        edits.add("merge", A, by="Ada", into=B),
        edits.add("split", B, by="Grace", parts=3),
        edits.add("hide", A, by="Grace"),
        edits.add("pin", B, by="Grace"),
    ]
    assert decided == [
        TopicEdit(1, "rename", A, "Ada", "2026-11-23T09:00:00+00:00", name="Chatbots", note="as readers say"),
        TopicEdit(2, "merge", A, "Ada", "2026-11-23T09:01:00+00:00", into=B),
        TopicEdit(3, "split", B, "Grace", "2026-11-23T09:02:00+00:00", parts=3),
        TopicEdit(4, "hide", A, "Grace", "2026-11-23T09:03:00+00:00"),
        TopicEdit(5, "pin", B, "Grace", "2026-11-23T09:04:00+00:00"),
    ]
    assert edits.all() == decided
    assert edits.history() == [PastEdit(edit) for edit in decided]


def test_an_undone_edit_stays_on_record(edits: TopicEdits) -> None:
    first = edits.add("hide", A, by="Ada")
    second = edits.add("pin", B, by="Ada")
    assert edits.undo(1, by=" Grace  Hopper ") == first
    assert edits.all() == [second]
    assert edits.all(include_undone=True) == [first, second]
    assert edits.history() == [
        PastEdit(first, undone_by="Grace Hopper", undone_at="2026-11-23T09:02:00+00:00"),
        PastEdit(second),
    ]
    assert edits.add("hide", A, by="Ada").number == 3


def test_an_edit_is_undone_once(edits: TopicEdits) -> None:
    edits.add("hide", A, by="Ada")
    edits.undo(1, by="Grace")
    with pytest.raises(InvalidRequest, match="Edit 1 was undone already, by Grace at 2026-11-23T09:01:00"):
        edits.undo(1, by="Ada")
    assert edits.history()[0].undone_by == "Grace"


@pytest.mark.parametrize("number", [2, 0, -1, 1 << 40])
def test_an_unknown_edit_cannot_be_undone(edits: TopicEdits, number: int) -> None:
    edits.add("hide", A, by="Ada")
    with pytest.raises(NotFound, match=f"There is no edit {number}"):
        edits.undo(number, by="Ada")
    with pytest.raises(InvalidRequest, match="The editor is empty"):
        edits.undo(1, by=" ")
    assert len(edits.all()) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("delete", {}, "'delete' is no kind of edit"),
        ("rename", {}, "A rename needs 'name'"),
        ("merge", {"name": "x"}, "A merge takes no 'name'"),
        ("merge", {}, "A merge needs 'into'"),
        ("split", {}, "A split needs 'parts'"),
        ("hide", {"parts": 2}, "A hide takes no 'parts'"),
        ("pin", {"into": B}, "A pin takes no 'into'"),
        ("merge", {"into": f" {A}"}, f"Topic {A} cannot become part of itself"),
        ("merge", {"into": ""}, "The other topic's id is empty"),
        ("split", {"parts": 1}, "cannot be split into 1"),
        ("split", {"parts": 21}, "cannot be split into 21"),
        ("rename", {"name": " \n"}, "The name is empty"),
        ("rename", {"name": "x" * 81}, "The name has 81 characters, more than 80"),
        ("rename", {"name": "a\0b"}, r"The name holds the invisible character '\\x00'"),
        ("rename", {"name": "a\u202eb"}, r"invisible character '\\u202e'"),
        ("rename", {"name": "a\ud800b"}, r"invisible character '\\ud800'"),
        ("hide", {"by": ""}, "The editor is empty"),
        ("hide", {"by": "a\x7f"}, "The editor holds the invisible character"),
        ("hide", {"note": "x" * 1001}, "The note has 1001 characters"),
        ("hide", {"topic": ""}, "The topic's id is empty"),
    ],
)
def test_what_is_refused_is_not_written(
    edits: TopicEdits, kind: str, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message) as refused:
        edits.add(kind, **({"topic": A, "by": "Ada"} | fields))  # type: ignore[arg-type]
    assert refused.value.hint
    assert edits.history() == []


def test_texts_are_single_spaced_and_may_be_of_any_script(edits: TopicEdits) -> None:
    name = "می\u200cخواهم"  # a joiner that Persian needs
    edit = edits.add("rename", A, by="Ada\tLovelace", name=f"  {name}\n x ", note=" two\n lines ")
    assert (edit.by, edit.name, edit.note) == ("Ada Lovelace", f"{name} x", "two lines")
    assert edits.add("rename", A, by="x" * 80, name="y" * 80).name == "y" * 80
    assert [kept.name for kept in edits.all()] == [f"{name} x", "y" * 80]


def test_moments_are_utc_whatever_the_clock_says(database: Database) -> None:
    tokyo = timezone(timedelta(hours=9))
    edits = TopicEdits(database, lambda: datetime(2026, 11, 23, 9, 30, 15, 999, tzinfo=tokyo))
    assert edits.add("hide", A, by="Ada").at == "2026-11-23T00:30:15+00:00"
    assert edits.all()[0].at == "2026-11-23T00:30:15+00:00"


def test_by_the_real_clock(database: Database) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    edit = TopicEdits(database).add("hide", A, by="Ada")
    assert before <= datetime.fromisoformat(edit.at) <= datetime.now(UTC)


def test_a_database_of_the_third_revision_gets_the_table(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", "recsys.store:migrations")
    with Database.open(url) as database, database.transaction() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        assert not inspect(connection).has_table("topic_edits")
    with Database.open(url) as database:
        assert database.revision() == HEAD_REVISION
        assert TopicEdits(database, ticking()).add("hide", A, by="Ada").number == 1
