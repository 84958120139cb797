"""Documents → the arrays of a lexical index, without tokenising what an earlier index already holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import length_hint
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.index.lexical_arrays import LexicalArrays, Rows, invert
from recsys.index.terms import TermEncoder, name_terms, pair_hashes, term_hashes, terms_version

Progress = Callable[[int, int], None]
Hashes = NDArray[np.uint64]

BLOCK_TERMS = 500_000  # stems gathered before they are counted: some 100 MB of working memory
PROGRESS_EVERY = 2_000  # documents
_MOST = np.iinfo(np.uint16).max


class Document(Protocol):
    """What :func:`build_arrays` reads of a document: :class:`recsys.index.lexical.LexicalDocument`."""

    @property
    def text(self) -> str:
        """Title and abstract."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the authors."""


def build_arrays(
    documents: Iterable[Document],
    previous: LexicalArrays | None,
    progress: Progress | None,
) -> LexicalArrays:
    """Index documents.

    Args:
        documents: the text and the authors' names of every paper, in the order of positions.
        previous: an earlier index made by the same rules; rows of papers that it holds are taken from it.
        progress: called now and then with (documents read, documents in all, 0 when not known).
    """
    known = _KnownRows(previous)
    fresh = _RowCollector()
    keys: list[int] = []
    sources: list[int] = []
    total = length_hint(documents)
    for done, document in enumerate(documents, 1):
        text, names = document.text, document.names
        key = document_key(text, names)
        source = known.find(key)
        keys.append(key)
        sources.append(known.count + fresh.add(text, names) if source is None else source)
        if progress and done % PROGRESS_EVERY == 0:
            progress(done, total)
    vocabulary, text_rows, name_rows = _merged(known, fresh)
    order = np.array(sources, np.int64)
    text_rows, name_rows = _taken(text_rows, order), _taken(name_rows, order)
    vocabulary, text_rows, name_rows = _compacted(vocabulary, text_rows, name_rows)
    running = np.concatenate([[0], np.cumsum(text_rows.counts, dtype=np.int64)])
    lengths = np.diff(running[text_rows.indptr]).astype(np.float32)
    average = float(lengths.mean(dtype=np.float64)) if running[-1] else 1.0
    if progress:
        progress(len(keys), len(keys))
    return LexicalArrays(
        vocabulary=vocabulary,
        text=text_rows,
        names=name_rows,
        lengths=lengths,
        average_length=average,
        keys=np.array(keys, np.uint64),
        inverted=invert(text_rows, name_rows, lengths, average, len(vocabulary)),
    )


