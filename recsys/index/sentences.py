"""Sentence vectors of every paper, and how the sentences of two texts match.

Rows are signed bytes, read through a memory map: only the papers that are compared reach memory. A row's direction
is all that counts, so a similarity is the product with the bytes divided by the row's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DamagedSnapshot

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]
Positions = NDArray[np.int64]

ROWS, LENGTHS, OFFSETS = "rows.npy", "lengths.npy", "offsets.npy"
LEVELS = 127
TOP = 3  # best-matched sentences of the query that count once more; see `Alignment.score`
_BLOCK = 65_536  # rows handled at a time while building


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the sentences of a query match those of m papers.

    Attributes:
        score: (m,) float32 in [-1, 1]. With b the best similarity of each query sentence to a sentence of the paper
            and c the best of each of the paper's sentences to one of the query:
            ``(mean(b) + mean(c)) / 4 + mean(three highest b) / 2``.
        pairs: (m, 2) int64, the best matching pair: number of the query's sentence, number of the paper's.
        best: (m,) float32, that pair's similarity.
    """

    score: Floats
    pairs: Positions
    best: Floats


class SentenceIndex:
    """The sentences of n papers, known by the papers' positions; a paper's sentences are numbered from 0.

    Args:
        rows: (u, d) int8, row directions.
        lengths: (u,) float32, the rows' Euclidean lengths.
        offsets: (n + 1,) int64; the sentences of paper i are rows ``offsets[i]:offsets[i + 1]``.
    """

    def __init__(self, rows: Bytes, lengths: Floats, offsets: Positions) -> None:
        self._rows = rows
        self._lengths = lengths
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, position: int) -> Floats:
        """(s, d) unit vectors of one paper's sentences."""
        start, end = self.offsets[position : position + 2]
        unit: Floats = np.asarray(self._rows[start:end], np.float32) / self._lengths[start:end, None]
        return unit

    def align(self, query: Floats, positions: Positions) -> Alignment:
        """Match the sentences of a query with those of some papers.

        Args:
            query: (q, d) unit vectors of the query's sentences.
            positions: (m,) papers; each of them has a sentence.
        """
        counts = self.offsets[positions + 1] - self.offsets[positions]
        filled = counts > 0
        if not len(query) or not filled.all():
            return self._align_some(query, positions, filled)
        rows = _ranges(self.offsets[positions], self.offsets[positions + 1])
        similarity = query @ self._rows[rows].astype(np.float32).T
        similarity /= self._lengths[rows]
        starts = np.cumsum(counts) - counts
        of_query = np.maximum.reduceat(similarity, starts, axis=1)
        column_best = similarity.max(axis=0)
        top = of_query if len(query) <= TOP else np.partition(of_query, len(query) - TOP, axis=0)[-TOP:]
        from_paper = np.add.reduceat(column_best, starts) / counts
        score = (of_query.mean(axis=0) + from_paper) / 4 + top.mean(axis=0) / 2
        best = np.maximum.reduceat(column_best, starts)
        winners = np.flatnonzero(column_best == np.repeat(best, counts))
        columns = winners[np.searchsorted(winners, starts)]
        pairs = np.stack([similarity[:, columns].argmax(axis=0), columns - starts], axis=1)
        return Alignment(score.astype(np.float32), pairs.astype(np.int64), best)

    def _align_some(self, query: Floats, positions: Positions, filled: NDArray[np.bool_]) -> Alignment:
        """Papers without a sentence, or a query without one, match nothing: score 0 and the pair (-1, -1)."""
        score = np.zeros(len(positions), np.float32)
        pairs = np.full((len(positions), 2), -1, np.int64)
        best = np.zeros(len(positions), np.float32)
        if len(query) and filled.any():
            found = self.align(query, positions[filled])
            score[filled], pairs[filled], best[filled] = found.score, found.pairs, found.best
        return Alignment(score, pairs, best)

    def save(self, folder: Path) -> None:
        """Write the index into a folder that does not exist yet."""
        folder.mkdir()
        for name, array in ((ROWS, self._rows), (LENGTHS, self._lengths), (OFFSETS, self.offsets)):
            np.save(folder / name, array)


