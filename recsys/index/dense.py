"""Nearest neighbours by inner product over unit vectors, with FAISS.

Up to ``exact_limit`` vectors the index is exact (``IndexFlatIP``). Above it, it is a navigable small-world graph
(HNSW; Malkov & Yashunin 2018, doi:10.1109/TPAMI.2018.2889473) over the same vectors. Its breadth of search is
raised until the recall measured against exact search reaches :data:`RECALL_WANTED`; what was chosen and measured
is kept in :class:`DenseParameters`, beside the index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from recsys.errors import DamagedSnapshot, DimensionMismatch

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]

# M, the links of a node: 32 took 40 % longer to build for less than 0.01 of recall on 103k papers
HNSW_NEIGHBOURS = 24
HNSW_EF_CONSTRUCTION = 64  # breadth while building
EF_SEARCH_STEPS = (64, 96, 128, 192, 256, 384, 512)
RECALL_WANTED = 0.98
RECALL_AT = 10
RECALL_QUERIES = 500
EXACT_SUBSET = 20_000  # under this many allowed vectors, comparing them all is cheaper than walking the graph


@dataclass(frozen=True, slots=True)
class DenseParameters:
    """What a dense index is, for its manifest.

    Attributes:
        kind: ``flat`` (exact) or ``hnsw``.
        vectors: number of vectors.
        dimension: width of a vector.
        neighbours: links of an HNSW node (M); 0 for flat.
        ef_construction: breadth of the search while building; 0 for flat.
        ef_search: breadth of the search while answering; 0 for flat.
        recall: share of the exact ten nearest that the index returns, over ``recall_queries`` of its own vectors
            drawn evenly; 1.0 by definition for flat.
        recall_queries: how many vectors that was measured on; 0 for flat.
    """

    kind: Literal["flat", "hnsw"]
    vectors: int
    dimension: int
    neighbours: int = 0
    ef_construction: int = 0
    ef_search: int = 0
    recall: float = 1.0
    recall_queries: int = 0


class DenseIndex:
    """A searchable set of unit vectors. A vector is known by its position, 0 to n - 1.

    Args:
        index: FAISS's.
        parameters: what it is.
        order: (n,) the position of each of the index's own rows, where new papers were added behind old ones; None
            when rows stand by position.
    """

    def __init__(self, index: Any, parameters: DenseParameters, order: Positions | None = None) -> None:
        self._index = index
        self.parameters = parameters
        self._order = order
        self._row_of: Positions | None = None
        if order is not None:
            self._row_of = np.empty(len(order), np.int64)
            self._row_of[order] = np.arange(len(order))
        storage = faiss.downcast_index(index.storage) if parameters.kind == "hnsw" else index
        count = parameters.vectors * parameters.dimension
        flat = faiss.rev_swig_ptr(storage.get_xb(), count) if count else np.empty(0, np.float32)
        # a view into the index, not a copy
        self._rows: Floats = flat.reshape(parameters.vectors, parameters.dimension)

    def __len__(self) -> int:
        return self.parameters.vectors

    @property
    def vectors(self) -> Floats:
        """All vectors by position, (n, dimension) float32. Read only; may be a view into the index."""
        return self._rows if self._row_of is None else self._rows[self._row_of]

    def rows(self, positions: Positions) -> Floats:
        """(m, dimension) vectors at some positions, a copy."""
        chosen: Floats = self._rows[positions if self._row_of is None else self._row_of[positions]]
        return chosen

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> tuple[Positions, Floats]:
        """Find the nearest vectors of each query.

        Args:
            queries: (q, dimension) unit rows.
            k: how many to find for each.
            allowed: (n,) True where a vector may be returned; None allows all.

        Returns:
            positions: (q, k) int64, best first, -1 where there are fewer than k. Equal scores stand in
                ascending position, but which of several equals at rank k are left out is not defined.
            scores: (q, k) float32 inner products aligned with positions, -inf where the position is -1.

        Raises:
            DimensionMismatch: the queries are of another width.
        """
        if queries.ndim != 2 or queries.shape[1] != self.parameters.dimension:
            raise DimensionMismatch(
                f"The query has shape {queries.shape}; this index holds {self.parameters.dimension} numbers a vector.",
                hint="Embed the query with the model that the snapshot's manifest names.",
            )
        candidates = len(self) if allowed is None else int(np.count_nonzero(allowed))
        width = min(k, candidates)
        if width == 0 or len(queries) == 0:
            positions = np.empty((len(queries), 0), np.int64)
            scores = np.empty((len(queries), 0), np.float32)
        elif allowed is not None and candidates <= EXACT_SUBSET:
            positions, scores = self._search_subset(queries, width, np.flatnonzero(allowed))
        else:
            scores, rows = self._index.search(
                np.ascontiguousarray(queries, np.float32),
                width,
                params=self._parameters(width, allowed, candidates),
            )
            positions = rows if self._order is None else np.where(rows < 0, -1, self._order[rows])
        return _padded(*_by_score_then_position(positions, scores), k)

    def _search_subset(self, queries: Floats, k: int, subset: Positions) -> tuple[Positions, Floats]:
        scores = queries @ self.rows(subset).T
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        return subset[best], np.take_along_axis(scores, best, axis=1)

    def _parameters(self, k: int, allowed: Mask | None, candidates: int) -> Any:
        selector = None
        if allowed is not None:
            allowed = allowed if self._order is None else allowed[self._order]
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if self.parameters.kind == "flat":
            return None if selector is None else faiss.SearchParameters(sel=selector)
        # A walk that may keep only a part of what it meets has to be as much broader.
        breadth = max(self.parameters.ef_search, 2 * k) * len(self) // candidates
        return faiss.SearchParametersHNSW(sel=selector, efSearch=breadth)

    def save(self, path: Path) -> None:
        """Write the index to ``path``, and the order of its rows beside it."""
        faiss.write_index(self._index, str(path))
        order = np.arange(len(self)) if self._order is None else self._order
        np.save(order_path(path), order.astype(np.int32))

    def grown(self, vectors: Floats, kept: Positions) -> tuple[Any, Positions]:
        """A copy of the graph with new vectors added behind its own; returns it and the order of its rows.

        Args:
            vectors: (n, dimension) all vectors, by their new positions.
            kept: (n,) the position here of each, -1 for those that are new; all of this index's stand in it.
        """
        moved = np.empty(len(self), np.int64)
        moved[kept[kept >= 0]] = np.flatnonzero(kept >= 0)
        mine = moved if self._order is None else moved[self._order]
        new = np.flatnonzero(kept < 0)
        # a copy through bytes: one of a memory-mapped index would still write into the map, and crash
        graph = faiss.deserialize_index(faiss.serialize_index(self._index))
        graph.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        graph.add(np.ascontiguousarray(vectors[new], np.float32))
        return graph, np.concatenate([mine, new])


def order_path(path: Path) -> Path:
    """Where the order of an index's rows is kept."""
    return path.with_suffix(".order.npy")


