"""Tasks: which papers are asked about, what is ranked, and what counts as right.

A task comes from labels (:func:`from_judgements`) or, where there are none, from the corpus itself
(:func:`from_titles`, :func:`from_shared_authors`). In every task the query paper and the other versions of it are
neither ranked nor relevant; in the title task, where a text asks, they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recsys.errors import InvalidRequest
from recsys.evaluation.datasets import Corpus, Judgements

__all__ = [
    "LeftOut",
    "Pool",
    "Query",
    "Task",
    "default_pool",
    "from_judgements",
    "from_shared_authors",
    "from_titles",
    "sample",
]

Pool = Literal["query", "qrels", "corpus"]

#: Two papers that share so many authors are taken for related.
SHARED_AUTHORS = 2


@dataclass(frozen=True, slots=True)
class Query:
    """One question of a task.

    Attributes:
        id: of the query paper.
        relevant: paper id → grade above 0, all of them in the pool.
        pool_size: number of papers that are ranked for it.
        barred: papers left out of its ranking: itself and its versions.
        pool: the papers ranked for it, or None for the task's own pool.
        text: what is asked with, or None when the paper itself asks.
    """

    id: str
    relevant: Mapping[str, int]
    pool_size: int
    barred: frozenset[str] = frozenset()
    pool: tuple[str, ...] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was found and not used.

    Attributes:
        queries_not_in_corpus: query ids without a paper.
        queries_not_fitting: papers that cannot be a query of this task: of another year, without an abstract, with
            a title that several papers have.
        queries_with_too_few: queries with fewer relevant papers than asked for.
        relevant_not_in_corpus: relevant papers without a paper, summed over the queries that have one.
        relevant_same_work: relevant papers that are the query paper or a version of it, likewise.
        relevant_not_in_pool: relevant papers outside of the pool, such as those of a later year, likewise.
    """

    queries_not_in_corpus: int = 0
    queries_not_fitting: int = 0
    queries_with_too_few: int = 0
    relevant_not_in_corpus: int = 0
    relevant_same_work: int = 0
    relevant_not_in_pool: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What to evaluate on.

    Attributes:
        description: one sentence for the reader of the figures.
        pool: the kind of pool.
        papers: the pool of every query that has none of its own; None is the whole corpus.
        queries: at least one.
        left_out: what was not used.
        population: number of usable queries, of which ``queries`` may be a sample.
    """

    description: str
    pool: Pool
    papers: tuple[str, ...] | None
    queries: tuple[Query, ...]
    left_out: LeftOut
    population: int


def default_pool(judgements: Judgements) -> Pool:
    """The judged papers of each query where some were judged not relevant, else all papers of the file."""
    return "query" if judgements.has_zero else "qrels"


def from_judgements(
    judgements: Judgements,
    corpus: Corpus,
    *,
    pool: Pool,
    year: int | None = None,
    min_relevant: int = 1,
) -> Task:
    """The task that labels describe.

    Args:
        judgements: the labels.
        corpus: the papers that can be ranked.
        pool: ``query``: each query's judged papers; ``qrels``: all papers in the file; ``corpus``: all papers.
        year: if given, only papers of this year or later ask, and only earlier papers are ranked.
        min_relevant: queries with fewer relevant papers are left out.

    Raises:
        InvalidRequest: no query is left; the message counts why.
    """
    shared = None if pool == "query" else _shared_pool(judgements, corpus, pool, year)
    in_shared = None if shared is None else frozenset(shared)
    counts: Counter[str] = Counter()
    queries: list[Query] = []
    for query_id, grades in judgements.grades.items():
        entry = corpus.entries.get(query_id)
        if entry is None:
            counts["queries_not_in_corpus"] += 1
            continue
        if year is not None and (entry.year is None or entry.year < year):
            counts["queries_not_fitting"] += 1
            continue
        barred = corpus.same_work(query_id)
        usable, own = _usable(grades, corpus, barred, _before(corpus, year), counts)
        if len(usable) < max(1, min_relevant):
            counts["queries_with_too_few"] += 1
            continue
        if pool == "query":
            queries.append(Query(query_id, usable, len(own), barred, own))
        else:
            size = (
                len(corpus) - len(barred) if in_shared is None else len(in_shared) - len(barred & in_shared)
            )
            queries.append(Query(query_id, usable, size, barred))
    when = "" if year is None else f"; queries of {year} and later, ranked papers of before {year}"
    return _task(f"the labels in {judgements.name}{when}", pool, shared, queries, counts)


def from_titles(corpus: Corpus) -> Task:
    """Each title asks for its own paper among all: a known-item check, not a measure of relatedness.

    Only papers with an abstract ask, and only titles that no other paper has.

    Raises:
        InvalidRequest: there is no such paper.
    """
    counts: Counter[str] = Counter()
    titles = Counter(entry.title.casefold() for entry in corpus.entries.values())
    queries = []
    for entry in corpus.entries.values():
        askable = any(character.isalnum() for character in entry.title)
        if entry.has_abstract and askable and titles[entry.title.casefold()] == 1:
            queries.append(Query(entry.id, {entry.id: 1}, len(corpus), text=entry.title))
        else:
            counts["queries_not_fitting"] += 1
    return _task("a title as the query, its own paper as the answer", "corpus", None, queries, counts)


def from_shared_authors(corpus: Corpus, *, year: int, min_relevant: int = 1) -> Task:
    """Papers of ``year`` and later ask for the earlier papers that share two authors or more with them.

    Raises:
        InvalidRequest: no query is left; the message counts why.
    """
    before = _before(corpus, year)
    pool = tuple(paper_id for paper_id in corpus.entries if before(paper_id))
    in_pool = frozenset(pool)
    papers_of: dict[str, list[str]] = defaultdict(list)
    for paper_id in pool:
        for person in corpus.entries[paper_id].people:
            papers_of[person].append(paper_id)
    counts: Counter[str] = Counter()
    queries: list[Query] = []
    for entry in corpus.entries.values():
        if entry.year is None or entry.year < year:
            continue
        barred = corpus.same_work(entry.id)
        shared = Counter(paper_id for person in entry.people for paper_id in papers_of.get(person, ()))
        relevant = {
            paper_id: 1
            for paper_id, people in shared.items()
            if people >= SHARED_AUTHORS and paper_id not in barred
        }
        if len(relevant) < max(1, min_relevant):
            counts["queries_with_too_few"] += 1
            continue
        queries.append(Query(entry.id, relevant, len(pool) - len(barred & in_pool), barred))
    description = f"papers of {year} and later as queries, the earlier papers by two or more of their authors as answers"
    return _task(description, "corpus", pool, queries, counts)


def sample(task: Task, queries: int, seed: int) -> Task:
    """At most so many queries of a task, drawn without replacement; the same for the same seed, in the same order."""
    if queries >= len(task.queries):
        return task
    drawn = np.random.default_rng(seed).choice(len(task.queries), queries, replace=False)
    return replace(task, queries=tuple(task.queries[i] for i in sorted(drawn.tolist())))


def _shared_pool(
    judgements: Judgements, corpus: Corpus, pool: Pool, year: int | None
) -> tuple[str, ...] | None:
    """The pool of all queries in the corpus's order; None when it is the whole corpus."""
    before = _before(corpus, year)
    named: Collection[str] = corpus.entries if pool == "corpus" else judgements.papers
    papers = tuple(paper_id for paper_id in corpus.entries if paper_id in named and before(paper_id))
    return None if len(papers) == len(corpus) else papers


