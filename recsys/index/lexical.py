"""Papers that use the same words: BM25 over stems, pairs of neighbouring stems and authors' names.

A paper is known by its position, the same as in the dense index. Raw BM25 cannot be compared between queries, so
every score is divided by the one that the query would have with itself: 1 is "all of the query's words, as dense
as in the query". Terms of a query are counted once (a binary query), which measured as well as weighting them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.index.lexical_arrays import LexicalArrays, saturation
from recsys.index.lexical_build import build_arrays
from recsys.index.lexical_files import load_arrays, save_arrays
from recsys.index.lexical_nearest import nearest_blocks
from recsys.index.lexical_shared import shared_terms
from recsys.index.terms import name_words, term_hashes, text_terms

__all__ = ["LexicalDocument", "LexicalIndex", "LexicalQuery", "build_lexical", "load_lexical"]

Positions = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

NAME_QUERY_WORDS = 12  # a longer query is a text, and a name in it is not what is looked for
NAME_WINDOW = 5  # words of the longest name looked for
_SIEVE = 1 << 16  # a table that stays in the processor's cache


@dataclass(frozen=True, slots=True)
class LexicalDocument:
    """What is indexed of a paper.

    Attributes:
        text: title and abstract.
        names: of its authors, as printed.
    """

    text: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LexicalQuery:
    """A text to compare papers with.

    Attributes:
        ids: (m,) int64 ids of its distinct terms that some paper has, ascending.
        norm: the BM25 score that the query, as a document, would have with itself; its unknown terms included,
            with the idf of a term that no paper has. 0 only where the text has no term.
    """

    ids: NDArray[np.int64]
    norm: float


class LexicalIndex:
    """A searchable set of papers. Immutable; safe to share between threads."""

    def __init__(self, arrays: LexicalArrays) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays.lengths)

    def query(self, text: str) -> LexicalQuery:
        """Make a query of pasted text. Its words are looked for in papers' texts, never among names."""
        hashes, counts = np.unique(term_hashes(text_terms(text)), return_counts=True)
        ids = self._arrays.ids_of(hashes)  # ascending where known, as the hashes are
        return LexicalQuery(ids[ids >= 0], self._own_score(ids, counts, float(counts.sum())))

    def document_query(self, position: int) -> LexicalQuery:
        """Make a query of a paper of this index."""
        rows = self._arrays.text
        row = slice(rows.indptr[position], rows.indptr[position + 1])
        ids = rows.ids[row].astype(np.int64)
        return LexicalQuery(
            ids, self._own_score(ids, rows.counts[row], float(self._arrays.lengths[position]))
        )

    def _own_score(self, ids: NDArray[np.int64], counts: NDArray[np.integer], length: float) -> float:
        share = saturation(counts, length, self._arrays.average_length)
        return float(self._arrays.idf_of(ids) @ share)

    def similarity(self, query: LexicalQuery, positions: Positions) -> Floats:
        """How much of the query each of some papers has.

        Returns:
            (m,) float32 in [0, 1], aligned with positions: BM25 of the query and the paper, over the query's norm,
            at most 1.
        """
        scores = np.zeros(len(positions), np.float32)
        if len(positions) == 0 or len(query.ids) == 0:
            return scores
        rows = self._arrays.text
        starts, stops = rows.indptr[positions], rows.indptr[positions + 1]
        ids = np.concatenate(
            [rows.ids[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)],
        )
        at, term = _members(ids, query.ids)
        ends = np.cumsum(stops - starts)
        owner = np.repeat(np.arange(len(positions)), np.diff(np.searchsorted(at, ends), prepend=0))
        counts = rows.counts[at + (stops - ends)[owner]]
        weights = self._arrays.idf_of(query.ids)[term]
        weights *= saturation(counts, self._arrays.lengths[positions[owner]], self._arrays.average_length)
        scores[:] = np.bincount(owner, weights, minlength=len(positions))
        return _similarities(scores, query)

    def terms(self, query: LexicalQuery) -> int:
        """How many terms a query has, words and pairs of words, as far as the corpus knows them."""
        return len(query.ids)

    def search(self, query: LexicalQuery, k: int, allowed: Mask | None = None) -> tuple[Positions, Floats]:
        """Find the papers that have most of the query.

        Args:
            query: of this index.
            k: how many to find.
            allowed: (n,) True where a paper may be returned; None allows all.

        Returns:
            positions: (at most k,) int64, best first, equal scores by ascending position, also where k cuts.
            similarities: float32 aligned with positions, as :meth:`similarity` gives them, all above 0.
        """
        if len(query.ids) == 0 or k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores: Floats = self._arrays.inverted.get_scores_from_ids(query.ids)
        if allowed is not None:
            scores[~allowed] = 0.0
        positions = _best(scores, k)
        return positions, _similarities(scores[positions], query)

    def nearest_all(
        self, k: int, *, threads: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
        """Find, for every paper, the others that have most of its terms.

        Args:
            k: how many for each.
            threads: None for as many as this process may use.
            progress: called after every block with (papers done, papers in all).

        Yields:
            The position of the block's first paper, (b, k) int64 positions, best first and -1 where there are
            fewer, and (b, k) float32 similarities aligned with them, 0 at -1. Equal scores stand in ascending
            position, but which of several equals at rank k are left out is not defined.
        """
        for start, positions, similarities in nearest_blocks(self._arrays, k, threads):
            yield start, positions, similarities
            if progress:
                progress(start + len(positions), len(self))

    def shared_terms(self, query_text: str, document_text: str, n: int = 3) -> list[str]:
        """The rarest words and phrases that two texts share, rarest first, as written in ``document_text``.

        What stands in more than 2 % of the papers is not rare (from 200 papers on).
        """
        return shared_terms(self._arrays, query_text, document_text, n)

    def name_matches(self, text: str) -> Positions:
        """Papers by an author whose name stands in a short query.

        Args:
            text: "jason weston", "Weston, Jason", "papers by Jason Weston on dialogue"; or one word, a surname, unless
                more papers speak of it ("Moses") than are by people of that name.

        Returns:
            Their positions, ascending; none for a query of more than :data:`NAME_QUERY_WORDS` words.
        """
        words = name_words(text)
        if not words or len(words) > NAME_QUERY_WORDS:
            return np.empty(0, np.int64)
        names = [f"@@{words[0]}"] if len(words) == 1 else _windows(words)
        family, comma, given = text.partition(",")
        if comma:
            names += _windows(name_words(given) + name_words(family))
        ids = self._arrays.ids_of(term_hashes(names))
        indptr, papers = self._arrays.list_indptr, self._arrays.list_papers
        found = [papers[indptr[term] : indptr[term + 1]] for term in ids[ids >= 0].tolist()]
        positions = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
        if len(words) == 1 and len(positions) < self._frequency(text):
            return positions[:0]
        return positions

    def _frequency(self, word: str) -> int:
        """In how many papers a word stands, the names of their authors aside."""
        ids = self._arrays.ids_of(term_hashes(text_terms(word)[:1]))
        return int(self._arrays.document_frequency(ids).max(initial=0))

    def holding_all(self, text: str, positions: Positions) -> NDArray[np.bool_]:
        """(m,) which papers have every word of a text, stop words aside; none if a word stands in no paper."""
        stems = list(dict.fromkeys(term for term in text_terms(text) if " " not in term))
        ids = self._arrays.ids_of(term_hashes(stems))
        if not len(ids) or (ids < 0).any():
            return np.zeros(len(positions), np.bool_)
        rows = (self.document_query(int(position)).ids for position in positions)
        return np.array([bool(np.isin(ids, row).all()) for row in rows], np.bool_)

    def counts(self) -> Any:
        """(n, v) scipy CSR matrix: how often each term of the texts stands in each paper."""
        from scipy import sparse

        rows = self._arrays.text
        shape = (len(rows), len(self._arrays.vocabulary))
        return sparse.csr_matrix((rows.counts, rows.ids, rows.indptr), shape=shape)

    def idf(self, terms: Sequence[str]) -> Floats:
        """Inverse document frequency of terms as :func:`~recsys.index.terms.text_terms` gives them, (m,)."""
        return self._arrays.idf_of(self._arrays.ids_of(term_hashes(terms)))

    def save(self, folder: Path) -> None:
        """Write the index into ``folder``, which must not exist yet."""
        save_arrays(self._arrays, folder)


def build_lexical(
    documents: Iterable[LexicalDocument],
    *,
    previous: LexicalIndex | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LexicalIndex:
    """Index papers.

    Args:
        documents: in the order of their positions; read once.
        previous: an earlier index: papers that it holds unchanged are not tokenised again. The result is the same.
        progress: called now and then with (papers read, papers in all or 0 where ``documents`` cannot tell).
    """
    arrays = None if previous is None else previous._arrays
    return LexicalIndex(build_arrays(documents, arrays, progress))


def load_lexical(folder: Path) -> LexicalIndex:
    """Open an index written by :meth:`LexicalIndex.save`; its pages are mapped, and shared between processes.

    Raises:
        DamagedSnapshot: a file is missing, cannot be read, or does not fit the others.
    """
    return LexicalIndex(load_arrays(folder))


def _members(
    ids: NDArray[np.int32], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where ``ids`` holds one of the ascending ``wanted``, and which. A small table rules most of them out."""
    sieve = np.zeros(_SIEVE, np.bool_)
    sieve[wanted & (_SIEVE - 1)] = True
    at = np.flatnonzero(sieve[ids & (_SIEVE - 1)])
    found = ids[at]
    which = np.minimum(np.searchsorted(wanted, found), len(wanted) - 1)
    same = wanted[which] == found
    return at[same], which[same]


def _best(scores: Floats, k: int) -> Positions:
    """Positions of the k highest scores above 0, best first, equals by ascending position."""
    # most papers have 0, which partition is slow with
    candidates = np.flatnonzero(scores)
    found = scores[candidates]
    if k < len(candidates):
        kept = found >= np.partition(found, len(found) - k)[len(found) - k]
        candidates, found = candidates[kept], found[kept]
    order = np.lexsort((candidates, -found))
    return candidates[order[:k]]


def _similarities(scores: Floats, query: LexicalQuery) -> Floats:
    similarities: Floats = scores / np.float32(query.norm)
    return np.minimum(similarities, np.float32(1), out=similarities)


def _windows(words: Sequence[str]) -> list[str]:
    """Every run of two to :data:`NAME_WINDOW` words, as a full name's term."""
    return [
        "@" + " ".join(words[start : start + width])
        for width in range(2, NAME_WINDOW + 1)
        for start in range(len(words) - width + 1)
    ]
