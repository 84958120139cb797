"""Which papers ask, which are ranked, what is right: all by hand."""

import pytest

from recsys.errors import InvalidRequest
from recsys.evaluation import splits
from recsys.evaluation.datasets import Corpus, Entry, Judgements
from recsys.evaluation.splits import LeftOut


def corpus(*years: int | None) -> Corpus:
    """Papers p0, p1, …; p0 and p1 are versions of one work."""
    return Corpus(
        Entry(f"p{i}", f"Title {i}", year, has_abstract=True, work="w" if i < 2 else None)
        for i, year in enumerate(years)
    )


def judgements(**grades: dict[str, int]) -> Judgements:
    return Judgements("labels", "trec", grades)


def test_each_query_ranks_its_judged_papers():
    given = judgements(p0={"p0": 3, "p1": 2, "p2": 1, "p3": 0, "gone": 1, "lost": 0}, unknown={"p2": 1})
    task = splits.from_judgements(given, corpus(*[None] * 5), pool="query")
    (query,) = task.queries
    assert (query.id, query.relevant, query.pool, query.pool_size) == ("p0", {"p2": 1}, ("p2", "p3"), 2)
    assert query.barred == {"p0", "p1"}
    assert task.papers is None
    assert task.left_out == LeftOut(queries_not_in_corpus=1, relevant_not_in_corpus=1, relevant_same_work=2)


def test_queries_share_the_papers_of_the_file():
    given = judgements(p0={"p2": 1}, p3={"p2": 1, "p0": 1})
    task = splits.from_judgements(given, corpus(*[None] * 5), pool="qrels")
    assert task.papers == ("p0", "p2", "p3")
    # of p0 only itself is barred in this pool, its version p1 not being in the file
    assert [(q.id, q.pool_size, q.pool) for q in task.queries] == [("p0", 2, None), ("p3", 2, None)]


@pytest.mark.parametrize("pool", ["qrels", "corpus"])
def test_a_pool_of_all_papers_is_the_corpus_itself(pool):
    given = judgements(p0={"p2": 1, "p1": 0}, p2={"p0": 1})
    task = splits.from_judgements(given, corpus(None, None, None), pool=pool)
    assert task.papers is None
    assert [(q.id, q.pool_size) for q in task.queries] == [("p0", 1), ("p2", 2)]


def test_later_papers_ask_and_earlier_ones_are_ranked():
    given = judgements(p2={"p3": 1, "p4": 1}, p4={"p3": 1}, p3={"p4": 1}, p5={"p3": 1})
    task = splits.from_judgements(given, corpus(1999, 2000, 2001, 1998, 2001, None), pool="corpus", year=2001)
    assert task.papers == ("p0", "p1", "p3")
    assert [(q.id, q.relevant, q.pool_size) for q in task.queries] == [
        ("p2", {"p3": 1}, 3),
        ("p4", {"p3": 1}, 3),
    ]
    assert task.left_out == LeftOut(queries_not_fitting=2, relevant_not_in_pool=1)


def test_queries_with_few_relevant_papers_are_left_out():
    given = judgements(p2={"p3": 1, "p4": 2}, p3={"p4": 1})
    task = splits.from_judgements(given, corpus(*[None] * 5), pool="corpus", min_relevant=2)
    assert [query.id for query in task.queries] == ["p2"]
    assert task.left_out.queries_with_too_few == 1


def test_no_query_left_says_why():
    with pytest.raises(
        InvalidRequest, match=r"labels in labels: 1 are not in the corpus, 0 do not fit, 1 have too few"
    ):
        splits.from_judgements(judgements(x={"p1": 1}, p2={"p3": 0}), corpus(*[None] * 4), pool="query")


def test_the_default_pool_follows_the_labels():
    assert splits.default_pool(judgements(p0={"p1": 1, "p2": 0})) == "query"
    assert splits.default_pool(judgements(p0={"p1": 1, "p2": 2})) == "qrels"


def test_titles_ask_for_their_own_papers():
    papers = Corpus(
        [
            Entry("a", "On Parsing", has_abstract=True),
            Entry("b", "Without Abstract"),
            Entry("c", "Preface", has_abstract=True),
            Entry("d", "PREFACE", has_abstract=True),
            Entry("e", "???", has_abstract=True),
        ]
    )
    task = splits.from_titles(papers)
    (query,) = task.queries
    assert (query.id, query.text, query.relevant, query.pool_size) == ("a", "On Parsing", {"a": 1}, 5)
    assert query.barred == frozenset()
    assert task.left_out.queries_not_fitting == 4


def test_papers_that_share_two_authors():
    def entry(paper_id, year, *people, work=None):
        return Entry(paper_id, paper_id, year, work=work, people=people)

    papers = Corpus(
        [
            entry("two", 2001, "a", "b"),
            entry("three", 2002, "c", "b", "a"),
            entry("one", 2002, "a", "d"),
            entry("undated", None, "a", "b"),
            entry("preprint", 2004, "a", "b", "c", work="w"),
            entry("printed", 2005, "a", "b", "c", work="w"),
            entry("lone", 2006, "a"),
        ]
    )
    task = splits.from_shared_authors(papers, year=2005)
    (query,) = task.queries
    assert (query.id, query.relevant) == ("printed", {"two": 1, "three": 1})
    assert task.papers == ("two", "three", "one", "preprint")
    assert query.pool_size == 3  # without its own preprint
    assert task.left_out.queries_with_too_few == 1


def test_a_sample_is_the_same_for_the_same_seed_and_keeps_the_order():
    given = judgements(**{f"p{i}": {"p30": 1} for i in range(2, 22)})
    task = splits.from_judgements(given, corpus(*[None] * 31), pool="corpus")
    drawn = splits.sample(task, 5, seed=3)
    assert drawn == splits.sample(task, 5, seed=3)
    assert drawn != splits.sample(task, 5, seed=4)
    places = [task.queries.index(query) for query in drawn.queries]
    assert places == sorted(set(places))
    assert (len(places), drawn.population) == (5, 20)
    assert splits.sample(task, 20, seed=3) is task