def _before(corpus: Corpus, year: int | None) -> Callable[[str], bool]:
    """Whether a paper of the corpus may be ranked: it is of before the year, or no year is given."""

    def before(paper_id: str) -> bool:
        own = corpus.entries[paper_id].year
        return year is None or (own is not None and own < year)

    return before


def _usable(
    grades: Mapping[str, int],
    corpus: Corpus,
    barred: frozenset[str],
    rankable: Callable[[str], bool],
    counts: Counter[str],
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The relevant papers of a query that can be found, and all its judged papers that can be ranked."""
    relevant: dict[str, int] = {}
    own: list[str] = []
    for paper_id, grade in grades.items():
        reason = (
            "relevant_not_in_corpus"
            if paper_id not in corpus.entries
            else "relevant_same_work"
            if paper_id in barred
            else "relevant_not_in_pool"
            if not rankable(paper_id)
            else None
        )
        if reason is None:
            own.append(paper_id)
            if grade > 0:
                relevant[paper_id] = grade
        elif grade > 0:
            counts[reason] += 1
    return relevant, tuple(own)


def _task(
    description: str,
    pool: Pool,
    papers: tuple[str, ...] | None,
    queries: Iterable[Query],
    counts: Mapping[str, int],
) -> Task:
    listed = tuple(queries)
    left_out = LeftOut(**counts)
    if not listed:
        raise InvalidRequest(
            f"No query is left of {description}: {left_out.queries_not_in_corpus:,} are not in the corpus, "
            f"{left_out.queries_not_fitting:,} do not fit, {left_out.queries_with_too_few:,} have too few relevant "
            f"papers ({left_out.relevant_not_in_corpus:,} relevant papers are not in the corpus).",
            hint="Check the year and --min-relevant, and that labels name the corpus's paper ids.",
        )
    return Task(description, pool, papers, listed, left_out, len(listed))
