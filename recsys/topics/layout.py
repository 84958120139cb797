"""The map: two coordinates for every paper, such that papers of one matter lie together.

The method for all but small corpora is UMAP (McInnes, Healy & Melville 2018, doi:10.48550/arXiv.1802.03426) over neighbours that are already
known. ``umap-learn``'s own steps are called one by one instead of its ``UMAP`` class, because a map that is made
again needs what the class does not offer: a start whose proportions are kept, and a gentler optimisation.

Where coordinates lie is the same for every corpus, see :func:`layout`: distances on the map have no unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["RIM", "layout", "place"]

Positions: TypeAlias = npt.NDArray[np.integer[Any]]
Floats: TypeAlias = npt.NDArray[np.float32]

#: No coordinate lies further than this from the origin.
RIM = 1.1

#: Below this number of papers a graph says no more than the vectors do: their first two components are the map.
_FEWEST = 30
#: Below this number t-SNE draws as good a map, and needs no compiler to be warmed up first.
_FEW = 300
#: Neighbours used, the paper itself included: UMAP's own default. More cost time and blur small islands.
_NEIGHBOURS = 15
#: How closely papers may be packed, in UMAP's unit: its own default.
_MIN_DISTANCE = 0.1
#: Random papers that each pull is paid for with, and passes over all edges: UMAP's own defaults.
_NEGATIVES = 5
_MANY = 10_000
_EPOCHS_FEW, _EPOCHS_MANY = 500, 200
#: Where an earlier map is continued most is settled: less time, and steps that do not throw it about.
_EPOCHS_AGAIN, _STEP_AGAIN = 100, 0.25
#: Radius within which :func:`layout` brings the main mass of a new map, and the share of papers that is.
_CORE, _MAIN = 0.8, 0.9
#: Width of the groups that :func:`place` looks for, as a standard deviation on the map.
_GROUP = 0.06
#: Papers whose distances to each other are compared at once by :func:`place`.
_BLOCK = 4096


def layout(
    indices: Positions,
    distances: Floats,
    features: Floats,
    *,
    seed: int,
    start: npt.NDArray[np.floating[Any]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Floats:
    """Coordinates on the map for n papers.

    A new map is centred at its median, turned to be as low as can be, and nine tenths of its papers lie within 0.8 of
    the origin. Islands further out are pulled in as a whole, so that they do not squeeze the rest, and no paper
    lies further out than :data:`RIM`. With fewer than 30 papers the map is the first two principal components, with
    fewer than 300 it is drawn by t-SNE.

    Args:
        indices: (n, k) positions of each paper's nearest papers, the nearest first, itself among them (for duplicates
            not always in column 0); none is negative.
        distances: (n, k) their distances, aligned, ascending; tiny negative ones from rounding count as 0.
        features: (n, d) what the distances were measured between: where a new map starts from.
        seed: of all that is random; equal input and seed give equal coordinates on one machine.
        start: (n, 2) coordinates on an earlier map of the same corpus, NaN for papers that were not on it. The new
            map is grown out of it, then turned, scaled and shifted onto it, so that a reader finds things again.
        progress: called with (steps done, steps in all).

    Returns:
        (n, 2) finite coordinates.
    """
    report = progress or (lambda done, total: None)
    n = len(indices)
    known = np.zeros(n, bool) if start is None else np.isfinite(start).all(axis=1)
    # an earlier map of which hardly anything is left is no map of this corpus
    again = start is not None and known.sum() >= max(3, n // 10) and bool(np.ptp(start[known], axis=0).any())
    if n < _FEWEST:
        drawn = _components(features)
    elif n < _FEW:
        drawn = _neighbourly(features, start if again else None, known, seed)
    else:
        width = min(_NEIGHBOURS, indices.shape[1])
        near, far = (
            indices[:, :width].astype(np.int32),
            np.maximum(distances[:, :width], 0).astype(np.float32),
        )
        graph, curve = _graph(near, far)
        report(1, 3)
        first = _continued(near, far, start, known) if again and start is not None else _components(features)
        random = np.random.RandomState(seed)
        first = _apart(first, random)
        first *= _natural_scale(first, graph, curve, random) if again else 10 / max(np.abs(first).max(), 1e-9)
        report(2, 3)
        drawn = _optimised(first, graph, curve, random, again=again)
    drawn = np.nan_to_num(drawn.astype(np.float64))
    if again and start is not None:
        drawn = _islands_pulled_in(_aligned(drawn, start, known), core=1.0)
    else:
        drawn = _lying(_islands_pulled_in(_normalised(drawn), core=_CORE))
    report(3, 3)
    return _within_rim(drawn).astype(np.float32)


def place(
    neighbours: Positions, weights: Floats, coordinates: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float32]:
    """Where papers or texts belong on a map they are not on, without moving what is.

    A mean of the neighbours' coordinates would put a paper whose neighbours are on two islands into the sea between.
    So the neighbour is found that has the greatest weight of neighbours around it, and the paper is put at the
    weighted mean of that group alone: one step of mean shift from the best-supported neighbour (Comaniciu & Meer
    2002, doi:10.1109/34.1000236).

    Args:
        neighbours: (m, k) positions of the nearest papers on the map; a negative one stands for none.
        weights: (m, k) how near each is, 0 or more; if a row has none above 0, its neighbours count alike.
        coordinates: (n, 2) of the papers on the map, as :func:`layout` gives them.

    Returns:
        (m, 2) coordinates; NaN for a row without any neighbour. Of groups of equal weight, the one with the
        earliest neighbour is taken.
    """
    placed = np.full((len(neighbours), 2), np.nan, np.float32)
    for begin in range(0, len(neighbours), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        present = neighbours[block] >= 0
        weight = np.where(present, np.maximum(weights[block], 0), 0).astype(np.float64)
        weight = np.where(weight.sum(axis=1, keepdims=True) > 0, weight, present)
        spots = np.asarray(coordinates, np.float64)[np.where(present, neighbours[block], 0)]
        apart = ((spots[:, :, None, :] - spots[:, None, :, :]) ** 2).sum(axis=-1)
        close = np.exp(-apart / (2 * _GROUP**2)) * weight[:, None, :]
        # rounded, so that equal support is equal whatever the order of summation
        best = np.argmax(np.where(weight > 0, close.sum(axis=2).round(9), -1), axis=1)
        share = close[np.arange(len(best)), best]
        some = present.any(axis=1)
        mean = (share[some, :, None] * spots[some]).sum(axis=1) / share[some].sum(axis=1, keepdims=True)
        placed[block][some] = mean
    return placed


def _graph(near: npt.NDArray[np.int32], far: Floats) -> tuple[Any, tuple[float, float]]:
    """UMAP's graph of memberships as COO without edges too weak to be drawn once, and its curve's two parameters."""
    umap = _umap()
    n, k = near.shape
    # the first argument is only asked for its length when the neighbours are given
    graph = umap.umap_.fuzzy_simplicial_set(
        np.empty((n, 1), np.float32), k, None, "euclidean", knn_indices=near, knn_dists=far
    )[0]
    graph = graph.tocoo()
    graph.sum_duplicates()
    graph.data[graph.data < graph.data.max() / _epochs(n)] = 0
    graph.eliminate_zeros()
    a, b = umap.umap_.find_ab_params(1.0, _MIN_DISTANCE)
    return graph, (float(a), float(b))


def _umap() -> Any:
    with warnings.catch_warnings():
        # said at import about a part of it that is not used here
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        import umap
    return umap


def _epochs(n: int) -> int:
    return _EPOCHS_FEW if n <= _MANY else _EPOCHS_MANY


def _optimised(
    first: npt.NDArray[np.float64],
    graph: Any,
    curve: tuple[float, float],
    random: np.random.RandomState,
    *,
    again: bool,
) -> npt.NDArray[np.float64]:
    """Coordinates after UMAP's stochastic gradient descent, on one thread: with several it is not repeatable."""
    umap = _umap()
    n = len(first)
    epochs = min(_EPOCHS_AGAIN, _epochs(n)) if again else _epochs(n)
    spots = np.ascontiguousarray(first, np.float32)
    limits = np.iinfo(np.int32)
    state = random.randint(limits.min + 1, limits.max - 1, 3).astype(np.int64)
    drawn: npt.NDArray[np.float64] = umap.layouts.optimize_layout_euclidean(
        spots,
        spots,
        graph.row,
        graph.col,
        epochs,
        n,
        umap.umap_.make_epochs_per_sample(graph.data, epochs),
        *curve,
        state,
        initial_alpha=_STEP_AGAIN if again else 1.0,
        negative_sample_rate=_NEGATIVES,
        move_other=True,
    )
    return drawn


