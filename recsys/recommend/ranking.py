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
