"""Turning scores into an answer: exclusions, a stable order, the first k."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]

# So few excluded positions are found beside the wanted ones and dropped; more are ruled out within the search, or an
# answer would slow down with every paper withdrawn since the last build.
FETCHED_BESIDE = 64


class Searchable(Protocol):
    """An index over n vectors, such as :class:`recsys.index.dense.DenseIndex`."""

    def __len__(self) -> int:
        """The number of vectors."""
        ...

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> tuple[Positions, Floats]:
        """Positions and scores, (q, k) each, best first, -1 where there are fewer."""
        ...


def nearest(
    index: Searchable,
    query: Floats,
    k: int,
    *,
    allowed: Mask | None = None,
    excluded: Collection[int] = (),
) -> tuple[Positions, Floats]:
    """The k nearest vectors of one query that may be shown.

    Args:
        index: where to look.
        query: (dimension,) unit vector.
        k: how many are wanted.
        allowed: (n,) False where a vector is ruled out by a filter; None allows all.
        excluded: positions never to be returned.

    Returns:
        positions and scores, (m,) each with m <= k, best first; equal scores stand in ascending position, and which
        of several equals come within k is decided by position too.
    """
    barred = np.fromiter(excluded, np.int64, len(excluded))
    if len(barred) > FETCHED_BESIDE:
        allowed = np.ones(len(index), np.bool_) if allowed is None else allowed.copy()
        allowed[barred] = False
        barred = barred[:0]
    wanted = k + len(barred) + 1  # one more shows whether a tie crosses the edge
    while True:
        positions, scores = (row[0] for row in index.search(query[None, :], min(wanted, len(index)), allowed))
        found = positions >= 0
        positions, scores = positions[found], scores[found]
        exhausted = len(positions) < wanted
        keep = ~np.isin(positions, barred)
        kept_positions, kept_scores = positions[keep], scores[keep]
        tie_crosses = len(kept_scores) > k and kept_scores[k - 1] == scores[-1]
        if exhausted or not (len(kept_positions) < k or tie_crosses):
            return kept_positions[:k], kept_scores[:k]
        wanted *= 2


def filter_mask(
    years: NDArray[np.int16],
    venues: NDArray[np.int32],
    *,
    year_from: int | None = None,
    year_to: int | None = None,
    venue_codes: Collection[int] | None = None,
) -> Mask | None:
    """Which papers pass the filters; None when there is no filter.

    Args:
        years: (n,) years, 0 where unknown: an unknown year passes no year filter.
        venues: (n,) venue codes.
        year_from: first year that passes, inclusive.
        year_to: last year that passes, inclusive.
        venue_codes: venues that pass; an empty collection lets nothing pass.
    """
    if year_from is None and year_to is None and venue_codes is None:
        return None
    mask = np.ones(len(years), np.bool_)
    if year_from is not None or year_to is not None:
        mask &= years > 0
    if year_from is not None:
        mask &= years >= year_from
    if year_to is not None:
        mask &= years <= year_to
    if venue_codes is not None:
        mask &= np.isin(venues, list(venue_codes))
    return mask


def recent(
    years: NDArray[np.int16], newest: int, weight: float, half_life: float = 5.0
) -> NDArray[np.float64]:
    """Factors in [0, 1] by which older papers stand back.

    A factor is ``1 - weight + weight * 2 ** (-age / half_life)``: with weight 0 age does not matter, with weight 1
    a paper counts half after every ``half_life`` years.

    Args:
        years: (m,) years, 0 where unknown: as old as two half-lives.
        newest: the year that ages are counted from.
        weight: in [0, 1].
        half_life: in years.
    """
    age = np.where(years > 0, np.maximum(newest - years.astype(np.float64), 0), 2 * half_life)
    return 1 - weight + weight * 2.0 ** (-age / half_life)


def diversified(
    relevance: NDArray[np.float64], vectors: Floats, k: int, diversity: float
) -> NDArray[np.int64]:
    """Choose k of m candidates by maximal marginal relevance (Carbonell & Goldstein 1998, doi:10.1145/290941.291025).

    The next one chosen has the highest ``(1 - diversity) * relevance - diversity * likeness``, with its likeness the
    cosine to the nearest one already chosen.

    Args:
        relevance: (m,) in [0, 1], candidates best first; of equals the earlier is taken.
        vectors: (m, d) unit rows.
        k: how many to choose.
        diversity: in [0, 1]; 0 keeps the order.

    Returns:
        (min(k, m),) numbers of the candidates chosen, in the order chosen.
    """
    if diversity == 0:
        return np.arange(min(k, len(relevance)))
    left = np.ones(len(relevance), np.bool_)
    likeness = np.zeros(len(relevance))
    chosen: list[int] = []
    while len(chosen) < min(k, len(relevance)):
        gain = np.where(left, (1 - diversity) * relevance - diversity * likeness, -np.inf)
        best = int(gain.argmax())
        chosen.append(best)
        left[best] = False
        found = vectors @ vectors[best]
        likeness = found if len(chosen) == 1 else np.maximum(likeness, found)
    return np.array(chosen, np.int64)
