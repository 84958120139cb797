"""What a lexical index consists of: rows of terms by paper, lists of papers by term, and BM25's formula.

BM25 is scored as Lucene does: a term t that stands f times in a text of length l adds

    idf(t) · f / (f + k1 · (1 - b + b · l / average length)),     idf(t) = log(1 + (N - df + 0.5) / (df + 0.5))

(Kamphuis et al. 2020, doi:10.1007/978-3-030-45442-5_4, "Lucene (accurate)", which is bm25s's method "lucene").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

K1 = 1.2
B = 0.75
METHOD = "lucene"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The terms of every paper, compressed: paper p has the entries ``indptr[p]`` to ``indptr[p + 1]``.

    Attributes:
        indptr: (n + 1,) int64.
        ids: (entries,) int32 term ids, ascending and distinct within a paper.
        counts: (entries,) uint16, how often the term stands in the paper's text.
    """

    indptr: NDArray[np.int64]
    ids: NDArray[np.int32]
    counts: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True, slots=True, eq=False)
class LexicalArrays:
    """Everything in a lexical index; immutable, in memory or mapped from files.

    A term is known by its id: its rank among ``vocabulary``. Terms of texts and terms of names share the
    vocabulary and the inverted lists; papers' lengths and all statistics of text terms are of texts alone.

    Attributes:
        vocabulary: (v,) uint64 hashes of all terms, ascending.
        text: the text terms of every paper.
        names: the name terms of every paper; all counts are 1.
        lengths: (n,) float32, terms in the text of each paper, repeats counted.
        average_length: their mean; 1 where there is no paper with a term.
        keys: (n,) uint64, what each paper's rows were made from: equal keys, equal rows.
        inverted: a ``bm25s.BM25`` whose ``scores`` hold, for each term, its papers ascending and its weight there.
        frequencies: document frequencies of terms that were asked for; a cache, emptied when it is large.
    """

    vocabulary: NDArray[np.uint64]
    text: Rows
    names: Rows
    lengths: NDArray[np.float32]
    average_length: float
    keys: NDArray[np.uint64]
    inverted: Any
    frequencies: dict[str, int] = field(default_factory=dict)

    @property
    def list_indptr(self) -> NDArray[Any]:
        """(v + 1,): the inverted list of term t is at ``list_indptr[t]`` to ``list_indptr[t + 1]``."""
        indptr: NDArray[Any] = self.inverted.scores["indptr"]
        return indptr

    @property
    def list_papers(self) -> NDArray[np.int32]:
        """(entries,) int32 positions of papers, ascending within a term."""
        papers: NDArray[np.int32] = self.inverted.scores["indices"]
        return papers

    @property
    def list_weights(self) -> NDArray[np.float32]:
        """(entries,) float32 BM25 weights aligned with :attr:`list_papers`."""
        weights: NDArray[np.float32] = self.inverted.scores["data"]
        return weights

    def ids_of(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Term ids of hashes, (m,); -1 for a term that no paper has."""
        if len(self.vocabulary) == 0:
            return np.full(len(hashes), -1, np.int64)
        ids = np.searchsorted(self.vocabulary, hashes)
        ids[ids == len(self.vocabulary)] = 0
        return np.where(self.vocabulary[ids] == hashes, ids, -1)

    def document_frequency(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """In how many papers each term stands, (m,); 0 where the id is -1."""
        indptr = self.list_indptr
        if len(indptr) < 2:
            return np.zeros(len(ids), np.int64)
        return np.where(ids < 0, 0, indptr[ids + 1] - indptr[ids])

    def idf_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inverse document frequency of each term, (m,); the highest there is where the id is -1."""
        return inverse_document_frequency(self.document_frequency(ids), len(self.lengths))


def inverse_document_frequency(document_frequency: NDArray[np.int64], papers: int) -> NDArray[np.float32]:
    """BM25's idf of terms that stand in so many of so many papers."""
    df = document_frequency.astype(np.float64)
    return np.log1p((papers - df + 0.5) / (df + 0.5)).astype(np.float32)


def saturation(counts: NDArray[Any], lengths: ArrayLike, average_length: float) -> NDArray[np.float32]:
    """BM25's share of the idf that a term gets for standing ``counts`` times in a text of such a length.

    Args:
        counts: (m,) how often each term stands there.
        lengths: of the text, one for all or (m,) one for each.
        average_length: of all papers.
    """
    norm = np.float32(K1) * (
        np.float32(1 - B) + np.float32(B / average_length) * np.asarray(lengths, np.float32)
    )
    share = counts.astype(np.float32)
    share /= share + norm
    return share


def empty_inverted() -> Any:
    """A ``bm25s.BM25`` with this project's parameters and no scores yet."""
    import bm25s

    return bm25s.BM25(k1=K1, b=B, method=METHOD, dtype="float32", int_dtype="int32", backend="numpy")


def invert(text: Rows, names: Rows, lengths: NDArray[np.float32], average_length: float, terms: int) -> Any:
    """Weigh every term of every paper, and list the papers of every term.

    A name counts as once in a text of average length.

    Args:
        text: rows of text terms.
        names: rows of name terms; no term is in both.
        lengths: (n,) of the texts.
        average_length: their mean.
        terms: size of the vocabulary.

    Returns:
        A ``bm25s.BM25`` that holds the lists.
    """
    from scipy import sparse

    df = np.bincount(text.ids, minlength=terms) + np.bincount(names.ids, minlength=terms)
    idf = inverse_document_frequency(df, len(text))
    weights = saturation(text.counts, np.repeat(lengths, np.diff(text.indptr)), average_length)
    weights *= idf[text.ids]
    shape = (len(text), terms)
    rows = sparse.csr_matrix((weights, text.ids, text.indptr), shape=shape)
    if len(names.ids):
        weights = idf[names.ids] * saturation(names.counts, average_length, average_length)
        rows = rows + sparse.csr_matrix((weights, names.ids, names.indptr), shape=shape)
    columns = rows.tocsc()
    inverted = empty_inverted()
    inverted.scores = {
        "data": columns.data,
        "indices": columns.indices,
        "indptr": columns.indptr,
        "num_docs": len(text),
    }
    inverted.vocab_dict = {}
    inverted.nonoccurrence_array = None
    return inverted
