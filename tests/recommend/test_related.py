"""Fusion over small indexes whose numbers are given by hand."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from recsys.recommend.neighbours import NONE, compute, extend, look_up
from recsys.recommend.related import (
    AUTHOR,
    LEXICAL,
    AuthorTable,
    Indexes,
    Query,
    lexical_weight,
    paper_query,
    rank,
    score,
)


class Dense:
    """Inner products, exactly."""

    def __init__(self, vectors):
        self.vectors = np.asarray(vectors, np.float32)

    def __len__(self):
        return len(self.vectors)

    def rows(self, positions):
        return self.vectors[positions]

    def search(self, queries, k, allowed=None):
        table = queries @ self.vectors.T
        if allowed is not None:
            table = np.where(allowed, table, -np.inf)
        order = np.lexsort((np.broadcast_to(np.arange(len(self)), table.shape), -table), axis=1)[:, :k]
        found = np.take_along_axis(table, order, axis=1)
        return np.where(np.isinf(found), -1, order), found


@dataclass
class Words:
    """Similarities from a table: the query is a paper's number."""

    table: np.ndarray

    def document_query(self, position):
        return position

    def terms(self, query):
        return 0

    def similarity(self, query, positions):
        return self.table[query, positions].astype(np.float32)

    def search(self, query, k, allowed=None):
        row = self.table[query].copy()
        if allowed is not None:
            row[~allowed] = 0
        order = np.argsort(-row, kind="stable")[:k]
        order = order[row[order] > 0]
        return order, row[order].astype(np.float32)

    def all_lists(self, k):
        table = self.table - 2 * np.eye(len(self.table))
        order = np.argsort(-table, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(table, order, axis=1)
        yield 0, np.where(found > 0, order, NONE), found


@dataclass
class Alignment:
    score: np.ndarray
    pairs: np.ndarray
    best: np.ndarray


@dataclass
class Sentences:
    """One sentence a paper: its vector."""

    vectors: np.ndarray

    def of(self, position):
        return self.vectors[position][None]

    def align(self, query, positions):
        found = (self.vectors[positions] @ query.T).max(axis=1)
        return Alignment(found, np.zeros((len(positions), 2), np.int64), found)


def rows(count, seed=0, dimension=8):
    found = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def indexes_of(vectors, words=None, authors=None):
    count = len(vectors)
    words = np.zeros((count, count)) if words is None else words
    authors = [[i] for i in range(count)] if authors is None else authors
    offsets = np.concatenate([[0], np.cumsum([len(some) for some in authors])]).astype(np.int64)
    codes = np.array([code for some in authors for code in some], np.int32)
    return Indexes(Dense(vectors), Words(words), Sentences(np.asarray(vectors)), AuthorTable(offsets, codes))


def random_indexes(count, seed=0):
    generator = np.random.default_rng(seed)
    words = generator.random((count, count)) * (generator.random((count, count)) < 0.3)
    words = (words + words.T) / 2
    np.fill_diagonal(words, 1)
    authors = [sorted(set(generator.integers(0, count // 3, 3).tolist())) for _ in range(count)]
    return indexes_of(rows(count, seed), words, authors)


def test_the_parts_add_up():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    words = np.array([[1, 0.2, 0.4], [0.2, 1, 0], [0.4, 0, 1]])
    indexes = indexes_of(vectors, words, [[7], [8], [7, 9]])
    query = paper_query(indexes, 0)
    at = np.array([1, 2])
    assert score(indexes, query, at, "dense").scores.tolist() == pytest.approx([0.6, 0])
    assert score(indexes, query, at, "lexical").scores.tolist() == pytest.approx([0.2, 0.4])
    expected = [0.6 + LEXICAL * 0.2, LEXICAL * 0.4 + AUTHOR]
    assert score(indexes, query, at, "fused").scores.tolist() == pytest.approx(expected)
    assert score(indexes, query, at).scores.tolist() == pytest.approx(expected)
    expected[1] -= AUTHOR
    assert score(indexes, query, at, authors=False).scores.tolist() == pytest.approx(expected)


def test_a_candidate_of_either_side_is_found():
    count = 300
    vectors = rows(count)
    words = np.zeros((count, count))
    far = int(np.argmin(vectors @ vectors[0]))
    words[0, far] = 1.0
    found = rank(indexes_of(vectors, words), [paper_query(indexes_of(vectors, words), 0)], k=3, excluded=[0])
    expected = vectors @ vectors[0] + LEXICAL * words[0]
    expected[0] = -9
    assert found.positions[:3].tolist() == np.argsort(-expected, kind="stable")[:3].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_equals_scoring_every_paper(seed):
    indexes = random_indexes(60, seed)
    query = paper_query(indexes, 5)
    found = rank(indexes, [query], k=10, excluded=[5, 9])
    everyone = np.array([i for i in range(60) if i not in (5, 9)])
    totals = score(indexes, query, everyone).scores
    expected = everyone[np.lexsort((everyone, -totals))][:10]
    assert found.positions[:10].tolist() == expected.tolist()


def test_equals_stand_by_position():
    vectors = np.tile(np.array([[1, 0]], np.float32), (9, 1))
    found = rank(indexes_of(vectors), [paper_query(indexes_of(vectors), 4)], k=8, excluded=[4])
    assert found.positions.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_filters_and_exclusions_hold_for_both_sides():
    indexes = random_indexes(60)
    allowed = np.zeros(60, bool)
    allowed[10:20] = True
    found = rank(indexes, [paper_query(indexes, 5)], k=30, allowed=allowed, excluded=[12])
    assert sorted(found.positions.tolist()) == [10, 11, *range(13, 20)]
    among = rank(
        indexes,
        [paper_query(indexes, 5)],
        k=3,
        allowed=allowed,
        excluded=[12],
        among=np.array([3, 19, 12, 11, 19]),
    )
    assert sorted(among.positions.tolist()) == [11, 19]


def test_a_negative_paper_pushes_its_like_down():
    vectors = np.array([[1, 0, 0], [0.8, 0.6, 0], [0.8, 0, 0.6], [0, 1, 0]], np.float32)
    indexes = indexes_of(vectors)
    positive, negative = paper_query(indexes, 0), paper_query(indexes, 3)
    without = rank(indexes, [positive], k=2, excluded=[0, 3])
    assert without.positions.tolist() == [1, 2]
    found = rank(indexes, [positive], [negative], k=2, excluded=[0, 3])
    assert found.positions.tolist() == [2, 1]
    assert found.scores.tolist() == pytest.approx([0.8, 0.8 - 0.5 * 0.6])


def test_close_to_both_stands_before_close_to_one():
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0.7, 0.7, 0.14], [0.9, 0, 0.43]], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    indexes = indexes_of(vectors)
    found = rank(indexes, [paper_query(indexes, 0), paper_query(indexes, 1)], k=2, excluded=[0, 1])
    assert found.positions.tolist() == [2, 3]
    both = vectors[2] @ vectors[:2].T
    assert found.scores[0] == pytest.approx((both.max() + both.mean()) / 2, abs=1e-5)


def test_a_text_has_no_authors():
    indexes = random_indexes(20)
    query = Query(indexes.dense.vectors[3], indexes.sentences.of(3), 3, np.empty(0, np.int32))
    mine = score(indexes, paper_query(indexes, 3), np.arange(20)).scores
    theirs = score(indexes, query, np.arange(20)).scores
    shared = indexes.authors.shared(indexes.authors.of(3), np.arange(20))
    np.testing.assert_allclose(mine - theirs, AUTHOR * shared, atol=2e-6)


@dataclass
class Table:
    count: int
    kept: int = 5
    positions: np.ndarray = field(init=False)
    scores: np.ndarray = field(init=False)
    pairs: np.ndarray = field(init=False)

    def __post_init__(self):
        self.positions = np.full((self.count, self.kept), NONE, np.int32)
        self.scores = np.zeros((self.count, self.kept), np.float32)
        self.pairs = np.zeros((self.count, self.kept, 2), np.uint8)


def neighbours_of(indexes, works):
    table = Table(len(works))
    compute(indexes, works, indexes.lexical.all_lists, table)
    return table


def test_stored_neighbours_are_what_a_query_answers():
    indexes = random_indexes(70)
    works = np.full(70, -1, np.int32)
    works[[3, 8]] = 1
    table = neighbours_of(indexes, works)
    for position in range(70):
        excluded = [3, 8] if position in (3, 8) else [position]
        expected = rank(indexes, [paper_query(indexes, position)], k=5, excluded=excluded)[:5]
        found = look_up(table, position)
        assert found.positions.tolist() == expected.positions.tolist()
        assert found.scores.tolist() == pytest.approx(expected.scores.tolist(), abs=2e-6)


def part_of(indexes, kept):
    words = indexes.lexical.table[np.ix_(kept, kept)]
    authors = [indexes.authors.of(int(p)).tolist() for p in kept]
    return indexes_of(indexes.dense.vectors[kept], words, authors)


def test_growing_and_shrinking_equals_computing_anew():
    indexes = random_indexes(70)
    none = np.full(70, -1, np.int32)
    everyone = neighbours_of(indexes, none)
    # the corpus before: without 10 papers that are new now, with 3 that are gone since
    before = np.array([i for i in range(70) if i % 7 != 2])
    smaller = part_of(indexes, before)
    previous = neighbours_of(smaller, none[: len(before)])
    kept = np.full(70, -1, np.int64)
    kept[before] = np.arange(len(before))
    grown = Table(70)
    extend(indexes, none, grown, previous=previous, kept=kept)
    np.testing.assert_array_equal(grown.positions, everyone.positions)
    np.testing.assert_allclose(grown.scores, everyone.scores, atol=2e-6)

    now = before[5:]
    shrunk = Table(len(now))
    extend(
        part_of(indexes, now),
        none[: len(now)],
        shrunk,
        previous=previous,
        kept=np.arange(5, len(before)),
    )
    expected = neighbours_of(part_of(indexes, now), none[: len(now)])
    np.testing.assert_array_equal(shrunk.positions, expected.positions)


def test_words_count_up_to_twice_in_long_queries():
    assert [lexical_weight(terms) for terms in (0, 50, 100, 1000)] == [1.25, 1.875, 2.5, 2.5]