def build_sentences(
    rows: Bytes,
    offsets: Positions,
    centre: Floats,
    *,
    previous: SentenceIndex | None = None,
    kept: Positions | None = None,
) -> SentenceIndex:
    """Index sentence vectors, measured from the centre of them all.

    Args:
        rows: (u, d) int8 as embedded: directions, not yet centred.
        offsets: (n + 1,) where each paper's rows are.
        centre: (d,) mean of the corpus's unit sentence vectors, see :func:`sentence_centre`.
        previous: an index over the same centre that has some of the papers already.
        kept: (n,) position in ``previous`` of each paper, -1 where it is not there; a paper that is there has no
            rows among ``rows``.
    """
    fresh = np.empty(rows.shape, np.int8)
    lengths = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = unit(rows[start : start + _BLOCK].astype(np.float32))
        fresh[start : start + _BLOCK], lengths[start : start + _BLOCK] = _packed(unit(block - centre))
    if previous is None or kept is None:
        return SentenceIndex(fresh, lengths, offsets)
    return _merged(previous, kept, SentenceIndex(fresh, lengths, offsets))


def _merged(previous: SentenceIndex, kept: Positions, fresh: SentenceIndex) -> SentenceIndex:
    old = kept >= 0
    counts = np.diff(fresh.offsets)
    counts[old] = np.diff(previous.offsets)[kept[old]]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rows = np.empty((int(offsets[-1]), fresh._rows.shape[1]), np.int8)
    lengths = np.empty(len(rows), np.float32)
    for source, here, there in (
        (previous, np.flatnonzero(old), kept[old]),
        (fresh, np.flatnonzero(~old), np.flatnonzero(~old)),
    ):
        to = _ranges(offsets[here], offsets[here + 1])
        origin = _ranges(source.offsets[there], source.offsets[there + 1])
        rows[to] = source._rows[origin]
        lengths[to] = source._lengths[origin]
    return SentenceIndex(rows, lengths, offsets)


def load_sentences(folder: Path) -> SentenceIndex:
    """Open an index; its rows stay on the disk until they are compared.

    Raises:
        DamagedSnapshot: the files do not belong together.
    """
    rows = np.load(folder / ROWS, mmap_mode="r")
    lengths, offsets = np.load(folder / LENGTHS), np.load(folder / OFFSETS)
    if len(rows) != len(lengths) or offsets[-1] != len(rows):
        raise DamagedSnapshot(
            f"{folder} has {len(rows)} rows, {len(lengths)} lengths and offsets up to {offsets[-1]}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        )
    return SentenceIndex(rows, lengths, offsets)


def sentence_centre(rows: Bytes) -> Floats:
    """(d,) mean of the unit vectors of all sentences."""
    total = np.zeros(rows.shape[1], np.float64)
    for start in range(0, len(rows), _BLOCK):
        total += unit(rows[start : start + _BLOCK].astype(np.float32)).sum(axis=0)
    return (total / max(1, len(rows))).astype(np.float32)


def unit(rows: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths: Floats = np.linalg.norm(rows, axis=-1, keepdims=True).astype(np.float32)
    lengths[lengths == 0] = 1
    return rows / lengths


def _packed(rows: Floats) -> tuple[Bytes, Floats]:
    """Rows as bytes, each scaled so that its largest number is 127, and the bytes' Euclidean lengths."""
    largest = np.abs(rows).max(axis=1, keepdims=True)
    packed = np.rint(rows * (LEVELS / np.where(largest > 0, largest, 1))).astype(np.int8)
    lengths: Floats = np.linalg.norm(packed.astype(np.float32), axis=1).astype(np.float32)
    lengths[lengths == 0] = 1
    return packed, lengths


def _ranges(starts: Positions, ends: Positions) -> Positions:
    """All numbers of the half-open ranges, one range after the other."""
    counts = ends - starts
    ahead = np.cumsum(counts) - counts
    numbers: Positions = np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(starts - ahead, counts)
    return numbers
