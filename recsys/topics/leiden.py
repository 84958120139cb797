"""Communities of a weighted graph by the Leiden method (Traag, Waltman & van Eck 2019, doi:10.1038/s41598-019-41695-z)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int32]

ITERATIONS = 2  # each goes on from the communities of the one before


def communities(graph: Any, resolution: float, *, seed: int, trials: int = 1) -> Labels:
    """Partition a graph by modularity.

    Args:
        graph: (n, n) symmetric scipy CSR matrix of weights, nothing on the diagonal.
        resolution: higher gives more and smaller communities.
        seed: same graph, same seed, same communities.
        trials: independent runs, of which that of the highest modularity counts.

    Returns:
        (n,) numbers 0..m-1, all used; a node without edges is alone.
    """
    import graspologic_native

    if graph.nnz == 0:
        return np.arange(graph.shape[0], dtype=np.int32)
    _, found = graspologic_native.leiden_csr(
        graph.indptr.astype(np.int64, copy=False),
        graph.indices.astype(np.int32, copy=False),
        graph.data.astype(np.float64, copy=False),
        graph.shape[0],
        resolution=resolution,
        seed=seed,
        trials=trials,
        iterations=ITERATIONS,
    )
    return numbered(np.fromiter((found[i] for i in range(graph.shape[0])), np.int64, graph.shape[0]))


def communities_from(graph: Any, start: Labels, resolution: float, *, seed: int) -> Labels:
    """Partition a graph, going on from a partition that was good for it before it changed.

    What the earlier papers belonged to stays the same far more often than from scratch.

    Args:
        graph: as for :func:`communities`.
        start: (n,) the partition to begin with.
        resolution: likewise.
        seed: likewise.
    """
    import graspologic_native
    from scipy import sparse

    upper = sparse.triu(graph, k=1).tocoo()
    if upper.nnz == 0:
        return np.arange(graph.shape[0], dtype=np.int32)
    names = [str(node) for node in range(graph.shape[0])]
    edges = [
        (names[a], names[b], weight)
        for a, b, weight in zip(upper.row.tolist(), upper.col.tolist(), upper.data.tolist(), strict=True)
    ]
    joined = np.flatnonzero(np.diff(graph.indptr) > 0).tolist()
    begin = {names[node]: int(start[node]) for node in joined}
    _, found = graspologic_native.leiden(
        edges, starting_communities=begin, resolution=resolution, seed=seed, iterations=ITERATIONS
    )
    alone = max(found.values()) + 1
    return numbered(np.array([found.get(name, alone + node) for node, name in enumerate(names)]))


def numbered(labels: NDArray[Any]) -> Labels:
    """The same partition with numbers 0..m-1, all used, ascending with the smallest member's position."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first), dtype=np.int32)
    return rank[inverse].astype(np.int32)
