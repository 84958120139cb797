"""From the indexes to a tree of topics: what the pure parts of :mod:`recsys.topics` need, brought together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.index.dense import build_dense
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

    def among(self, chosen: Positions) -> Material:
        """The same of some papers, in ascending order, by their positions among themselves."""
        number = np.full(len(self.vectors), -1, np.int32)
        number[chosen] = np.arange(len(chosen), dtype=np.int32)
        related = np.where(self.related[chosen] >= 0, number[self.related[chosen]], -1)
        return Material(self.vectors[chosen], self.words[chosen], related, self.scores[chosen])


@dataclass(frozen=True, slots=True)
class Clustering:
    """Papers clustered.

    Attributes:
        features: (n, d + c) unit rows, see :func:`recsys.topics.graph.features`.
        indices: (n, k) nearest by those, itself first.
        distances: (n, k) 1 - cosine.
        graph: (n, n) that the topics are communities of.
        tree: the topics.
    """

    features: Floats
    indices: Positions
    distances: Floats
    graph: Any
    tree: Tree


def cluster(
    material: Material,
    *,
    counts: Sequence[int] = (),
    seed: int = 0,
    start: tuple[Tree, Positions] | None = None,
    exact_limit: int,
    threads: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Clustering:
    """Cluster papers.

    Args:
        material: what they are clustered by.
        counts: topics a level, coarsest first; levels beyond are chosen from the data.
        seed: same material, same seed, same topics.
        start: an earlier tree to go on from, and (n,) the position in it of every paper, -1 for new ones.
        exact_limit: papers up to which neighbours are searched exactly.
        threads: that may be used; None is every core.
        progress: called with steps done and steps in all.

    Raises:
        InvalidRequest: so many topics cannot be had of so many papers.
    """
    rows = features(material.vectors, material.words, seed=seed)
    indices, distances = _nearest(rows, exact_limit, threads)
    graph = paper_graph(indices, distances, material.related, material.scores)
    begin = None if start is None else carried(*start, graph)
    tree = grow(
        graph,
        counts=counts,
        seed=seed,
        start=begin,
        threads=threads or os.cpu_count() or 1,
        progress=progress,
    )
    return Clustering(rows, indices, distances, graph, tree)


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
