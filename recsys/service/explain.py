"""Why a paper is in an answer: the evidence, quoted from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsys.embedding.models import ModelSpec, text_hash
from recsys.embedding.passages import Passage, paper_passage, text_passage
from recsys.index.contents import text_key
from recsys.recommend.ranking import Floats
from recsys.records import Author, Match, Paper, Quote, Reason, SentenceMatch
from recsys.service.current import Opened

TERMS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that was asked with.

    Attributes:
        text: of the paper, or the pasted one.
        quotes: its sentences as embedded.
        vectors: (s, d) theirs.
        paper: None for a pasted text.
    """

    text: str
    quotes: Sequence[Quote]
    vectors: Floats
    paper: Paper | None = None


def asked_text(text: str, vectors: Floats) -> Asked:
    """A pasted text."""
    return Asked(text, quotes(text_passage(text)), vectors)


def asked_paper(paper: Paper, spec: ModelSpec, vectors: Floats) -> Asked:
    """A paper."""
    passage = passage_of(paper, spec)
    return Asked(passage.text, quotes(passage), vectors, paper)


def passage_of(paper: Paper, spec: ModelSpec) -> Passage:
    """A paper's text and sentences."""
    return paper_passage(spec, paper.title, paper.abstract, paper.keywords)


def quotes(passage: Passage) -> list[Quote]:
    """A passage's sentences as they stand in it."""
    return [
        Quote(passage.text[s.at : s.at + s.end - s.start], s.field, s.start, s.end) for s in passage.sentences
    ]


def reason(opened: Opened, asked: Asked, paper: Paper, pair: tuple[int, int]) -> Reason:
    """The evidence for one paper.

    Args:
        opened: the snapshot that answered.
        asked: what it was compared with.
        paper: the answer.
        pair: numbers of the sentences that match best, or (-1, -1).
    """
    passage = passage_of(paper, opened.embedder.spec)
    known = author_keys(asked.paper.authors) if asked.paper else set()
    shared = [author.name for author in paper.authors if author_key(author) in known]
    return Reason(
        sentences=_match(opened, asked, paper, passage, pair),
        terms=tuple(opened.indexes.lexical.shared_terms(asked.text, passage.text, TERMS)),
        authors=tuple(dict.fromkeys(shared)),
    )


def matched(why: Reason, match: Match) -> Reason:
    """The reason with an exact match said; what a name was compared with sentence by sentence means nothing."""
    return replace(why, match=match, sentences=None if match == "author" else why.sentences)


def author_key(author: Author) -> tuple[str, str]:
    """Equal for one explicit id, or else one name."""
    return ("id", author.id) if author.id else ("name", author.name)


def author_keys(authors: Sequence[Author]) -> set[tuple[str, str]]:
    """The keys of some authors."""
    return {author_key(author) for author in authors}


def _match(
    opened: Opened, asked: Asked, paper: Paper, passage: Passage, pair: tuple[int, int]
) -> SentenceMatch | None:
    """The matching sentences; None when the paper's text is another than when the snapshot was made."""
    facets, mine, theirs = opened.snapshot.facets, *pair
    position = opened.snapshot.positions[paper.id]
    if int(facets.texts[position]) != text_key(text_hash(passage.text)):
        return None
    found = quotes(passage)
    vectors = opened.indexes.sentences.of(position)
    # another count of sentences: they were cut by other rules than today's
    if (len(asked.quotes), len(found)) != (len(asked.vectors), len(vectors)):
        return None
    if not (0 <= mine < len(asked.quotes) and 0 <= theirs < len(found)):
        return None
    similarity = float(np.clip(asked.vectors[mine] @ vectors[theirs], -1, 1))
    return SentenceMatch(
        asked.quotes[mine],
        found[theirs],
        round(similarity, 4),
        asked.paper.id if asked.paper else None,
    )
