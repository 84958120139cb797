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
    scale = (8 + 4) / (8 + 1)  # of a query of eight terms
    scores = np.array([middle, middle + 1 / slope]) * scale
    found = strength(scores, 8, query, np.array([paper, paper]))
    assert found.tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1))])


@given(st.lists(st.floats(-2, 3), min_size=2, max_size=20), st.integers(1, 5), st.integers(0, 300))
def test_rises_with_the_score_within_0_and_1(scores, query, terms):
    ordered = np.sort(np.array(scores))
    found = strength(ordered, terms, query, np.full(len(scores), 4))
    assert np.all(np.diff(found) >= 0)
    assert found.min() > 0
    assert found.max() < 1


def test_the_same_score_of_few_words_says_less():
    found = [float(strength(np.array([0.6]), terms, 1, np.array([5]))[0]) for terms in (1, 3, 12, 150)]
    assert found == sorted(found)
    assert found[0] < 0.2 < 0.7 < found[-1]
