"""One battery over every kind of index and every way of filtering, against an exact oracle."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import DamagedSnapshot, DimensionMismatch
from recsys.index import dense
from recsys.index.dense import DenseParameters, build_dense, load_dense

KINDS = {"flat": 10_000, "hnsw": 0}


def unit_rows(count: int, dimension: int = 32, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def oracle(vectors, query, k, allowed=None):
    scores = vectors @ query
    order = sorted(
        (p for p in range(len(vectors)) if allowed is None or allowed[p]), key=lambda p: (-scores[p], p)
    )[:k]
    return order, scores[order]


@pytest.fixture(scope="module", params=KINDS)
def index(request):
    return build_dense(unit_rows(600), exact_limit=KINDS[request.param])


@pytest.mark.parametrize("subset_limit", [0, 20_000], ids=["walk", "compare-all"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.02])
def test_finds_what_the_oracle_finds(index, monkeypatch, subset_limit, share):
    monkeypatch.setattr(dense, "EXACT_SUBSET", subset_limit)
    vectors = unit_rows(600)
    allowed = None if share == 1 else np.random.default_rng(5).random(600) < share
    queries = unit_rows(20, seed=9)
    positions, scores = index.search(queries, 7, allowed)
    for query, found, score in zip(queries, positions, scores, strict=True):
        expected, expected_scores = oracle(vectors, query, 7, allowed)
        assert found.tolist() == expected
        np.testing.assert_allclose(score, expected_scores, atol=1e-5)


def test_pads_when_fewer_are_allowed_than_wanted(index):
    allowed = np.zeros(600, bool)
    allowed[[3, 400]] = True
    positions, scores = index.search(unit_rows(600)[[400]], 4, allowed)
    assert positions.tolist() == [[400, 3, -1, -1]]
    assert scores[0, 2:].tolist() == [-np.inf, -np.inf]


def test_nothing_allowed_gives_nothing(index):
    positions, _ = index.search(unit_rows(1), 3, np.zeros(600, bool))
    assert positions.tolist() == [[-1, -1, -1]]


def test_equal_vectors_come_in_ascending_position(index):
    same = build_dense(np.repeat(unit_rows(1), 9, axis=0), exact_limit=KINDS[index.parameters.kind])
    positions, scores = same.search(unit_rows(1), 9)
    assert positions[0].tolist() == list(range(9))
    np.testing.assert_allclose(scores, 1, atol=1e-6)


def test_parameters_tell_the_kind_and_the_recall(index):
    parameters = index.parameters
    if parameters.kind == "flat":
        assert parameters == DenseParameters("flat", 600, 32)
    else:
        assert (parameters.neighbours, parameters.ef_construction) == (24, 64)
        assert parameters.recall >= 0.98
        assert parameters.recall_queries == 500


def test_the_limit_decides_the_kind():
    assert build_dense(unit_rows(50), exact_limit=50).parameters.kind == "flat"
    assert build_dense(unit_rows(51), exact_limit=50).parameters.kind == "hnsw"


def test_comes_back_from_disk_as_it_was(index, tmp_path):
    index.save(tmp_path / "dense.faiss")
    again = load_dense(tmp_path / "dense.faiss", index.parameters)
    np.testing.assert_array_equal(again.vectors, unit_rows(600))
    queries = unit_rows(5, seed=3)
    for here, there in zip(index.search(queries, 5), again.search(queries, 5), strict=True):
        np.testing.assert_array_equal(here, there)


def test_a_file_that_is_no_index_is_named(tmp_path):
    path = tmp_path / "dense.faiss"
    path.write_bytes(b"not an index")
    with pytest.raises(DamagedSnapshot, match=r"dense\.faiss"):
        load_dense(path, DenseParameters("flat", 1, 32))


def test_a_file_of_another_size_is_refused(tmp_path):
    path: Path = tmp_path / "dense.faiss"
    build_dense(unit_rows(4), exact_limit=10).save(path)
    with pytest.raises(DamagedSnapshot, match="holds 4 vectors of 32 numbers; its manifest says 5 of 32"):
        load_dense(path, DenseParameters("flat", 5, 32))


def test_a_query_of_another_width_names_both(index):
    with pytest.raises(DimensionMismatch, match=r"\(1, 8\).*32 numbers"):
        index.search(unit_rows(1, 8), 3)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 40), k=st.integers(1, 50), seed=st.integers(0, 1000))
def test_exact_search_equals_the_oracle_at_every_size(count, k, seed):
    vectors = unit_rows(count, 8, seed)
    query = unit_rows(1, 8, seed + 1)
    positions, scores = build_dense(vectors, exact_limit=100).search(query, k)
    expected, expected_scores = oracle(vectors, query[0], k)
    assert positions[0].tolist() == expected + [-1] * (k - len(expected))
    np.testing.assert_allclose(scores[0, : len(expected)], expected_scores, atol=1e-5)
