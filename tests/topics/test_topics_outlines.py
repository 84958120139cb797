"""Outlines hold most of their topic, names lie inside them, and the smallest topics have one too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recsys.topics.outlines import Outline, colours, free_shift, outlines


def inside(point, ring) -> bool:
    """By the winding number: another way than the code's own."""
    angles = np.arctan2(*(np.asarray(ring) - point).T[::-1])
    turns = np.diff(np.append(angles, angles[0]))
    return abs(np.sum((turns + np.pi) % (2 * np.pi) - np.pi)) > np.pi


def area(ring) -> float:
    x, y = np.asarray(ring).T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def test_a_round_topic_has_a_round_outline_around_its_centre():
    spots = np.random.default_rng(0).normal([0.3, -0.2], 0.1, (4000, 2))
    (shape,) = outlines(spots, np.zeros(4000, int), share=0.86)
    (ring,) = shape.rings
    # 86 % of a normal distribution lie within 1.98 standard deviations
    radii = np.hypot(*(np.asarray(ring) - [0.3, -0.2]).T)
    assert radii.mean() == pytest.approx(0.2, abs=0.02)
    assert radii.std() < 0.02
    assert shape.label == pytest.approx((0.3, -0.2), abs=0.04)
    assert sum(inside(spot, ring) for spot in spots) / 4000 == pytest.approx(0.86, abs=0.03)
    assert len(ring) == 40


def test_topics_are_kept_apart_by_number():
    spots = np.array([[-0.5, 0.0], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.9]])
    first, second = outlines(spots, np.array([0, 1, 0, -1]))
    assert first.label == pytest.approx((-0.5, 0.0), abs=1e-3)
    assert second.label == pytest.approx((0.5, 0.0), abs=1e-3)


def test_a_topic_in_two_places_has_two_rings_the_fuller_first_with_the_name():
    random = np.random.default_rng(1)
    spots = np.vstack([random.normal([-0.6, 0], 0.03, (40, 2)), random.normal([0.6, 0], 0.03, (60, 2))])
    (shape,) = outlines(spots, np.zeros(100, int))
    assert [float(np.mean(ring, axis=0)[0]) for ring in shape.rings] == pytest.approx([0.6, -0.6], abs=0.03)
    assert shape.label == pytest.approx((0.6, 0.0), abs=0.03)


def test_a_far_outlier_is_left_out():
    random = np.random.default_rng(2)
    spots = np.vstack([random.normal(0, 0.05, (200, 2)), [[1.0, 1.0]]])
    (shape,) = outlines(spots, np.zeros(201, int))
    assert len(shape.rings) == 1
    assert np.abs(shape.rings[0]).max() < 0.2


@pytest.mark.parametrize(
    "spots",
    [
        [[0.2, 0.1]],
        [[0.2, 0.1]] * 7,
        [[0.2, 0.1], [0.21, 0.1]],
        [[0.0, 0.0], [0.1, 0.1], [0.2, 0.2]],
        [[0.0, 0.0], [0.0, 0.01], [0.0, 0.02], [0.0, 0.03]],
    ],
)
def test_tiny_topics_have_valid_rings(spots):
    (shape,) = outlines(np.array(spots), np.zeros(len(spots), int))
    for ring in shape.rings:
        assert area(ring) > 1e-5
    assert inside(shape.label, shape.rings[0])


def test_one_paper_lies_in_the_middle_of_its_small_ring():
    (shape,) = outlines(np.array([[0.2, 0.1]]), np.array([0]))
    assert shape.label == (0.2, 0.1)
    radii = np.hypot(*(np.asarray(shape.rings[0]) - [0.2, 0.1]).T)
    assert radii == pytest.approx(0.008, abs=0.001)


@settings(max_examples=60, deadline=None)
@given(spots=arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-1.1, 1.1)))
def test_the_name_is_always_inside_and_rings_turn_one_way(spots):
    (shape,) = outlines(spots, np.zeros(len(spots), int))
    assert inside(shape.label, shape.rings[0])
    assert all(3 <= len(ring) <= 40 and area(ring) > 0 for ring in shape.rings)


def square(x: float, y: float) -> Outline:
    return Outline((x, y), (((x, y), (x + 0.1, y), (x, y + 0.1)),))


def test_topics_beside_each_other_differ_in_colour_and_the_largest_chooses_first():
    shapes = [square(0.1 * i, 0.0) for i in range(14)]
    labels = np.append(np.arange(14), [3, 3])
    chosen = colours(shapes, labels)
    assert chosen[3] == "#4269d0"
    assert all(len(set(chosen[i : i + 5])) == 5 for i in range(10))
    assert colours(shapes, labels) == chosen


def test_a_name_moves_to_the_nearest_free_place_or_none():
    page = (0.0, 0.0, 100.0, 100.0)
    name = (40.0, 45.0, 60.0, 55.0)
    assert free_shift(name, [], page, height=50, furthest=24) == (0.0, 0.0)
    aside, up = free_shift(name, [(40.0, 45.0, 60.0, 50.0)], page, height=50, furthest=24)
    assert (aside, up) == (pytest.approx(0.0, abs=1e-9), pytest.approx(6.0))
    # higher than its topic: below it
    assert free_shift(name, [], page, height=4, furthest=24) == (0.0, -8.0)
    assert free_shift(name, [page], page, height=50, furthest=24) is None
