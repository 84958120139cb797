"""Scores on a scale that can be read.

A strength answers: of paper pairs with this score, what share was submitted to the same track? Authors of the ACL 2020
conference each chose one of 25 tracks for their paper; with every pair of its 776 papers as an example, a logistic
curve was fitted to "same track, given the score" (docs/evaluation.md tells how well it holds elsewhere). So 0.05 is
what two random papers of one field have, 0.3 a shared interest, and above 0.6 the same subject.

The score is absolute (see :mod:`recsys.recommend.related`), so strengths of different queries can be compared. Short
texts give wider scores than long ones, and have a curve of their own; and of two words one is soon found somewhere, so
scores of queries with few terms are scaled down first, unless a paper has all of the words. Above 0.6 the curves say more than tracks can tell: of the most
similar pairs, too, only two in three were of one track.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: (slope, intercept) of a query of one sentence, and of a longer one.
CURVES = ((7.81, -3.73), (7.18, -4.06))
SHORT = 12  # terms; a longer query is no list of words that a paper should have
#: An answer whose strongest paper is weaker than this has nothing close to offer.
CLOSE = 0.55
EXACT = 1.0


def scaled(scores: NDArray[np.float64], terms: int) -> NDArray[np.float64]:
    """Scores as the curves take them: times ``(t + 1) / (t + 4)`` for a query of t terms that the corpus knows."""
    return scores * ((terms + 1) / (terms + 4))


def strength(
    scores: NDArray[np.float64], *, terms: int, sentences: int, literal: bool = False
) -> NDArray[np.float64]:
    """Strengths in (0, 1), rising with the score.

    Args:
        scores: (m,) of :func:`recsys.recommend.related.score`, reranked.
        terms: of what was asked with, words and pairs of words, as far as the corpus knows them.
        sentences: of what was asked with.
        literal: whether a paper has all words of a short query.
    """
    slope, intercept = CURVES[min(sentences, 2) - 1] if sentences else CURVES[0]
    scores = scores if literal else scaled(scores, terms)
    found: NDArray[np.float64] = 1 / (1 + np.exp(-(slope * scores + intercept)))
    return found