def build_dense(
    vectors: Floats,
    *,
    exact_limit: int,
    threads: int | None = None,
    previous: DenseIndex | None = None,
    kept: Positions | None = None,
) -> DenseIndex:
    """Index unit vectors.

    Args:
        vectors: (n, dimension) float32 unit rows.
        exact_limit: the largest n for which the index is exact.
        threads: that FAISS may use from now on; None leaves it as it is, which is every core at first.
        previous: an index with some of these vectors. A graph all of whose vectors are still there grows by the new
            ones instead of being built anew, in a hundredth of the time.
        kept: (n,) position in ``previous`` of each vector, -1 where it is new; needed with it.
    """
    if threads is not None:
        faiss.omp_set_num_threads(threads)
    count, dimension = vectors.shape
    vectors = np.ascontiguousarray(vectors, np.float32)
    if count <= exact_limit:
        flat = faiss.IndexFlatIP(dimension)
        flat.add(vectors)
        return DenseIndex(flat, DenseParameters("flat", count, dimension))
    order = None
    if previous is not None and kept is not None and _grows(previous, kept):
        graph, order = previous.grown(vectors, kept)
    else:
        graph = faiss.IndexHNSWFlat(dimension, HNSW_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        graph.add(vectors)
    sample = np.unique(np.linspace(0, count - 1, min(RECALL_QUERIES, count)).astype(np.int64))
    k = min(RECALL_AT, count)
    # knn, not a flat index: it compares against the vectors where they lie
    _, exact = faiss.knn(vectors[sample], vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
    ef_search, recall = _breadth_for(graph, vectors[sample], exact, order)
    graph.hnsw.efSearch = ef_search
    parameters = DenseParameters(
        "hnsw", count, dimension, HNSW_NEIGHBOURS, HNSW_EF_CONSTRUCTION, ef_search, recall, len(sample)
    )
    return DenseIndex(graph, parameters, order)


def _grows(previous: DenseIndex, kept: Positions) -> bool:
    """Whether a graph can go on: HNSW takes new vectors, but gives none back."""
    return previous.parameters.kind == "hnsw" and np.count_nonzero(kept >= 0) == len(previous)


def load_dense(path: Path, parameters: DenseParameters) -> DenseIndex:
    """Open an index written by :meth:`DenseIndex.save`; its pages are mapped, and shared between processes.

    Raises:
        DamagedSnapshot: the file cannot be read, or holds another number of vectors than ``parameters`` says.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise DamagedSnapshot(
            f"FAISS cannot read {path}: {error}.", hint="Run `recsys snapshots verify`."
        ) from error
    if (index.ntotal, index.d) != (parameters.vectors, parameters.dimension):
        raise DamagedSnapshot(
            f"{path} holds {index.ntotal} vectors of {index.d} numbers; its manifest says "
            f"{parameters.vectors} of {parameters.dimension}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        )
    order = np.load(order_path(path)).astype(np.int64)
    if len(order) != parameters.vectors:
        raise DamagedSnapshot(
            f"{order_path(path)} has {len(order)} rows; its manifest says {parameters.vectors}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        )
    return DenseIndex(index, parameters, None if np.array_equal(order, np.arange(len(order))) else order)


def _breadth_for(graph: Any, queries: Floats, exact: Positions, order: Positions | None) -> tuple[int, float]:
    """The smallest breadth of search that reaches the wanted recall (else the largest), and its recall."""
    recall = 0.0
    for breadth in EF_SEARCH_STEPS:
        _, found = graph.search(queries, exact.shape[1], params=faiss.SearchParametersHNSW(efSearch=breadth))
        found = found if order is None else np.where(found < 0, -1, order[found])
        hits = [len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)]
        recall = round(float(np.sum(hits)) / exact.size, 4)
        if recall >= RECALL_WANTED:
            return breadth, recall
    return EF_SEARCH_STEPS[-1], recall


def _by_score_then_position(positions: Positions, scores: Floats) -> tuple[Positions, Floats]:
    scores = np.where(positions < 0, -np.inf, scores).astype(np.float32)
    order = np.lexsort((positions, -scores), axis=1)
    return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)


def _padded(positions: Positions, scores: Floats, k: int) -> tuple[Positions, Floats]:
    missing = ((0, 0), (0, k - positions.shape[1]))
    return (
        np.pad(positions, missing, constant_values=-1),
        np.pad(scores, missing, constant_values=-np.inf),
    )
