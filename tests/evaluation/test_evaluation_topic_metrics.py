"""Topics against labels and texts: values worked out by hand, and scikit-learn's on random partitions."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, homogeneity_completeness_v_measure

from recsys.evaluation.topic_metrics import (
    TextTerms,
    agreement,
    contingency,
    gain,
    mean_agreement,
    mutual_information,
    purity,
    v_measure,
)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


partitions = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.integers(0, 5), min_size=n, max_size=n).map(lambda some: numbers(*some)) for _ in "ab")
    )
)


def test_a_table_of_labels_and_topics():
    table = contingency(numbers(0, 0, 1, 1, 1), numbers(0, 0, 0, 2, 2))
    assert table.tolist() == [[2, 0, 0], [1, 0, 2]]
    assert purity(table) == pytest.approx(4 / 5)


def test_v_measure_by_hand():
    # H(K) = 2 · 1/4 ln 4 + 1/2 ln 2 = 1.5 ln 2; H(K|C) = 1/2 ln 2
    assert v_measure(contingency(numbers(0, 0, 1, 1), numbers(0, 1, 2, 2))) == pytest.approx((1, 2 / 3, 0.8))
    assert v_measure(contingency(numbers(0, 0, 1, 1), numbers(0, 0, 0, 0))) == (0, 1, 0)
    assert v_measure(contingency(numbers(0, 0, 1, 1), numbers(1, 1, 0, 0))) == pytest.approx((1, 1, 1))


def test_mutual_information_beyond_chance_by_hand():
    # nothing shared; by chance two of six pairings share all of ln 2 nats, and ln 2 is all there is
    assert mutual_information(contingency(numbers(0, 0, 1, 1), numbers(0, 1, 0, 1))) == pytest.approx(-0.5)
    assert mutual_information(contingency(numbers(0, 0, 1, 1), numbers(1, 1, 0, 0))) == pytest.approx(1)
    assert mutual_information(contingency(numbers(0, 0, 0), numbers(0, 0, 0))) == 1
    assert mutual_information(contingency(numbers(0, 1, 2), numbers(2, 0, 1))) == 1
    assert mutual_information(contingency(numbers(0, 0, 0), numbers(0, 1, 2))) == 0


@given(partitions)
def test_measures_are_those_of_scikit_learn(pair):
    labels, topics = pair
    assume(len(set(labels.tolist())) < len(labels))  # there scikit-learn divides rounding errors
    table = contingency(labels, topics)
    assert v_measure(table) == pytest.approx(homogeneity_completeness_v_measure(labels, topics), abs=1e-9)
    assert mutual_information(table) == pytest.approx(adjusted_mutual_info_score(labels, topics), abs=1e-7)


@settings(max_examples=10, deadline=None)
@given(partitions)
def test_names_of_topics_do_not_matter_and_equal_seeds_draw_equal_papers(pair):
    labels, topics = pair
    first, second = agreement(labels, topics, 3), agreement(labels, 5 - topics, 3)
    assert first.resampled_v == pytest.approx(second.resampled_v)
    assert first.resampled_ami == pytest.approx(second.resampled_ami)


def test_an_interval_lies_around_the_value_although_resamples_agree_better():
    rng = np.random.default_rng(0)
    labels = rng.integers(20, size=200).astype(np.int32)
    topics = np.where(rng.random(200) < 0.5, labels, rng.integers(20, size=200)).astype(np.int32)
    found = agreement(labels, topics, 0)
    assert found.resampled_ami.min() > found.measures.ami  # why percentiles alone would be wrong
    assert found.ami.low < found.measures.ami < found.ami.high
    assert found.ami.high - found.ami.low == pytest.approx(0.15, abs=0.05)
    assert found.v.low < found.measures.v < found.v.high


def test_agreement_that_is_whole_has_no_interval_to_speak_of():
    found = agreement(numbers(0, 0, 1, 1, 2, 2), numbers(2, 2, 0, 0, 1, 1), 0)
    assert (found.v.value, found.ami.value) == pytest.approx((1, 1))
    assert (found.v.low, found.v.high, found.ami.low, found.ami.high) == pytest.approx((1, 1, 1, 1))
    assert found.measures.purity == 1


def test_papers_without_a_topic_are_drawn_and_not_measured():
    labels, topics = numbers(0, 0, 1, 1, 0, 1), numbers(0, 0, 0, 1, -1, -1)
    found = agreement(labels, topics, 0)
    alone = agreement(labels[:4], topics[:4], 0)
    assert found.measures == alone.measures
    assert found.measures.purity == 3 / 4


def test_what_one_method_has_more_than_another():
    labels = numbers(*[0] * 10, *[1] * 10)
    right, wrong = agreement(labels, labels, 5), agreement(labels, numbers(*[0] * 20), 5)
    v, ami = gain(right, wrong)
    assert (v.value, ami.value) == pytest.approx((1, 1))
    assert (ami.low, ami.high) == pytest.approx((1, 1))
    same = gain(right, right)
    assert [(e.value, e.low, e.high) for e in same] == [(0, 0, 0), (0, 0, 0)]
    mean = mean_agreement([right, wrong])
    assert (mean.measures.v, mean.measures.ami, mean.measures.purity) == pytest.approx((0.5, 0.5, 0.75))


# -- terms ---------------------------------------------------------------------------------------------------------


def test_coherence_by_hand():
    words = TextTerms(["deep parsing", "deep parsing", "deep", "other"])
    # p(deep) = 3/4, p(parsing) = 1/2, both 1/2
    pair = math.log(0.5 / (0.75 * 0.5)) / -math.log(0.5)
    assert words.quality([["deep", "parsing"]]).coherence == pytest.approx(pair)
    # other stands with neither
    assert words.quality([["deep", "parsing", "other"]]).coherence == pytest.approx((pair - 2) / 3)
    # the mean over topics; one with a single term has no pair
    assert words.quality([["deep", "parsing"], ["deep", "other"], ["deep"]]).coherence == pytest.approx(
        (pair - 1) / 2
    )
    assert words.quality([["deep"]]).coherence is None


def test_terms_in_every_text_go_together_and_terms_apart_as_by_chance_score_0():
    words = TextTerms(["a b x", "a b y", "a b x y", "a b"])
    assert words.quality([["a", "b"]]).coherence == 1
    assert words.quality([["x", "y"]]).coherence == pytest.approx(0)


def test_a_phrase_is_there_where_its_words_are_side_by_side():
    words = TextTerms(["Dialogue systems", "the dialogue of systems", "DIALOGUE SYSTEM", "systems"])
    found = words.quality([["dialogue system", "systems"]])
    # 2 of 4 and 4 of 4: together as often as by chance
    assert found.coherence == pytest.approx(0)
    assert words.key("Dialogue Systems") == words.key("dialogue system")
    assert words.key("cross-lingual") == words.key("Crosslingual") != words.key("cross lingual")


def test_diversity_counts_terms_that_differ_by_more_than_their_ending():
    words = TextTerms(["a"])
    assert words.quality([["x", "y"], ["y", "z"]]).diversity == 3 / 4
    assert words.quality([["model", "Models"]]).diversity == 1 / 2
    assert words.quality([[f"w{i}" for i in range(20)], ["w15"]]).diversity == 1  # ten of each are looked at
    assert words.quality([[], []]).diversity is None
    assert words.quality([["--"]]).diversity is None


def test_terms_that_stand_nowhere_are_counted():
    words = TextTerms(["alpha beta", "gamma"])
    found = words.quality([["alpha", "alpha beta", "alpha gamma", "delta"]])
    assert found.unseen == 1 / 2
    # ln(1/2 / 1/4) / ln 2 for the first two, no text for the five other pairs
    assert found.coherence == pytest.approx((1 - 5) / 6)
