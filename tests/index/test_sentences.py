"""Sentences matched best to best, against a plain loop over the same vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import DamagedSnapshot
from recsys.index.sentences import (
    build_sentences,
    load_sentences,
    sentence_centre,
    unit,
)

DIMENSION = 16


def packed(rows):
    """Directions as signed bytes."""
    return np.rint(rows * (127 / np.abs(rows).max(axis=1, keepdims=True))).astype(np.int8)


def corpus(counts, seed=0):
    rows = np.random.default_rng(seed).standard_normal((sum(counts), DIMENSION)).astype(np.float32)
    return packed(rows), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def index_of(counts, seed=0):
    rows, offsets = corpus(counts, seed)
    return build_sentences(rows, offsets, np.zeros(DIMENSION, np.float32))


def test_the_formula_by_hand():
    rows = np.array([[127, 0, 0], [0, 127, 0]], np.int8)
    index = build_sentences(rows, np.array([0, 2]), np.zeros(3, np.float32))
    query = np.array([[1, 0, 0], [0.6, 0.8, 0]], np.float32)
    found = index.align(query, np.array([0]))
    # best of the query's: 1 and .8; best of the paper's: 1 (with the first) and .8 (with the second)
    assert found.score[0] == pytest.approx((0.9 + 0.9) / 4 + 0.9 / 2, abs=1e-6)
    assert found.pairs.tolist() == [[0, 0]]
    assert found.best[0] == pytest.approx(1)


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    asked=st.integers(1, 7),
    seed=st.integers(0, 1000),
)
def test_equals_a_plain_loop(counts, asked, seed):
    index = index_of(counts, seed)
    query = unit(np.random.default_rng(seed + 1).standard_normal((asked, DIMENSION)).astype(np.float32))
    positions = np.random.default_rng(seed).permutation(len(counts))
    found = index.align(query, positions)
    for i, position in enumerate(positions):
        table = query @ index.of(int(position)).T
        mine, theirs = table.max(axis=1), table.max(axis=0)
        expected = (mine.mean() + theirs.mean()) / 4 + np.sort(mine)[-3:].mean() / 2
        assert found.score[i] == pytest.approx(expected, abs=1e-5)
        assert table[tuple(found.pairs[i])] == pytest.approx(table.max(), abs=1e-5)
        assert found.best[i] == pytest.approx(table.max(), abs=1e-5)


def test_a_paper_without_a_sentence_matches_nothing():
    index = index_of([2, 0, 1])
    found = index.align(index.of(0), np.array([0, 1, 2]))
    assert found.score[0] == pytest.approx(1, abs=1e-5)
    assert (found.score[1], found.best[1], found.pairs[1].tolist()) == (0, 0, [-1, -1])
    nothing = index.align(np.empty((0, DIMENSION), np.float32), np.array([0, 2]))
    assert nothing.score.tolist() == [0, 0]


def test_directions_are_measured_from_the_centre():
    rows, offsets = corpus([3, 4])
    centre = sentence_centre(rows)
    np.testing.assert_allclose(centre, unit(rows.astype(np.float32)).mean(axis=0), atol=1e-6)
    index = build_sentences(rows, offsets, centre)
    expected = unit(unit(rows[3:].astype(np.float32)) - centre)
    np.testing.assert_allclose(index.of(1), expected, atol=0.01)


def test_rows_taken_over_are_the_same_rows():
    rows, offsets = corpus([2, 3, 1, 4])
    centre = sentence_centre(rows)
    whole = build_sentences(rows, offsets, centre)
    # of the four, 0 and 2 were there before, in another order
    before_rows = np.concatenate([rows[5:6], rows[0:2]])
    before = build_sentences(before_rows, np.array([0, 1, 3]), centre)
    fresh_rows = np.concatenate([rows[2:5], rows[6:10]])
    fresh_offsets = np.array([0, 0, 3, 3, 7])
    grown = build_sentences(fresh_rows, fresh_offsets, centre, previous=before, kept=np.array([1, -1, 0, -1]))
    assert grown.offsets.tolist() == [0, 2, 5, 6, 10]
    for position in range(4):
        np.testing.assert_array_equal(grown.of(position), whole.of(position))


def test_comes_back_from_the_disk(tmp_path):
    index = index_of([2, 1, 3])
    index.save(tmp_path / "sentences")
    again = load_sentences(tmp_path / "sentences")
    assert len(again) == 3
    for position in range(3):
        np.testing.assert_array_equal(again.of(position), index.of(position))


def test_files_that_disagree_are_damage(tmp_path):
    index_of([2, 1, 3]).save(tmp_path / "sentences")
    np.save(tmp_path / "sentences" / "offsets.npy", np.array([0, 2, 3, 5]))
    with pytest.raises(DamagedSnapshot, match="6 rows, 6 lengths and offsets up to 5"):
        load_sentences(tmp_path / "sentences")
