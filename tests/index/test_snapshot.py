"""Snapshots are whole or absent, and only whole ones answer."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from recsys.errors import DamagedSnapshot, InvalidRequest, NoSnapshot, SnapshotError
from recsys.index.contents import Centre, Contents, Facets
from recsys.index.dense import build_dense
from recsys.index.lexical import LexicalDocument, build_lexical
from recsys.index.neighbours import no_neighbours
from recsys.index.sentences import build_sentences
from recsys.index.snapshot import ModelReference, SnapshotFolder
from recsys.index.topics import no_topics

MODEL = ModelReference("toy", "toy-1", 4)
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def contents(count: int, vectors: int | None = None) -> Contents:
    """Papers p0, p1, …, each with one sentence; ``vectors`` of them in the dense index."""
    zeros = np.zeros(count, np.uint64)
    facets = Facets(
        ids=[f"p{i}" for i in range(count)],
        years=np.array([2020] * count, np.int16),
        venues=np.array([0] * count, np.int32),
        venue_names=["ACL"],
        works=np.arange(count, dtype=np.int32),
        titles=zeros,
        texts=zeros,
        author_offsets=np.zeros(count + 1, np.int64),
        author_codes=np.empty(0, np.int32),
    )
    rows = np.eye(count, 4, dtype=np.float32)
    origin = np.zeros(4, np.float32)
    return Contents(
        facets,
        Centre(origin, origin),
        build_dense(np.eye(count if vectors is None else vectors, 4, dtype=np.float32), exact_limit=100),
        build_lexical([LexicalDocument(f"paper number{i}", ("Ann Lee",)) for i in range(count)]),
        build_sentences((rows * 127).astype(np.int8), np.arange(count + 1), origin),
        no_neighbours(count),
        no_topics(count),
    )


def write(folder: SnapshotFolder, fingerprint: str = "ab" * 32, hours: int = 0, count: int = 3):
    return folder.write(contents(count), MODEL, fingerprint, now=NOON + timedelta(hours=hours))


@pytest.fixture
def folder(tmp_path):
    return SnapshotFolder(tmp_path / "indexes")


def test_what_was_written_is_what_is_opened(folder):
    name = write(folder).name
    assert name == "20260102T120000000Z-abababab"
    folder.publish(name)
    snapshot = folder.open()
    assert snapshot.name == name
    assert snapshot.facets.ids == ["p0", "p1", "p2"]
    assert snapshot.facets.venue_names == ["ACL"]
    assert snapshot.positions == {"p0": 0, "p1": 1, "p2": 2}
    assert snapshot.manifest.model == MODEL
    assert snapshot.manifest.created == "2026-01-02T12:00:00Z"
    assert {"dense.faiss", "facets.npz", "papers.json", "sentences/rows.npy"} < set(snapshot.manifest.files)
    np.testing.assert_array_equal(snapshot.dense.vectors, np.eye(3, 4))
    np.testing.assert_array_equal(snapshot.contents.sentences.of(1), np.eye(3, 4)[[1]])
    assert snapshot.contents.lexical.name_matches("Ann Lee").tolist() == [0, 1, 2]
    assert (snapshot.contents.neighbours.positions == -1).all()


def test_nothing_is_published_until_publish(folder):
    write(folder)
    with pytest.raises(NoSnapshot, match="recsys build"):
        folder.current()


def test_a_failed_write_leaves_nothing(folder):
    with pytest.raises(DamagedSnapshot, match=r"\[1, 2\] rows"):
        folder.write(contents(1, vectors=2), MODEL, "ab" * 32)
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize(
    "file", ["dense.faiss", "papers.json", "facets.npz", "sentences/rows.npy", "neighbours/scores.npy"]
)
def test_one_changed_byte_is_noticed_in_every_file(folder, file):
    name = write(folder).name
    folder.publish(name)
    path = folder.path / name / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedSnapshot, match=f"{file} is not what was written"):
        folder.verify(name)
    with pytest.raises(DamagedSnapshot):
        folder.open()


def test_a_missing_file_is_noticed(folder):
    name = write(folder).name
    (folder.path / name / "papers.json").unlink()
    with pytest.raises(DamagedSnapshot, match=r"papers\.json"):
        folder.publish(name)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"format": 1}', b'{"format": 99}'])
def test_a_manifest_that_makes_no_sense_is_damage(folder, content):
    name = write(folder).name
    (folder.path / name / "manifest.json").write_bytes(content)
    with pytest.raises(DamagedSnapshot):
        folder.verify(name)


def test_a_strange_current_is_damage(folder):
    write(folder)
    (folder.path / "CURRENT").write_text("../../etc\n")
    with pytest.raises(DamagedSnapshot, match="no snapshot's name"):
        folder.open()


def test_publishing_changes_the_signature(folder):
    before = folder.signature()
    folder.publish(write(folder).name)
    first = folder.signature()
    folder.publish(write(folder, "cd" * 32, hours=1).name)
    assert len({before, first, folder.signature()}) == 3


def test_rollback_goes_to_the_one_before_or_the_one_named(folder):
    names = [write(folder, f"{i:02x}" * 32, hours=i).name for i in range(3)]
    folder.publish(names[2])
    assert folder.rollback().name == names[1]
    assert folder.rollback().name == names[0]
    with pytest.raises(SnapshotError, match="no snapshot before"):
        folder.rollback()
    assert folder.rollback(names[2]).name == names[2]
    assert folder.current() == names[2]
    with pytest.raises(SnapshotError, match="no snapshot '20990101T000000000Z-00000000'"):
        folder.rollback("20990101T000000000Z-00000000")


def test_rollback_refuses_a_damaged_one(folder):
    names = [write(folder, f"{i:02x}" * 32, hours=i).name for i in range(2)]
    folder.publish(names[1])
    (folder.path / names[0] / "facets.npz").write_bytes(b"")
    with pytest.raises(DamagedSnapshot):
        folder.rollback()
    assert folder.current() == names[1]


def test_prune_keeps_the_newest_and_always_the_published_one(folder):
    names = [write(folder, f"{i:02x}" * 32, hours=i).name for i in range(5)]
    folder.publish(names[0])
    assert folder.prune(2) == names[1:4]
    assert folder.names() == [names[0], names[4]]
    assert folder.prune(1) == [names[4]]
    assert folder.names() == [names[0]]
    with pytest.raises(InvalidRequest, match="keep 0"):
        folder.prune(0)


def test_sweep_removes_leftovers_only(folder):
    name = write(folder).name
    folder.publish(name)
    (folder.path / ".partial-dead").mkdir()
    (folder.path / ".partial-dead" / "dense.faiss").write_bytes(b"half")
    (folder.path / ".CURRENT-dead").write_text("x")
    assert folder.sweep() == 2
    assert sorted(p.name for p in folder.path.iterdir()) == [name, "CURRENT"]
    assert folder.names() == [name]


def test_a_folder_without_manifest_is_no_snapshot(folder):
    (folder.path / "20260102T120000000Z-00000000").mkdir(parents=True)
    assert folder.names() == []
