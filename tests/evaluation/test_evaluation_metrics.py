"""The metrics against values worked by hand and against scikit-learn's."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from recsys.evaluation.metrics import METRICS, Ranking, gain_over_better, mean_with_interval, per_query


def metrics(ranked, relevant, percent_cut):
    return dict(zip(METRICS, per_query([Ranking(ranked, relevant, percent_cut)])[0].tolist(), strict=True))


def test_a_graded_query_worked_by_hand():
    # b and d are found at ranks 2 and 4, z is not found
    found = metrics(["a", "b", "c", "d", "e"], {"b": 1, "d": 2, "z": 1}, 2)
    ideal = 2 / log2(2) + 1 / log2(3) + 1 / log2(4)
    assert found["nDCG@20"] == pytest.approx((1 / log2(3) + 2 / log2(5)) / ideal)
    assert found["nDCG%20"] == pytest.approx((1 / log2(3)) / (2 / log2(2) + 1 / log2(3)))
    assert found["MAP"] == pytest.approx((1 / 2 + 2 / 4 + 0) / 3)
    assert found["R-precision"] == pytest.approx(1 / 3)
    assert found["recall@20"] == pytest.approx(2 / 3)


def test_the_gain_is_the_grade_itself():
    # 2^grade - 1 would give (1 + 7 / log2(3)) / (7 + 1 / log2(3)) = 0.71
    assert metrics(["x", "y"], {"x": 1, "y": 3}, 2)["nDCG@20"] == pytest.approx(
        (1 + 3 / log2(3)) / (3 + 1 / log2(3))
    )


def test_only_the_first_twenty_count_where_the_name_says_so():
    ranked = [f"n{i}" for i in range(20)] + ["right"]
    found = metrics(ranked, {"right": 1}, 21)
    assert found == {
        "nDCG@20": 0,
        "nDCG%20": pytest.approx(1 / log2(22)),
        "MAP": pytest.approx(1 / 21),
        "R-precision": 0,
        "recall@20": 0,
    }


def test_an_empty_ranking_is_worth_nothing_and_rows_keep_their_places():
    rankings = [
        Ranking([], {"a": 1}, 1),
        Ranking(["a"], {"a": 1}, 1),
        Ranking(["b", "a"], {"a": 1}, 3),
        Ranking(["b", "a"], {"a": 1}, 1),
    ]
    half = 1 / log2(3)
    assert per_query(rankings) == pytest.approx(
        np.array([[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [half, half, 0.5, 0, 1], [half, 0, 0.5, 0, 1]])
    )


def test_order_decides_even_where_ids_sort_the_other_way():
    # trec_eval breaks ties by id: none may arise, however long the ranking
    ranked = [f"{i:05d}" for i in range(3000)]
    assert metrics(ranked, {"02999": 1}, 3000)["MAP"] == pytest.approx(1 / 3000)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60).filter(any), st.integers(1, 30))
def test_whole_pools_measure_as_in_scikit_learn(grades, cut):
    names = [f"p{i}" for i in range(len(grades))]
    found = metrics(names, {name: grade for name, grade in zip(names, grades, strict=True) if grade}, cut)
    scores = [np.arange(len(grades), 0, -1)]
    assert found["nDCG@20"] == pytest.approx(ndcg_score([grades], scores, k=20))
    assert found["nDCG%20"] == pytest.approx(ndcg_score([grades], scores, k=cut))
    relevant = np.array(grades) > 0
    assert found["MAP"] == pytest.approx(average_precision_score(relevant, scores[0]))
    assert found["R-precision"] == pytest.approx(relevant[: relevant.sum()].mean())
    assert found["recall@20"] == pytest.approx(relevant[:20].sum() / relevant.sum())


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(5).random(400)
    found = mean_with_interval(values, seed=1)
    error = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.004)
    assert found == mean_with_interval(values, seed=1)


def test_a_paired_gain_has_a_narrow_interval_where_queries_differ_more_than_methods():
    dense = np.random.default_rng(2).random(200)
    fused = dense + 0.02
    found = gain_over_better(fused, dense, dense - 0.5, seed=0)
    assert (found.value, found.low, found.high) == pytest.approx((0.02, 0.02, 0.02))


def test_the_better_part_is_found_anew_in_each_resample():
    # by queries either part may be the better, so a mix of both is not surely above them
    first, second = np.tile([1.0, 0.0], 10), np.tile([0.0, 1.0], 10)
    found = gain_over_better((first + second) / 2, first, second, seed=0)
    assert found.value == 0
    assert found.high == 0
    assert found.low < -0.1


def test_one_query_has_no_interval():
    found = mean_with_interval(np.array([0.25]), seed=0)
    assert (found.value, found.low, found.high) == (0.25, None, None)
