"""A whole evaluation of a ranker whose every order is known."""

import re
from math import log2

import pytest

from recsys.evaluation import harness, splits
from recsys.evaluation.datasets import Corpus, Entry, Judgements
from tests.evaluation.rankers import LetterRanker

IDS = [f"{letter}{i}" for letter in "ab" for i in range(3)]
CORPUS = Corpus(Entry(paper_id, paper_id.upper(), has_abstract=True) for paper_id in IDS)


def labels(grades: dict[str, dict[str, int]]) -> Judgements:
    return Judgements("labels", "trec", grades)


def test_every_method_is_measured_over_the_whole_corpus():
    ranker = LetterRanker(IDS)
    task = splits.from_judgements(
        labels({"b0": {"b1": 1, "b2": 1}, "a0": {"a1": 1, "a2": 1}}), CORPUS, pool="corpus"
    )
    done = []
    report = harness.evaluate(ranker, task, on_query=lambda *progress: done.append(progress))
    means = {method: estimates["MAP"].value for method, estimates in report.methods.items()}
    worst = (1 / 4 + 2 / 5) / 2  # the two right ones last of five
    assert means == {
        "dense": pytest.approx(1),
        "lexical": pytest.approx((1 + worst) / 2),  # by id: right for a0, wrong for b0
        "fused": pytest.approx(1),
        "reranked": pytest.approx(worst),
    }
    # pools of five papers: nDCG%20 looks at the first alone
    assert report.methods["lexical"]["nDCG%20"].value == pytest.approx(0.5)
    assert report.methods["reranked"]["recall@20"].value == 1
    assert report.gains["fused"]["MAP"].value == 0
    assert report.gains["reranked"]["MAP"].value == pytest.approx(worst - 1)
    assert report.gains["reranked"]["MAP"].high == pytest.approx(worst - 1)
    assert (report.depth, report.relevant, report.percent_cut_short) == (None, 2, 0)
    assert report.pool_sizes == harness.PoolSizes(5, 5, 5)
    assert done == [(1, 2), (2, 2)]
    assert {candidates for _, candidates, _, _ in ranker.asked} == {None}


def test_judged_papers_only_are_ranked_and_the_query_itself_never():
    ranker = LetterRanker(IDS)
    given = labels({"b0": {"a1": 1, "b1": 0, "b0": 0}})
    report = harness.evaluate(ranker, splits.from_judgements(given, CORPUS, pool="query"))
    assert {candidates for _, candidates, _, _ in ranker.asked} == {("a1", "b1")}
    assert report.methods["dense"]["nDCG@20"].value == pytest.approx(1 / log2(3))
    assert report.methods["lexical"]["nDCG@20"].value == pytest.approx(1)
    assert report.methods["lexical"]["nDCG@20"].low is None


def test_large_pools_are_cut_at_a_thousand():
    ids = [f"{letter}{i:04d}" for letter in "ab" for i in range(3000)]
    corpus = Corpus(Entry(paper_id, paper_id) for paper_id in ids)
    task = splits.from_judgements(
        labels({"b0000": {"a0999": 1}, "b0001": {"a1000": 1}}), corpus, pool="corpus"
    )
    report = harness.evaluate(LetterRanker(ids), task)
    assert report.depth == 1000
    assert report.percent_cut_short == 2  # 20 % of 5,999 are 1,200
    # by id, the thousandth paper is seen and the one after it is not
    assert report.methods["lexical"]["MAP"].value == pytest.approx(1 / 1000 / 2)
    assert report.methods["lexical"]["nDCG%20"].value == pytest.approx(1 / log2(1001) / 2)


def test_pools_of_two_thousand_are_ranked_whole_and_a_fifth_is_rounded_up():
    ids = [f"a{i:04d}" for i in range(2002)]
    corpus = Corpus(Entry(paper_id, paper_id) for paper_id in ids)
    given = {"a2000": {"a0399": 1}, "a2001": {"a0400": 1}}
    pool = dict.fromkeys(ids[:1996], 0)  # with the relevant one: 1,996 papers, a fifth is 399.2
    task = splits.from_judgements(
        labels({q: pool | right for q, right in given.items()}), corpus, pool="query"
    )
    report = harness.evaluate(LetterRanker(ids), task)
    assert report.depth is None
    assert report.methods["dense"]["nDCG%20"].value == pytest.approx(1 / log2(401) / 2)


def test_a_title_finds_its_own_paper():
    ranker = LetterRanker(IDS)
    report = harness.evaluate(ranker, splits.from_titles(CORPUS))
    # among the three of a letter at ranks 1, 2, 3
    assert report.methods["dense"]["MAP"].value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert all(re.fullmatch("[ab][0-2]", query) for query, _, _, _ in ranker.asked)
    assert report.pool_sizes.largest == 6


def test_the_same_seed_gives_the_same_report():
    task = splits.from_titles(CORPUS)
    first, again, other = (harness.evaluate(LetterRanker(IDS), task, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.methods["dense"]["MAP"].value == other.methods["dense"]["MAP"].value
