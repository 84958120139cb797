"""Papers like these: candidates from two sides, then one score that fuses what speaks for each.

A candidate is among the nearest by vector or by words. Its score is

    alignment of sentences + w * BM25 similarity + AUTHOR * (an author is shared)

with w from LEXICAL for a few words to twice that for an abstract, whose BM25 similarities are smaller. The first
two are near 0 for papers that have nothing in common, and near 1 for the same paper. Every part is absolute: it
does not depend on which other candidates there are, so scores of different queries can be compared, and a paper's
neighbours can be computed beforehand. docs/evaluation.md tells what the weights were chosen on.

The parts, and why these:
    sentences  mean of the contextual vectors of a sentence's tokens, matched best to best (as in Aspire,
               doi:10.18653/v1/2022.naacl-main.331), measured from the corpus's centre;
    lexical    BM25 (doi:10.1561/1500000019) with the query's own score as the unit;
    author     the strongest single sign of a citation, and kept small so that it only orders near equals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.recommend.ranking import Floats, Mask, Positions, Searchable, nearest

Method = Literal["dense", "lexical", "fused", "reranked"]
METHODS: tuple[Method, ...] = ("dense", "lexical", "fused", "reranked")

LEXICAL = 1.25
LONG = 100  # terms of a query from which on its lexical weight is doubled
AUTHOR = 0.1
NEGATIVE = 0.5  # of the likeness to the nearest negative paper is taken off
POOL = 64  # candidates from each side, or twice as many as are wanted
#: Names the score: neighbours stored under another name are of no use.
RANKING = f"1:{LEXICAL}:{LONG}:{AUTHOR}:{POOL}"
MANY = 500  # positions to rank among, times 4, up to which all of them are scored
DECIMALS = 6  # of a score; equal ones stand by position, so that arithmetic in another order changes nothing


class Aligned(Protocol):
    """How sentences match, such as :class:`recsys.index.sentences.Alignment`: arrays over m candidates."""

    @property
    def score(self) -> Floats: ...  # noqa: D102
    @property
    def pairs(self) -> Positions: ...  # noqa: D102
    @property
    def best(self) -> Floats: ...  # noqa: D102


class Sentences(Protocol):
    """Sentence vectors of n papers, such as :class:`recsys.index.sentences.SentenceIndex`."""

    def of(self, position: int) -> Floats:
        """(s, d) unit vectors of one paper's sentences."""
        ...

    def align(self, query: Floats, positions: Positions) -> Aligned:
        """The query's sentences against those of some papers."""
        ...


class Lexical(Protocol):
    """Words of n papers, such as :class:`recsys.index.lexical.LexicalIndex`."""

    def query(self, text: str) -> Any:
        """A text as the query."""
        ...

    def document_query(self, position: int) -> Any:
        """A paper as the query."""
        ...

    def terms(self, query: Any) -> int:
        """How many terms a query has, as far as the corpus knows them."""
        ...

    def similarity(self, query: Any, positions: Positions) -> Floats:
        """(m,) similarities in [0, 1]."""
        ...

    def search(self, query: Any, k: int, allowed: Mask | None = None) -> tuple[Positions, Floats]:
        """The k most similar papers."""
        ...

    def shared_terms(self, query_text: str, document_text: str, n: int = 3) -> list[str]:
        """The rarest terms of both texts, as the second writes them."""
        ...

    def holding_all(self, text: str, positions: Positions) -> Mask:
        """Which papers have every word of a text."""
        ...

    def name_matches(self, text: str) -> Positions:
        """Papers by the authors that a short text names."""
        ...


class Dense(Searchable, Protocol):
    """Vectors of n papers, such as :class:`recsys.index.dense.DenseIndex`."""

    def rows(self, positions: Positions) -> Floats:
        """(m, d) vectors of some papers."""
        ...


@dataclass(frozen=True, slots=True)
class AuthorTable:
    """Who wrote what, as numbers: authors of paper i are ``codes[offsets[i]:offsets[i + 1]]``."""

    offsets: Positions
    codes: NDArray[np.int32]

    def of(self, position: int) -> NDArray[np.int32]:
        """The authors of one paper."""
        start, end = self.offsets[position : position + 2]
        return self.codes[start:end]

    def shared(self, authors: NDArray[np.int32], positions: Positions) -> Mask:
        """(m,) whether a paper has one of these authors."""
        counts = self.offsets[positions + 1] - self.offsets[positions]
        owner = np.repeat(np.arange(len(positions)), counts)
        first = np.repeat(self.offsets[positions] - (np.cumsum(counts) - counts), counts)
        theirs = self.codes[first + np.arange(len(owner))]
        hits = owner[np.isin(theirs, authors)]
        return np.bincount(hits, minlength=len(positions)) > 0


@dataclass(frozen=True, slots=True)
class Indexes:
    """What is searched: four views of the same papers, by position."""

    dense: Dense
    lexical: Lexical
    sentences: Sentences
    authors: AuthorTable

    def __len__(self) -> int:
        return len(self.dense)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked with: a paper or a text.

    Attributes:
        vector: (d,) unit vector, measured from the corpus's centre.
        sentences: (s, d) likewise.
        lexical: made by the lexical index.
        authors: codes of its authors, none for a text.
    """

    vector: Floats
    sentences: Floats
    lexical: Any
    authors: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates with their scores, best first; arrays over m candidates.

    Attributes:
        positions: (m,).
        scores: (m,) float64, rounded.
        pairs: (m, 2) the best matching sentences, (-1, -1) where sentences were not compared.
        best: (m,) similarity of that pair.
        query: (m,) which of several positive queries the pair is from.
    """

    positions: Positions
    scores: NDArray[np.float64]
    pairs: Positions
    best: Floats
    query: Positions

    def __getitem__(self, chosen: Positions | slice) -> Ranked:
        """Some of the candidates, in the order chosen."""
        return Ranked(
            self.positions[chosen],
            self.scores[chosen],
            self.pairs[chosen],
            self.best[chosen],
            self.query[chosen],
        )

    def __len__(self) -> int:
        return len(self.positions)


