"""What a snapshot holds: columns of facts and indexes over the same papers, aligned by position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from recsys.index.dense import DenseIndex, DenseParameters, Floats, load_dense
from recsys.index.lexical import LexicalIndex, load_lexical
from recsys.index.neighbours import Neighbours, load_neighbours
from recsys.index.sentences import SentenceIndex, load_sentences
from recsys.index.topics import TopicIndex, load_topics

PAPERS, FACETS, CENTRE, DENSE = "papers.json", "facets.npz", "centre.npz", "dense.faiss"
LEXICAL, SENTENCES, NEIGHBOURS, TOPICS = "lexical", "sentences", "neighbours", "topics"
COLUMNS = ("years", "venues", "works", "titles", "texts", "author_offsets", "author_codes")
NO_YEAR = 0
NO_WORK = -1
NO_VENUE = -1
_KEY_DIGITS = 16


def text_key(digest: str) -> int:
    """What a snapshot keeps of a text's SHA-256: its first 8 bytes."""
    return int(digest[:_KEY_DIGITS], 16)


@dataclass(frozen=True, slots=True)
class Facets:
    """What can be asked of a paper without the store; columns aligned by position.

    Attributes:
        ids: paper ids, ascending.
        years: (n,) int16, :data:`NO_YEAR` where unknown.
        venues: (n,) int32 positions in ``venue_names``, :data:`NO_VENUE` where unknown.
        venue_names: distinct venues.
        works: (n,) int32; versions of one work share a number, :data:`NO_WORK` where nothing tells.
        titles: (n,) uint64, :func:`recsys.records.title_key` of each title.
        texts: (n,) uint64, the first 8 bytes of the SHA-256 of each text as embedded: tells whether a paper has
            changed since.
        author_offsets: (n + 1,) int64; the authors of paper i are ``author_codes[offsets[i]:offsets[i + 1]]``.
        author_codes: int32, a number for each person.
    """

    ids: list[str]
    years: NDArray[np.int16]
    venues: NDArray[np.int32]
    venue_names: list[str]
    works: NDArray[np.int32]
    titles: NDArray[np.uint64]
    texts: NDArray[np.uint64]
    author_offsets: NDArray[np.int64]
    author_codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Centre:
    """What vectors are measured from: the means of a corpus's unit vectors, (d,) float32.

    Taken away, vectors tell papers of one science apart better (docs/evaluation.md). A small corpus has no centre of
    its own worth the name, so its mean counts less: ``n / (n + 100)``.

    Attributes:
        papers: of the papers' vectors.
        sentences: of the sentences' vectors.
    """

    papers: Floats
    sentences: Floats


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in a snapshot that answers questions, aligned by position."""

    facets: Facets
    centre: Centre
    dense: DenseIndex
    lexical: LexicalIndex
    sentences: SentenceIndex
    neighbours: Neighbours
    topics: TopicIndex

    def widths(self) -> set[int]:
        """The numbers of papers that the parts have; one number, unless they do not belong together."""
        facets = self.facets
        columns = (facets.ids, facets.years, facets.venues, facets.works, facets.titles, facets.texts)
        indexes = (self.dense, self.lexical, self.sentences, self.neighbours, self.topics)
        return {len(part) for part in (*columns, facets.author_offsets[1:], *indexes)}


def write_contents(path: Path, contents: Contents) -> None:
    """Write everything into an empty folder."""
    facets = contents.facets
    (path / PAPERS).write_bytes(orjson.dumps({"ids": facets.ids, "venues": facets.venue_names}))
    np.savez(path / FACETS, **{name: getattr(facets, name) for name in COLUMNS})
    np.savez(path / CENTRE, papers=contents.centre.papers, sentences=contents.centre.sentences)
    contents.dense.save(path / DENSE)
    contents.lexical.save(path / LEXICAL)
    contents.sentences.save(path / SENTENCES)
    contents.neighbours.save(path / NEIGHBOURS)
    contents.topics.save(path / TOPICS)


def read_contents(path: Path, dense: DenseParameters) -> Contents:
    """Open everything in a folder; large parts are mapped, and shared between processes.

    Raises:
        DamagedSnapshot, OSError, ValueError, KeyError, TypeError: files are missing or cannot be understood.
    """
    papers = orjson.loads((path / PAPERS).read_bytes())
    with np.load(path / FACETS) as columns:
        facets = Facets(
            ids=papers["ids"], venue_names=papers["venues"], **{name: columns[name] for name in COLUMNS}
        )
    with np.load(path / CENTRE) as means:
        centre = Centre(means["papers"], means["sentences"])
    return Contents(
        facets,
        centre,
        load_dense(path / DENSE, dense),
        load_lexical(path / LEXICAL),
        load_sentences(path / SENTENCES),
        load_neighbours(path / NEIGHBOURS),
        load_topics(path / TOPICS),
    )
