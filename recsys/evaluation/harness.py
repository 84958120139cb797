"""Runs a task through every method of ranking and sums up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np

from recsys.evaluation.metrics import (
    METRICS,
    Estimate,
    Ranking,
    Values,
    gain_over_better,
    mean_with_interval,
    per_query,
)
from recsys.evaluation.splits import Query, Task
from recsys.service import METHODS, Method

__all__ = ["COMBINED", "METHODS", "Method", "PoolSizes", "Ranker", "Report", "depth_of", "evaluate"]

COMBINED: tuple[Method, ...] = ("fused", "reranked")

#: A pool of up to so many papers is ranked whole; of a larger one, the first DEPTH.
WHOLE_POOL = 2_000
DEPTH = 1_000

_BATCH = 100  # queries whose rankings are held at once


class Ranker(Protocol):
    """What is evaluated, such as :class:`recsys.service.Service`."""

    def rank(
        self, query: str, *, candidates: Sequence[str] | None, k: int, method: Method
    ) -> list[tuple[str, float]]:
        """The first ``k`` papers for a paper id, best first; of the candidates only, or of all when None."""
        ...

    def rank_text(
        self, text: str, *, candidates: Sequence[str] | None, k: int, method: Method
    ) -> list[tuple[str, float]]:
        """The first ``k`` papers for a text, likewise."""
        ...


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """How many papers are ranked for a query: the smallest pool, the middle one, the largest."""

    smallest: int
    median: float
    largest: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome.

    Attributes:
        task: what was evaluated on.
        pool_sizes: over the task's queries.
        relevant: mean number of relevant papers of a query.
        depth: the rank that rankings are cut at, or None when every pool was ranked whole.
        percent_cut_short: number of queries whose nDCG%20 is cut at ``depth``, which is below 20 % of their pool.
        methods: method → metric → mean over queries.
        gains: fused and reranked → metric → its mean less the better of dense and lexical.
    """

    task: Task
    pool_sizes: PoolSizes
    relevant: float
    depth: int | None
    percent_cut_short: int
    methods: Mapping[Method, Mapping[str, Estimate]]
    gains: Mapping[Method, Mapping[str, Estimate]]


def depth_of(task: Task) -> int | None:
    """The rank that a task's rankings are cut at; None when its largest pool is small enough to be ranked whole."""
    return None if max(query.pool_size for query in task.queries) <= WHOLE_POOL else DEPTH


def evaluate(
    ranker: Ranker,
    task: Task,
    *,
    seed: int = 0,
    on_query: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Rank every query by every method and measure.

    Args:
        ranker: what is evaluated.
        task: on what.
        seed: of the bootstrap; the same for every method, so their intervals come from the same resamples.
        on_query: called with the queries done and in all.
    """
    depth = depth_of(task)
    cuts = [_percent_cut(query.pool_size) for query in task.queries]
    values = _values(ranker, task, depth, cuts, on_query)
    sizes = [query.pool_size for query in task.queries]
    return Report(
        task=task,
        pool_sizes=PoolSizes(min(sizes), median(sizes), max(sizes)),
        relevant=float(np.mean([len(query.relevant) for query in task.queries])),
        depth=depth,
        percent_cut_short=0 if depth is None else sum(cut > depth for cut in cuts),
        methods={
            method: {
                name: mean_with_interval(values[method][:, column], seed)
                for column, name in enumerate(METRICS)
            }
            for method in METHODS
        },
        gains={
            method: {
                name: gain_over_better(
                    values[method][:, column], values["dense"][:, column], values["lexical"][:, column], seed
                )
                for column, name in enumerate(METRICS)
            }
            for method in COMBINED
        },
    )


def _percent_cut(pool_size: int) -> int:
    """20 % of the pool, rounded up, in whole numbers: 0.2 * 15 is above 3 in floating point."""
    return max(1, -(-pool_size // 5))


def _values(
    ranker: Ranker,
    task: Task,
    depth: int | None,
    cuts: Sequence[int],
    on_query: Callable[[int, int], None],
) -> dict[Method, Values]:
    """Method → (queries, metrics) values."""
    total = len(task.queries)
    parts: dict[Method, list[Values]] = {method: [] for method in METHODS}
    for start in range(0, total, _BATCH):
        held: dict[Method, list[Ranking]] = {method: [] for method in METHODS}
        for i in range(start, min(start + _BATCH, total)):
            query = task.queries[i]
            limit = query.pool_size if depth is None else depth
            for method in METHODS:
                ranked = _ranked(ranker, task, query, limit, method)
                held[method].append(Ranking(ranked, query.relevant, min(cuts[i], limit)))
            on_query(i + 1, total)
        for method in METHODS:
            parts[method].append(per_query(held[method]))
    return {method: np.concatenate(blocks) for method, blocks in parts.items()}


def _ranked(ranker: Ranker, task: Task, query: Query, limit: int, method: Method) -> list[str]:
    """The first ``limit`` ids of the pool, the query's own work dropped whether or not the ranker does so too."""
    candidates = task.papers if query.pool is None else query.pool
    k = limit + len(query.barred)
    if query.text is None:
        found = ranker.rank(query.id, candidates=candidates, k=k, method=method)
    else:
        found = ranker.rank_text(query.text, candidates=candidates, k=k, method=method)
    return [paper_id for paper_id, _ in found if paper_id not in query.barred][:limit]
