from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete

from recsys.errors import InvalidRequest, PaperNotFound
from recsys.records import Paper
from recsys.store.database import Database
from recsys.store.papers import PaperStore, UpsertCounts
from recsys.store.schema import papers
from recsys.store.tombstones import Tombstones

A, B, C = (Paper(id=paper_id, title=f"Paper {paper_id}", source="jsonl") for paper_id in "abc")


@pytest.fixture
def store(database: Database) -> PaperStore:
    store = PaperStore(database)
    store.upsert([A, B, C])
    return store


@pytest.fixture
def tombstones(database: Database, store: PaperStore) -> Tombstones:
    return Tombstones(database)


def marks(tombstones: Tombstones) -> list[tuple[str, str, str]]:
    return [(tombstone.id, tombstone.kind, tombstone.note) for tombstone in tombstones.list()]


def test_a_tombstone_acts_at_once_and_can_be_taken_away(tombstones: Tombstones, store: PaperStore) -> None:
    before = datetime.now(UTC)
    assert tombstones.hidden() == frozenset()
    assert tombstones.add(["a", "b"], kind="withdrawn", note="retracted") == 2
    assert tombstones.hidden() == {"a", "b"}
    assert marks(tombstones) == [("a", "withdrawn", "retracted"), ("b", "withdrawn", "retracted")]
    assert all(before <= tombstone.created_at <= datetime.now(UTC) for tombstone in tombstones.list())
    assert tombstones.remove(["a", "c", "unknown", "\0"], kind="withdrawn") == 1
    assert tombstones.hidden() == {"b"}
    assert store.get("a") == A


def test_adding_again_changes_nothing(tombstones: Tombstones) -> None:
    tombstones.add(["a"], kind="withdrawn", note="first")
    before = tombstones.list()
    assert tombstones.add(["a", "a"], kind="withdrawn", note="second") == 0
    assert tombstones.list() == before


def test_each_kind_stands_for_itself(tombstones: Tombstones, store: PaperStore) -> None:
    assert tombstones.add(["a"], kind="withdrawn") == 1
    assert tombstones.add(["a"], kind="opted_out") == 1
    assert tombstones.remove(["a"], kind="withdrawn") == 1
    assert tombstones.hidden() == {"a"}
    with pytest.raises(PaperNotFound):
        store.get("a")
    assert tombstones.remove(["a"], kind="opted_out") == 1
    assert tombstones.hidden() == frozenset()


@pytest.mark.parametrize("unknown", ["nobody", "", "\0", "\ud800"])
def test_an_unknown_id_is_refused_and_nothing_written(tombstones: Tombstones, unknown: str) -> None:
    with pytest.raises(PaperNotFound) as refused:
        tombstones.add(["a", unknown, "x"], kind="withdrawn")
    assert refused.value.message == f"No paper {unknown!r} is in the store, nor 1 more of these."
    assert marks(tombstones) == []


def test_an_unknown_kind_is_refused(tombstones: Tombstones) -> None:
    with pytest.raises(InvalidRequest, match="'gone' is no kind of tombstone"):
        tombstones.add(["a"], kind="gone")
    with pytest.raises(InvalidRequest, match="withdrawn, opted_out, source"):
        tombstones.remove(["a"], kind="gone")


def test_tombstones_survive_another_ingest(tombstones: Tombstones, store: PaperStore) -> None:
    tombstones.add(["a"], kind="opted_out", note="asked by mail")
    assert store.upsert([A, B]) == UpsertCounts(unchanged=2)
    assert store.upsert([replace(A, title="Changed")]) == UpsertCounts(updated=1)
    assert marks(tombstones) == [("a", "opted_out", "asked by mail")]
    assert store.get_many(["a", "b"]) == {"b": B}


def test_tombstones_survive_their_paper(
    tombstones: Tombstones, store: PaperStore, database: Database
) -> None:
    tombstones.add(["a"], kind="opted_out")
    with database.transaction() as connection:
        connection.execute(delete(papers).where(papers.c.id == "a"))
    assert store.counts().withdrawn == 0
    assert store.upsert([A]) == UpsertCounts(added=1)
    assert store.get_many(["a"]) == {}
    assert store.counts().withdrawn == 1


def test_a_source_withdraws_a_paper_and_takes_it_back(tombstones: Tombstones, store: PaperStore) -> None:
    withdrawn = replace(A, withdrawn=True)
    assert store.upsert([withdrawn, B]) == UpsertCounts(updated=1, unchanged=1)
    assert marks(tombstones) == [("a", "source", "")]
    tombstones.add(["a"], kind="opted_out")
    assert store.upsert([withdrawn]) == UpsertCounts(unchanged=1)
    assert store.upsert([A]) == UpsertCounts(updated=1)
    assert marks(tombstones) == [("a", "opted_out", "")]
    tombstones.remove(["a"], kind="opted_out")
    assert store.get("a") == A


def test_a_new_paper_may_be_withdrawn_already(tombstones: Tombstones, store: PaperStore) -> None:
    assert store.upsert([replace(A, id="d", withdrawn=True)]) == UpsertCounts(added=1)
    assert store.get_many(["d"]) == {}
    assert store.counts().withdrawn == 1
    assert tombstones.hidden() == {"d"}


def test_every_change_is_seen_by_other_readers(tombstones: Tombstones, database: Database, url: str) -> None:
    # each pair of steps leaves the number of tombstones as it was
    with Database.open(url) as other:
        reader = Tombstones(other)
        assert reader.hidden() == frozenset()
        tombstones.add(["a"], kind="withdrawn")
        assert reader.hidden() == {"a"}
        tombstones.remove(["a"], kind="withdrawn")
        tombstones.add(["b"], kind="withdrawn")
        assert reader.hidden() == {"b"}
        tombstones.add(["c"], kind="withdrawn")
        assert reader.hidden() == {"b", "c"}
        tombstones.remove(["c"], kind="withdrawn")
        tombstones.add(["a"], kind="withdrawn")
        assert reader.hidden() == {"a", "b"}
        tombstones.remove(["a", "b"], kind="withdrawn")
        assert reader.hidden() == frozenset()


def test_unchanged_tombstones_are_not_read_again(tombstones: Tombstones) -> None:
    tombstones.add(["a"], kind="withdrawn")
    assert tombstones.hidden() is tombstones.hidden()
