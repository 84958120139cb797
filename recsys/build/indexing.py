"""From a corpus and its vectors to everything that a snapshot holds.

A corpus that has grown a little since the snapshot before is not indexed anew: rows of papers that are still there
are taken over, measured from the same centre, and new papers are added to them. After a tenth of the corpus has
changed everything is computed again, so that nothing grows stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.build.corpus import Corpus
from recsys.build.topics import Indexed
from recsys.index.contents import Centre, Contents
from recsys.index.dense import build_dense
from recsys.index.lexical import LexicalDocument, build_lexical
from recsys.index.neighbours import no_neighbours
from recsys.index.sentences import build_sentences, sentence_centre, unit
from recsys.index.snapshot import Snapshot
from recsys.index.topics import TopicIndex
from recsys.recommend.neighbours import compute, extend
from recsys.recommend.related import RANKING, AuthorTable, Indexes
from recsys.store.vectors import VectorStore

SMALLEST_BASE = 2000  # a smaller corpus is indexed anew within seconds
MAY_CHANGE = 0.1  # share of the corpus that may change before everything is computed again
SHRINKAGE = 100  # papers at which a corpus's mean counts half

Progress = Callable[[str, int, int], None]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Base:
    """A snapshot to build on: ``kept`` is (n,) the position in it of every paper, -1 for new or changed ones."""

    snapshot: Snapshot
    kept: Positions


def base_for(corpus: Corpus, previous: Snapshot | None, model_key: str) -> Base | None:
    """What of ``previous`` can be taken over, or None if everything is to be computed anew."""
    if previous is None:
        return None
    if (previous.manifest.model.key, previous.manifest.ranking) != (model_key, RANKING):
        return None
    size = previous.manifest.base
    if size < SMALLEST_BASE:
        return None
    old = previous.facets
    kept = np.full(len(corpus.facets.ids), -1, np.int64)
    for position, paper_id in enumerate(corpus.facets.ids):
        there = previous.positions.get(paper_id)
        if there is not None and old.texts[there] == corpus.facets.texts[position]:
            kept[position] = there
    still = int(np.count_nonzero(kept >= 0))
    changed = abs(len(kept) - size) + (len(old.ids) - still)
    return Base(previous, kept) if changed <= MAY_CHANGE * size else None


def index_corpus(
    corpus: Corpus,
    vectors: VectorStore,
    model_key: str,
    base: Base | None,
    *,
    exact_limit: int,
    threads: int | None,
    topics: Callable[[Indexed], TopicIndex],
    progress: Progress = lambda _stage, _done, _total: None,
) -> Contents:
    """Index everything.

    Args:
        corpus: the papers; all their texts have vectors.
        vectors: where those are.
        model_key: the model that made them.
        base: from :func:`base_for`.
        exact_limit: see :func:`recsys.index.dense.build_dense`.
        threads: that may be used; None is every core.
        topics: finds the topics once the rest is indexed, see :func:`recsys.build.topics.find_topics`.
        progress: called with what is being done, how much of it is done, and how much there is.
    """
    count = len(corpus.facets.ids)
    kept = np.full(count, -1, np.int64) if base is None else base.kept
    before = None if base is None else base.snapshot.contents
    fresh = np.flatnonzero(kept < 0)
    hashes = [corpus.text_hashes[position] for position in fresh]
    rows = vectors.load(model_key, hashes)
    sentence_rows, sentence_offsets = vectors.load_sentences(model_key, hashes)
    if before is None:
        share = count / (count + SHRINKAGE)
        mean = rows.mean(axis=0) if count else np.zeros(rows.shape[1], np.float32)
        centre = Centre(mean * np.float32(share), sentence_centre(sentence_rows) * np.float32(share))
    else:
        centre = before.centre
    rows -= centre.papers
    rows = unit(rows)
    all_rows = rows
    if before is not None:
        all_rows = np.empty((count, before.dense.parameters.dimension), np.float32)
        all_rows[kept >= 0] = before.dense.rows(kept[kept >= 0])
        all_rows[fresh] = rows
    progress("Dense index", 0, count)
    dense = build_dense(
        all_rows,
        exact_limit=exact_limit,
        threads=threads,
        previous=None if before is None else before.dense,
        kept=kept,
    )
    del rows, all_rows
    sentences = build_sentences(
        sentence_rows,
        _spread(sentence_offsets, fresh, count),
        centre.sentences,
        previous=None if before is None else before.sentences,
        kept=kept,
    )
    del sentence_rows
    lexical = build_lexical(
        _documents(corpus),
        previous=None if before is None else before.lexical,
        progress=lambda done, _total: progress("Words", done, count),
    )
    corpus.release()
    authors = AuthorTable(corpus.facets.author_offsets, corpus.facets.author_codes)
    indexes = Indexes(dense, lexical, sentences, authors)
    found = no_neighbours(count)
    if before is None:
        compute(
            indexes,
            corpus.facets.works,
            lambda k: lexical.nearest_all(k, threads=threads, progress=lambda _done, _total: None),
            found,
            progress=lambda done, total: progress("Related papers", done, total),
        )
    else:
        extend(
            indexes,
            corpus.facets.works,
            found,
            previous=before.neighbours,
            kept=kept,
        )
    indexed = Indexed(corpus.facets, dense, lexical, found)
    return Contents(corpus.facets, centre, dense, lexical, sentences, found, topics(indexed))


def _documents(corpus: Corpus) -> Iterator[LexicalDocument]:
    for text, names in zip(corpus.texts, corpus.names, strict=True):
        yield LexicalDocument(text, names)


def _spread(offsets: Positions, fresh: Positions, count: int) -> Positions:
    """Offsets of some papers' rows as offsets of all papers', those that are not among them having none."""
    counts = np.zeros(count, np.int64)
    counts[fresh] = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
