"""Every paper's related papers, computed once, so that a widget's answer is a look-up.

What is kept for a paper is what :func:`recsys.recommend.related.rank` gives for it, so a look-up and a computed
answer agree. When a corpus grows a little, rows of papers that are still there are kept, and the new papers are put
into the rows that they belong to; the score of a kept entry is then as old as its row.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.recommend.ranking import Floats, Positions
from recsys.recommend.related import DECIMALS, POOL, Indexes, Ranked, paper_query, score

NONE = -1
_BLOCK = 1024  # papers whose candidates are found together

Lists = tuple[int, Positions, Floats]  # first position, (b, k) positions padded with -1, (b, k) scores


class Table(Protocol):
    """Rows of related papers, best first, such as :class:`recsys.index.neighbours.Neighbours`.

    ``positions`` is (n, k) int32 with :data:`NONE` where there are fewer than k, ``scores`` (n, k) float32, and
    ``pairs`` (n, k, 2) uint8, the numbers of the best matching sentences.
    """

    @property
    def positions(self) -> NDArray[np.int32]: ...  # noqa: D102
    @property
    def scores(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def pairs(self) -> NDArray[np.uint8]: ...  # noqa: D102


def look_up(table: Table, position: int) -> Ranked:
    """The related papers of one paper, best first."""
    found = table.positions[position]
    count = int(np.count_nonzero(found != NONE))
    return Ranked(
        found[:count].astype(np.int64),
        np.asarray(table.scores[position, :count], np.float64).round(DECIMALS),
        table.pairs[position, :count].astype(np.int64),
        np.zeros(count, np.float32),
        np.zeros(count, np.int64),
    )


def compute(
    indexes: Indexes,
    works: NDArray[np.int32],
    lexical: Callable[[int], Iterator[Lists]],
    found: Table,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Fill in all papers' neighbours.

    Args:
        indexes: the corpus.
        works: (n,) versions of one work share a number; below 0 a paper has no other version.
        lexical: gives every paper's lexically nearest others, in blocks and in order, for a number of them.
        found: rows for every paper; all are written.
        progress: called with papers done and papers in all.
    """
    total = len(indexes)
    for start, by_words, _ in lexical(POOL):
        for first in range(0, len(by_words), _BLOCK):
            rows = np.arange(start + first, start + min(first + _BLOCK, len(by_words)))
            by_vector, _ = indexes.dense.search(indexes.dense.rows(rows), min(POOL + 1, total))
            lists = np.concatenate([by_words[first : first + len(rows)], by_vector], axis=1)
            # one thread: with two, each scoring small arrays, Python's lock costs more than the second core gives
            _fill(indexes, works, found, rows, lists)
            progress(int(rows[-1]) + 1, total)


def extend(
    indexes: Indexes,
    works: NDArray[np.int32],
    found: Table,
    *,
    previous: Table,
    kept: Positions,
) -> None:
    """Fill in the neighbours of a corpus most of which is in ``previous``.

    Args:
        indexes: the corpus as it is now.
        works: (n,) as in :func:`compute`.
        found: rows for every paper, all empty yet.
        previous: rows of the corpus as it was.
        kept: (n,) position in ``previous`` of every paper, -1 for a new one.
    """
    old = np.flatnonzero(kept >= 0)
    moved = np.full(len(previous.positions) + 1, NONE, np.int32)  # the last one stands for NONE itself
    moved[kept[old]] = old
    for start in range(0, len(old), _BLOCK * 8):
        here = old[start : start + _BLOCK * 8]
        there = kept[here]
        positions = moved[previous.positions[there]]
        # those that are gone leave no gap: a stable sort by "is gone" moves the others up
        order = np.argsort(positions == NONE, axis=1, kind="stable")
        found.positions[here] = np.take_along_axis(positions, order, axis=1)
        found.scores[here] = np.take_along_axis(previous.scores[there], order, axis=1)
        found.pairs[here] = np.take_along_axis(previous.pairs[there], order[:, :, None], axis=1)
    lost = old[
        (previous.positions[kept[old]] != NONE).sum(axis=1) != (found.positions[old] != NONE).sum(axis=1)
    ]
    fresh = np.flatnonzero(kept < 0)
    redo = np.union1d(fresh, lost)
    pools = _fill_alone(indexes, works, found, redo)
    _insert(indexes, works, found, {int(row): pools[int(row)] for row in fresh}, set(redo.tolist()))


def _fill_alone(
    indexes: Indexes, works: NDArray[np.int32], found: Table, rows: Positions
) -> dict[int, Positions]:
    """Find and score the candidates of some papers, each by itself; returns the candidates."""
    pools = {}
    for row in rows.tolist():
        query = paper_query(indexes, row)
        by_words, _ = indexes.lexical.search(query.lexical, POOL + 1)
        by_vector, _ = indexes.dense.search(query.vector[None], min(POOL + 1, len(indexes)))
        pools[row] = np.unique(np.concatenate([by_words, by_vector[0]]))
        _fill(indexes, works, found, np.array([row]), pools[row][None])
    return pools


def _fill(
    indexes: Indexes, works: NDArray[np.int32], found: Table, rows: Positions, lists: Positions
) -> None:
    """Score the candidates of some papers and keep the best."""
    for row, candidates in zip(rows, lists, strict=True):
        pool = _others(np.unique(candidates[candidates >= 0]), int(row), works)
        ranked = score(indexes, paper_query(indexes, int(row)), pool)
        _put(found, int(row), _ordered(ranked))


def _insert(
    indexes: Indexes,
    works: NDArray[np.int32],
    found: Table,
    pools: Mapping[int, Positions],
    complete: Container[int],
) -> None:
    """Put new papers into the rows of the old papers that are among their candidates.

    Args:
        indexes: the corpus.
        works: (n,) as in :func:`compute`.
        found: the rows.
        pools: the candidates of each new paper.
        complete: rows that need nothing more.
    """
    wanted: dict[int, list[int]] = {}
    for paper, candidates in pools.items():
        for neighbour in candidates[candidates >= 0].tolist():
            if neighbour not in complete:
                wanted.setdefault(neighbour, []).append(paper)
    for row, papers in wanted.items():
        before = look_up(found, row)
        added = score(indexes, paper_query(indexes, row), _others(np.array(papers), row, works))
        _put(found, row, _ordered(_joined([before, added])))


def _others(candidates: Positions, row: int, works: NDArray[np.int32]) -> Positions:
    """The candidates without the paper itself and other versions of it."""
    same = candidates == row
    if works[row] >= 0:
        same |= works[candidates] == works[row]
    others: Positions = candidates[~same]
    return others


def _put(found: Table, row: int, ranked: Ranked) -> None:
    ranked = ranked[: found.positions.shape[1]]
    count = len(ranked)
    found.positions[row, :count] = ranked.positions
    found.positions[row, count:] = NONE
    found.scores[row, :count] = ranked.scores
    found.pairs[row, :count] = ranked.pairs.clip(0, 255)


def _ordered(ranked: Ranked) -> Ranked:
    return ranked[np.lexsort((ranked.positions, -ranked.scores))]


def _joined(parts: Sequence[Ranked]) -> Ranked:
    return Ranked(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.pairs for part in parts]),
        np.concatenate([part.best for part in parts]),
        np.concatenate([part.query for part in parts]),
    )