def _components(features: Floats) -> npt.NDArray[np.float64]:
    """First two principal components, (n, 2); zeros where there are fewer."""
    from sklearn.decomposition import PCA

    found = np.zeros((len(features), 2))
    rank = min(2, len(features) - 1, features.shape[1])
    if rank > 0 and np.ptp(features, axis=0).any():
        found[:, :rank] = PCA(rank, svd_solver="covariance_eigh").fit_transform(features)
    return found


def _neighbourly(
    features: Floats, start: npt.NDArray[np.floating[Any]] | None, known: npt.NDArray[np.bool_], seed: int
) -> npt.NDArray[np.float64]:
    """t-SNE (van der Maaten & Hinton 2008) of a few papers, from their components or from an earlier map."""
    from sklearn.manifold import TSNE

    first = _components(features)
    if start is not None:
        first = np.where(known[:, None], start, np.nanmean(start, axis=0))
    first = _apart(first, np.random.RandomState(seed))
    first *= 1e-4 / max(float(first.std(axis=0).max()), 1e-12)  # as scikit-learn starts from components
    perplexity = min(30.0, (len(features) - 1) / 3)
    drawn = TSNE(2, init=first.astype(np.float32), perplexity=perplexity, random_state=seed, n_jobs=1)
    return np.asarray(drawn.fit_transform(features), np.float64)


