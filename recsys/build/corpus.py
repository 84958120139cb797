"""The visible papers as a build sees them: columns read from the store in one order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recsys.embedding.models import Embedder, embedding_text, text_hash
from recsys.index.contents import COLUMNS, NO_VENUE, NO_WORK, NO_YEAR, Facets, text_key
from recsys.index.snapshot import FORMAT
from recsys.recommend.related import RANKING
from recsys.records import title_key
from recsys.store.papers import PaperStore, ScanRow
from recsys.topics.describe import Document

Names = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """The visible papers, by ascending id, as columns aligned by position.

    Attributes:
        facets: what snapshots keep of them.
        texts: as embedded.
        text_hashes: their SHA-256.
        names: of the authors, as printed.
    """

    facets: Facets
    texts: list[str]
    text_hashes: list[str]
    names: Names

    def release(self) -> None:
        """Let go of the texts and names, which nothing needs once the words are indexed: 1.5 kB a paper."""
        self.texts.clear()
        self.names.clear()

    def fingerprint(self, embedder: Embedder, exact_limit: int, topics: str) -> str:
        """SHA-256 over all that decides what a snapshot holds; ``topics``: what is asked of these."""
        digest = hashlib.sha256(f"{FORMAT}\0{RANKING}\0{embedder.key}\0{exact_limit}\0{topics}".encode())
        for name in COLUMNS:
            digest.update(getattr(self.facets, name).tobytes())
        names = ("\2".join(some) for some in self.names)
        for strings in (self.facets.ids, self.facets.venue_names, self.text_hashes, names):
            digest.update("\0".join(strings).encode() + b"\1")
        return digest.hexdigest()


def read_corpus(papers: PaperStore, embedder: Embedder) -> Corpus:
    """Read what is needed of all visible papers: about 1 kB of memory a paper."""
    rows: list[ScanRow] = []
    texts: list[str] = []
    for row in scan(papers):
        texts.append(text_of(row, embedder))
        rows.append(row)
    hashes = [text_hash(text) for text in texts]
    names, offsets, codes = _authors(papers, [row.id for row in rows])
    venues, venue_names = _coded([row.venue for row in rows], NO_VENUE)
    facets = Facets(
        ids=[row.id for row in rows],
        years=np.array([row.year or NO_YEAR for row in rows], np.int16),
        venues=venues,
        venue_names=venue_names,
        works=_coded([row.work_key for row in rows], NO_WORK)[0],
        titles=np.array([title_key(row.title) for row in rows], np.uint64),
        texts=np.array([text_key(text) for text in hashes], np.uint64),
        author_offsets=offsets,
        author_codes=codes,
    )
    return Corpus(facets, texts, hashes, names)


def scan(papers: PaperStore) -> Iterator[ScanRow]:
    """All visible papers by ascending id."""
    for batch in papers.scan():
        yield from batch


def documents_of(papers: PaperStore, ids: list[str]) -> list[Document]:
    """The texts of papers as topics are named by, in the order given; one that was hidden meanwhile is empty."""
    found = {row.id: Document(row.title, row.abstract, row.keywords) for row in scan(papers)}
    return [found.get(paper_id, Document("", None, ())) for paper_id in ids]


def text_of(row: ScanRow, embedder: Embedder) -> str:
    """The text that stands for a paper."""
    return embedding_text(embedder.spec, row.title, row.abstract, row.keywords)


def _authors(papers: PaperStore, ids: list[str]) -> tuple[Names, np.ndarray, np.ndarray]:
    """Names, and codes of people in rows of their own, for exactly these papers."""
    found = dict(papers.scan_authors())
    people: dict[str, int] = {}
    names: Names = []
    codes: list[int] = []
    offsets = [0]
    for paper_id in ids:
        slots = found.get(paper_id, ())
        names.append(tuple(name for name, _ in slots))
        codes.extend({people.setdefault(key, len(people)): None for _, key in slots})
        offsets.append(len(codes))
    return names, np.array(offsets, np.int64), np.array(codes, np.int32)


def _coded(values: list[str | None], none: int) -> tuple[np.ndarray, list[str]]:
    """A number for each distinct value, in order of appearance, and the values."""
    codes: dict[str, int] = {}
    column = [none if value is None else codes.setdefault(value, len(codes)) for value in values]
    return np.array(column, np.int32), list(codes)
