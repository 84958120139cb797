import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.index.dense import build_dense
from recsys.recommend import ranking
from recsys.recommend.ranking import filter_mask, nearest

YEARS = np.array([0, 2018, 2019, 2020, 2021], np.int16)
VENUES = np.array([0, 1, 0, -1, 1], np.int32)


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        ({"year_from": 2019}, [2, 3, 4]),
        ({"year_to": 2019}, [1, 2]),
        ({"year_from": 2019, "year_to": 2020}, [2, 3]),
        ({"year_from": 2022}, []),
        ({"year_from": 0, "year_to": 9999}, [1, 2, 3, 4]),
        ({"venue_codes": [1]}, [1, 4]),
        ({"venue_codes": []}, []),
        ({"venue_codes": [0, 1], "year_to": 2019}, [1, 2]),
    ],
)
def test_filters(filters, passing):
    mask = filter_mask(YEARS, VENUES, **filters)
    assert np.flatnonzero(mask).tolist() == passing


def test_no_filter_is_no_mask():
    assert filter_mask(YEARS, VENUES) is None


def angle(*degrees: float) -> np.ndarray:
    radians = np.radians(np.array(degrees, np.float32))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_excluded_positions_never_come_and_k_is_still_reached():
    index = build_dense(angle(0, 10, 20, 30, 40), exact_limit=100)
    positions, scores = nearest(index, angle(0)[0], 2, excluded=[0, 2])
    assert positions.tolist() == [1, 3]
    np.testing.assert_allclose(scores, np.cos(np.radians([10, 30])), atol=1e-6)


def test_fewer_than_k_when_there_are_no_more():
    index = build_dense(angle(0, 10, 20), exact_limit=100)
    positions, _ = nearest(index, angle(0)[0], 9, excluded=[1], allowed=np.array([True, True, False]))
    assert positions.tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(
    degrees=st.lists(st.sampled_from([0, 30, 60, 90]), min_size=1, max_size=30),
    k=st.integers(1, 12),
    excluded=st.sets(st.integers(0, 29), max_size=6),
    beside=st.sampled_from([0, 2, 64]),
)
def test_ties_are_decided_by_position_whatever_k_is(degrees, k, excluded, beside):
    vectors = angle(*degrees)
    index = build_dense(vectors, exact_limit=100)
    barred = [position for position in excluded if position < len(degrees)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "FETCHED_BESIDE", beside)
        positions, scores = nearest(index, angle(0)[0], k, excluded=barred)
    order = sorted((p for p in range(len(degrees)) if p not in barred), key=lambda p: (degrees[p], p))
    assert positions.tolist() == order[:k]
    assert (np.diff(scores) <= 0).all()


def test_diversity_takes_the_unlike_before_the_alike():
    from recsys.recommend.ranking import diversified

    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    relevance = np.array([0.9, 0.8, 0.5])
    assert diversified(relevance, vectors, 3, 0.0).tolist() == [0, 1, 2]
    # second choice: .5 * .8 - .5 * 1 = -.1 against .5 * .5 - .5 * 0 = .25
    assert diversified(relevance, vectors, 3, 0.5).tolist() == [0, 2, 1]
    assert diversified(relevance, vectors, 2, 0.5).tolist() == [0, 2]


def test_recency_halves_every_half_life():
    from recsys.recommend.ranking import recent

    years = np.array([2020, 2015, 2010, 0, 2022], np.int16)
    assert recent(years, 2020, 1.0).tolist() == [1, 0.5, 0.25, 0.25, 1]
    assert recent(years, 2020, 0.5).tolist() == [1, 0.75, 0.625, 0.625, 1]
    assert recent(years, 2020, 0.0).tolist() == [1] * 5