def _continued(
    near: npt.NDArray[np.int32],
    far: Floats,
    start: npt.NDArray[np.floating[Any]],
    known: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """The earlier coordinates; new papers where their neighbours are, those with new neighbours only after them."""
    spots = np.where(known[:, None], start, np.nan).astype(np.float64)
    weights = np.exp(-far / max(float(far.mean()), 1e-9)).astype(np.float32)
    for _ in range(10):  # a chain of new papers longer than this ends at the origin, and is drawn from there
        missing = np.flatnonzero(np.isnan(spots[:, 0]))
        reachable = np.where(np.isnan(spots[near[missing], 0]), -1, near[missing])
        placed = place(reachable, weights[missing], np.nan_to_num(spots))
        if not len(missing) or np.isnan(placed).all():
            break
        spots[missing] = placed
    return np.nan_to_num(spots)


def _apart(spots: npt.NDArray[np.float64], random: np.random.RandomState) -> npt.NDArray[np.float64]:
    """Coordinates of which no two are equal: the descent cannot part what lies on one spot."""
    spread = max(float(spots.std()), 1e-3)
    moved: npt.NDArray[np.float64] = spots + random.normal(scale=1e-3 * spread, size=spots.shape)
    return moved


def _natural_scale(
    spots: npt.NDArray[np.float64], graph: Any, curve: tuple[float, float], random: np.random.RandomState
) -> float:
    """The factor by which coordinates come to UMAP's own unit, so that the descent neither inflates nor shrinks them.

    It has the least of the loss that the descent really follows, edges against random pairs (Damrich & Hamprecht 2021,
    doi:10.48550/arXiv.2103.14608), on a draw of both.
    """
    from scipy.optimize import minimize_scalar

    draws = 50_000
    edges = random.choice(
        graph.nnz, draws, p=graph.data.astype(np.float64) / graph.data.sum(dtype=np.float64)
    )
    pulled = ((spots[graph.row[edges]] - spots[graph.col[edges]]) ** 2).sum(axis=1)
    pushed = (
        (spots[random.randint(len(spots), size=draws)] - spots[random.randint(len(spots), size=draws)]) ** 2
    ).sum(axis=1)
    pushed = pushed[pushed > 0]
    a, b = curve

    def loss(logarithm: float) -> float:
        square = np.exp(2 * logarithm)
        attraction = np.log1p(a * (square * pulled) ** b).mean()
        repulsion = -np.log1p(-1 / (1.001 + a * (square * pushed) ** b)).mean()
        return float(attraction + _NEGATIVES * repulsion)

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(1000)), method="bounded")
    return float(np.exp(found.x))


