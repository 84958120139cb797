"""From the indexes to a tree of topics: what the pure parts of :mod:`recsys.topics` need, brought together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.index.dense import DenseIndex, build_dense
from recsys.index.lexical import LexicalIndex
from recsys.index.neighbours import Neighbours
from recsys.topics.graph import NEIGHBOURS, features, paper_graph
from recsys.topics.tree import Progress, Tree, carried, grow

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Material:
    """What papers are clustered by, aligned by position.

    Attributes:
        vectors: (n, d) unit rows, measured from the corpus's centre.
        words: (n, v) scipy CSR matrix, how often each term stands in each paper.
        related: (n, r) positions of related papers, best first, -1 for none.
        scores: (n, r) theirs.
    """

    vectors: Floats
    words: Any
    related: NDArray[np.int32]
    scores: Floats

    @classmethod
    def of(cls, dense: DenseIndex, lexical: LexicalIndex, neighbours: Neighbours) -> Material:
        """From the indexes of a corpus."""
        rows = dense.rows(np.arange(len(dense)))
        return cls(rows, lexical.counts(), neighbours.positions, neighbours.scores)

    def among(self, chosen: Positions) -> Material:
        """The same of some papers, in ascending order, by their positions among themselves."""
        number = np.full(len(self.vectors), -1, np.int32)
        number[chosen] = np.arange(len(chosen), dtype=np.int32)
        related = np.where(self.related[chosen] >= 0, number[self.related[chosen]], -1)
        return Material(self.vectors[chosen], self.words[chosen], related, self.scores[chosen])


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Which papers are near which.

    Attributes:
        features: (n, d + c) unit rows, see :func:`recsys.topics.graph.features`.
        indices: (n, k) nearest by those, itself first.
        distances: (n, k) 1 - cosine.
        graph: (n, n) that topics are communities of.
    """

    features: Floats
    indices: Positions
    distances: Floats
    graph: Any


def neighbourhood(
    material: Callable[[], Material], *, seed: int = 0, exact_limit: int, threads: int | None = None
) -> Neighbourhood:
    """Find out which papers are near which.

    Args:
        material: gives what they are compared by; called here, so that nobody else holds it in memory.
        seed: same material, same seed, same neighbourhood.
        exact_limit: papers up to which neighbours are searched exactly.
        threads: that may be used; None is every core.
    """
    given = material()
    rows = features(given.vectors, given.words, seed=seed)
    related, scores = given.related, given.scores
    del given  # as large as the rows
    indices, distances = _nearest(rows, exact_limit, threads)
    return Neighbourhood(rows, indices, distances, paper_graph(indices, distances, related, scores))


def cluster(
    near: Neighbourhood,
    *,
    counts: Sequence[int] = (),
    seed: int = 0,
    start: tuple[Tree, Positions] | None = None,
    threads: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Tree:
    """Cluster papers.

    Args:
        near: which papers are near which.
        counts: topics a level, coarsest first; levels beyond are chosen from the data.
        seed: same neighbourhood, same seed, same topics.
        start: an earlier tree to go on from, and (n,) the position in it of every paper, -1 for new ones.
        threads: that may be used; None is every core.
        progress: called with steps done and steps in all.

    Raises:
        InvalidRequest: so many topics cannot be had of so many papers.
    """
    return grow(
        near.graph,
        counts=counts,
        seed=seed,
        start=None if start is None else carried(*start, near.graph),
        threads=threads or os.cpu_count() or 1,
        progress=progress,
    )


def _nearest(rows: Floats, exact_limit: int, threads: int | None) -> tuple[Positions, Floats]:
    """(n, k) positions and distances of the nearest, every paper first of its own row."""
    index = build_dense(rows, exact_limit=exact_limit, threads=threads)
    found, scores = index.search(rows, min(NEIGHBOURS + 1, len(rows)))
    return _self_first(found.astype(np.int64), 1 - scores.astype(np.float32))


def _self_first(found: Positions, distances: Floats) -> tuple[Positions, Floats]:
    """Each row with its own paper in front at distance 0, and one column fewer where another was found in its place."""
    own = np.arange(len(found))[:, None]
    rest = (found != own) & (found >= 0)
    # own column out, then the others in their order; a row in which it was not found loses its farthest
    order = np.argsort(~rest, axis=1, kind="stable")[:, : max(0, min(NEIGHBOURS, found.shape[1]) - 1)]
    kept = np.take_along_axis(rest, order, axis=1)
    # where an approximate search found too few, the paper itself stands again, which joins it to nothing
    indices = np.where(kept, np.take_along_axis(found, order, axis=1), own)
    apart = np.where(kept, np.maximum(np.take_along_axis(distances, order, axis=1), 0), np.float32(0))
    zeros = np.zeros((len(found), 1), np.float32)
    return np.hstack([own, indices]).astype(np.int64), np.hstack([zeros, apart]).astype(np.float32)
