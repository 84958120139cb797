"""From vectors and words to the graph whose communities are topics.

Papers are compared by their dense vectors joined with a reduced matrix of their words, and by what readers are shown
as related to them: each errs in other places, and together they match the tracks that people chose better than any
alone (docs/evaluation.md). Edges weigh as in UMAP: every paper has about the same weight to spend on its neighbours,
however dense its corner of the corpus.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

NEIGHBOURS = 30  # papers next to each, itself counted
COMPONENTS = 50  # of the reduced word matrix
RELATED = 0.5  # weight of the edges to related papers, where those to near rows weigh 1
BEST_SCORE = 2.0  # of a related paper: distances are counted from it
WORDS = 0.7  # length of a paper's row of it, where that of the dense vector is 1
COMMON = 0.3  # a word in a larger share of the papers tells nothing,
SMALL = 5  # or in more papers than this, where there are few
RARE_SHARE = 1 / 10_000  # a word in a smaller share of a large corpus is too rare to join papers
_BISECTIONS = 24  # halvings of the range of a bandwidth: more than float32 can tell apart


def features(vectors: Floats, counts: Any, *, seed: int = 0) -> Floats:
    """Dense vectors joined with latent semantic components of the words.

    The words are weighed (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), rows scaled to unit length, and reduced by a
    truncated singular value decomposition (Deerwester et al. 1990, doi:10.1002/(SICI)1097-4571(199009)41:6).

    Args:
        vectors: (n, d) unit rows.
        counts: (n, v) scipy sparse matrix, how often each term stands in each paper.
        seed: of the randomised decomposition.

    Returns:
        (n, d + c) unit rows, c at most :data:`COMPONENTS`; (n, d) where there are too few words.
    """
    words = _components(counts, seed)
    if words is None:
        return _unit(vectors)
    return _unit(np.hstack([vectors, np.float32(WORDS) * words]))


def fuzzy_graph(indices: Positions, distances: Floats) -> Any:
    """The fuzzy union of every paper's neighbourhood (McInnes, Healy & Melville 2018, arXiv:1802.03426, section 3.1).

    A neighbour at distance d weighs exp(-max(0, d - ρ) / σ), with ρ the distance of the nearest and σ chosen for each
    paper such that its weights add up to log2 of their number; a and b seen from both ends join to a + b - a·b.

    Args:
        indices: (n, k) positions of the nearest papers, nearest first; a paper may be its own neighbour or not, -1
            stands for none.
        distances: (n, k) aligned with them.

    Returns:
        (n, n) symmetric scipy CSR matrix of float32 weights in (0, 1], nothing on the diagonal.
    """
    from scipy import sparse

    count, k = indices.shape
    own = np.arange(count)[:, None]
    valid = (indices >= 0) & (indices != own)
    excess = np.where(valid, np.maximum(distances, 0), np.float32(np.inf))
    rho = excess.min(axis=1, initial=np.inf)
    excess -= np.where(np.isfinite(rho), rho, 0)[:, None]
    weights = np.exp(-excess / _bandwidths(excess, k)[:, None])
    del excess
    rows = np.broadcast_to(own, indices.shape)[valid]
    directed = sparse.csr_matrix((weights[valid], (rows, indices[valid])), shape=(count, count))
    del weights, rows
    directed.eliminate_zeros()
    transposed = directed.T.tocsr()
    joined = directed + transposed
    joined = (joined - directed.multiply(transposed)).tocsr()
    joined.sort_indices()
    return joined


def paper_graph(
    indices: Positions,
    distances: Floats,
    related: NDArray[np.integer[Any]],
    scores: NDArray[np.floating[Any]],
) -> Any:
    """The graph that topics are communities of.

    Args:
        indices: (n, k) nearest papers by :func:`features`, as for :func:`fuzzy_graph`.
        distances: (n, k) 1 - cosine.
        related: (n, r) positions of the papers related to each, best first, -1 for none.
        scores: (n, r) theirs.

    Returns:
        (n, n) symmetric scipy CSR matrix.
    """
    near = fuzzy_graph(indices, distances)
    width = min(related.shape[1], NEIGHBOURS - 1)
    if width == 0:
        return near
    apart = np.float32(BEST_SCORE) - np.minimum(scores[:, :width], BEST_SCORE).astype(np.float32)
    further = fuzzy_graph(related[:, :width].astype(np.int64), apart)
    further.data *= np.float32(RELATED)
    joined = (near + further).tocsr()
    joined.sort_indices()
    joined.data = joined.data.astype(np.float64)  # what communities are found in, once and not at every run
    return joined


def _bandwidths(excess: Floats, k: int) -> Floats:
    """(n,) σ such that the weights of each row add up to log2(k): by halving, all rows at once."""
    target = np.log2(max(k, 2))
    finite = np.isfinite(excess)
    mean = np.where(finite, excess, 0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
    scale = float(mean.mean()) or 1.0
    low, high = np.zeros(len(excess), np.float32), np.full(len(excess), max(64 * scale, 1e-6), np.float32)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        with np.errstate(under="ignore"):
            total = np.exp(-excess / np.maximum(middle, 1e-12)[:, None]).sum(axis=1)
        low, high = np.where(total < target, middle, low), np.where(total < target, high, middle)
    # a row of equals, or of fewer neighbours than the target: no narrower than its surroundings
    least = 1e-3 * np.where(mean > 0, mean, scale)
    found: Floats = np.maximum((low + high) / 2, least).astype(np.float32)
    return found


def _components(counts: Any, seed: int) -> Floats | None:
    """(n, c) unit rows of the reduced word matrix; None where no word is shared by papers."""
    from scipy import sparse
    from sklearn.preprocessing import normalize
    from sklearn.utils.extmath import randomized_svd

    papers, terms = counts.shape
    frequency = np.bincount(counts.indices, minlength=terms)
    rare = max(2, round(papers * RARE_SHARE))
    kept = np.flatnonzero((frequency >= rare) & (frequency <= max(SMALL, COMMON * papers)))
    width = min(COMPONENTS, papers - 1, len(kept))
    if width < 1:
        return None
    weighed = counts[:, kept].astype(np.float32)
    weighed.data = 1 + np.log(weighed.data)
    idf = np.log((papers + 1) / (frequency[kept] + 1)) + 1
    weighed = normalize(weighed @ sparse.diags(idf.astype(np.float32)))
    left, values, _ = randomized_svd(weighed, width, n_iter=4, random_state=seed)
    return _unit((left * values).astype(np.float32))


def _unit(rows: Floats) -> Floats:
    """The rows at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