def _normalised(spots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centred at the median, scaled so that the main mass lies within the core."""
    centred = spots - np.median(spots, axis=0)
    radius = _radius(centred)
    size = float(np.quantile(radius, _MAIN)) or float(radius.max()) or 1.0
    scaled: npt.NDArray[np.float64] = centred * (_CORE / size)
    return scaled


def _lying(spots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turned so that it is as low as can be, to five degrees: pictures and screens are wider than high."""
    angles = np.deg2rad(np.arange(0, 180, 5))
    heights = spots[:, :1] * np.sin(angles) + spots[:, 1:] * np.cos(angles)
    best = angles[np.ptp(np.quantile(heights, [0.005, 0.995], axis=0), axis=0).round(9).argmin()]
    cos, sin = np.cos(best), np.sin(best)
    turned: npt.NDArray[np.float64] = spots @ np.array([[cos, sin], [-sin, cos]])
    return turned


def _aligned(
    spots: npt.NDArray[np.float64], start: npt.NDArray[np.floating[Any]], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Turned (or mirrored), scaled and shifted onto the earlier map by least squares over papers on both.

    Fitted a second time to the four fifths that then lie nearest, because an island that has moved is no reason to turn
    the rest.
    """
    from scipy.linalg import orthogonal_procrustes

    moved, target = spots[known], start[known].astype(np.float64)
    kept = np.ones(len(moved), bool)
    aligned = spots
    for _ in range(2):
        centre, goal = moved[kept].mean(axis=0), target[kept].mean(axis=0)
        turn, stretch = orthogonal_procrustes(moved[kept] - centre, target[kept] - goal)
        scale = stretch / max(float(((moved[kept] - centre) ** 2).sum()), 1e-12)
        aligned = (spots - centre) @ turn * scale + goal
        off = _radius(aligned[known] - target)
        kept = off <= np.quantile(off, 0.8)
    return aligned


def _islands_pulled_in(spots: npt.NDArray[np.float64], *, core: float) -> npt.NDArray[np.float64]:
    """Islands whose centre lies beyond ``core`` moved towards the origin as a whole, the further the more.

    An island is what a gap of a thirtieth of the map parts from the largest; its distance beyond the core shrinks
    logarithmically.
    """
    from scipy.ndimage import generate_binary_structure, label

    cell = 1 / 30
    reach = max(2.0, core + 1)
    clipped = np.clip(spots, -reach, reach)
    cells = np.floor((clipped + reach) / cell).astype(np.intp)
    side = int(np.ceil(2 * reach / cell)) + 1
    land = np.zeros((side, side), bool)
    land[cells[:, 0], cells[:, 1]] = True
    numbers, _ = label(land, structure=generate_binary_structure(2, 2))
    island = numbers[cells[:, 0], cells[:, 1]]
    counts = np.bincount(island)
    centres = (
        np.stack([np.bincount(island, spots[:, axis]) for axis in (0, 1)], axis=1)
        / np.maximum(counts, 1)[:, None]
    )
    radius = _radius(centres)
    beyond = np.maximum(radius - core, 0)
    tail = 0.1
    factor = np.where(beyond > 0, (core + tail * np.log1p(beyond / tail)) / np.maximum(radius, 1e-9), 1.0)
    factor[counts.argmax()] = 1.0
    moved: npt.NDArray[np.float64] = spots + (centres * (factor - 1)[:, None])[island]
    return moved


def _within_rim(spots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What still lies beyond the unit disc is brought between it and the rim; the rest stays."""
    radius = _radius(spots)
    room = RIM - 1
    allowed = np.where(radius > 1, 1 + room * np.tanh((radius - 1) / room), radius)
    held: npt.NDArray[np.float64] = spots * (allowed / np.maximum(radius, 1e-9))[:, None]
    return held


def _radius(spots: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.hypot(spots[:, 0], spots[:, 1])
    return lengths
