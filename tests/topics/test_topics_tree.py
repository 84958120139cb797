"""Trees over graphs whose communities are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recsys.errors import InvalidRequest
from recsys.topics.graph import features, fuzzy_graph, paper_graph
from recsys.topics.leiden import communities, communities_from, numbered
from recsys.topics.membership import chosen, memberships, of_text, placed
from recsys.topics.tree import Tree, carried, check_counts, cut, grow, parents


def cliques(sizes, bridges=()):
    """A graph of cliques, and weak edges between some of their first nodes."""
    starts = np.cumsum([0, *sizes])
    graph = sparse.lil_matrix((starts[-1], starts[-1]))
    for start, stop in pairwise(starts):
        graph[start:stop, start:stop] = 1
    for a, b, weight in bridges:
        graph[starts[a], starts[b]] = graph[starts[b], starts[a]] = weight
    graph.setdiag(0)
    found = graph.tocsr()
    found.eliminate_zeros()
    return found


def nested(levels):
    return all(
        len(set(coarse[fine == topic].tolist())) == 1
        for coarse, fine in pairwise(levels)
        for topic in np.unique(fine)
    )


def test_cliques_are_communities():
    graph = cliques([4, 5, 3], [(0, 1, 0.1), (1, 2, 0.1)])
    assert communities(graph, 1.0, seed=1).tolist() == [0] * 4 + [1] * 5 + [2] * 3


def test_a_partition_goes_on_from_another_and_keeps_its_communities():
    graph = cliques([4, 4], [(0, 1, 0.1)])
    assert (
        communities_from(graph, np.array([5] * 4 + [2] * 4, np.int32), 1.0, seed=0).tolist()
        == [0] * 4 + [1] * 4
    )


def test_a_node_without_edges_is_alone_in_either_way():
    graph = cliques([3, 1, 3])
    assert communities(graph, 1.0, seed=0).tolist() == [0, 0, 0, 1, 2, 2, 2]
    start = np.array([0, 0, 0, 0, 1, 1, 1], np.int32)
    assert communities_from(graph, start, 1.0, seed=0).tolist() == [0, 0, 0, 1, 2, 2, 2]
    empty = sparse.csr_matrix((2, 2))
    assert (
        communities(empty, 1.0, seed=0).tolist()
        == communities_from(empty, start[:2], 1.0, seed=0).tolist()
        == [0, 1]
    )


def test_numbers_are_given_in_the_order_of_first_members():
    assert numbered(np.array([7, 3, 7, 9, 3])).tolist() == [0, 1, 0, 2, 1]


def test_a_small_corpus_has_one_level_of_its_natural_topics():
    tree = grow(cliques([6, 5, 5, 4], [(0, 1, 0.2), (2, 3, 0.2)]))
    assert [level.tolist() for level in tree.levels] == [[0] * 6 + [1] * 5 + [2] * 5 + [3] * 4]


def test_a_larger_one_has_two_levels_one_within_the_other():
    # eight cliques of 25, in four pairs that are joined by one edge of weight 8 each
    graph = cliques(
        [25] * 8, [(0, 1, 8), (2, 3, 8), (4, 5, 8), (6, 7, 8), (1, 2, 0.1), (3, 4, 0.1), (5, 6, 0.1)]
    )
    tree = grow(graph, counts=(4, 8))
    pairs, singles = tree.levels
    assert nested(tree.levels)
    assert np.bincount(singles).tolist() == [25] * 8
    assert np.bincount(pairs).tolist() == [50] * 4
    assert parents(pairs, singles).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("counts", [(2,), (5,), (2, 6), (3, 5, 9)])
def test_counts_that_are_asked_for_are_had(counts):
    graph = cliques([5] * 9, [(i, i + 1, 0.3) for i in range(8)])
    tree = grow(graph, counts=counts)
    assert [int(level.max()) + 1 for level in tree.levels[: len(counts)]] == list(counts)
    assert nested(tree.levels)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0,), "0"),
        ((4, 4), "4, 4"),
        ((9, 3), "9, 3"),
        ((2, 4, 8, 16), "4 levels"),
        ((40,), "40 topics were asked for, of 100 papers"),
    ],
)
def test_counts_that_cannot_be_had_are_refused(counts, message):
    with pytest.raises(InvalidRequest, match=message):
        check_counts(counts, 100)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 260), st.integers(0, 3), st.integers(2, 6))
def test_every_paper_has_one_place_at_every_level_whatever_the_corpus(count, seed, k):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, 8)).astype(np.float32)
    similarities = rows @ rows.T
    indices = np.argsort(-similarities, axis=1)[:, : min(k, count)]
    distances = 5 - np.take_along_axis(similarities, indices, axis=1)
    graph = fuzzy_graph(indices, distances)
    tree = grow(graph, seed=seed)
    assert 1 <= len(tree.levels) <= 3
    assert nested(tree.levels)
    for level in tree.levels:
        sizes = np.bincount(level)
        assert (sizes > 0).all()
        if count >= 150:
            assert sizes.max() <= max(count / 2, 6)
    again = grow(graph, seed=seed)
    assert [level.tolist() for level in again.levels] == [level.tolist() for level in tree.levels]


def test_new_papers_join_the_tree_where_their_edges_lead():
    graph = cliques([4, 4, 2], [(0, 2, 0.1)])
    before = Tree([np.array([0, 0, 0, 1, 1, 1], np.int32)], (1.0,), 1.0)
    # papers 0-2 and 4-6 were there; 8 is near 0, and 9 near 8 only
    kept = np.array([0, 1, 2, -1, 3, 4, 5, -1, -1, -1])
    assert carried(before, kept, graph).levels[0].tolist() == [0] * 4 + [1] * 4 + [0, 0]


def test_a_topic_is_cut_into_as_many_parts_as_asked():
    graph = cliques([4, 4, 4, 9], [(0, 1, 0.1), (1, 2, 0.1)])
    assert cut(graph, np.arange(12), 3).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(np.unique(cut(graph, np.arange(12), 5))) == 5


# -- the graph -----------------------------------------------------------------------------------------------------


def test_weights_add_up_to_the_logarithm_of_the_number_of_neighbours():
    random = np.random.default_rng(0)
    distances = np.sort(random.random((50, 8)).astype(np.float32), axis=1)
    # every paper of the first fifty points at eight of its own, so nothing is seen from both ends
    indices = 50 + np.arange(400).reshape(50, 8)
    indices = np.vstack([indices, np.full((400, 8), -1)])
    graph = fuzzy_graph(indices, np.vstack([distances, np.zeros((400, 8), np.float32)]))
    np.testing.assert_allclose(graph[:50].sum(axis=1).A1, np.log2(8), atol=1e-3)
    assert (abs(graph - graph.T) > 1e-12).nnz == 0


def test_an_edge_seen_from_both_ends_is_the_fuzzy_union():
    # two papers that are each other's only neighbour: both see weight 1
    both = fuzzy_graph(np.array([[1], [0]]), np.array([[0.4], [0.4]], np.float32))
    assert both.toarray().tolist() == [[0, 1], [1, 0]]


def test_the_graph_is_umaps():
    umap = pytest.importorskip("umap.umap_")
    random = np.random.default_rng(3)
    rows = random.normal(size=(60, 5)).astype(np.float32)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    indices = np.argsort(apart, axis=1, kind="stable")[:, :10]
    distances = np.take_along_axis(apart, indices, axis=1).astype(np.float32)
    theirs, _, _ = umap.fuzzy_simplicial_set(
        rows, 10, None, "euclidean", knn_indices=indices, knn_dists=distances
    )
    assert abs(fuzzy_graph(indices, distances) - theirs).max() < 1e-3


def test_related_papers_count_half():
    indices, distances = np.array([[0, 1], [1, 0], [2, 2]]), np.zeros((3, 2), np.float32)
    related = np.array([[2], [-1], [-1]], np.int32)
    graph = paper_graph(indices, distances, related, np.array([[1.5], [-1], [-1]], np.float32))
    assert graph.toarray().tolist() == [[0, 1, 0.5], [1, 0, 0], [0.5, 0, 0]]


def test_words_join_papers_that_vectors_do_not():
    vectors = np.eye(6, dtype=np.float32)
    words = sparse.csr_matrix(np.repeat(np.array([[3, 0, 1], [0, 3, 1]]), 3, axis=0))
    rows = features(vectors, words)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    near = rows @ rows.T
    assert near[0, 1] > 0.3 > near[0, 3]
    np.testing.assert_allclose(features(vectors, sparse.csr_matrix((6, 3))), vectors)  # no words at all


# -- how far papers belong -------------------------------------------------------------------------------------------


def test_strength_is_the_share_of_the_neighbourhood():
    graph = sparse.csr_matrix(np.array([[0, 3, 1, 0], [3, 0, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]], np.float64))
    found = memberships(graph, np.array([0, 0, 1, 1], np.int32))
    assert found.topics.tolist() == [[0, 1, -1], [0, -1, -1], [1, 0, -1], [1, -1, -1]]
    assert found.strengths.tolist() == [[0.75, 0.25, 0], [1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]]


def test_the_main_topic_stays_the_main_one_and_no_other_is_called_stronger():
    shares = np.array([[0.2, 0.7, 0.1]], np.float32)
    found = chosen(shares, np.array([0], np.int32))
    assert found.topics.tolist() == [[0, 1, -1]]
    np.testing.assert_allclose(found.strengths, [[0.2, 0.2, 0]], atol=1e-6)


def test_a_new_paper_is_placed_by_its_related_papers():
    labels = np.array([0, 0, 1, -1], np.int32)
    shares = placed(labels, np.array([[0, 2, 3, -1]]), np.array([[3.0, 1.0, 9.0, 9.0]]), 2)
    np.testing.assert_allclose(shares, [[0.75, 0.25]])


def test_a_text_belongs_where_its_neighbours_agree():
    coarse, fine = np.array([0, 0, 0, 1, 1], np.int32), np.array([0, 0, 1, 2, 2], np.int32)
    found = of_text([coarse, fine], np.array([0, 1, 2, 3]), np.array([4.0, 3.0, 1.0, 2.0]))
    assert [[topic for topic, _ in level] for level in found] == [[0, 1], [0, 2]]
    np.testing.assert_allclose(
        [strength for level in found for _, strength in level], [0.8, 0.2, 0.7, 0.2], atol=1e-6
    )


def test_a_text_whose_neighbours_are_everywhere_has_no_topic():
    labels = np.arange(10, dtype=np.int32)
    assert of_text([labels], np.arange(10), np.ones(10)) == [[]]
