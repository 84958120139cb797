"""The map's coordinates: what is near stays near, a map made again stays where it was, nothing is out of bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.topics.layout import RIM, layout, place


def islands(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors in groups about orthogonal axes, and each one's group."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.eye(8)[group] + random.normal(scale=0.15, size=(len(group), 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), group


def nearest(vectors: np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
    far = 1 - vectors @ vectors.T
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(far, order, axis=1).astype(np.float32)


def drawn(vectors: np.ndarray, **options) -> np.ndarray:
    return layout(*nearest(vectors), vectors, **{"seed": 1, **options})


@pytest.fixture(scope="module")
def papers() -> tuple[np.ndarray, np.ndarray]:
    return islands([40, 30, 20])


@pytest.fixture(scope="module")
def coordinates(papers) -> np.ndarray:
    return drawn(papers[0])


def test_the_nearest_on_the_map_is_of_the_same_group(papers, coordinates):
    far = np.hypot(*(coordinates[:, None] - coordinates[None]).transpose(2, 0, 1))
    np.fill_diagonal(far, np.inf)
    assert (papers[1][far.argmin(axis=1)] == papers[1]).all()


def test_a_seed_repeats_the_map_exactly(papers, coordinates):
    assert np.array_equal(drawn(papers[0]), coordinates)
    assert not np.array_equal(drawn(papers[0], seed=2), coordinates)


def test_the_map_is_centred_wide_and_within_the_rim(coordinates):
    width, height = np.ptp(np.quantile(coordinates, [0.005, 0.995], axis=0), axis=0)
    assert coordinates.dtype == np.float32
    assert width >= height
    assert np.hypot(*coordinates.T).max() <= RIM
    assert np.mean(np.hypot(*coordinates.T) <= 0.8 + 1e-6) >= 0.89


def test_progress_ends_with_all_steps_done(papers):
    seen: list[tuple[int, int]] = []
    drawn(papers[0], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]  # few papers are laid out in one step


def test_a_map_made_again_with_new_papers_stays_where_it_was():
    vectors, group = islands([44, 33, 22], seed=3)
    old = np.ones(len(vectors), bool)
    old[::10] = False
    before = drawn(vectors[old])
    # as a reader knows it: turned and mirrored against what the seed would give
    before = (before @ np.array([[0.0, 1.0], [1.0, 0.0]])).astype(np.float32)
    start = np.full((len(vectors), 2), np.nan)
    start[old] = before
    after = drawn(vectors, start=start)
    moved = np.hypot(*(after[old] - before).T)
    assert np.median(moved) < 0.15
    centres = np.array([before[group[old] == g].mean(axis=0) for g in range(3)])
    new = np.hypot(*(after[~old][:, None] - centres).transpose(2, 0, 1)).argmin(axis=1)
    assert new.tolist() == group[~old].tolist()


def test_an_earlier_map_of_other_papers_is_no_start(papers, coordinates):
    start = np.full((len(coordinates), 2), np.nan)
    start[:2] = 0.5
    assert np.array_equal(drawn(papers[0], start=start), coordinates)


def test_a_far_island_is_pulled_in_whole():
    """Two groups without a link between them: both on the map, each still together."""
    vectors, group = islands([95, 12], seed=5)
    made = layout(*nearest(vectors, 8), vectors, seed=1)
    assert np.isfinite(made).all()
    small = made[group == 1]
    assert np.hypot(*(small - small.mean(axis=0)).T).max() < 0.5


@settings(max_examples=12, deadline=None)
@given(n=st.integers(1, 30), kinds=st.integers(1, 30), seed=st.integers(0, 2**31 - 1))
def test_any_small_corpus_has_finite_coordinates_within_the_rim(n, kinds, seed):
    """Also one paper, and papers that are all duplicates of each other."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(min(n, kinds), 5))[np.arange(n) % min(n, kinds)]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    made = drawn(vectors, seed=seed)
    assert made.shape == (n, 2)
    assert np.isfinite(made).all()
    assert np.hypot(*made.astype(float).T).max() <= RIM + 1e-6
    again = drawn(vectors, seed=seed, start=made)
    assert np.isfinite(again).all()


def test_one_paper_lies_at_the_origin_and_two_apart():
    one = np.array([[1.0, 0.0]], np.float32)
    two = np.eye(2, dtype=np.float32)
    assert drawn(one).tolist() == [[0.0, 0.0]]
    assert np.hypot(*np.diff(drawn(two), axis=0)[0]) == pytest.approx(1.6, abs=0.01)


def test_a_paper_between_two_islands_is_placed_on_the_heavier_not_in_the_sea():
    spots = np.array([[-0.8, 0.0], [-0.8, 0.02], [0.8, 0.0], [0.8, 0.02], [0.78, 0.0]], np.float32)
    neighbours = np.array([[0, 2, 1, 3, 4], [0, 2, 1, 3, -1]])
    weights = np.array([[0.9, 0.8, 0.7, 0.7, 0.7], [0.9, 0.6, 0.9, 0.6, 0.0]], np.float32)
    placed = place(neighbours, weights, spots)
    assert placed[0] == pytest.approx([0.794, 0.006], abs=0.005)
    assert placed[1] == pytest.approx([-0.8, 0.01], abs=0.001)


def test_equal_groups_are_decided_by_the_nearest_neighbour():
    spots = np.array([[0.5, 0.5], [-0.5, -0.5]], np.float32)
    assert place(np.array([[1, 0]]), np.ones((1, 2), np.float32), spots)[0] == pytest.approx([-0.5, -0.5])
    assert place(np.array([[0, 1]]), np.ones((1, 2), np.float32), spots)[0] == pytest.approx([0.5, 0.5])


def test_weights_of_nothing_count_alike_and_no_neighbour_is_nowhere():
    spots = np.array([[0.1, 0.1], [0.1, 0.12]], np.float32)
    placed = place(np.array([[0, 1], [-1, -1]]), np.zeros((2, 2), np.float32), spots)
    assert placed[0] == pytest.approx([0.1, 0.11], abs=0.001)
    assert np.isnan(placed[1]).all()


def test_many_papers_are_placed_as_one_is():
    random = np.random.default_rng(0)
    spots = random.uniform(-1, 1, size=(50, 2)).astype(np.float32)
    neighbours = random.integers(0, 50, size=(5000, 6))
    weights = random.random((5000, 6)).astype(np.float32)
    together = place(neighbours, weights, spots)
    for row in (0, 4095, 4096, 4999):
        assert together[row] == pytest.approx(place(neighbours[[row]], weights[[row]], spots)[0])
