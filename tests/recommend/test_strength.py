"""The scale on which scores are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.recommend.strength import CURVES, strength


@pytest.mark.parametrize(("sentences", "curve"), [(0, 0), (1, 0), (2, 1), (9, 1)])
def test_short_and_long_queries_have_a_curve_each(sentences, curve):
    slope, intercept = CURVES[curve]
    middle = -intercept / slope
    scale = (8 + 4) / (8 + 1)  # of a query of eight terms
    scores = np.array([middle, middle + 1 / slope])
    expected = [0.5, 1 / (1 + np.exp(-1))]
    assert strength(scores * scale, terms=8, sentences=sentences).tolist() == pytest.approx(expected)
    literal = strength(scores, terms=8, sentences=sentences, literal=True)
    assert literal.tolist() == pytest.approx(expected)


@given(st.lists(st.floats(-2, 3), min_size=2, max_size=20), st.integers(0, 5), st.integers(0, 300))
def test_rises_with_the_score_within_0_and_1(scores, sentences, terms):
    found = strength(np.sort(np.array(scores)), terms=terms, sentences=sentences)
    assert np.all(np.diff(found) >= 0)
    assert found.min() > 0
    assert found.max() < 1


def test_the_same_score_of_few_words_says_less():
    found = [float(strength(np.array([0.6]), terms=terms, sentences=1)[0]) for terms in (1, 3, 12, 150)]
    assert found == sorted(found)
    assert found[0] < 0.2 < 0.7 < found[-1]