def paper_query(indexes: Indexes, position: int) -> Query:
    """A paper of the corpus as the query."""
    return Query(
        indexes.dense.rows(np.array([position]))[0],
        indexes.sentences.of(position),
        indexes.lexical.document_query(position),
        indexes.authors.of(position),
    )


def lexical_weight(terms: int) -> float:
    """What lexical similarity counts for a query of so many terms: from 1.25 to 2.5."""
    return LEXICAL * (1 + min(1.0, terms / LONG))


def candidates(
    indexes: Indexes,
    query: Query,
    k: int,
    *,
    allowed: Mask | None = None,
    excluded: Sequence[int] = (),
    method: Method = "reranked",
) -> Positions:
    """Positions, ascending, that are worth scoring when k papers are wanted.

    Args:
        indexes: the corpus.
        query: what is asked with.
        k: how many are wanted.
        allowed: (n,) False where a filter rules a paper out; None allows all.
        excluded: positions never to be returned.
        method: ``dense`` and ``lexical`` take their own side only.
    """
    pool = max(POOL, 2 * k)
    found = []
    if method != "lexical":
        found.append(nearest(indexes.dense, query.vector, pool, allowed=allowed, excluded=excluded)[0])
    if method != "dense":
        positions, _ = indexes.lexical.search(query.lexical, pool + len(excluded), allowed)
        found.append(positions)
    merged = np.unique(np.concatenate(found)).astype(np.int64)
    return merged[~np.isin(merged, np.asarray(excluded, np.int64))]


def score(
    indexes: Indexes,
    query: Query,
    positions: Positions,
    method: Method = "reranked",
    *,
    authors: bool = True,
) -> Ranked:
    """Score candidates, in the order given; ``authors`` tells whether shared ones count."""
    count = len(positions)
    pairs, best = np.full((count, 2), -1, np.int64), np.zeros(count, np.float32)
    total = np.zeros(count, np.float64)
    if method in ("dense", "fused"):
        total += indexes.dense.rows(positions) @ query.vector
    if method == "reranked":
        alignment = indexes.sentences.align(query.sentences, positions)
        total += alignment.score
        pairs, best = alignment.pairs, alignment.best
    if method == "lexical":
        total += indexes.lexical.similarity(query.lexical, positions)
    elif method != "dense":
        weight = lexical_weight(indexes.lexical.terms(query.lexical))
        total += weight * indexes.lexical.similarity(query.lexical, positions)
    if authors and method in ("fused", "reranked"):
        total += AUTHOR * indexes.authors.shared(query.authors, positions)
    return Ranked(positions, np.round(total, DECIMALS), pairs, best, np.zeros(count, np.int64))


def rank(
    indexes: Indexes,
    positive: Sequence[Query],
    negative: Sequence[Query] = (),
    *,
    k: int,
    allowed: Mask | None = None,
    excluded: Sequence[int] = (),
    among: Positions | None = None,
    method: Method = "reranked",
    authors: bool = True,
) -> Ranked:
    """The candidates for an answer of k papers, best first.

    With several positive papers a candidate's score is the mean of its highest and its mean score: one that is close
    to all stands before one that is close to a single one. Half of the score to the nearest negative paper, if
    above 0, is taken off.

    Args:
        indexes: the corpus.
        positive: what the answer should be like; at least one.
        negative: what it should not be like.
        k: how many are wanted.
        allowed: (n,) False where a filter rules a paper out.
        excluded: positions never to be returned.
        among: rank exactly these positions (``allowed`` and ``excluded`` still hold). Of very many, when few are
            wanted, only the candidates are scored, as for the whole corpus.
        method: what counts.
        authors: whether shared authors count.

    Returns:
        at least k candidates where there are as many; more than k, so that an order that is not by score alone has
        something to choose from.
    """
    if among is not None and len(among) > 4 * max(MANY, k):
        chosen = np.zeros(len(indexes), np.bool_)
        chosen[among] = True
        allowed, among = (chosen if allowed is None else chosen & allowed), None
    if among is None:
        pools = [
            candidates(indexes, query, k, allowed=allowed, excluded=excluded, method=method)
            for query in positive
        ]
        pool = pools[0] if len(pools) == 1 else np.unique(np.concatenate(pools))
    else:
        pool = np.unique(among)
        pool = pool[~np.isin(pool, np.asarray(excluded, np.int64))]
        pool = pool if allowed is None else pool[allowed[pool]]
    scored = [score(indexes, query, pool, method, authors=authors) for query in positive]
    found = scored[0]
    if len(scored) > 1:
        table = np.stack([one.scores for one in scored])
        closest = np.stack([one.best for one in scored]).argmax(axis=0)
        column = np.arange(len(pool))
        found = Ranked(
            pool,
            (table.max(axis=0) + table.mean(axis=0)) / 2,
            np.stack([one.pairs for one in scored])[closest, column],
            np.stack([one.best for one in scored])[closest, column],
            closest,
        )
    total = found.scores
    if negative:
        against = np.stack(
            [score(indexes, query, pool, method, authors=authors).scores for query in negative]
        ).max(axis=0)
        total = total - NEGATIVE * np.maximum(against, 0)
    total = np.round(total, DECIMALS)
    found = Ranked(found.positions, total, found.pairs, found.best, found.query)
    return found[np.lexsort((found.positions, -total))]
