"""The scale on which scores are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.recommend.strength import CURVES, strength


@pytest.mark.parametrize(("query", "paper", "curve"), [(1, 1, 0), (1, 7, 1), (7, 1, 1), (9, 6, 2)])
def test_each_mix_of_lengths_has_its_curve(query, paper, curve):
    slope, intercept = CURVES[curve]
    middle = -intercept / slope
    found = strength(np.array([middle, middle + 1 / slope]), query, np.array([paper, paper]))
    assert found.tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1))])


@given(st.lists(st.floats(-2, 3), min_size=2, max_size=20), st.integers(1, 5))
def test_rises_with_the_score_within_0_and_1(scores, query):
    ordered = np.sort(np.array(scores))
    found = strength(ordered, query, np.full(len(scores), 4))
    assert np.all(np.diff(found) >= 0)
    assert found.min() > 0
    assert found.max() < 1
