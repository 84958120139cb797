"""How far papers and texts belong to topics: the share of their neighbourhood that each topic holds.

The strength of a paper's place in a topic is the share of its edges that lead into it, by weight: near 1 in the
middle of a topic, about a half on the border between two. A text, or a paper that came after the topics were found, is
placed in the same way by the papers it is most related to, and only where these agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.topics.leiden import Labels

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

TOPICS = 3  # of a paper at each level
SECOND = 0.15  # share of the neighbourhood from which on a further topic counts
AGREED = 0.3  # share of a text's neighbourhood that its main topic holds; less, and it has none at that level
VOTERS = 25  # neighbours that place a text
_BLOCK = 8192  # papers at once


@dataclass(frozen=True, slots=True)
class Memberships:
    """The topics of n papers at one level.

    Attributes:
        topics: (n, 3) int32 topic numbers, the main one first, -1 where there are fewer.
        strengths: (n, 3) float32 in [0, 1], descending, adding up to at most 1; 0 where there is no topic.
    """

    topics: NDArray[np.int32]
    strengths: Floats


def memberships(graph: Any, labels: Labels) -> Memberships:
    """Soft memberships of the papers that topics were found among.

    Args:
        graph: (n, n) symmetric CSR matrix.
        labels: (n,) the main topic of each; it stays the main one, also of a paper most of whose edges lead elsewhere.
    """
    from scipy import sparse

    papers, topics = len(labels), int(labels.max(initial=-1)) + 1
    member = sparse.csr_matrix((np.ones(papers), (np.arange(papers), labels)), shape=(papers, topics))
    found = Memberships(np.full((papers, TOPICS), -1, np.int32), np.zeros((papers, TOPICS), np.float32))
    for start in range(0, papers, _BLOCK):
        rows = slice(start, min(start + _BLOCK, papers))
        held = np.asarray((graph[rows] @ member).todense(), np.float64)
        _fill(found, rows, _shares(held), labels[rows])
    return found


def placed(labels: Labels, neighbours: Positions, weights: NDArray[np.floating[Any]], topics: int) -> Floats:
    """(m, topics) shares of the neighbourhoods that each topic holds.

    Args:
        labels: (n,) main topics, -1 for a paper that has none yet.
        neighbours: (m, k) positions, -1 for none.
        weights: (m, k) their weights, at least 0.
        topics: how many there are.
    """
    valid = neighbours >= 0
    theirs = np.where(valid, labels[np.maximum(neighbours, 0)], -1)
    valid &= theirs >= 0
    held = np.zeros((len(neighbours), topics))
    rows = np.broadcast_to(np.arange(len(neighbours))[:, None], neighbours.shape)
    np.add.at(held, (rows[valid], theirs[valid]), np.maximum(weights[valid], 0))
    return _shares(held).astype(np.float32)


def chosen(shares: Floats, main: Labels) -> Memberships:
    """The topics of papers from their shares, with the main topic given."""
    found = Memberships(np.full((len(main), TOPICS), -1, np.int32), np.zeros((len(main), TOPICS), np.float32))
    _fill(found, slice(0, len(main)), shares.astype(np.float64), main)
    return found


def of_text(
    levels: Sequence[Labels], neighbours: Positions, weights: NDArray[np.floating[Any]]
) -> list[list[tuple[int, float]]]:
    """The topics of one text.

    Args:
        levels: main topics of all papers, coarsest level first.
        neighbours: (k,) the papers it is most related to.
        weights: (k,) how strongly.

    Returns:
        for each level up to three (topic number, strength), strongest first; none where the neighbours disagree.
        The main topic of a level lies within that of the level above.
    """
    found: list[list[tuple[int, float]]] = []
    inside: NDArray[np.bool_] | None = None
    for labels in levels:
        topics = int(labels.max(initial=-1)) + 1
        shares = placed(labels, neighbours[None, :VOTERS], weights[None, :VOTERS], topics)[0]
        within = shares if inside is None else np.where(_below(labels, inside, topics), shares, 0)
        main = int(within.argmax()) if topics else -1
        if topics == 0 or within[main] < AGREED:
            found.extend([] for _ in range(len(levels) - len(found)))
            break
        one = chosen(shares[None, :], np.array([main], np.int32))
        pairs = zip(one.topics[0].tolist(), one.strengths[0].tolist(), strict=True)
        found.append([(topic, strength) for topic, strength in pairs if topic >= 0])
        inside = labels == main
    return found


def _below(labels: Labels, inside: NDArray[np.bool_], topics: int) -> NDArray[np.bool_]:
    """(topics,) which topics have papers within a coarser one."""
    here = np.zeros(topics, np.bool_)
    members = labels[inside]
    here[members[members >= 0]] = True
    return here


def _shares(held: NDArray[np.float64]) -> NDArray[np.float64]:
    total = held.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(held, total, out=np.zeros_like(held), where=total > 0)
    return shares


def _fill(found: Memberships, rows: slice, shares: NDArray[np.float64], main: Labels) -> None:
    """The main topic and up to two others, which are never said to be stronger than it."""
    count, topics = shares.shape
    own = shares[np.arange(count), main]
    # a paper without neighbours is where it was put, but nothing speaks for it
    found.topics[rows, 0] = main
    found.strengths[rows, 0] = own
    rest = shares.copy()
    rest[np.arange(count), main] = 0
    for rank in range(1, min(TOPICS, topics)):
        best = rest.argmax(axis=1)
        value = rest[np.arange(count), best]
        counts = value >= SECOND
        found.topics[rows, rank] = np.where(counts, best, -1)
        found.strengths[rows, rank] = np.where(counts, np.minimum(value, own), 0)
        rest[np.arange(count), best] = 0