def document_key(text: str, names: tuple[str, ...]) -> int:
    """64 bits that name a document's text and names, and the rules that make terms of them."""
    parts = "\0".join([terms_version(), text, *names])
    digest = hashlib.blake2b(parts.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class _KnownRows:
    """The rows of an earlier index by the key of what they were made from."""

    def __init__(self, previous: LexicalArrays | None) -> None:
        self.previous = previous
        self.count = 0 if previous is None else len(previous.keys)
        keys = [] if previous is None else previous.keys.tolist()
        self._row_of_key = {key: row for row, key in enumerate(keys)}

    def find(self, key: int) -> int | None:
        return self._row_of_key.get(key)


class _RowCollector:
    """Counts the terms of documents, a block at a time."""

    def __init__(self) -> None:
        self.count = 0
        self._encoder = TermEncoder()
        self._stems: list[int] = []
        self._stem_counts: list[int] = []
        self._text_blocks: list[tuple[Hashes, Rows]] = []
        self._name_hashes = lru_cache(maxsize=200_000)(_name_hashes)
        self._names: list[Hashes] = []

    def add(self, text: str, names: tuple[str, ...]) -> int:
        """Count one document; returns how many came before it."""
        stems = self._encoder.encode(text)
        self._stems += stems
        self._stem_counts.append(len(stems))
        self._names.append(
            np.unique(np.concatenate([self._name_hashes(name) for name in names]))
            if names
            else np.empty(0, np.uint64)
        )
        if len(self._stems) >= BLOCK_TERMS:
            self._close_block()
        self.count += 1
        return self.count - 1

    def blocks(self) -> tuple[list[tuple[Hashes, Rows]], tuple[Hashes, Rows]]:
        """(vocabulary, rows over it): of the texts in consecutive blocks, and of the names of all documents."""
        self._close_block()
        counts = np.fromiter((len(hashes) for hashes in self._names), np.int64, len(self._names))
        hashes = np.concatenate([np.empty(0, np.uint64), *self._names])
        vocabulary, ids = np.unique(hashes, return_inverse=True)
        ones = np.ones(len(ids), np.uint16)
        return self._text_blocks, (vocabulary, Rows(_indptr(counts), ids.astype(np.int32), ones))

    def _close_block(self) -> None:
        if self._stem_counts:
            stems = np.array(self._stems, np.int64)
            counts = np.array(self._stem_counts, np.int64)
            self._text_blocks.append(_counted(self._encoder.stem_hashes(), stems, counts))
        self._stems, self._stem_counts = [], []


def _name_hashes(name: str) -> Hashes:
    return term_hashes(name_terms(name))


def _indptr(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _counted(
    hash_of_stem: Hashes, stems: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[Hashes, Rows]:
    """Count the stems and the pairs of neighbouring stems of each document of a block.

    Args:
        hash_of_stem: by the stem's number.
        stems: the documents' stems, one document after the other.
        lengths: how many stems each document has.

    Returns:
        The block's vocabulary, ascending, and the documents' rows over it.
    """
    document = np.repeat(np.arange(len(lengths)), lengths)
    single = hash_of_stem[stems]
    together = document[1:] == document[:-1]
    paired = pair_hashes(single[:-1][together], single[1:][together])
    vocabulary, ids = np.unique(np.concatenate([single, paired]), return_inverse=True)
    entries = np.concatenate([document, document[1:][together]]) * len(vocabulary) + ids
    entries, counts = np.unique(entries, return_counts=True)
    owners, ids = np.divmod(entries, max(len(vocabulary), 1))
    indptr = _indptr(np.bincount(owners, minlength=len(lengths)))
    return vocabulary, Rows(indptr, ids.astype(np.int32), np.minimum(counts, _MOST).astype(np.uint16))


def _merged(known: _KnownRows, fresh: _RowCollector) -> tuple[Hashes, Rows, Rows]:
    """Known rows, then fresh ones, over one vocabulary."""
    text_blocks, name_block = fresh.blocks()
    name_blocks = [name_block]
    if known.previous is not None:
        old = known.previous
        text_blocks.insert(0, (old.vocabulary, old.text))
        name_blocks.insert(0, (old.vocabulary, old.names))
    # stable: the parts are sorted already, and this sort merges sorted runs
    vocabulary = np.sort(np.concatenate([block[0] for block in (*text_blocks, name_block)]), kind="stable")
    if len(vocabulary):
        vocabulary = vocabulary[np.concatenate([[True], vocabulary[1:] != vocabulary[:-1]])]
    return vocabulary, _stacked(text_blocks, vocabulary), _stacked(name_blocks, vocabulary)


def _stacked(blocks: list[tuple[Hashes, Rows]], vocabulary: Hashes) -> Rows:
    """The rows of all blocks under one another, their ids those of ``vocabulary``."""
    ids = [np.searchsorted(vocabulary, own).astype(np.int32)[rows.ids] for own, rows in blocks]
    counts = [np.diff(rows.indptr) for _, rows in blocks]
    empty = np.empty(0, np.int32), np.empty(0, np.uint16), np.empty(0, np.int64)
    return Rows(
        _indptr(np.concatenate([empty[2], *counts])),
        np.concatenate([empty[0], *ids]),
        np.concatenate([empty[1], *(rows.counts for _, rows in blocks)]),
    )


def _taken(rows: Rows, order: NDArray[np.int64]) -> Rows:
    """These rows in this order."""
    if len(order) == len(rows) and np.array_equal(order, np.arange(len(rows))):
        return rows
    starts, counts = rows.indptr[order], np.diff(rows.indptr)[order]
    indptr = _indptr(counts)
    entries = np.repeat(starts - indptr[:-1], counts) + np.arange(indptr[-1])
    return Rows(indptr, rows.ids[entries], rows.counts[entries])


def _compacted(vocabulary: Hashes, text: Rows, names: Rows) -> tuple[Hashes, Rows, Rows]:
    """Without the terms that no row has any more."""
    used = np.zeros(len(vocabulary), bool)
    used[text.ids] = True
    used[names.ids] = True
    if used.all():
        return vocabulary, text, names
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return (
        vocabulary[used],
        Rows(text.indptr, number[text.ids], text.counts),
        Rows(names.indptr, number[names.ids], names.counts),
    )
