"""Scores on a scale that can be read.

A strength answers: of paper pairs with this score, what share was submitted to the same track? Authors of the ACL 2020
conference each chose one of 25 tracks for their paper; with every pair of its 776 papers as an example, a logistic
curve was fitted to "same track, given the score" (docs/evaluation.md tells how well it holds elsewhere). So 0.05 is
what two random papers of one field have, 0.3 a shared interest, and above 0.6 the same subject.

The score is absolute (see :mod:`recsys.recommend.related`), so strengths of different queries can be compared. Short
texts give wider scores than long ones, and have a curve of their own; and of two words one is soon found somewhere, so
scores of queries with few terms are scaled down first. Above 0.6 the curves say more than tracks can tell: of the most
similar pairs, too, only two in three were of one track.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: (slope, intercept) by how many of the two texts have more than one sentence.
CURVES = ((7.91, -3.67), (8.84, -3.76), (10.03, -4.87))
#: An answer whose strongest paper is weaker than this has nothing close to offer.
CLOSE = 0.55
EXACT = 1.0


def scaled(scores: NDArray[np.float64], terms: int) -> NDArray[np.float64]:
    """Scores as the curves take them: times ``(t + 1) / (t + 4)`` for a query of t terms that the corpus knows."""
    return scores * ((terms + 1) / (terms + 4))


def strength(
    scores: NDArray[np.float64], terms: int, query_sentences: int, paper_sentences: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Strengths in (0, 1), rising with the score.

    Args:
        scores: (m,) of :func:`recsys.recommend.related.score`, reranked.
        terms: of what was asked with, words and pairs of words, as far as the corpus knows them.
        query_sentences: of what was asked with.
        paper_sentences: (m,) of each paper.
    """
    long_sides = (paper_sentences > 1).astype(np.int64) + (query_sentences > 1)
    slope, intercept = np.array(CURVES)[long_sides].T
    found: NDArray[np.float64] = 1 / (1 + np.exp(-(slope * scaled(scores, terms) + intercept)))
    return found
