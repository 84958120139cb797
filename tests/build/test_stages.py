"""Builds are incremental, idempotent, and can die at any moment."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from recsys.embedding.models import embedding_text, text_hash
from recsys.errors import InvalidRequest
from recsys.index.snapshot import FORMAT, SnapshotFolder


def test_the_first_build_embeds_each_text_once(make_toy, tmp_path):
    toy = make_toy(tmp_path)
    report = toy.build()
    assert report.embedded == 19  # r4 and r5 are one text
    assert len(toy.embedder.encoded) == 19
    assert report.published
    snapshot = toy.snapshots.open()
    assert snapshot.facets.ids == sorted(paper.id for paper in toy.papers.page(limit=100))
    r4, r5 = (snapshot.dense.vectors[snapshot.positions[i]] for i in ("r4", "r5"))
    np.testing.assert_array_equal(r4, r5)


def test_every_row_is_the_vector_of_its_paper_from_the_centre(toy):
    snapshot = toy.snapshots.open()
    texts = [
        embedding_text(toy.embedder.spec, paper.title, paper.abstract, paper.keywords)
        for paper in toy.papers.page(limit=100)
    ]
    vectors = toy.embedder.encode(texts)
    # 20 papers against 100 of shrinkage: a sixth of the mean
    np.testing.assert_allclose(snapshot.contents.centre.papers, vectors.mean(axis=0) / 6, atol=1e-6)
    expected = vectors - vectors.mean(axis=0) / 6
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(snapshot.dense.vectors, expected, atol=1e-6)


def test_columns_tell_year_venue_and_work(toy):
    facets = toy.snapshots.open().facets
    at = {paper_id: i for i, paper_id in enumerate(facets.ids)}
    assert facets.years[at["d1"]] == 2019
    assert facets.years[at["m5"]] == 0
    assert facets.venue_names[facets.venues[at["d1"]]] == "SIGDIAL"
    assert facets.venues[at["m5"]] == -1
    assert facets.works[at["d5"]] == facets.works[at["d6"]]
    assert len({int(facets.works[at[i]]) for i in at}) == 19


def test_a_build_without_change_does_nothing(toy):
    toy.embedder.encoded.clear()
    before = toy.snapshots.signature()
    report = toy.build()
    assert (report.embedded, report.published) == (0, False)
    assert toy.embedder.encoded == []
    assert toy.snapshots.signature() == before
    assert len(toy.snapshots.names()) == 1


def test_only_what_changed_is_embedded(toy):
    toy.embedder.encoded.clear()
    changed = replace(toy.papers.get("m1"), title="Subwords for translation")
    toy.papers.upsert([changed, replace(changed, id="m7", title="A new paper")])
    assert toy.build().embedded == 2
    assert sorted(text.split(".")[0] for text in toy.embedder.encoded) == [
        "A new paper",
        "Subwords for translation",
    ]
    assert toy.build().published is False


def test_a_changed_year_or_venue_makes_a_new_snapshot_without_embedding(toy):
    toy.papers.upsert([replace(toy.papers.get("m1"), year=2017)])
    report = toy.build()
    assert (report.embedded, report.published) == (0, True)


def test_vectors_of_papers_that_went_are_deleted(toy):
    paper = toy.papers.get("p4")
    gone = text_hash(embedding_text(toy.embedder.spec, paper.title, paper.abstract, paper.keywords))
    assert gone in toy.vectors.known("words-1")
    toy.tombstones.add(["p4"], kind="opted_out")
    toy.build()
    assert gone not in toy.vectors.known("words-1")
    toy.tombstones.remove(["p4"], kind="opted_out")
    assert toy.build().embedded == 1


def test_vectors_of_a_former_model_go_with_its_last_snapshot(toy):
    toy.embedder.key = "words-2"
    toy.build(keep_snapshots=2)
    assert toy.vectors.counts() == {"words-1": 19, "words-2": 19}
    toy.tombstones.add(["p4"], kind="withdrawn")
    toy.build(keep_snapshots=1)
    assert toy.vectors.counts() == {"words-2": 18}


def test_after_a_rollback_a_build_publishes_what_exists_already(toy):
    first = toy.snapshots.current()
    toy.tombstones.add(["p4"], kind="withdrawn")
    second = toy.build().manifest.name
    assert toy.snapshots.rollback().name == first
    report = toy.build()
    assert (report.manifest.name, report.published) == (second, True)
    assert toy.snapshots.names() == [first, second]


def test_a_damaged_snapshot_is_built_again(toy, caplog):
    name = toy.snapshots.current()
    (toy.snapshots.path / name / "dense.faiss").write_bytes(b"")
    report = toy.build()
    assert report.manifest.name != name
    assert "damaged" in caplog.text
    toy.snapshots.open()


def test_a_snapshot_of_a_former_format_gives_way_to_a_new_one(toy, caplog):
    old = toy.snapshots.current()
    manifest = toy.snapshots.path / old / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 1'))
    report = toy.build()
    assert report.published
    assert report.embedded == 0
    assert "format 1" in caplog.text
    assert toy.service.search("parser").snapshot == report.manifest.name


def test_an_empty_store_is_refused_with_the_next_step(toy):
    toy.tombstones.add([paper.id for paper in toy.papers.page(limit=100)], kind="withdrawn")
    with pytest.raises(InvalidRequest, match="recsys ingest"):
        toy.build()


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from recsys.build import stages
    from recsys.index.snapshot import FORMAT, SnapshotFolder
    from recsys.store.database import Database
    from recsys.store.papers import PaperStore
    from recsys.store.vectors import VectorStore
    from tests.fakes import WordEmbedder

    folder, where = Path(sys.argv[1]), sys.argv[2]
    die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    stages.CHUNK = 5
    database = Database.open(f"sqlite:///{folder / 'recsys.db'}")
    vectors, snapshots = VectorStore(database), SnapshotFolder(folder / "indexes")
    if where == "second chunk":
        put, count = vectors.put, []
        vectors.put = lambda *a: die() if len(count) == 2 else (count.append(1), put(*a))
    if where == "files written":
        os.rename = die
    if where == "not yet published":
        os.replace = die
    stages.build(PaperStore(database), vectors, snapshots, WordEmbedder(), exact_limit=1000, keep_snapshots=3)
"""


@pytest.mark.parametrize(
    ("where", "left_to_embed"), [("second chunk", 9), ("files written", 0), ("not yet published", 0)]
)
def test_killed_with_9_and_run_again_it_completes(make_toy, tmp_path, where, left_to_embed):
    toy = make_toy(tmp_path)
    toy.tombstones.add(["p4", "m5"], kind="withdrawn")
    toy.papers.upsert([])
    earlier = toy.build().manifest.name
    toy.vectors.prune("words-1", ())
    toy.tombstones.remove(["p4", "m5"], kind="withdrawn")
    script = textwrap.dedent(KILLED)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    died = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), where], cwd=root, capture_output=True, text=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert toy.service.search("parser").snapshot == earlier
    assert SnapshotFolder(tmp_path / "indexes").open().name == earlier
    report = toy.build()
    assert report.embedded == left_to_embed
    assert report.published
    assert len(toy.snapshots.open().facets.ids) == 20
    assert [p.name for p in toy.snapshots.path.iterdir() if p.name.startswith(".")] == []
