"""A corpus that grew a little is not indexed anew, and answers as if it had been."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.build import indexing
from recsys.index.dense import DenseIndex


@pytest.fixture
def grows(monkeypatch):
    monkeypatch.setattr(indexing, "SMALLEST_BASE", 1)
    monkeypatch.setattr(indexing, "MAY_CHANGE", 0.3)


def contents(toy):
    return toy.snapshots.open().contents


def neighbours(toy):
    """Every paper's related papers by id."""
    found = contents(toy)
    ids = found.facets.ids
    return {
        paper_id: [ids[p] for p in row if p >= 0]
        for paper_id, row in zip(ids, found.neighbours.positions.tolist(), strict=True)
    }


def newcomers(toy):
    paper = toy.papers.get("m2")
    return [
        replace(
            paper, id="a-first", title="Back-translation revisited", abstract="We translate back. It helps."
        ),
        replace(paper, id="zz-last", title="Parsing back", abstract="A parser parses. A treebank grows."),
    ]


@pytest.mark.usefixtures("grows")
@pytest.mark.parametrize("exact_limit", [1000, 0], ids=["exact", "graph"])
def test_new_papers_join_what_is_there(make_toy, tmp_path, exact_limit):
    toy = make_toy(tmp_path)
    toy.build(exact_limit=exact_limit)
    before = contents(toy)
    toy.papers.upsert(newcomers(toy))
    report = toy.build(exact_limit=exact_limit)
    assert (report.embedded, report.manifest.base, report.manifest.papers) == (2, 20, 22)
    after = contents(toy)
    np.testing.assert_array_equal(after.centre.papers, before.centre.papers)
    new = [after.facets.ids.index(one) for one in ("a-first", "zz-last")]
    old = np.setdiff1d(np.arange(22), new)
    np.testing.assert_array_equal(after.dense.vectors[old], before.dense.vectors)
    for there, here in enumerate(old):
        np.testing.assert_array_equal(after.sentences.of(int(here)), before.sentences.of(there))
    # found by its own vector, wherever its row stands in the graph
    for position in range(22):
        found, _ = after.dense.search(after.dense.rows(np.array([position])), 2)
        assert position in found[0].tolist() or after.facets.ids[position] in ("r4", "r5")
    assert toy.service.search("Back-translation revisited", k=1).results[0].paper.id == "a-first"
    assert "zz-last" in neighbours(toy)["p1"]
    assert neighbours(toy)["zz-last"][0].startswith("p")
    # a new row is computed with today's word frequencies; in an old one the entries kept are as old as it
    again = toy.service.rank("zz-last", candidates=after.facets.ids, k=21)
    assert [one for one, _ in again] == neighbours(toy)["zz-last"]
    again = toy.service.rank("p1", candidates=after.facets.ids, k=21)
    assert {one for one, _ in again} == set(neighbours(toy)["p1"])


@pytest.mark.usefixtures("grows")
def test_papers_that_went_or_changed_leave_every_row(toy):
    toy.tombstones.add(["m1", "d1"], kind="withdrawn")
    changed = replace(toy.papers.get("p1"), title="Reinforcement learning of rewards", abstract=None)
    toy.papers.upsert([changed])
    report = toy.build()
    assert (report.manifest.base, report.manifest.papers) == (20, 18)
    rows = neighbours(toy)
    assert set(rows) == {paper.id for paper in toy.papers.page(limit=100)}
    assert all(not {"m1", "d1", paper_id} & set(row) for paper_id, row in rows.items())
    assert rows["p1"][0].startswith("r")
    assert {len(row) for row in rows.values()} <= {16, 17}  # versions stay apart


@pytest.mark.usefixtures("grows")
def test_a_corpus_that_changed_much_is_indexed_anew(toy):
    toy.tombstones.add(["m1", "m2", "m3", "d1", "d2", "d3", "p1"], kind="withdrawn")
    assert toy.build().manifest.base == 13


def test_another_model_or_a_small_corpus_is_indexed_anew(toy, monkeypatch):
    toy.papers.upsert(newcomers(toy)[:1])
    assert toy.build().manifest.base == 21
    monkeypatch.setattr(indexing, "SMALLEST_BASE", 1)
    toy.embedder.key = "words-2"
    toy.papers.upsert(newcomers(toy)[1:])
    assert toy.build().manifest.base == 22


@pytest.mark.usefixtures("grows")
def test_the_graph_grows_instead_of_being_built(make_toy, tmp_path, monkeypatch):
    toy = make_toy(tmp_path)
    toy.build(exact_limit=0)
    grown = []
    add = DenseIndex.grown
    monkeypatch.setattr(DenseIndex, "grown", lambda *a: grown.append(1) or add(*a))
    toy.papers.upsert(newcomers(toy))
    toy.build(exact_limit=0)
    assert grown == [1]
    toy.tombstones.add(["m1"], kind="withdrawn")  # a graph gives no vector back
    toy.build(exact_limit=0)
    assert grown == [1]
